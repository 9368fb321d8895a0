"""/v1/jobs: orders in, how jobs stand out, reports."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from serve_app import openapi
from serve_app.answers import preferred
from serve_app.config import ServeConfig
from serve_app.jobs import schemas
from serve_app.jobs.desk import JobDesk
from serve_app.jobs.order import Orders
from serve_app.jobs.standing import Known
from serve_app.limits import Admission
from serve_app.models import Models
from serve_app.problems import BAD_REQUEST, NOT_ACCEPTABLE, Problem, ProblemType

PATH = "/v1/jobs"
KEY = re.compile(r"[\x20-\x7e]{1,255}")
# The page is a stranger's as far as this service knows: it may run its own script and nothing else.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
)


def install(app: FastAPI, config: ServeConfig, models: Models, desk: JobDesk) -> None:
    """Adds the routes."""
    assert config.jobs_output is not None
    orders = Orders(config.uri_prefixes, config.jobs_output)
    admission = Admission(config.max_batches)

    def of_a_job(status: int, answer: Mapping[str, Any], *errors: ProblemType, parameters: Any = ()) -> dict[str, Any]:
        return {
            "tags": ["jobs"],
            "status_code": status,
            "responses": {status: answer, **openapi.error_responses(*schemas.LOOK_ERRORS, *errors)},
            "openapi_extra": {"parameters": [schemas.ID_PARAMETER, *parameters]},
        }

    @app.post(
        PATH,
        tags=["jobs"],
        summary="Order a dubbing job",
        status_code=202,
        response_class=Response,
        responses={202: schemas.TAKEN_RESPONSE, **openapi.error_responses(*schemas.ORDER_ERRORS)},
        openapi_extra={
            "requestBody": schemas.ORDER_BODY,
            "parameters": [schemas.KEY_PARAMETER, openapi.MODEL_PARAMETER],
        },
    )
    async def create_job(request: Request) -> Response:
        """Recordings in a store become animations in a store, on the cluster. The same `Idempotency-Key` with the same
        body is the same job, however often it is sent; where its run was lost it goes on. The same output with a new
        key: what is there and still as wanted is not made again."""
        with admission.slot():
            model = models.name_of(models.of(request.query_params.get("model")))
            key = _key(request)
            job = _document(await desk.place(await orders.received(request, model), key))
        return JSONResponse(job, 202, {"Location": f"{PATH}/{job['id']}"})

    @app.get(PATH, tags=["jobs"], summary="All jobs", responses=schemas.LIST_RESPONSES)
    async def list_jobs() -> Response:
        """The latest first."""
        return JSONResponse({"jobs": [_document(known) for known in await desk.known()]})

    @app.get(PATH + "/{id}", summary="How a job stands", **of_a_job(200, schemas.JOB_RESPONSE))
    async def get_job(request: Request) -> Response:
        """`errors` are there once it is over: the first hundred; the report has all."""
        return JSONResponse(_document(await desk.find(request.path_params["id"])))

    @app.delete(PATH + "/{id}", summary="Cancel a job", **of_a_job(202, schemas.JOB_RESPONSE))
    async def cancel_job(request: Request) -> Response:
        """What is finished stays. A job that is over stays as it is."""
        return JSONResponse(_document(await desk.cancel(request.path_params["id"])), 202)

    @app.get(
        PATH + "/{id}/report",
        summary="What became of every recording",
        response_class=Response,
        **of_a_job(200, schemas.REPORT_RESPONSE, *schemas.REPORT_ERRORS, parameters=[schemas.REPORT_PARAMETER]),
    )
    async def get_report(request: Request) -> Response:
        """A page for people, or a table: a row for each recording, with the reason where it failed."""
        kind = _report_kind(request)
        blocks = await desk.report(request.path_params["id"], kind)
        headers = {"Vary": "Accept", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": REPORT_POLICY}
        return StreamingResponse(blocks, media_type=schemas.REPORT_TYPES[kind], headers=headers)


def _key(request: Request) -> str | None:
    """The client's, apart from those of others: two of them may count their orders from 1."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not KEY.fullmatch(given):
        raise Problem(BAD_REQUEST, "an Idempotency-Key has 1 to 255 printable ASCII characters")
    return f"{request.state.key}\n{given}"


def _report_kind(request: Request) -> str:
    wanted = request.query_params.get("format")
    if wanted is None:
        best = preferred(request.headers.get("accept"), list(schemas.REPORT_TYPES.values()))
        wanted = None if best is None else list(schemas.REPORT_TYPES)[best]
    if wanted not in schemas.REPORT_TYPES:
        known = ", ".join(f"{kind} ({media})" for kind, media in schemas.REPORT_TYPES.items())
        raise Problem(NOT_ACCEPTABLE, f"a report is to be had as {known}")
    return wanted


def _document(known: Known) -> dict[str, Any]:
    """What clients are told."""
    job, standing = known
    return {
        "id": job.id,
        "state": standing.state,
        "reason": standing.reason,
        "created": _moment(job.created),
        "ended": None if standing.ended is None else _moment(standing.ended),
        "output": job.output,
        "inputs": job.inputs,
        "formats": job.formats,
        "model": job.model,
        "controls": job.controls,
        "items": {"total": standing.recordings, "done": standing.done, "failed": standing.failed},
        "hours": {"total": standing.hours, "done": standing.hours_done},
        "speed": standing.speed,
        "time_left_s": standing.left_s,
        "errors": [{"uri": uri, "reason": reason} for uri, reason in standing.failures],
        "report": f"{PATH}/{job.id}/report" if standing.has_report else None,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
