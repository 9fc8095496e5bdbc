"""Drop-in sequence mixers: (x [b, l, c], mask [b, l] or None) -> [b, l, c], one page each, by name in `MIXERS`."""

from motiongen_ops.mixers.bidirectional import VisionMamba
from motiongen_ops.mixers.hydra import Hydra, quasiseparable
from motiongen_ops.mixers.layers import SequenceMixer
from motiongen_ops.mixers.mamba import Mamba
from motiongen_ops.mixers.ssd import Mamba2, ssd_scan
from motiongen_ops.mixers.vssd import VSSD, non_causal_ssd

# All take (channels, states=, expand=, kernel=, delta_range=); the causal ones also `reverse=`.
MIXERS: dict[str, type[SequenceMixer]] = {
    "mamba": Mamba,
    "mamba2": Mamba2,
    "vim": VisionMamba,
    "hydra": Hydra,
    "vssd": VSSD,
}

__all__ = [
    "MIXERS",
    "VSSD",
    "Hydra",
    "Mamba",
    "Mamba2",
    "SequenceMixer",
    "VisionMamba",
    "non_causal_ssd",
    "quasiseparable",
    "ssd_scan",
]
