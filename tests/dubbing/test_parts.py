"""A recording in parts is the recording in one pass, bit by bit, whoever made which part and whatever died."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.audio import load_audio
from emotalk.dubbing.parts import PARTS, Parts
from emotalk.dubbing.plan import Plan
from emotalk.dubbing.strands import strands_of
from emotalk.inference.animator import Animator
from emotalk.inference.windows import WindowShape
from emotalk.model.store import load_model
from tests.dubbing.shelf import dubber_of, files, planned, split, worked
from tests.small_model import save_small_model, write_murmur

SECONDS = 9.3


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_murmur(tmp_path_factory.mktemp("shelf") / "book.wav", SECONDS, seed=3)


@pytest.fixture(scope="module", params=["lite", "large"])
def animator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Animator:
    """One whose windows are short: cut anywhere, as `lite` is, or at pauses and blended, as the large networks are."""
    animator = Animator(load_model(save_small_model(tmp_path_factory.mktemp("model"))), device="cpu")
    if request.param == "lite":
        animator.shape = replace(animator.shape, core=10)
    else:
        animator.shape = WindowShape(core=12, before=5, after=5, search=4, fade=3)
    return animator


@pytest.fixture(scope="module")
def whole(animator: Animator, recording: Path) -> Animation:
    return animator.animate(load_audio(recording))


@pytest.fixture(scope="module")
def undisturbed(animator: Animator, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("undisturbed")
    (row,) = worked(planned(recording, output), animator)
    assert row.state == "animated"
    return files(output)


def strand_of(plan: Plan):
    (strand,) = strands_of(plan.items, 1)
    return strand


def part_files(output: Path) -> list[str]:
    return sorted(path.name for path in (output / PARTS).rglob("*.npz"))


def test_one_part_is_what_the_animator_gives(undisturbed: dict[str, bytes], whole: Animation, tmp_path: Path) -> None:
    (tmp_path / "book.npz").write_bytes(undisturbed["book.npz"])
    saved = Animation.load(tmp_path / "book.npz")
    np.testing.assert_array_equal(saved.weights, whole.weights)
    assert saved.meta["heard"] == whole.meta["heard"]


@pytest.mark.parametrize("part_windows", [1, 3])
def test_parts_of_any_length_give_the_same_bytes(
    part_windows: int, animator: Animator, recording: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    (row,) = worked(planned(recording, tmp_path, part_windows=part_windows), animator)
    assert row.state == "animated"
    assert row.seconds == pytest.approx(SECONDS, abs=1 / 30)
    assert files(tmp_path) == undisturbed
    assert not part_files(tmp_path)


@pytest.mark.parametrize("borders", [(1, 2, 50)])
@pytest.mark.parametrize("backwards", [False, True])
def test_strands_in_any_order_give_the_same_bytes(
    borders: tuple[int, ...],
    backwards: bool,
    animator: Animator,
    recording: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
) -> None:
    plan = planned(recording, tmp_path, part_windows=2)
    strands = split(strand_of(plan), borders)
    rows = worked(plan, animator, strands[::-1] if backwards else strands)
    assert [row.state for row in rows] == ["animated"]
    assert files(tmp_path) == undisturbed
    assert not part_files(tmp_path)


def test_a_killed_recording_goes_on_behind_the_parts_that_are_there(
    animator: Animator, recording: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    plan = planned(recording, tmp_path, part_windows=2)
    first, second, _ = split(strand_of(plan), (1, 2))
    assert dubber_of(plan, animator).dub(second) == []
    assert dubber_of(plan, animator).dub(first) == []  # killed here
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / PARTS).rglob("*.npz")}
    assert len(kept) == 2
    again = planned(recording, tmp_path, part_windows=2)
    again.tidy()
    dubber = dubber_of(again, animator)
    heard: list[float] = []
    ((_, row),) = dubber.dub(strand_of(again), lambda seconds, _: heard.append(seconds))
    assert row.state == "animated"
    assert heard[-1] < SECONDS - 1  # what was there was not heard again
    assert files(tmp_path) == undisturbed


def test_parts_of_other_bytes_or_another_recipe_are_not_used(
    animator: Animator, recording: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    shelf, output = tmp_path / "shelf", tmp_path / "out"
    write_murmur(shelf / "book.wav", SECONDS, seed=9)
    plan = planned(shelf, output, part_windows=2)
    dubber_of(plan, animator).dub(split(strand_of(plan), (3,))[0])
    assert part_files(output)
    shutil.copy(recording, shelf / "book.wav")
    worked(planned(shelf, output, part_windows=2), animator)
    assert files(output) == undisturbed
    assert not part_files(output)


def test_who_finishes_removes_the_parts_and_another_worker_finds_nothing_missing(
    animator: Animator, recording: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """A worker that died after writing its outputs down, before saying so: its strand is begun again."""
    plan = planned(recording, tmp_path, part_windows=2)
    strands = split(strand_of(plan), (2,))
    worked(plan, animator, strands)
    rows = worked(plan, animator, strands)  # by the plan of before
    assert [row.state for row in rows] == ["animated"]
    assert files(tmp_path) == undisturbed


def test_raw_windows_come_back_as_they_were(animator: Animator, recording: Path, tmp_path: Path) -> None:
    windows = list(animator.plan([load_audio(recording)]))
    raw = animator.predict(windows, planned(recording, tmp_path).dubbing.recipe.controls)
    parts = Parts(str(tmp_path), "book", "key")
    parts.write(0, raw[:3])
    assert not parts.there().complete
    parts.write(1, raw[3:])
    there = parts.there()
    assert there.complete
    for before, after in zip(raw, parts.read(there), strict=True):
        np.testing.assert_array_equal(before.weights, after.weights)
        np.testing.assert_array_equal(before.loudness, after.loudness)
        np.testing.assert_array_equal(before.logits, after.logits)
        assert replace(before.window, samples=after.window.samples) == after.window


def test_a_recording_that_is_damaged_late_fails_alone_and_publishes_nothing(animator: Animator, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    write_murmur(shelf / "good.wav", 1.0)
    from emotalk.audio import encode_flac
    from tests.small_model import murmur

    content = encode_flac(murmur(SECONDS, seed=4))
    (shelf / "bad.flac").write_bytes(content[: len(content) * 3 // 4])
    rows = {Path(r.uri).name: r for r in worked(planned(shelf, tmp_path / "out", part_windows=1), animator)}
    assert rows["good.wav"].state == "animated"
    assert rows["bad.flac"].state == "failed"
    assert rows["bad.flac"].reason
    assert list(files(tmp_path / "out")) == ["good.npz"]
    # The parts before the damage wait for a better file, until nothing is left to do.
    (shelf / "bad.flac").unlink()
    plan = planned(shelf, tmp_path / "out", part_windows=1)
    plan.tidy()
    assert not part_files(tmp_path / "out")
