"""Sources of videos: first every video is captured into a track, then the tracks are cut into clips.

Capture is the expensive half, so its results stay in the folder `capture` of the corpus, each named by what made it:
the digests of the video and of the landmarker, the part that was wanted, and the version of the capture. A second run
does what is missing. A video that cannot be captured leaves a small JSON file with the reason in the same place.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from emotalk.capture.landmarker import FaceLandmarker, LandmarkerFile, read_landmarker_file
from emotalk.capture.record import CAPTURE_VERSION, Shot, capture
from emotalk.corpus.capture_report import Captured, named_by_content, write_report
from emotalk.corpus.gates import RejectedError, Rejection
from emotalk.corpus.store import Store
from emotalk.corpus.takes import Take, VideoSource
from emotalk.corpus.tracks import CLIPS_VERSION, FOLDER, TrackSource
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import atomic_write, sha256_of


class CaptureError(EmoTalkError):
    """Capturing failed for a reason that is not the fault of the video. Names the video."""


@dataclass(frozen=True)
class CapturePlan:
    """What is to be captured, with what. takes: in the order of their names. rejections: turned away by name alone."""

    source: VideoSource
    takes: list[Take]
    rejections: list[Rejection]
    landmarker: LandmarkerFile


def plan_capture(source: VideoSource) -> CapturePlan:
    """Lists the source. Raises InputError without videos or without the landmarker."""
    landmarker = read_landmarker_file(source.landmarker, accept_other=source.accept_landmarker)
    takes, rejections = source.takes()
    if not takes and not rejections:
        raise InputError("nothing to capture: no videos found", source=source.name)
    return CapturePlan(source, sorted(takes, key=lambda take: (take.shot.name, take.prefix)), rejections, landmarker)


class Capturer:
    """Holds one landmarker and captures takes with it, one after the other. The unit of parallel work."""

    def __init__(self, file: LandmarkerFile, output: str) -> None:
        self._file, self._store = file, Store(output)
        self._landmarker: FaceLandmarker | None = None  # not before there is something to capture
        self._digests: dict[str, str] = {}

    def __call__(self, take: Take) -> Captured:
        """Captures one take, or finds it done. Raises CaptureError for what is not the video's fault."""
        try:
            return self._capture(take)
        except EmoTalkError as error:
            if isinstance(error, InputError):
                return Captured("", "", _rejection(take, RejectedError("unreadable_video", error.reason)))
            raise
        except Exception as error:
            raise CaptureError(f"{take.shot.name}: {type(error).__name__}: {error}") from error

    def _capture(self, take: Take) -> Captured:
        digest = self._digest(take.shot.path)
        key = _key(take.shot, digest, self._file.sha256)
        target, failure = f"{FOLDER}/{key}.npz", f"{FOLDER}/{key}.json"
        if self._store.exists(target):
            return Captured(key, digest, None)
        if self._store.exists(failure):
            fault = json.loads(self._store.read(failure))
            error = RejectedError(fault["reason"], fault["text"], numbers=fault["numbers"])
            return Captured(key, digest, _rejection(take, error))
        if self._landmarker is None:
            self._landmarker = FaceLandmarker(self._file)
        try:
            with atomic_write(self._store.path(target)) as temporary:
                capture(
                    take.shot,
                    self._landmarker,
                    temporary,
                    video_sha256=digest,
                    landmarker_sha256=self._file.sha256,
                )
        except RejectedError as error:
            fault = {"reason": error.code, "text": error.reason, "numbers": error.numbers}
            self._store.write(failure, json.dumps(fault).encode())
            return Captured(key, digest, _rejection(take, error))
        return Captured(key, digest, None)

    def _digest(self, path: str) -> str:
        """Parts of one video come one after the other: it is read once."""
        if path not in self._digests:
            self._digests = {path: sha256_of(path)}
        return self._digests[path]

    def close(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None


def capture_here(source: VideoSource, output: str) -> TrackSource:
    """Captures what is missing, in this process, and gives the source of its clips."""
    plan = plan_capture(source)
    capturer = Capturer(plan.landmarker, output)
    try:
        return finish_capture(plan, output, [capturer(take) for take in plan.takes])
    finally:
        capturer.close()


def finish_capture(plan: CapturePlan, output: str, captured: list[Captured]) -> TrackSource:
    """All takes captured, in their order -> the report of the capture, written, and the source of the clips."""
    source, takes = plan.source, plan.takes
    store = Store(output)
    failed = [done.rejection for done in captured if done.rejection is not None]
    recorded = tuple(
        named_by_content(take, done) for take, done in zip(takes, captured, strict=True) if done.rejection is None
    )
    write_report(store, takes, captured)
    settings = {
        **source.settings(),
        "landmarker_sha256": plan.landmarker.sha256,
        "capture_version": CAPTURE_VERSION,
        "clips_version": CLIPS_VERSION,
    }
    return TrackSource(
        name=source.name,
        output=output,
        options=json.dumps(settings, sort_keys=True),
        max_clip_s=source.max_clip_s,
        keep_rejected=source.keep_rejected,
        recorded=recorded,
        failed=(*plan.rejections, *failed),
    )


def _key(shot: Shot, video_sha256: str, landmarker_sha256: str) -> str:
    crop = None if shot.crop is None else asdict(shot.crop)
    made_of = [CAPTURE_VERSION, video_sha256, landmarker_sha256, shot.start_s, str(shot.end_s), crop]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def _rejection(take: Take, error: RejectedError) -> Rejection:
    return Rejection(
        take.prefix if take.prefix else take.shot.name, take.source, error.code, error.reason, error.numbers
    )
