"""The Serve application: `serve run serve_app.app:app model=DIR`, or `import_path` of a Serve configuration."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ray.serve import Application, Deployment
from ray.serve.config import BackpressureConfig

from emotalk.files import is_uri
from emotalk.model.store import check_model, default_model
from serve_app.config import ServeConfig
from serve_app.ingress import Ingress
from serve_app.model import AnimatorModel
from serve_app.problems import RETRY_AFTER_S

NAME = "emotalk"
INGRESS_CPUS = 0.5


def app(args: dict[str, Any]) -> Application:
    """The builder that Serve calls with the settings of `ServeConfig` by name."""
    return build(ServeConfig.from_dict(args))


def build(config: ServeConfig) -> Application:
    """The two deployments, bound together."""
    place = _place(config.model or default_model())
    check_model(place)  # what is wrong with it is told here, not in a replica's log
    config = replace(config, model=place)
    model = (
        cast(Deployment, AnimatorModel)
        .options(
            max_ongoing_requests=config.max_ongoing,
            max_queued_requests=config.max_queued,
            backpressure_config=BackpressureConfig(status_code=429, retry_after_s=RETRY_AFTER_S),
            ray_actor_options={"num_cpus": config.threads, "num_gpus": config.gpus},
            **_replicas(config),
        )
        .bind(config)
    )
    ingress: Application = (
        cast(Deployment, Ingress)
        .options(
            num_replicas=config.ingress_replicas,
            # Serve's own queue answers without a problem document: `max_requests` is reached long before this.
            max_ongoing_requests=8 * config.max_requests,
            ray_actor_options={"num_cpus": INGRESS_CPUS},
        )
        .bind(config, model)
    )
    return ingress


def _replicas(config: ServeConfig) -> Mapping[str, Any]:
    if config.min_replicas == config.max_replicas:
        return {"num_replicas": config.min_replicas}
    scaling = {
        "min_replicas": config.min_replicas,
        "max_replicas": config.max_replicas,
        "target_ongoing_requests": max(1, config.max_ongoing // 2),
    }
    return {"num_replicas": "auto", "autoscaling_config": scaling}


def _place(model: str) -> str:
    """In full: replicas have working directories of their own."""
    return model if is_uri(model) or not Path(model).exists() else str(Path(model).resolve())
