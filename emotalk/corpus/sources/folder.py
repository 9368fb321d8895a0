"""Folders of recordings with something beside each, coefficients or a text: what lies there, grouped by name."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from emotalk.corpus.gates import Reason, RejectedError
from emotalk.dubbing.listing import RECORDING_SUFFIXES
from emotalk.errors import InputError
from emotalk.files import is_uri, read_source
from emotalk.remote import reached

MAX_FILE_BYTES = 128 * 2**20  # of coefficients: ten minutes are 30 MB in the wordiest format
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")


# What should lie beside a recording: the reason in the quarantine where it does not, and what people call it.
Beside = tuple[Reason, str]
COEFFICIENTS: Beside = ("missing_coefficients", "coefficients")


@dataclass(frozen=True)
class Found:
    """One file: its path relative to the root, with '/', and its size."""

    path: str
    bytes: int

    @property
    def stem(self) -> str:
        """The relative path without the last suffix."""
        return str(PurePosixPath(self.path).with_suffix(""))

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()


@dataclass
class Group:
    """What lies under one name: recordings and what belongs beside them, of which there should be one each."""

    recordings: list[Found] = field(default_factory=list)
    beside: list[Found] = field(default_factory=list)

    def fault(self, beside: Beside) -> tuple[str, str] | None:
        """Reason and sentence where this is not one pair."""
        for files, missing, what in ((self.recordings, "missing_audio", "recording"), (self.beside, *beside)):
            if not files:
                (other, *_) = [*self.recordings, *self.beside]
                return missing, f"{other.path} has no {what} of its name"
            if len(files) > 1:
                return "layout", f"several files of one name: {', '.join(file.path for file in files)}"
        return None


def files_below(root: str) -> list[Found]:
    """Every file of a folder or URI, sorted; hidden ones are no data. InputError where there is no such folder."""
    with reached(root) as (fs, place):
        fs.invalidate_cache()
        if not fs.isdir(place):
            raise InputError("no such folder", source=root)
        entries = fs.find(place, detail=True)
    base = place.rstrip("/") + "/"
    found = []
    for path, info in entries.items():
        relative = path[len(base) :] if path.startswith(base) else path
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in relative.split("/"))
        if info["type"] == "file" and not hidden:
            found.append(Found(relative, int(info["size"])))
    return sorted(found, key=lambda file: file.path)


def is_recording(file: Found) -> bool:
    return file.suffix in RECORDING_SUFFIXES


def inside(root: str, path: str) -> str:
    """The full path or URI of a file below a root."""
    return f"{root.rstrip('/')}/{path}" if is_uri(root) or root != "/" else f"/{path}"


def item_id_of(source: str, stem: str) -> str:
    """A name that is unique for every relative path and safe as a file name.

    Folders are joined by `__`; where that could be read in two ways or a character is not plain, a digest follows.
    """
    parts = stem.split("/")
    if all(_PLAIN.fullmatch(part) for part in parts):
        return f"{source}-{'__'.join(parts)}"
    safe = re.sub(r"[^A-Za-z0-9.-]+", "_", stem).strip("_.")[:80]
    return f"{source}-{safe}-{hashlib.sha256(stem.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def read_bounded(root: str, path: str, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """A file of coefficients. RejectedError where it cannot be read, or is larger than any can be."""
    try:
        return read_source(inside(root, path), max_bytes=max_bytes)
    except InputError as error:
        raise RejectedError("unreadable_coefficients", error.reason, source=path) from error


def version_of(*files: Found | None) -> str:
    """Changes with any of the files, as far as a listing can tell."""
    return ":".join("" if file is None else str(file.bytes) for file in files)
