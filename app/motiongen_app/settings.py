"""What every command that generates is told: seed, sampling, pipeline, device and the files to write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from motiongen.diffusion.sampling import check_scheduler
from motiongen.export import EXPORTERS
from motiongen_app import manifest
from motiongen_app.errors import InputError, in_range, writable_folder
from motiongen_app.files import WITH_BONES

MAX_STEPS = 1000
MAX_GUIDANCE = 50.0
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Settings:
    """Options that `generate`, `edit` and `continue` share; `check` looks at them before anything is loaded."""

    seed: int
    out: Path
    steps: int
    guidance: float
    scheduler: str
    clean_feet: bool
    formats: str
    pipeline: str
    device: str
    mixamo: bool = False

    def check(self) -> None:
        """Raises: InputError, MotionError: a value is out of range or names nothing that exists."""
        in_range("--seed", self.seed, 0, MAX_SEED)
        in_range("--steps", self.steps, 1, MAX_STEPS)
        in_range("--guidance", self.guidance, 0, MAX_GUIDANCE)
        check_scheduler(self.scheduler)
        writable_folder(self.out, "--out")
        manifest.entries(self.out)
        formats = chosen_formats(self.formats)
        if self.mixamo and not set(formats) & set(WITH_BONES):
            raise InputError(f"--mixamo names the bones of {' and '.join(WITH_BONES)}; add one of them to --formats")
        chosen_device(self.device)

    def generator(self, number: int = 0) -> torch.Generator:
        """Randomness of the sample of that number."""
        return torch.Generator().manual_seed(self.seed + number)


def chosen_formats(given: str) -> tuple[str, ...]:
    """Names of formats in a list with commas. Raises: InputError: none is given, or one is unknown."""
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    known = ", ".join(EXPORTERS)
    if not names:
        raise InputError(f"--formats is empty; give some of {known}")
    for name in names:
        if name not in EXPORTERS:
            raise InputError(f"format '{name}' is unknown; there are {known}")
    return names


def chosen_device(name: str) -> torch.device:
    """Raises: InputError: the device is not one that torch can use here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"device '{name}' is unknown; give auto, cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise InputError(f"device '{name}' is not there ({found} CUDA devices found); use --device auto or cpu")
    return device
