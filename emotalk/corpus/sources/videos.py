"""What all sources of videos share: their options, and the listing of a folder."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from emotalk.audio.pauses import MAX_CLIP_S, check_limit
from emotalk.corpus.gates import Rejection
from emotalk.errors import InputError
from emotalk.remote import reached

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".webm", ".wmv",
))
# fmt: on


@dataclass(frozen=True, kw_only=True)
class CaptureOptions:
    """How videos become clips."""

    root: str
    """Folder or URI with the videos, at any depth."""
    landmarker: str | None = None
    """MediaPipe's face_landmarker.task, a file or URI; else the environment's EMOTALK_FACE_LANDMARKER."""
    accept_landmarker: bool = False
    """Take another face_landmarker.task than the known one."""
    keep_rejected: bool = False
    """Keep clips that a gate turned away in the corpus, labelled in the column rejected; training does not see them."""
    max_clip_s: float = MAX_CLIP_S
    """Longer recordings are cut at pauses into clips of at most so many seconds."""

    def __post_init__(self) -> None:
        check_limit(self.max_clip_s)

    def settings(self) -> dict[str, object]:
        return {"keep_rejected": self.keep_rejected, "max_clip_s": self.max_clip_s}


def list_videos(root: str, source: str) -> tuple[list[str], list[Rejection]]:
    """Names of the videos below a folder or URI, with '/', sorted; other files as rejections. Hidden ones are no data.

    Raises InputError where there is no such folder.
    """
    with reached(root) as (fs, folder):
        fs.invalidate_cache()
        if not fs.isdir(folder):
            raise InputError("no such folder", source=root)
        start = len(folder.rstrip("/")) + 1
        names = sorted(path[start:] for path in fs.find(folder))
    names = [name for name in names if not any(part.startswith(".") for part in PurePosixPath(name).parts)]
    videos = [name for name in names if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES]
    others = [name for name in names if PurePosixPath(name).suffix.lower() not in VIDEO_SUFFIXES]
    text = "not a video by its suffix"
    return videos, [Rejection(f"{source}/{name}", source, "layout", text) for name in others]


def below(root: str, name: str) -> str:
    """The full path or URI of a listed video."""
    return f"{root.rstrip('/')}/{name}"


def slug(name: str) -> str:
    """A relative path without its suffix, safe as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", str(PurePosixPath(name).with_suffix("")))[-80:]
