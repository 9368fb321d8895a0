"""Recordings with texts become clips whose lips follow the aligned sounds; what does not fit is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from emotalk.alignment.decoder import available
from emotalk.audio import SAMPLE_RATE, encode_wav
from emotalk.blendshapes import INDEX
from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources import Aligned
from emotalk.corpus.synthetic.visemes import SOUNDS, UNKNOWN_SOUND, is_sealed, sounds_at
from emotalk.metrics.opening import LipOpening, frames_during
from emotalk.rigs import procedural_head
from tests.alignment.spoken import SENTENCES, say

if not available():
    pytest.skip("pocketsphinx, num2words or espeakng-loader is not installed (extra: align)", allow_module_level=True)

OTHER = "This is a recording for everyone who likes to listen"


def write(folder: Path, stem: str, *sentences: str, text: str | None = None) -> np.ndarray:
    samples, _ = say(*sentences)
    path = folder / f"{stem}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(samples))
    path.with_suffix(".txt").write_text(". ".join(sentences) if text is None else text, encoding="utf-8")
    return samples


def test_a_reading_becomes_a_clip_without_emotion_whose_lips_close(tmp_path: Path) -> None:
    samples = write(tmp_path, "anna/one", *SENTENCES[:2])
    (tmp_path / "labels.csv").write_text("stem,emotion,level,split\nanna/one,angry,strong,test\n")
    source = Aligned(root=str(tmp_path))
    (item,), rejections = source.listing()
    assert not rejections
    assert (item.item_id, item.speaker, item.split) == ("aligned-anna__one-000", "anna", "test")
    clip = source.read(item)
    assert (clip.emotion, clip.level, clip.source) == (None, None, "aligned")
    np.testing.assert_allclose(clip.samples, samples, atol=1e-4)
    assert clip.phones is not None
    times_s = np.arange(clip.frames) / 30
    assert UNKNOWN_SOUND not in sounds_at(clip.phones, times_s)
    assert {SOUNDS[k] for k in sounds_at(clip.phones, times_s)} > {"_", "b", "f", "p"}
    closed = LipOpening(procedural_head()).of(clip.weights) < 1
    sealed = [p for p in clip.phones if is_sealed(p.name)]
    assert len(sealed) >= 6
    assert np.mean([closed[frames_during(p.start_s, p.end_s, clip.frames, 1)].any() for p in sealed]) > 0.8
    assert clip.weights[:, INDEX["jawOpen"]].max() > 0.3
    assert clip.weights[times_s < 0.4, INDEX["jawOpen"]].max() < 0.05  # nobody speaks yet
    assert not clip.weights[:, [INDEX["browDownLeft"], INDEX["mouthSmileLeft"]]].any()


def test_a_long_reading_is_cut_at_pauses_and_what_does_not_fit_is_named(tmp_path: Path) -> None:
    # About 2.3 s each with the pause behind it; the middle of the reading is not in the text.
    write(tmp_path, "talk", SENTENCES[0], OTHER, SENTENCES[1], text=f"{SENTENCES[0]}. {SENTENCES[1]}")
    copy = shutil.copytree(tmp_path, tmp_path.with_name("copy"))
    manifest = build_here(Aligned(root=str(tmp_path), max_clip_s=4.0), str(tmp_path / "corpus"))
    corpus = Corpus.open(str(tmp_path / "corpus"))
    clips = corpus.read(corpus.clip_ids("train"))
    assert clips[0].clip_id == "aligned-talk-000"
    assert manifest.rejections.keys() == {"unaligned"}
    assert "faces made by rule" in (tmp_path / "corpus" / "README.md").read_text()
    for clip in clips:
        assert clip.phones
        starts = [phone.start_s for phone in clip.phones]
        ends = [0.0, *(phone.end_s for phone in clip.phones)]
        assert all(a <= b + 1e-6 for a, b in zip(ends, [*starts, clip.duration_s], strict=True))
        assert clip.duration_s <= 4

    source = Aligned(root=str(copy), max_clip_s=4.0)  # whoever reads it, from the end on
    items = source.listing().items
    known, rejected = {clip.clip_id: clip.phones for clip in clips}, []
    for item in reversed(items):
        try:
            found = source.read(item).phones
        except RejectedError as error:
            rejected.append(error)
        else:
            assert [p.name for p in found or ()] == [p.name for p in known.pop(item.item_id) or ()]
    assert not known
    assert len(rejected) == manifest.rejections["unaligned"]
    assert any(error.numbers["doubtful_s"] > 0.35 for error in rejected)
    for error in rejected:
        assert (
            error.numbers["doubtful_s"] > 0.35 or error.numbers["words"] == 0
        )  # the other speech, or a rest of silence
        assert all(0 <= at_s <= 8 for at_s in error.times_s)


def test_what_cannot_be_aligned_is_told_by_name(tmp_path: Path) -> None:
    write(tmp_path, "good", SENTENCES[0])
    write(tmp_path, "wrong", SENTENCES[1], text="Nobody ever thought that such strange yellow animals could sing")
    write(tmp_path, "german", SENTENCES[1], text="Wunderlichen und seltsamen Vaganten, namens Melchior, auch er")
    write(tmp_path, "bytes", SENTENCES[1])
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00\xd8 caf\xe9")
    write(tmp_path, "silent", SENTENCES[1], text="")
    (tmp_path / "alone.wav").write_bytes(encode_wav(np.zeros(SAMPLE_RATE, np.float32)))
    (tmp_path / "notes.txt").write_text("nothing")
    source = Aligned(root=str(tmp_path))
    items, rejections = source.listing()
    assert {r.item_id: r.reason for r in rejections} == {
        "aligned-alone": "missing_text",
        "aligned-notes": "missing_audio",
    }
    reasons = {}
    for item in items:
        try:
            reasons[item.item_id] = source.read(item).clip_id
        except RejectedError as error:
            reasons[item.item_id] = f"{error.code}: {error.reason}"
    assert reasons.pop("aligned-good-000") == "aligned-good-000"
    assert reasons.pop("aligned-bytes-000") == "unreadable_text: not a text in UTF-8"
    assert "only English" in reasons.pop("aligned-german-000")
    assert "no words" in reasons.pop("aligned-silent-000")
    assert reasons.pop("aligned-wrong-000").startswith("unaligned: ")


@pytest.mark.slow
def test_real_readings_become_clips(shared_data: Path, tmp_path: Path) -> None:
    for path in (shared_data / "speech/audiobook").glob("sense*"):
        (tmp_path / "reader").mkdir(exist_ok=True)
        (tmp_path / "reader" / path.name).write_bytes(path.read_bytes())
    source = Aligned(root=str(tmp_path))
    clips = [source.read(item) for item in source.listing().items]
    assert [round(clip.duration_s, 1) for clip in clips] == [7.1, 3.0, 5.3]
    assert sum(len(clip.phones or ()) for clip in clips) > 120
    assert {clip.speaker for clip in clips} == {"reader"}
