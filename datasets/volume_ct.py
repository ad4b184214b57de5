from benchmark_inverse_problems import Number, Task, VolumeDataset, cubes


class Dataset(VolumeDataset):
    """Circular cone-beam tomography of volumes: few views, 1 % noise.

    The noise has a standard deviation of 1 % of the mean of |Ax|. The setting follows R. Vo,
    J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D Inverse Problems", CVPR
    2026, at the size of a desk computer. Volumes: random ellipsoids with shells and
    texture, or files.
    """

    name = "volume_ct"
    parameters = {
        **cubes(),
        "views": Number(
            [60, 30], "Views, evenly over 360 degrees.", least=1, whole=True
        ),
    }
    test_parameters = {"n_images": [1], "size": [16], "views": [30]}

    def get_task(self):
        return Task("cone_beam", {"views": self.views}, sigma=0.01, relative=True)
