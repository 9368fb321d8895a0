"""The Serve application: `serve run serve_app.app:app model=DIR`, or `import_path` of a Serve configuration."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ray.serve import Application, Deployment
from ray.serve.config import AutoscalingPolicy, BackpressureConfig, RequestRouterConfig

from serve_app.autoscaling import ByAudio
from serve_app.config import ServeConfig
from serve_app.ingress import Ingress
from serve_app.model import AnimatorModel
from serve_app.problems import RETRY_AFTER_S
from serve_app.router import StickyRouter

NAME = "emotalk"
MODEL_PREFIX = "model-"  # of the names of deployments
INGRESS_CPUS = 0.5
TELL_S, LOOK_BACK_S = 2.0, 4.0  # how often replicas tell what they hold, and of how long the mean is taken


def app(args: dict[str, Any]) -> Application:
    """The builder that Serve calls with the settings of `ServeConfig` by name."""
    return build(ServeConfig.from_dict(args))


def build(config: ServeConfig) -> Application:
    """The ingress, and a deployment for each model, bound together."""
    places = config.checked_models()  # what is wrong with one is told here, not in a replica's log
    config = replace(config, model=None, models=())  # each deployment knows its own
    models = {name: _model(config, name, place) for name, place in places.items()}
    ingress: Application = (
        cast(Deployment, Ingress)
        .options(
            num_replicas=config.ingress_replicas,
            # Serve's own queue answers without a problem document: `max_requests` is reached long before this.
            max_ongoing_requests=8 * config.max_requests + config.live_sessions,
            ray_actor_options={"num_cpus": INGRESS_CPUS},
        )
        .bind(config, models, places)
    )
    return ingress


def _model(config: ServeConfig, name: str, place: str) -> Application:
    lanes = config.ingress_replicas * config.lanes
    deployment: Application = (
        cast(Deployment, AnimatorModel)
        .options(
            name=f"{MODEL_PREFIX}{name}",
            user_config={"model": place},
            # Steps of live sessions find room beside as many recordings as are worked on.
            max_ongoing_requests=config.max_ongoing + lanes,
            max_queued_requests=config.max_queued + lanes,
            backpressure_config=BackpressureConfig(status_code=429, retry_after_s=RETRY_AFTER_S),
            request_router_config=RequestRouterConfig(request_router_class=StickyRouter),
            ray_actor_options={"num_cpus": config.threads, "num_gpus": config.gpus},
            **_replicas(config),
        )
        .bind(config)
    )
    return deployment


def _replicas(config: ServeConfig) -> Mapping[str, Any]:
    if config.min_replicas == config.max_replicas:
        return {"num_replicas": config.min_replicas}
    scaling = {
        "min_replicas": config.min_replicas,
        "max_replicas": config.max_replicas,
        "upscale_delay_s": config.upscale_delay_s,
        "downscale_delay_s": config.downscale_delay_s,
        "metrics_interval_s": TELL_S,
        "look_back_period_s": LOOK_BACK_S,
        "policy": AutoscalingPolicy(
            policy_function=ByAudio,
            policy_kwargs={"audio_s": config.scale_audio_s, "streams": config.scale_streams},
        ),
    }
    return {"num_replicas": "auto", "autoscaling_config": scaling}
