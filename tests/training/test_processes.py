"""Two training processes on the CPU learn what one learns, and one of them may be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from motiongen.features.humanml3d import encode
from motiongen.motion import MotionError
from motiongen.training.codec import train_codec
from motiongen.training.config import load_config
from motiongen.training.processes import one_of
from tests.app.conftest import walk

# Sums in another order differ in the last bits, and forty steps of Adam pass that on.
CLOSE = 2e-4


@pytest.fixture(name="dataset", scope="module")
def _dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    clips = [encode(walk(64, phase=0.7 * i, speed=0.8 + 0.1 * i)).numpy() for i in range(5)]
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir()
    for i, features in enumerate(clips):
        np.save(folder / "new_joint_vecs" / f"{i}.npy", features)
        (folder / "texts" / f"{i}.txt").write_text("a person walks#a/DET#0.0#0.0\n")
    for split, names in {"train": "0 1 2 3", "val": "4", "test": "4"}.items():
        (folder / f"{split}.txt").write_text("\n".join(names.split()))
    frames = np.concatenate(clips)
    np.save(folder / "Mean.npy", frames.mean(0))
    np.save(folder / "Std.npy", frames.std(0) + 1e-3)
    return folder


def start(dataset: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """The command as a user starts it on a machine without a GPU."""
    beside = Path(sys.executable).parent
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [str(beside / "motiongen"), "train", "codec", "--config", "tiny", "--data", str(dataset)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*launcher, *command, "--out", str(out), *more], env=environment, text=True, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def logged(out: Path) -> list[int]:
    path = out / "curves.jsonl"
    rows = path.read_text().splitlines() if path.exists() else []
    return [json.loads(row)["step"] for row in rows if '"loss"' in row]


def kill_the_second(launcher: subprocess.Popen[str], out: Path, step: int) -> None:
    """Kill one of the workers with no warning once so many steps are logged."""
    deadline = time.monotonic() + 300
    while len(logged(out)) < step:
        assert launcher.poll() is None and time.monotonic() < deadline, launcher.communicate()
        time.sleep(0.01)
    workers = psutil.Process(launcher.pid).children()
    (second,) = [worker for worker in workers if worker.environ().get("RANK") == "1"]
    second.send_signal(signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="the launcher's rendezvous needs a POSIX system")
def test_two_processes_learn_what_one_does_even_when_one_is_killed(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    first = start(dataset, out)
    kill_the_second(first, out, 6)
    _, told = first.communicate()
    assert first.returncode != 0
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert "another of the 2 training processes was killed or stopped" in line and "--resume" in line
    assert not (out / "codec").exists()

    second = start(dataset, out, "--resume")
    _, told = second.communicate()
    assert second.returncode == 0, told
    assert logged(out) == list(range(1, 41))

    alone = train_codec(load_config("codec", "tiny"), dataset, tmp_path / "one")
    together = load_file(out / "codec" / "model.safetensors")
    for name, weights in alone.state_dict().items():
        assert torch.allclose(together[name], weights, atol=CLOSE, rtol=CLOSE), name


def test_what_goes_wrong_in_one_process_is_not_blamed_on_another() -> None:
    with pytest.raises(RuntimeError, match="shapes"), one_of(2, lambda: 7):
        raise RuntimeError("shapes do not fit")
    with pytest.raises(MotionError, match=r"another of the 2 .* at step 7; .*--resume"), one_of(2, lambda: 7):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:538] Connection closed by peer")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_the_launchers_signal_ends_a_process_with_a_word() -> None:
    with pytest.raises(MotionError, match="killed or stopped"), one_of(2, lambda: 3):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
