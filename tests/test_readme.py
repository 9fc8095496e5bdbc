"""What the README tells people to type, typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
import pytest

from motiongen import Motion

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = Path(sys.executable).parent


def commands() -> list[str]:
    """Lines of the README's indented blocks that call motiongen, continuation lines joined."""
    text = README.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    found = [part.strip() for line in lines for part in line.split("&&")]
    return [c for c in found if c.startswith(("motiongen ", "torchrun"))]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    # The command that torchrun starts is checked as if it was started by hand.
    words = words[next(i for i, w in enumerate(words) if "motiongen" in w) :]
    if words[0] != "motiongen":
        words = words[1:]
    arguments = [w for w in words if w != "motiongen"]
    arguments = [w for w in arguments if w != "motiongen)"]
    return subprocess.run([str(SCRIPTS / "motiongen"), *arguments], cwd=folder, capture_output=True, text=True)


def test_first_command_makes_a_clip_one_can_watch(tmp_path: Path) -> None:
    command = next(c for c in commands() if c.startswith("motiongen generate"))
    result = run(command, tmp_path)
    assert result.returncode == 0, result.stderr
    (entry,) = json.loads((tmp_path / "out/manifest.json").read_text())
    assert entry["text"] == "an elderly person walks forward and turns left" and entry["seed"] == 7
    stem = "000-an-elderly-person-walks-forward-and-turns-left"
    assert sorted(entry["files"]) == [f"{stem}.mp4", f"{stem}.npz"] and f"{stem}.npz" in README
    assert len(Motion.load(tmp_path / "out" / f"{stem}.npz")) == 120
    with av.open(str(tmp_path / "out" / f"{stem}.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264" and sum(1 for _ in video.decode(stream)) == 120


def test_python_screen_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (code,) = (block for block in blocks if "TextToMotionPipeline" in block)
    assert len(code.splitlines()) <= 25
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert len(Motion.load(tmp_path / "bow.npz")) == 140


# What needs nothing of the reader is typed by other tests; a demo would not end.
ALONE = {"generate", "doctor", "demo"}


@pytest.mark.parametrize("command", [c for c in commands() if not ALONE & set(c.split()[:2])])
def test_other_commands_fail_for_want_of_data_alone(command: str, tmp_path: Path) -> None:
    """Data and clips are the reader's own; what can be wrong with the words of the README must not be."""
    result = run(command, tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert re.search(r"no such (file|folder)|No such file", result.stderr), result.stderr
    assert "option" not in result.stderr


def test_nothing_was_left_to_be_filled_in() -> None:
    cards = [ROOT / "README.md", *sorted((ROOT / "assets").rglob("README.md"))]
    left = [
        f"{c.parent.name}: {line}"
        for c in cards
        for line in c.read_text().splitlines()
        if re.fullmatch(r"[A-Z]+", line)
    ]
    assert left == []


def test_pictures_and_files_named_exist() -> None:
    named = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README) + re.findall(r"`((?:assets|motiongen|ops)/[\w./-]+)`", README)
    assert [n for n in named if not (ROOT / n).exists()] == []
