"""A plain folder of videos, one talking face each; nothing is known but their names."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from emotalk.capture.record import Shot
from emotalk.corpus.sources.videos import CaptureOptions, below, list_videos, slug
from emotalk.corpus.splits import hashed_split
from emotalk.corpus.takes import Take, Takes


@dataclass(frozen=True, kw_only=True)
class Video(CaptureOptions):
    """A folder of videos of talking faces: VIDEO.mp4 or SPEAKER/…/VIDEO.mp4.

    A video in a folder of its own is spoken by whom the first folder names, any other by itself. Splits are 90 / 5 / 5
    by a hash of the speaker.
    """

    @property
    def name(self) -> str:
        return "video"

    def takes(self) -> Takes:
        videos, rejections = list_videos(self.root, self.name)
        return Takes([self._take(name) for name in videos], rejections)

    def _take(self, name: str) -> Take:
        parts = PurePosixPath(name).parts
        speaker = f"video-{parts[0] if len(parts) > 1 else PurePosixPath(name).stem}"
        return Take(
            shot=Shot(path=below(self.root, name), name=name),
            prefix=f"video-{slug(name)}",
            source=self.name,
            speaker=speaker,
            split=hashed_split(speaker),
            name_by_content=True,
        )
