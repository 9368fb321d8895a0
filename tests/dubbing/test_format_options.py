"""Options of formats for a whole shelf: part of what an output was made of, loaded once, and told before the work."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotalk import Animation, Animator, Controls
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.ledger import Ledger
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.errors import InputError
from emotalk.formats.options import digested, loaded
from emotalk.model.store import load_model
from emotalk.rigs import Rig, procedural_head
from emotalk.rigs.importers.flame import read_flame
from emotalk.rigs.transfer.flame_map import FlameMap, fit_flame
from jobs.dub_config import DubConfig
from jobs.dub_run import dub
from tests.dubbing.shelf import worked
from tests.rigs.flame_files import flame_arrays
from tests.small_model import save_small_model, write_murmur


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small model in FLAME's form, and the map to it."""
    folder = tmp_path_factory.mktemp("flame")
    np.savez(folder / "model.npz", **flame_arrays())
    fit_flame(procedural_head(), read_flame(folder / "model.npz")).save(folder / "map.npz")
    return {"flame_model": str(folder / "model.npz"), "flame_map": str(folder / "map.npz")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


Run = Callable[..., set[str]]


@pytest.fixture
def run(model: Path, tmp_path: Path) -> Run:
    """Dubs tmp_path/a.wav into tmp_path/out -> the files that were written."""
    write_murmur(tmp_path / "a.wav", 0.4)
    animator, out = Animator(load_model(model), device="cpu"), tmp_path / "out"

    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in out.glob("a.*")}

    def work(*suffixes: str, **options: Any) -> set[str]:
        before, ledger = times(), Ledger.read(str(out))
        recipe = Recipe.of("model", Controls(), options=options)
        dubbing = Dubbing(OutputFolder(str(out)), recipe, suffixes, ledger.generation + 1, options=loaded(options))
        listing = list_recordings([str(tmp_path / "a.wav")], output=str(out))
        rows = worked(Plan.of(listing, dubbing, ledger), animator)
        assert {row.state for row in rows} <= {"animated", "already done"}, rows
        return {name for name, time in times().items() if before.get(name) != time}

    return work


def test_a_shelf_is_dubbed_for_flame(run: Run, flame: dict[str, str], tmp_path: Path) -> None:
    assert run(".flame.npz", ".npz", **flame) == {"a.flame.npz", "a.npz"}
    assert run(".flame.npz", ".npz", **flame) == set()
    whole = Animation.load(tmp_path / "out" / "a.npz")
    rows = FlameMap.load(flame["flame_map"]).to_flame(whole.weights)
    with np.load(tmp_path / "out" / "a.flame.npz") as mapped:
        np.testing.assert_allclose(np.hstack([mapped["expression"], mapped["jaw_pose"]]), rows, atol=1e-4)


def test_names_do_not_meet_in_the_suffix(model: Path, flame: dict[str, str], tmp_path: Path) -> None:
    for name in ("a.wav", "a.flame.wav"):
        write_murmur(tmp_path / "shelf" / name, 0.4)
    recipe = Recipe.of("model", Controls(), options=flame)
    dubbing = Dubbing(OutputFolder(str(tmp_path / "out")), recipe, (".npz", ".flame.npz"), options=loaded(flame))
    listing = list_recordings([str(tmp_path / "shelf")], output=str(tmp_path / "out"))
    plan = Plan.of(listing, dubbing, Ledger.read(str(tmp_path / "out")))
    assert [take.name for item in plan.items for take in item.takes] == ["a.flame"]
    (failed,) = plan.failed
    assert "its output a would be another recording's, too" in (failed.reason or "")


def test_an_option_that_changes_makes_its_own_format_again(run: Run, tmp_path: Path) -> None:
    assert run(".csv", ".npz", start="10:00:00:00") == {"a.csv", "a.npz"}
    assert run(".csv", ".npz", start="10:00:00:00") == set()
    assert run(".csv", ".npz", start="11:00:00:00") == {"a.csv"}
    assert "\n11:00:00:00.000,61," in (tmp_path / "out" / "a.csv").read_text()
    assert run(".csv", ".npz") == {"a.csv"}


def test_a_file_is_known_by_what_is_in_it(run: Run, tmp_path: Path) -> None:
    rig, moved = tmp_path / "rig.npz", tmp_path / "moved.npz"
    procedural_head().save(rig)
    assert run(".glb", rig=str(rig)) == {"a.glb"}
    rig.rename(moved)
    assert run(".glb", rig=str(moved)) == set()
    head = procedural_head()
    Rig(
        name="another",
        neutral=2 * head.neutral,
        triangles=head.triangles,
        displacements=head.displacements,
        regions=head.regions,
    ).save(moved)
    assert run(".glb", rig=str(moved)) == {"a.glb"}


def test_what_lies_beside_a_flame_model_is_part_of_it(flame: dict[str, str], tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    os.link(flame["flame_model"], model)
    before = digested({"flame_model": str(model)})
    np.save(tmp_path / "l_eyelid.npy", np.zeros((5, 3)))
    assert digested({"flame_model": str(model)}) != before
    assert digested({"expressions": 5, "start": "1:00:00:00"}) == {"expressions": 5, "start": "1:00:00:00"}


def test_what_earlier_runs_made_wants_its_options_again(
    run: Run, flame: dict[str, str], model: Path, tmp_path: Path
) -> None:
    run(".flame.npz", **flame)
    config = DubConfig(inputs=(str(tmp_path / "a.wav"),), output=str(tmp_path / "out"), model=str(model))
    with pytest.raises(InputError, match=r"out: holds \.flame\.npz of an earlier run.*give flame_model again"):
        dub(config)
    assert not (tmp_path / "out" / "a.npz").exists()
