"""Image sets and the bad inputs that users give them, as `benchopt run` meets them."""

import os
import struct
import zlib

import numpy as np
import pytest
import tifffile
import torch
import yaml
from benchopt.benchmark import Benchmark
from PIL import Image, ImageFile

from benchmark_inverse_problems.problems import dataset, reading
from benchmark_inverse_problems.problems import images as library
from benchmark_inverse_problems.problems.dataset import image_folder
from benchmark_inverse_problems.problems.reading import central_crop
from benchmark_inverse_problems.problems.special_sets import SPECIAL_SETS
from benchmark_inverse_problems.solving.failures import read_failures
from benchmark_inverse_problems.support.digests import Digests

from ..conftest import ROOT


def point_at(suite, folder, name="mine"):
    """Map an image set to a folder in the suite's config.yml."""
    path = suite.folder / "config.yml"
    config = yaml.safe_load(path.read_text()) or {}
    config["data_paths"] = {name: str(folder)}
    path.write_text(yaml.safe_dump(config))


def run_on(suite, folder):
    """Run a baseline on a folder of images beside a healthy problem."""
    point_at(suite, folder)
    return suite.run(
        *("-s", "adjoint", "-d", "simulated"),
        *("-d", "simulated[images=mine,n_images=all]"),
    )


def error_of(suite):
    (failure,) = read_failures(suite.folder / "outputs")
    return failure["error"]


def test_a_folder_of_ones_own(suite, pictures):
    df = run_on(suite, pictures)
    mine = df[df.dataset_name.str.contains("mine")]
    assert list(mine.objective_image) == ["0.png", "1.png", "2.png"]
    assert np.isfinite(mine.objective_psnr).all()


def test_whole_images_of_two_orientations(suite, pictures):
    point_at(suite, pictures)
    df = suite.run(
        "-s", "adjoint", "-d", "cbsd68_denoise[images=mine,crop=none,sigma=25]"
    )
    assert len(df) == 3


def test_gray_image_among_colour_ones(suite, pictures):
    Image.fromarray(np.full((50, 50), 128, np.uint8)).save(pictures / "gray.png")
    df = run_on(suite, pictures)
    assert np.isfinite(df.objective_psnr).all()
    assert len(df) == 2 + 4


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("empty", "is empty (no image in"),
        ("missing", "is not on disk"),
        ("text", "cannot be read"),
        ("truncated", "cannot be read"),
        ("small", "use larger images"),
        ("deep", "only 8-bit images are supported"),
    ],
)
def test_bad_folder_fails_its_cell_alone_in_one_sentence(
    suite, pictures, damage, words
):
    first = pictures / "0.png"
    if damage in ("empty", "missing"):
        for path in pictures.iterdir():
            path.unlink()
    if damage == "missing":
        pictures.rmdir()
    if damage == "text":
        first.write_text("not a picture")
    if damage == "truncated":
        first.write_bytes(first.read_bytes()[:200])
    if damage == "deep":
        Image.fromarray(np.zeros((40, 40), np.uint16)).save(first)
    if damage == "small":
        Image.fromarray(np.zeros((6, 6, 3), np.uint8)).save(first)
        point_at(suite, pictures)
        problem = "simulated[images=mine,task=deblur]"
        df = suite.run("-s", "adjoint", "-d", "simulated", "-d", problem)
    else:
        df = run_on(suite, pictures)
    assert len(df) == 2, "the healthy problem has its two rows"
    error = error_of(suite)
    assert words in error
    assert "\n" not in error


def test_a_set_that_nobody_has_says_where_to_put_it(suite):
    assert suite.run("-s", "adjoint", "-d", "div2k_sr4[images=urban100]") is None
    error = error_of(suite)
    assert "urban100 is not on disk" in error
    assert "data_paths" in error
    assert "benchopt prepare" in error
    assert "images=bundled" in error


def test_prepare_without_network_is_one_sentence(suite, monkeypatch):
    def offline(folder):
        raise ConnectionError("no route to host")

    from benchopt.benchmark import Benchmark

    image_set = library.ImageSet("test", download=offline)
    monkeypatch.setitem(library.IMAGE_SETS, "div2k", image_set)
    benchmark = Benchmark(suite.folder)
    (dataset,) = (d for d in benchmark.get_datasets() if d.name == "div2k_sr4")
    with pytest.raises(FileNotFoundError, match="div2k could not be downloaded"):
        dataset.get_instance(images="div2k").prepare()


def test_prepare_downloads_into_the_folder_that_run_reads(suite, pictures, monkeypatch):
    def download(folder):
        (folder / "deep").mkdir(parents=True)
        for path in pictures.glob("*.png"):
            (folder / "deep" / path.name).write_bytes(path.read_bytes())

    from benchopt.benchmark import Benchmark

    image_set = library.ImageSet("test", download=download)
    monkeypatch.setitem(library.IMAGE_SETS, "div2k", image_set)
    benchmark = Benchmark(suite.folder)
    (dataset,) = (d for d in benchmark.get_datasets() if d.name == "div2k_sr4")
    assert "images=bundled" in str(dataset.get_instance())
    dataset.get_instance(images="div2k").prepare()
    assert "images=div2k" in str(dataset.get_instance()), "auto finds what is on disk"
    problem = dataset.get_instance().get_data()["problem"]
    assert len(problem) == 3


def test_cbsd68_is_written_out_as_images(tmp_path, monkeypatch):
    def table(root, download):
        return [Image.fromarray(np.full((16, 16, 3), i, np.uint8)) for i in range(3)]

    monkeypatch.setattr(library.dinv.datasets, "CBSD68", table)
    library.IMAGE_SETS["cbsd68"].download(tmp_path / "cbsd68")
    found = library.open_images("cbsd68", tmp_path / "cbsd68")
    assert found.names == ["0000.png", "0001.png", "0002.png"]
    assert float(found[2][1].max()) == pytest.approx(2 / 255)


def test_lsdir_is_kept_without_its_low_resolution_copies(tmp_path, monkeypatch):
    def download(root, mode, download):
        assert mode == "val" and download
        for place in ("HR/val", "X2/val", "X4/val"):
            colours(tmp_path / "lsdir" / "val1" / place / "0000001.png", 60)

    monkeypatch.setattr(library.dinv.datasets, "LsdirHR", download)
    library.IMAGE_SETS["lsdir"].download(tmp_path / "lsdir")
    found = library.open_images("lsdir", tmp_path / "lsdir")
    assert found.names == ["val1/HR/val/0000001.png"]


def test_every_set_is_in_the_table_of_the_docs():
    table = (ROOT / "docs" / "data.md").read_text()
    on_disk = {n for n, image_set in library.IMAGE_SETS.items() if not image_set.open}
    for name in (on_disk | set(SPECIAL_SETS)) - {"development"}:
        rows = [line for line in table.splitlines() if f"`{name}`" in line]
        (row,) = (line for line in rows if line.count("|") == 6)
        found = library.IMAGE_SETS.get(name)
        downloaded = found is not None and found.download is not None
        assert ("`prepare`" in row) == downloaded, name


class Offline(Exception):
    """The network was asked."""


ASKED = [n for n, image_set in library.IMAGE_SETS.items() if image_set.download]


@pytest.mark.parametrize("name", sorted({*ASKED} - {"cbsd68", "lsdir"}))
def test_deepinv_takes_what_a_download_asks_of_it(name, monkeypatch, tmp_path):
    def offline(*arguments, **settings):
        raise Offline

    for module in ("requests.get", "urllib.request.urlopen"):
        monkeypatch.setattr(module, offline)
    with pytest.raises(Offline):
        library.IMAGE_SETS[name].download(tmp_path / name)


def test_bundled_and_tuning_sets_are_colour_pictures_and_disjoint():
    bundled, tuning = (library.open_images(n) for n in ("bundled", "tuning"))
    assert len(bundled) == 6
    assert not set(bundled.names) & set(tuning.names)
    for name, x in [*bundled, *tuning]:
        assert x.shape[:2] == (1, 3), name
        assert x.dtype == torch.float32
        assert 0 <= float(x.min()) < float(x.max()) <= 1


def test_phantoms():
    for name, channels in (("ellipses", 1), ("ellipses_complex", 2)):
        _, x = library.open_images(name)[0]
        assert x.shape == (1, channels, 128, 128)
        assert float(x.norm(dim=1).max()) <= 1 + 1e-6
    _, x = library.open_images("shepp_logan")[0]
    assert x.shape == (1, 1, 128, 128)


def test_central_crop():
    x = torch.arange(100.0).view(1, 1, 10, 10)
    assert torch.equal(central_crop(x, 4), x[..., 3:7, 3:7])
    assert central_crop(x, "none", 4).shape[-2:] == (8, 8)
    assert central_crop(x, 64).shape[-2:] == (10, 10)


def colours(path, value, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((40, 48, 3), value, np.uint8)
    pixels[:8, :8] = 255 - value  # the corner tells how an image is turned
    Image.fromarray(pixels).save(path, **settings)


def test_an_image_is_its_path(suite, tmp_path):
    """Equal stems in several folders, and with several suffixes, are several images."""
    folder = tmp_path / "sets"
    for index, name in enumerate(
        ["s1/img.png", "s2/img.png", "x.png", "a.png", "a.jpg"]
    ):
        colours(folder / name, 20 * index)
    df = run_on(suite, folder)
    mine = df[df.dataset_name.str.contains("mine")]
    assert sorted(mine.objective_image) == [
        "a.jpg",
        "a.png",
        "s1/img.png",
        "s2/img.png",
        "x.png",
    ]


@pytest.mark.parametrize("suffix", ["tif", "tiff", "webp", "bmp", "jpeg", "PNG"])
def test_kinds_of_files(tmp_path, suffix):
    settings = {"lossless": True} if suffix == "webp" else {}
    colours(tmp_path / f"a.{suffix}", 60, **settings)
    ((name, x),) = library.open_images("mine", tmp_path)
    assert name == f"a.{suffix}" and x.shape == (1, 3, 40, 48)
    assert float(x[0, 0, 20, 20]) == pytest.approx(60 / 255, abs=0.01)


def test_an_image_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    colours(tmp_path / "a.png", 60, exif=exif)
    ((_, x),) = library.open_images("mine", tmp_path)
    assert x.shape == (1, 3, 48, 40)
    assert float(x[0, 0, 0, -1]) > 0.7 > 0.3 > float(x[0, 0, 0, 0])


def png(path, side, depth, rows):
    """A colour PNG that Pillow would not write."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", side, side, depth, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    signature = bytes([137, 80, 78, 71, 13, 10, 26, 10])
    path.write_bytes(signature + b"".join(chunk(*part) for part in chunks))


def deep_png(path):
    """A dark picture with 16 bits for each value."""
    png(path, 8, 16, (bytes(1) + struct.pack(">3H", 200, 200, 200) * 8) * 8)


def huge_png(path):
    """It says that it has 3600 million pixels."""
    png(path, 60000, 8, bytes(100))


def pages(path):
    one = Image.new("RGB", (8, 8))
    one.save(path, format="TIFF", save_all=True, append_images=[one.copy()])


def planar_tiff(path):
    """A dark picture with 16 bits for each value, colour after colour."""
    pixels = np.full((3, 8, 8), 200, np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig="separate")


def deep_ppm(path):
    """A picture with 10 bits for each value, in a format that Pillow reads as 8 bits."""
    path.write_bytes(b"P6 16 16 1023\n" + bytes([3, 255] * 16 * 16 * 3))


def tiny(path):
    Image.new("RGB", (8, 8)).save(path)


def signed_tiff(path):
    tifffile.imwrite(path, np.full((8, 8), -1, np.int8))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (tiny, "has 8x8 pixels, and SSIM needs 11 a side"),
        (planar_tiff, "has 16-bit RGB pixels and only 8-bit images are supported"),
        (signed_tiff, "has signed pixels"),
        (deep_ppm, "cannot be read"),
        (deep_png, "has 16-bit RGB pixels and only 8-bit images are supported"),
        (huge_png, "is too large to be read"),
        (pages, "has 2 pages and one is needed"),
    ],
)
def test_what_would_be_read_wrong_is_refused(tmp_path, make, words):
    make(tmp_path / "a.png")
    images = library.open_images("mine", tmp_path)
    with pytest.raises(ValueError, match=words):
        images[0]


def test_half_a_picture_is_refused_whatever_a_plugin_told_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = tmp_path / "a.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="truncated"):
        reading.read_image(path)


@pytest.mark.parametrize("link", [".cache", "a_link", "z_link"])
def test_a_folder_has_its_own_name_whatever_links_to_it(tmp_path, link):
    colours(tmp_path / "real" / "b.png", 60)
    (tmp_path / link).symlink_to(tmp_path / "real")
    found = reading.image_paths(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == ["real/b.png"]


def test_a_link_to_itself_fails_alone(tmp_path):
    colours(tmp_path / "a.png", 60)
    (tmp_path / "b.png").symlink_to("b.png")
    images = library.open_images("mine", tmp_path)
    assert images[0][0] == "a.png"
    with pytest.raises(ValueError, match="cannot be read"):
        images[1]
    assert Digests(tmp_path / "kept.json").of([tmp_path / "b.png"]) == {
        tmp_path / "b.png": ""
    }


@pytest.mark.parametrize("settings", [{"bundled": "x"}, {"auto": "x"}, {"mine": ""}])
def test_names_of_folders_that_would_be_ignored_are_refused(settings):
    class Named:
        def get_setting(self, name):
            return settings if name == "data_paths" else None

    with pytest.raises(ValueError, match="data_paths has "):
        dataset.check_folders(Named())


def test_what_is_skipped_is_said(tmp_path):
    colours(tmp_path / "a.png", 60)
    colours(tmp_path / "._a.png", 60)
    colours(tmp_path / ".cache" / "b.png", 60)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "x.png").mkdir()
    with pytest.warns(
        UserWarning, match=r"3 files in .* are skipped.*notes.txt"
    ) as said:
        images = library.open_images("mine", tmp_path)
    assert len(said) == 1
    assert images.names == ["a.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_skipped(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    colours(tmp_path / "a.png", 60)
    with pytest.warns(UserWarning, match="pipe.png"):
        images = library.open_images("mine", tmp_path)
    assert images.names == ["a.png"]


def test_linked_folders_are_read_once(tmp_path):
    colours(tmp_path / "real" / "a.png", 60)
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "set").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    assert library.open_images("mine", folder).names == ["set/a.png"]
    whole = tmp_path / "whole"
    whole.symlink_to(folder)
    assert library.open_images("mine", whole).names == ["set/a.png"]


def test_the_key_of_a_cell_knows_its_images(suite, pictures, tmp_path, capsys):
    """Cells run again when the first images change, and only then."""
    problem = "simulated[images=mine,n_images=2]"

    def again():
        capsys.readouterr()
        df = suite.run("-s", "adjoint", "-d", problem)
        return "(cached)" not in capsys.readouterr().out, df

    point_at(suite, pictures)
    assert again()[0]
    cached, first = again()
    assert not cached
    colours(pictures / "9.png", 10)  # not among the first two
    assert not again()[0]
    with Image.open(pictures / "0.png") as image:
        image.rotate(90, expand=True).save(pictures / "0.png")
    computed, turned = again()
    assert computed
    assert set(turned.objective_fingerprint) != set(first.objective_fingerprint)
    other = tmp_path / "other"
    for index in range(2):
        colours(other / f"{index}.png", 30 * index)
    point_at(suite, other)
    assert again()[0]


def test_more_images_than_there_are_fail_their_cell_alone(suite, pictures):
    point_at(suite, pictures)
    problem = "simulated[images=mine,n_images=1000]"
    df = suite.run("-s", "adjoint", "-d", "simulated", "-d", problem)
    assert len(df) == 2, "the healthy problem has its two rows"
    error = error_of(suite)
    assert error == (
        "n_images=1000 cannot be taken of the image set mine, which has 3: use a whole "
        "number from 1 to 3, or all."
    )


@pytest.mark.parametrize("name", ["2024", "'2024 b'", "'été'"])
def test_names_with_digits_spaces_and_accents(suite, pictures, name):
    plain = name.strip("'")
    (suite.folder / "config.yml").write_text(
        f"data_paths: {{'{plain}': {pictures}}}", encoding="utf-8"
    )
    df = suite.run("-s", "adjoint", "-d", f"simulated[images={name},n_images=1]")
    assert list(df.objective_image) == ["0.png"]
    assert f"images={plain}," in df.dataset_name[0]


def test_folders_follow_the_settings(suite, monkeypatch):
    Benchmark(suite.folder)
    config = suite.folder / "config.yml"
    for folder in ("one", "three"):
        config.write_text(f"data_paths: {{mine: {folder}}}")
        assert image_folder("mine") == suite.folder / "data" / folder
    assert image_folder("other") == suite.folder / "data" / "other"
    monkeypatch.setenv("BENCHOPT_DATA_HOME", str(suite.folder / "elsewhere"))
    assert image_folder("mine") == suite.folder / "elsewhere" / "three"
    config.unlink()
    assert image_folder("mine") == suite.folder / "elsewhere" / "mine"
