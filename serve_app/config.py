"""Everything that can be set of the service, in one place, checked when it is made."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """The service's limits and sizes. Where it listens is no part of it: that belongs to whoever runs Serve."""

    model: str | None = None
    """Model directory or URI; by default EMOTALK_MODEL, else the one of this package. A relative folder
    is one of where the application is built: the current one, or the working_dir of a Serve configuration."""
    max_audio_s: float = 600.0
    """Longest recording. Longer ones are refused before or while they are decoded."""
    max_body_bytes: int = 128 * 2**20
    """Largest request; the default holds ten minutes of 44.1 kHz stereo in 16 bits."""
    max_requests: int = 64
    """Requests for work, slow uploads included, that one ingress replica holds; further ones are answered 429."""
    max_queued: int = 32
    """Decoded recordings that may wait for a model replica, per ingress replica; further ones are answered 429."""
    max_batch_windows: int | None = None
    """Windows (of up to a minute) in one batch; by default the rows of the network's call: 1 on a CPU, 8 on a GPU."""
    max_ongoing: int = 16
    """Recordings that one model replica works on side by side: what batches are filled from."""
    min_replicas: int = 1
    """Model replicas that always run."""
    max_replicas: int = 2
    """Model replicas under load."""
    ingress_replicas: int = 1
    """Ingress replicas: they receive, decode and encode."""
    threads: int = 1
    """CPU threads (and logical CPUs) of a model replica."""
    gpus: float = 0.0
    """GPUs of a model replica; parts of one are possible."""
    decoders: int = 2
    """Threads of an ingress replica that decode recordings and encode answers."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            _check_type(field.name, getattr(self, field.name), hints[field.name])
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value <= 0 and field.name != "gpus":
                raise InputError(f"{field.name} must be positive, not {value}")
        if self.gpus < 0:
            raise InputError(f"gpus must not be negative: {self.gpus}")
        if self.min_replicas > self.max_replicas:
            raise InputError(f"min_replicas {self.min_replicas} is more than max_replicas {self.max_replicas}")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ServeConfig":
        """What a Serve configuration's `args` or `serve run … key=value` give; unknown keys are an InputError.

        The command line gives texts: they are read as the numbers they should be.
        """
        hints = typing.get_type_hints(cls)
        known = [field.name for field in dataclasses.fields(cls)]
        if unknown := sorted(set(data) - set(known)):
            raise InputError(f"unknown settings: {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**{name: _from_text(name, value, hints[name]) for name, value in data.items()})


def _kinds(hint: Any) -> tuple[type, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _from_text(name: str, value: Any, hint: Any) -> Any:
    kinds = _kinds(hint)
    if not isinstance(value, str) or str in kinds:
        return value
    try:
        return int(value) if int in kinds else float(value)
    except ValueError as error:
        raise InputError(f"{name} must be a number, not {value!r}") from error


def _check_type(name: str, value: Any, hint: Any) -> None:
    kinds = _kinds(hint)
    allowed = (*kinds, int) if float in kinds else kinds
    if isinstance(value, bool) or not isinstance(value, allowed) or value != value:
        names = " or ".join("nothing" if kind is types.NoneType else kind.__name__ for kind in kinds)
        raise InputError(f"{name} must be {names}, not {value!r}")
