"""Atoms from incomplete pictures, at a small size."""

import pytest
import torch

from benchmark_inverse_problems.methods.dictionary import dct_atoms
from benchmark_inverse_problems.studies import convolutional_dictionaries as study


@pytest.fixture
def small(monkeypatch):
    for name, value in {
        "CROP": 32,
        "STEPS": 3,
        "LEAST": -1,
        "ATOMS": 4,
        "BUNDLED_TUNING": study.BUNDLED_TUNING[:1],
    }.items():
        monkeypatch.setattr(study, name, value)


def test_the_table_has_all_atoms_and_goes_on(small, tmp_path, capsys, monkeypatch):
    options = ["--folder", str(tmp_path), "--images", "1"]
    study.main(options)
    printed = capsys.readouterr().out
    assert "| atoms | inpainting | inpainting, weight | deblurring |" in printed
    assert all(f"| {kind} |" in printed for kind in study.KINDS)
    monkeypatch.setattr(study, "psnr", None)  # everything is on disk
    study.main(options)
    assert capsys.readouterr().out == printed


def test_the_best_weight_has_worse_neighbours():
    for best in (0.125, 1.0, 8.0):
        assert study.best_weight(lambda w, best=best: -abs(w - best)) == best
    assert study.best_weight(lambda w: -w) == 2.0**study.LEAST


def test_atoms_come_from_where_they_should(small):
    problem = study.pictures("tuning", "inpainting")
    x, other = problem.truth(0), problem.truth(1)
    observation = problem.observe(0)

    def atoms(kind, x=x, other=other):
        dictionary = study.ConvolutionalDictionary(
            observation.y, observation.physics, 0.01
        )
        return study.atoms_of(kind, dictionary, x, other)

    assert torch.equal(atoms("DCT"), dct_atoms(4))
    assert torch.equal(atoms("from y"), atoms("from y", other, x))
    assert torch.equal(atoms("from x"), atoms("from another picture", other, x))
    assert not torch.equal(atoms("from x"), atoms("from x", other, x))
    assert not torch.equal(atoms("from y"), atoms("DCT"))


def test_bad_number_of_images(capsys):
    with pytest.raises(SystemExit):
        study.main(["--images", "7"])
    assert "--images 7 is not possible: use 1 to 6" in capsys.readouterr().err
