"""GLB (binary glTF 2.0): the skinned body with one skin of 24 bones and one clip named by its sentence.

Y up, metres, facing +Z. Bones rest in the T-pose without rotations of their own. Pose correctives of SMPL files have no
place in a skin of glTF and are left out; vertices keep the four joints that move them most.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gl
from jaxtyping import Float, Int, UInt8, UInt16

from motiongen import __version__
from motiongen.body.rotation_vectors import to_matrix, to_quaternion
from motiongen.body.smpl import PARENTS, BodyModel
from motiongen.export.bones import bone_names
from motiongen.export.disk import written
from motiongen.export.posed import Pose, pose_of, proportions, sentence
from motiongen.motion import Motion

GENERATOR = "motiongen"
_COLOUR = [0.40, 0.41, 0.43, 1.0]  # linear light: a neutral grey on which shadows read well
_INFLUENCES = 4
_COMPONENTS = {np.dtype(np.float32): gl.FLOAT, np.dtype(np.uint8): gl.UNSIGNED_BYTE}
_COMPONENTS |= {np.dtype(np.uint16): gl.UNSIGNED_SHORT, np.dtype(np.uint32): gl.UNSIGNED_INT}
_TYPES: dict[tuple[int, ...], str] = {(): gl.SCALAR, (3,): gl.VEC3, (4,): gl.VEC4, (4, 4): gl.MAT4}


def write(motion: Motion, path: Path, mixamo: bool = False) -> None:
    """Write GLB; `mixamo` calls the bones `mixamorig:Hips` and so on.

    Raises:
        MotionError: the file cannot be written.
    """
    data = b"".join(_document(motion, pose_of(motion), bone_names(mixamo)).save_to_bytes())
    with written(path) as beside:
        beside.write_bytes(data)


def _document(motion: Motion, pose: Pose, names: tuple[str, ...]) -> gl.GLTF2:
    asset = gl.Asset(version="2.0", generator=f"{GENERATOR} {__version__}")
    document = gl.GLTF2(asset=asset, scene=0)
    data = _Data(document)
    rest = pose.body.rest_joints(pose.betas).numpy().astype(np.float32)
    _add_bones(document, rest, names)
    _add_mesh(document, data, pose, rest)
    _add_clip(document, data, motion, pose, rest)
    document.scenes = [gl.Scene(name="Scene", nodes=[0, len(names)])]
    data.finish()
    return document


class _Data:
    """The binary buffer of a document, filled array by array."""

    def __init__(self, document: gl.GLTF2) -> None:
        self.document = document
        self.bytes = bytearray()

    def add(self, array: np.ndarray, target: int | None = None, normalized: bool = False, bounds: bool = False) -> int:
        """Append an array; returns the number of its accessor."""
        array = np.ascontiguousarray(array)
        self.bytes += b"\0" * (-len(self.bytes) % 4)
        view = gl.BufferView(buffer=0, byteOffset=len(self.bytes), byteLength=array.nbytes, target=target)
        self.bytes += array.tobytes()
        rows = array.reshape(len(array), -1)
        self.document.bufferViews.append(view)
        self.document.accessors.append(
            gl.Accessor(
                bufferView=len(self.document.bufferViews) - 1,
                componentType=_COMPONENTS[array.dtype],
                count=len(array),
                type=_TYPES[array.shape[1:]],
                normalized=normalized or None,
                min=rows.min(0).tolist() if bounds else None,
                max=rows.max(0).tolist() if bounds else None,
            )
        )
        return len(self.document.accessors) - 1

    def finish(self) -> None:
        self.bytes += b"\0" * (-len(self.bytes) % 4)
        self.document.buffers = [gl.Buffer(byteLength=len(self.bytes))]
        self.document.set_binary_blob(bytes(self.bytes))


def _add_bones(document: gl.GLTF2, rest: Float[np.ndarray, "24 3"], names: tuple[str, ...]) -> None:
    for joint, name in enumerate(names):
        offset = rest[joint] - rest[PARENTS[joint]] if joint else rest[0]
        children = [child for child, parent in enumerate(PARENTS) if parent == joint]
        document.nodes.append(gl.Node(name=name, translation=offset.tolist(), children=children))


def _add_mesh(document: gl.GLTF2, data: _Data, pose: Pose, rest: Float[np.ndarray, "24 3"]) -> None:
    vertices = pose.body.shaped(pose.betas).numpy().astype(np.float32)
    faces = pose.body.faces.numpy()
    joints, weights = strongest(pose.body)
    index = np.uint16 if len(vertices) < 2**16 - 1 else np.uint32
    attributes = gl.Attributes(
        POSITION=data.add(vertices, gl.ARRAY_BUFFER, bounds=True),
        NORMAL=data.add(vertex_normals(vertices, faces), gl.ARRAY_BUFFER),
        JOINTS_0=data.add(joints, gl.ARRAY_BUFFER),
        WEIGHTS_0=data.add(weights, gl.ARRAY_BUFFER, normalized=True),
    )
    indices = data.add(faces.astype(index).reshape(-1), gl.ELEMENT_ARRAY_BUFFER)
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rest), 1, 1))
    inverse[:, 3, :3] = -rest  # glTF's matrices are column-major
    surface = gl.PbrMetallicRoughness(baseColorFactor=_COLOUR, metallicFactor=0.0, roughnessFactor=0.75)
    document.materials = [gl.Material(name="Body", pbrMetallicRoughness=surface, alphaCutoff=None)]
    document.meshes = [
        gl.Mesh(name="Body", primitives=[gl.Primitive(attributes=attributes, indices=indices, material=0)])
    ]
    document.skins = [
        gl.Skin(name="Skeleton", inverseBindMatrices=data.add(inverse), skeleton=0, joints=list(range(len(rest))))
    ]
    document.nodes.append(gl.Node(name="Body", mesh=0, skin=0))


def _add_clip(document: gl.GLTF2, data: _Data, motion: Motion, pose: Pose, rest: Float[np.ndarray, "24 3"]) -> None:
    times = data.add((np.arange(len(motion)) / motion.fps).astype(np.float32), bounds=True)
    turns = smooth(to_quaternion(to_matrix(pose.poses.double())).numpy())[..., [1, 2, 3, 0]].astype(np.float32)
    tracks: list[tuple[int, str, np.ndarray]] = [(0, "translation", pose.trans.numpy().astype(np.float32) + rest[0])]
    tracks += [(joint, "rotation", turns[:, joint]) for joint in range(len(rest))]
    clip = gl.Animation(name=sentence(motion) or "motion", extras=_extras(motion, pose))
    for number, (node, path, values) in enumerate(tracks):
        clip.samplers.append(gl.AnimationSampler(input=times, output=data.add(values), interpolation=gl.ANIM_LINEAR))
        clip.channels.append(
            gl.AnimationChannel(sampler=number, target=gl.AnimationChannelTarget(node=node, path=path))
        )
    document.animations = [clip]


def _extras(motion: Motion, pose: Pose) -> dict[str, Any]:
    """What glTF has no place for: frame rate, sentences and their frames, and the clip behind the body's pose."""
    clip = proportions(motion, pose)
    return {
        "fps": motion.fps,
        "texts": [s.text for s in motion.text],
        "starts": [s.start for s in motion.text],
        "stops": [s.stop for s in motion.text],
        "body": pose.body.name,
        "betas": pose.betas.tolist(),
        "clip_rest": clip.rest.tolist(),
        "clip_scale": clip.scale,
        "clip_height": clip.height,
    }


def strongest(body: BodyModel) -> tuple[UInt8[np.ndarray, "v 4"], UInt16[np.ndarray, "v 4"]]:
    """The four joints that move each vertex most, and their shares in 65535ths, which sum to one exactly."""
    weights = body.weights.double().numpy()
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    shares = np.take_along_axis(weights, joints, axis=1).clip(min=0)
    shares = np.round(shares / shares.sum(1, keepdims=True) * 65535).astype(np.int64)
    shares[:, 0] += 65535 - shares.sum(1)
    return np.where(shares > 0, joints, 0).astype(np.uint8), shares.astype(np.uint16)


def vertex_normals(vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "v 3"]:
    """Unit normals: the mean of those of the triangles around, by area."""
    corners = vertices[faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros(vertices.shape)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    # A vertex of no triangle, or of ones without area, has no normal; the format wants a unit vector all the same.
    return np.where(size > 1e-12, normals / np.maximum(size, 1e-12), [0.0, 1.0, 0.0]).astype(np.float32)


def smooth(quaternions: Float[np.ndarray, "t j 4"]) -> Float[np.ndarray, "t j 4"]:
    """The same rotations with signs such that neighbouring frames are near each other, as interpolation wants them."""
    dots = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs])
