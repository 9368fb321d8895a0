"""A client of the service: recordings and live speech in, animations out. Knows no Ray and no torch.

with Client("http://127.0.0.1:8000") as service:
    service.animate("speech.wav", Controls(emotion="happy")).save("face.csv")
"""

from emotalk.errors import MissingExtraError

try:
    import httpx as _httpx  # noqa: F401
    import websockets as _websockets  # noqa: F401
except ImportError as error:
    raise MissingExtraError("the client of the service", "client") from error

from emotalk.client.client import AsyncClient, BatchResult, Client
from emotalk.client.errors import ServiceError
from emotalk.client.jobs import Job
from emotalk.client.live import LivePiece, LiveSession
from emotalk.client.retry import Backoff

__all__ = ["AsyncClient", "Backoff", "BatchResult", "Client", "Job", "LivePiece", "LiveSession", "ServiceError"]
