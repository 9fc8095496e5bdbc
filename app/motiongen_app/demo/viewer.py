"""The 3-D view of the demo: what its page draws, as JSON.

The view is WebGL2 of our own, in `web/`. viser's recorded playback was tried: a page of 1.2 MB a clip with a skinned
mesh that plays, but what it records is the scene alone. Sentences on the slider, keys, a switch between body and
skeleton, a camera that follows, and a next clip without loading a page anew have no place in it; `gr.Model3D` plays a
GLB and knows nothing of them either.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from motiongen.body.rotation_vectors import forward_kinematics, to_matrix, to_quaternion
from motiongen.body.smpl import BodyModel, body_model
from motiongen.export.glb import smooth, strongest
from motiongen.export.glb import vertex_normals as rest_normals
from motiongen.export.posed import Pose, pose_of
from motiongen.features.humanml3d import CONTACT_THRESHOLD
from motiongen.motion import Motion
from motiongen.render.clothes import PALETTE, dressed
from motiongen.render.simplify import simplified
from motiongen.skeleton import LEFT_FOOT_JOINTS, LEFT_JOINTS, PARENTS, RIGHT_FOOT_JOINTS, RIGHT_JOINTS

WEB = Path(__file__).resolve().parent / "web"
# Edges that are shorter are not worth their bytes at the size of the view, metres.
_EDGE_M = 0.009
_FEET = [*LEFT_FOOT_JOINTS, *RIGHT_FOOT_JOINTS]


def web_file(name: str) -> str:
    """The text of a file of the page."""
    return (WEB / name).read_text(encoding="utf-8")


def joints_view(motions: Sequence[Motion], labels: Sequence[str]) -> dict[str, Any]:
    """Skeletons of clips side by side: what is there at once."""
    longest = max(motions, key=len)
    return {
        "fps": longest.fps,
        "parents": list(PARENTS),
        "sides": [1 if j in LEFT_JOINTS else 2 if j in RIGHT_JOINTS else 0 for j in range(len(PARENTS))],
        "segments": [{"text": s.text, "start": s.start, "stop": s.stop} for s in longest.text],
        "clips": [
            {
                "label": label,
                "frames": len(motion),
                "joints": _packed(motion.joints.numpy(), np.float32),
                "contacts": _packed(_contacts(motion), np.uint8),
            }
            for motion, label in zip(motions, labels)
        ],
    }


def skin_view(motions: Sequence[Motion]) -> dict[str, Any]:
    """The dressed body and how its bones move in each clip, whose poses are fitted if they bring none."""
    body = body_model()
    poses = [pose_of(motion, body) for motion in motions]
    betas = poses[0].betas
    return {
        **_mesh(body, tuple(betas.tolist())),
        "rest": _packed(body.rest_joints(betas).numpy(), np.float32),
        "moves": [_moves(pose) for pose in poses],
    }


def _moves(pose: Pose) -> dict[str, str]:
    turned, placed = forward_kinematics(to_matrix(pose.poses), pose.body.rest_joints(pose.betas), pose.body.parents)
    turns = smooth(to_quaternion(turned).numpy())
    return {"turns": _packed(turns, np.float32), "places": _packed(placed + pose.trans[:, None], np.float32)}


@lru_cache(maxsize=16)
def _mesh(body: BodyModel, betas: tuple[float, ...]) -> dict[str, str]:
    """Vertices of a shape at rest in their clothes, with the four joints that move each most."""
    kept, faces, tone, thickness = _outfit(body)
    rest = body.shaped(torch.tensor(betas)).numpy()[kept]
    normals = rest_normals(rest, faces)
    joints, shares = strongest(body)
    weights = np.round(shares[kept] / 257.0).astype(np.int64)
    weights[:, 0] += 255 - weights.sum(1)
    return {
        "vertices": _packed(rest + normals * thickness[:, None], np.float32),
        "normals": _packed(normals, np.float32),
        "tone": _packed(tone, np.float32),
        "joints": _packed(joints[kept], np.uint8),
        "weights": _packed(weights, np.uint8),
        "faces": _packed(faces, np.uint16),
        "palette": _packed(PALETTE, np.float32),
    }


@lru_cache(maxsize=2)
def _outfit(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rest, faces = body.template.numpy(), body.faces.numpy()
    clothes = dressed(rest, body.rest_joints().numpy(), body.weights.numpy(), faces)
    kept, fewer = simplified(rest, faces, _EDGE_M)
    return kept, fewer, clothes.tone[kept], clothes.thickness[kept]


def _contacts(motion: Motion) -> np.ndarray:
    """Whether left ankle, left foot, right ankle and right foot stand still, [t, 4], by HumanML3D's threshold."""
    feet = motion.joints[:, _FEET]
    still = feet.diff(dim=0).square().sum(-1) < CONTACT_THRESHOLD * (20.0 / motion.fps) ** 2
    low = feet[..., 1] < feet[..., 1].amin() + 0.12
    still = torch.cat([still, still[-1:]]) if len(still) else torch.ones(1, len(_FEET), dtype=torch.bool)
    return (still & low).numpy()


def _packed(values: Any, kind: type[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(np.asarray(values), dtype=kind).tobytes()).decode("ascii")
