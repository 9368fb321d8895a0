"""Files that appear whole or not at all, on a local disk or behind any fsspec URI, and how a source is opened."""

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from emotalk.errors import InputError

PathOrUri = str | os.PathLike[str]
KEPT_BYTES = 128
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.tmp(\.[^.]+)?")


def is_uri(target: PathOrUri) -> bool:
    """True for `scheme://…`, which fsspec opens; `file://` counts as local."""
    return isinstance(target, str) and "://" in target and not target.startswith("file://")


def local_path(target: PathOrUri) -> Path:
    text = os.fspath(target)
    return Path(text.removeprefix("file://"))


def absolute(target: PathOrUri) -> str:
    """The one spelling of a path that means the same in every process of this machine, or of a URI; '/' separates."""
    if is_uri(target):
        from emotalk.remote import reached

        with reached(target) as (fs, path):
            return str(fs.unstrip_protocol(path)).rstrip("/")
    return Path(os.path.abspath(local_path(target))).as_posix()  # noqa: PTH100 - links keep their names


def suffix_of(target: PathOrUri) -> str:
    """The last suffix in lower case, dot included: `.npz`; empty where there is none."""
    return PurePosixPath(os.fspath(target)).suffix.lower()


def printable(name: str) -> str:
    """A file's name as a line of valid text, for tables and messages: control characters and bad bytes are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


@contextmanager
def atomic_write(target: PathOrUri) -> Iterator[Path]:
    """Yields a temporary local path to write; the file appears under `target` once the block ends without an error.

    The temporary name keeps the suffix and stands in the target's own folder (made if missing); it is flushed to disk
    and renamed over the target. For a URI it stands in the system's temporary folder and is uploaded at the end: an
    object store shows an object only when its upload is complete. On any error nothing changes under `target` and the
    temporary file is removed. An OSError (disk full, no permission) passes through and names the target.
    """
    remote = is_uri(target)
    final = local_path(target)
    scratch: Path | None = None
    temporary: Path | None = None
    try:
        if remote:
            scratch = Path(tempfile.mkdtemp(prefix="emotalk-"))
            temporary = scratch / PurePosixPath(os.fspath(target)).name
        else:
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.is_dir():
                raise IsADirectoryError(21, "a folder of this name is in the way", str(target))
            # A name may be as long as file systems allow; this one is longer by 14 bytes than what it keeps of it.
            kept = final.stem.encode(errors="surrogateescape")[:KEPT_BYTES].decode(errors="ignore")
            temporary = final.with_name(f".{kept}.{secrets.token_hex(4)}.tmp{final.suffix}")
        yield temporary
        if remote:
            _upload(temporary, os.fspath(target))
        else:
            _sync(temporary)
            temporary.replace(final)
            _sync(final.parent)
    except OSError as error:
        if error.errno is None or error.filename == str(target):
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def is_half_written(name: str) -> bool:
    """Whether a file's name is one that `atomic_write` gives while it writes: what a killed process leaves."""
    return _TEMPORARY.fullmatch(PurePosixPath(name).name) is not None


def _upload(temporary: Path, uri: str) -> None:
    from emotalk.remote import reached

    with reached(uri) as (fs, path):
        fs.put_file(str(temporary), path)


def _sync(path: Path) -> None:
    # Without this a crash of the machine right after the rename can leave an empty file under the final name.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_source(source: PathOrUri) -> IO[bytes]:
    """Opens a local path or URI for reading. InputError where nothing is there; a lost connection is an OSError."""
    if is_uri(source):
        return _open_uri(os.fspath(source))
    path = local_path(source)
    if path.is_dir():
        raise InputError("is a folder, not a file", source=source)
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputError("no such file", source=source) from error
    except PermissionError as error:
        raise InputError("no permission to read it", source=source) from error
    except ValueError as error:  # a null byte in the name
        raise InputError(f"not a usable path ({error})", source=source) from error


def sha256_of(path: PathOrUri) -> str:
    """Of a file or URI, a MiB at a time."""
    digest = hashlib.sha256()
    with open_source(path) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def read_source(source: PathOrUri, *, max_bytes: int) -> bytes:
    """All of a local file or URI. InputError as `open_source`, and for what is larger than anything of its kind."""
    with open_source(source) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        size = f"{max_bytes >> 20} MiB" if max_bytes >= 1 << 20 else f"{max_bytes >> 10} KiB"
        raise InputError(f"larger than {size}: not what it should be", source=source)
    return content


def _open_uri(uri: str) -> IO[bytes]:
    from emotalk.remote import open_remote

    try:
        return open_remote(uri)
    except FileNotFoundError as error:
        raise InputError(error.strerror or "no such object", source=uri) from error
    except IsADirectoryError as error:
        raise InputError("is a folder, not a file", source=uri) from error
    except PermissionError as error:
        raise InputError(error.strerror or "no permission to read it", source=uri) from error


def exists(target: PathOrUri) -> bool:
    """Whether a file is there now. Where nobody can tell (no permission, no connection) that is an error, not a no."""
    if not is_uri(target):
        return local_path(target).is_file()
    from emotalk.remote import reached

    with reached(target) as (fs, path):
        fs.invalidate_cache()  # another process may have written it
        try:
            return bool(fs.info(path)["type"] == "file")
        except FileNotFoundError:
            return False
