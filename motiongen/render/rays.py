"""Pictures of any posed mesh by ray tracing on the CPU with Embree (a wheel without system packages)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex import rtcore, rtcore_scene
from embreex.mesh_construction import TriangleMesh
from jaxtyping import Bool, Float, Int, UInt8

from motiongen.render.camera import Camera
from motiongen.render.ground import LEVEL, Ground, Shadow
from motiongen.render.mesh import PosedMesh, face_parts

_GAMMA = 2.2
_LINEAR = (np.arange(256, dtype=np.float32) / 255.0) ** _GAMMA
_TILE = 8
_DEPTH_STEP_M = 0.05
# A rotated grid: four places in a pixel with four different rows and columns.
_SUB = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]], np.float32)
_AO_REACH_M = 0.45
_AO_RAYS = 16
_INSIDE_M = 0.2

_KEY = np.array([1.00, 0.95, 0.88], np.float32) * 0.95
_FILL = np.array([0.80, 0.88, 1.00], np.float32) * 0.14
_SKY = np.array([0.86, 0.92, 1.00], np.float32) * 0.44
_BOUNCE = np.array([1.00, 0.97, 0.93], np.float32) * 0.26
_RIM = np.array([0.95, 0.98, 1.00], np.float32) * 0.55


@dataclass(frozen=True)
class _Lights:
    key: Float[np.ndarray, " 3"]
    fill: Float[np.ndarray, " 3"]
    rim: Float[np.ndarray, " 3"]
    halfway: Float[np.ndarray, " 3"]
    view: Float[np.ndarray, " 3"]


def _unit(v: np.ndarray) -> np.ndarray:
    return (v / np.linalg.norm(v)).astype(np.float32)


def _encoded(linear: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
    return (255.0 * np.power(linear, np.float32(1 / _GAMMA)) + 0.5).astype(np.uint8)


def _sphere(n: int) -> Float[np.ndarray, "n 3"]:
    """n directions spread evenly over the sphere (a Fibonacci lattice)."""
    k = np.arange(n) + 0.5
    y, turn = 1 - 2 * k / n, np.pi * (1 + np.sqrt(5)) * k
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], axis=-1).astype(np.float32)


_AO_DIRECTIONS = _sphere(_AO_RAYS)


class Renderer:
    """Draws the frames of one clip; frames may be drawn in any order and from several threads."""

    def __init__(self, mesh: PosedMesh, camera: Camera) -> None:
        self.mesh, self.camera, self.ground = mesh, camera, Ground(camera)
        self.faces = np.ascontiguousarray(mesh.faces, dtype=np.int32)
        self.corners = np.ascontiguousarray(self.faces.T)
        self.parts = face_parts(self.faces)
        self.links = _links(self.faces)
        self.device = rtcore.EmbreeDevice()
        right, up, back = camera.axes
        key = _unit(-0.55 * right + 0.95 * up + 0.62 * back)
        self.lights = _Lights(
            key=key,
            fill=_unit(0.9 * right + 0.25 * up + 0.7 * back),
            rim=_unit(0.55 * right + 0.55 * up - 0.9 * back),
            halfway=_unit(key + back),
            view=back.astype(np.float32),
        )
        pixel = np.arange(camera.size, dtype=np.float32)
        self.directions = camera.directions(*np.meshgrid(pixel, pixel))

    def frame(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """One frame as gamma-encoded RGB."""
        vertices = np.ascontiguousarray(self.mesh.vertices[index], dtype=np.float32)
        scene = rtcore_scene.EmbreeScene(self.device)
        TriangleMesh(scene, vertices, self.faces)
        shadow = Shadow(scene, vertices, self.lights.key)
        picture = self.ground.picture(index, shadow)
        self._draw(picture, scene, vertices, index)
        return picture

    def _draw(self, picture: np.ndarray, scene: rtcore_scene.EmbreeScene, vertices: np.ndarray, index: int) -> None:
        size, position = self.camera.size, self.camera.position[index]
        pixels = self._candidates(vertices, index)
        if len(pixels) == 0:
            return
        flat = self.directions.reshape(-1, 3)[pixels]
        prim, depth, uv = self._trace(scene, position, flat)
        hit = prim >= 0
        depths = np.full(size * size, 1e6, np.float32)
        depths[pixels[hit]] = depth[hit]
        part = np.full(size * size, -1, np.int32)
        part[pixels[hit]] = self.parts[prim[hit]]
        edge = _edges(depths.reshape(size, size), part.reshape(size, size), pixels)

        solid = hit & ~edge
        border = pixels[edge]
        rows, columns = np.divmod(border, size)
        sub = self.camera.directions(columns[:, None] + _SUB[:, 0], rows[:, None] + _SUB[:, 1]).reshape(-1, 3)
        sub_prim, _, sub_uv = self._trace(scene, position, sub)
        sub_hit = sub_prim >= 0

        attributes = self._attributes(scene, vertices, index)
        colour = self._shade(
            np.concatenate([prim[solid], sub_prim[sub_hit]]), np.concatenate([uv[solid], sub_uv[sub_hit]]), attributes
        )
        out = picture.reshape(-1, 3)
        inside = int(solid.sum())
        out[pixels[solid]] = _encoded(colour[:inside])
        samples = _LINEAR[out[border]][:, None].repeat(len(_SUB), 1).reshape(-1, 3)
        samples[sub_hit] = colour[inside:]
        out[border] = _encoded(samples.reshape(-1, len(_SUB), 3).mean(1))

    def _candidates(self, vertices: np.ndarray, index: int) -> Int[np.ndarray, " n"]:
        """Pixels in tiles that a face may touch: the tiles of all corners' bounding boxes."""
        size = self.camera.size
        tiles = -(-size // _TILE)
        seen = self.camera.project(vertices, index)
        spot = np.clip((seen[:, :2] + 0.5) / _TILE, -1, tiles).astype(np.int32)
        mask = np.zeros((tiles + 2, tiles + 2), bool)
        a, b, c = (spot.take(corner, axis=0) for corner in self.corners)
        low, high = np.minimum(np.minimum(a, b), c) + 1, np.maximum(np.maximum(a, b), c) + 1
        # Faces are smaller than a tile or two; one that spans more marks its whole box.
        mask[low[:, 1], low[:, 0]] = mask[high[:, 1], high[:, 0]] = True
        mask[low[:, 1], high[:, 0]] = mask[high[:, 1], low[:, 0]] = True
        for box in np.flatnonzero((high > low + 1).any(1)):
            mask[low[box, 1] : high[box, 1] + 1, low[box, 0] : high[box, 0] + 1] = True
        full = mask[1:-1, 1:-1].repeat(_TILE, 0).repeat(_TILE, 1)[:size, :size]
        return np.flatnonzero(full)

    def _trace(
        self, scene: rtcore_scene.EmbreeScene, position: np.ndarray, directions: Float[np.ndarray, "n 3"]
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, "n 2"]]:
        """Face seen along each ray (-1: none, or hidden by the ground), its depth and barycentric coordinates."""
        if len(directions) == 0:
            return np.empty(0, np.int32), np.empty(0, np.float32), np.empty((0, 2), np.float32)
        origins = np.empty_like(directions)
        origins[:] = position
        found = scene.run(origins, np.ascontiguousarray(directions), output=True)
        prim, depth = found["primID"], found["tfar"]
        buried = (prim >= 0) & (position[1] + depth * directions[:, 1] < LEVEL)
        return np.where(buried, -1, prim), depth, np.stack([found["u"], found["v"]], axis=-1)

    def _attributes(
        self, scene: rtcore_scene.EmbreeScene, vertices: np.ndarray, index: int
    ) -> Float[np.ndarray, "v 8"]:
        """Normal, colour, ambient visibility and key-light visibility of every vertex."""
        normals = self.mesh.normals[index]
        out = np.ones((len(vertices), 8), np.float32)
        out[:, :3], out[:, 3:6] = normals, self.mesh.colours
        facing = np.flatnonzero(((self.camera.position[index] - vertices) * normals).sum(1) > -0.3)
        v, n = vertices[facing], normals[facing]
        start = v + 0.004 * n

        # A vertex that lies inside another part sees the back of a face first; it takes the light of its neighbours,
        # or its darkness would bleed into the seam.
        exit_ = scene.run(start, n, output=True)
        inside = (exit_["primID"] >= 0) & (exit_["tfar"] < _INSIDE_M) & ((exit_["Ng"] * n).sum(1) > 0)

        toward = n @ _AO_DIRECTIONS.T
        toward[inside] = 0.0
        which, ray = np.nonzero(toward > 0.12)
        weight = toward[which, ray]
        reach = np.full(len(which), _AO_REACH_M, np.float32)
        blocked = scene.run(start[which], _AO_DIRECTIONS[ray], reach, query="OCCLUDED") >= 0
        total = np.bincount(which, weights=weight, minlength=len(facing))
        lost = np.bincount(which, weights=weight * blocked, minlength=len(facing))
        out[facing, 6] = 1.0 - lost / np.maximum(total, 1e-6)

        lit = np.flatnonzero((n @ self.lights.key > -0.05) & ~inside)
        cone = _KEY_SAMPLES * 0.12 + self.lights.key
        shade = scene.run(start[lit].repeat(len(cone), 0), np.tile(cone, (len(lit), 1)), query="OCCLUDED") >= 0
        out[facing[lit], 7] = 1.0 - shade.reshape(-1, len(cone)).mean(1)
        self._fill(out, facing[inside])
        out[:, 6] *= 0.55 + 0.45 * np.clip((vertices[:, 1] - LEVEL) / 0.15, 0.0, 1.0)
        return out

    def _fill(self, attributes: Float[np.ndarray, "v 8"], unknown: Int[np.ndarray, " n"]) -> None:
        """Spread the visibilities of known vertices two edges into the unknown ones."""
        missing = np.zeros(len(attributes), bool)
        missing[unknown] = True
        start, stop = self.links
        for _ in range(2):
            across = np.flatnonzero(missing[start] & ~missing[stop])
            into, source = start[across], stop[across]
            count = np.bincount(into, minlength=len(attributes))
            found = np.flatnonzero(count)
            for channel in (6, 7):
                total = np.bincount(into, weights=attributes[source, channel], minlength=len(attributes))
                attributes[found, channel] = total[found] / count[found]
            missing[found] = False

    def _shade(
        self, prim: Int[np.ndarray, " n"], uv: Float[np.ndarray, "n 2"], attributes: Float[np.ndarray, "v 8"]
    ) -> Float[np.ndarray, "n 3"]:
        """Linear RGB of points on the mesh: key, fill and rim lights, sky and ground, a soft highlight."""
        u, v = uv[:, :1], uv[:, 1:]
        at = np.zeros((len(prim), attributes.shape[1]), np.float32)
        for corner, weight in zip(self.corners, (1 - u - v, u, v)):
            share = attributes.take(corner.take(prim), axis=0)
            share *= weight
            at += share
        n, albedo, ambient, sun = at[:, :3], at[:, 3:6], at[:, 6:7], at[:, 7:8]
        n /= np.sqrt((n * n).sum(1, keepdims=True)) + 1e-12
        light = self.lights
        # Light wraps a little past the terminator, as it does on skin and matt plastic.
        key = np.clip((n @ light.key + 0.12) / 1.12, 0.0, 1.0)[:, None] * sun
        fill = np.maximum(n @ light.fill, 0.0)[:, None]
        up = 0.5 + 0.5 * n[:, 1:2]
        lit = key * _KEY + ambient * (fill * _FILL + up * _SKY + (1 - up) * _BOUNCE)
        lit *= albedo
        grazing = np.clip(1.0 - n @ light.view, 0.0, 1.0)
        rim = (grazing * grazing * np.clip(n @ light.rim + 0.25, 0.0, 1.0))[:, None] * ambient
        lit += rim * (_RIM * (0.25 + 0.75 * albedo))
        gloss = np.clip(n @ light.halfway, 0.0, 1.0)
        gloss *= gloss
        gloss *= gloss
        gloss *= gloss
        gloss *= gloss
        lit += 0.07 * gloss[:, None] * sun
        return np.clip(lit, 0.0, 1.0)


_KEY_SAMPLES = np.array([[0.5, 0.1, -0.4], [-0.4, 0.4, 0.3], [0.1, -0.5, 0.5], [-0.2, 0.0, -0.4]], np.float32)


def _edges(
    depth: Float[np.ndarray, "h w"], part: Int[np.ndarray, "h w"], pixels: Int[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Pixels that differ from a neighbour by a step in depth or by the piece of the mesh: outlines and seams."""
    edge = np.zeros(depth.shape, bool)
    for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        step = np.abs(depth[a] - depth[b]) > _DEPTH_STEP_M
        step |= part[a] != part[b]
        edge[a] |= step
        edge[b] |= step
    return edge.ravel()[pixels]


def _links(faces: Int[np.ndarray, "f 3"]) -> tuple[Int[np.ndarray, " e"], Int[np.ndarray, " e"]]:
    """Every edge once in each direction (closed meshes): its start and end vertices."""
    return faces.ravel(), np.roll(faces, -1, axis=1).ravel()
