"""The image sets with files of their own kind, by their names."""

from .knees import FASTMRI_KNEE, FASTMRI_KNEE_MULTICOIL
from .lungs import LIDC
from .microscopes import FMD
from .scans import SCANS
from .shakes import KOHLER
from .sinograms import DETECT_CT
from .tanks import KIT4

# {name of the set: what its files are}.
SPECIAL_SETS = SCANS | {
    "detect_ct": DETECT_CT,
    "fastmri_knee": FASTMRI_KNEE,
    "fastmri_knee_multicoil": FASTMRI_KNEE_MULTICOIL,
    "fmd": FMD,
    "kit4": KIT4,
    "kohler": KOHLER,
    "lidc": LIDC,
}
