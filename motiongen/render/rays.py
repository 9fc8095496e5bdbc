"""The figure's pixels by ray tracing on the CPU with Embree (a wheel without system packages)."""

from __future__ import annotations

import numpy as np
from embreex import rtcore_scene
from jaxtyping import Bool, Float, Int, UInt8

from motiongen.render.camera import Camera
from motiongen.render.mesh import PosedMesh, face_parts
from motiongen.render.stage import GAMMA, Stage

_LINEAR = (np.arange(256, dtype=np.float32) / 255.0) ** GAMMA
_TILE = 8
_DEPTH_STEP_M = 0.05
# A rotated grid: four places in a pixel with four different rows and columns.
_SUB = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]], np.float32)
_AO_REACH_M = 0.45
_AO_RAYS = 16
_INSIDE_M = 0.2
# Share of a whole tone that a pixel spans, times the pictures' size: a person is about half as wide again.
_HEM_PIXELS = 18.0

_KEY = np.array([1.00, 0.95, 0.88], np.float32) * 0.95
_FILL = np.array([0.80, 0.88, 1.00], np.float32) * 0.14
_SKY = np.array([0.86, 0.92, 1.00], np.float32) * 0.44
_BOUNCE = np.array([1.00, 0.97, 0.93], np.float32) * 0.26
_RIM = np.array([0.95, 0.98, 1.00], np.float32) * 0.55


# The encoding as a table: fine enough for its steep start.
_CODES = (255.0 * (np.arange(8192) / 8191.0) ** (1 / GAMMA) + 0.5).astype(np.uint8)


def _encoded(linear: Float[np.ndarray, "*n"]) -> UInt8[np.ndarray, "*n"]:
    return _CODES.take((linear * np.float32(8191)).astype(np.int32), mode="clip")


def _sphere(n: int) -> Float[np.ndarray, "n 3"]:
    """n directions spread evenly over the sphere (a Fibonacci lattice)."""
    k = np.arange(n) + 0.5
    y, turn = 1 - 2 * k / n, np.pi * (1 + np.sqrt(5)) * k
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], axis=-1).astype(np.float32)


_AO_DIRECTIONS = _sphere(_AO_RAYS)


class RayRenderer(Stage):
    """Draws the frames of one clip; frames may be drawn in any order and from several threads."""

    threads_help = True

    def __init__(self, mesh: PosedMesh, camera: Camera, path: Float[np.ndarray, "t 2"]) -> None:
        super().__init__(mesh, camera, path)
        self.corners = np.ascontiguousarray(self.faces.T)
        self.parts = face_parts(self.faces)
        self.links = _links(self.faces)
        pixel = np.arange(camera.size, dtype=np.float32)
        self.directions = camera.directions(*np.meshgrid(pixel, pixel))
        colours = mesh.palette[np.clip(np.arange(-1, len(mesh.palette) + 1), 0, len(mesh.palette) - 1)]
        self.before, self.after = np.ascontiguousarray(colours[:-1].T), np.ascontiguousarray(colours[1:].T)

    def draw(
        self,
        picture: UInt8[np.ndarray, "h w 3"],
        scene: rtcore_scene.EmbreeScene,
        vertices: Float[np.ndarray, "v 3"],
        index: int,
    ) -> None:
        size, position = self.camera.size, self.camera.position[index]
        pixels = self._candidates(vertices, index)
        if len(pixels) == 0:
            return
        flat = self.directions.reshape(-1, 3)[pixels]
        prim, depth, uv = self._trace(scene, position, flat)
        hit = prim >= 0
        edge = self._edge(pixels, prim, depth)

        solid = hit & ~edge
        border = pixels[edge]
        rows, columns = np.divmod(border, size)
        sub = self.camera.directions(columns[:, None] + _SUB[:, 0], rows[:, None] + _SUB[:, 1]).reshape(-1, 3)
        sub_prim, _, sub_uv = self._trace(scene, position, sub)
        sub_hit = sub_prim >= 0

        faces = np.concatenate([prim[solid], sub_prim[sub_hit]])
        attributes = self._attributes(scene, vertices, index, faces)
        colour = self._shade(faces, np.concatenate([uv[:, solid], sub_uv[:, sub_hit]], axis=1), attributes)
        out = picture.reshape(-1, 3)
        inside = int(solid.sum())
        out[pixels[solid]] = _encoded(colour[:, :inside]).T
        samples = _LINEAR[out[border]].T[:, :, None].repeat(len(_SUB), 2).reshape(3, -1)
        samples[:, sub_hit] = colour[:, inside:]
        out[border] = _encoded(samples.reshape(3, -1, len(_SUB)).mean(2)).T

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

    def _edge(
        self, pixels: Int[np.ndarray, " n"], prim: Int[np.ndarray, " n"], depth: Float[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Which of the pixels lie on outlines and seams."""
        rows, columns = np.divmod(pixels, self.camera.size)
        # Looked for in the box around the figure alone, with nothing all around it.
        top, left = rows.min() - 1, columns.min() - 1
        height, width = rows.max() + 2 - top, columns.max() + 2 - left
        at = (rows - top) * width + (columns - left)
        hit = prim >= 0
        depths = np.full(height * width, 1e6, np.float32)
        depths[at[hit]] = depth[hit]
        part = np.full(height * width, -1, np.int32)
        part[at[hit]] = self.parts[prim[hit]]
        return _edges(depths.reshape(height, width), part.reshape(height, width), at)

    def _trace(
        self, scene: rtcore_scene.EmbreeScene, position: np.ndarray, directions: Float[np.ndarray, "n 3"]
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, "2 n"]]:
        """Face seen along each ray (-1: none, or hidden by the ground), its depth and barycentric coordinates."""
        if len(directions) == 0:
            return np.empty(0, np.int32), np.empty(0, np.float32), np.empty((2, 0), np.float32)
        origins = np.empty_like(directions)
        origins[:] = position
        found = scene.run(origins, np.ascontiguousarray(directions), output=True)
        prim, depth = found["primID"], found["tfar"]
        buried = (prim >= 0) & (position[1] + depth * directions[:, 1] < self.mesh.level)
        return np.where(buried, -1, prim), depth, np.stack([found["u"], found["v"]])

    def _attributes(
        self, scene: rtcore_scene.EmbreeScene, vertices: np.ndarray, index: int, faces: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, "6 v"]:
        """Normal, tone, ambient visibility and key-light visibility of the vertices of the faces that are seen."""
        normals = self.mesh.normals[index]
        out = np.ones((6, len(vertices)), np.float32)
        out[:3], out[3] = normals.T, self.mesh.tone
        seen = np.zeros(len(vertices), bool)
        for corner in self.corners:
            seen[corner.take(faces)] = True
        facing = np.flatnonzero(seen & (((self.camera.position[index] - vertices) * normals).sum(1) > -0.3))
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
        out[4, facing] = 1.0 - lost / np.maximum(total, 1e-6)

        lit = np.flatnonzero((n @ self.lights.key > -0.05) & ~inside)
        cone = _KEY_SAMPLES * 0.12 + self.lights.key
        shade = scene.run(start[lit].repeat(len(cone), 0), np.tile(cone, (len(lit), 1)), query="OCCLUDED") >= 0
        out[5, facing[lit]] = 1.0 - shade.reshape(-1, len(cone)).mean(1)
        self._fill(out, facing[inside])
        out[4] *= 0.55 + 0.45 * np.clip((vertices[:, 1] - self.mesh.level) / 0.15, 0.0, 1.0)
        return out

    def _fill(self, attributes: Float[np.ndarray, "6 v"], unknown: Int[np.ndarray, " n"]) -> None:
        """Spread the visibilities of known vertices two edges into the unknown ones."""
        count_all = attributes.shape[1]
        missing = np.zeros(count_all, bool)
        missing[unknown] = True
        start, stop = self.links
        for _ in range(2):
            across = np.flatnonzero(missing[start] & ~missing[stop])
            into, source = start[across], stop[across]
            count = np.bincount(into, minlength=count_all)
            found = np.flatnonzero(count)
            for channel in attributes[4:]:
                total = np.bincount(into, weights=channel[source], minlength=count_all)
                channel[found] = total[found] / count[found]
            missing[found] = False

    def _shade(
        self, prim: Int[np.ndarray, " n"], uv: Float[np.ndarray, "2 n"], attributes: Float[np.ndarray, "6 v"]
    ) -> Float[np.ndarray, "3 n"]:
        """Linear RGB of points on the mesh: key, fill and rim lights, sky and ground, a soft highlight."""
        u, v = uv
        at = np.zeros((6, len(prim)), np.float32)
        for corner, weight in zip(self.corners, (1 - u - v, u, v)):
            vertex = corner.take(prim)
            for channel, values in zip(at, attributes):
                channel += values.take(vertex) * weight
        n, albedo, ambient, sun = at[:3], self._albedo(at[3]), at[4], at[5]
        n *= 1.0 / np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-12)
        light = self.lights
        # Light wraps a little past the terminator, as it does on skin and matt plastic.
        key = np.maximum(light.key @ n + 0.12, 0.0) * (sun / 1.12)
        fill = np.maximum(light.fill @ n, 0.0) * ambient
        up = (0.5 + 0.5 * n[1]) * ambient
        lit = _KEY[:, None] * key + _FILL[:, None] * fill
        lit += _BOUNCE[:, None] * ambient
        lit += (_SKY - _BOUNCE)[:, None] * up
        lit *= albedo
        grazing = np.clip(1.0 - light.view @ n, 0.0, 1.0)
        rim = grazing * grazing * np.clip(light.rim @ n + 0.25, 0.0, 1.0) * ambient
        albedo *= 0.75
        albedo += 0.25
        albedo *= _RIM[:, None]
        albedo *= rim
        lit += albedo
        gloss = np.clip(light.halfway @ n, 0.0, 1.0)
        for _ in range(4):
            gloss *= gloss
        gloss *= 0.07 * sun
        lit += gloss
        return lit

    def _albedo(self, tone: Float[np.ndarray, " n"]) -> Float[np.ndarray, "3 n"]:
        """Colours of tones; a hem is as soft as a pixel is wide."""
        hem = np.rint(tone)
        past = np.clip((tone - hem) * np.float32(self.camera.size / _HEM_PIXELS) + np.float32(0.5), 0.0, 1.0)
        which = hem.astype(np.int32)
        colour = self.before.take(which, axis=1)
        colour += (self.after.take(which, axis=1) - colour) * past
        return colour


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
