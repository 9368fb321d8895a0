"""How a job stands: told from what its output, the cluster and the book know of its latest run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from emotalk.dubbing.progress import RunProgress
from serve_app.jobs.book import Job
from serve_app.jobs.runner import Run

State = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "interrupted"]
FINAL: tuple[State, ...] = ("succeeded", "failed", "cancelled")
ACTIVE: tuple[State, ...] = ("queued", "running", "cancelling")
SUBMIT_S = 60.0  # so long a job that the cluster does not know may be on its way there
INTERRUPTED = "its run was lost: order it again, what is finished is not made anew"
NOTHING_SAID = "its run ended without saying why: see its log in Ray's dashboard"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """state: `succeeded` where it came to its end with at least one animation, whatever failed; `interrupted` where
    its run was lost, with the cluster's head say, and may be ordered again. reason: why it failed.

    recordings, hours of sound: None until they are known. failures: some of them, URI and reason, once it is over.
    has_report: whether this run has written one.
    """

    state: State
    reason: str | None = None
    recordings: int | None = None
    done: int = 0
    failed: int = 0
    hours: float | None = None
    hours_done: float = 0.0
    speed: float | None = None
    left_s: float | None = None
    failures: tuple[tuple[str, str], ...] = ()
    has_report: bool = False
    ended: float | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Standing":
        return cls(**{**data, "failures": tuple((uri, reason) for uri, reason in data["failures"])})


Known = tuple[Job, Standing]


def told_by_progress(job: Job, progress: RunProgress | None) -> Standing | None:
    """By the output alone: how a run that has ended by itself stands; None for any other."""
    if progress is None or progress.run != job.run_name or progress.state in ("running", "interrupted"):
        return None
    now = replace(_counts(progress), ended=progress.written, has_report=progress.state in ("finished", "stopped"))
    if progress.state != "finished":
        return replace(now, state="failed", reason=progress.reason)
    if not now.done:
        reason = f"not one of {now.failed} recordings was animated"
        return replace(now, state="failed", reason=reason)
    return replace(now, state="succeeded")


def told_by_cluster(job: Job, run: Run | None, progress: RunProgress | None, now: float) -> Standing:
    """How a run stands that has not ended by itself, or not said so."""
    standing = Standing(state="running")
    if progress is not None and progress.run == job.run_name:
        standing = _counts(progress)
    if run is None:
        if job.cancelled:
            return replace(standing, state="cancelled", ended=now)
        if not job.submitted and now - job.begun < SUBMIT_S:
            return replace(standing, state="queued")
        return replace(standing, state="interrupted", reason=INTERRUPTED)
    if run.state in ("waiting", "running"):
        if job.cancelled:
            return replace(standing, state="cancelling")
        return standing if run.state == "running" else replace(standing, state="queued")
    standing = replace(standing, speed=None, left_s=None)
    if job.cancelled or run.state == "stopped":
        return replace(standing, state="cancelled", ended=now)
    if run.state == "lost":
        return replace(standing, state="interrupted", reason=INTERRUPTED)
    if run.state == "failed":
        return replace(standing, state="failed", ended=now, reason=run.reason or NOTHING_SAID)
    return replace(standing, state="succeeded", ended=now)


def _counts(progress: RunProgress) -> Standing:
    planned_s = progress.planned_audio_s
    return Standing(
        state="running",
        recordings=progress.recordings,
        done=progress.done,
        failed=progress.failed,
        hours=planned_s / 3600 if planned_s else None,
        hours_done=progress.audio_s / 3600,
        speed=progress.speed,
        left_s=progress.left_s,
    )
