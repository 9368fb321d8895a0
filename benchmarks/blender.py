"""What Blender makes of a head's files: python -m benchmarks.blender --python VENV/bin/python

VENV is an environment of its own with Blender as a module (pip install bpy): it wants another numpy than this project.
Writes one animation as GLB and USD, has Blender import each, and compares every frame's weights and every vertex,
blended, turned and moved, with those of the rig.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tyro

from emotalk import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.head import rotation
from emotalk.rigs import procedural_head

FRAMES, FPS = 12, 24
SUFFIXES = (".glb", ".usda", ".usdc")
METRES = 0.001
# In Blender z is up; `frame_set` counts a GLB's frames from 1 or from 0, as its version likes.
READER = """
import sys
import bpy
import numpy as np

wanted = np.load("wanted.npz")
names, weights, vertices = wanted["names"].tolist(), wanted["weights"], wanted["vertices"]
print("Blender", bpy.app.version_string)
for suffix in sys.argv[1:]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = int(wanted["fps"])
    load = bpy.ops.import_scene.gltf if suffix == ".glb" else bpy.ops.wm.usd_import
    load(filepath="talk" + suffix)
    (face,) = [one for one in bpy.data.objects if one.type == "MESH"]
    keys = face.data.shape_keys.key_blocks

    def apart(frame, number):
        scene.frame_set(number)
        return np.abs(np.array([keys[name].value for name in names]) - weights[frame]).max()

    first = min((0, 1), key=lambda start: apart(0, start))
    worst, far = 0.0, 0.0
    for frame in range(len(weights)):
        worst = max(worst, apart(frame, first + frame))
        posed = face.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh, place = posed.to_mesh(), np.array(posed.matrix_world)
        points = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", points)
        points = points.reshape(-1, 3) @ place[:3, :3].T + place[:3, 3]
        far = max(far, np.abs(points[:, [0, 2, 1]] * (1, 1, -1) - vertices[frame]).max())
    print(f"{suffix}: weights differ by {worst:.1g} at most, vertices by {1000 * far:.1g} mm")
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    python: str
    """Of an environment that has bpy."""


def main() -> None:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder))
        command = [str(Path(options.python).absolute()), "-c", READER, *SUFFIXES]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    print("\n".join(line for line in done.stdout.splitlines() if line.startswith(("Blender", "."))))


def _write(folder: Path) -> None:
    random, rig = np.random.default_rng(3), procedural_head()
    turn, place = random.uniform(-0.3, 0.3, (FRAMES, 3)), random.uniform(-20, 20, (FRAMES, 3))
    animation = Animation(
        0.6 * random.random((FRAMES, 52), np.float32), head=np.hstack([turn, place]), fps=Fraction(FPS)
    )
    for suffix in SUFFIXES:
        animation.save(folder / f"talk{suffix}")
    still = rig.vertices(animation.weights).astype(np.float64)
    vertices = np.einsum("fij,fvj->fvi", rotation(turn).as_matrix(), still) + place[:, None]
    np.savez(
        folder / "wanted.npz",
        names=np.array(COEFFICIENTS),
        weights=animation.weights,
        vertices=METRES * vertices,
        fps=FPS,
    )


if __name__ == "__main__":
    main()
