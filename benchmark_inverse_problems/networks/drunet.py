"""The DRUNet denoiser with one head and one tail per number of image channels."""

import deepinv as dinv
import torch
from deepinv.models.ram import InHead, OutTail
from torch.nn.functional import pad

from .complex_images import ComplexDenoiser
from .weights import choose, load_weights, published


def load_jpeg_restorer():
    """Load the bundled network that removes JPEG artefacts and noise.

    It is called as `network(y, sigma)`, like every `MultiHeadDRUNet`. It is not told
    the JPEG quality. It was trained for qualities of 20 to 100 and sigma of 0 to 0.1.
    """
    return load_weights(MultiHeadDRUNet(), "jpeg")


# Checkpoints of Zhang et al.'s network, fine-tuned by deepinv, by channel count.
PUBLISHED = {
    1: "drunet_deepinv_gray_finetune_26k.pth",
    3: "drunet_deepinv_color_finetune_22k.pth",
}
WIDTHS = (32, 64, 64, 128)
BLOCKS = 2


class MultiHeadDRUNet(dinv.models.DRUNet):
    """A DRUNet whose body is shared by gray and colour images.

    The network is that of Zhang et al., "Plug-and-Play Image Restoration with Deep
    Denoiser Prior", TPAMI 2021. It has no biases and takes the noise level as an input
    map. Each channel count has its own first and last convolution, as in RAM (Terris
    et al., 2025). One set of weights thus denoises gray and colour images, and RAM can
    start from it.

    Parameters
    ----------
    channels : tuple of int
        Channel counts the network accepts.
    widths : tuple of 4 int
        Features at the four scales.
    blocks : int
        Residual blocks a stage.
    """

    def __init__(self, channels=(1, 3), widths=WIDTHS, blocks=BLOCKS):
        super().__init__(1, 1, nc=widths, nb=blocks, pretrained=None)
        self.channels = tuple(channels)
        self.m_head = InHead([c + 1 for c in channels], widths[0])
        self.m_tail = OutTail(widths[0], list(channels))

    def forward_unet(self, x0):
        x1 = in_float32(self.m_head, x0)
        x2 = self.m_down1(x1)
        x3 = self.m_down2(x2)
        x4 = self.m_down3(x3)
        x = self.m_body(x4)
        x = self.m_up3(x + x4)
        x = self.m_up2(x + x3)
        x = self.m_up1(x + x2)
        return in_float32(self.m_tail, x + x1, x0.shape[1] - 1)

    def forward(self, x, sigma):
        """Denoise x of shape (B, C, H, W), range [0, 1], any H and W.

        `sigma` is the noise's standard deviation in the range of x: a float,
        or a tensor with one value per image.

        Raises
        ------
        ValueError
            If the network has no head for C channels.
        """
        batch, channels, height, width = x.shape
        if channels not in self.channels:
            raise ValueError(
                f"This denoiser has heads for {self.channels} channels and got an "
                f"image with {channels}: denoise its channels one by one."
            )
        # The three strided stages need multiples of 8. Replicating the border costs
        # less than deepinv's tiling and leaves no seams.
        x = pad(x, (0, -width % 8, 0, -height % 8), mode="replicate")
        sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
        level = sigma.reshape(-1, 1, 1, 1).expand(batch, 1, *x.shape[2:])
        return self.forward_unet(torch.cat((x, level), 1))[..., :height, :width]


def in_float32(layer, x, *arguments):
    """Run the first or the last convolution in float32, even under autocast.

    bfloat16 has 8 significant bits. Rounding an image to it would cost 0.05 dB at a
    PSNR of 40 dB. Training keeps the autocast: it is faster, and does not suffer.
    """
    if torch.is_grad_enabled():
        return layer(x, *arguments)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float(), *arguments)


def heads_and_tails(weights):
    """The first and last kernels of a denoiser's weights, by channel count.

    Parameters
    ----------
    weights : dict of str to tensor
        State dict of a `MultiHeadDRUNet`. If it has no head for two channels, both
        channels share the gray head.

    Returns
    -------
    heads, tails : dict of int to tensor
    """
    heads, tails = {}, {}
    for i in range(sum(name.startswith("m_tail") for name in weights)):
        tail = weights[f"m_tail.conv{i}.weight"]
        tails[len(tail)] = tail
        heads[len(tail)] = weights[f"m_head.conv{i}.weight"]
    if 1 in tails and 2 not in tails:
        image, level = heads[1].split((1, 1), 1)
        heads[2] = torch.cat((image / 2, image / 2, level), 1)
        tails[2] = tails[1].repeat(2, 1, 1, 1)
    return heads, tails


def denoiser_for(example, weights, solver):
    """Load the denoiser for the images of a problem, and place it for a solver.

    `solver.place` moves it to the device and counts its parameters.

    Parameters
    ----------
    example : Observation
    weights : {"bundled", "published"}
    solver : ReconstructionSolver

    Returns
    -------
    callable (x, sigma) -> x_hat
        The denoiser for images like the example's. Complex images are denoised part
        by part.
    """
    channels = 1 if example.complex else example.shape[1]
    denoiser = solver.place(load_denoiser(weights, channels, solver.name))
    return ComplexDenoiser(denoiser) if example.complex else denoiser


def load_denoiser(weights, channels, solver):
    """The denoiser with bundled or published weights.

    Parameters
    ----------
    weights : {"bundled", "published"}
    channels : {1, 3}
        Channels of the images.
    solver : str
        Name of the solver, for error messages.

    Raises
    ------
    FileNotFoundError, ValueError
        If the weights are missing or damaged, or `weights` is not known.
    """
    return choose(
        weights,
        bundled=lambda: load_weights(MultiHeadDRUNet(), "drunet"),
        published=lambda: published(
            lambda: dinv.models.DRUNet(channels, channels), solver, PUBLISHED[channels]
        ),
    )
