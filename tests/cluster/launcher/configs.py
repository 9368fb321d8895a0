"""The launcher's configurations, read and checked as `ray up` does it, without a cloud's credentials."""

from pathlib import Path
from typing import Any

import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[3]
AWS = ROOT / "ray_cluster.yaml"
GCP = ROOT / "cluster" / "launcher" / "gcp.yaml"
LOCAL = ROOT / "cluster" / "launcher" / "local.yaml"
ALL = (AWS, GCP, LOCAL)
CLOUDS = (AWS, GCP)


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    """With Ray's defaults filled in; raises what `ray up` raises before it speaks to a cloud."""
    config = prepare_config(config)
    validate_config(config)
    return config
