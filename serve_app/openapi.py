"""The OpenAPI document: what FastAPI cannot know because bodies are read, checked and written by hand."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from emotalk.blendshapes import COEFFICIENTS
from serve_app import ndjson, problems
from serve_app.answers import ANSWERS, JSON, SERVED
from serve_app.controls_schema import EXAMPLE, controls_schema
from serve_app.problems import PROBLEM_MEDIA_TYPE, ProblemType

ANIMATION: dict[str, Any] = {
    "type": "object",
    "description": "A face over time. Frame k is shown at k · fps[1] / fps[0] seconds.",
    "required": ["fps", "names", "weights", "emotion", "emotion_names", "head", "meta"],
    "properties": {
        "fps": {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 2,
            "maxItems": 2,
            "description": "Frames per second as numerator and denominator.",
        },
        "names": {"type": "array", "items": {"type": "string"}, "description": "Names of the 52 ARKit coefficients."},
        "weights": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}},
            "description": "One row per frame, one number per name.",
        },
        "emotion": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "number"}},
            "description": "One row per frame: the share of each label of emotion_names.",
        },
        "emotion_names": {"type": "array", "items": {"type": "string"}},
        "head": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 6, "maxItems": 6},
            "description": "One row per frame, if the model moves the head: yaw, pitch, roll in radians; x, y, z in mm",
        },
        "meta": {
            "type": "object",
            "description": "What made it: digests of model and recording, versions, controls, the style that was used.",
        },
    },
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Which kind of problem; stable."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The path and the request's id."},
    },
}
ANIMATION_EXAMPLE = {
    "fps": [30, 1],
    "names": list(COEFFICIENTS),
    "weights": [[0.0] * len(COEFFICIENTS)],
    "emotion": [[0.1, 0.9]],
    "emotion_names": ["neutral", "happy"],
    "head": [[0.0, 0.05, 0.0, 0.0, 1.9, 5.1]],
    "meta": {"emotalk": "0.1.0", "preset": "lite", "controls": EXAMPLE},
}

LOOK_ERRORS = (
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.UNKNOWN_MODEL,
    problems.OVERLOADED,
    problems.INTERNAL,
    problems.UNAVAILABLE,
)
RELOAD_ERRORS = (*LOOK_ERRORS, problems.BAD_MODEL)
BATCH_ERRORS = (
    problems.BAD_REQUEST,
    problems.BAD_CONTROLS,
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.UNKNOWN_MODEL,
    problems.NOT_ACCEPTABLE,
    problems.TOO_SLOW,
    problems.BODY_TOO_LARGE,
    problems.MEDIA_TYPE,
    problems.OVERLOADED,
    problems.INTERNAL,
)
CREATE_ERRORS = (
    problems.BAD_REQUEST,
    problems.BAD_AUDIO,
    problems.BAD_CONTROLS,
    problems.BAD_URI,
    problems.UNAUTHORIZED,
    problems.FORBIDDEN,
    problems.UNKNOWN_MODEL,
    problems.NOT_ACCEPTABLE,
    problems.TOO_SLOW,
    problems.BODY_TOO_LARGE,
    problems.TOO_LONG,
    problems.MEDIA_TYPE,
    problems.OVERLOADED,
    problems.INTERNAL,
    problems.UNAVAILABLE,
)


def error_responses(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: each status with the problems that it stands for and an example of each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        response = responses.setdefault(
            kind.status,
            {
                "description": "",
                "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        response["description"] = f"{response['description']} {kind.title}: {kind.when}".strip()
        example = {"type": kind.uri, "title": kind.title, "status": kind.status, "detail": kind.when, "instance": "/"}
        name = kind.uri.rsplit(":", 1)[1]
        response["content"][PROBLEM_MEDIA_TYPE]["examples"][name] = {"value": example}
        if kind in problems.LATER:
            response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return responses


_CSV_EXAMPLE = "Timecode,BlendShapeCount,EyeBlinkLeft,…\n00:00:00:00.000,61,0.0000000000,…\n"
_LINES_EXAMPLE = (
    '{"type":"start","fps":30,"names":["browDownLeft",…],"emotion_names":["neutral","happy"],"head":false,"model":{…}}\n'
    '{"type":"frames","first":0,"weights":[[0.1,…],…],"emotion":[[0.2,0.8],…],"head":null}\n'
    '{"type":"end","frames":75,"meta":{…}}\n'
)
ANIMATION_RESPONSE: dict[str, Any] = {
    "description": "The animation, in the format asked for.",
    "content": {
        JSON.media_type: {"schema": {"$ref": "#/components/schemas/Animation"}, "example": ANIMATION_EXAMPLE},
        **{
            known.media_type: {
                "schema": {"type": "string", "description": f"{known.title}."},
                "example": _CSV_EXAMPLE,
            }
            if known.media_type.startswith("text/")
            else {"schema": {"type": "string", "format": "binary", "description": f"{known.title}."}}
            for known in SERVED
        },
        ndjson.MEDIA_TYPE: {
            "schema": {
                "type": "string",
                "description": "Lines of JSON while it is computed: `start`, then `frames`, at last `end`, or `error` "
                "with a problem where it could not go on.",
            },
            "example": _LINES_EXAMPLE,
        },
    },
}
URI: dict[str, Any] = {
    "type": "string",
    "maxLength": 2048,
    "description": "Where the recording lies; under a prefix that the service allows, see /v1/limits.",
}
EMOTION_URI: dict[str, Any] = {**URI, "description": "Another recording, whose emotion is shown instead."}
CREATE_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["audio"],
                "additionalProperties": False,
                "properties": {
                    "audio": {
                        "type": "string",
                        "format": "binary",
                        "description": "A recording in any common container and codec, at any rate, mono or not.",
                    },
                    "controls": {"$ref": "#/components/schemas/Controls"},
                    "emotion_audio": {
                        "type": "string",
                        "format": "binary",
                        "description": "Another recording, whose emotion is shown instead of the one that is heard.",
                    },
                },
            },
            "encoding": {"controls": {"contentType": "application/json"}},
            "example": {"audio": "(the bytes of speech.wav)", "controls": EXAMPLE},
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["uri"],
                "additionalProperties": False,
                "properties": {
                    "uri": URI,
                    "controls": {"$ref": "#/components/schemas/Controls"},
                    "emotion_uri": EMOTION_URI,
                },
            },
            "example": {"uri": "s3://studio/takes/hello.wav", "controls": EXAMPLE},
        },
    },
}
BATCH_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["items"],
                "additionalProperties": False,
                "properties": {
                    "items": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["uri"],
                            "additionalProperties": False,
                            "properties": {
                                "id": {"type": "string", "maxLength": 256, "description": "Default: its number."},
                                "uri": URI,
                                "controls": {"$ref": "#/components/schemas/Controls"},
                                "emotion_uri": EMOTION_URI,
                            },
                        },
                    },
                },
            },
            "example": {"items": [{"id": "hello", "uri": "s3://studio/takes/hello.wav", "controls": EXAMPLE}]},
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["audio"],
                "additionalProperties": False,
                "properties": {
                    "audio": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "description": "Recordings; an item's id is its file's name.",
                    },
                    "controls": {"$ref": "#/components/schemas/Controls"},
                },
            },
            "encoding": {"controls": {"contentType": "application/json"}},
            "example": {"audio": ["(the bytes of hello.wav)"], "controls": EXAMPLE},
        },
    },
}
BATCH_RESPONSE: dict[str, Any] = {
    "description": "A line of JSON per item, in the order in which they are done.",
    "content": {
        ndjson.MEDIA_TYPE: {
            "schema": {
                "type": "string",
                "description": "`id`, `status`, and `animation` or `problem`. An animation is an object (json), a text "
                "(csv) or bytes in base64.",
            },
            "example": '{"id":"hello","status":200,"animation":{…}}\n{"id":"b","status":400,"problem":{…}}\n',
        }
    },
}
FORMAT_PARAMETER: dict[str, Any] = {
    "name": "format",
    "in": "query",
    "required": False,
    "description": "The answer's format; wins over the header Accept.",
    "schema": {"type": "string", "enum": [*(answer.name for answer in ANSWERS), "ndjson"], "default": JSON.name},
}
NAME_PARAMETER: dict[str, Any] = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "A name of /v1/models.",
    "schema": {"type": "string"},
    "example": "default",
}
MODEL_PARAMETER: dict[str, Any] = {
    "name": "model",
    "in": "query",
    "required": False,
    "description": "A name of /v1/models; by default the first.",
    "schema": {"type": "string"},
}


def describe(app: FastAPI, others: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds the components that the routes refer to, `others` included; the document is made once, on first use."""
    plain = app.openapi
    own = {"schemas": {"Controls": controls_schema(), "Animation": ANIMATION, "Problem": PROBLEM}}

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            components = document.setdefault("components", {})
            for kind, named in (*own.items(), *others.items()):
                components.setdefault(kind, {}).update(named)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]
