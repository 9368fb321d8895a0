"""What the jobs API asks of a cluster, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

RunState = Literal["waiting", "running", "succeeded", "failed", "stopped", "lost"]


class ClusterError(Exception):
    """The cluster does not answer, or not as it should."""


@dataclass(frozen=True)
class Run:
    """What the cluster knows of a run. `lost`: it died of something that is not its own, so that another may do."""

    state: RunState
    reason: str | None = None


class Runner(Protocol):
    """Runs commands on a cluster, each under a name. All calls block; they raise ClusterError."""

    def submit(self, name: str, command: Sequence[str]) -> None:
        """Has the command run; nothing where there is a run of this name."""
        ...

    def look(self, name: str) -> Run | None:
        """None where the cluster knows of no such run."""
        ...

    def stop(self, name: str) -> None:
        """Asks a run to end, if there is one."""
        ...
