"""AMC with its ASF is read as the format defines it, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motiongen_data_prep import readers

ASF = """# a comment
:version 1.10
:units
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 4
    axis 0 0 90 XYZ
    dof rx
    limits (-160.0 20.0)
  end
  begin
    id 2
    name shin
    direction 0 -1 0
    length 3
    axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0
2
root 0 0 0 30 20 10
thigh 90
"""


def read(tmp_path: Path, amc: str = AMC, asf: str = ASF) -> readers.Animation:
    (tmp_path / "01_01.amc").write_text(amc)
    (tmp_path / "01.asf").write_text(asf)
    return readers.read(tmp_path / "01_01.amc")


def test_places_joints_by_hand(tmp_path: Path) -> None:
    animation = read(tmp_path)
    positions, _ = animation.global_transforms()
    assert animation.names == ("root", "thigh", "shin", "shin end")
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [1, 2, 3], [1, -2, 3], [1, -5, 3]], atol=1e-12)
    # The thigh's X axis is the world's Y axis (axis 0 0 90), about which a leg pointing down does not move.
    x, y, z = np.radians([30, 20, 10])
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    np.testing.assert_allclose(positions[1, 2], rz @ ry @ rx @ [0, -4, 0], atol=1e-12)


def test_a_bone_turns_about_its_own_axes(tmp_path: Path) -> None:
    positions, _ = read(tmp_path, asf=ASF.replace("axis 0 0 90", "axis 0 0 0")).global_transforms()
    level, _ = read(
        tmp_path, AMC.replace("30 20 10", "0 0 0"), ASF.replace("axis 0 0 90", "axis 0 0 0")
    ).global_transforms()
    # Ninety degrees about +X take a leg from -Y to -Z.
    np.testing.assert_allclose(level[1, 2], [0, 0, -4], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(positions[1, 3] - positions[1, 2]), 3)


def test_radians_are_understood(tmp_path: Path) -> None:
    degrees, _ = read(tmp_path).global_transforms()
    amc = AMC.replace(":DEGREES", ":RADIANS")
    for angle in (30, 20, 10, 90):
        amc = amc.replace(f" {angle}", f" {np.radians(angle)!r}".replace("np.float64(", "").replace(")", ""))
    radians, _ = read(tmp_path, amc).global_transforms()
    np.testing.assert_allclose(radians, degrees, atol=1e-9)


AMC_REFUSED = {
    "an unknown bone": (AMC + "tail 1\n", "'tail' is not in the skeleton"),
    "a bone that does not move": (AMC + "shin 1\n", "'shin' does not move"),
    "too many values": (AMC.replace("thigh 90", "thigh 90 1"), "frame 2 gives bone 'thigh' 2 values; it has 1"),
    "too few values": (AMC.replace("root 1 2 3 0 0 0", "root 1 2 3 0 0"), "frame 1 gives bone 'root' 5 values"),
    "a frame cut short": (AMC.replace("thigh 90\n", ""), "frame 2 has no values for bone 'thigh'"),
    "a bone twice": (AMC + "thigh 90\n", "given twice"),
    "NaN": (AMC.replace("thigh 90", "thigh nan"), "NaN"),
    "a word": (AMC.replace("thigh 90", "thigh x"), "not a number"),
    "no frames": (":DEGREES\n", "no frames"),
    "nothing": ("", "no frames"),
}
ASF_REFUSED = {
    "no hierarchy": (ASF.split(":hierarchy")[0], "no :hierarchy"),
    "a cycle": (ASF.replace("root thigh\n    thigh shin", "root shin\n    thigh thigh"), "cycle"),
    "a bone with two parents": (ASF.replace("thigh shin", "thigh shin\n    shin thigh"), "two places"),
    "a bone outside the hierarchy": (ASF.replace("    thigh shin\n", ""), "'shin' is not in the hierarchy"),
    "an unknown bone": (ASF.replace("thigh shin", "thigh tail"), "unknown bone 'tail'"),
    "two bones of one name": (ASF.replace("name shin", "name thigh"), "two bones named 'thigh'"),
    "a length that is NaN": (ASF.replace("length 4", "length nan"), "finite"),
    "a bone cut short": (ASF.replace("    dof rx\n    limits (-160.0 20.0)\n  end\n", ""), "ends|two|'shin'|name"),
    "nothing": ("", "no :root"),
}


@pytest.mark.parametrize("what", AMC_REFUSED)
def test_refuses_a_motion(tmp_path: Path, what: str) -> None:
    text, reason = AMC_REFUSED[what]
    with pytest.raises(readers.FileRefused, match=reason) as refusal:
        read(tmp_path, amc=text)
    assert str(refusal.value).startswith(f"{tmp_path / '01_01.amc'}: ") and "\n" not in str(refusal.value)


@pytest.mark.parametrize("what", ASF_REFUSED)
def test_refuses_a_skeleton(tmp_path: Path, what: str) -> None:
    text, reason = ASF_REFUSED[what]
    with pytest.raises(readers.FileRefused, match=reason) as refusal:
        read(tmp_path, asf=text)
    assert "\n" not in str(refusal.value)


def test_needs_the_skeleton(tmp_path: Path) -> None:
    (tmp_path / "09_02.amc").write_text(AMC)
    with pytest.raises(readers.FileRefused, match=r"needs the skeleton 09\.asf"):
        readers.read(tmp_path / "09_02.amc")
    (tmp_path / "other.asf").write_text(ASF)
    assert len(readers.read(tmp_path / "09_02.amc", asf=tmp_path / "other.asf")) == 2


def test_refuses_binary(tmp_path: Path) -> None:
    (tmp_path / "01.asf").write_text(ASF)
    (tmp_path / "01_01.amc").write_bytes(bytes(range(256)))
    with pytest.raises(readers.FileRefused, match="not text"):
        readers.read(tmp_path / "01_01.amc")
