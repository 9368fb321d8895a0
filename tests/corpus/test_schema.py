"""A clip survives the way into a table and back; the schema explains itself."""

import hashlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.audio import decode_flac
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.schema import CLIP_SCHEMA, clips_to_table, row_to_clip, table_to_clips
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS
from tests.etf3d_folder import face, speech


def make_clip(name: str = "a", seconds: float = 1.0, seed: int = 0) -> Clip:
    samples = speech(seconds, seed)
    weights = face(-(-30 * len(samples) // 16_000), seed)
    return Clip(clip_id=name, source="test", speaker="s", statement="t", samples=samples, weights=weights)


def assert_same(one: Clip, other: Clip) -> None:
    arrays = ("samples", "weights", "head")
    for name in arrays:
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    for name in ("clip_id", "source", "speaker", "statement", "emotion", "level", "repetition", "phones", "rejected"):
        assert getattr(one, name) == getattr(other, name)


@settings(deadline=None)
@given(
    emotion=st.none() | st.sampled_from(EMOTIONS),
    level=st.none() | st.integers(0, 1),
    repetition=st.integers(1, 9),
    statement=st.text(max_size=20),
    head=st.booleans(),
    rejected=st.none() | st.just("jitter"),
    phones=st.none() | st.lists(st.tuples(st.text(max_size=3), st.floats(0, 1), st.floats(0, 1)), max_size=3),
)
def test_a_clip_comes_back_as_it_was(emotion, level, repetition, statement, head, rejected, phones):
    clip = replace(
        make_clip(seconds=0.1),
        emotion=emotion,
        level=level,
        repetition=repetition,
        statement=statement,
        rejected=rejected,
        head=face(3, 1)[:, :6].copy() if head else None,
        phones=None if phones is None else tuple(Phone(*phone) for phone in phones),
    )
    assert_same(row_to_clip(clips_to_table([clip], split="train"), 0), clip)


def test_clips_of_different_length_and_optional_parts_keep_apart():
    clips = [
        make_clip("a", 0.5, 1),
        replace(make_clip("b", 1.2, 2), head=face(36, 5)[:, :6].copy()),
        make_clip("c", 0.7),
    ]
    table = clips_to_table(clips, split="test")
    for clip, back in zip(clips, table_to_clips(table.slice(0)), strict=True):
        assert_same(back, clip)
    assert_same(row_to_clip(table.slice(1), 0), clips[1])
    assert clips_to_table([], split="test").schema == CLIP_SCHEMA


def test_digests_are_of_the_stored_content():
    clip = replace(make_clip(), samples=np.linspace(-1.5, 1.5, 16_000, dtype=np.float32))
    row = clips_to_table([clip], split="train").to_pylist()[0]
    stored = np.rint(decode_flac(row["audio"]) * 32_768).astype("<i2")
    assert row["audio_digest"] == hashlib.sha256(stored.tobytes()).hexdigest()
    weights = np.array(row["weights"], "<f4")
    assert row["weights_digest"] == hashlib.sha256(weights.tobytes()).hexdigest()


def test_a_row_that_contradicts_itself_is_refused():
    table = clips_to_table([make_clip()], split="train")
    wrong = table.set_column(table.schema.get_field_index("frames"), "frames", pa.array([29], pa.int32()))
    with pytest.raises(InputError, match="not as long"):
        row_to_clip(wrong, 0)


def test_every_field_is_described():
    assert all(field.metadata[b"description"] for field in CLIP_SCHEMA)
    assert CLIP_SCHEMA.metadata[b"emotalk.schema_version"] == b"2"
