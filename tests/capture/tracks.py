"""Tracks that the capture tests make themselves."""

import numpy as np

from emotalk.capture.sync import Offset
from emotalk.capture.track import Track, TrackInfo


def make_track(times_s: np.ndarray, *, offset: Offset | None = None, seed: int = 0) -> Track:
    """A living face at `times_s`: smooth scores with the noise of a good tracker; sound as long as the picture."""
    rng = np.random.default_rng(seed)
    count = len(times_s)
    waves = 0.4 + 0.3 * np.sin(5 * np.asarray(times_s)[:, None] + rng.uniform(0, 6, 52))
    scores = (waves + rng.normal(0, 0.002, (count, 52))).clip(0, 1).astype(np.float32)
    end_s = float(times_s[-1] + np.median(np.diff(times_s)))
    info = TrackInfo(
        video_sha256="v",
        landmarker_sha256="l",
        width=640,
        height=480,
        picture_end_s=end_s,
        sound_start_s=0.0,
        samples=round(16_000 * end_s),
        offset=offset,
    )
    return Track(
        info=info,
        times_s=np.asarray(times_s, np.float64),
        scores=scores,
        near=scores,
        head=np.zeros((count, 6), np.float32),
        faces=np.ones(count, np.uint8),
        face_px=np.full(count, 200, np.float32),
        mouth=rng.uniform(0, 1, (count, 4)).astype(np.float32),
        change=np.full(count, 0.01, np.float32),
        bands=rng.uniform(-60, -20, (round(100 * end_s), 4)).astype(np.float32),
    )
