"""How many replicas are wanted, by what they hold."""

from typing import Any

import pytest
from ray.serve.config import AutoscalingContext

from serve_app.app import build
from serve_app.autoscaling import AUDIO, REQUESTS, STREAMS, ByAudio
from serve_app.config import ServeConfig


def context(metrics: dict[str, dict[Any, float]] | None, queued: float) -> AutoscalingContext:
    return AutoscalingContext(
        deployment_id=None,  # type: ignore[arg-type]
        deployment_name="model-default",
        app_name="emotalk",
        current_num_replicas=1,
        target_num_replicas=1,
        running_replicas=[],
        total_num_requests=queued,
        total_queued_requests=queued,
        aggregated_metrics=metrics,
        raw_metrics=None,
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=8,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=None,
        config=None,
    )


@pytest.mark.parametrize(
    ("metrics", "queued", "wanted"),
    [
        (None, 0, 0),
        ({}, 6, 1),  # nothing is known of them: ten seconds each
        ({AUDIO: {"a": 30, "b": 60}, REQUESTS: {"a": 1, "b": 2}, STREAMS: {"a": 0, "b": 0}}, 0, 1.5),
        ({AUDIO: {"a": 60}, REQUESTS: {"a": 2}, STREAMS: {"a": 0}}, 4, 3),  # those in front are as long as those within
        ({AUDIO: {"a": 0}, REQUESTS: {"a": 0}, STREAMS: {"a": 60, "b": 20}}, 0, 2),
        ({AUDIO: {"a": 60}, REQUESTS: {"a": 1}, STREAMS: {"a": 40}}, 0, 2),
    ],
)
def test_replicas_follow_the_speech_that_waits(
    metrics: dict[str, dict[Any, float]] | None, queued: float, wanted: float
) -> None:
    number, _ = ByAudio(audio_s=60, streams=40)(context(metrics, queued))
    assert number == pytest.approx(wanted)


def test_serve_takes_the_policy() -> None:
    assert build(ServeConfig(min_replicas=1, max_replicas=3)) is not None
