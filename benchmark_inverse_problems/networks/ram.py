"""A compact Reconstruct Anything Model: one network for every linear problem."""

import math

import deepinv as dinv
import torch
from deepinv.models.ram import (
    BaseEncBlock,
    Heads,
    InHead,
    OutTail,
    Tails,
    downsample_strideconv,
    upsample_convtranspose,
)
from torch import nn
from torch.nn.functional import conv2d, pad, relu

from ..physics.normal import FACTORS, StackedScales
from ..support.checks import check_known
from .drunet import BLOCKS, WIDTHS, heads_and_tails, in_float32
from .reconstructor import LearnedReconstructor, per_image
from .weights import choose, load_weights, published

CHANNELS = (1, 2, 3)
SCALES = tuple(range(len(FACTORS)))
# The steps of the paper's ablation, from a network that sees A^T y alone to RAM.
VARIANTS = ("base", "prox", "prox_y", "krylov")
# The networks of the ablation are smaller and are trained on photographs only. Those of
# SINGLE are trained on one task each.
SMALL = {"channels": (1, 3), "widths": (16, 24, 48, 64), "blocks": 2}
SINGLE = ("inpainting", "deblurring", "sr")
# Networks of other widths than SMALL, otherwise as "krylov" of the ablation.
SIZES = {"narrow": (8, 12, 24, 32), "wide": (24, 36, 72, 96)}
# The authors' checkpoint, as deepinv names it.
PUBLISHED = "ram.pth.tar"
# Gain of the embeddings before training. It is small enough to keep the denoiser that
# RAM starts from, and large enough for gradients to flow.
KRYLOV_GAIN = 0.01
# a and p before training. The step after the network has the weight a snr^p, about the
# mean square error of a reconstruction divided by that of its noise.
STEP_WEIGHT, STEP_POWER = 0.002, 2.0


class EmbeddingBlock(nn.Module):
    """Features of 2C images: A_s^T y and A_s^T A_s A_s^T y.

    Each channel count has its own encoder, deepinv's `HeadBlock`.
    """

    images = 2

    def __init__(self, width, channels):
        super().__init__()
        self.encoding_conv = Heads(
            list(channels), width, bias=False, c_mult=self.images, skip_in=True
        )

    def forward(self, x, y, physics, img_channels, scale, gain):
        return self.encode([y], x.dtype, gain)

    def encode(self, images, dtype, gain):
        images = joined(images, dtype)
        index = self.encoding_conv.in_channels_list.index(images.shape[1])
        head = getattr(self.encoding_conv, f"head{index}")
        # A 1x1 and a 3x3 convolution of the same images are merged into one 3x3
        # convolution. Small convolutions cost more to call than to compute.
        images = conv2d(
            images, head.convin.weight + widen(head.zero_conv_skip), padding=1
        )
        hidden = relu(head.conv10(images), inplace=True)
        # A gain on the kernels costs less than one on the features.
        features = conv2d(hidden, gain * head.conv20.weight, padding=1)
        features += conv2d(images, gain * head.skipconv0.weight)
        return relu(features, inplace=True)


class KrylovBlock(EmbeddingBlock):
    """Features of y and of {z, A_s^T A_s z}, for two images z decoded from features.

    This is deepinv's `MeasCondBlock` with both images in one call of the operator.
    """

    images = 6

    def __init__(self, width, channels):
        super().__init__(width, channels)
        self.decoding_conv = Tails(width, list(channels), depth=1, bias=False, c_mult=2)
        for channel in range(len(channels)):
            # deepinv builds this convolution and never calls it.
            getattr(self.decoding_conv, f"tail{channel}").zero_conv_skip = None

    def forward(self, x, y, physics, img_channels, scale, gain):
        z = self.decoding_conv(x, img_channels)
        krylov = physics.normal(z, scale)
        return self.encode([y, z, krylov], z.dtype, gain)


class LightKrylovBlock(nn.Module):
    """Features of z, A^T A z and A^T y for one image z decoded from the features.

    It has two convolutions. `KrylovBlock` has six, which at full resolution cost more
    than the residual block that they are part of.
    """

    def __init__(self, width, channels):
        super().__init__()
        self.decoding_conv = OutTail(width, list(channels))
        self.encoding_conv = InHead([3 * c for c in channels], width)

    def forward(self, x, y, physics, img_channels, scale, gain):
        z = self.decoding_conv(x, img_channels)
        images = joined([y, z, physics.normal(z, scale)], z.dtype)
        index = self.encoding_conv.in_channels_list.index(images.shape[1])
        kernel = getattr(self.encoding_conv, f"conv{index}").weight
        return conv2d(images, gain * kernel, padding=1)


def joined(images, dtype):
    """Concatenate images along the channels, in the network's memory layout."""
    # Operators do not keep the layout, and mixed layouts double the cost.
    return torch.cat(
        [i.to(dtype, memory_format=torch.channels_last) for i in images], 1
    )


class EmbeddedResBlock(nn.Module):
    """deepinv's residual block, whose features stay in bfloat16 under autocast.

    `embedding` is the class of the block that sees the measurements, or None.
    """

    def __init__(self, width, channels, embedding):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.PhysicsBlock = None
        if embedding is not None:
            self.gain = nn.Parameter(torch.ones(1))
            self.PhysicsBlock = embedding(width, channels)

    def forward(self, x, physics, y, img_channels, scale):
        u = relu(self.conv1(x), inplace=True)
        residual = self.conv2(u)
        if self.PhysicsBlock is not None:
            residual += self.PhysicsBlock(u, y, physics, img_channels, scale, self.gain)
        return x + residual


def widen(convolution):
    """A 1x1 kernel as a 3x3 one."""
    return pad(convolution.weight, (1, 1, 1, 1))


class CompactRAM(LearnedReconstructor):
    """Reconstruct Anything Model with the widths of a compact DRUNet.

    Terris, Hurault, Song, Tachella, "Reconstruct Anything Model: a lightweight
    general model for computational imaging", ICLR 2026 (arXiv 2503.08915). The network
    is a bias-free DRUNet. Its input is a proximal step from A^T y. Its residual blocks
    see the Krylov embeddings of A at their own scale. The blocks are deepinv's. The
    network differs from deepinv's RAM in these points:

    * Every constant is relative to A^T y. Hence f(a y, a sigma, a gain) = a f(y, sigma,
      gain) for any a, without rescaling dark inputs.
    * The noise level in the proximal weight includes the Poisson part.
    * Down-sampling by f is scaled to unit norm: A and y are multiplied by f. The
      proximal step then has the paper's weight f^2, which deepinv omits, and starts
      from f^2 A^T y.
    * Coarse operators are computed on the coarse grids (`physics/normal.py`).
    * The bundled network `ram` is `light`. At full resolution only the block after the
      last up-sampling has an embedding, of fewer convolutions (`LightKrylovBlock`). A
      second proximal step, from the network's result, ends the reconstruction.
    * Sides that are not multiples of 8 are padded by replication after the proximal
      step, so that A is used as it is.

    Parameters
    ----------
    channels : tuple of int
        Channel counts that have heads and tails of their own.
    widths : tuple of 4 int
        Features at the four scales.
    blocks : int
        Residual blocks a stage.
    variant : {"base", "prox", "prox_y", "krylov"}
        What the network sees of the operator, as in the paper's ablation. The input of
        "base" is A^T y. The input of "prox" is a proximal step from there. "prox_y"
        adds the embeddings of y. "krylov" is all of RAM.
    light : bool
        Whether the full model has fewer embeddings at full resolution and a proximal
        step at the end, as described above.
    scales : tuple of int
        The scales whose blocks see the measurements, 0 to 3 for grids coarser by 1 to 8.

    Raises
    ------
    ValueError
        If the variant is not known, or if `light` is set for another than "krylov".
    """

    def __init__(
        self,
        channels=CHANNELS,
        widths=WIDTHS,
        blocks=BLOCKS,
        variant="krylov",
        light=False,
        scales=SCALES,
    ):
        super().__init__(channels)
        check_known("variant", variant, VARIANTS)
        if light and variant != "krylov":
            raise ValueError(f"variant={variant} is never light: use krylov.")
        self.variant = variant
        self.light = light
        heads = list(channels)
        embedding = {"krylov": KrylovBlock, "prox_y": EmbeddingBlock}.get(variant)
        self.scales = tuple(scales) if embedding else ()

        def kinds(scale, up):
            if scale not in self.scales:
                return [None] * blocks
            if light and scale == 0:
                return [
                    LightKrylovBlock if up and k == 0 else None for k in range(blocks)
                ]
            return [embedding] * blocks

        def stage(scale, up=False):
            width = widths[scale]
            encoder = BaseEncBlock(width, width, nb=0)
            encoder.enc.extend(
                EmbeddedResBlock(width, heads, kind) for kind in kinds(scale, up)
            )
            return encoder

        if variant != "base":
            self.eta = nn.Parameter(torch.ones(()))
        self.step = None
        if light:
            step = torch.tensor([math.log(STEP_WEIGHT), STEP_POWER])
            self.step = nn.Parameter(step.repeat(len(heads), 1))
        self.m_head = InHead([c + 2 for c in heads], widths[0])
        self.m_tail = OutTail(widths[0], heads)
        self.m_body = stage(3)
        for scale in range(3):
            narrow, wide = widths[scale : scale + 2]
            down = downsample_strideconv(narrow, wide, bias=False, mode="2")
            up = upsample_convtranspose(wide, narrow, bias=False, mode="2")
            setattr(self, f"m_down{scale + 1}", stage(scale))
            setattr(self, f"pool{scale + 1}", down)
            setattr(self, f"m_up{scale + 1}", stage(scale, up=True))
            setattr(self, f"up{scale + 1}", up)
        self.set_krylov_gain(KRYLOV_GAIN)

    def set_krylov_gain(self, value):
        """Set the learned gains of all embeddings."""
        for name, parameter in self.named_parameters():
            if name.endswith(".gain"):
                parameter.data.fill_(value)

    def start_from_denoiser(self, weights):
        """Copy the weights of a `MultiHeadDRUNet` with the same widths and blocks.

        For denoising the result equals that of the denoiser, up to the Krylov
        embeddings. Their gains are set to `KRYLOV_GAIN`. The head for two channels
        starts from the gray head, which both channels share.

        Parameters
        ----------
        weights : dict of str to tensor
            The denoiser's state dict.

        Raises
        ------
        ValueError
            If the weights are of a network with other blocks.
        """
        blocks = len(self.m_body.enc)
        names = {}
        for stage in ("m_body", *(f"m_{k}{n}" for k in ("down", "up") for n in "123")):
            # The denoiser's stages are flat lists of layers. An up-sampling convolution
            # is the first layer, a down-sampling convolution the last.
            up = stage.startswith("m_up")
            if up:
                names[f"{stage}.0.weight"] = f"up{stage[-1]}.weight"
            elif stage != "m_body":
                names[f"{stage}.{blocks}.weight"] = f"pool{stage[-1]}.weight"
            for block in range(blocks):
                for i in (0, 1):
                    name = f"{stage}.{block + up}.res.{2 * i}.weight"
                    names[name] = f"{stage}.enc.{block}.conv{i + 1}.weight"
        inner = {n for n in weights if not n.startswith(("m_head", "m_tail"))}
        if inner != set(names):
            raise ValueError(
                "These weights are not those of a DRUNet with "
                f"{blocks} blocks a stage: {sorted(inner ^ set(names))[0]} differs."
            )
        own = {names[name]: weights[name] for name in inner}
        heads, tails = heads_and_tails(weights)
        for i, channels in enumerate(self.channels):
            head = heads[channels]
            # RAM's input has a gain map after the sigma map; the denoiser's has none.
            head = torch.cat((head, torch.zeros_like(head[:, :1])), 1)
            own[f"m_head.conv{i}.weight"] = head
            own[f"m_tail.conv{i}.weight"] = tails[channels]
        self.load_state_dict(own, strict=False)
        self.set_krylov_gain(KRYLOV_GAIN)

    def inputs(self, y, physics, sigma, gain):
        """What the network needs of a problem.

        Returns
        -------
        inputs : Inputs
        start : tensor (B, C + 2, H', W')
            The network's input, padded to multiples of 8.
        context : dict of int to tensor (B, kC, H'/s, W'/s)
            For each scale s whose blocks see the measurements, their images of y.
        """
        inputs = super().inputs(y, physics, sigma, gain)
        x, operators = inputs.adjoint, inputs.operators
        start = x if self.variant == "base" else self.proximal_step(inputs)
        maps = [
            per_image(v).expand(-1, 1, *x.shape[2:])
            for v in (inputs.sigma, inputs.gain)
        ]
        border = [k for n in x.shape[:1:-1] for k in (0, -n % FACTORS[-1])]
        start = pad(torch.cat((start, *maps), 1), border, mode="replicate")
        context = {}
        for scale in self.scales:
            images = [operators.down(x, scale)]
            if scale > 0 or not self.light:
                images.append(operators.normal(images[0], scale))
            context[scale] = torch.cat(images, 1)
        return inputs, start, context

    def proximal_step(self, inputs):
        """argmin over u of w |A u - y|^2 + |u - f^2 A^T y|^2, with learned weight w."""
        operators = inputs.operators
        weight = self.eta / (1e-4 + 1 / (signal_to_noise(inputs) * operators.weight))
        weight = per_image(weight.clamp_min(1e-8))
        return operators.prox(inputs.adjoint, inputs.y, weight)

    def last_step(self, inputs, x):
        """argmin over u of a snr^p |A u - y|^2 + |u - x|^2, with a and p learned."""
        if self.step is None:
            return x
        log_weight, power = self.step[self.channels.index(x.shape[1])]
        # The ratio of a zero image is 0, which has no logarithm.
        log_snr = signal_to_noise(inputs).clamp_min(1e-3).log()
        weight = per_image((log_weight + power * log_snr).exp())
        with torch.autocast(x.device.type, enabled=False):
            return inputs.operators.prox(x.float(), inputs.y, weight)

    def solve(self, problems):
        """Run the network on several prepared problems whose images have one size.

        The problems form one batch, so that several tasks cost as much as one.

        Parameters
        ----------
        problems : list
            Results of `prepare`.

        Returns
        -------
        tensor
            The reconstructions, concatenated along the batch.
        """
        inputs, starts, contexts = zip(*problems, strict=True)
        sizes = [len(part) for part in inputs]
        if len(problems) == 1:
            start, physics, context = starts[0], inputs[0].operators, contexts[0]
        else:
            start = torch.cat(starts)
            physics = StackedScales([part.operators for part in inputs], sizes)
            context = {
                scale: torch.cat([part[scale] for part in contexts])
                for scale in self.scales
            }
        height, width = inputs[0].adjoint.shape[2:]
        x = self.backbone(start, physics, context)[..., :height, :width]
        steps = zip(inputs, x.split(sizes), strict=True)
        return torch.cat([self.last_step(*step) for step in steps])

    def backbone(self, start, physics, context):
        """The U-Net with its Krylov embeddings."""
        channels = start.shape[1] - 2

        def stage(name, x, scale):
            block = getattr(self, name)
            return block(x, physics, context.get(scale), channels, scale)

        x = in_float32(self.m_head, start.contiguous(memory_format=torch.channels_last))
        skips = [x]
        for scale in range(3):
            x = stage(f"m_down{scale + 1}", x, scale)
            x = getattr(self, f"pool{scale + 1}")(x)
            skips.append(x)
        x = stage("m_body", x, 3)
        for scale in (2, 1, 0):
            x = getattr(self, f"up{scale + 1}")(x + skips[scale + 1])
            x = stage(f"m_up{scale + 1}", x, scale)
        return in_float32(self.m_tail, x + skips[0], channels)


def signal_to_noise(inputs):
    """Mean brightness of A^T y over the noise's standard deviation, (B,)."""
    x = inputs.adjoint
    # The floor avoids 0/0 for a zero image.
    tiny = torch.finfo(x.dtype).tiny
    return x.abs().flatten(1).mean(1) / inputs.noise.clamp_min(tiny)


def load_ram(weights, variant, solver):
    """Load the compact RAM, a network of its ablation, or the authors' network.

    Parameters
    ----------
    weights : {"bundled", "published"}
    variant : str
        "full" is RAM. A word of `VARIANTS` is a network of the ablation. A word of
        `SINGLE` ("inpainting", "deblurring", "sr") is a network of the ablation that
        was trained on this task only. The networks of the ablation are trained on
        photographs and exist with bundled weights only.
    solver : str
        Name of the solver, for error messages.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged, or a parameter is not known.
    """
    if variant != "full":
        return choose(weights, bundled=lambda: load_small(variant))
    return choose(
        weights,
        bundled=lambda: load_weights(CompactRAM(light=True), "ram"),
        published=lambda: published(dinv.models.RAM, solver, PUBLISHED),
    )


def unsupported_precision(weights, precision):
    """Why RAM cannot run in a precision, or None if it can."""
    if (weights, precision) == ("published", "bfloat16"):
        return "runs the operator in bfloat16 too with published weights"
    return None


def load_small(variant):
    """A network of the ablation."""
    if variant not in VARIANTS + SINGLE:
        raise ValueError(
            f"variant={variant} is not known: use one of "
            f"{', '.join(('full', *VARIANTS, *SINGLE))}."
        )
    kind = variant if variant in VARIANTS else "krylov"
    return load_weights(CompactRAM(variant=kind, **SMALL), f"ram_{variant}")
