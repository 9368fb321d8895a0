"""The first half of building a corpus from videos: every video once through a face landmarker, on a pool of actors."""

import pickle
import traceback

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy

from emotalk.capture.landmarker import LandmarkerFile
from emotalk.corpus.capture_report import Captured
from emotalk.corpus.capturing import CaptureError, CapturePlan, Capturer, finish_capture
from emotalk.corpus.takes import Take
from emotalk.corpus.tracks import TrackSource


class CaptureActor:
    """One landmarker, held for all the takes that this actor is given. In: pickled takes. Out: what became of them."""

    def __init__(self, file: LandmarkerFile, output: str) -> None:
        self._capturer = Capturer(file, output)

    def __call__(self, batch: pa.Table) -> pa.Table:
        results = [pickle.dumps(self._attempt(pickle.loads(take))) for take in batch.column("take").to_pylist()]
        return pa.table({"number": batch.column("number"), "result": results})

    def _attempt(self, take: Take) -> Captured | CaptureError:
        try:
            return self._capturer(take)
        except CaptureError as error:
            # As a row: raised here, it would reach the user under two screens of Ray's own traces.
            error.add_note("".join(traceback.format_exception(error)))
            return error


def capture_videos(plan: CapturePlan, output: str, workers: int | None) -> TrackSource:
    """Captures what is missing with `workers` actors at most and gives the source of the clips.

    Raises CaptureError, which names the video, for any failure that is not one video's fault.
    """
    most = min(workers or max(int(ray.cluster_resources().get("CPU", 1)), 1), len(plan.takes))
    # Row: number of a take and the take. One block per row, so that a long video holds nobody else up.
    rows = ray.data.from_arrow([_row(number, take) for number, take in enumerate(plan.takes)])
    # In: one take. Out: its number and what became of it. The track's file is written in between; fan-out 1 : 1.
    results = rows.map_batches(
        CaptureActor,
        fn_constructor_args=(plan.landmarker, output),
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=1,
        compute=ActorPoolStrategy(min_size=1, max_size=most),
    )
    done: dict[int, Captured] = {}
    for row in results.iter_rows():
        result = pickle.loads(row["result"])
        if isinstance(result, CaptureError):
            raise result
        done[row["number"]] = result
    return finish_capture(plan, output, [done[number] for number in range(len(plan.takes))])


def _row(number: int, take: Take) -> pa.Table:
    return pa.table({"number": [number], "take": [pickle.dumps(take)]})
