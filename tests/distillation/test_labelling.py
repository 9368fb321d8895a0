"""Recordings become a teacher's corpus: once, whole, in pieces, and with a name for what is no good."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from emotalk.controls import Controls
from emotalk.corpus.corpus import Corpus
from emotalk.distillation.chunks import CLIPS_PER_CHUNK
from emotalk.distillation.labelling import Labelling
from emotalk.distillation.teacher import Taught, Teacher, TeacherFile
from emotalk.dubbing.listing import list_recordings
from emotalk.errors import EmoTalkError, InputError
from emotalk.inference.animator import Animator
from emotalk.labels import EMOTIONS, OFFICIAL_EMOTIONS
from emotalk.model.start import load_start
from emotalk.training.examples import Examples
from tests.distillation.shelf import voices, write_sound, write_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> TeacherFile:
    return TeacherFile.read(write_teacher(tmp_path_factory.mktemp("teacher")))


class Counting:
    """A teacher that counts what it was asked, and ends after so many clips."""

    def __init__(self, file: TeacherFile, most: int = 10**6) -> None:
        self._teacher, self.taught, self._most = Teacher(file, device="cpu"), 0, most

    def teach(self, sounds: Sequence[np.ndarray]) -> list[Taught]:
        self.taught += len(sounds)
        if self.taught > self._most:
            raise EmoTalkError("the machine was switched off")
        return self._teacher.teach(sounds)


def plan(shelf: Path, output: Path, teacher: TeacherFile, max_clip_s: float = 20) -> Labelling:
    listing = list_recordings([str(shelf)], output=str(output))
    return Labelling.plan(listing, str(output), teacher, max_clip_s=max_clip_s)


def label(labelling: Labelling, teacher: Counting) -> Corpus:
    labelling.finish([labelling.label(portion, lambda: teacher) for portion in labelling.portions])  # type: ignore[arg-type, return-value]
    return Corpus.open(labelling.location)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_clip_has_the_raw_face_and_the_emotion_that_its_teacher_says(
    teacher: TeacherFile, tmp_path: Path
) -> None:
    write_sound(tmp_path / "shelf/sub/a.wav", voices(2, 0))
    write_sound(tmp_path / "shelf/long.wav", *(voices(3, seed) for seed in range(4)))
    corpus = label(plan(tmp_path / "shelf", tmp_path / "out", teacher, max_clip_s=5), Counting(teacher))
    clips = [clip for split in ("train", "validation") for clip in corpus.clips(split)]
    assert sorted(clip.clip_id for clip in clips) == [
        *(f"taught-long-0000{n}" for n in range(len(clips) - 1)), "taught-sub__a-00000"
    ]  # fmt: skip
    assert sum(len(clip.samples) for clip in clips) == 14 * 16_000
    animator = Animator(load_start(teacher.path), device="cpu")
    heard = {row["clip_id"]: row["heard"] for row in corpus.index.select(["clip_id", "heard"]).to_pylist()}
    for clip in clips:
        (raw,) = animator.predict(list(animator.plan([clip.samples])), Controls())
        # The teacher heard 24 bits or more, the corpus keeps 16.
        np.testing.assert_allclose(clip.weights, raw.weights, atol=5e-3)
        assert clip.weights.min() < 0, "raw faces are not clamped"
        assert np.argmax(heard[clip.clip_id]) == np.argmax(raw.logits)
        assert sum(heard[clip.clip_id]) == pytest.approx(1)
        assert (clip.speaker, clip.emotion, clip.level) == ("teacher", None, None)
    assert corpus.manifest.config["settings"]["teacher"]["sha256"] == teacher.sha256
    assert str(tmp_path) not in (tmp_path / "out/manifest.json").read_text()


def test_an_interrupted_labelling_goes_on_and_teaches_nothing_twice(teacher: TeacherFile, tmp_path: Path) -> None:
    """Two portions' worth of clips in one long recording, stopped in the middle of the second chunk."""
    write_sound(tmp_path / "shelf/book.wav", *(voices(2, seed) for seed in range(100)))
    write_sound(tmp_path / "shelf/short.wav", voices(1, 3))
    whole = Counting(teacher)
    label(plan(tmp_path / "shelf", tmp_path / "whole", teacher, max_clip_s=3), whole)
    assert whole.taught > CLIPS_PER_CHUNK

    labelling = plan(tmp_path / "shelf", tmp_path / "out", teacher, max_clip_s=3)
    first = Counting(teacher, most=CLIPS_PER_CHUNK + 10)
    with pytest.raises(EmoTalkError, match="switched off"):
        label(labelling, first)
    assert not (tmp_path / "out/manifest.json").exists()
    (tmp_path / "out/train/.part-0000000001.0123abcd.tmp.parquet").write_bytes(b"half")  # as a kill leaves it
    second = Counting(teacher)
    label(labelling, second)
    assert second.taught == whole.taught - CLIPS_PER_CHUNK
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    third = Counting(teacher)
    assert labelling.finished() == Corpus.open(tmp_path / "whole").manifest
    assert third.taught == 0


def test_a_portion_that_is_recorded_is_not_opened_again(teacher: TeacherFile, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "shelf/a.wav", voices(2, 0), voices(2, 1))
    write_sound(tmp_path / "shelf/b.wav", voices(2, 4))
    labelling = plan(tmp_path / "shelf", tmp_path / "out", teacher)
    (portion,) = labelling.portions
    before = labelling.label(portion, lambda: Teacher(teacher, device="cpu"))
    path.unlink()

    def nobody() -> Teacher:
        raise AssertionError("the teacher is asked again")

    again = labelling.label(portion, nobody)
    assert again.index.equals(before.index)
    assert again.shards == before.shards
    assert labelling.finish([again]).total.clips == 2


def test_what_is_no_good_is_named_and_the_rest_is_taught(teacher: TeacherFile, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    write_sound(shelf / "good.wav", voices(2, 0), voices(2, 1))
    write_sound(shelf / "silent.wav", np.zeros(32_000, np.float32))
    write_sound(shelf / "short.wav", voices(0.2, 1))
    (shelf / "broken.wav").write_bytes(b"RIFF\0")
    (shelf / "notes.txt").write_text("no recording")
    write_sound(shelf / "other.wav", voices(2, 5))
    corpus = label(plan(shelf, tmp_path / "out", teacher), Counting(teacher))
    assert corpus.manifest.total.clips == 2
    rows = {row["item_id"]: row["reason"] for row in corpus.quarantine.to_pylist()}
    assert rows == {
        "broken.wav": "unreadable_audio",
        "taught-silent-00000": "silent",
        "taught-short-00000": "duration",
    }


def test_where_nothing_is_good_there_is_no_corpus(teacher: TeacherFile, tmp_path: Path) -> None:
    write_sound(tmp_path / "shelf/silent.wav", np.zeros(32_000, np.float32))
    with pytest.raises(InputError, match=r"no clip is left of 1 item \(1 silent\)"):
        label(plan(tmp_path / "shelf", tmp_path / "out", teacher), Counting(teacher))
    with pytest.raises(InputError, match="a teacher hears up to 60 s at once, not 90"):
        plan(tmp_path / "shelf", tmp_path / "out", teacher, max_clip_s=90)


def test_what_decides_the_rows_is_the_identity(teacher: TeacherFile, tmp_path: Path) -> None:
    for name in ("here", "there"):
        write_sound(tmp_path / name / "a.wav", voices(2, 0))
    here = plan(tmp_path / "here", tmp_path / "out", teacher)
    assert plan(tmp_path / "there", tmp_path / "elsewhere", teacher).identity == here.identity
    assert plan(tmp_path / "here", tmp_path / "out", teacher, max_clip_s=10).identity != here.identity
    write_sound(tmp_path / "there/b.wav", voices(2, 1))
    assert plan(tmp_path / "there", tmp_path / "out", teacher).identity["recordings"] != here.identity["recordings"]


def test_names_of_emotions_decide_what_a_network_makes_of_what_was_heard(teacher: TeacherFile, tmp_path: Path) -> None:
    write_sound(tmp_path / "shelf/a.wav", voices(2, 0), voices(2, 1))
    corpus = label(plan(tmp_path / "shelf", tmp_path / "out", teacher), Counting(teacher))
    all_eight = Examples(corpus, "train", EMOTIONS, ()).heard(0)
    seven = Examples(corpus, "train", OFFICIAL_EMOTIONS, (), {"calm": "neutral"}).heard(0)
    by_name = dict(zip(OFFICIAL_EMOTIONS, seven, strict=True))
    expected = dict(zip(EMOTIONS, all_eight, strict=True))
    expected["neutral"] += expected.pop("calm")
    assert by_name == pytest.approx(expected)
