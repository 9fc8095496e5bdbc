"""A tree like AMASS's with the free body in it, and what its joints are by plain formulas."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from motiongen.body.smpl import free_body
from motiongen.skeleton import PARENTS
from motiongen_app.cli import app

_JOINTS, _BETAS = 52, 16


def smplh_arrays(rest: np.ndarray, dirs: np.ndarray) -> dict[str, np.ndarray]:
    """A body in SMPL-H's format whose vertices are its joints: 22 of the body [22, 3], the fingers at the wrists."""
    template, shapes = np.zeros((_JOINTS, 3)), np.zeros((_JOINTS, 3, _BETAS))
    template[:22], template[22:37], template[37:] = rest, rest[20], rest[21]
    shapes[:22, :, : dirs.shape[-1]] = dirs
    parents = [*PARENTS, *[20] * 15, *[21] * 15]
    return {
        "v_template": template,
        "shapedirs": shapes,
        "posedirs": np.zeros((_JOINTS, 3, 9 * (_JOINTS - 1))),
        "J_regressor": np.eye(_JOINTS),
        "weights": np.eye(_JOINTS),
        "kintree_table": np.array([np.array(parents) % 2**32, range(_JOINTS)], dtype=np.uint32),
        "f": np.zeros((1, 3), dtype=np.uint32),
    }


@dataclass
class Amass:
    """A folder with `body_models/` and `amass_data/`, as the notebooks of HumanML3D want them.

    Attributes:
        bodies: joints at rest [22, 3] and what a unit of each beta does to them [22, 3, 10], by gender.
        joints: of every sequence written, every frame, as the file has them: Z up.
    """

    root: Path
    bodies: dict[str, tuple[np.ndarray, np.ndarray]]
    joints: dict[str, np.ndarray]

    def write_bodies(self) -> None:
        for gender, (rest, dirs) in self.bodies.items():
            path = self.root / "body_models" / "smplh" / gender / "model.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, **smplh_arrays(rest, dirs))

    def write(
        self, name: str, frames: int, fps: float, gender: str | bytes = "male", seed: int = 0, **changed: np.ndarray
    ) -> Path:
        """A person who moves all joints smoothly, with AMASS's keys; `changed` replaces arrays."""
        rng = np.random.default_rng(seed)
        time = np.arange(frames)[:, None] / fps
        poses = 0.3 * rng.normal(size=156) * np.sin(2 * time + rng.uniform(0, 6, 156))
        # Upright in a world whose z points up, turning slowly.
        poses[:, :3] = np.array([np.pi / 2, 0.0, 0.0]) + 0.2 * np.sin(time + rng.uniform(0, 6, 3))
        trans = np.concatenate([0.5 * time, 0.2 * np.sin(time), 0.9 + 0.05 * np.sin(3 * time)], axis=1)
        arrays = {
            "poses": poses,
            "trans": trans,
            "betas": rng.normal(size=_BETAS),
            "dmpls": np.zeros((frames, 8)),
            "gender": np.array(gender),
            "mocap_framerate": np.array(fps),
            **changed,
        }
        path = self.root / "amass_data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)
        rest, dirs = self.bodies["male" if gender == "male" else "female"]
        at_rest = rest + dirs @ arrays["betas"][: dirs.shape[-1]]
        self.joints[name] = forward(arrays["poses"], arrays["trans"], at_rest)
        return path


def forward(poses: np.ndarray, trans: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Joints [t, 22, 3] of rotation vectors [t, 156], one frame and joint after the other."""
    made = np.zeros((len(poses), 22, 3))
    for t, pose in enumerate(poses):
        turned: list[np.ndarray] = []
        for j, parent in enumerate(PARENTS):
            own = rotation(pose[3 * j : 3 * j + 3])
            turned.append(own if parent < 0 else turned[parent] @ own)
            made[t, j] = rest[0] if parent < 0 else made[t, parent] + turned[parent] @ (rest[j] - rest[parent])
    return made + trans[:, None]


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    angle = float(np.sqrt(vector @ vector))
    x, y, z = vector / max(angle, 1e-12)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@pytest.fixture(scope="session")
def new_amass() -> Callable[[Path], Amass]:
    """A tree without sequences in a folder."""
    body = free_body()
    mean = body.rest_joints()[:22].double().numpy()
    dirs = (body.joint_regressor[:22] @ body.shape_dirs.flatten(1)).unflatten(1, (3, -1)).double().numpy()

    def make(root: Path) -> Amass:
        made = Amass(root, {"male": (mean, dirs), "female": (0.9 * mean, dirs)}, {})
        made.write_bodies()
        return made

    return make


@pytest.fixture(scope="module")
def amass(new_amass: Callable[[Path], Amass], tmp_path_factory: pytest.TempPathFactory) -> Amass:
    return new_amass(tmp_path_factory.mktemp("amass"))


@pytest.fixture(scope="session")
def cli() -> Callable[..., tuple[int, str]]:
    """The command line in this process: its exit code and what it says on standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        error = io.StringIO()
        with redirect_stderr(error):
            try:
                get_command(app).main([str(a) for a in arguments], prog_name="motiongen")
            except SystemExit as exit:
                return int(exit.code or 0), error.getvalue()
        return 0, error.getvalue()

    return run
