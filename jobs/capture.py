"""The first half of building a corpus from videos: every video once through a face landmarker, on a pool of actors."""

import time
from functools import partial

from emotalk.corpus.capture_report import Captured
from emotalk.corpus.capturing import CapturePlan, Capturer, finish_capture
from emotalk.corpus.tracks import TrackSource
from jobs.fan_out import on_actors
from jobs.progress import ProgressCallback, VideoProgress


def capture_videos(
    plan: CapturePlan, output: str, workers: int | None, progress: ProgressCallback | None = None
) -> TrackSource:
    """Captures what is missing with `workers` actors at most and gives the source of the clips.

    `progress` hears of every video. Raises CaptureError, which names the video, for any failure that is not one
    video's fault.
    """
    import ray
    from ray.data import ActorPoolStrategy

    most = max(min(workers or int(ray.cluster_resources().get("CPU", 1)), len(plan.takes)), 1)
    # A take goes out, what became of it comes back; the track's file is written by the actor.
    captured = on_actors(
        partial(Capturer, plan.landmarker, output), plan.takes, pool=ActorPoolStrategy(min_size=1, max_size=most)
    )
    started = time.monotonic()
    results: dict[int, Captured] = {}
    if progress is not None:
        progress(VideoProgress(0, len(plan.takes), 0, 0.0))
    for number, done in captured:
        results[number] = done
        if progress is not None:
            rejected = sum(one.rejection is not None for one in results.values())
            progress(VideoProgress(len(results), len(plan.takes), rejected, time.monotonic() - started))
    return finish_capture(plan, output, [results[number] for number in range(len(plan.takes))])
