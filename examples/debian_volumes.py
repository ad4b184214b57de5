"""Make two real volumes of files that Debian's packages hold, for `volume_mri` and `volume_ct`.

    apt-get download mricron-data invesalius-examples
    for package in *.deb; do dpkg -x $package scans; done
    python examples/debian_volumes.py scans volumes

`volumes/head` then has a head of magnetic resonance (ch2, 1 mm), and `volumes/cranium` the
tomography of a head, with cubes of 1.5 mm as voxels. The packages do not state the licences
of the scans: do not publish the files.
"""

import argparse
import plistlib
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK

HEAD = "usr/share/mricron/templates/ch2.nii.gz"
CRANIUM = "usr/share/doc/invesalius-examples/examples/Cranium.inv3"
# Of the cranium: the side of a voxel in mm, voxels of the cube, and the value of air.
VOXEL, SIDE, AIR = 1.5, 164, -1024


def read_invesalius(path):
    """The volume of an InVesalius project: an archive with a header and raw values."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
        (header,) = Path(folder).rglob("main.plist")
        content = plistlib.loads(header.read_bytes())
        matrix = content["matrix"]
        values = np.fromfile(header.parent / matrix["filename"], matrix["dtype"])
    image = SimpleITK.GetImageFromArray(values.reshape(matrix["shape"]))
    image.SetSpacing(content["spacing"])
    return image


def cube(image):
    """An image on a cube of equal voxels around its middle."""
    middle = image.TransformContinuousIndexToPhysicalPoint(
        [(n - 1) / 2 for n in image.GetSize()]
    )
    corner = [m - VOXEL * (SIDE - 1) / 2 for m in middle]
    grid = SimpleITK.ResampleImageFilter()
    grid.SetSize([SIDE] * 3)
    grid.SetOutputSpacing([VOXEL] * 3)
    grid.SetOutputOrigin(corner)
    grid.SetDefaultPixelValue(AIR)
    return grid.Execute(image)


def main():
    """Read the unpacked packages and write the volumes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", type=Path, help="folder of the unpacked packages")
    parser.add_argument("volumes", type=Path, help="folder for the volumes")
    options = parser.parse_args()
    for name in ("head", "cranium"):
        (options.volumes / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(options.packages / HEAD, options.volumes / "head")
    cranium = cube(read_invesalius(options.packages / CRANIUM))
    SimpleITK.WriteImage(cranium, str(options.volumes / "cranium" / "cranium.mha"))


if __name__ == "__main__":
    main()
