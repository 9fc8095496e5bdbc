"""What all backends share: a posed mesh before a camera, light, ground and shadow; only the figure's pixels differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from embreex import rtcore, rtcore_scene
from embreex.mesh_construction import TriangleMesh
from jaxtyping import Float, UInt8

from motiongen.render.camera import Camera
from motiongen.render.ground import Ground, Shadow
from motiongen.render.mesh import PosedMesh

GAMMA = 2.2


@dataclass(frozen=True)
class Lights:
    """Unit directions from the figure towards the lights and the viewer."""

    key: Float[np.ndarray, " 3"]
    fill: Float[np.ndarray, " 3"]
    rim: Float[np.ndarray, " 3"]
    halfway: Float[np.ndarray, " 3"]
    view: Float[np.ndarray, " 3"]


def _unit(v: np.ndarray) -> np.ndarray:
    return (v / np.linalg.norm(v)).astype(np.float32)


class Stage(ABC):
    """Draws the frames of one clip, in any order."""

    threads_help: bool
    """Whether frames may be drawn by several threads at once."""

    def __init__(self, mesh: PosedMesh, camera: Camera, path: Float[np.ndarray, "t 2"]) -> None:
        self.mesh, self.camera = mesh, camera
        self.ground = Ground(camera, mesh.level, path)
        self.faces = np.ascontiguousarray(mesh.faces, dtype=np.int32)
        # Embree's binding reads arrays number by number, and Python's own numbers in two thirds of the time.
        self.corners_of_faces = self.faces.astype(object)
        self.device = rtcore.EmbreeDevice()
        right, up, back = camera.axes
        key = _unit(-0.55 * right + 0.95 * up + 0.62 * back)
        self.lights = Lights(
            key=key,
            fill=_unit(0.9 * right + 0.25 * up + 0.7 * back),
            rim=_unit(0.55 * right + 0.55 * up - 0.9 * back),
            halfway=_unit(key + back),
            view=back.astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.mesh.vertices)

    def frame(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """One frame as gamma-encoded RGB."""
        vertices = self.vertices(index)
        scene = self.scene_of(index)
        shadow = Shadow(scene, vertices, self.lights.key, self.mesh.level)
        picture = self.ground.picture(index, shadow)
        self.draw(picture, scene, vertices, index)
        return picture

    def vertices(self, index: int) -> Float[np.ndarray, "v 3"]:
        """The mesh in a frame, metres."""
        return np.ascontiguousarray(self.mesh.vertices[index], dtype=np.float32)

    def scene_of(self, index: int) -> rtcore_scene.EmbreeScene:
        """The mesh in a frame as something that rays can meet."""
        scene = rtcore_scene.EmbreeScene(self.device)
        TriangleMesh(scene, self.vertices(index).astype(object), self.corners_of_faces)
        return scene

    @abstractmethod
    def draw(
        self,
        picture: UInt8[np.ndarray, "h w 3"],
        scene: rtcore_scene.EmbreeScene,
        vertices: Float[np.ndarray, "v 3"],
        index: int,
    ) -> None:
        """Draw the figure of a frame over the background, in place."""
