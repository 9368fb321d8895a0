"""How fast videos are captured and how much memory it takes: python -m benchmarks.capture VIDEO --landmarker FILE.task

First a film of hours, made by repeating VIDEO without coding it anew, is decoded, its sound measured and stored, its
scenes and clips planned: all of capture but the face landmarker, in whose place stands one that gives the same face
every time. Then minutes of it are captured with the real one. Memory is this process's, as the system counts it.
"""

import platform
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, cast

import av
import numpy as np
import tyro

from emotalk import command_line
from emotalk.capture.landmarker import FaceLandmarker, Reading, read_landmarker_file
from emotalk.capture.record import Shot, capture
from emotalk.capture.track import Track
from emotalk.corpus.gates import Rejection
from emotalk.corpus.takes import Take
from emotalk.corpus.tracks import FOLDER, TrackSource

WATCH_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Config:
    """Measures the capture of a long video."""

    video: Annotated[str, tyro.conf.Positional]
    """A video of one talking face, of any length."""
    landmarker: str | None = None
    """MediaPipe's face_landmarker.task; else the environment's EMOTALK_FACE_LANDMARKER."""
    hours: float = 2.0
    """Length of the film that is decoded without the landmarker."""
    minutes: float = 5.0
    """Length of what is captured with it; 0: nothing."""


class SameFace:
    """Stands in for a landmarker: copies of one reading."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self, rgb: np.ndarray) -> Reading:
        same = self._reading
        return same._replace(
            scores=same.scores.copy(), near=same.near.copy(), head=same.head.copy(), mouth=same.mouth.copy()
        )


def repeat_video(video: str, target: Path, seconds: float) -> None:
    """Writes the packets of `video` again and again until `seconds` are reached, each time shifted by its length."""
    with av.open(str(target), "w", format="matroska") as out, av.open(video) as first:
        length_s = max(float((s.duration or 0) * s.time_base) for s in first.streams if s.time_base is not None)
        streams = {s.index: out.add_stream_from_template(s) for s in first.streams if s.type in ("video", "audio")}
        packets = [
            (packet.stream.index, packet.stream.time_base, packet.pts, packet.dts, bytes(packet), packet.is_keyframe)
            for packet in first.demux(*(first.streams[index] for index in streams))
            if packet.dts is not None
        ]
        for turn in range(int(np.ceil(seconds / length_s))):
            for index, base, pts, dts, content, is_key in packets:
                copy = av.Packet(content)
                shift = round(turn * length_s / base)
                copy.pts, copy.dts, copy.time_base = pts + shift, dts + shift, base
                copy.is_keyframe = is_key
                copy.stream = streams[index]
                out.mux(copy)


@contextmanager
def watched() -> Iterator[list[tuple[float, float]]]:
    """Rows of seconds and MiB of memory while the block lasts."""
    rows: list[tuple[float, float]] = []
    started, ended = time.monotonic(), threading.Event()

    def watch() -> None:
        while not ended.wait(WATCH_S):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            rows.append((time.monotonic() - started, pages * resource.getpagesize() / 2**20))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield rows
    finally:
        ended.set()
        thread.join()


def measure(what: str, shot: Shot, landmarker: FaceLandmarker, target: Path, *, sha256: str) -> Track:
    """Captures `shot` and prints its speed, its memory and how fast that grows."""
    started = time.monotonic()
    with watched() as rows:
        track = capture(shot, landmarker, target, video_sha256="-", landmarker_sha256=sha256)
    took_s, film_s = time.monotonic() - started, track.info.picture_end_s - float(track.times_s[0])
    later = np.array([row for row in rows if row[0] >= took_s / 3] or [(0.0, 0.0), (1.0, 0.0)])
    slope = np.polyfit(later[:, 0], later[:, 1], 1)[0] if len(later) > 1 else 0.0
    growth = slope * took_s / (film_s / 60)
    print(
        f"{what}: {film_s / 60:.1f} min in {took_s:.0f} s, {film_s / took_s:.1f} x real time; peak "
        f"{max(mib for _, mib in rows):.0f} MiB, growing by {growth:.2f} MiB per minute of film",
        flush=True,
    )
    return track


def main() -> None:
    config = command_line.parse(Config, prog="python -m benchmarks.capture")
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: Config) -> int:
    file = read_landmarker_file(config.landmarker)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mkv"
        repeat_video(config.video, film, 3600 * config.hours)
        print(f"{platform.processor() or platform.machine()}, film of {film.stat().st_size >> 20} MiB", flush=True)
        shot = Shot(path=str(film), name=film.name)
        with FaceLandmarker(file) as landmarker:
            first = next(iter(_pictures(config.video)))
            same = cast(FaceLandmarker, SameFace(landmarker.read(first)))
            (Path(folder) / FOLDER).mkdir()
            target = Path(folder) / FOLDER / "film.npz"
            track = measure("without the landmarker", shot, same, target, sha256=file.sha256)
            _plan(folder, shot, track)
            part = replace(shot, end_s=60 * config.minutes)
            if config.minutes:
                measure("with the landmarker", part, landmarker, Path(folder) / "part.npz", sha256=file.sha256)
    return 0


def _pictures(video: str) -> Iterator[np.ndarray]:
    from emotalk.capture.video import read_frames

    return (frame.rgb for frame in read_frames(video))


def _plan(folder: str, shot: Shot, track: Track) -> None:
    """The clips of the long film, planned."""
    started = time.monotonic()
    take = Take(shot=shot, prefix="film", source="video", speaker="film", split="train")
    source = TrackSource(
        name="video",
        output=folder,
        options="{}",
        max_clip_s=20.0,
        keep_rejected=True,
        recorded=((take, "film"),),
        failed=cast(tuple[Rejection, ...], ()),
    )
    items = source.listing().items
    took_s, lengths = time.monotonic() - started, [item.seconds for item in items]
    print(
        f"{len(items)} clips of {min(lengths):.1f} to {max(lengths):.1f} s planned in {took_s:.1f} s; "
        f"{len(track.times_s)} pictures, {sum(lengths) / 60:.1f} min of sound in them",
        flush=True,
    )


if __name__ == "__main__":
    main()
