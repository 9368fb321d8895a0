"""A run over a shelf, without a cluster: what is done, what is done again, and what fails."""

import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch

from emotalk.animation import Animation
from emotalk.audio import load_audio
from emotalk.controls import Controls
from emotalk.dubbing import completion
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.journal import Journal
from emotalk.dubbing.ledger import LEDGER, Ledger, Record
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.dubbing.predicting import Alone, Predictor
from emotalk.dubbing.report import Row, Totals
from emotalk.dubbing.strands import strands_of
from emotalk.dubbing.work import Dubber
from emotalk.files import absolute
from emotalk.inference.animator import Animator
from emotalk.inference.heard import emotion_of
from emotalk.model.store import load_model, model_digest
from tests.small_model import save_small_model, write_murmur


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def animator(model: Path) -> Animator:
    return Animator(load_model(model), device="cpu", model_digest=model_digest(model))


@dataclass
class Shelf:
    """A folder of recordings, its output folder, and runs over it; `animated` counts the Animator's uses."""

    root: Path
    output: Path
    animator: Animator
    digest: str
    animated: int = 0

    def run(
        self, *formats: str, controls: Controls | None = None, root: Path | None = None, fps: str | None = None
    ) -> dict[str, Row]:
        """-> rows by the recording's file name."""
        return self.work(self.plan(*formats, controls=controls, root=root, fps=fps))

    def plan(
        self, *formats: str, controls: Controls | None = None, root: Path | None = None, fps: str | None = None
    ) -> Plan:
        listing = list_recordings([str(root or self.root)], output=str(self.output))
        recipe = Recipe.of(self.digest, controls or Controls(), fps)
        ledger = Ledger.read(str(self.output))
        folder = OutputFolder(absolute(str(self.output)))
        dubbing = Dubbing(folder, recipe, formats or (".npz", ".csv"), ledger.generation + 1)
        return Plan.of(listing, dubbing, ledger)

    def work(self, plan: Plan) -> dict[str, Row]:
        self.animated = 0
        journal = Journal(str(self.output), plan.dubbing.generation)
        dubber = Dubber(plan.dubbing, journal, self._use)
        rows = [*plan.done_rows(), *plan.failed]
        for strand in dubber.forget_outdated(strands_of(plan.items, 1)):
            rows += [row for _, row in dubber.dub(strand)]
        journal.flush()
        return {Path(row.uri).name: row for row in rows}

    def _use(self) -> Predictor:
        self.animated += 1
        return Alone(self.animator)

    def records(self) -> dict[str, Record]:
        return {record.name: record for record in Ledger.read(str(self.output))}

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of every output."""
        return {
            str(path.relative_to(self.output)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(self.output.rglob("*"))
            if path.is_file() and OWN_FOLDER not in path.parts
        }


@pytest.fixture
def shelf(tmp_path: Path, animator: Animator, model: Path) -> Shelf:
    write_murmur(tmp_path / "shelf" / "a.wav", 0.5, seed=1)
    write_murmur(tmp_path / "shelf" / "book" / "b.wav", 0.7, seed=2)
    return Shelf(tmp_path / "shelf", tmp_path / "out", animator, model_digest(model))


def states(rows: dict[str, Row]) -> dict[str, str]:
    return {name: row.state for name, row in rows.items()}


def test_every_recording_gets_one_file_per_format_that_holds_its_animation(shelf: Shelf) -> None:
    rows = shelf.run()
    assert states(rows) == {"a.wav": "animated", "b.wav": "animated"}
    assert list(shelf.files()) == ["a.csv", "a.npz", "book/b.csv", "book/b.npz"]
    saved = Animation.load(shelf.output / "a.npz")
    direct = shelf.animator.animate(load_audio(shelf.root / "a.wav"))
    np.testing.assert_array_equal(saved.weights, direct.weights)
    assert saved.emotion is not None
    assert direct.emotion is not None
    np.testing.assert_array_equal(saved.emotion, direct.emotion)
    assert saved.meta["model_sha256"] == shelf.digest
    row = rows["a.wav"]
    assert row.seconds == pytest.approx(0.5)
    assert row.outputs == (f"{shelf.output}/a.npz", f"{shelf.output}/a.csv")
    assert (row.emotion, row.share) == emotion_of(direct.meta)
    assert saved.meta == {**direct.meta, "source_sha256": sha256((shelf.root / "a.wav").read_bytes()).hexdigest()}


def test_any_format_and_rate_of_the_registry_is_dubbed_and_known_again(shelf: Shelf) -> None:
    suffixes = (".arkit.json", ".parquet")
    assert set(states(shelf.run(*suffixes)).values()) == {"animated"}
    assert list(shelf.files()) == ["a.arkit.json", "a.parquet", "book/b.arkit.json", "book/b.parquet"]
    table = pyarrow.parquet.read_table(shelf.output / "book" / "b.parquet")
    assert table.column("clip_id").to_pylist() == ["b"]
    assert table.column("samples").to_pylist() == [(21 + 15) * 16_000 // 30]  # its sound, and the tail's silence
    assert set(states(shelf.run(*suffixes)).values()) == {"already done"}
    assert set(states(shelf.run(".a2f.json", fps="25")).values()) == {"animated"}
    assert Animation.load(shelf.output / "a.a2f.json").fps == Animation.load(shelf.output / "a.arkit.json").fps == 25
    assert Animation.load(shelf.output / "a.parquet").fps == 30  # it is made for one rate


def test_a_rerun_touches_nothing(shelf: Shelf) -> None:
    first = shelf.run()
    before = shelf.files()
    again = shelf.run()
    assert states(again) == {"a.wav": "already done", "b.wav": "already done"}
    assert shelf.animated == 0
    assert shelf.files() == before
    assert {n: replace(r, speed=None, state="animated") for n, r in again.items()} == {
        n: replace(r, speed=None, work_s=None, emotions=None) for n, r in first.items()
    }


def test_a_missing_output_is_all_that_is_made_again(shelf: Shelf) -> None:
    shelf.run()
    before = shelf.files()
    (shelf.output / "a.csv").unlink()
    assert states(shelf.run()) == {"a.wav": "animated", "b.wav": "already done"}
    after = shelf.files()
    assert after["a.csv"][0] == before["a.csv"][0]
    assert {name: file for name, file in after.items() if name != "a.csv"} == {
        name: file for name, file in before.items() if name != "a.csv"
    }


def test_a_truncated_output_is_made_again(shelf: Shelf) -> None:
    shelf.run()
    before = shelf.files()
    (shelf.output / "a.npz").write_bytes(before["a.npz"][0][:100])
    assert states(shelf.run())["a.wav"] == "animated"
    assert shelf.files()["a.npz"][0] == before["a.npz"][0]


def test_another_format_is_added_beside(shelf: Shelf) -> None:
    shelf.run(".npz")
    before = shelf.files()
    shelf.run(".csv")
    after = shelf.files()
    assert list(after) == ["a.csv", "a.npz", "book/b.csv", "book/b.npz"]
    assert {name: after[name] for name in before} == before


def test_changed_controls_replace_every_format_that_is_there(shelf: Shelf) -> None:
    shelf.run()
    before = shelf.files()
    sad = Controls(emotion="sad", intensity=1.5)
    assert set(states(shelf.run(".npz", controls=sad)).values()) == {"animated"}
    after = shelf.files()
    assert all(after[name][0] != before[name][0] for name in before)  # the CSV too: old and new never mix
    assert set(states(shelf.run(controls=sad)).values()) == {"already done"}


def test_a_changed_recording_is_animated_again(shelf: Shelf) -> None:
    shelf.run()
    write_murmur(shelf.root / "a.wav", 0.5, seed=9)
    assert states(shelf.run()) == {"a.wav": "animated", "b.wav": "already done"}


def test_a_copied_shelf_is_recognised_by_its_bytes(shelf: Shelf, tmp_path: Path) -> None:
    shelf.run()
    before = shelf.files()
    copied = shutil.copytree(shelf.root, tmp_path / "copy")
    assert set(states(shelf.run(root=copied)).values()) == {"already done"}
    assert shelf.animated == 0
    assert shelf.files() == before


def test_another_shelf_never_overwrites(shelf: Shelf, tmp_path: Path) -> None:
    shelf.run()
    before = shelf.files()
    write_murmur(tmp_path / "other" / "a.wav", 0.4, seed=5)
    rows = shelf.run(root=tmp_path / "other")
    assert rows["a.wav"].state == "failed"
    assert "belongs to" in str(rows["a.wav"].reason)
    assert shelf.files() == before


def test_recordings_of_one_stem_keep_both_animations(shelf: Shelf) -> None:
    shutil.copy(shelf.root / "book" / "b.wav", shelf.root / "a.wave")
    shelf.run(".npz")
    assert list(shelf.files()) == ["a.wav.npz", "a.wave.npz", "book/b.npz"]


def test_bad_recordings_are_rows_and_leave_nothing(shelf: Shelf) -> None:
    wav = (shelf.root / "a.wav").read_bytes()
    bad = {"empty.wav": b"", "noise.mp3": b"\x00" * 3000, "header.wav": wav[:44], "text.flac": b"not sound at all"}
    for name, content in bad.items():
        (shelf.root / name).write_bytes(content)
    (shelf.root / "gone.wav").symlink_to(shelf.root / "nothing.wav")
    rows = shelf.run()
    assert {name for name, row in rows.items() if row.state == "failed"} == {*bad, "gone.wav"}
    assert all(row.reason for row in rows.values() if row.state == "failed")
    assert "empty file" in str(rows["empty.wav"].reason)
    assert "no such file" in str(rows["gone.wav"].reason)
    assert list(shelf.files()) == ["a.csv", "a.npz", "book/b.csv", "book/b.npz"]


def test_the_real_broken_headers_are_rows(shelf: Shelf, shared_data: Path) -> None:
    for path in (shared_data / "speech" / "mixed").glob("*_header.wav"):
        shutil.copy(path, shelf.root)
    rows = shelf.run()
    assert {name for name, row in rows.items() if row.state == "failed"} == {
        "awful_header.wav",
        "evil_header.wav",
        "truncated_header.wav",
    }


def test_a_recording_that_was_cut_short_is_warned_of(shelf: Shelf) -> None:
    whole = shelf.root / "a.wav"
    (shelf.root / "cut.wav").write_bytes(whole.read_bytes()[: 44 + 12_000])
    rows = shelf.run(".npz")
    (cut,) = [found for found in rows["cut.wav"].warnings if found.kind == "cut"]
    assert (cut.first_s, cut.value) == (pytest.approx(0.4, abs=0.04), 0.125)
    assert cut.share == pytest.approx(0.25, abs=0.02)
    assert "its header promises 0.1 s more than there is (from 0:00, 24% of the time)" in cut.text
    assert "cut" not in {found.kind for found in rows["a.wav"].warnings}
    assert [found.kind for found in shelf.run(".npz")["cut.wav"].warnings] == [f.kind for f in rows["cut.wav"].warnings]


def test_an_output_that_cannot_be_written_is_a_row(shelf: Shelf) -> None:
    (shelf.output / "a.npz").mkdir(parents=True)
    rows = shelf.run()
    assert rows["a.wav"].state == "failed"
    assert "a.npz" in str(rows["a.wav"].reason)
    assert rows["b.wav"].state == "animated"


def test_a_disk_that_refuses_to_write_on_leaves_no_part_of_a_file(shelf: Shelf) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (28_000, before[1]))  # enough for a.csv, not for b.csv
    try:
        rows = shelf.run(".csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert states(rows) == {"a.wav": "animated", "b.wav": "failed"}
    assert str(rows["b.wav"].reason).endswith(f"({shelf.output}/book/b.csv)")
    assert list(shelf.files()) == ["a.csv"]
    assert states(shelf.run(".csv")) == {"a.wav": "already done", "b.wav": "animated"}


def test_a_recording_that_turns_bad_keeps_its_old_animation_and_says_so(shelf: Shelf) -> None:
    shelf.run()
    before = shelf.files()
    (shelf.root / "a.wav").write_bytes(b"RIFF")
    assert shelf.run()["a.wav"].state == "failed"
    assert shelf.files() == before


def test_a_recording_that_changes_while_it_is_read_is_refused(shelf: Shelf) -> None:
    plan = shelf.plan(".npz", root=shelf.root / "a.wav")

    def change_it() -> Predictor:
        write_murmur(shelf.root / "a.wav", 0.9, seed=3)
        return Alone(shelf.animator)

    dubber = Dubber(plan.dubbing, Journal(str(shelf.output), 1), change_it)
    ((_, row),) = dubber.dub(strands_of(plan.items, 1)[0])
    assert row.state == "failed"
    assert "changed" in str(row.reason)
    assert not shelf.output.exists()


def test_an_interrupted_replacement_is_not_taken_for_the_old_one(shelf: Shelf) -> None:
    """New npz written, then killed before CSV and record: going back to the old controls must not keep the new npz."""
    shelf.run()
    before = shelf.files()
    record = shelf.records()["a"]
    plan = shelf.plan(controls=Controls(seed=5))
    journal = Journal(str(shelf.output), plan.dubbing.generation)
    Dubber(plan.dubbing, journal, shelf._use).forget_outdated(strands_of(plan.items, 1))
    shelf.animator.animate(load_audio(shelf.root / "a.wav"), Controls(seed=5)).save(shelf.output / "a.npz")
    assert record.vouches_for([".npz"])
    assert not shelf.records()["a"].vouches_for([".npz", ".csv"])
    shelf.run()
    assert {name: content for name, (content, _) in shelf.files().items()} == {n: c for n, (c, _) in before.items()}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 99, "outputs": {}}'])
def test_an_unreadable_record_means_that_the_work_is_done_again(shelf: Shelf, content: bytes) -> None:
    shelf.run(".npz")
    (segment,) = (shelf.output / LEDGER).iterdir()
    lines = segment.read_bytes().splitlines()
    segment.write_bytes(b"\n".join(content if b'"name":"a"' in line else line for line in lines))
    assert states(shelf.run(".npz")) == {"a.wav": "animated", "b.wav": "already done"}


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_other_threads_redo_nothing_and_are_told(shelf: Shelf, threads: Callable[[int], None]) -> None:
    threads(1)
    shelf.run()
    before = shelf.files()
    write_murmur(shelf.root / "c.wav", 0.5, seed=3)
    threads(2)
    rows = shelf.run()
    assert states(rows) == {"a.wav": "already done", "b.wav": "already done", "c.wav": "animated"}
    assert {name: file for name, file in shelf.files().items() if name in before} == before
    assert "made on cpu, 1 thread (2), cpu, 2 threads (1)" in Totals.of(rows.values(), elapsed_s=1).summary()


def test_the_files_of_one_recording_are_of_one_making(shelf: Shelf, threads: Callable[[int], None]) -> None:
    threads(1)
    shelf.run(".npz")
    before = shelf.files()
    threads(2)
    shelf.run(".csv")
    record = shelf.records()["a"]
    assert {output.made_on for output in record.outputs.values()} == {"cpu, 2 threads"}
    after = shelf.files()
    assert after["a.npz"][1] > before["a.npz"][1]
    weights = [Animation.load(shelf.output / f"a{suffix}").weights for suffix in (".npz", ".csv")]
    np.testing.assert_allclose(*weights, atol=1e-9)


def test_what_made_an_output_is_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("model", Controls())
    others: list[Callable[[], str]] = [
        lambda: recipe.key("other", ".npz"),
        lambda: recipe.key("sha", ".csv"),
        lambda: Recipe("another", Controls()).key("sha", ".npz"),
        lambda: Recipe("model", Controls(), precision="int8").key("sha", ".npz"),
        lambda: Recipe("model", Controls(seed=1)).key("sha", ".npz"),
    ]
    assert recipe.key("sha", ".npz") == Recipe("model", Controls()).key("sha", ".npz")
    keys = {recipe.key("sha", ".npz"), *(other() for other in others)}
    for version in ("PLAN_VERSION", "POST_VERSION"):
        monkeypatch.setattr(completion, version, 1000)
        keys.add(Recipe("model", Controls()).key("sha", ".npz"))
    assert len(keys) == 8


def test_a_long_recording_is_one_animation_without_seams(shelf: Shelf) -> None:
    write_murmur(shelf.root / "long.wav", 90, seed=4)
    shelf.run(".npz")
    direct = shelf.animator.animate(load_audio(shelf.root / "long.wav"))
    np.testing.assert_array_equal(Animation.load(shelf.output / "long.npz").weights, direct.weights)
    # One forward of the whole recording: what windows must not change.
    whole = replace(shelf.animator.shape, core=2_000)
    alone = Animator(shelf.animator.model, device="cpu")
    alone.shape = whole
    np.testing.assert_allclose(alone.animate(load_audio(shelf.root / "long.wav")).weights, direct.weights, atol=2e-5)


def test_an_emotion_of_another_recording_is_part_of_what_made_an_output(shelf: Shelf, tmp_path: Path) -> None:
    other = write_murmur(tmp_path / "other.wav", 2.0)
    controls = Controls(emotion_from=str(other), emotion_fit="stretch")
    plain = shelf.run(".npz")
    assert all(row.state == "animated" for row in shelf.run(".npz", controls=controls).values())
    assert shelf.run(".npz", controls=controls).keys() == plain.keys()
    assert shelf.animated == 0
    other.write_bytes(write_murmur(tmp_path / "third.wav", 1.0).read_bytes())
    assert shelf.run(".npz", controls=controls)
    assert shelf.animated == len(plain)
    moved = tmp_path / "moved.wav"
    other.rename(moved)
    shelf.run(".npz", controls=replace(controls, emotion_from=str(moved)))
    assert shelf.animated == 0  # the same bytes at another place
