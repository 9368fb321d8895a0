"""Runs the service on this machine: python -m serve_app --model DIR --port 8000"""

import logging
import signal
import sys
import threading
from dataclasses import dataclass, fields

import tyro
from ray import serve
from ray.serve.config import HTTPOptions

from emotalk.errors import EmoTalkError
from jobs.cluster import start_ray
from serve_app.app import NAME, build
from serve_app.config import ServeConfig


@dataclass(frozen=True, kw_only=True)
class Options(ServeConfig):
    """Runs the service on this machine until Ctrl-C."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every network of this machine."""
    port: int = 8000
    """Port to listen on."""

    def service(self) -> ServeConfig:
        """What the application itself is told."""
        return ServeConfig(**{field.name: getattr(self, field.name) for field in fields(ServeConfig)})


def main() -> int:
    """Exit code 0 after Ctrl-C or SIGTERM, 1 for what the user can mend."""
    stop = threading.Event()
    try:
        options = tyro.cli(Options, description=Options.__doc__)
        application = build(options.service())
        with start_ray():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())
            logging.getLogger("ray.serve").setLevel(logging.WARNING)
            serve.start(http_options=HTTPOptions(host=options.host, port=options.port))
            try:
                serve.run(application, name=NAME)
                _greet(options)
                stop.wait()
            finally:
                print("stopping", flush=True)
                serve.delete(NAME)
    except EmoTalkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _greet(options: Options) -> None:
    url = f"http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{options.port}"
    print(f"EmoTalk serves at {url}, described at {url}/docs. Try:")
    print(f"  curl -F audio=@speech.wav -F 'controls={{\"seed\": 1}}' '{url}/v1/animations?format=csv' -o face.csv")
    print("Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
