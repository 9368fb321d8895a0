"""Whether an answer is one that a stranger may get: no 5xx but 503, problem documents, nothing of the machine."""

import json
from typing import Any

from benchmarks.fuzz.raw_http import Reply

PROBLEM = "application/problem+json"
KEYS = {"type", "title", "status", "detail", "instance"}
TRACES = (b"Traceback (most recent", b'File "/', b"site-packages", b"ray::", b'.py"')


def fault_of(reply: Reply | None, *, head: bool = False, broken: bool = False, left: bool = False) -> str | None:
    """What is wrong with an answer, or None. See `Sent` for what was asked."""
    if reply is None:
        return None if broken or left else "no answer"
    if not reply.whole:
        return "an answer that is cut short"
    if any(trace in reply.body for trace in TRACES):
        return f"{reply.status} with something of the machine: {reply.body[:200]!r}"
    if fault := fault_of_status(reply.status):
        return f"{fault}: {reply.body[:200]!r}"
    if reply.status < 400 or head:
        return _fault_of_lines(reply) if "ndjson" in reply.headers.get("content-type", "") else None
    if reply.headers.get("content-type") != PROBLEM:
        return f"{reply.status} that is no problem document: {reply.body[:200]!r}"
    try:
        return fault_of_problem(json.loads(reply.body), reply.status)
    except ValueError:
        return f"{reply.status} with a problem document that is no JSON"


def fault_of_status(status: int) -> str | None:
    return f"status {status}" if status >= 500 and status != 503 else None


def fault_of_problem(problem: Any, status: int | None = None) -> str | None:
    """What is wrong with a problem document. status: of the answer that it came with."""
    if not isinstance(problem, dict) or not problem.keys() >= KEYS:
        return f"an incomplete problem document: {problem!r:.200}"
    if status is not None and problem["status"] != status:
        return f"{status} whose problem document says {problem['status']}"
    return fault_of_status(problem["status"])


def _fault_of_lines(reply: Reply) -> str | None:
    """Lines of an answer that has begun well may tell problems of their own."""
    for line in reply.body.splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            return f"a line that is no JSON: {line[:200]!r}"
        if "problem" in data and (fault := fault_of_problem(data["problem"])):
            return f"in a line: {fault}"
    return None
