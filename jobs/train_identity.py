"""What makes a run the run it is: its output belongs to one corpus and one configuration."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from emotalk.errors import InputError
from emotalk.files import atomic_write, exists, open_source

CONFIG = "train.json"

# What may change between a run and its continuation; everything else is part of what the run is. A corpus and a model
# to start from are known by their digests; where and in how many pieces a run is computed changes no more than the last
# bits of its weights, and what dropout draws.
MAY_CHANGE = (
    *("corpus", "with_corpus", "init", "output", "workers", "max_workers", "max_failures"),
    *("seconds_per_pass", "recompute", "checkpoint_steps", "film_epochs", "watcher"),
)


def identity_of(config: Any, corpus_digest: str, init_digest: str | None) -> dict[str, Any]:
    """A `TrainConfig`, the digest of its corpora and of the model that it starts from, if there is one -> all that
    decides a run's weights, as JSON holds it."""
    own = {key: value for key, value in asdict(config).items() if key not in MAY_CHANGE}
    identity: dict[str, Any] = json.loads(json.dumps(own))
    return identity | {"corpus_digest": corpus_digest, "init_digest": init_digest}


def check_identity(output: str, identity: Mapping[str, Any], name: str = CONFIG) -> None:
    """InputError where the output is another run's by its file `name`, naming every key that differs."""
    if not exists(f"{output}/{name}"):
        return
    with open_source(f"{output}/{name}") as file:
        try:
            given = _flat(dict(json.load(file)))
        except (ValueError, TypeError) as error:
            raise InputError(f"is damaged ({error}): choose another output", source=f"{output}/{name}") from error
    wanted = _flat(identity)
    changed = sorted(key for key in wanted.keys() | given.keys() if wanted.get(key) != given.get(key))
    if changed:
        differences = "; ".join(f"{key} was {given.get(key)!r}, now {wanted.get(key)!r}" for key in changed)
        raise InputError(f"holds a run of another configuration ({differences}): choose another output", source=output)


def claim(output: str, identity: Mapping[str, Any], name: str = CONFIG) -> None:
    """Write down whose output this is."""
    with atomic_write(f"{output}/{name}") as path:
        path.write_text(json.dumps(identity, indent=1) + "\n")


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}"""
    out: dict[str, Any] = {}
    for key, value in tree.items():
        out |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return out
