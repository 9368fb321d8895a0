"""What counts as done: an output whose key is the one wanted now, and a file of the recorded size that is there.

A key is a digest over everything that a file's content depends on.
"""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import Any

from emotalk.controls import Controls
from emotalk.corpus.store import Store
from emotalk.dubbing.ledger import Chapter, Record
from emotalk.dubbing.listing import fingerprint_now
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.dubbing.parts import PARTS_VERSION
from emotalk.errors import InputError
from emotalk.files import is_uri, local_path, sha256_of
from emotalk.formats import Format, find_format, format_for
from emotalk.formats.options import digested, taken_by
from emotalk.inference.post import POST_VERSION
from emotalk.inference.windows import PLAN_VERSION
from emotalk.model.config import Precision
from emotalk.remote import reached

VERIFY_THREADS = 16
_HERE = secrets.token_hex(32)  # stands for a digest, and is none


@dataclass(frozen=True)
class Recipe:
    """What makes an animation out of a recording's bytes.

    model: digest of the model directory. fps: the rate of the files, as `30000/1001`; None: the network's own. Formats
        that are made for one rate keep to it. emotion_sha256: of the recording that the emotion is taken from.
        precision: of the network's products, see `Animator`. options: of the formats, files by their digest, see
        `emotalk.formats.options`.
    """

    model: str
    controls: Controls
    fps: str | None = None
    emotion_sha256: str | None = None
    precision: Precision = "float32"
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: str,
        controls: Controls,
        fps: str | None = None,
        precision: Precision = "float32",
        options: Mapping[str, Any] | None = None,
    ) -> "Recipe":
        """Reads the recording that the emotion is taken from, if there is one, and the files of options."""
        return cls(model, controls, fps, _emotion_digest(controls), precision, digested(options or {}))

    def with_controls(self, controls: Controls) -> "Recipe":
        """The same with other controls; reads as `of` does."""
        same = controls.emotion_from == self.controls.emotion_from
        emotion_sha256 = self.emotion_sha256 if same else _emotion_digest(controls)
        return replace(self, controls=controls, emotion_sha256=emotion_sha256)

    def check_emotion(self) -> None:
        """InputError where the recording that the emotion is taken from is no longer the one it was."""
        if _emotion_digest(self.controls) != self.emotion_sha256:
            raise InputError(f"{self.controls.emotion_from} was changed while the job ran: run it again")

    def key(self, sha256: str, suffix: str, chapter: Chapter | None = None) -> str:
        """The completion key of one output: source bytes, model, controls, versions of plan, post and format."""
        # Left out on purpose: the kind of device and the number of threads, on which the last bits depend (1e-6 from
        # one thread to two). Thousands of hours are not made again because another machine goes on with them. Instead
        # each output says what it was made on, the report counts that, and one recording's files are of one making.
        if chapter is not None and chapter.count > 1:
            return _digest(self._of_format(sha256, suffix, chapter))
        # A shelf asks for thousands of these, which differ in the source alone.
        if suffix not in self._texts:
            before, after = _text(self._of_format(_HERE, suffix)).split(_HERE)
            self._texts[suffix] = before, after
        before, after = self._texts[suffix]
        return hashlib.sha256(f"{before}{sha256}{after}".encode()).hexdigest()

    def _of_format(self, sha256: str, suffix: str, chapter: Chapter | None = None) -> dict[str, Any]:
        known = _format_of(suffix)
        made_by = self._made_by(sha256, chapter) | {"post": POST_VERSION, "format": [suffix, known.version]}
        if self.fps is not None and known.only_fps is None:
            made_by["fps"] = self.fps
        if self.options and (own := taken_by(known, self.options)):
            made_by["options"] = own
        return made_by

    @cached_property
    def _texts(self) -> dict[str, tuple[str, str]]:
        """By suffix, what stands before and behind the source's digest in what a key is the digest of."""
        return {}

    def part_key(self, sha256: str, made_on: str, part_windows: int, chapter: Chapter | None = None) -> str:
        """The key of a recording's parts. Here the kind of device counts: all its parts are of one making."""
        parts = {"made_on": made_on, "part_windows": part_windows, "layout": PARTS_VERSION}
        return _digest(self._made_by(sha256, chapter) | parts)[:16]

    @cached_property
    def _controls(self) -> dict[str, Any]:
        return {**self.controls.to_dict(), "emotion_from": self.emotion_sha256}

    def _made_by(self, sha256: str, chapter: Chapter | None) -> dict[str, Any]:
        made_by: dict[str, Any] = {
            "source": sha256,
            "model": self.model,
            "controls": self._controls,
            "window_plan": PLAN_VERSION,
        }
        if self.precision != "float32":
            made_by["precision"] = self.precision
        if chapter is not None and chapter.count > 1:
            made_by["span"] = [chapter.start_s, chapter.end_s]
        return made_by


@dataclass(frozen=True)
class OutputFolder:
    """Where animations and their records lie: a local folder or any fsspec URI. Small and picklable."""

    location: str

    def path(self, name: str, suffix: str) -> str:
        """The full path or URI of one output."""
        return Store(self.location).path(name + suffix)

    def sizes(self) -> dict[str, int]:
        """Bytes of every output, by its path inside; one listing, without the job's own folder."""
        if not is_uri(self.location):
            return dict(_scanned(str(local_path(self.location)), ""))
        with reached(Store(self.location).path("")) as (fs, root):
            fs.invalidate_cache()
            try:
                entries = fs.find(root, detail=True)
            except FileNotFoundError:
                return {}
            fs.invalidate_cache()
        start = len(root.rstrip("/")) + 1
        found = ((path[start:], entry) for path, entry in entries.items() if entry.get("type") == "file")
        return {path: int(entry["size"]) for path, entry in found if not path.startswith(f"{OWN_FOLDER}/")}

    def size(self, name: str, suffix: str) -> int | None:
        """Bytes of one output now; None where there is none."""
        with reached(self.path(name, suffix)) as (fs, path):
            fs.invalidate_cache()
            try:
                return int(fs.info(path)["size"])
            except FileNotFoundError:
                return None

    def differing(self, records: Iterable[Record], sizes: Mapping[str, int]) -> set[str]:
        """Outputs whose content is not what was recorded, by their path inside. Reads every one of them."""
        written = (
            (record.name + suffix, output.sha256)
            for record in records
            for suffix, output in record.outputs.items()
            if sizes.get(record.name + suffix) == output.bytes
        )
        with ThreadPoolExecutor(VERIFY_THREADS) as pool:
            return {path for path in pool.map(self._if_differing, written) if path is not None}

    def _if_differing(self, written: tuple[str, str]) -> str | None:
        path, sha256 = written
        try:
            return None if sha256_of(Store(self.location).path(path)) == sha256 else path
        except (InputError, OSError):
            return path


def current(
    record: Record | None,
    recipe: Recipe,
    sha256: str,
    sizes: Mapping[str, int | None],
    chapter: Chapter | None = None,
) -> set[str]:
    """The suffixes whose output is done: key as wanted now, file there with its recorded size."""
    if record is None:
        return set()
    return {
        suffix
        for suffix, output in record.outputs.items()
        if _known(suffix) and sizes.get(suffix) == output.bytes and output.key == recipe.key(sha256, suffix, chapter)
    }


def wanted(record: Record | None, suffixes: Iterable[str], sizes: Mapping[str, int | None]) -> list[str]:
    """The suffixes to be kept up to date: those asked for, and those that earlier runs made and that are still there.

    So no folder ever holds a new npz beside an old CSV.
    """
    earlier = [] if record is None else [s for s in record.outputs if _known(s) and sizes.get(s) is not None]
    return list(dict.fromkeys([*suffixes, *sorted(earlier)]))


def _emotion_digest(controls: Controls) -> str | None:
    place = controls.emotion_from
    if place is None:
        return None
    fingerprint = fingerprint_now(place)
    try:
        return sha256_of(place) if fingerprint is None else _sha256_known(place, fingerprint)
    except InputError as error:  # whose source would be taken for the recording
        raise InputError(f"emotion_from: {error}") from error


@lru_cache(maxsize=256)
def _sha256_known(place: str, fingerprint: str) -> str:
    """Of a file that is as its fingerprint says: the rows of a manifest may all name the same one."""
    del fingerprint
    return sha256_of(place)


@cache
def _known(suffix: str) -> bool:
    return find_format(suffix) is not None


@cache
def _format_of(suffix: str) -> Format:
    """Asked for every output of a shelf."""
    return format_for(suffix)


def _digest(made_by: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(made_by).encode()).hexdigest()


def _text(made_by: Mapping[str, Any]) -> str:
    return json.dumps(made_by, sort_keys=True)


def _scanned(folder: str, below: str) -> Iterator[tuple[str, int]]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if below or entry.name != OWN_FOLDER:
                    yield from _scanned(entry.path, f"{below}{entry.name}/")
                continue
            try:
                status = entry.stat()
            except OSError:  # a link that leads nowhere, or in a circle
                continue
            if stat.S_ISREG(status.st_mode):
                yield f"{below}{entry.name}", status.st_size
