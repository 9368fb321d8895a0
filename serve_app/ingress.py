"""The ingress deployment: the HTTP interface, in front of the replicas of one model or several."""

from collections.abc import Callable, Mapping
from typing import Any

from ray import serve
from ray.serve import metrics
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api import build_api
from serve_app.config import ServeConfig
from serve_app.jobs.book import JobBook
from serve_app.jobs.desk import JobDesk
from serve_app.listener import Address, Listener
from serve_app.remote_model import RemoteModel


@serve.deployment
@serve.ingress()
class Ingress:
    """Receives, decodes, asks a model replica, encodes. Owns live sessions; holds no other state between requests."""

    def __init__(self, config: ServeConfig, models: Mapping[str, Any], places: Mapping[str, str]) -> None:
        self._config, self._places = config, places
        self._models = {name: RemoteModel(name, handle) for name, handle in models.items()}
        self._requests = metrics.Counter(
            "emotalk_requests", description="Answers by status and path.", tag_keys=("status", "path")
        )
        self._listener: Listener | None = None

    async def __serve_build_asgi_app__(self) -> ASGIApp:
        # Around the application, not among its middleware: those never see the answer to an unexpected error.
        app = CountAnswers(build_api(self._config, self._models, self._desk()), self._count)
        if self._config.listen is not None:
            self._listener = await Listener.open(app, Address.of(self._config.listen))
        return WithoutId(app)

    async def __del__(self) -> None:
        """Serve calls it when the replica goes, and waits."""
        if self._listener is not None:
            await self._listener.close()

    def _desk(self) -> JobDesk | None:
        if self._config.jobs_output is None:
            return None
        from serve_app.jobs.ray_jobs import RayJobs  # whose import takes a second

        return JobDesk(self._config, JobBook(self._config.jobs_output), RayJobs(), self._places)

    def _count(self, status: int, path: str) -> None:
        self._requests.inc(tags={"status": str(status), "path": path})


class CountAnswers:
    """ASGI middleware: reports each answer's status with its route; paths that do not exist are one."""

    def __init__(self, app: ASGIApp, count: Callable[[int, str], None]) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                self._count(message["status"], getattr(route, "path", "other"))
            await send(message)

        await self._app(scope, receive, counted)


class WithoutId:
    """ASGI middleware: leaves the request's id out of an answer's headers, as Serve's proxy writes it there itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                del MutableHeaders(scope=message)["x-request-id"]
            await send(message)

        await self._app(scope, receive, told)
