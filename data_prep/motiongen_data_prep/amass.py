"""AMASS: where a sequence lies, what its npz holds, and the joints of the body that it moves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.body.files import read_arrays
from motiongen.body.rotation_vectors import forward_kinematics, to_matrix
from motiongen.motion import MotionError
from motiongen.skeleton import NUM_JOINTS, PARENTS
from motiongen_data_prep.animation import FileRefused

BODY_VALUES = 3 * NUM_JOINTS
# The notebooks of HumanML3D, and TEACH after them, take ten of the sixteen.
_BETAS = 10
_MAX_BYTES = 1 << 30
# Folders as the archives of SMPL+H were called at first (in HumanML3D's index and BABEL's labels), and since.
_ALSO_CALLED: dict[str, tuple[str, ...]] = {
    "BioMotionLab_NTroje": ("BMLrub", "BioMotionLabNTroje"),
    "DFaust_67": ("DFaust", "DFaust67"),
    "Eyes_Japan_Dataset": ("EyesJapanDataset",),
    "MPI_HDM05": ("HDM05", "MPIHDM05"),
    "MPI_Limits": ("PosePrior", "MPILimits"),
    "MPI_mosh": ("MoSh", "Mosh", "MPImosh"),
    "SSM_synced": ("SSM", "SSMsynced"),
    "TCD_handMocap": ("TCDHands", "TCDhandMocap"),
    "Transitions_mocap": ("Transitions", "Transitionsmocap"),
}


@dataclass(frozen=True)
class Sequence:
    """What an AMASS file says of one recording, Z up.

    Attributes:
        poses: rotation of the 22 body joints relative to their parents as rotation vectors, radians.
        trans: where the root is, less where it is at rest, metres.
        betas: the shape of the person, ten coefficients or fewer.
        male: which of SMPL-H's bodies it is; the female one stands for all others.
        fps: frames per second.
        sha256: of the file.
    """

    poses: Float[Tensor, "t 22 3"]
    trans: Float[Tensor, "t 3"]
    betas: Float[Tensor, " b"]
    male: bool
    fps: float
    sha256: str

    def __len__(self) -> int:
        return len(self.poses)


@dataclass(frozen=True)
class RestJoints:
    """The 22 body joints of an SMPL-format body at rest, by shape: all that joints of poses depend on."""

    mean: Float[Tensor, "22 3"]
    dirs: Float[Tensor, "22 3 b"]

    def of(self, betas: Float[Tensor, " b"]) -> Float[Tensor, "22 3"]:
        """Joints at rest of a shape, metres; coefficients that one of both does not have count as zero."""
        count = min(len(betas), self.dirs.shape[-1])
        return self.mean + self.dirs[..., :count] @ betas[:count]


def find(folder: Path, corpus: str, rest: str) -> Path | None:
    """The npz of a sequence below the folder of the unpacked archives, by the names of HumanML3D and BABEL.

    Args:
        corpus: folder of the archive, such as MPI_HDM05; what it is called today is found too.
        rest: the way from there, such as `bk/HDM_bk_01-01_01_120_poses.npz`.
    """
    for name in (corpus, *_ALSO_CALLED.get(corpus, ())):
        # Later archives have no blanks in their names, and some hold a folder of the old name.
        for way in (rest, rest.replace(" ", "_")):
            for path in (folder / name / way, folder / name / corpus / way):
                if path.is_file():
                    return path
    return None


def missing(folder: Path, corpus: str, rest: str) -> str:
    """Why there is no such sequence, for the list of what was skipped."""
    names = (corpus, *_ALSO_CALLED.get(corpus, ()))
    found = next((folder / name for name in names if (folder / name).is_dir()), None)
    if found is None:
        return f"AMASS's {' or '.join(names)} is not below {folder}"
    smplx = rest.replace("_poses.npz", "_stageii.npz")
    if any((found / way).is_file() for way in (smplx, smplx.replace(" ", "_"))):
        return "only its SMPL-X file is there; download SMPL+H G of this corpus"
    return f"not in {found}"


def read(path: Path) -> Sequence:
    """Read a sequence; pickled objects in the file are refused.

    Raises:
        FileRefused: missing, damaged, no SMPL-H sequence, or without a frame rate.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileRefused(path, f"is larger than {_MAX_BYTES >> 20} MiB, which no sequence of AMASS is")
        data = path.read_bytes()
    except OSError as error:
        raise FileRefused(path, (error.strerror or "cannot be read").lower()) from None
    wanted = ("poses", "trans", "betas", "gender", "mocap_framerate", "mocap_frame_rate")
    try:
        with np.load(BytesIO(data), allow_pickle=False) as file:
            arrays = {key: file[key] for key in wanted if key in file.files}
    except Exception as error:
        raise FileRefused(path, f"not a readable npz file ({type(error).__name__})") from None
    absent = [key for key in wanted[:4] if key not in arrays]
    rate = arrays.get("mocap_framerate", arrays.get("mocap_frame_rate"))
    if absent or rate is None:
        raise FileRefused(path, f"holds no array '{absent[0] if absent else 'mocap_framerate'}', so it is not AMASS")
    poses, trans, betas = (_numbers(path, arrays, key) for key in ("poses", "trans", "betas"))
    fps = _numbers(path, {"mocap_framerate": rate}, "mocap_framerate")
    if poses.ndim != 2 or poses.shape[1] < BODY_VALUES or len(poses) == 0:
        raise FileRefused(path, f"'poses' has shape {poses.shape}; SMPL-H's is [frames, 156]")
    if trans.shape != (len(poses), 3):
        raise FileRefused(path, f"'trans' has shape {trans.shape}; [{len(poses)}, 3] is needed")
    if fps.size != 1 or not fps.item() > 0:
        raise FileRefused(path, f"'mocap_framerate' is {fps.tolist()}; a number above 0 is needed")
    return Sequence(
        torch.from_numpy(poses[:, :BODY_VALUES].reshape(len(poses), NUM_JOINTS, 3)),
        torch.from_numpy(trans),
        torch.from_numpy(betas.flatten()[:_BETAS]),
        _is_male(arrays["gender"]),
        fps.item(),
        hashlib.sha256(data).hexdigest(),
    )


def joints(sequence: Sequence, rest: RestJoints, frames: Int[Tensor, " n"] | slice) -> Float[Tensor, "n 22 3"]:
    """Joint positions of some frames, metres, Y up.

    The turn to Y up is that of HumanML3D: y and z change places, which mirrors, and x is negated, which mirrors back.
    """
    at_rest = rest.of(sequence.betas)
    _, placed = forward_kinematics(to_matrix(sequence.poses[frames]), at_rest, PARENTS)
    placed = placed + sequence.trans[frames][:, None]
    return placed[..., [0, 2, 1]] * placed.new_tensor([-1.0, 1.0, 1.0])


def body_files(folder: Path) -> dict[str, Path]:
    """The files of SMPL-H's male and female body in a folder, in the layout of either download.

    Raises:
        MotionError: one of them is not there.
    """
    found = {}
    for gender in ("male", "female"):
        name = f"SMPLH_{gender.upper()}"
        places = [f"{gender}/model.npz", f"{name}.npz", f"{name}.pkl"]
        paths = [folder / place for below in ("smplh/", "") for place in (below + p for p in places)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise MotionError(
                f"{folder}: no SMPL-H body smplh/{gender}/model.npz or {name}.npz; download the 'Extended SMPL+H "
                "model' of mano.is.tue.mpg.de there, or say with --bodies where it is"
            )
        found[gender] = path
    return found


@lru_cache(maxsize=4)
def rest_joints(path: Path) -> RestJoints:
    """Rest joints of any body of the SMPL family (SMPL, SMPL-H, SMPL-X). Nothing in the file is executed.

    Raises:
        MotionError: no such file, or not a body.
    """
    arrays = read_arrays(path, ("v_template", "shapedirs", "J_regressor", "kintree_table"))
    template, dirs, regressor, tree = arrays.values()
    count = template.shape[0]
    if (
        template.shape != (count, 3)
        or regressor.ndim != 2
        or regressor.shape[1] != count
        or len(regressor) < NUM_JOINTS
    ):
        raise MotionError(f"{path}: joints of shape {regressor.shape} for vertices of shape {template.shape}; no body")
    if dirs.ndim != 3 or dirs.shape[:2] != (count, 3):
        raise MotionError(f"{path}: 'shapedirs' has shape {dirs.shape}; ({count}, 3, 10 or more) is needed")
    if tuple(tree[0, 1:NUM_JOINTS].astype(np.int64).tolist()) != PARENTS[1:]:
        raise MotionError(f"{path}: its first {NUM_JOINTS} joints do not hang together as SMPL's; give an SMPL-H body")
    regressor = np.asarray(regressor[:NUM_JOINTS], dtype=np.float64)
    moved = np.einsum("jv,vcb->jcb", regressor, np.asarray(dirs[..., :_BETAS], dtype=np.float64))
    return RestJoints(torch.from_numpy(regressor @ template.astype(np.float64)), torch.from_numpy(moved))


def _is_male(gender: np.ndarray) -> bool:
    """Whether HumanML3D's notebook finds the gender equal to 'male': text that says so; bytes never are."""
    return gender.dtype.kind == "U" and gender.size == 1 and str(gender.reshape(-1)[0]) == "male"


def _numbers(path: Path, arrays: dict[str, np.ndarray], key: str) -> np.ndarray:
    values = arrays[key]
    if values.dtype.kind not in "fiu":
        raise FileRefused(path, f"'{key}' holds {values.dtype} where numbers should be")
    values = np.ascontiguousarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise FileRefused(path, f"'{key}' holds NaN or infinity")
    return values
