"""How many replicas of a model there should be: by the speech that waits, not by the number of requests.

A request may be a second of speech or ten minutes. Replicas tell Serve how much they hold; requests that wait in front
of them count as the mean of those.
"""

from typing import Any

from ray.serve.config import AutoscalingContext

AUDIO, STREAMS, REQUESTS = "audio_s", "streams", "requests"
HELD = "held"  # streams, those that rest included: told, and of no weight
UNKNOWN_S = 10.0  # of speech in a request that waits while no other is in work


class ByAudio:
    """audio_s: seconds of speech, in work or waiting, that one replica should have at most. streams: live ones."""

    def __init__(self, audio_s: float, streams: int) -> None:
        self._audio_s, self._streams = audio_s, streams

    def __call__(self, context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        """The number wanted, as a fraction; Serve keeps it within the borders and waits before it follows."""
        told = context.aggregated_metrics or {}
        audio_s, streams, requests = (sum(told.get(name, {}).values()) for name in (AUDIO, STREAMS, REQUESTS))
        each_s = audio_s / requests if requests else UNKNOWN_S
        audio_s += each_s * context.total_queued_requests
        return audio_s / self._audio_s + streams / self._streams, {}
