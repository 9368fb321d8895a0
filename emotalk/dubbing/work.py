"""One strand becomes part files and animations: safe to run in any process, to be killed, and to run again."""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from emotalk.audio import stream_audio, write_wav
from emotalk.dubbing.completion import Recipe, current, wanted
from emotalk.dubbing.findings import cut_short
from emotalk.dubbing.journal import Journal
from emotalk.dubbing.lease import LeaseLostError
from emotalk.dubbing.ledger import Output, Record
from emotalk.dubbing.listing import Recording, fingerprint_now
from emotalk.dubbing.parts import Parts, There, without_sound
from emotalk.dubbing.plan import Dubbing, Take, suffixes_of, uri_of
from emotalk.dubbing.predicting import Predictor
from emotalk.dubbing.recording import HeardCallback, Source, fetched, in_words, publish, reason_of, stretched_to
from emotalk.dubbing.report import ANIMATED, FAILED, FailureClass, Row, failure_of
from emotalk.dubbing.sound import SoundCheck
from emotalk.dubbing.sound.windows import noticed, sound_until
from emotalk.dubbing.spans import Cursor, OnePass, span_of
from emotalk.dubbing.strands import Strand
from emotalk.errors import InputError
from emotalk.files import open_source
from emotalk.formats import format_for
from emotalk.inference.direction import Direction
from emotalk.inference.finish import RawWindow
from emotalk.inference.heard import emotion_of
from emotalk.inference.windows import Window

Decided = tuple[str, Row]  # the name of a take, and what became of it


@dataclass(frozen=True)
class Dubber:
    """What a worker needs besides its strands.

    predictor: gives the network; not called where the bytes turn out to be done. tick: hears that the work goes on.
    may_write: asked before files get their final names; raises where this run has lost the output folder.
    """

    dubbing: Dubbing
    journal: Journal
    predictor: Callable[[], Predictor]
    tick: Callable[[], None] = lambda: None
    may_write: Callable[[], None] = lambda: None

    def dub(self, strand: Strand, heard: HeardCallback | None = None) -> list[Decided]:
        """-> what became of each take that is decided: animated, already done, or failed with the reason.

        Nothing of a take whose other parts are still missing: who makes the last of them finishes it.
        """
        rows: list[Decided] = []
        recording = strand.recording
        begun = 0
        try:
            recipe = self.dubbing.recipe_of(recording)
            fingerprint = fingerprint_now(recording.uri) or recording.fingerprint
            with fetched(recording.uri, self.tick) as source:
                sound = OnePass(source.path, self.tick)
                for take in strand.takes:
                    begun += 1
                    work = _Work(self, strand, take, recipe, source, fingerprint, sound, heard)
                    try:
                        row = work.run()
                    except LeaseLostError:
                        raise
                    except Exception as error:
                        row = failed_row(recording, take, reason_of(error), failure_of(error))
                        if sound.is_broken:
                            rows.append((take.name, row))
                            raise
                    if row is not None:
                        rows.append((take.name, row))
        except LeaseLostError:
            raise
        except Exception as error:  # one recording's trouble never ends the whole run
            reason, kind = reason_of(error), failure_of(error)
            rows += [(take.name, failed_row(recording, take, reason, kind)) for take in strand.takes[begun:]]
        return rows

    def forget_outdated(self, strands: Iterable[Strand]) -> list[Strand]:
        """Writes down, once for all of these, that outputs of another recipe are no longer vouched for.

        Those of a recipe that can't be made any more stay as they are: `dub` says why.
        """
        gone: list[Record] = []
        left: list[Strand] = []
        for strand in strands:
            takes = []
            recipe = self._recipe_of(strand)
            for take in strand.takes:
                record = take.record
                if record is not None and recipe is not None:
                    outdated = [
                        suffix
                        for suffix, output in record.outputs.items()
                        if output.key and output.key != _key(recipe, record, suffix)
                    ]
                    if outdated:
                        record = record.without(outdated)
                        gone.append(record)
                takes.append(replace(take, record=record))
            left.append(replace(strand, takes=tuple(takes)))
        self.journal.forget(gone)
        return left

    def _recipe_of(self, strand: Strand) -> Recipe | None:
        if not any(take.record for take in strand.takes):
            return None
        try:
            return self.dubbing.recipe_of(strand.recording)
        except (InputError, OSError):
            return None


@dataclass
class _Work:
    """One take of one strand."""

    dubber: Dubber
    strand: Strand
    take: Take
    recipe: Recipe
    source: Source
    fingerprint: str | None
    sound: OnePass
    heard: HeardCallback | None

    def run(self) -> Row | None:
        dubbing, take, recording = self.dubber.dubbing, self.take, self.strand.recording
        folder, recipe, record, sha256 = dubbing.folder, self.recipe, take.record, self.source.sha256
        sizes: dict[str, int | None] = {}
        if record is not None:
            sizes = {suffix: folder.size(take.name, suffix) for suffix in suffixes_of(record, dubbing.suffixes)}
        done = current(record, recipe, sha256, sizes, take.chapter)
        todo = [suffix for suffix in wanted(record, dubbing.suffixes, sizes) if suffix not in done]
        if record is not None and not todo:
            known = replace(record, fingerprint=self.fingerprint, uri=recording.uri, chapter=take.chapter)
            if known != record:
                self.dubber.journal.add(known)  # the next run need not read the recording
            return dubbing.done_row(recording, take, known)
        moved = record is not None and record.sha256 != sha256 and recording.output is None
        if record is not None and moved and _is_another(record, recording.uri):
            raise InputError(f"its output {take.name} belongs to {record.uri}: choose another output")

        predictor = self.dubber.predictor()
        made_on = predictor.animator.made_on
        if record is not None and any(record.outputs[suffix].made_on != made_on for suffix in done):
            # Made on something else: what is added now would differ from it in its last bits.
            todo, done = wanted(record, dubbing.suffixes, sizes), set()
        key = recipe.part_key(sha256, made_on, dubbing.part_windows, take.chapter)
        asked = self._direction(predictor)
        parts = Parts(folder.location, take.name, key)
        started = time.monotonic()
        begun = take.begun or not self.strand.is_whole
        there = parts.there() if begun else There()
        windows: Iterable[RawWindow] | None = None
        if not there.complete:
            windows = self._predicted(predictor, parts, there, asked)
            if windows is None:
                there = parts.there()
                if not there.complete:
                    if self.strand.is_whole:
                        raise InputError("holds no sound here")
                    return None
        raw = parts.read(there) if windows is None else windows
        row = self._publish(predictor, raw, asked, todo, done, started)
        if begun or windows is None:
            self.dubber.journal.flush()  # first: without its parts nobody could make it again at once
            parts.remove()
        return row

    def _predicted(self, predictor: Predictor, parts: Parts, there: There, asked: Direction) -> list[RawWindow] | None:
        """Writes the strand's parts that are missing; a take of one part is given back instead."""
        strand, part_windows = self.strand, self.dubber.dubbing.part_windows
        numbers: deque[int] = deque()
        begin, end = span_of(self.take.chapter)

        def left() -> Iterator[Window]:
            for number, window in enumerate(predictor.animator.plan(self.sound.span(begin, end), asked.controls)):
                part = number // part_windows
                if strand.stop_part is not None and part >= strand.stop_part:
                    return
                if part >= strand.first_part and part not in there.numbers:
                    numbers.append(number)
                    yield window

        held: list[RawWindow] = []
        for raw in predictor.predict(left(), asked):
            self.dubber.tick()
            number = numbers.popleft()
            if self.heard is not None:
                self.sound.heard_frames += raw.own_frames
                self.heard(self.sound.heard_frames / 30, self.sound.info.duration_s)
            held.append(without_sound(noticed(raw)))
            if raw.window.last and number < part_windows:
                return held
            if raw.window.last or (number + 1) % part_windows == 0:
                self._check_unchanged()
                parts.write(number // part_windows, held)
                held = []
        return None

    def _publish(
        self,
        predictor: Predictor,
        raw: Iterable[RawWindow],
        asked: Direction,
        todo: list[str],
        done: set[str],
        started: float,
    ) -> Row:
        dubber, take, record, recipe = self.dubber, self.take, self.take.record, self.recipe
        recording, dubbing, animator = self.strand.recording, self.dubber.dubbing, predictor.animator
        frames = 0
        check = SoundCheck()

        def counted() -> Iterator[RawWindow]:
            nonlocal frames, check
            for one in raw:
                dubber.tick()
                frames += one.own_frames
                check = sound_until(one, check)
                yield one

        def before_writing() -> None:
            recipe.check_emotion()
            self._check_unchanged()
            dubber.may_write()
            if record is not None and record.vouches_for(todo):
                dubber.journal.forget([record.without(todo)])

        targets = {suffix: dubbing.folder.path(take.name, suffix) for suffix in todo}
        if recording.uri in targets.values():  # of URIs `publish` sees a copy alone
            raise InputError(f"{recording.uri} is the recording itself: choose another output")
        with self._with_sound(todo) as source:
            published = publish(
                animator,
                animator.finish(counted(), asked),
                source,
                list(targets.values()),
                recipe.controls,
                options={**dubbing.options, **({} if recipe.fps is None else {"fps": recipe.fps})},
                before_writing=before_writing,
            )
        outputs = {} if record is None else {suffix: record.outputs[suffix] for suffix in done}
        for suffix, target in targets.items():
            written = published.outputs[target]
            key = recipe.key(self.source.sha256, suffix, take.chapter)
            outputs[suffix] = Output(key, written.bytes, written.sha256, animator.made_on)
        elapsed_s = time.monotonic() - started
        seconds = frames / 30
        emotion, share = emotion_of(published.meta) or ("", 0.0)
        heard = None if "shown" in published.meta else published.emotions
        unsure = None if heard is None else heard.unsure()
        new = Record(
            name=take.name,
            recording=recording.relative,
            uri=recording.uri,
            sha256=self.source.sha256,
            fingerprint=self.fingerprint,
            seconds=seconds,
            frames=published.frames,
            emotion=emotion,
            share=share,
            style=in_words(published.meta["style_used"]),
            speed=seconds / elapsed_s if elapsed_s > 0 and self.strand.is_whole and not take.begun else None,
            chapter=take.chapter,
            warnings=(*check.warnings(), *filter(None, (unsure, cut_short(self.sound.info.missing_s, seconds)))),
            outputs=outputs,
        )
        dubber.journal.add(new)
        row = dubbing.done_row(recording, take, new)
        return replace(row, state=ANIMATED, speed=new.speed, work_s=elapsed_s, emotions=published.emotions)

    def _direction(self, predictor: Predictor) -> Direction:
        """The controls with all that they refer to; another recording's emotion stretched over this one's length."""
        controls = self.recipe.controls
        sound = Cursor(stream_audio(self.source.path)).span(*span_of(self.take.chapter))
        return predictor.animator.direct(controls).fitted(stretched_to(controls, sound))

    def _check_unchanged(self) -> None:
        if fingerprint_now(self.strand.recording.uri) not in (None, self.fingerprint):
            raise InputError("was changed while it was read: run the job again")

    @contextmanager
    def _with_sound(self, suffixes: Iterable[str]) -> Iterator[Source]:
        """The recording, or where a format wants the sound of a chapter, that chapter's sound."""
        chapter = self.take.chapter
        if chapter is None or chapter.count == 1 or not any("sound" in format_for(s).write_options for s in suffixes):
            yield self.source
            return
        with tempfile.NamedTemporaryFile(prefix="emotalk-", suffix=".wav") as file:
            cut = Path(file.name)
            write_wav(cut, Cursor(stream_audio(self.source.path)).span(*span_of(chapter)))
            yield replace(self.source, path=cut)


def failed_row(recording: Recording, take: Take, reason: str, failure: FailureClass) -> Row:
    uri = uri_of(recording, take.chapter)
    return Row(uri=uri, state=FAILED, reason=reason, failure=failure, bytes=recording.bytes)


def _key(recipe: Recipe, record: Record, suffix: str) -> str | None:
    try:
        return recipe.key(record.sha256, suffix, record.chapter)
    except InputError:  # a format that is known no longer
        return None


def _is_another(record: Record, uri: str) -> bool:
    """Whether the record tells of a file that is still somewhere else: then this is no new version of it."""
    if record.uri == uri:
        return False
    with suppress(InputError, OSError):
        open_source(record.uri).close()
        return True
    return False
