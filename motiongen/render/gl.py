"""The figure's pixels by OpenGL, through pyrender without a screen: EGL, or OSMesa where there is no EGL."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from embreex import rtcore_scene
from jaxtyping import Float, UInt8

from motiongen.motion import MotionError
from motiongen.render.camera import Camera
from motiongen.render.mesh import PosedMesh
from motiongen.render.stage import GAMMA, Stage

_REMEDY = 'pip install "motiongen[gl]" and the system package libegl1 or libosmesa6, or use the backend rays'
# Every pixel is the mean of 2 x 2: software OpenGL has no other smoothing.
_OVERSAMPLE = 2
_NEAR_M, _FAR_M = 0.1, 100.0
_KEY, _FILL, _RIM, _AMBIENT = 3.0, 0.7, 1.2, 0.42


def _egl_works() -> bool:
    """Whether the system's EGL can be started without a screen."""
    try:
        egl = ctypes.CDLL(ctypes.util.find_library("EGL") or "libEGL.so.1")
        egl.eglGetDisplay.restype = ctypes.c_void_p
        egl.eglGetDisplay.argtypes = [ctypes.c_void_p]
        egl.eglInitialize.argtypes = [ctypes.c_void_p] * 3
        return bool(egl.eglInitialize(egl.eglGetDisplay(None), None, None))
    except (OSError, AttributeError):
        return False


@cache
def _pyrender() -> Any:
    """pyrender on a platform that works here.

    Raises:
        MotionError: pyrender or the system's library is missing.
    """
    if "PYOPENGL_PLATFORM" not in os.environ and "OpenGL" not in sys.modules:
        os.environ["PYOPENGL_PLATFORM"] = "egl" if _egl_works() else "osmesa"
    # pyrender's window needs a screen's libraries already when it is imported: an empty module takes its place.
    viewer = ModuleType("pyrender.viewer")
    viewer.Viewer = None  # type: ignore[attr-defined]
    sys.modules.setdefault("pyrender.viewer", viewer)
    try:
        import pyrender
    except (ImportError, OSError, AttributeError) as error:
        # PyOpenGL reports a library that is not there as an AttributeError of None.
        raise MotionError(f"the backend gl cannot start ({str(error).splitlines()[0]}); {_REMEDY}") from None
    return pyrender


class GLRenderer(Stage):
    """Draws the frames of one clip, one at a time."""

    threads_help = False

    def __init__(self, mesh: PosedMesh, camera: Camera, path: Float[np.ndarray, "t 2"]) -> None:
        super().__init__(mesh, camera, path)
        gl = _pyrender()
        size = camera.size * _OVERSAMPLE
        try:
            self.offscreen = gl.OffscreenRenderer(size, size)
        except Exception as error:  # each platform has errors of its own
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise MotionError(f"the backend gl cannot open a picture ({reason}); {_REMEDY}") from None
        self.scene = gl.Scene(bg_color=np.zeros(4), ambient_light=[_AMBIENT] * 3)
        for towards, strength in ((self.lights.key, _KEY), (self.lights.fill, _FILL), (self.lights.rim, _RIM)):
            self.scene.add(gl.DirectionalLight(np.ones(3), strength), pose=_looking_from(towards))
        # Centres of pixels are whole numbers in our camera, and the picture's first one begins at -0.5.
        lens = gl.IntrinsicsCamera(camera.focal * _OVERSAMPLE, camera.focal * _OVERSAMPLE, size / 2, size / 2,
                                   znear=_NEAR_M, zfar=_FAR_M)  # fmt: skip
        self.viewer = self.scene.add(lens)
        self.figure: Any = None
        self.material = gl.MetallicRoughnessMaterial(metallicFactor=0.0, roughnessFactor=0.65)
        self.colours = np.concatenate([mesh.colours, np.ones((len(mesh.colours), 1))], axis=1).astype(np.float32)
        middle = (size - 1) / 2
        self.slope = ((middle - np.arange(size, dtype=np.float32)) / (camera.focal * _OVERSAMPLE))[:, None]
        self.across = -self.slope[:, 0][None]

    def draw(
        self,
        picture: UInt8[np.ndarray, "h w 3"],
        scene: rtcore_scene.EmbreeScene,
        vertices: Float[np.ndarray, "v 3"],
        index: int,
    ) -> None:
        gl = _pyrender()
        if self.figure is not None:
            self.scene.remove_node(self.figure)
        shape = gl.Primitive(
            positions=vertices, normals=self.mesh.normals[index], color_0=self.colours, indices=self.faces,
            material=self.material, mode=4,
        )  # fmt: skip
        self.figure = self.scene.add(gl.Mesh([shape]))
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = self.camera.axes.T, self.camera.position[index]
        self.scene.set_pose(self.viewer, pose)
        colour, depth = self.offscreen.render(self.scene)
        right, up, back = self.camera.axes
        height = self.camera.position[index][1] + depth * (self.across * right[1] + self.slope * up[1] - back[1])
        seen = (depth > 0) & (height >= self.mesh.level)
        light = np.where(seen[..., None], (colour / np.float32(255)) ** GAMMA, 0.0)
        size = self.camera.size
        mean = light.reshape(size, _OVERSAMPLE, size, _OVERSAMPLE, 3).mean((1, 3))
        cover = seen.reshape(size, _OVERSAMPLE, size, _OVERSAMPLE).mean((1, 3))[..., None]
        behind = (picture / np.float32(255)) ** GAMMA
        drawn = cover[..., 0] > 0
        mixed = (mean + behind * (1 - cover))[drawn]
        picture[drawn] = (255 * np.clip(mixed, 0, 1) ** (1 / GAMMA) + 0.5).astype(np.uint8)


def _looking_from(towards: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """A pose whose -z axis points away from `towards`, as a light's does that shines from there."""
    side = np.cross([0.0, 1.0, 0.0], towards)
    side /= np.linalg.norm(side)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([side, np.cross(towards, side), towards], axis=-1)
    return pose
