"""Runs the service on this machine: python -m serve_app --model DIR --port 8000"""

import errno
import logging
import os
import queue
import signal
import socket
import sys
from dataclasses import dataclass, fields

from emotalk import command_line
from emotalk.errors import InputError
from jobs.cluster import start_ray
from serve_app.config import ServeConfig
from serve_app.keys import KeyRing
from serve_app.listener import Address


@dataclass(frozen=True, kw_only=True)
class Options(ServeConfig):
    """Runs the service on this machine until Ctrl-C."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every network of this machine."""
    port: int = 8000
    """Port to listen on."""

    def __post_init__(self) -> None:
        if self.listen is not None:
            raise InputError("listen belongs to a Serve configuration: give --host and --port")
        super().__post_init__()
        if self.port > 65_535:
            raise InputError(f"port must lie between 1 and 65535, not {self.port}")
        self.check_reach(Address(self.host, self.port))
        if self.api_keys is not None:
            KeyRing.load(self.api_keys)

    def service(self) -> ServeConfig:
        """What the application itself is told. On this machine alone it needs no proxy."""
        told = {field.name: getattr(self, field.name) for field in fields(ServeConfig)}
        if not _on_a_cluster():
            told["listen"] = str(Address(self.host, self.port))
        return ServeConfig(**told)


def main() -> None:
    options: Options = command_line.parse(Options, prog="python -m serve_app")
    sys.exit(command_line.run(lambda: _serve(options)))


def _serve(options: Options) -> int:
    """0 after Ctrl-C or SIGTERM; SIGHUP loads the models anew. What cannot work is said before Ray starts."""
    options.checked_models()
    if not _on_a_cluster():  # else another machine may be the one that listens
        _check_port(options.host, options.port)
    # Seconds of imports, for which no mistake should wait.
    from ray import serve
    from ray.serve.config import HTTPOptions, ProxyLocation

    from serve_app.app import NAME, build

    application = build(options.service())
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    with start_ray(takes_jobs=options.jobs_output is not None):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: signals.put(number))
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        proxy = ProxyLocation.EveryNode if _on_a_cluster() else ProxyLocation.Disabled
        serve.start(proxy, HTTPOptions(host=options.host, port=options.port))
        try:
            serve.run(application, name=NAME)
            _greet(options)
            while signals.get() == signal.SIGHUP:
                _reload(options)
        finally:
            print("stopping", flush=True)
            serve.delete(NAME)
    return 0


def _reload(options: Options) -> None:
    """Replicas that run load what lies in the model directories now."""
    from ray import serve

    from serve_app.app import MODEL_PREFIX, NAME

    for name in options.all_models():
        for answer in serve.get_deployment_handle(f"{MODEL_PREFIX}{name}", NAME).broadcast("reload").results():
            if isinstance(answer, InputError):  # the old one is still there
                print(f"error: {answer}", file=sys.stderr, flush=True)
                return
    print("models loaded anew", flush=True)


def _on_a_cluster() -> bool:
    return bool(os.environ.get("RAY_ADDRESS"))


def _check_port(host: str, port: int) -> None:
    """InputError where nothing can listen there; Serve would say so from one of its actors, a minute later."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror or error})"
        raise InputError(f"port {port} of {host} {reason}: choose another with --port or --host") from error


def _greet(options: Options) -> None:
    url = f"http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{options.port}"
    print(f"EmoTalk serves at {url}, described at {url}/docs. Try:")
    print(f"  curl -F audio=@speech.wav -F 'controls={{\"seed\": 1}}' '{url}/v1/animations?format=csv' -o face.csv")
    print("Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    main()
