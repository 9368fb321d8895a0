"""The models behind the interface: by name, what they can do, and whether they answer."""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any

import numpy as np
from fastapi import FastAPI, Request

from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.formats import FORMATS
from serve_app import openapi
from serve_app.answers import ANSWERS
from serve_app.backend import Model
from serve_app.config import ServeConfig
from serve_app.ndjson import MEDIA_TYPE
from serve_app.problems import BAD_MODEL, OVERLOADED, UNAVAILABLE, UNKNOWN_MODEL, Problem

READY_S = 10.0  # for a replica to answer
READY_FOR_S = 2.0  # so long an answer holds: who asks often does not keep replicas busy
logger = logging.getLogger("ray.serve.emotalk")
PROBE = np.zeros(1_600, np.float32)


class Models:
    """By name; the first is the one that is meant where none is named."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models
        self.default = next(iter(models))
        self._checked: tuple[float, asyncio.Task[None]] | None = None

    def of(self, name: str | None) -> Model:
        """A Problem lists the names there are."""
        wanted = self.default if name is None else name
        if wanted not in self._models:
            raise Problem(UNKNOWN_MODEL, f"there is no model {wanted!r}; there are {', '.join(self._models)}")
        return self._models[wanted]

    def name_of(self, model: Model) -> str:
        return next(name for name, known in self._models.items() if known is model)

    async def listing(self) -> list[dict[str, Any]]:
        """What is known of each, see `ModelCard.to_json`."""
        cards = await asyncio.gather(*(model.card() for model in self._models.values()))
        return [
            card.to_json(name, default=name == self.default) for name, card in zip(self._models, cards, strict=True)
        ]

    async def ready(self) -> None:
        """Returns when a replica of each has animated something just now. A Problem where one does not."""
        now = monotonic()
        if self._checked is None or (self._checked[1].done() and now - self._checked[0] > READY_FOR_S):
            self._checked = now, asyncio.create_task(self._check())
        await asyncio.shield(self._checked[1])

    async def _check(self) -> None:
        for name, model in self._models.items():
            try:
                async with asyncio.timeout(READY_S):
                    await model.animate(PROBE, Controls(tail_s=0))
            except TimeoutError as error:
                raise Problem(UNAVAILABLE, f"no replica of model {name} answers") from error
            except Problem as problem:
                if problem.kind is not OVERLOADED:  # busy is ready
                    raise
            except Exception as error:
                logger.exception("model %s cannot animate", name)
                raise Problem(UNAVAILABLE, f"model {name} cannot animate") from error


def install(app: FastAPI, config: ServeConfig, models: Models) -> None:
    """Adds the routes."""
    answers: dict[str, Any] = {"responses": openapi.error_responses(*openapi.LOOK_ERRORS), "tags": ["what there is"]}
    of_a_model: dict[str, Any] = {**answers, "openapi_extra": {"parameters": [openapi.MODEL_PARAMETER]}}

    @app.get("/v1/models", summary="Models", **answers)
    async def list_models() -> dict[str, Any]:
        """What each model is and can do."""
        return {"models": await models.listing()}

    @app.post(
        "/v1/models/{name}/reload",
        summary="Load a model anew",
        tags=["operations"],
        responses=openapi.error_responses(*openapi.RELOAD_ERRORS),
        openapi_extra={"parameters": [openapi.NAME_PARAMETER]},
    )
    async def reload_model(request: Request) -> dict[str, Any]:
        """Every replica loads what lies in the model's directory now. No request is dropped: what has begun with the
        old model ends with it. Where the directory holds no model, the old one stays. Needs the scope admin."""
        name = request.path_params["name"]
        try:
            await models.of(name).reload()
        except InputError as error:
            raise Problem(BAD_MODEL, error.reason) from error
        return (await models.of(name).card()).to_json(name, default=name == models.default)

    @app.get("/v1/emotions", summary="Emotions of a model", **of_a_model)
    async def list_emotions(request: Request) -> dict[str, Any]:
        """`emotions` can be chosen; `labels` are heard."""
        card = await models.of(request.query_params.get("model")).card()
        return {"emotions": card.emotions, "labels": card.labels}

    @app.get("/v1/styles", summary="Styles of a model", **of_a_model)
    async def list_styles(request: Request) -> dict[str, Any]:
        """Training speakers by index; `default` is used where controls name none, null stands for their mean."""
        card = await models.of(request.query_params.get("model")).card()
        return {"styles": list(range(card.styles)), "default": card.default_style}

    @app.get("/v1/formats", summary="Formats of answers", **answers)
    async def list_formats() -> dict[str, Any]:
        """What `?format=` and `Accept` may name."""
        titles = {known.name: (known.suffix, known.title) for known in FORMATS}
        formats = [
            {
                "name": answer.name,
                "suffix": titles.get(answer.name, (".json", ""))[0],
                "media_type": answer.media_type,
                "description": titles.get(answer.name, ("", "All of an animation as JSON"))[1],
            }
            for answer in ANSWERS
        ]
        lines = "The same line by line, while it is computed"
        formats.append({"name": "ndjson", "suffix": ".ndjson", "media_type": MEDIA_TYPE, "description": lines})
        return {"formats": formats}

    @app.get("/v1/limits", summary="Limits", **answers)
    async def list_limits() -> dict[str, Any]:
        """Of requests and live sessions."""
        return config.limits()

    @app.get(
        "/readyz",
        tags=["operations"],
        summary="Can the service animate?",
        responses=openapi.error_responses(*openapi.LOOK_ERRORS),
    )
    async def readyz() -> dict[str, str]:
        """Answers when a replica of every model has animated something a moment ago."""
        await models.ready()
        return {"status": "ready"}
