"""The Reconstruct Anything Model, compact or the authors': a network for every problem."""

import math

import deepinv as dinv
import torch
from deepinv.models.ram import (
    BaseEncBlock,
    InHead,
    OutTail,
    downsample_strideconv,
    upsample_convtranspose,
)
from torch import nn

from ..physics.facts import unit_scale
from ..physics.noise import noise_parameter
from ..physics.normal import FACTORS, StackedScales, margin_after
from ..support.checkpoints import published_path
from ..support.checks import check_known
from .drunet import BLOCKS, WIDTHS, heads_and_tails, in_float32
from .embeddings import (
    EmbeddedResBlock,
    EmbeddingBlock,
    KrylovBlock,
    LightKrylovBlock,
    joined,
)
from .reconstructor import LearnedReconstructor, per_image
from .weights import choose, load_weights, published

CHANNELS = (1, 2, 3)
SCALES = tuple(range(len(FACTORS)))
# The steps of the paper's ablation, from a network that sees A^T y alone to RAM.
VARIANTS = ("base", "prox", "prox_y", "krylov")
# The authors' network with the paper's weight of super-resolution.
WITH_FACTOR = "with_factor"
# RAM whose blocks see the measurements at half the resolution only.
SCALE2 = "scale2"
# The networks of the ablation are smaller and are trained on photographs only. Those of
# SINGLE are trained on one task each.
SMALL = {"channels": (1, 3), "widths": (16, 24, 48, 64), "blocks": 2}
SINGLE = ("inpainting", "deblurring", "sr")
# Networks of other widths than SMALL, otherwise as "krylov" of the ablation.
SIZES = {"narrow": (8, 12, 24, 32), "wide": (24, 36, 72, 96)}
SIZED = ("narrow",)  # those with bundled weights
# The authors' checkpoint, as deepinv names it, and the size of its network.
PUBLISHED = "ram.pth.tar"
AUTHORS = {"widths": (64, 128, 256, 512), "blocks": 4}
# Order of the images that an embedding encodes, C channels each, in the checkpoint: y and
# A^T A y, then z and A^T A z for each of two images. Here both z come first.
ENCODED = (0, 1, 2, 4, 3, 5)
# Gain of the embeddings before training. It is small enough to keep the denoiser that
# RAM starts from, and large enough for gradients to flow.
KRYLOV_GAIN = 0.01
# a and p before training. The step after the network has the weight a snr^p, about the
# mean square error of a reconstruction divided by that of its noise.
STEP_WEIGHT, STEP_POWER = 0.002, 2.0


class RAM(LearnedReconstructor):
    """Reconstruct Anything Model.

    Terris, Hurault, Song, Tachella, "Reconstruct Anything Model: a lightweight
    general model for computational imaging", ICLR 2026 (arXiv 2503.08915). The network
    is a bias-free DRUNet. Its input is a proximal step from A^T y. Its residual blocks
    see the Krylov embeddings of A at their own scale. Coarse operators are computed on
    the coarse grids (`physics/normal.py`). The size of a compact DRUNet is the default.
    `PublishedRAM` is the authors' network. The suite's own networks differ from it in
    these points:

    * Every constant is relative to A^T y. Hence f(a y, a sigma, a gain) = a f(y, sigma,
      gain) for any a, without rescaling dark inputs.
    * The noise level in the proximal weight includes the Poisson part.
    * Down-sampling by f is scaled to unit norm: A and y are multiplied by f. The
      proximal step then has the paper's weight f^2, which deepinv omits, and starts
      from f^2 A^T y.
    * The bundled network `ram` is `light`. At full resolution only the block after the
      last up-sampling has an embedding, of fewer convolutions (`LightKrylovBlock`). A
      second proximal step, from the network's result, ends the reconstruction.
    * Sides that are not multiples of 8 are padded by replication after the proximal
      step, at the bottom and the right.

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
    rectified_first : bool
        Whether embeddings are multiplied by their gains after the last rectification
        instead of before it.

    Attributes
    ----------
    border : str
        How the margins of the network's input are filled, a mode of torch's `pad`.

    Raises
    ------
    ValueError
        If the variant is not known, or if `light` is set for another than "krylov".
    """

    border = "replicate"

    def __init__(
        self,
        channels=CHANNELS,
        widths=WIDTHS,
        blocks=BLOCKS,
        variant="krylov",
        light=False,
        scales=SCALES,
        rectified_first=False,
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
                EmbeddedResBlock(width, heads, kind, rectified_first)
                for kind in kinds(scale, up)
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
            The network's input, with margins.
        context : dict of int to tensor (B, kC, H'/s, W'/s)
            For each scale s whose blocks see the measurements, their images of y.
        """
        inputs = super().inputs(y, physics, sigma, gain)
        x, operators = inputs.adjoint, inputs.operators
        operators.margins = [self.margin(n) for n in x.shape[2:]]
        start = x if self.variant == "base" else self.proximal_step(inputs)
        start = operators.framed(start, self.border)
        maps = [
            per_image(v).expand(-1, 1, *start.shape[2:])
            for v in (inputs.sigma, inputs.gain)
        ]
        start = torch.cat((start, *maps), 1)
        context = {}
        for scale in self.scales:
            images = [operators.down(x, scale)]
            if scale > 0 or not self.light:
                images.append(operators.normal(images[0], scale))
            context[scale] = joined(images, x.dtype)
        return inputs, start, context

    def margin(self, n):
        """The pixels before and after a side of n pixels that the network adds."""
        return margin_after(n)

    def proximal_step(self, inputs):
        """argmin over u of w |A u - y|^2 + |u - f^2 A^T y|^2, with learned weight w."""
        operators = inputs.operators
        snr = self.signal_to_noise(inputs) * operators.weight
        weight = per_image((self.eta / (1e-4 + 1 / snr)).clamp_min(1e-8))
        return self.prox(operators, inputs.adjoint, inputs.y, weight)

    def prox(self, operators, z, y, weight):
        """argmin over u of weight |A u - y|^2 + |u - z|^2."""
        return operators.prox(z, y, weight)

    def signal_to_noise(self, inputs):
        """Mean brightness of A^T y over the noise's standard deviation, (B,)."""
        x = inputs.adjoint
        # The floor avoids 0/0 for a zero image.
        tiny = torch.finfo(x.dtype).tiny
        return x.abs().flatten(1).mean(1) / inputs.noise.clamp_min(tiny)

    def last_step(self, inputs, x):
        """argmin over u of a snr^p |A u - y|^2 + |u - x|^2, with a and p learned."""
        if self.step is None:
            return x
        log_weight, power = self.step[self.channels.index(x.shape[1])]
        # The ratio of a zero image is 0, which has no logarithm.
        log_snr = self.signal_to_noise(inputs).clamp_min(1e-3).log()
        weight = per_image((log_weight + power * log_snr).exp())
        with torch.autocast(x.device.type, enabled=False):
            return self.prox(inputs.operators, x.float(), inputs.y, weight)

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
        x = inputs[0].operators.unframed(self.backbone(start, physics, context))
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


class PublishedRAM(RAM):
    """The authors' network, with the constants of deepinv's class.

    For the same parameters the result is that of `deepinv.models.RAM`, up to rounding.
    The constants are for images in [0, 1]. Measurements whose largest value is small are
    divided by it. Margins are zero, at the top and the left. With margins deepinv hides
    the closed form of a proximal operator and takes conjugate gradients, which may stop
    early. They are repeated here.

    Parameters
    ----------
    with_factor : bool
        Whether the proximal step of down-sampling by f has the weight f^2, which it has
        in the paper and in the authors' code. deepinv 0.5 looks for the factor in a
        wrapper that has none, so the weight is one.
    widths, blocks, channels
        As in `RAM`.
    """

    border = "constant"
    # Least levels of the noise.
    SIGMA, GAIN = 5e-3, 1e-4
    # Measurements below this value are dark.
    DARK = 5 * SIGMA
    # Sides become multiples of MULTIPLE, and at least LEAST.
    MULTIPLE, LEAST = 16, 64

    def __init__(
        self,
        with_factor=False,
        widths=AUTHORS["widths"],
        blocks=AUTHORS["blocks"],
        channels=CHANNELS,
    ):
        super().__init__(channels, widths, blocks, rectified_first=True)
        self.with_factor = with_factor

    def start_from_checkpoint(self, weights):
        """Copy the parameters of the authors' checkpoint.

        Some of its kernels are not copied, because no result depends on them.

        Parameters
        ----------
        weights : dict of str to tensor
            The state dict of a `deepinv.models.RAM`.

        Raises
        ------
        ValueError
            If a parameter is missing or has another shape.
        """
        own = {}
        for name, parameter in self.state_dict().items():
            source = "fact_realign" if name == "eta" else name
            if source not in weights:
                raise ValueError(f"{source} is missing")
            value = weights[source]
            if name.endswith(("convin.weight", "skip.weight")) and "encoding" in name:
                value = value.unflatten(1, (len(ENCODED), -1))[:, ENCODED].flatten(1, 2)
            if value.numel() != parameter.numel():
                shapes = tuple(value.shape), tuple(parameter.shape)
                raise ValueError(
                    f"{source} has the shape {shapes[0]} instead of {shapes[1]}"
                )
            own[name] = value.view_as(parameter)
        self.load_state_dict(own)

    def inputs(self, y, physics, sigma, gain):
        physics = physics or dinv.physics.Denoising(dinv.physics.ZeroNoise())
        peak = y.abs().flatten(1).amax(1)
        peak = torch.where(
            peak == 0, 1e-12, peak
        )  # a zero image is not divided by zero
        brightness = torch.where(peak > self.DARK, 1.0, peak)
        levels = [
            noise_parameter(physics, y, name, value) / brightness
            for name, value in (("sigma", sigma), ("gain", gain))
        ]
        y = y / brightness.view(-1, *[1] * (y.ndim - 1))
        found = super().inputs(y, physics, *levels)
        found[0].brightness = brightness
        return found

    def scale(self, physics):
        return 1

    def levels(self, physics, y, x, sigma, gain):
        sigma = sigma.clamp_min(self.SIGMA)
        return sigma, gain.clamp_min(self.GAIN), sigma + 1e-4

    def margin(self, n):
        return max(-n % self.MULTIPLE, self.LEAST - n), 0

    def signal_to_noise(self, inputs):
        snr = inputs.y.abs().flatten(1).mean(1) / inputs.noise
        return snr * unit_scale(inputs.operators.physics) if self.with_factor else snr

    def prox(self, operators, z, y, weight):
        physics = operators.physics
        if operators.aligned:
            return physics.prox_l2(z, y, weight)
        # Conjugate gradients that stop early end elsewhere without the margins.
        cropped = dinv.physics.PhysicsCropper(
            physics, [n for n, _ in operators.margins]
        )
        return operators.unframed(cropped.prox_l2(operators.framed(z), y, weight))

    def last_step(self, inputs, x):
        return per_image(inputs.brightness) * x


def load_published(with_factor=False):
    """The authors' network with their checkpoint, which deepinv downloads once."""
    path = published_path(PUBLISHED)
    if not path.exists():
        dinv.models.RAM()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    network = PublishedRAM(with_factor)
    network.start_from_checkpoint(weights)
    return network


def load_ram(weights, variant, solver):
    """Load the compact RAM, a network of its ablation, or the authors' network.

    Parameters
    ----------
    weights : {"bundled", "published"}
    variant : str
        "full" is RAM. "scale2" sees the measurements at one scale only and calls the
        operator less often. "with_factor" is the authors' network with the paper's weight of
        super-resolution (`PublishedRAM`), and exists with published weights only. A word
        of `VARIANTS` is a network of the ablation. A word of `SINGLE` ("inpainting",
        "deblurring", "sr") is a network of the ablation that was trained on this task
        only, a word of `SIZED` one of another width. The networks of the ablation are
        trained on photographs and exist with bundled weights only.
    solver : str
        Name of the solver, for error messages.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged, or a parameter is not known.
    """
    known = ("full", SCALE2, WITH_FACTOR, *VARIANTS, *SINGLE, *SIZED)
    check_known("variant", variant, known)

    def authors():
        return published(
            lambda: load_published(variant == WITH_FACTOR), solver, PUBLISHED
        )

    if variant == "full":
        return choose(
            weights,
            bundled=lambda: load_weights(RAM(light=True), "ram"),
            published=authors,
        )
    exists = "published" if variant == WITH_FACTOR else "bundled"
    if weights != exists:
        raise ValueError(
            f"variant={variant} has no {weights} weights: use weights={exists}, or "
            "variant=full."
        )
    if variant == SCALE2:
        return load_weights(RAM(light=True, scales=(1,)), f"ram_{SCALE2}")
    return authors() if variant == WITH_FACTOR else load_small(variant)


def load_small(variant):
    """A network of the ablation."""
    kind = variant if variant in VARIANTS else "krylov"
    widths = SIZES.get(variant, SMALL["widths"])
    network = RAM(variant=kind, **SMALL | {"widths": widths})
    return load_weights(network, f"ram_{variant}")
