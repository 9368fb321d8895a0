"""The first half of building a corpus from videos: every video once through a face landmarker, on a pool of actors."""

from functools import partial

import ray
from ray.data import ActorPoolStrategy

from emotalk.corpus.capturing import CapturePlan, Capturer, finish_capture
from emotalk.corpus.tracks import TrackSource
from jobs.fan_out import in_order, on_actors


def capture_videos(plan: CapturePlan, output: str, workers: int | None) -> TrackSource:
    """Captures what is missing with `workers` actors at most and gives the source of the clips.

    Raises CaptureError, which names the video, for any failure that is not one video's fault.
    """
    most = max(min(workers or int(ray.cluster_resources().get("CPU", 1)), len(plan.takes)), 1)
    # A take goes out, what became of it comes back; the track's file is written by the actor.
    captured = on_actors(
        partial(Capturer, plan.landmarker, output), plan.takes, pool=ActorPoolStrategy(min_size=1, max_size=most)
    )
    return finish_capture(plan, output, list(in_order(captured)))
