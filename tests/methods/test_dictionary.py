"""Convolutional dictionaries that are learned on one measurement."""

import deepinv as dinv
import pytest
import torch

from benchmark_inverse_problems.methods import dictionary as methods
from benchmark_inverse_problems.methods.dictionary import (
    SIDE,
    ConvolutionalDictionary,
    analyse,
    convolutional_dictionary,
    dct_atoms,
    random_atoms,
    synthesise,
)

from ..small import picture, psnr


def inpainting(x, sigma=0.02):
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(x.shape[2:], generator=generator) < 0.5).float()
    physics = dinv.physics.Inpainting(x.shape[1:], mask)
    noise = sigma * torch.randn(x.shape, generator=generator)
    return mask * (x + noise), physics


def test_analysis_is_the_adjoint_of_synthesis():
    generator = torch.Generator().manual_seed(0)
    atoms = random_atoms(5)
    z = torch.randn(3, 5, 12, 17, generator=generator)
    x = torch.randn(1, 3, 12, 17, generator=generator)
    left = (synthesise(atoms, z) * x).sum()
    torch.testing.assert_close(
        left, (z * analyse(atoms, x)).sum(), rtol=1e-4, atol=1e-4
    )


def test_a_single_code_draws_its_atom():
    atoms, z = dct_atoms(3), torch.zeros(1, 3, 20, 20)
    z[0, 1, 4, 6] = 2
    x = synthesise(atoms, z)[0, 0]
    torch.testing.assert_close(x[4 : 4 + SIDE, 6 : 6 + SIDE], 2 * atoms[1, 0])
    assert x.norm() == pytest.approx(2, rel=1e-5)


def test_cosines_are_orthonormal_and_the_first_is_flat():
    atoms = dct_atoms(SIDE**2).flatten(1)
    torch.testing.assert_close(
        atoms @ atoms.T, torch.eye(len(atoms)), atol=1e-5, rtol=0
    )
    assert atoms[1:].sum(1).abs().max() < 1e-5
    with pytest.raises(ValueError, match="atoms=65 is not possible: use 1 to 64"):
        dct_atoms(SIDE**2 + 1)


def test_learning_fills_in_more_than_the_atoms_it_starts_at():
    x = picture(48, 40, 1)
    y, physics = inpainting(x)
    kept = convolutional_dictionary(y, physics, 0.02, 24, "random", steps=0)
    learned = convolutional_dictionary(y, physics, 0.02, 24, "random", steps=30)
    assert psnr(learned, x) > psnr(kept, x) + 0.5
    assert torch.equal(
        learned, convolutional_dictionary(y, physics, 0.02, 24, "random", steps=30)
    )


def test_a_flat_image_needs_no_codes():
    x = torch.tensor([0.2, 0.7, 0.4])[None, :, None, None].expand(1, 3, 16, 16)
    y, physics = inpainting(x, sigma=0)
    dictionary = ConvolutionalDictionary(y, physics, 0.01)
    torch.testing.assert_close(dictionary.flat, x.contiguous())
    torch.testing.assert_close(dictionary.image(dct_atoms(4)), x.contiguous())
    assert dictionary.z.abs().max() < 1e-5


def test_bad_input_is_one_sentence():
    y, physics = inpainting(picture(7, 20, 1))
    with pytest.raises(
        ValueError, match="has 7x20 pixels: the atoms need at least 8x8"
    ):
        convolutional_dictionary(y, physics, 0.1)
    y, physics = inpainting(picture(16, 20, 1))
    with pytest.raises(
        ValueError, match="start=haar is not known: use one of dct, random"
    ):
        convolutional_dictionary(y, physics, 0.1, start="haar")
    assert methods.STARTS == ("dct", "random")
