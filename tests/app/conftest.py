"""A pipeline and a dataset small enough to be made on the spot, and the command line in this process."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from typer.main import get_command

from motiongen.features.humanml3d import encode
from motiongen.models.denoiser import MotionMambaDenoiser
from motiongen.models.text import WordLlamaText
from motiongen.models.vae import TemporalCodec
from motiongen.pipeline import TextToMotionPipeline
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS, uniform_offsets
from motiongen_app.cli import app


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


def motiongen(*args: object) -> Result:
    """Run the command line in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            get_command(app).main([str(arg) for arg in args], prog_name="motiongen")
        except SystemExit as exit:
            code = int(exit.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


def start(*args: object) -> subprocess.Popen[str]:
    """Start the installed command as a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = [str(Path(sys.executable).parent / "motiongen"), *map(str, args)]
    return subprocess.Popen(process, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(name="run", scope="session")
def _run() -> Callable[..., Result]:
    return motiongen


@pytest.fixture(name="start", scope="session")
def _start() -> Callable[..., subprocess.Popen[str]]:
    return start


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained pipeline."""
    torch.manual_seed(0)
    text = WordLlamaText(dim=32, layers=1, feedforward=64)
    codec = TemporalCodec(latent_dim=8, width=48, blocks=1)
    # Statistics of a body, so that what the untrained decoder gives has about the size of one.
    walks = torch.cat([encode(walk(64, phase)) for phase in (0.0, 1.0)])
    codec.features.set(walks.mean(0), walks.std(0))
    denoiser = MotionMambaDenoiser(latent_dim=8, width=64, text_dim=text.dim, blocks=2, inner=32, group=16)
    folder = tmp_path_factory.mktemp("pipelines") / "tiny"
    TextToMotionPipeline(codec, text, denoiser).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in HumanML3D's layout: a few walks of different speed and phase."""
    folder = tmp_path_factory.mktemp("dataset")
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir()
    clips = {f"{i:06d}": encode(walk(70 + 3 * i, phase=0.7 * i, speed=0.8 + 0.1 * i)).numpy() for i in range(9)}
    for name, features in clips.items():
        np.save(folder / "new_joint_vecs" / f"{name}.npy", features)
        lines = ("a person walks forward#a/DET person/NOUN#0.0#0.0", "someone walks#someone/NOUN#0.0#0.0")
        (folder / "texts" / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = list(clips)
    for split, members in {"train": names[:6], "val": names[6:8], "test": names[8:]}.items():
        (folder / f"{split}.txt").write_text("\n".join(members) + "\n", encoding="utf-8")
    frames = np.concatenate(list(clips.values()))
    np.save(folder / "Mean.npy", frames.mean(0))
    np.save(folder / "Std.npy", frames.std(0) + 1e-3)
    return folder


@pytest.fixture(scope="session")
def standing() -> Float[Tensor, "t 22 3"]:
    """A second of someone who stands still."""
    return walk(1).expand(20, -1, -1)


def walk(frames: int, phase: float = 0.0, speed: float = 1.0) -> Float[Tensor, "t 22 3"]:
    """A made-up walk along +Z: a stiff body that glides, and legs that swing."""
    rest = torch.zeros(NUM_JOINTS, 3)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            rest[joint] = rest[parent] + uniform_offsets(torch.float32)[joint]
    joints = (rest - rest[:, 1].min() * torch.tensor([0.0, 1.0, 0.0])).expand(frames, -1, -1).clone()
    time = torch.arange(frames) / 20
    joints[..., 2] += speed * time[:, None]
    swing = (2 * math.pi * 0.9 * time + phase).sin()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for part, reach in (("knee", 0.15), ("ankle", 0.3), ("foot", 0.3)):
            joints[:, JOINT_INDEX[f"{side}_{part}"], 2] += sign * reach * swing
            joints[:, JOINT_INDEX[f"{side}_{part}"], 1] += 0.2 * reach * (sign * swing).clamp(min=0)
    return joints
