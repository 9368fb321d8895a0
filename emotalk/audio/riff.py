"""What the header of a WAV (RIFF, RF64) says of its sound, against what lies in the file.

The size of the samples is written last: a copy that was cut short promises more than there is, and where a recorder
died, or the sound outgrew the 32 bits of its size, there is more than it says.
"""

import io
from dataclasses import dataclass
from typing import IO

MAX_CHUNKS = 1_000  # before the samples
NOT_YET = 0xFFFF  # how near a size lies to 0, 2**31 or 2**32 that is written while nobody knows it
SIZE_64 = 0xFFFF_FFFF  # in a RF64 the size is elsewhere
LITTLE = 65_536  # bytes behind the samples that are not worth a thought: padding
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")  # are put behind any file


@dataclass(frozen=True)
class Promise:
    """declared: bytes of samples; None where the header does not know. there: bytes from the first sample on.

    ends: whether the file ends, or goes on with something else, where the samples should end.
    """

    declared: int | None
    there: int
    ends: bool

    @property
    def missing(self) -> int:
        """Bytes of samples that are promised and not there."""
        return 0 if self.declared is None else max(self.declared - self.there, 0)


def promise_of(file: IO[bytes]) -> Promise | None:
    """None for what is no WAV, or a pipe. Leaves the file where it was."""
    try:
        here = file.tell()
        size = file.seek(0, io.SEEK_END)
    except (OSError, AttributeError):
        return None
    try:
        file.seek(0)
        return _promise(file, size)
    finally:
        file.seek(here)


def _promise(file: IO[bytes], size: int) -> Promise | None:
    start = file.read(12)
    if start[:4] not in (b"RIFF", b"RF64", b"BW64") or start[8:] != b"WAVE":
        return None
    long_size: int | None = None
    for _ in range(MAX_CHUNKS):
        name, length = _chunk(file)
        begin = file.tell()
        if not name:
            return None
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        elif name == b"data":
            if length == SIZE_64 and long_size is not None:
                length = long_size
            elif length == 0 or any(abs(length - most) <= NOT_YET for most in (2**31, 2**32)):
                return Promise(None, size - begin, True)
            return Promise(length, size - begin, _ends(file, begin + length, size))
        file.seek(begin + length + length % 2)
    return None


def _chunk(file: IO[bytes]) -> tuple[bytes, int]:
    """Name and length of what comes next; an empty name at the end."""
    head = file.read(8)
    return (head[:4], int.from_bytes(head[4:], "little")) if len(head) == 8 else (b"", 0)


def _ends(file: IO[bytes], place: int, size: int) -> bool:
    if size - place < LITTLE:
        return True
    file.seek(place + place % 2)
    name, length = _chunk(file)
    is_chunk = all(32 <= byte < 127 for byte in name) and file.tell() + length <= size + 1
    return is_chunk or name.startswith(TAGS) or name in (tag[:4] for tag in TAGS)
