"""How far a run is, in a small file of its output folder: for whoever watches it, from wherever the folder is seen."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Literal

from emotalk.corpus.store import Store
from emotalk.dubbing.lease import LeaseLostError
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.errors import EmoTalkError

PROGRESS = f"{OWN_FOLDER}/progress.json"
WRITE_EVERY_S = 5.0

RunState = Literal["running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """run: its name, where it was given one. state: `finished` with a report, `stopped` by its error budget (also with
    a report), `failed` for the `reason`, or `interrupted`; a run that was killed is `running` for ever.

    recordings: all of the run; done: of these, with animations, those of earlier runs included. audio_s: seconds of
    sound heard in this run; planned_audio_s: to be heard in it, an estimate, 0 until there is one; once it is finished,
    both are those that have animations now. speed: seconds of sound per second. left_s: seconds until the end, None
    until that can be told. written: Unix time.
    """

    run: str | None = None
    state: RunState = "running"
    recordings: int = 0
    done: int = 0
    failed: int = 0
    audio_s: float = 0.0
    planned_audio_s: float = 0.0
    speed: float | None = None
    left_s: float | None = None
    reason: str | None = None
    written: float = 0.0


class ProgressFile:
    """Writes OUTPUT/.emotalk/progress.json, whole or not at all, every few seconds of what it is told.

    At the end of the block it says how the run ended. A run that has told nothing, as it was refused the output folder,
    or has lost the folder to another, writes nothing. A store that fails costs the run nothing but this.
    """

    def __init__(self, location: str, run: str | None) -> None:
        self._location = location
        self._last = RunProgress(run=run)
        self._told = False
        self._due = 0.0

    def __enter__(self) -> "ProgressFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._told or isinstance(error, LeaseLostError):
            return
        last = self._last
        if isinstance(error, EmoTalkError | OSError):
            last = replace(last, state="failed", reason=str(error))
        elif isinstance(error, Exception):
            last = replace(last, state="failed", reason=f"a fault of this program ({kind.__name__})" if kind else None)
        elif error is not None:  # it was told to end
            last = replace(last, state="interrupted")
        self._write(last)

    def tell(self, now: RunProgress) -> None:
        """`run` and `written` are filled in here."""
        self._told = True
        self._last = replace(now, run=self._last.run)
        if time.monotonic() >= self._due:
            self._write(self._last)
            self._due = time.monotonic() + WRITE_EVERY_S

    def _write(self, now: RunProgress) -> None:
        content = json.dumps(asdict(replace(now, written=time.time())))
        with suppress(OSError):
            Store(self._location).write(PROGRESS, content.encode())


def read_progress(location: str) -> RunProgress | None:
    """Of the last run into an output folder; None where nothing is known of any."""
    try:
        return RunProgress(**json.loads(Store(location).read(PROGRESS)))
    except (FileNotFoundError, ValueError, TypeError):
        return None
