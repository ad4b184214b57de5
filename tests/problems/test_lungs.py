"""Slices through chests: stand-in files of DICOM, and what is refused."""

import numpy as np
import pytest
import SimpleITK
import torch
from torch.nn.functional import avg_pool2d

from benchmark_inverse_problems.problems import lungs
from benchmark_inverse_problems.problems.images import open_images

from .test_images import error_of, point_at

SIDE = 48


def chest(seed):
    """Hounsfield units of a disc of water with bone, in air."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    values = np.full((SIDE, SIDE), -1000)
    values[x**2 + y**2 < 400] = 0
    values[(x - rng.randint(-8, 8)) ** 2 + (y - 5) ** 2 < 30] = 1300
    values[0] = -2000  # what the scanner does not see
    return values.astype(np.int16)


def write(path, values, intercept=-1024):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(values)  # stored less the intercept
    image.SetMetaData("0028|1052", str(intercept))
    image.SetMetaData("0028|1053", "1")
    SimpleITK.WriteImage(image, str(path))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two scans of five slices, and a radiograph."""
    monkeypatch.setattr(lungs, "SLICES", 5)
    root = tmp_path / "lidc"
    for patient in (1, 2):
        place = root / "LIDC-IDRI" / f"LIDC-IDRI-000{patient}" / "study" / "series"
        for k in range(5):
            write(place / f"1-{k + 1:03d}.dcm", chest(10 * patient + k))
        (place / "069.xml").write_text("<a/>")
    write(root / "LIDC-IDRI" / "LIDC-IDRI-0001" / "x-ray" / "1-001.dcm", chest(0))
    (root / "metadata.csv").write_text("Subject ID\n")
    return root


def test_a_scan_gives_its_middle_slice(folder):
    images = open_images("lidc", folder, lungs.LIDC)
    assert images.names == [f"LIDC-IDRI/LIDC-IDRI-000{k}/study/series" for k in (1, 2)]
    for index, seed in enumerate((12, 22)):
        _, x = images[index]
        expected = torch.from_numpy((chest(seed) + 1000) / 2000).float().clamp(0, 1)
        torch.testing.assert_close(x, avg_pool2d(expected[None, None], 2))


def first(folder):
    return next((folder / "LIDC-IDRI" / "LIDC-IDRI-0001").glob("study/*/1-003.dcm"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.write_bytes(b"no"), "1-003.dcm cannot be read"),
        (
            lambda p: write(p, chest(0)[:1]),
            "has the shape 48 and two axes are needed: save one slice a file",
        ),
    ],
)
def test_bad_slices_are_one_sentence(folder, change, words):
    change(first(folder))
    with pytest.raises(ValueError, match=words) as caught:
        open_images("lidc", folder, lungs.LIDC)[0]
    assert "\n" not in str(caught.value)


def test_it_runs(suite, folder):
    problem = "phantom_ct[images=lidc,angles=20]"
    assert suite.run("-s", "adjoint", "-d", problem) is None
    error = error_of(suite)
    for words in ("lidc is not on disk", "cancerimagingarchive.net", "images=ellipses"):
        assert words in error
    point_at(suite, folder, "lidc")
    rows = suite.run("-s", "adjoint", "-d", problem)
    assert len(rows) == 2 and rows.objective_psnr.notna().all()
