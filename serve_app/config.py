"""Everything that can be set of the service, in one place, checked when it is made."""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotalk.errors import InputError
from emotalk.files import is_uri
from emotalk.model.store import check_model, default_model
from emotalk.remote import reached
from serve_app.listener import Address
from serve_app.tracing import check_collector
from serve_app.uris import check_prefix


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """The service's limits and sizes. Where it listens is no part of it: that belongs to whoever runs Serve."""

    model: str | None = None
    """Model directory or URI; by default EMOTALK_MODEL, else the one of this package. A relative folder
    is one of where the application is built: the current one, or the working_dir of a Serve configuration."""
    models: tuple[str, ...] = ()
    """Further models served beside it, each NAME=PLACE. `model` itself is called default."""
    max_audio_s: float = 600.0
    """Longest recording. Longer ones are refused before or while they are decoded."""
    max_body_bytes: int = 128 * 2**20
    """Largest request; the default holds ten minutes of 44.1 kHz stereo in 16 bits."""
    upload_late_s: float = 30.0
    """How much later than at 16 kB/s a request's body may come; then it is refused."""
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
    scale_audio_s: float = 60.0
    """Seconds of speech, in work or waiting, for which there should be one model replica."""
    scale_streams: int = 40
    """Live sessions for which there should be one model replica."""
    upscale_delay_s: float = 2.0
    """Model replicas are added when they have been wanted for so long."""
    downscale_delay_s: float = 120.0
    """Model replicas are taken away when they have not been wanted for so long; live sessions move to others."""
    ingress_replicas: int = 1
    """Ingress replicas: they receive, decode and encode."""
    listen: str | None = None
    """HOST:PORT where ingress replicas take connections themselves; those of one machine share it. Serve's proxy takes
    some, too, if there is one, but costs a live session several times what the rest does."""
    open: bool = False
    """Serve without keys although other machines can reach the service."""
    threads: int = 1
    """CPU threads (and logical CPUs) of a model replica."""
    gpus: float = 0.0
    """GPUs of a model replica; parts of one are possible."""
    decoders: int = 2
    """Processes of an ingress replica that decode recordings, and threads that encode answers."""
    decode_timeout_s: float = 60.0
    """A recording that is not decoded in so long is refused."""
    uri_prefixes: tuple[str, ...] = ()
    """Where recordings may be read that requests name by URI, as s3://bucket/shelf or https://host/path; none by
    default."""
    uri_private: bool = False
    """Whether http(s) hosts of `uri_prefixes` may have addresses of this network."""
    max_batches: int = 4
    """Batch requests that one ingress replica holds."""
    max_batch_items: int = 1000
    """Recordings of one batch request."""
    batch_parallel: int = 2
    """Recordings of batch requests that one ingress replica works on side by side."""
    jobs_output: str | None = None
    """URI of a store, as s3://studio/faces, below which dubbing jobs may write, and in which the service keeps what it
    knows of jobs. They read under `uri_prefixes`. By default there are no jobs."""
    jobs_active: int = 4
    """Jobs that may be waiting or running at a time; further ones are answered 429."""
    jobs_workers: int | None = None
    """Recordings that a job works on at a time; by default as many as the cluster has GPUs or CPUs for. Leave room for
    the model replicas."""
    jobs_gpus: float | None = None
    """GPUs of each worker of a job; by default 1 where the cluster has any."""
    api_keys: str | None = None
    """File or URI with the keys that may ask, see `python -m serve_app.keys`; without one everybody may."""
    key_requests_per_minute: int = 600
    """Of one key, per ingress replica."""
    key_concurrent: int = 64
    """Requests and live sessions of one key at a time, per ingress replica."""
    cors: tuple[str, ...] = ()
    """Origins whose pages may use the service, as https://studio.example; * for all."""
    traces: str | None = None
    """OpenTelemetry collector that gets a trace of every request, over OTLP/HTTP, as http://collector:4318; needs the
    extra `tracing`. None by default."""

    live_sessions: int = 64
    """Live sessions that one ingress replica holds; further ones are closed with 1013."""
    live_lanes: int | None = None
    """Ways from an ingress replica to model replicas that live sessions share; by default twice max_replicas. One
    more is used for every `scale_streams` / 2 sessions: more spread sessions more evenly, fewer make larger batches."""
    live_streams: int = 1024
    """Streams that a model replica remembers (0.28 MB each with lite); one that is forgotten is built anew."""
    live_idle_s: float = 30.0
    """A live session without any message for so long is closed."""
    live_max_session_s: float = 3600.0
    """Longest live session."""
    live_max_chunk_bytes: int = 256 * 2**10
    """Largest chunk of a live session's sound."""
    live_max_ahead_s: float = 30.0
    """How far a live session's sound may be ahead of the clock."""

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            _check_type(field.name, getattr(self, field.name), hints[field.name])
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and value <= 0 and field.name not in ("gpus", "jobs_gpus"):
                raise InputError(f"{field.name} must be positive, not {value}")
        if self.gpus < 0 or (self.jobs_gpus or 0) < 0:
            raise InputError(f"gpus must not be negative: {self.gpus}, {self.jobs_gpus}")
        if self.min_replicas > self.max_replicas:
            raise InputError(f"min_replicas {self.min_replicas} is more than max_replicas {self.max_replicas}")

        self.all_models()
        if self.listen is not None:
            self.check_reach(Address.of(self.listen))
        for prefix in self.uri_prefixes:
            check_prefix(prefix)
        if self.traces is not None:
            check_collector(self.traces)
        if self.jobs_output is not None:
            self._check_jobs(self.jobs_output)

    def check_reach(self, address: Address) -> None:
        """InputError where strangers could use the service at an address without a key."""
        if not address.is_loopback and self.api_keys is None and not self.open:
            raise InputError(
                f"other machines can reach {address.host}: give --api-keys (see python -m serve_app.keys), or --open"
            )

    def _check_jobs(self, output: str) -> None:
        check_prefix(output)
        if output.startswith("http"):
            raise InputError(f"jobs_output must be a store such as s3://bucket/faces, not {output}")
        if not any(not prefix.startswith("http") for prefix in self.uri_prefixes):
            raise InputError("jobs_output without a store among uri_prefixes: jobs could read nothing")
        with reached(output):
            pass  # its driver is installed

    def limits(self) -> dict[str, Any]:
        """What clients have to keep to."""
        return {
            "max_audio_s": self.max_audio_s,
            "max_body_bytes": self.max_body_bytes,
            "max_batch_items": self.max_batch_items,
            "uri_prefixes": self.uri_prefixes,
            "jobs_output": self.jobs_output,
            "live": {
                "idle_s": self.live_idle_s,
                "max_session_s": self.live_max_session_s,
                "max_chunk_bytes": self.live_max_chunk_bytes,
                "max_ahead_s": self.live_max_ahead_s,
            },
        }

    def all_models(self) -> dict[str, str]:
        """Place by name, the default one first."""
        places = {DEFAULT: self.model or default_model()}
        for entry in self.models:
            name, _, place = entry.partition("=")
            if not NAMES.fullmatch(name) or not place:
                raise InputError(f"models has NAME=PLACE entries, with a name of {NAMES.pattern}, not {entry!r}")
            if name in places:
                raise InputError(f"two models are called {name}")
            places[name] = place
        return places

    def checked_models(self) -> dict[str, str]:
        """`all_models`, places in full: replicas have working directories of their own. InputError for no model."""
        places = {name: _in_full(place) for name, place in self.all_models().items()}
        for place in places.values():
            check_model(place)
        return places

    @property
    def lanes(self) -> int:
        """Of live sessions, from an ingress replica to one model's replicas."""
        return self.live_lanes or (1 if self.max_replicas == 1 else 2 * self.max_replicas)

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


DEFAULT = "default"
NAMES = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def _in_full(model: str) -> str:
    return model if is_uri(model) or not Path(model).exists() else str(Path(model).resolve())


def _kinds(hint: Any) -> tuple[type, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _from_text(name: str, value: Any, hint: Any) -> Any:
    kinds = _kinds(hint)
    if typing.get_origin(hint) is tuple:  # a list in a file, a text with commas on the command line
        if isinstance(value, str):
            return tuple(part for part in value.split(",") if part)
        return tuple(value) if isinstance(value, list) else value
    if not isinstance(value, str) or str in kinds:
        return value
    if bool in kinds:
        if value.lower() not in ("true", "false"):
            raise InputError(f"{name} must be true or false, not {value!r}")
        return value.lower() == "true"
    try:
        return int(value) if int in kinds else float(value)
    except ValueError as error:
        raise InputError(f"{name} must be a number, not {value!r}") from error


def _check_type(name: str, value: Any, hint: Any) -> None:
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not all(isinstance(part, str) for part in value):
            raise InputError(f"{name} must be a list of texts, not {value!r}")
        return
    kinds = _kinds(hint)
    allowed = (*kinds, int) if float in kinds else kinds
    if (isinstance(value, bool) and bool not in kinds) or not isinstance(value, allowed) or value != value:
        names = " or ".join("nothing" if kind is types.NoneType else kind.__name__ for kind in kinds)
        raise InputError(f"{name} must be {names}, not {value!r}")
