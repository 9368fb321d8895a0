"""What the service says it cannot do."""

from collections.abc import Mapping
from typing import Any

from emotalk.errors import EmoTalkError


class ServiceError(EmoTalkError):
    """A problem that the service answered with, or that it does not answer at all (status 0).

    kind: the stable last part of the problem's type, as `bad-audio`. instance: path and id of the request, for its log.
    """

    def __init__(self, status: int, kind: str, detail: str, instance: str = "") -> None:
        self.status, self.kind, self.detail, self.instance = status, kind, detail, instance
        super().__init__(f"{detail} ({kind}{f', {instance}' if instance else ''})")

    @classmethod
    def of(cls, problem: Mapping[str, Any], status: int = 0) -> "ServiceError":
        """From a problem document."""
        return cls(
            int(problem.get("status", status)),
            str(problem.get("type", "unknown")).rsplit(":", 1)[-1],
            str(problem.get("detail", problem.get("title", ""))),
            str(problem.get("instance", "")),
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.status, self.kind, self.detail, self.instance))
