"""What lies behind a URI: the one place where stores are reached, and where their drivers' errors become readable.

Every driver has errors of its own (no credentials, no such host, a refused signature). Here they become what a local
disk would say, each naming the URI: FileNotFoundError, PermissionError, and OSError for everything else, a lost
connection above all. A scheme that nobody knows is an InputError.
"""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import fsspec

from emotalk.errors import EmoTalkError, InputError
from emotalk.files import PathOrUri, is_uri

# By default a host that does not answer is tried 25 times for 5 s each. s3fs repeats five times what this allows.
_S3_OPTIONS = {"config_kwargs": {"connect_timeout": 3, "retries": {"total_max_attempts": 2}}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3_OPTIONS, "s3a": _S3_OPTIONS}


@contextmanager
def reached(target: PathOrUri) -> Iterator[tuple[Any, str]]:
    """The file system (fsspec's) of a local path or URI and the path inside; its driver's errors become readable.

    Nothing but calls of the file system belongs into the block. Errors of local files pass through as they are.
    """
    text = str(target)
    if not is_uri(text):
        yield fsspec.core.url_to_fs(text)
        return
    try:
        fs, path = fsspec.core.url_to_fs(text, **_OPTIONS.get(text.split("://")[0], {}))
    except (ValueError, ImportError) as error:  # unknown scheme, or its driver is not installed
        raise InputError(f"cannot open this URI ({error})", source=text) from error
    with readable_errors(text):
        yield fs, path


def remove_folder(folder: PathOrUri) -> None:
    """A folder with all that is in it, where there is one."""
    with reached(folder) as (fs, path):
        fs.invalidate_cache()
        try:
            fs.rm(path, recursive=True)
        except FileNotFoundError:
            return


@contextmanager
def readable_errors(uri: str) -> Iterator[None]:
    """Errors of a store's driver, raised in the block, as a local disk would put them."""
    try:
        yield
    except EmoTalkError:
        raise
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "no such object, folder or bucket", uri) from error
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise type(error)(error.errno or errno.EIO, error.strerror or str(error), uri) from error
    except PermissionError as error:
        raise PermissionError(errno.EACCES, f"no permission, check the store's keys ({_reason(error)})", uri) from error
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"the store failed ({_reason(error)})", uri) from error
    except Exception as error:
        raise OSError(errno.EIO, f"the store cannot be used ({_reason(error)})", uri) from error


def open_remote(uri: str, **options: Any) -> IO[bytes]:
    """A URI for reading; `options` as the file system's `open` takes them. Errors while reading are readable, too."""
    with reached(uri) as (fs, path):
        return io.BufferedReader(_RemoteFile(fs.open(path, "rb", **options), uri))


class _RemoteFile(io.RawIOBase):
    """A driver's file whose errors are readable."""

    def __init__(self, file: Any, uri: str) -> None:
        self._file, self._uri = file, uri

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        with readable_errors(self._uri):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with readable_errors(self._uri):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
