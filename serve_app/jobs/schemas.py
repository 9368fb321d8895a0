"""What the OpenAPI document says of jobs."""

from typing import Any, get_args

from serve_app import openapi, problems
from serve_app.controls_schema import EXAMPLE
from serve_app.jobs.order import DEFAULT_FORMATS, FORMATS, MAX_INPUTS
from serve_app.jobs.standing import State

REPORT_TYPES = {"html": "text/html", "parquet": "application/vnd.apache.parquet"}
ID = "0f1e2d3c4b5a69788796"
PLACE = {"type": "string", "maxLength": 2048}

LOOK_ERRORS = (
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.UNKNOWN_JOB,
    problems.OVERLOADED,
    problems.INTERNAL,
    problems.CLUSTER,
)
REPORT_ERRORS = (problems.NOT_ACCEPTABLE, problems.NO_REPORT)
ORDER_ERRORS = (
    problems.BAD_REQUEST,
    problems.BAD_CONTROLS,
    problems.BAD_URI,
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.UNKNOWN_MODEL,
    problems.TOO_SLOW,
    problems.OUTPUT_TAKEN,
    problems.BODY_TOO_LARGE,
    problems.MEDIA_TYPE,
    problems.KEY_REUSED,
    problems.OVERLOADED,
    problems.INTERNAL,
    problems.CLUSTER,
)


def _number(description: str, *, known: bool = False) -> dict[str, Any]:
    """known: never null."""
    return {"type": "number" if known else ["number", "null"], "minimum": 0, "description": description}


def _count(description: str, *, known: bool = True) -> dict[str, Any]:
    return {"type": "integer" if known else ["integer", "null"], "minimum": 0, "description": description}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """All properties are there."""
    return {"type": "object", "required": list(properties), "properties": properties, **more}


_FORMATS: dict[str, Any] = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(FORMATS)}}
JOB = _object(
    {
        "id": {"type": "string"},
        "state": {
            "type": "string",
            "enum": list(get_args(State)),
            "description": "`succeeded`: it came to its end, and something was animated; `items.failed` tells what was "
            "not. `interrupted`: its run was lost, with the cluster's head say; ordered again it goes on.",
        },
        "reason": {"type": ["string", "null"], "description": "Why it failed or was interrupted."},
        "created": {"type": "string", "format": "date-time"},
        "ended": {"type": ["string", "null"], "format": "date-time"},
        "output": {**PLACE, "description": "The folder of the animations."},
        "inputs": {"type": "array", "items": PLACE, "description": "None where a manifest was sent."},
        "formats": _FORMATS,
        "model": {"type": "string"},
        "controls": {"type": "object", "description": "All of them, as they were understood."},
        "items": _object(
            {
                "total": _count("Recordings; null until they are counted.", known=False),
                "done": _count("That have animations, from earlier runs too."),
                "failed": _count("That have none."),
            }
        ),
        "hours": _object(
            {
                "total": _number("Of sound, an estimate while it runs."),
                "done": _number("Of sound heard in this run; at its end, of all animations.", known=True),
            }
        ),
        "speed": _number("Hours of sound per hour."),
        "time_left_s": _number("An estimate."),
        "errors": {
            "type": "array",
            "items": _object({"uri": {"type": "string"}, "reason": {"type": "string"}}),
            "description": "Of the recordings that failed, the first hundred, once the job is over.",
        },
        "report": {"type": ["string", "null"], "format": "uri-reference", "description": "Once there is one."},
    },
    description="Recordings in a store that become animations in a store.",
)
EXAMPLE_JOB: dict[str, Any] = {
    "id": ID,
    "state": "running",
    "reason": None,
    "created": "2026-11-26T09:30:00Z",
    "ended": None,
    "output": "s3://studio/faces/whale",
    "inputs": ["s3://studio/books/whale"],
    "formats": list(DEFAULT_FORMATS),
    "model": "default",
    "controls": EXAMPLE,
    "items": {"total": 135, "done": 60, "failed": 1},
    "hours": {"total": 24.5, "done": 11.2},
    "speed": 88.0,
    "time_left_s": 544.1,
    "errors": [],
    "report": None,
}
JOB_RESPONSE: dict[str, Any] = {
    "description": "The job.",
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Job"},
            "examples": {"job": {"$ref": "#/components/examples/Job"}},
        }
    },
}
TAKEN_RESPONSE: dict[str, Any] = {
    **JOB_RESPONSE,
    "headers": {
        "Location": {"schema": {"type": "string", "format": "uri-reference"}, "description": "The job's path."}
    },
}
LIST_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The jobs.",
        "content": {
            "application/json": {
                "schema": _object({"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}}),
                "examples": {"jobs": {"$ref": "#/components/examples/Jobs"}},
            }
        },
    },
    **openapi.error_responses(*(kind for kind in LOOK_ERRORS if kind is not problems.UNKNOWN_JOB)),
}

_ORDER = {
    "output": {
        **PLACE,
        "description": "A folder below the prefix that /v1/limits names, of this job alone while it runs.",
    },
    "formats": {**_FORMATS, "default": list(DEFAULT_FORMATS), "description": "Kinds of files to write."},
    "controls": {"$ref": "#/components/schemas/Controls"},
    "emotion_uri": openapi.EMOTION_URI,
}
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["inputs", "output"],
    "additionalProperties": False,
    "properties": {
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_INPUTS,
            "items": PLACE,
            "description": "Recordings, folders with all below them, or patterns with *; under the prefixes of stores "
            "(not http) that /v1/limits names.",
        },
        **_ORDER,
    },
}
ORDER_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/JobOrder"},
            "example": {
                "inputs": ["s3://studio/books/whale"],
                "output": "s3://studio/faces/whale",
                "formats": ["csv", "glb"],
                "controls": EXAMPLE,
            },
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["manifest", "output"],
                "additionalProperties": False,
                "properties": {
                    "manifest": {
                        "type": "string",
                        "format": "binary",
                        "description": "A .csv or .jsonl with the columns uri, output (a name), controls, "
                        "controls.NAME, bytes, fingerprint: a row for each animation.",
                    },
                    **_ORDER,
                },
            },
            "encoding": {"controls": {"contentType": "application/json"}, "manifest": {"contentType": "text/csv"}},
            "example": {"manifest": "uri,controls.emotion\ns3://studio/a.wav,happy\n", "output": "s3://studio/faces/a"},
        },
    },
}
KEY_PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The client's own name for this order, such as a UUID: sent again it begins nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
ID_PARAMETER: dict[str, Any] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Of a job.",
    "schema": {"type": "string"},
    "example": ID,
}
REPORT_PARAMETER: dict[str, Any] = {
    "name": "format",
    "in": "query",
    "required": False,
    "description": "Wins over the header Accept.",
    "schema": {"type": "string", "enum": list(REPORT_TYPES), "default": "html"},
}
REPORT_RESPONSE: dict[str, Any] = {
    "description": "The report.",
    "content": {
        REPORT_TYPES["html"]: {"schema": {"type": "string"}, "example": "<!doctype html>…"},
        REPORT_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
    },
}
# Examples stand here, as FastAPI leaves nulls out of those that stand where they belong.
COMPONENTS = {
    "schemas": {"Job": JOB, "JobOrder": ORDER},
    "examples": {"Job": {"value": EXAMPLE_JOB}, "Jobs": {"value": {"jobs": [EXAMPLE_JOB]}}},
}
