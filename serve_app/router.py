"""Which model replica a call goes to."""

import random
from typing import Any

from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter


class StickyRouter(ConsistentHashRouter):
    """Calls with a session id go to one replica as long as it lives and takes them, else to the next on the ring; all
    others to the less busy of two, as Serve does by itself."""

    async def choose_replicas(self, candidate_replicas: list[Any], pending_request: Any = None) -> list[list[Any]]:
        """Ranks of replicas; of a rank the one with the shortest queue is taken."""
        if pending_request is None or pending_request.metadata.session_id:
            ranks: list[list[Any]] = await super().choose_replicas(candidate_replicas, pending_request)
            return ranks
        pending_request.routing_context.should_backoff = True
        return [random.sample(candidate_replicas, min(2, len(candidate_replicas)))]
