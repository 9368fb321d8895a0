"""Errors as RFC 9457 problem details: one type per thing that can be wrong, each with its status and title."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection

PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class ProblemType:
    """One kind of problem: its stable URI, HTTP status and title; `when` is what the OpenAPI document says of it."""

    uri: str
    status: int
    title: str
    when: str


def _kind(slug: str, status: int, title: str, when: str) -> ProblemType:
    return ProblemType(f"urn:emotalk:problem:{slug}", status, title, when)


BAD_REQUEST = _kind("bad-request", 400, "The request cannot be read", "The form is broken or a field is unknown.")
BAD_AUDIO = _kind("bad-audio", 400, "The recording cannot be used", "Not audio, damaged, cut short or without sound.")
BAD_CONTROLS = _kind("bad-controls", 400, "The controls cannot be used", "Unknown keys, or values out of range.")
UNAUTHORIZED = _kind("unauthorized", 401, "Who asks is not known", "No key, or none that this service knows.")
FORBIDDEN = _kind("forbidden", 403, "This is not allowed", "The key lacks a scope, or the page's origin is not listed.")
UNKNOWN_MODEL = _kind("unknown-model", 404, "There is no such model", "See /v1/models.")
NOT_FOUND = _kind("not-found", 404, "There is nothing here", "No such path.")
METHOD = _kind("method-not-allowed", 405, "This path does not know this method", "See the header Allow.")
NOT_ACCEPTABLE = _kind("not-acceptable", 406, "No format fits", "Neither Accept nor format names one that exists.")
BODY_TOO_LARGE = _kind("body-too-large", 413, "The request is too large", "More bytes than the service takes.")
TOO_LONG = _kind("recording-too-long", 413, "The recording is too long", "More seconds than the service takes.")
MEDIA_TYPE = _kind(
    "unsupported-media-type", 415, "The body's type is not supported", "Neither multipart/form-data nor JSON."
)
BAD_URI = _kind("bad-uri", 400, "The URI cannot be used", "Not under an allowed prefix, or nothing usable is there.")
BAD_MODEL = _kind("bad-model", 409, "The model cannot be loaded", "Its directory holds no model; the old one stays.")
HEADERS_TOO_LARGE = _kind("headers-too-large", 431, "The headers are too large", "More bytes than the service takes.")
UNKNOWN_JOB = _kind("unknown-job", 404, "There is no such job", "See /v1/jobs.")
OUTPUT_TAKEN = _kind("output-taken", 409, "Another job writes there", "A job that is not over has the same output.")
NO_REPORT = _kind(
    "no-report", 409, "There is no report", "The job is not over, wrote none, or a later one wrote over it."
)
KEY_REUSED = _kind(
    "key-reused", 422, "The key belongs to another order", "The Idempotency-Key was sent with another body."
)
IDLE = _kind("idle", 408, "Nothing came in time", "A live session without messages for longer than its limit.")
TOO_SLOW = _kind("too-slow", 408, "The request comes too slowly", "Its body came slower than 16 kB/s for too long.")
SUPERSEDED = _kind("superseded", 409, "The session is elsewhere", "It was resumed over another connection.")
TOO_FAST = _kind("too-fast", 429, "Too fast", "A live session's sound came much faster than it can be spoken.")
OVERLOADED = _kind("overloaded", 429, "Too many requests at this moment", "Come again after Retry-After seconds.")
INTERNAL = _kind("internal", 500, "The service failed", "A fault of the service; the request may be repeated.")
UNAVAILABLE = _kind("unavailable", 503, "No model is available", "Replicas are being replaced; repeat the request.")
CLUSTER = _kind("cluster-away", 503, "The jobs cannot be reached", "The cluster or the store of the jobs is away.")

_OF_THE_FRAMEWORK = {kind.status: kind for kind in (BAD_REQUEST, NOT_FOUND, METHOD)}
RETRY_AFTER_S = 1
MAX_DETAIL = 1000  # characters: what a client has sent is not sent back without end
LATER = (OVERLOADED, UNAVAILABLE, CLUSTER)  # say after how many seconds


class Problem(HTTPException):
    """Raised anywhere in a request: becomes its answer. `members` are further keys of the problem document."""

    def __init__(self, kind: ProblemType, detail: str, **members: Any) -> None:
        headers = None
        if kind in LATER:
            headers = {"Retry-After": str(members.get("retry_after_s", RETRY_AFTER_S))}
        elif kind is UNAUTHORIZED:
            headers = {"WWW-Authenticate": "Bearer"}
        super().__init__(kind.status, detail, headers)
        self.kind = kind
        self.members = members


def install(app: FastAPI) -> None:
    """Every error of the application, the framework's own included, becomes a problem document."""
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_failure)


def document_of(problem: Problem, connection: HTTPConnection) -> dict[str, Any]:
    """The problem document for the request or the live session that it ends."""
    request_id = connection.headers.get("x-request-id")
    # Of the scope, not of `connection.url`: that wants a Host and a query which a stranger may have sent broken.
    instance = quote(connection.scope["path"]) + (f"#{quote(request_id)}" if request_id else "")
    # JSON's escapes can say halves of a character, which no text is written with.
    detail = str(problem.detail).encode(errors="replace").decode()
    return {
        "type": problem.kind.uri,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": detail if len(detail) <= MAX_DETAIL else f"{detail[:MAX_DETAIL]}…",
        "instance": instance,
        **problem.members,
    }


def problem_response(request: Request, problem: Problem) -> Response:
    """The problem document as an HTTP answer."""
    document = document_of(problem, request)
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, problem.kind.status, headers=dict(problem.headers or {}), media_type=PROBLEM_MEDIA_TYPE)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return problem_response(request, error)
    kind = _OF_THE_FRAMEWORK.get(error.status_code)
    kind = kind or ProblemType("about:blank", error.status_code, str(error.detail), "")
    problem = Problem(kind, f"{request.method} {request.scope['path']}: {error.detail}")
    problem.headers = error.headers
    return problem_response(request, problem)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return problem_response(request, Problem(BAD_REQUEST, said))


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # the client has gone: nobody reads it


async def _answer_failure(request: Request, error: Exception) -> Response:
    # What failed stands in the log; a stranger learns nothing of the machine.
    return problem_response(request, Problem(INTERNAL, "the fault is the service's, not the request's"))
