"""BVH files are read exactly or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen_data_prep import readers

ORDERS = ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
SIMPLE = """HIERARCHY
ROOT Hips
{
  OFFSET 0 10 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Knee
  {
    OFFSET 0 -4 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 10 0 0 0 0 0 0 0
1 10 0 90 0 0 0 0 0
"""


def read(tmp_path: Path, text: str | bytes) -> readers.Animation:
    path = tmp_path / "clip.bvh"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return readers.read(path)


def turn(axis: str, degrees: float) -> np.ndarray:
    """Rotation written out by hand, apart from the reader's own."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def test_places_joints_by_hand(tmp_path: Path) -> None:
    animation = read(tmp_path, SIMPLE)
    positions, _ = animation.global_transforms()
    assert animation.names == ("Hips", "Knee", "Knee end")
    assert animation.fps == pytest.approx(20)
    # A quarter turn about Z takes the leg from -Y to +X.
    np.testing.assert_allclose(positions[1], [[1, 10, 0], [5, 10, 0], [10, 10, 0]], atol=1e-12)
    np.testing.assert_allclose(animation.rest_positions()[2], [0, 1, 0])


@st.composite
def skeletons(draw: st.DrawFn) -> tuple[list[int], list[str], list[bool], np.ndarray, np.ndarray]:
    """Parents, channel order and whether it has positions for each joint; offsets and channel values."""
    joints = draw(st.integers(1, 7))
    parents = [-1] + [draw(st.integers(0, i - 1)) for i in range(1, joints)]
    orders = [draw(st.sampled_from(ORDERS)) for _ in range(joints)]
    moved = [True] + [draw(st.booleans()) for _ in range(1, joints)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = draw(st.integers(1, 4))
    return parents, orders, moved, rng.normal(size=(joints, 3)), rng.uniform(-170, 170, size=(frames, joints, 6))


def write(parents: list[int], orders: list[str], moved: list[bool], offsets: np.ndarray, values: np.ndarray) -> str:
    """The skeleton as BVH text; rotations come first where a joint's order ends in X."""
    columns: list[np.ndarray] = []
    lines = ["HIERARCHY"]

    def joint(index: int) -> None:
        lines.append(
            f"{'ROOT' if parents[index] < 0 else 'JOINT'} j{index} {{ OFFSET {' '.join(map(str, offsets[index]))}"
        )
        turns = [f"{axis}rotation" for axis in orders[index]]
        places = ["Xposition", "Yposition", "Zposition"] if moved[index] else []
        first = orders[index].endswith("X")
        channels = turns + places if first else places + turns
        lines.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
        place, rotation = values[:, index, :3], values[:, index, 3:]
        parts = [rotation, place] if first else [place, rotation]
        columns.extend(part for part in parts if part is rotation or moved[index])
        for child, parent in enumerate(parents):
            if parent == index:
                joint(child)
        if index not in parents:
            lines.append("End Site { OFFSET 0 1 0 }")
        lines.append("}")

    joint(0)
    rows = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(rows)}", "Frame Time: 0.0333333"]
    lines += [" ".join(map(repr, row.tolist())) for row in rows]
    return "\n".join(lines) + "\n"


@settings(max_examples=40, deadline=None)
@given(skeletons())
def test_forward_kinematics_of_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, skeleton: tuple[list[int], list[str], list[bool], np.ndarray, np.ndarray]
) -> None:
    parents, orders, moved, offsets, values = skeleton
    animation = read(tmp_path_factory.mktemp("bvh"), write(*skeleton))
    positions, _ = animation.global_transforms()
    for frame in range(len(values)):
        places: dict[int, np.ndarray] = {}
        turns: dict[int, np.ndarray] = {}
        for index, parent in enumerate(parents):
            local = np.eye(3)
            for axis, angle in zip(orders[index], values[frame, index, 3:]):
                local = local @ turn(axis, angle)
            shift = values[frame, index, :3] if moved[index] else offsets[index]
            places[index] = shift if parent < 0 else places[parent] + turns[parent] @ shift
            turns[index] = local if parent < 0 else turns[parent] @ local
            at = animation.names.index(f"j{index}")
            np.testing.assert_allclose(positions[frame, at], places[index], atol=1e-9)


REFUSED = {
    "a list of frames that ends early": (SIMPLE.rsplit("\n", 2)[0] + "\n", "holds 9 values|truncated"),
    "a value too many": (SIMPLE + "7\n", "holds 19 values"),
    "NaN": (SIMPLE.replace("1 10 0 90", "1 nan 0 90"), "NaN or infinity, first at frame 1"),
    "infinity": (SIMPLE.replace("1 10 0 90", "1 inf 0 90"), "NaN or infinity"),
    "a word among the values": (SIMPLE.replace("1 10 0 90", "1 ten 0 90"), "not a number|holds"),
    "no frame time": (SIMPLE.replace("Frame Time: 0.05\n", ""), "Frame Time"),
    "frame time zero": (SIMPLE.replace("0.05", "0"), "frame time is 0"),
    "frame time below zero": (SIMPLE.replace("0.05", "-0.05"), "frame time is -0.05"),
    "frame time NaN": (SIMPLE.replace("0.05", "nan"), "frame time is nan"),
    "a billion frames": (SIMPLE.replace("Frames: 2", "Frames: 1000000000"), "1000000000 frames"),
    "no frames": (SIMPLE.replace("Frames: 2", "Frames: 0"), "0 frames"),
    "frames below zero": (SIMPLE.replace("Frames: 2", "Frames: -3"), "-3 frames"),
    "no MOTION": (SIMPLE.split("MOTION")[0], "no MOTION"),
    "two joints of one name": (SIMPLE.replace("JOINT Knee", "JOINT Hips"), "two joints named 'Hips'"),
    "a joint that is never closed": (SIMPLE.replace("  }\n}\nMOTION", "  }\nMOTION"), "never closed"),
    "a brace too many": (SIMPLE.replace("}\nMOTION", "}\n}\nMOTION"), "out of place"),
    "an unknown channel": (SIMPLE.replace("Zposition", "Wposition"), "unknown channel 'wposition'"),
    "a channel twice": (SIMPLE.replace("Yposition", "Xposition"), "a channel twice"),
    "no offset": (SIMPLE.replace("    OFFSET 0 -4 0\n", ""), "no OFFSET"),
    "an offset that is no number": (SIMPLE.replace("0 -4 0", "0 four 0"), "'four'"),
    "an infinite offset": (SIMPLE.replace("0 -4 0", "0 inf 0"), "offset is inf"),
    "a hierarchy cut short": ("HIERARCHY\nROOT\nMOTION\nFrames: 1\nFrame Time: 1\n0", "ends where"),
    "nothing": ("", "not BVH"),
    "binary": (bytes(range(256)) * 50, "not BVH"),
    "binary after the magic word": (b"HIERARCHY\n" + bytes(range(128, 256)) + b"\nMOTION\n", "out of place"),
    "deep nesting": (
        "HIERARCHY\n" + "".join(f"{'JOINT' if i else 'ROOT'} j{i} {{\n" for i in range(5000)) + "MOTION\n",
        "more than 1000 joints",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refuses(tmp_path: Path, what: str) -> None:
    text, reason = REFUSED[what]
    with pytest.raises(readers.FileRefused, match=reason) as refusal:
        read(tmp_path, text)
    assert str(refusal.value).startswith(f"{tmp_path / 'clip.bvh'}: ")
    assert "\n" not in str(refusal.value)


def test_refuses_what_is_no_file_or_no_format(tmp_path: Path) -> None:
    with pytest.raises(readers.FileRefused, match="no such file"):
        readers.read(tmp_path / "none.bvh")
    (tmp_path / "clip.fbx").write_text("x")
    with pytest.raises(readers.FileRefused, match="not a motion format"):
        readers.read(tmp_path / "clip.fbx")
