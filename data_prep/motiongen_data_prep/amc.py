"""AMC and ASF: joint angles of a trial and the skeleton of its subject (Acclaim, 1990s; the CMU database)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from motiongen_data_prep.animation import Animation, FileRefused, euler_to_matrix

# AMC files carry no frame rate; the CMU database was recorded at 120 Hz.
FPS = 120.0
_AXES = {"x": 0, "y": 1, "z": 2}
_DOFS = ("rx", "ry", "rz")
_ROOT_DOFS = ("tx", "ty", "tz", *_DOFS)
_MAX_BONES = 1000
# No angle, length or place in any unit is larger; sums and sines of what is stay numbers.
_LARGEST = 1e9
# Bones times frames that a file may have, beside one for each of its bytes: a bone that does not move costs none.
_SAMPLES = 1_000_000


@dataclass
class _Bone:
    name: str
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    dofs: tuple[str, ...] = ()
    parent: str | None = None


def parse(data: bytes, skeleton: bytes, path: Path, skeleton_path: Path) -> Animation:
    """The animation of an AMC file's bytes on the skeleton of an ASF file's.

    A joint stands at the start of the bone whose name it has; a bone without children also has `{bone} end`.
    Lengths stay in the file's units.

    Raises:
        FileRefused: either file is damaged, or the motion does not fit the skeleton.
    """
    bones = _skeleton(_lines(skeleton, skeleton_path), skeleton_path)
    frames = _frames(_lines(data, path), bones, path)
    if len(frames["root"]) * len(bones) > _SAMPLES + len(data):
        raise FileRefused(path, f"moves {len(bones)} bones through {len(frames['root'])} frames with too few values")
    return _animation(bones, frames)


def _lines(data: bytes, path: Path) -> list[str]:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise FileRefused(path, "is not text, so neither ASF nor AMC") from None
    return [stripped for line in text.splitlines() if (stripped := line.strip()) and not stripped.startswith("#")]


def _skeleton(lines: list[str], path: Path) -> dict[str, _Bone]:
    """Bones by name, parents before children; the first is the root."""
    sections: dict[str, list[list[str]]] = {}
    for line in lines:
        words = line.split()
        if words[0].startswith(":"):
            current = sections.setdefault(words[0].lower(), [])
            current.extend([words[1:]] if words[1:] else [])
        elif sections:
            current.append(words)
    for name in (":root", ":bonedata", ":hierarchy"):
        if name not in sections:
            raise FileRefused(path, f"has no {name} section, so it is not ASF or is truncated")
    degrees = not any(words[:2] == ["angle", "rad"] for words in sections.get(":units", []))
    bones = {"root": _Bone("root", dofs=_ROOT_DOFS)}
    _read_root(bones["root"], sections[":root"], path)
    for bone in _bone_data(sections[":bonedata"], degrees, path):
        if bone.name in bones:
            raise FileRefused(path, f"has two bones named '{bone.name[:40]}'")
        if len(bones) == _MAX_BONES:
            raise FileRefused(path, f"has more than {_MAX_BONES} bones")
        bones[bone.name] = bone
    return _in_order(bones, sections[":hierarchy"], path)


def _read_root(root: _Bone, lines: list[list[str]], path: Path) -> None:
    for words in lines:
        if words[0].lower() == "order":
            root.dofs = tuple(word.lower() for word in words[1:])
            if sorted(root.dofs) != sorted(_ROOT_DOFS):
                raise FileRefused(path, f"the root's order is '{' '.join(words[1:])}'; it needs TX TY TZ RX RY RZ")


def _bone_data(lines: list[list[str]], degrees: bool, path: Path) -> list[_Bone]:
    bones: list[_Bone] = []
    bone: _Bone | None = None
    for words in lines:
        key = words[0].lower()
        if key == "begin":
            bone = _Bone("")
        elif bone is None:
            raise FileRefused(path, f"'{key[:20]}' stands outside a bone")
        elif key == "end":
            if not bone.name:
                raise FileRefused(path, "has a bone without a name")
            bones.append(bone)
            bone = None
        elif key == "name":
            bone.name = " ".join(words[1:])
        elif key == "direction":
            bone.direction = _vector(words[1:4], path)
        elif key == "length":
            bone.length = float(_vector(words[1:2], path, 1)[0])
        elif key == "axis":
            # The axis lists rotations about fixed axes, so its first letter acts first.
            order = tuple(_AXES[letter] for letter in words[4].lower()) if _is_order(words[4:]) else (0, 1, 2)
            angles = _vector(words[1:4], path)
            bone.axis = euler_to_matrix((angles if degrees else np.degrees(angles))[::-1], order[::-1])
        elif key == "dof":
            bone.dofs = tuple(word.lower() for word in words[1:])
            unknown = [dof for dof in bone.dofs if dof not in _DOFS]
            if unknown:
                raise FileRefused(path, f"bone '{bone.name}' moves by '{unknown[0][:20]}'; only rx, ry, rz are known")
    if bone is not None:
        raise FileRefused(path, "ends inside a bone (truncated)")
    return bones


def _is_order(words: list[str]) -> bool:
    return bool(words) and sorted(words[0].lower()) == ["x", "y", "z"]


def _vector(words: list[str], path: Path, size: int = 3) -> np.ndarray:
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        raise FileRefused(path, f"'{' '.join(words)[:40]}' stands where numbers should be") from None
    if values.size != size or not (np.abs(values) <= _LARGEST).all():
        raise FileRefused(path, f"'{' '.join(words)[:40]}' should be {size} finite numbers of at most {_LARGEST:g}")
    return values


def _in_order(bones: dict[str, _Bone], lines: list[list[str]], path: Path) -> dict[str, _Bone]:
    ordered = {"root": bones["root"]}
    for words in lines:
        if words[0] in ("begin", "end"):
            continue
        if words[0] not in bones:
            raise FileRefused(path, f"the hierarchy names an unknown bone '{words[0][:40]}'")
        if words[0] not in ordered:
            raise FileRefused(path, f"bone '{words[0]}' has children before it has a parent (a cycle, or out of order)")
        for child in words[1:]:
            if child not in bones:
                raise FileRefused(path, f"the hierarchy names an unknown bone '{child[:40]}'")
            if child in ordered:
                raise FileRefused(path, f"bone '{child}' has two places in the hierarchy")
            bones[child].parent = words[0]
            ordered[child] = bones[child]
    if len(ordered) < len(bones):
        loose = next(name for name in bones if name not in ordered)
        raise FileRefused(path, f"bone '{loose}' is not in the hierarchy")
    return ordered


def _frames(lines: list[str], bones: dict[str, _Bone], path: Path) -> dict[str, np.ndarray]:
    """Values [frames, degrees of freedom] of every bone that moves."""
    values: dict[str, list[list[str]]] = {name: [] for name, bone in bones.items() if bone.dofs}
    count = 0
    radians = False
    for line in lines:
        words = line.split()
        if words[0].startswith(":"):
            radians = radians or words[0].lower() == ":radians"
        elif words[0].isdigit() and len(words) == 1:
            _complete(values, count, path)
            count += 1
        elif words[0] not in values:
            known = "does not move in" if words[0] in bones else "is not in"
            raise FileRefused(path, f"bone '{words[0][:40]}' {known} the skeleton")
        elif len(values[words[0]]) != count - 1:
            raise FileRefused(path, f"bone '{words[0]}' is {'given twice' if count else 'given before a frame'}")
        elif len(words) - 1 != len(bones[words[0]].dofs):
            wanted = len(bones[words[0]].dofs)
            raise FileRefused(path, f"frame {count} gives bone '{words[0]}' {len(words) - 1} values; it has {wanted}")
        else:
            values[words[0]].append(words[1:])
    if count == 0:
        raise FileRefused(path, "has no frames, so it is not AMC or is truncated")
    _complete(values, count, path)
    numbers: dict[str, np.ndarray] = {}
    for name, rows in values.items():
        try:
            numbers[name] = np.array(rows, dtype=np.float64)
        except ValueError:
            raise FileRefused(path, f"bone '{name}' has a value that is not a number") from None
        if not (np.abs(numbers[name]) <= _LARGEST).all():
            raise FileRefused(path, f"bone '{name}' has a value that is NaN, infinite or more than {_LARGEST:g}")
        if radians:
            turns = [i for i, dof in enumerate(bones[name].dofs) if dof in _DOFS]
            numbers[name][:, turns] = np.degrees(numbers[name][:, turns])
    return numbers


def _complete(values: dict[str, list[list[str]]], count: int, path: Path) -> None:
    lacking = next((name for name, rows in values.items() if len(rows) < count), None)
    if lacking is not None:
        raise FileRefused(path, f"frame {count} has no values for bone '{lacking}' (truncated, or another skeleton)")


def _animation(bones: dict[str, _Bone], values: dict[str, np.ndarray]) -> Animation:
    count = len(values["root"])
    names = list(bones)
    parents = [names.index(bone.parent) if bone.parent else -1 for bone in bones.values()]
    offsets = [np.zeros(3) if p < 0 else bones[names[p]].direction * bones[names[p]].length for p in parents]
    for name in [name for i, name in enumerate(names) if i not in parents]:
        parents.append(names.index(name))
        offsets.append(bones[name].direction * bones[name].length)
        names.append(f"{name} end")
    rotations = np.broadcast_to(np.eye(3), (count, len(names), 3, 3)).copy()
    translations = np.repeat(np.array(offsets)[None], count, axis=0)
    for index, bone in enumerate(bones.values()):
        if not bone.dofs:
            continue
        turns = [i for i, dof in enumerate(bone.dofs) if dof in _DOFS]
        axes = tuple(_AXES[bone.dofs[i][1]] for i in turns)
        # Angles are about fixed axes of the bone: the first acts first, so the product runs backwards.
        motion = euler_to_matrix(values[bone.name][:, turns[::-1]], axes[::-1])
        rotations[:, index] = bone.axis @ motion @ bone.axis.T
    places = [bones["root"].dofs.index(dof) for dof in ("tx", "ty", "tz")]
    translations[:, 0] = values["root"][:, places]
    return Animation(tuple(names), tuple(parents), np.array(offsets), rotations, translations, FPS)
