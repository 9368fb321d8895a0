"""A run over a shelf: decide what is left to do, and dub one recording so that a rerun can tell that it is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emotalk.dubbing.completion import Output, OutputFolder, Recipe, Record, current, wanted
from emotalk.dubbing.listing import Listing, Recording, fingerprint_now
from emotalk.dubbing.naming import name_outputs
from emotalk.dubbing.recording import HeardCallback, animate_recording, fetched, reason_of
from emotalk.dubbing.report import ALREADY_DONE, ANIMATED, FAILED, Row, failure_of
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import open_source
from emotalk.inference.animator import Animator


@dataclass(frozen=True)
class Item:
    """One recording that has something left to do. record: what an earlier run noted."""

    recording: Recording
    name: str
    record: Record | None


@dataclass(frozen=True)
class Dubbing:
    """A planned run. suffixes: of the formats asked for. rows: what needs no work, or cannot be worked on."""

    folder: OutputFolder
    recipe: Recipe
    suffixes: tuple[str, ...]
    items: tuple[Item, ...]
    rows: tuple[Row, ...]

    @classmethod
    def plan(cls, listing: Listing, folder: OutputFolder, recipe: Recipe, suffixes: Sequence[str]) -> "Dubbing":
        """Looks at records, sizes and fingerprints alone: no recording is opened, no model is needed.

        A recording whose fingerprint changed is an item, even if its bytes turn out to be the same. Items are sorted by
        size, largest first, so that a long recording is not the last one to start.
        """
        records, sizes = folder.records(), folder.sizes()
        owners = {
            name: record.recording
            for name, record in records.items()
            if any(name + suffix in sizes for suffix in record.outputs)
        }
        names = name_outputs([r.relative for r in listing.recordings], owners=owners)
        items: list[Item] = []
        rows = [
            Row(uri=folder_uri, state=FAILED, reason=reason, failure="storage")
            for folder_uri, reason in listing.unreadable
        ]
        for recording in listing.recordings:
            name = names[recording.relative]
            record = records.get(name)
            item = Item(recording, name, record if record and record.recording == recording.relative else None)
            own_sizes = {suffix: sizes.get(name + suffix) for suffix in _suffixes(item, suffixes)}
            if _surely_done(item, recipe, suffixes, own_sizes):
                assert record is not None
                rows.append(_done_row(item, record, folder, suffixes))
            else:
                items.append(item)
        items.sort(key=lambda item: -item.recording.bytes)
        return cls(folder, recipe, tuple(suffixes), tuple(items), tuple(rows))

    def dub_recording(self, item: Item, animator: Callable[[], Animator], heard: HeardCallback | None = None) -> Row:
        """Brings one recording's outputs up to date; safe to run in any process and to run again.

        animator: gives the Animator; not called where the bytes turn out to be done. Whatever goes wrong with this
        recording is a row with the reason.
        """
        uri = item.recording.uri
        try:
            return self._dub(item, animator, heard)
        except Exception as error:  # one recording's trouble never ends the whole run
            return Row(
                uri=uri,
                state=FAILED,
                reason=reason_of(error),
                failure=failure_of(error),
                bytes=item.recording.bytes,
            )

    def _dub(self, item: Item, animator: Callable[[], Animator], heard: HeardCallback | None) -> Row:
        folder, recipe, record = self.folder, self.recipe, item.record
        uri = item.recording.uri
        fingerprint = fingerprint_now(uri) or item.recording.fingerprint
        with fetched(uri) as source:
            sizes = {suffix: folder.size(item.name, suffix) for suffix in _suffixes(item, self.suffixes)}
            done = current(record, recipe, source.sha256, sizes)
            todo = [suffix for suffix in wanted(record, self.suffixes, sizes) if suffix not in done]
            if record is not None and not todo:
                if record.fingerprint != fingerprint or record.uri != uri:
                    record = replace(record, fingerprint=fingerprint, uri=uri)
                    folder.write_record(item.name, record)  # the next run need not read the recording
                return _done_row(item, record, folder, self.suffixes)
            if record is not None and record.sha256 != source.sha256 and _is_another(record, uri):
                raise InputError(f"its output {item.name} belongs to {record.uri}: choose another output")

            used = animator()
            if record is not None and any(record.outputs[suffix].made_on != used.made_on for suffix in done):
                # Made on something else: what is added now would differ from it in its last bits.
                todo, done = wanted(record, self.suffixes, sizes), set()

            def before_writing() -> None:
                if fingerprint_now(uri) not in (None, fingerprint):
                    raise InputError("was changed while it was read: run the job again")
                if record is not None:
                    folder.forget(item.name, record, todo)

            started = time.monotonic()
            animated = animate_recording(
                used,
                source,
                [folder.path(item.name, suffix) for suffix in todo],
                recipe.controls,
                options={} if recipe.fps is None else {"fps": recipe.fps},
                before_writing=before_writing,
                heard=heard,
            )
            elapsed_s = time.monotonic() - started
        outputs = {} if record is None else {suffix: record.outputs[suffix] for suffix in done}
        for suffix, digest in zip(todo, animated.digests, strict=True):
            size = folder.size(item.name, suffix)
            if size is None:
                raise EmoTalkError(f"{folder.path(item.name, suffix)} was removed while the job ran")
            outputs[suffix] = Output(recipe.key(source.sha256, suffix), size, used.made_on, digest)
        new = Record(
            recording=item.recording.relative,
            uri=uri,
            sha256=source.sha256,
            fingerprint=fingerprint,
            seconds=animated.seconds,
            frames=animated.frames,
            emotion=animated.emotion,
            share=animated.share,
            style=animated.style,
            emotions=animated.emotions,
            warnings=animated.warnings,
            outputs=outputs,
        )
        folder.write_record(item.name, new)
        return replace(
            _done_row(item, new, folder, self.suffixes),
            state=ANIMATED,
            work_s=elapsed_s,
            speed=animated.seconds / elapsed_s if elapsed_s > 0 else None,
        )


def _surely_done(item: Item, recipe: Recipe, suffixes: Sequence[str], sizes: dict[str, int | None]) -> bool:
    record, recording = item.record, item.recording
    if record is None or recording.fingerprint is None:
        return False
    if (record.fingerprint, record.uri) != (recording.fingerprint, recording.uri):
        return False
    return set(wanted(record, suffixes, sizes)) <= current(record, recipe, record.sha256, sizes)


def _done_row(item: Item, record: Record, folder: OutputFolder, suffixes: Sequence[str]) -> Row:
    there = [suffix for suffix in _suffixes(item, suffixes) if suffix in record.outputs]
    return Row(
        uri=item.recording.uri,
        state=ALREADY_DONE,
        seconds=record.seconds,
        bytes=item.recording.bytes,
        sha256=record.sha256,
        outputs=tuple(folder.path(item.name, suffix) for suffix in there),
        output_sha256=tuple(record.outputs[suffix].sha256 for suffix in there),
        emotions=record.emotions,
        warnings=record.warnings,
        emotion=record.emotion,
        share=record.share,
        style=record.style,
        made_on=next((output.made_on for output in record.outputs.values()), None),
    )


def _suffixes(item: Item, suffixes: Sequence[str]) -> list[str]:
    """Those asked for and those that an earlier run made."""
    return list(dict.fromkeys([*suffixes, *sorted(item.record.outputs if item.record else ())]))


def _is_another(record: Record, uri: str) -> bool:
    """Whether the record tells of a file that is still somewhere else: then this is no new version of it."""
    if record.uri == uri:
        return False
    try:
        open_source(record.uri).close()
    except (InputError, OSError):
        return False
    return True
