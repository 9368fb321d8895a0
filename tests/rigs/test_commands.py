"""`emotalk rig …`: one command imports a rig, one tells what it is, one carries an animation over."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import INDEX
from emotalk.rigs import Rig, procedural_head
from tests.commands import emotalk


def test_import_info_and_retarget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.zeros((4, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.6, 4)
    talk = tmp_path / "talk.glb"
    Animation(weights).save(talk)
    assert emotalk("rig", "import", talk, "-o", tmp_path / "rig.npz", "--name", "friend") == 0
    rig = Rig.load(tmp_path / "rig.npz")
    assert rig.name == "friend"
    assert f"{len(procedural_head().neutral)} vertices" in capsys.readouterr().out
    assert emotalk("rig", "info", tmp_path / "rig.npz") == 0
    said = capsys.readouterr().out
    assert "friend" in said
    assert [line.rsplit(" ", 1)[1] for line in said.splitlines() if "at rest" in line] == [
        "jawOpen",
        "eyeBlink",
        "eyeBlink",
    ]
    assert emotalk("info", tmp_path / "rig.npz") == 2
    assert "a rig, not an animation: see `emotalk rig info`" in capsys.readouterr().err
    carry = ("retarget", "default", tmp_path / "rig.npz", "--animation", talk, "-o", tmp_path / "out.npz")
    assert emotalk("rig", *carry) == 0
    carried = Animation.load(tmp_path / "out.npz")
    ours, theirs = procedural_head().gap_mm(weights), rig.gap_mm(carried.weights)
    np.testing.assert_allclose(theirs, ours, atol=1.5)


def test_what_cannot_be_imported_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert emotalk("rig", "import", tmp_path / "nothing.glb", "-o", tmp_path / "rig.npz") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "nothing.glb" in said
    assert len(said.splitlines()) == 1
    assert emotalk("rig", "import", tmp_path, "-o", tmp_path / "rig.obj") == 2
    assert ".npz" in capsys.readouterr().err
