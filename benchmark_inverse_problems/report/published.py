"""Published figures, which tables show beside ours if the protocol is the same."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One method's figures from one table of one paper.

    Attributes
    ----------
    method, source : str
    metric : str
        A key of `METRICS`.
    problem : str
        Name of the problem with ``{}`` in place of the level.
    values : dict
        {level: figure}, in dB.
    """

    method: str
    source: str
    metric: str
    problem: str
    values: dict


COLOUR = "cbsd68_denoise[crop=none,images=cbsd68,n_images=all,sigma={}]"
GRAY = "bsd68_denoise[crop=none,images=cbsd68,n_images=all,quantised=False,sigma={}]"
QUANTISED = GRAY.replace("False", "True")
BSD100 = "bsd100_sr[crop=none,factor={},images=bsd100,n_images=all]"
SET3C = "div2k_sr{}[crop=none,images=set3c,n_images=all]"
DNCNN = "Zhang et al., TIP 2017"
FFDNET = "Zhang, Zuo and Zhang, TIP 2018"
RIM = "Putzky and Welling, 2017, table 2"
# The caption says RGB. The figures of bicubic show that it is the luma channel.
RIM_SR = "Putzky and Welling, 2017, table 3"
FIRE = "Terris, Kamilov and Moreau, CVPR 2025, one prior, Set3C"
# There is no figure of the paper on RAM, because the settings of its levels could not
# be read. The figures of the paper on FiRe are those of super-resolution only, because
# its blur kernels are not published.
PUBLISHED = [
    Published("DnCNN", DNCNN, "psnr", COLOUR, {15: 33.89, 25: 31.23, 50: 27.92}),
    Published("FFDNet", FFDNET, "psnr", COLOUR, {15: 33.87, 25: 31.21, 50: 27.96}),
    Published("RIM-denoise", RIM, "psnr", GRAY, {15: 31.31, 25: 28.91, 50: 26.06}),
    Published("RIM-3task", RIM, "psnr", GRAY, {15: 31.19, 25: 28.67, 50: 25.78}),
    Published("KSVD", RIM, "psnr", GRAY, {15: 30.87, 25: 28.28, 50: 25.17}),
    Published("FoE", RIM, "psnr", GRAY, {15: 30.99, 25: 28.40, 50: 25.35}),
    Published("BM3D", RIM, "psnr", GRAY, {15: 31.08, 25: 28.56, 50: 25.62}),
    Published("LSSC", RIM, "psnr", GRAY, {15: 31.27, 25: 28.70, 50: 25.72}),
    Published("EPLL", RIM, "psnr", GRAY, {15: 31.19, 25: 28.68, 50: 25.67}),
    Published("opt-MRF", RIM, "psnr", GRAY, {15: 31.18, 25: 28.66, 50: 25.70}),
    Published("MLP", RIM, "psnr", GRAY, {25: 28.85}),
    Published("RTF-5", RIM, "psnr", GRAY, {25: 28.75}),
    Published("RIM-denoise", RIM, "psnr", QUANTISED, {15: 31.25, 25: 28.76, 50: 25.27}),
    Published("RIM-3task", RIM, "psnr", QUANTISED, {15: 31.06, 25: 28.41, 50: 24.86}),
    Published("FoE", RIM, "psnr", QUANTISED, {25: 28.22}),
    Published("BM3D", RIM, "psnr", QUANTISED, {25: 28.31}),
    Published("LSSC", RIM, "psnr", QUANTISED, {25: 28.23}),
    Published("RTF-5", RIM, "psnr", QUANTISED, {25: 28.74}),
    Published("RIM", RIM_SR, "psnr_luma", BSD100, {2: 31.39, 3: 28.51, 4: 27.01}),
    Published("SelfExSR", RIM_SR, "psnr_luma", BSD100, {2: 31.18, 3: 28.30, 4: 26.85}),
    Published("A+", RIM_SR, "psnr_luma", BSD100, {2: 31.22, 3: 28.30, 4: 26.82}),
    Published("SRCNN", RIM_SR, "psnr_luma", BSD100, {2: 31.11, 3: 28.20, 4: 26.70}),
    Published("bicubic", RIM_SR, "psnr_luma", BSD100, {2: 29.55, 3: 27.20, 4: 25.96}),
    Published("FiRe Restormer", FIRE, "psnr", SET3C, {4: 24.29}),
    Published("FiRe SCUNet denoise", FIRE, "psnr", SET3C, {4: 24.30}),
    Published("FiRe SCUNet JPEG", FIRE, "psnr", SET3C, {4: 24.01}),
    Published("FiRe SwinIR x2", FIRE, "psnr", SET3C, {4: 24.02}),
    Published("FiRe LaMa", FIRE, "psnr", SET3C, {4: 21.80}),
    Published("PnP DRUNet", FIRE, "psnr", SET3C, {4: 22.54}),
]


def published(problems, metric):
    """Published figures for some problems: {method: {problem: figure}}, and sources.

    Parameters
    ----------
    problems : iterable of str
        Names of problems, as in results.
    metric : str

    Returns
    -------
    figures : dict
    sources : dict
        {method: source}.
    """
    figures, sources = {}, {}
    for row in PUBLISHED:
        for level, value in row.values.items():
            problem = row.problem.format(level)
            if row.metric == metric and problem in problems:
                figures.setdefault(row.method, {})[problem] = value
                sources[row.method] = row.source
    return figures, sources


# Costs of the methods of RAM's authors, on their accelerator. Parameters are in
# millions, memory is in MB.
COSTS_SOURCE = "slides of the authors of RAM (Terris et al., ICLR 2026)"
COSTS = {
    "PDNet (published)": {
        "parameters": 0.456,
        "gflops": 60,
        "memory": 52,
        "training": 5815,
    },
    "uDPIR-untied (published)": {
        "parameters": 256,
        "gflops": 2234,
        "memory": 1213,
        "training": 37288,
    },
    "uDPIR-tied (published)": {
        "parameters": 32,
        "gflops": 2234,
        "memory": 298,
        "training": 36374,
    },
    "RAM (published)": {
        "parameters": 36,
        "gflops": 360,
        "memory": 354,
        "training": 9670,
    },
}
# Mean PSNR over RAM's tasks, of the network with more and more of its parts.
RAM_ABLATION = {"base": 25.83, "prox": 26.64, "prox_y": 26.71, "krylov": 27.61}
# PSNR of networks trained on one task, tested on inpainting, deblurring and
# super-resolution x2. One figure is not given.
RAM_TRANSFER = {
    "inpainting": (30.84, 23.03, 26.17),
    "deblurring": (14.06, 25.62, 28.02),
    "sr": (float("nan"), 21.25, 28.60),
    "krylov": (30.73, 25.58, 29.79),
}
# Unrolled networks of multi-coil MRI, with and without patches and an approximate A^T A:
# mean PSNR, peak memory of a training step in GB, and its seconds on one accelerator.
VOLUME_ABLATION_SOURCE = (
    "Vo and Tachella, CVPR 2026, Calgary-Campinas, 256x218x170 voxels"
)
VOLUME_ABLATION = {
    "whole volumes": (36.23, 75.93, 2.16),
    "whole volumes, approximate": (35.12, 74.48, 2.15),
    "patches": (35.85, 37.02, 1.10),
    "patches, approximate": (35.09, 37.04, 1.09),
}
# RAM fitted to N measurements without truth, {problem: {N: (PSNR, seconds)}}; N = 0 is the
# network as it is. PSNR is the paper's, with satellite images; the seconds are the slides',
# on an accelerator.
RAM_FINETUNING_SOURCE = "Terris et al., ICLR 2026, and slides"
RAM_FINETUNING = {
    "demosaic": {
        0: (29.49, 0),
        1: (33.89, 60),
        10: (34.73, 107),
        100: (35.10, 267),
    },
    "compressed_sensing": {
        0: (32.84, 0),
        1: (30.40, 43),
        10: (32.29, 80),
        100: (33.57, 228),
    },
}
