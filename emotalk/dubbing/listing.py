"""What there is to dub: files, folders, globs, URIs and manifests become a list of recordings, each there once.

Names with numbers are in the order in which people count: `part 2` comes before `part 10`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from emotalk.errors import InputError
from emotalk.files import absolute, is_uri, suffix_of
from emotalk.remote import reached

# In a folder, files of these suffixes are recordings: what the decoder's containers are called. A file that is named
# itself is always taken.
RECORDING_SUFFIXES = frozenset(
    f".{name}"
    for line in (
        "3g2 3gp aac ac3 aif aifc aiff amr ape asf au avi caf dsf eac3 flac flv gsm m2ts m4a m4b m4v mka mkv mov mp2",
        "mp3 mp4 mpc mpeg mpg mts nut oga ogg ogv opus ra rm snd spx tak ts tta voc w64 wav wave weba webm wma wmv wv",
    )
    for name in line.split()
)
# What a file system says of a file that changes when its content does.
UNSEEN = "unseen"
_CHANGE_MARKS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "created")


@dataclass(frozen=True, slots=True)
class Recording:
    """One file to dub. `relative`: its path below the common root of all inputs, with '/'; what it is called.

    fingerprint: changes whenever the content does (size and times, or an object's tag); None where nobody can tell,
        `UNSEEN` for a remote object that a manifest names and nobody has looked at.
    bytes: 0 where they are not known. output, controls: what a manifest gives it, see `emotalk.dubbing.manifest`.
    """

    uri: str
    relative: str
    bytes: int
    fingerprint: str | None
    output: str | None = None
    controls: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Listing:
    """recordings: in the order of their relative names. ignored: what lies there and is no recording.

    unreadable: folders that could not be looked into, with the reason.
    """

    recordings: tuple[Recording, ...]
    ignored: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Found:
    uri: str
    bytes: int
    fingerprint: str | None
    named: bool  # by the user, not found in a folder


def list_recordings(inputs: Sequence[str], *, output: str) -> Listing:
    """Files, folders (with all below them), globs and URIs of these -> what there is to dub.

    Nothing below `output` is an input where the output lies inside an input. InputError where an input does not exist
    or matches nothing, and where there is no recording at all.
    """
    if not inputs:
        raise InputError("no recordings given")
    if not output or not all(inputs):  # an unset variable, which would mean the working directory
        raise InputError("the name of an input or of the output is empty")
    from emotalk.dubbing.manifest import is_manifest, read_manifest

    manifests = [given for given in inputs if is_manifest(given)]
    if manifests:
        if len(manifests) < len(inputs) or len(manifests) > 1:
            raise InputError("a manifest is the only input of its run", source=manifests[0])
        return Listing(tuple(read_manifest(absolute(manifests[0]))), (), ())
    found: dict[str, _Found] = {}
    roots: list[str] = []
    unreadable: list[tuple[str, str]] = []
    outside = absolute(output)
    for given in inputs:
        root, files, problems = _look(absolute(given), given)
        roots.append(root)
        unreadable += problems
        for file in files:
            if _below(file.uri, outside) and (_below(outside, root) and not file.named):
                continue
            if file.uri not in found or file.named:
                found[file.uri] = file
    root = _common(roots)
    recordings, ignored = [], []
    for uri, file in sorted(found.items(), key=lambda entry: natural(entry[0])):
        hidden = PurePosixPath(uri).name.startswith(".")
        if file.named or (suffix_of(uri) in RECORDING_SUFFIXES and not hidden):
            recordings.append(Recording(uri, uri[len(root) :].lstrip("/"), file.bytes, file.fingerprint))
        else:
            ignored.append(uri)
    if not recordings and not unreadable:
        if outside in roots:
            raise InputError("is the output, below which nothing is an input", source=output)
        others = f" ({len(ignored)} other files, such as {PurePosixPath(ignored[0]).name})" if ignored else ""
        raise InputError(f"holds no recordings{others}", source=", ".join(inputs))
    return Listing(tuple(recordings), tuple(ignored), tuple(unreadable))


def natural(text: str) -> tuple[tuple[int, str, str], ...]:
    """By which names are sorted as people count; total, so that no two names are in the same place."""
    parts = re.split(r"(\d+)", text)
    return tuple(
        (int(part), "", part) if number % 2 else (-1, part.casefold(), part) for number, part in enumerate(parts)
    )


def local_recording(path: str, relative: str, output: str | None, controls: Mapping[str, Any] | None) -> Recording:
    """A local file that a manifest names."""
    found = _local(path)
    return Recording(path, relative, found.bytes, found.fingerprint, output, controls)


def below_common_root(uris: Sequence[str]) -> list[str]:
    """Each path or URI below the folder that holds all of them."""
    start = len(_common(sorted({_parent(uri) for uri in uris})))
    return [uri[start:].lstrip("/") for uri in uris]


def looked_at(recording: Recording) -> Recording:
    """The same with size and fingerprint as they are now; unchanged where it can't be reached."""
    try:
        if not is_uri(recording.uri):
            seen = _local(recording.uri)
        else:
            with reached(recording.uri) as (fs, path):
                fs.invalidate_cache()
                seen = _remote(fs, path, fs.info(path))
    except (InputError, OSError):
        return recording
    return replace(recording, bytes=seen.bytes, fingerprint=seen.fingerprint)


def fingerprint_now(uri: str) -> str | None:
    """The fingerprint of a local file as it is at this moment; None for a URI and for what is gone."""
    if is_uri(uri):
        return None
    try:
        return _local_fingerprint(Path(uri).stat())
    except OSError:
        return None


def _look(place: str, given: str) -> tuple[str, list[_Found], list[tuple[str, str]]]:
    """-> the root that names are relative to, the files, and the folders that could not be read."""
    if is_uri(place):
        return _look_remote(place, given)
    if Path(place).is_dir():
        files, problems = _walk(place)
        return place, files, problems
    if os.path.lexists(place):
        return _parent(place), [_local(place, named=True)], []
    if not _is_pattern(place):
        raise InputError("no such file or folder", source=given)
    root = _fixed_part(place)
    paths = sorted(str(path) for path in fsspec.filesystem("file").glob(place))
    if not paths:
        raise InputError("nothing matches this pattern", source=given)
    files, problems = [], []
    for path in paths:
        if Path(path).is_dir():
            inside, trouble = _walk(path)
            files += inside
            problems += trouble
        else:
            files.append(_local(path))
    return root, files, problems


def _walk(folder: str) -> tuple[list[_Found], list[tuple[str, str]]]:
    files: list[_Found] = []
    problems: list[tuple[str, str]] = []
    seen: set[tuple[int, int]] = set()

    def trouble(error: OSError) -> None:
        problems.append((str(error.filename), f"this folder cannot be read ({error.strerror})"))

    # Links to folders are followed, as shelves are put together with them; a loop ends where it began.
    for where, folders, names in os.walk(folder, onerror=trouble, followlinks=True):
        status = Path(where).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        files += [_local(f"{where.rstrip('/')}/{name}") for name in sorted(names)]
    return files, problems


def _local(path: str, *, named: bool = False) -> _Found:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # a link to nothing, no usable name: opening it will say so
        return _Found(path, 0, None, named)
    return _Found(path, status.st_size, _local_fingerprint(status), named)


def _local_fingerprint(status: os.stat_result) -> str:
    # The change time cannot be set back, so a file replaced by one of the same size and date is noticed.
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def _look_remote(place: str, given: str) -> tuple[str, list[_Found], list[tuple[str, str]]]:
    entries: dict[str, Any] = {}
    root = place
    pattern = _is_pattern(place)
    try:
        with reached(place) as (fs, path):
            fs.invalidate_cache()
            if pattern and not fs.exists(path):
                root, entries = _fixed_part(place), fs.glob(path, detail=True)
            elif (info := fs.info(path))["type"] == "file":
                return _parent(place), [_remote(fs, path, info, named=True)], []
            else:
                entries = fs.find(path, detail=True)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"cannot be listed: {error.strerror}", source=given) from error
    files = [_remote(fs, name, info) for name, info in sorted(entries.items()) if info.get("type") == "file"]
    if not files:
        raise InputError("nothing matches this pattern" if pattern else "no such object or folder", source=given)
    return root, files, []


def _remote(fs: Any, path: str, info: Mapping[str, Any], *, named: bool = False) -> _Found:
    marks = [f"{name}={info[name]}" for name in _CHANGE_MARKS if info.get(name) is not None]
    size = int(info.get("size") or 0)
    return _Found(str(fs.unstrip_protocol(path)), size, "-".join([str(size), *marks]) if marks else None, named)


def _is_pattern(path: str) -> bool:
    return re.search(r"[*?\[]", path) is not None


def _fixed_part(pattern: str) -> str:
    """The folder above the first wildcard: `/shelf/*/part?.wav` -> `/shelf`."""
    parts = pattern.split("/")
    fixed = next(number for number, part in enumerate(parts) if _is_pattern(part))
    return "/".join(parts[:fixed])


def _parent(uri: str) -> str:
    return uri.rsplit("/", 1)[0]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _common(roots: Sequence[str]) -> str:
    """The folder that holds all roots; InputError for roots in different stores."""
    split = [root.split("/") for root in roots]
    common: list[str] = []
    for parts in _columns(split):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    if any(is_uri(root) for root in roots) and len(common) < 3:
        raise InputError(f"inputs from different stores go in runs of their own: {', '.join(roots)}")
    return "/".join(common)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    return zip(*rows, strict=False)
