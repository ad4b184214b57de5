"""The shake of a camera that was recorded: sharp frames of its path, but no operator."""

import torch
from deepinv.physics import Physics

from ..facts import compared, family


class CameraShake(Physics):
    """What is known of a photograph that a shaking camera took: sharp frames of its path.

    A x is not known and NaN. The judge takes this; solvers are told another operator.

    Parameters
    ----------
    frames : tensor (N, 3, H, W) of uint8
        The scene, sharp, at moments of the path.
    """

    def __init__(self, frames):
        super().__init__()
        self.register_buffer("frames", frames)

    def A(self, x, **_):
        return torch.full_like(x, float("nan"))


family.register(CameraShake, lambda physics: "varying blur")


@compared.register(CameraShake)
def _(physics, x_hat, x):
    """The estimate, aligned with the frame that it is closest to, and that frame.

    The rule of R. Köhler et al., "Recording and Playback of Camera Shake", ECCV 2012, and
    of their program: for each frame the estimate is multiplied by the number that brings
    it closest to the frame, and then moved by whole pixels to where the two correlate
    most, both in gray. What it does not cover counts as right.
    """
    found = None
    size = x_hat.square().sum()
    spectrum = torch.fft.fft2(x_hat.mean(1)).conj()
    for frame in physics.frames:
        truth = frame[None].to(x_hat) / 255
        scale = (truth * x_hat).sum() / size if size > 0 else size
        correlation = torch.fft.ifft2(torch.fft.fft2(truth.mean(1)) * spectrum).real
        if scale < 0:
            correlation = -correlation
        place = divmod(int(correlation.argmax()), x.shape[-1])
        shift = [centred(*pair) for pair in zip(place, x.shape[-2:], strict=True)]
        estimate = truth.clone()
        ours, theirs = overlap(shift, x.shape[-2:])
        estimate[(..., *theirs)] = scale * x_hat[(..., *ours)]
        error = float((estimate - truth).square().sum())
        if found is None or error < found[0]:
            found = error, estimate, truth
    return found[1:]


def centred(k, n):
    """A circular shift by k of n pixels, as the shorter way."""
    return k - n if k > n // 2 else k


def overlap(shift, sides):
    """The part of an image that a shift leaves inside, before and after, as slices."""
    before, after = [], []
    for s, n in zip(shift, sides, strict=True):
        before.append(slice(max(0, -s), n - max(0, s)))
        after.append(slice(max(0, s), n - max(0, -s)))
    return before, after
