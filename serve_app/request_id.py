"""The name of a request, in its answer, its errors and the log."""

import re
import secrets

from starlette.datastructures import Headers
from starlette.types import Scope

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def identify(scope: Scope) -> str:
    """The client's, if it is one, else a new one; everything behind reads it from the headers."""
    given = Headers(scope=scope).get("x-request-id", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"x-request-id"]
    scope["headers"] = [*others, (b"x-request-id", request_id.encode())]
    return request_id
