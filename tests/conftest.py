"""Fixtures that several tests share, and the shape checks that run only under pytest."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the processors; threads of each on all of them would only be in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# Shapes in signatures are checked at run time here, never in production. The checker is named by an importable path; an
# int is a float to it, as to the type checker that reads the code.
_checker = types.ModuleType("_shape_checker")
_checker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # type: ignore[attr-defined]
sys.modules[_checker.__name__] = _checker
_hook = install_import_hook(["motiongen", "motiongen_ops"], "_shape_checker.check")

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MOTIONGEN_SHARED", ROOT.parent / "shared"))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference data that is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data absent: {SHARED}; set MOTIONGEN_SHARED to the folder that holds it")
    return SHARED
