"""A run over a shelf: what is done already, and what is left to do.

Looks at the ledger, one listing of the outputs and the inputs' fingerprints alone: no recording is opened but for its
chapters, and no model is needed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from emotalk.corpus.store import Store
from emotalk.dubbing.chapters import CHAPTER_SUFFIXES, chapters_of, name_of_chapter
from emotalk.dubbing.completion import OutputFolder, Recipe, current, wanted
from emotalk.dubbing.ledger import LEDGER, Chapter, Ledger, Record
from emotalk.dubbing.listing import UNSEEN, Listing, Recording, looked_at
from emotalk.dubbing.naming import OWN_FOLDER, name_outputs
from emotalk.dubbing.parts import PART_WINDOWS, PARTS, folder_of, part_folders
from emotalk.dubbing.report import ALREADY_DONE, FAILED, Row
from emotalk.errors import InputError
from emotalk.files import is_half_written, suffix_of
from emotalk.remote import remove_folder

LOOKING_THREADS = 16
NO_CHAPTERS = Chapter(1, 1, 0.0, None, "")  # of a recording that was looked into and has none


@dataclass(frozen=True, slots=True)
class Take:
    """One animation to make. record: what an earlier run noted. begun: parts of it may be there."""

    name: str
    record: Record | None
    chapter: Chapter | None = None
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A recording that has something left to do: itself, or some of its chapters, in order."""

    recording: Recording
    takes: tuple[Take, ...]


@dataclass(frozen=True)
class Dubbing:
    """What all workers of a run need to know. suffixes: of the formats asked for. generation: of the ledger's lines.

    part_windows: of a part, see `emotalk.dubbing.parts`. options: of the formats, loaded (`emotalk.formats.options`).
    """

    folder: OutputFolder
    recipe: Recipe
    suffixes: tuple[str, ...]
    generation: int = 1
    part_windows: int = PART_WINDOWS
    options: Mapping[str, Any] = field(default_factory=dict)

    def recipe_of(self, recording: Recording) -> Recipe:
        """With the recording's own controls, which win over the run's. InputError where they make no sense."""
        if recording.controls is None:
            return self.recipe
        controls = self.recipe.controls.but(**recording.controls)
        return self.recipe.with_controls(controls)

    def done_row(self, recording: Recording, take: Take, record: Record) -> Row:
        outputs = [suffix for suffix in suffixes_of(record, self.suffixes) if suffix in record.outputs]
        return Row(
            uri=uri_of(recording, take.chapter),
            state=ALREADY_DONE,
            seconds=record.seconds,
            bytes=recording.bytes,
            sha256=record.sha256,
            output_sha256=tuple(record.outputs[suffix].sha256 for suffix in outputs),
            warnings=record.warnings,
            outputs=tuple(self.folder.path(take.name, suffix) for suffix in outputs),
            emotion=record.emotion,
            share=record.share,
            style=record.style,
            made_on=next((output.made_on for output in record.outputs.values()), None),
        )


@dataclass(frozen=True)
class Plan:
    """items: in the order of the listing. done: what needs no work. failed: what cannot be worked on.

    half_written: what killed processes left in the output folder, under names that are nobody's. suffixes: of what is
    left to do: those asked for, then those that earlier runs made and that are kept up to date.
    """

    dubbing: Dubbing
    ledger: Ledger
    items: tuple[Item, ...]
    done: tuple[tuple[Recording, Take], ...]
    failed: tuple[Row, ...]
    half_written: tuple[str, ...]
    suffixes: tuple[str, ...]

    @classmethod
    def of(
        cls, listing: Listing, dubbing: Dubbing, ledger: Ledger, *, chapters: bool = False, verify: bool = False
    ) -> "Plan":
        """chapters: one animation for each of them. verify: reads every output and looks at every remote input."""
        planner = _Planner(dubbing, ledger, chapters, verify)
        items: list[Item] = []
        done: list[tuple[Recording, Take]] = []
        suffixes = dict.fromkeys(dubbing.suffixes)
        failed = [Row(uri=uri, state=FAILED, reason=reason, failure="storage") for uri, reason in listing.unreadable]
        for recording, takes in planner.takes(listing.recordings):
            try:
                recipe = dubbing.recipe_of(recording)
            except InputError as error:
                failed.append(Row(uri=recording.uri, state=FAILED, reason=error.reason, failure="recording"))
                continue
            left = []
            for take in takes:
                if planner.is_taken(take):
                    reason = f"its output {take.name} would be another recording's, too: give it a name in a manifest"
                    failed.append(
                        Row(uri=uri_of(recording, take.chapter), state=FAILED, reason=reason, failure="recording")
                    )
                elif planner.is_done(recording, take, recipe):
                    done.append((recording, replace(take, record=None)))
                else:
                    left.append(take)
                    suffixes.update(dict.fromkeys(planner.wanted(take)))
            if left:
                items.append(Item(recording, tuple(left)))
        half_written = planner.half_written
        return cls(dubbing, ledger, tuple(items), tuple(done), tuple(failed), half_written, tuple(suffixes))

    @property
    def takes(self) -> int:
        """How many animations are left to make."""
        return sum(len(item.takes) for item in self.items)

    def done_rows(self) -> Iterator[Row]:
        """Made one by one: of a large shelf they are most of it."""
        for recording, take in self.done:
            record = self.ledger.get(take.name)
            assert record is not None
            yield self.dubbing.done_row(recording, take, record)

    def tidy(self) -> None:
        """Removes what killed runs left: half-written files, and parts of nothing that is left to do."""
        location = self.dubbing.folder.location
        store = Store(location)
        own = [name for folder in (OWN_FOLDER, LEDGER) for name in store.names(folder) if is_half_written(name)]
        for path in (*self.half_written, *own):
            with suppress(FileNotFoundError):
                store.remove(path)
        wanted_folders = {f"{PARTS}/{folder_of(take.name)}" for item in self.items for take in item.takes}
        for folder in part_folders(location):
            if folder not in wanted_folders:
                remove_folder(store.path(folder))


class _Planner:
    def __init__(self, dubbing: Dubbing, ledger: Ledger, chapters: bool, verify: bool) -> None:
        self._dubbing, self._ledger, self._chapters, self._verify = dubbing, ledger, chapters, verify
        sizes = dubbing.folder.sizes()
        self.half_written = tuple(path for path in sizes if is_half_written(path))
        self._sizes = {path: size for path, size in sizes.items() if not is_half_written(path)}
        self._begun = {folder.rsplit("/", 1)[-1] for folder in part_folders(dubbing.folder.location)}
        self._given: Counter[str] = Counter()
        self._differing = dubbing.folder.differing(ledger, self._sizes) if verify else set()

    def takes(self, recordings: Sequence[Recording]) -> Iterator[tuple[Recording, list[Take]]]:
        """Every recording with all animations that it should have."""
        owners: dict[str, str] = {}
        for record in self._ledger:
            if (record.chapter is None or record.chapter.count == 1) and any(
                record.name + suffix in self._sizes for suffix in record.outputs
            ):
                owners[record.name] = record.recording
        given = {recording.relative: recording.output for recording in recordings if recording.output is not None}
        owners |= {name: relative for relative, name in given.items()}
        names = name_outputs([recording.relative for recording in recordings], owners=owners)
        names |= given
        looked = self._looked_at(recordings) if self._verify else recordings
        if not self._chapters:
            for recording in looked:
                yield recording, [self._take(recording, names[recording.relative], None)]
            return
        yield from self._in_chapters(looked, names)

    def is_taken(self, take: Take) -> bool:
        """Whether a recording before this one has the same name. Only names of chapters can meet others', and suffixes
        of which one ends with another: `a` in FLAME's format and `a.flame` in NumPy's are both `a.flame.npz`."""
        suffixes = self._dubbing.suffixes
        meeting = any(one != other and one.endswith(other) for one in suffixes for other in suffixes)
        if not (meeting or self._chapters):
            return False
        names = [f"{take.name}{suffix}".casefold() for suffix in (suffixes if meeting else ("",))]
        self._given.update(names)
        return any(self._given[name] > 1 for name in names)

    def is_done(self, recording: Recording, take: Take, recipe: Recipe) -> bool:
        record = take.record
        if record is None or recording.fingerprint is None or record.uri != recording.uri:
            return False
        if recording.fingerprint not in (UNSEEN, record.fingerprint):
            return False
        sizes = self._sizes_of(take)
        return set(self.wanted(take)) <= current(record, recipe, record.sha256, sizes, take.chapter)

    def wanted(self, take: Take) -> list[str]:
        """Suffixes of the outputs that are asked for, or there."""
        return wanted(take.record, self._dubbing.suffixes, self._sizes_of(take))

    def _sizes_of(self, take: Take) -> dict[str, int | None]:
        return {s: self._sizes.get(take.name + s) for s in suffixes_of(take.record, self._dubbing.suffixes)}

    def _take(self, recording: Recording, name: str, chapter: Chapter | None) -> Take:
        record = self._ledger.get(name)
        if record is not None and record.recording != recording.relative:
            record = None
        if record is not None and self._differing:
            record = record.without(s for s in record.outputs if name + s in self._differing)
        return Take(name, record, chapter, folder_of(name) in self._begun if self._begun else False)

    def _looked_at(self, recordings: Sequence[Recording]) -> Iterator[Recording]:
        with ThreadPoolExecutor(LOOKING_THREADS) as pool:
            yield from pool.map(lambda one: looked_at(one) if one.fingerprint == UNSEEN else one, recordings)

    def _in_chapters(
        self, recordings: Sequence[Recording] | Iterator[Recording], names: Mapping[str, str]
    ) -> Iterator[tuple[Recording, list[Take]]]:
        known: dict[str, list[Record]] = {}
        for record in self._ledger:
            if record.chapter is not None:
                known.setdefault(record.recording, []).append(record)

        def chapters(recording: Recording) -> tuple[Chapter, ...]:
            before = _all_chapters(recording, known.get(recording.relative, []))
            return before or _seek_chapters(recording)

        everything = list(recordings)
        with ThreadPoolExecutor(LOOKING_THREADS) as pool:
            for recording, found in zip(everything, pool.map(chapters, everything), strict=True):
                name = names[recording.relative]
                called = [name if one.count == 1 else name_of_chapter(name, one) for one in found]
                yield recording, [self._take(recording, n, one) for n, one in zip(called, found, strict=True)]


def _all_chapters(recording: Recording, records: list[Record]) -> tuple[Chapter, ...]:
    """The chapters that earlier runs found, where these are all of them and the file is still the same."""
    same = [r for r in records if r.uri == recording.uri and recording.fingerprint in (UNSEEN, r.fingerprint)]
    found = {record.chapter.number: record.chapter for record in same if record.chapter is not None}
    counts = {chapter.count for chapter in found.values()}
    complete = len(counts) == 1 and set(found) == set(range(1, counts.pop() + 1))
    return tuple(found[number] for number in sorted(found)) if complete else ()


def _seek_chapters(recording: Recording) -> tuple[Chapter, ...]:
    if suffix_of(recording.uri) not in CHAPTER_SUFFIXES:
        return (NO_CHAPTERS,)
    try:
        return chapters_of(recording.uri) or (NO_CHAPTERS,)
    except (InputError, OSError):
        return (NO_CHAPTERS,)  # whoever animates it says why it can't be read


def suffixes_of(record: Record | None, suffixes: Sequence[str]) -> list[str]:
    """Those asked for and those that an earlier run made."""
    return list(dict.fromkeys([*suffixes, *sorted(record.outputs if record else ())]))


def uri_of(recording: Recording, chapter: Chapter | None) -> str:
    """What a row of the report calls it: of a chapter the recording's URI with its number."""
    if chapter is None or chapter.count == 1:
        return recording.uri
    return f"{recording.uri}#chapter-{chapter.number}"
