from benchmark_inverse_problems import Number, Task, VolumeDataset, cubes


class Dataset(VolumeDataset):
    """Multi-coil MRI of complex volumes: variable density in two directions, noise 0.02.

    The setting follows R. Vo, J. Tachella, "Efficient Unrolled Networks for Large-Scale 3D
    Inverse Problems", CVPR 2026, at the size of a desk computer. The coils are simulated.
    Volumes: random ellipsoids with shells, texture and a smooth phase, or files.
    """

    name = "volume_mri"
    complex = True
    parameters = {
        **cubes(),
        "acceleration": Number(
            [4, 8], "Points of the mask's plane for each measured one.", least=1
        ),
        "coils": Number([4], "Receiver coils.", least=1, whole=True),
    }
    test_parameters = {"n_images": [1], "size": [16], "acceleration": [4]}

    def get_task(self):
        settings = {"acceleration": self.acceleration, "coils": self.coils}
        return Task("multicoil_mri", settings, sigma=0.02)
