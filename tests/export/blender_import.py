"""Run by Blender's Python: imports a GLB or BVH file and prints, as JSON, where its bones are.

Arguments: the file, the seconds at which to look, separated by commas.
"""

import json
import math
import sys

import bpy

path, seconds = sys.argv[1], [float(word) for word in sys.argv[2].split(",")]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
if path.endswith(".glb"):
    bpy.ops.import_scene.gltf(filepath=path)
else:
    bpy.ops.import_anim.bvh(filepath=path, global_scale=0.01, update_scene_fps=True)
(armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
(action,) = bpy.data.actions
rate = scene.render.fps / scene.render.fps_base
first, last = action.frame_range
heads, boxes = [], []
for second in seconds:
    frame = first + second * rate
    scene.frame_set(math.floor(frame), subframe=frame - math.floor(frame))
    bones = armature.pose.bones
    heads.append({bone.name: list(armature.matrix_world @ bone.head) for bone in bones})
    for thing in bpy.data.objects:
        if thing.type == "MESH" and any(modifier.type == "ARMATURE" for modifier in thing.modifiers):
            mesh = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
            corners = [thing.matrix_world @ vertex.co for vertex in mesh.vertices]
            boxes.append([[f(point[axis] for point in corners) for axis in range(3)] for f in (min, max)])
found = {"version": bpy.app.version_string, "name": action.name, "seconds": (last - first) / rate, "rate": rate}
print("FOUND " + json.dumps({**found, "heads": heads, "boxes": boxes}))
