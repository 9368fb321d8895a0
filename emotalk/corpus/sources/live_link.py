"""Captures of the iPhone app Live Link Face: a CSV and a recording (or the app's video) of the same name.

    ROOT/anna/MySlate_3_iPhone.csv    ROOT/anna/MySlate_3_iPhone.mov    ROOT/labels.csv, optional

Columns go by name. The time code is kept to the thousandth of a frame, so drift and lost frames are placed where they
happened; the clip has 30 regular frames per second. Rotations of the head become the clip's `head`, with x, y, z of 0,
which the app does not measure. Those of the eyes are not stored: the eight eyeLook coefficients hold them, at 0.59 rad
per unit. Weights are clamped to [0, 1] as of every source (the app goes up to 1.05).

The app starts both together. Where a recorder of one's own was used, `offset_s` says how much later the capture began.
"""

import io
from dataclasses import dataclass

from emotalk.animation import Animation
from emotalk.audio.pauses import MAX_CLIP_S, check_limit
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.sources.face_track import FaceTrack, by_name
from emotalk.corpus.sources.paired import list_pairs
from emotalk.corpus.sources.recording import read_piece
from emotalk.errors import InputError
from emotalk.formats import live_link

# What the app writes beside a take.
COMPANIONS = {"frame_log.csv", "take.json", "thumbnail.jpg", "video_metadata.json", "audio_metadata.json"}
MAX_FILE_BYTES = 640 * 2**20  # a CSV of six hours at 30 fps, or three at 60


@dataclass(frozen=True, kw_only=True)
class LiveLink:
    """Captures of the iPhone app Live Link Face, each beside its recording."""

    root: str
    """Folder or URI of the captures; the first folder below it names the speaker, unless labels.csv does."""
    offset_s: float = 0.0
    """Seconds from the recording's start to the capture's start; negative where the capture began first."""
    tolerance_s: float = 1.0
    """Seconds by which the ends of both may differ; more is quarantined as `length`."""
    max_clip_s: float = MAX_CLIP_S
    """Longest clip in seconds; longer recordings are cut at pauses."""

    def __post_init__(self) -> None:
        check_limit(self.max_clip_s)
        if not abs(self.offset_s) <= 3600:
            raise InputError(f"the offset is at most an hour, not {self.offset_s:g} s")
        if not 0 <= self.tolerance_s <= 60:
            raise InputError(f"the tolerance is 0 to 60 s, not {self.tolerance_s:g}")

    @property
    def name(self) -> str:
        return "live_link"

    def settings(self) -> dict[str, object]:
        return {"offset_s": self.offset_s, "tolerance_s": self.tolerance_s, "max_clip_s": self.max_clip_s}

    def listing(self) -> Listing:
        return list_pairs(str(self.root), "live_link", {".csv"}, max_clip_s=self.max_clip_s, companions=COMPANIONS)

    def read(self, item: Item) -> Clip:
        return read_piece(
            self.root,
            item,
            parse_track,
            max_s=self.max_clip_s,
            tolerance_s=self.tolerance_s,
            max_bytes=MAX_FILE_BYTES,
            offset_s=self.offset_s,
        )


def parse_track(content: bytes, source: str) -> FaceTrack:
    """A file of the app as a track. RejectedError `unreadable_coefficients` or `names`."""
    return track_of(parse_capture(content, source))


def parse_capture(content: bytes, source: str) -> Animation:
    """A file of the app. RejectedError `unreadable_coefficients` with the line or the columns."""
    try:
        return live_link.read(io.BytesIO(content), source)
    except InputError as error:
        raise RejectedError("unreadable_coefficients", error.reason, source=source) from error


def track_of(animation: Animation) -> FaceTrack:
    """An animation as a track, its start at 0. Its names are mapped as everywhere."""
    times_s = animation.time_s()
    return FaceTrack(
        times_s=times_s - times_s[0] if len(times_s) else times_s,
        weights=by_name(animation.weights, animation.names),
        frame_s=float(1 / animation.fps),
        head=animation.head,
    )
