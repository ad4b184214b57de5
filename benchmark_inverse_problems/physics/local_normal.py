"""Normal operators A^T A that restrict themselves to a patch of the image.

For a patch at some offset, with S the operator that cuts it out, `restrict` returns
G = S A^T A S^T, a callable on patches. Networks that see patches need no other part of A:

* `Exact` applies A and A^T to the whole image;
* `Toeplitz` is exact for multi-coil MRI, at a cost that depends on the patch only;
* `DiagonalCirculant` approximates any linear operator, at the cost of two Fourier
  transforms.
"""

from functools import cached_property, singledispatch

import torch
from deepinv.physics import MultiCoilMRI

from ..support.progress import progress


class Exact:
    """A^T A by the operator itself.

    Parameters
    ----------
    physics : deepinv.physics.LinearPhysics
    shape : tuple of int
        (1, C, *spatial) of the image.
    """

    def __init__(self, physics, shape):
        self.physics, self.shape = physics, tuple(shape)

    def __call__(self, x):
        return self.physics.A_adjoint(self.physics.A(x))

    def restrict(self, offset, size):
        """G of the patches (B, C, *size) at an offset."""
        place = window(offset, size)

        def patch_normal(patch):
            x = patch.new_zeros(len(patch), *self.shape[1:])
            x[place] = patch
            return self(x)[place]

        return patch_normal


def window(offset, size):
    """The index that cuts a patch out of an image (B, C, *spatial)."""
    return (..., *(slice(o, o + n) for o, n in zip(offset, size, strict=True)))


def cut_kernel(kernel, size):
    """The part of a periodic kernel that patches see, on a grid of twice their size.

    Entries are the kernel's values at offsets of -size to size - 1, with zero first. They
    are exact for any size, also where twice the patch exceeds the period.

    Parameters
    ----------
    kernel : tensor (*spatial)
        Its value at offset d, with d modulo the period, for each axis. An axis of length
        one is that of a kernel which does not reach along it.
    size : tuple of int
    """
    for axis, n in enumerate(size):
        if kernel.shape[axis] == 1:
            continue
        offsets = torch.fft.fftfreq(2 * n, 1 / (2 * n)).round().long()
        index = (offsets % kernel.shape[axis]).to(kernel.device)
        kernel = kernel.index_select(axis, index)
    return kernel


def convolve(x, spectrum):
    """A convolution of patches, zero-padded to the grid of the kernel's spectrum."""
    axes = [axis for axis in range(-spectrum.ndim, 0) if spectrum.shape[axis] > 1]
    z = x
    for axis in axes:  # one by one: lines that are all zero are not transformed
        z = torch.fft.fft(z, n=spectrum.shape[axis], dim=axis)
    z = z * spectrum
    for axis in reversed(axes):
        z = torch.fft.ifft(z, dim=axis).narrow(axis, 0, x.shape[axis])
    return z


def as_complex(x):
    """A complex image of one with its parts as channels (B, 2, *spatial)."""
    return torch.complex(x[:, 0], x[:, 1])


def as_parts(z):
    """The parts of a complex image as channels."""
    return torch.stack((z.real, z.imag), 1)


class Toeplitz(Exact):
    """A^T A of multi-coil MRI: a convolution between the coils' sensitivities.

    On a patch the convolution is a block Toeplitz matrix, embedded into a circulant one of
    twice the side (J. Fessler et al., "Toeplitz-Based Iterative Image Reconstruction for
    MRI With Correction for Magnetic Field Inhomogeneity", IEEE TSP 2005). It is exact up
    to rounding.

    Raises
    ------
    ValueError
        If the operator is another one.
    """

    def __init__(self, physics, shape):
        super().__init__(physics, shape)
        if not has_toeplitz(physics):
            raise ValueError(
                "normal=toeplitz is for multi-coil MRI: use exact or approximate."
            )

    @cached_property
    def kernel(self):
        """The kernel of F^-1 diag(mask) F, periodic.

        It does not reach along axes that are measured at all frequencies.
        """
        mask = self.physics.mask[0, 0]
        for axis in range(mask.ndim):
            first = mask.narrow(axis, 0, 1)
            mask = first if bool((mask == first).all()) else mask
        axes = tuple(range(mask.ndim))
        return torch.fft.ifftn(torch.fft.ifftshift(mask, dim=axes), dim=axes)

    def restrict(self, offset, size):
        maps = self.physics.coil_maps[window(offset, size)]
        return between_coils(maps, cut_kernel(self.kernel, size))


def between_coils(maps, kernel):
    """A convolution between sensitivities, of complex patches as two channels.

    Parameters
    ----------
    maps : complex tensor (1 or B, coils, *size)
    kernel : tensor (*twice the size)
        As `cut_kernel` returns it.
    """
    spectrum = torch.fft.fftn(kernel)

    def patch_normal(patch):
        z, total = as_complex(patch), 0
        for coil in range(maps.shape[1]):  # one by one: they are large
            seen = convolve(maps[:, coil] * z, spectrum)
            total = total + maps[:, coil].conj() * seen
        return as_parts(total)

    return patch_normal


@singledispatch
def has_toeplitz(physics):
    """Whether `Toeplitz` knows an operator."""
    return False


has_toeplitz.register(MultiCoilMRI, lambda physics: physics.three_d)


class DiagonalCirculant(Exact):
    """A^T A as diag(m)* F^-1 diag(lambda) F diag(m), on a grid of twice the sides.

    R. Vo and J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse
    Problems", CVPR 2026. m is a map of sensitivities and lambda the real spectrum of a
    kernel. They start at m = 1 and the response to a point in the centre. `fit` minimises
    the mean of |A^T A x - H x|^2 over white x.

    Attributes
    ----------
    sensitivity : tensor (*spatial)
        m, real or, for complex images, complex.
    kernel : tensor (*twice the sides)
        Its values at offsets of -n to n - 1, with zero first; real or, for complex
        images, complex.
    """

    def __init__(self, physics, shape):
        super().__init__(physics, shape)
        spatial = self.shape[2:]
        self.complex = self.shape[1] == 2
        centre = tuple(n // 2 for n in spatial)
        point = torch.zeros(self.shape, device=device_of(physics))
        point[(0, 0, *centre)] = 1
        with torch.no_grad():
            response = scalar(super().__call__(point), self.complex)[0]
        kernel = response.new_zeros([2 * n for n in spatial])
        kernel[tuple(slice(n) for n in spatial)] = response
        kernel = kernel.roll([-c for c in centre], tuple(range(len(spatial))))
        self.kernel = self.kernel_of(torch.fft.fftn(kernel).real)
        self.sensitivity = torch.ones_like(response)

    def kernel_of(self, spectrum):
        """The kernel with a real spectrum."""
        kernel = torch.fft.ifftn(spectrum)
        return kernel if self.complex else kernel.real

    def positive(self):
        """Set negative parts of lambda to zero, and return H.

        A^T A has no negative eigenvalue. Conjugate gradients fail with one.
        """
        self.kernel = self.kernel_of(torch.fft.fftn(self.kernel).real.clamp(min=0))
        return self

    def __call__(self, x):
        return self.restrict((0,) * (x.ndim - 2), x.shape[2:])(x)

    def restrict(self, offset, size):
        m = self.sensitivity[window(offset, size)[1:]]
        return between_maps(m, cut_kernel(self.kernel, size), self.complex)

    def error(self, x, target=None):
        """|A^T A x - H x| / |A^T A x| of images (B, C, *spatial)."""
        target = super().__call__(x) if target is None else target
        return float((target - self(x)).norm() / target.norm())

    @torch.enable_grad()
    def fit(self, seed=0, samples=300, batch=1, lr=0.02, held_out=8, checks=20):
        """Fit m and lambda on white images; keep what is best on held-out ones.

        Parameters
        ----------
        seed : int
        samples : int
            White images, each of them seen once.
        batch : int
            Images a step.
        lr : float
            First learning rate of Adam, of m, and of lambda relative to its largest value.
            It follows a cosine to zero.
        held_out, checks : int
            White images that choose among the fits at some checks.

        Returns
        -------
        list of float
            The held-out error at the start and at each check.
        """
        generator = torch.Generator().manual_seed(seed)

        def draw(count):
            x = torch.randn(count, *self.shape[1:], generator=generator)
            x = x.to(self.kernel.device)
            with torch.no_grad():
                return x, torch.cat([Exact.__call__(self, part[None]) for part in x])

        test = draw(held_out)
        start = torch.fft.fftn(self.kernel).real
        scale = start.max()
        gain = torch.zeros_like(start).requires_grad_()
        m = self.sensitivity.clone().requires_grad_()
        optimiser = torch.optim.Adam([gain, m], lr=lr)
        steps = samples // batch
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        history, best = [self.error(*test)], None
        for step in progress(range(1, steps + 1), "fitting A^T A"):
            x, target = draw(batch)
            self.kernel = self.kernel_of(start + scale * gain)
            self.sensitivity = m
            loss = (self(x) - target).square().mean() / target.square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % max(1, steps // checks) == 0:
                with torch.no_grad():
                    kernel = self.kernel_of(start + scale * gain)
                    found = kernel.detach(), m.detach().clone()
                    self.kernel, self.sensitivity = found
                    history.append(self.error(*test))
                if history[-1] <= min(history):
                    best = found
        if best is None:
            best = self.kernel_of(start), torch.ones_like(m).detach()
        self.kernel, self.sensitivity = best
        return history


# Operators whose A^T A of one white image differs by less than this are the same.
SAME = 1e-4


def quickest(physics):
    """The key of `NORMALS` of the operator of patches that costs least."""
    return "toeplitz" if has_toeplitz(physics) else "approximate"


class FittedNormals:
    """`DiagonalCirculant`, fitted once for each operator that it is called with.

    It has no negative eigenvalue.

    Parameters
    ----------
    samples : int
        See `DiagonalCirculant.fit`; 0 takes the start of the fit.
    """

    def __init__(self, samples):
        self.samples = samples
        self.fitted = []

    def __call__(self, physics, shape):
        generator = torch.Generator().manual_seed(1)
        white = torch.randn(shape, generator=generator).to(device_of(physics))
        with torch.no_grad():
            response = physics.A_adjoint(physics.A(white))
        for known, normal in self.fitted:
            if known.shape == response.shape:
                if (known - response).norm() <= SAME * known.norm():
                    return normal
        normal = DiagonalCirculant(physics, shape)
        if self.samples:
            normal.fit(samples=self.samples)
        self.fitted.append((response, normal.positive()))
        return normal


def scalar(x, complex):
    """Images (B, C, *spatial) as one number a voxel, (B, *spatial)."""
    return as_complex(x) if complex else x[:, 0]


def between_maps(m, kernel, complex):
    """diag(m)* convolution diag(m) of patches (B, C, *size).

    Parameters
    ----------
    m : tensor (*size) or (B, *size)
    kernel : tensor (*twice the size)
        As `cut_kernel` returns it.
    complex : bool
        Whether two channels are one complex image.
    """
    spectrum = torch.fft.fftn(kernel)

    def patch_normal(patch):
        z = m.conj() * convolve(m * scalar(patch, complex), spectrum)
        return as_parts(z) if complex else z.real[:, None]

    return patch_normal


def device_of(physics):
    """The device of an operator's tensors."""
    return next((x.device for x in physics.buffers()), torch.device("cpu"))


NORMALS = {
    "exact": Exact,
    "toeplitz": Toeplitz,
    "approximate": DiagonalCirculant,
}
