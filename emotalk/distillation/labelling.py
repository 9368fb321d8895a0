"""Recordings of any length become a corpus: cut at pauses, each clip with the face that a teacher gives it.

The recordings are shared out in portions, the pieces of work. A portion is streamed through: 64 clips at a time are
taught and written as shards, and at its end a record of the portion is written with all that the corpus has to know of
it. So an interrupted portion goes on behind its last shards, a finished one is not opened again, and what stands in
memory depends on neither the length of the recordings nor their number.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from emotalk.audio import SAMPLE_RATE, probe_audio, stream_audio
from emotalk.audio.pauses import check_limit, stream_pieces
from emotalk.corpus.build import write_corpus
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.gates import Rejection, check_sound, rejection_of
from emotalk.corpus.manifest import MANIFEST, Manifest
from emotalk.corpus.schema import SCHEMA_VERSION
from emotalk.corpus.shards import ShardReport
from emotalk.corpus.sources.folder import item_id_of
from emotalk.corpus.store import Store
from emotalk.distillation.chunks import CLIPS_PER_CHUNK, SOURCE, Sound, chunks, label_chunk
from emotalk.distillation.records import Labelled, read_record, remove_records, write_record
from emotalk.distillation.teacher import LONGEST_S, Teacher, TeacherFile
from emotalk.dubbing.listing import Listing, Recording
from emotalk.dubbing.naming import name_outputs
from emotalk.errors import InputError

LABELLING_VERSION = 1  # rises when the same recordings would make other rows

PORTION_BYTES = 32 * 2**20  # of short recordings together; a longer one is a portion of its own

FAILED = ("unreadable_audio", "other")  # reasons for recordings; the others are for clips, such as silent ones

# Hears seconds of sound done in this portion, and how many its recordings promise as far as anyone knows.
HeardCallback = Callable[[float, float], None]


@dataclass(frozen=True)
class Portion:
    """Recordings that one worker labels one after the other, each with what its clips' names begin with.

    key: digest of all that decides its rows, as far as a listing can tell.
    """

    number: int
    key: str
    recordings: tuple[tuple[Recording, str], ...]

    @property
    def bytes(self) -> int:
        return sum(recording.bytes for recording, _ in self.recordings)


@dataclass(frozen=True)
class Labelling:
    """A planned labelling of a shelf into the corpus `location`."""

    location: str
    teacher: TeacherFile
    max_clip_s: float
    portions: tuple[Portion, ...]
    unreadable: tuple[Rejection, ...]

    @classmethod
    def plan(cls, listing: Listing, location: str, teacher: TeacherFile, *, max_clip_s: float) -> "Labelling":
        """No recording is opened. InputError for clips that no teacher hears at once."""
        check_limit(max_clip_s)
        if max_clip_s > LONGEST_S:
            raise InputError(f"a teacher hears up to {LONGEST_S:g} s at once, not {max_clip_s:g}")
        names = name_outputs([recording.relative for recording in listing.recordings])
        named = [(recording, item_id_of(SOURCE, names[recording.relative])) for recording in listing.recordings]
        made_by = [SCHEMA_VERSION, LABELLING_VERSION, teacher.sha256, max_clip_s]
        portions = [
            Portion(number, _key([*made_by, number, _facts(members)]), members)
            for number, members in enumerate(_portions(named))
        ]
        unreadable = [Rejection(uri, SOURCE, "unreadable_audio", reason) for uri, reason in listing.unreadable]
        return cls(location, teacher, max_clip_s, tuple(portions), tuple(unreadable))

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the rows: another of these is another corpus."""
        recordings = [_facts(portion.recordings) for portion in self.portions]
        return {
            "teacher": self.teacher.sha256,
            "max_clip_s": self.max_clip_s,
            "recordings": _key([LABELLING_VERSION, *recordings]),
        }

    def finished(self) -> Manifest | None:
        """The corpus, where there is one already. It is this one's: who asks has compared the `identity`."""
        return Corpus.open(self.location).manifest if Store(self.location).exists(MANIFEST) else None

    def label(
        self,
        portion: Portion,
        teacher: Callable[[], Teacher],
        heard: HeardCallback | None = None,
    ) -> Labelled:
        """One portion's shards and record, or what is missing of them; safe in any process and to run again.

        teacher: called where something is left to teach. What is wrong with a recording is a rejection; a disk or
        store that fails is an OSError.
        """
        store = Store(self.location)
        done = read_record(store, portion.number, portion.key)
        if done is not None:
            return done
        rejections: list[Rejection] = []
        reports: list[ShardReport] = []
        for number, sounds in enumerate(chunks(self._sounds(portion, rejections, heard), CLIPS_PER_CHUNK)):
            name, key = f"part-{portion.number:05d}{number:05d}.parquet", f"{portion.key}-{number}"
            reports += label_chunk(store, name, key, sounds, number * CLIPS_PER_CHUNK, teacher)
        labelled = Labelled.of(reports, rejections)
        write_record(store, portion.number, portion.key, labelled)
        return labelled

    def given_up(self, portion: Portion, reason: str) -> Labelled:
        """What is reported where no worker survives a portion."""
        return Labelled.of([], [Rejection(r.relative, SOURCE, "other", reason) for r, _ in portion.recordings])

    def finish(self, labelled: Iterable[Labelled]) -> Manifest:
        """Every portion's result, in any order -> the corpus. InputError where no clip was good."""
        done = list(labelled)
        settings = {
            # As a manifest that is read again has it: JSON knows lists alone.
            "teacher": {
                "network": self.teacher.network,
                "sha256": self.teacher.sha256,
                "terms": list(self.teacher.terms),
            },
            "max_clip_s": self.max_clip_s,
            "labelling_version": LABELLING_VERSION,
        }
        store = Store(self.location)
        index = pa.concat_tables(one.index for one in done).combine_chunks()
        manifest = write_corpus(
            store,
            index.sort_by([(name, "ascending") for name in ("shard", "row_group", "row")]),
            [*self.unreadable, *(rejection for one in done for rejection in one.rejections)],
            files={name: facts for one in done for name, facts in one.shards.items()},
            config={"source": SOURCE, "settings": settings},
            plan_digest=_key([portion.key for portion in self.portions]),
        )
        remove_records(store)
        return manifest

    def _sounds(self, portion: Portion, rejections: list[Rejection], heard: HeardCallback | None) -> Iterator[Sound]:
        """Every clip of the portion that has a sound; what is wrong with the others, or a recording, is put down."""
        before_s, begun = 0.0, 0
        for recording, name in portion.recordings:
            seconds, begun = 0.0, begun + recording.bytes
            try:
                declared_s = probe_audio(recording.uri).duration_s or 0.0
                for number, samples in enumerate(stream_pieces(stream_audio(recording.uri), max_s=self.max_clip_s)):
                    clip_id = f"{name}-{number:05d}"
                    try:
                        check_sound(samples)
                        yield Sound(clip_id, samples)
                    except InputError as error:
                        rejections.append(rejection_of(error, item_id=clip_id, source=SOURCE))
                    seconds += len(samples) / SAMPLE_RATE
                    if heard is not None:
                        promised_s = before_s + max(seconds, declared_s)
                        heard(before_s + seconds, promised_s * portion.bytes / max(begun, 1))
            except InputError as error:
                text = f"after {seconds:.0f} s: {error.reason}" if seconds else error.reason
                rejections.append(Rejection(recording.relative, SOURCE, "unreadable_audio", text))
            before_s += seconds


def _portions(
    named: Sequence[tuple[Recording, str]],
) -> Iterator[tuple[tuple[Recording, str], ...]]:
    """Recordings that follow each other, together as long as they are short."""
    members: list[tuple[Recording, str]] = []
    for recording, name in named:
        if members and sum(r.bytes for r, _ in members) + recording.bytes > PORTION_BYTES:
            yield tuple(members)
            members = []
        members.append((recording, name))
    if members:
        yield tuple(members)


def _facts(recordings: Sequence[tuple[Recording, str]]) -> list[list[object]]:
    """What a listing knows of recordings, wherever they lie."""
    return [[recording.relative, recording.bytes] for recording, _ in recordings]


def _key(content: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
