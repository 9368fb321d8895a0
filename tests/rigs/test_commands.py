"""`emotalk rig …` as a process: one command imports a rig, one tells what it is, one carries an animation over."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import INDEX
from emotalk.rigs import Rig, procedural_head


def emotalk(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emotalk.cli", "rig", *map(str, args)], capture_output=True, text=True, timeout=120
    )


def test_import_info_and_retarget(tmp_path: Path) -> None:
    weights = np.zeros((4, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.6, 4)
    talk = tmp_path / "talk.glb"
    Animation(weights).save(talk)
    done = emotalk("import", talk, "-o", tmp_path / "rig.npz", "--name", "friend")
    assert done.returncode == 0, done.stderr
    rig = Rig.load(tmp_path / "rig.npz")
    assert rig.name == "friend"
    assert f"{len(procedural_head().neutral)} vertices" in done.stdout
    done = emotalk("info", tmp_path / "rig.npz")
    assert "friend" in done.stdout
    assert [line.rsplit(" ", 1)[1] for line in done.stdout.splitlines() if "at rest" in line] == [
        "jawOpen",
        "eyeBlink",
        "eyeBlink",
    ]
    as_animation = subprocess.run(
        [sys.executable, "-m", "emotalk.cli", "info", tmp_path / "rig.npz"], capture_output=True, text=True, timeout=120
    )
    assert as_animation.returncode == 2
    assert "a rig, not an animation: see `emotalk rig info`" in as_animation.stderr
    done = emotalk("retarget", "default", tmp_path / "rig.npz", "--animation", talk, "-o", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    carried = Animation.load(tmp_path / "out.npz")
    ours, theirs = procedural_head().gap_mm(weights), rig.gap_mm(carried.weights)
    np.testing.assert_allclose(theirs, ours, atol=1.5)


def test_what_cannot_be_imported_is_one_line(tmp_path: Path) -> None:
    done = emotalk("import", tmp_path / "nothing.glb", "-o", tmp_path / "rig.npz")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nothing.glb" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = emotalk("import", tmp_path, "-o", tmp_path / "rig.obj")
    assert done.returncode == 2
    assert ".npz" in done.stderr
