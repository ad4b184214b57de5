"""A compact Reconstruct Anything Model: one network for every linear problem."""

import deepinv as dinv
import torch
from deepinv.models.ram import (
    BaseEncBlock,
    InHead,
    MeasCondBlock,
    OutTail,
    ResBlock,
    downsample_strideconv,
    upsample_convtranspose,
)
from torch import nn
from torch.nn.functional import conv2d, pad, relu

from ..weights import choose, load_weights, published
from .drunet import BLOCKS, WIDTHS
from .multiscale import FACTORS, StackedScales, multiscale

CHANNELS = (1, 2, 3)
# The authors' checkpoint, as deepinv names it.
PUBLISHED = "ram.pth.tar"
# Relative to the largest measurement: RAM's 5e-3 for images in [0, 1].
SIGMA_FLOOR = 5e-3
# Learned gain of the Krylov embeddings before training: small enough to keep the
# denoiser that RAM starts from, large enough for gradients to flow.
KRYLOV_GAIN = 0.01


class KrylovBlock(MeasCondBlock):
    """Features of {z, A_s^T A_s z} for two images z decoded from the features.

    deepinv's block, with both images in one call of the operator.
    """

    def __init__(self, width, channels):
        super().__init__(
            width, list(channels), decode_upscale=1, N=2, depth_encoding=2, c_mult=2
        )
        for channel in range(len(channels)):
            # deepinv builds this convolution and never calls it.
            getattr(self.decoding_conv, f"tail{channel}").zero_conv_skip = None

    def forward(self, x, y, physics, img_channels, scale, gain):
        z = self.decoding_conv(x, img_channels)
        krylov = physics.normal(z, scale).to(z.dtype)
        images = torch.cat((y.to(z.dtype), z, krylov), 1)
        index = self.encoding_conv.in_channels_list.index(images.shape[1])
        head = getattr(self.encoding_conv, f"head{index}")
        # The encoder's five convolutions as three: a 1x1 kernel is the middle of a
        # 3x3 one, and a sum of convolutions is one of stacked channels. Small
        # convolutions cost more to call than to compute.
        images = conv2d(
            images, head.convin.weight + widen(head.zero_conv_skip), padding=1
        )
        hidden = relu(head.conv10(images), inplace=True)
        # A gain on the kernel costs less than one on the features.
        kernel = gain * torch.cat((head.conv20.weight, widen(head.skipconv0)), 1)
        features = conv2d(torch.cat((hidden, images), 1), kernel, padding=1)
        return relu(features, inplace=True)


class KrylovResBlock(ResBlock):
    """deepinv's residual block, whose features stay in bfloat16 under autocast."""

    def __init__(self, width, channels):
        super().__init__(
            width, width, bias=False, img_channels=list(channels), decode_upscale=1
        )
        self.PhysicsBlock = KrylovBlock(width, channels)

    def forward(self, x, physics, y, img_channels, scale):
        u = relu(self.conv1(x), inplace=True)
        embedding = self.PhysicsBlock(u, y, physics, img_channels, scale, self.gain)
        return x + self.conv2(u) + embedding


def widen(convolution):
    """A 1x1 kernel as a 3x3 one."""
    return pad(convolution.weight, (1, 1, 1, 1))


class CompactRAM(dinv.models.Reconstructor):
    """Reconstruct Anything Model with the widths of a compact DRUNet.

    Terris, Hurault, Song, Tachella, "Reconstruct Anything Model: a lightweight
    general model for computational imaging", ICLR 2026 (arXiv 2503.08915): a
    bias-free DRUNet whose input is a proximal step from A^T y, and whose residual
    blocks see the Krylov embeddings of A at their own scale. The blocks are
    deepinv's. Where it departs from deepinv's RAM, and why:

    * every constant is relative to the measurements, so that f(a y, a sigma, a gain)
      = a f(y, sigma, gain) holds at any a, without rescaling dark inputs;
    * the noise level of the proximal weight counts the Poisson part;
    * down-sampling by f is scaled to unit norm (A and y times f): the paper's
      weight f^2 of the proximal step, which deepinv loses, and f^2 A^T y;
    * coarse operators are computed on the coarse grids (`multiscale.py`);
    * sides that are not multiples of 8 are padded by replication after the
      proximal step, so A is used as it is.

    Parameters
    ----------
    channels : tuple of int
        Channel counts that have heads and tails of their own.
    widths : tuple of 4 int
        Features at the four scales.
    blocks : int
        Residual blocks a stage.
    """

    def __init__(self, channels=CHANNELS, widths=WIDTHS, blocks=BLOCKS):
        super().__init__()
        self.channels = tuple(channels)
        heads = list(channels)

        def stage(scale):
            width = widths[scale]
            encoder = BaseEncBlock(width, width, nb=0)
            encoder.enc.extend(KrylovResBlock(width, heads) for _ in range(blocks))
            return encoder

        self.eta = nn.Parameter(torch.ones(()))
        self.m_head = InHead([c + 2 for c in heads], widths[0])
        self.m_tail = OutTail(widths[0], heads)
        self.m_body = stage(3)
        for scale in range(3):
            narrow, wide = widths[scale : scale + 2]
            down = downsample_strideconv(narrow, wide, bias=False, mode="2")
            up = upsample_convtranspose(wide, narrow, bias=False, mode="2")
            setattr(self, f"m_down{scale + 1}", stage(scale))
            setattr(self, f"pool{scale + 1}", down)
            setattr(self, f"m_up{scale + 1}", stage(scale))
            setattr(self, f"up{scale + 1}", up)
        self.set_krylov_gain(KRYLOV_GAIN)

    def set_krylov_gain(self, value):
        """Set the learned gains of all Krylov embeddings."""
        for name, parameter in self.named_parameters():
            if name.endswith(".gain"):
                parameter.data.fill_(value)

    def start_from_denoiser(self, weights):
        """Copy the weights of a `MultiHeadDRUNet` with the same widths and blocks.

        On denoising the result equals that denoiser up to the Krylov embeddings,
        whose gains are set to `KRYLOV_GAIN`. Heads for two channels start from the
        gray one's, both channels sharing it.

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
            # The denoiser's stages are flat: an up-sampling or a down-sampling
            # convolution is the first or the last of their layers.
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
        heads, tails = {}, {}
        for i in range(sum(name.startswith("m_tail") for name in weights)):
            tail = weights[f"m_tail.conv{i}.weight"]
            tails[len(tail)] = tail
            head = weights[f"m_head.conv{i}.weight"]
            # Image, sigma map, and a gain map that the denoiser did not have.
            heads[len(tail)] = torch.cat((head, torch.zeros_like(head[:, :1])), 1)
        if 2 in self.channels and 1 in tails and 2 not in tails:
            image, maps = heads[1].split((1, 2), 1)
            heads[2] = torch.cat((image / 2, image / 2, maps), 1)
            tails[2] = tails[1].repeat(2, 1, 1, 1)
        for i, channels in enumerate(self.channels):
            own[f"m_head.conv{i}.weight"] = heads[channels]
            own[f"m_tail.conv{i}.weight"] = tails[channels]
        self.load_state_dict(own, strict=False)
        self.set_krylov_gain(KRYLOV_GAIN)

    def forward(self, y, physics=None, sigma=None, gain=None):
        """Reconstruct an image (B, C, H, W) of any H and W.

        Parameters
        ----------
        y : tensor
            Measurements, with the batch first.
        physics : deepinv.physics.LinearPhysics, optional
            The operator, of unit norm (down-sampling by f: norm about 1/f), with
            its noise model. Denoising if None.
        sigma, gain : float or tensor (B,), optional
            Levels of the Gaussian and of the Poisson noise instead of those of
            the physics' noise model. None and absent means 0.

        Raises
        ------
        ValueError
            If the network has no head for the image's channels.
        """
        return self.solve([self.prepare(y, physics, sigma, gain)])

    def prepare(self, y, physics=None, sigma=None, gain=None):
        """What the network needs of a problem: its input, its operators, A^T y.

        In float32 whatever the autocast: operators lose too much in bfloat16.

        Returns
        -------
        tuple
            Input (B, C + 2, H', W') padded to multiples of 8, operators, size (H, W)
            and four embeddings (B, 2C, H'/s, W'/s).
        """
        with torch.autocast(y.device.type, enabled=False):
            return self._prepare(y.float(), physics, sigma, gain)

    def _prepare(self, y, physics, sigma, gain):
        physics = physics or dinv.physics.Denoising(dinv.physics.ZeroNoise())
        x = physics.A_adjoint(y)
        if x.shape[1] not in self.channels:
            raise ValueError(
                f"This RAM has heads for {self.channels} channels and got an image "
                f"with {x.shape[1]}: reconstruct its channels one by one."
            )
        # Down-sampling by f at unit norm is f A: z = f^2 A^T y is then as bright as
        # the image, and the proximal step towards it does not darken it.
        squared = getattr(physics, "factor", 1) ** 2
        x = squared * x
        operators = multiscale(physics, x.shape[1:])
        operators.weight = squared
        size = y.abs().flatten(1)
        mean, peak = size.mean(1), size.amax(1)
        sigma = level(y, physics, "sigma", sigma).maximum(SIGMA_FLOOR * peak)
        gain = level(y, physics, "gain", gain)
        noise = (sigma.square() + gain * mean).sqrt()
        # A zero image has no scale; its floor only has to avoid 0/0.
        snr = mean / noise.clamp_min(torch.finfo(y.dtype).tiny)
        weight = self.eta / (1e-4 + 1 / (snr * squared))
        weight = weight.clamp_min(1e-8).view(-1, *[1] * (x.ndim - 1))
        start = operators.prox(x, y, weight)
        maps = [v.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:]) for v in (sigma, gain)]
        border = [k for n in x.shape[:1:-1] for k in (0, -n % FACTORS[-1])]
        start = pad(torch.cat((start, *maps), 1), border, mode="replicate")
        context = []
        for scale in range(len(FACTORS)):
            coarse = operators.down(x, scale)
            context.append(torch.cat((coarse, operators.normal(coarse, scale)), 1))
        return start, operators, tuple(x.shape[2:]), context

    def solve(self, problems):
        """The network on several prepared problems whose images have one size.

        They go through it as one batch: several tasks at the price of one.

        Parameters
        ----------
        problems : list
            Results of `prepare`.

        Returns
        -------
        tensor
            The reconstructions, concatenated along the batch.
        """
        starts, operators, sizes, contexts = zip(*problems, strict=True)
        if len(problems) == 1:
            start, physics, context = starts[0], operators[0], contexts[0]
        else:
            start = torch.cat(starts)
            physics = StackedScales(operators, [len(part) for part in starts])
            context = [torch.cat(parts) for parts in zip(*contexts, strict=True)]
        height, width = sizes[0]
        return self.backbone(start, physics, context)[..., :height, :width]

    def backbone(self, start, physics, context):
        """The U-Net with its Krylov embeddings."""
        channels = start.shape[1] - 2

        def stage(name, x, scale):
            return getattr(self, name)(x, physics, context[scale], channels, scale)

        x = self.m_head(start.contiguous(memory_format=torch.channels_last))
        skips = [x]
        for scale in range(3):
            x = stage(f"m_down{scale + 1}", x, scale)
            x = getattr(self, f"pool{scale + 1}")(x)
            skips.append(x)
        x = stage("m_body", x, 3)
        for scale in (2, 1, 0):
            x = getattr(self, f"up{scale + 1}")(x + skips[scale + 1])
            x = stage(f"m_up{scale + 1}", x, scale)
        return self.m_tail(x + skips[0], channels)


def level(y, physics, name, value):
    """A noise level as one number an image, (B,)."""
    if value is None:
        value = getattr(physics.noise_model, name, 0)
    value = torch.as_tensor(value, dtype=y.dtype, device=y.device)
    return value.reshape(-1).expand(len(y))


def load_ram(weights, solver):
    """The compact RAM, or its authors' network through deepinv.

    Parameters
    ----------
    weights : {"bundled", "published"}
    solver : str
        Name of the solver, for error messages.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing, damaged, or `weights` is another word.
    """
    return choose(
        weights,
        bundled=lambda: load_weights(CompactRAM(), "ram"),
        published=lambda: published(dinv.models.RAM, solver, PUBLISHED),
    )
