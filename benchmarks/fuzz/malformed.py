"""HTTP requests that no client should send, made by chance from a seed: each function makes one of its kind."""

import json
import random
from collections.abc import Callable, Mapping, Sequence

from benchmarks.fuzz.nasty import VALUES, damaged, json_text
from benchmarks.fuzz.raw_http import Part, Sent

ANIMATIONS, BATCH = b"/v1/animations", b"/v1/animations/batch"
PATHS = (ANIMATIONS, BATCH, b"/v1/models", b"/v1/emotions", b"/v1/styles", b"/v1/limits", b"/v1/formats", b"/healthz")
FORMATS = (b"json", b"csv", b"npz", b"glb", b"parquet", b"ndjson")
METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND")
BOUNDARY = b"b0undary"
KNOWN_HEADERS = (
    b"accept", b"accept-encoding", b"authorization", b"content-encoding", b"content-type", b"cookie", b"expect",
    b"host",
    b"if-none-match", b"origin", b"range", b"referer", b"serve_multiplexed_model_id", b"te", b"traceparent",
    b"transfer-encoding", b"upgrade", b"via", b"x-api-key", b"x-forwarded-for", b"x-forwarded-host", b"x-request-id",
    b"x-request-timeout-seconds", b"x-session-id",
)  # fmt: skip
Maker = Callable[[random.Random], Sent]


def written(
    method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b"", *, close: bool = True
) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (method, target)]
    if not any(name.lower() == b"host" for name, _ in headers):
        lines.append(b"Host: service")
    lines += [b"%s: %s" % header for header in headers]
    if body and not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in headers):
        lines.append(b"Content-Length: %d" % len(body))
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def form(fields: Sequence[tuple[bytes, bytes | None, bytes]], boundary: bytes = BOUNDARY) -> bytes:
    """fields: name, file name if it is one, content."""
    parts = []
    for name, file, content in fields:
        named = b"" if file is None else b'; filename="%s"' % file
        disposition = b'Content-Disposition: form-data; name="%s"%s' % (name, named)
        parts.append(b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, disposition, content))
    return b"".join(parts) + b"--%s--\r\n" % boundary


def as_form(body: bytes, target: bytes = ANIMATIONS) -> bytes:
    return written(b"POST", target, [(b"Content-Type", b"multipart/form-data; boundary=" + BOUNDARY)], body)


def as_json(body: bytes, target: bytes = ANIMATIONS) -> bytes:
    return written(b"POST", target, [(b"Content-Type", b"application/json")], body)


class Malformed:
    """Makers by kind. sounds: small recordings in several codecs, to be damaged. documents: see `documents.cases`."""

    def __init__(self, sounds: Sequence[bytes], documents: Sequence[bytes]) -> None:
        self._sounds, self._documents, self._next = sounds, documents, 0
        self.kinds: Mapping[str, tuple[float, Maker]] = {
            "document": (0.25 if documents else 0.0, self._document),
            "audio": (0.08, self._audio),
            "json": (0.22, self._json),
            "form": (0.12, self._form),
            "headers": (0.13, self._headers),
            "target": (0.1, self._target),
            "slow": (0.02, self._slow),
            "leaving": (0.03, self._leaving),
        }

    def _document(self, rng: random.Random) -> Sent:
        """Each as it is at first, later with a damaged body or head."""
        number, self._next = self._next, self._next + 1
        whole = self._documents[number % len(self._documents)]
        if number < len(self._documents):
            return Sent(parts=[whole], head=whole.startswith(b"HEAD"))
        head, _, body = whole.partition(b"\r\n\r\n")
        if rng.random() < 0.3:
            return Sent(parts=[damaged(rng, head) + b"\r\n\r\n" + body], broken=True)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        body = damaged(rng, body)
        length = b"Content-Length: %d" % len(body)
        return Sent(parts=[b"\r\n".join([*lines, length]) + b"\r\n\r\n" + body])

    def _audio(self, rng: random.Random) -> Sent:
        sound = damaged(rng, rng.choice(self._sounds), most=rng.choice((1, 4, 64)))
        name = rng.choice((b"a.wav", b"a.mp3", b"../../etc/passwd", b"\xff\xfe", b"", b"a" * 5000, b"a\x00.wav"))
        fields = [(b"audio", name, sound)]
        if rng.random() < 0.2:
            fields.append((b"emotion_audio", b"b", damaged(rng, rng.choice(self._sounds))))
        return Sent(parts=[as_form(form(fields), ANIMATIONS + b"?format=" + rng.choice(FORMATS))])

    def _json(self, rng: random.Random) -> Sent:
        text = json_text(rng)
        if rng.random() < 0.4:  # as controls beside a recording
            sound = self._sounds[0] if rng.random() < 0.1 else b"no sound"
            return Sent(parts=[as_form(form([(b"audio", b"a.wav", sound), (b"controls", None, text)]))])
        if rng.random() < 0.3:
            text = b'{"items": [{"id": %s, "uri": %s, "controls": %s}, %s]}' % tuple(
                json.dumps(rng.choice(VALUES)).encode() if rng.random() < 0.5 else json_text(rng) for _ in range(4)
            )
            return Sent(parts=[as_json(text, BATCH)])
        if rng.random() < 0.5:
            text = b'{"uri": "s3://x/y", "controls": %s}' % text
        return Sent(parts=[as_json(text, rng.choice((ANIMATIONS, BATCH)))])

    def _form(self, rng: random.Random) -> Sent:
        names = (b"audio", b"controls", b"emotion_audio", b"x", b"", b"\xff", b"audio[]", b"a" * 9000)
        fields = [
            (
                rng.choice(names),
                rng.choice((None, b"a.wav", b'"', b"\\")),
                rng.choice((b"", b"{}", b"x" * 70_000, b"\0")),
            )
            for _ in range(rng.choice((0, 1, 2, 3, 5, 40)))
        ]
        body = form(fields)
        if rng.random() < 0.6:
            body = damaged(rng, body)
        kind = rng.choice(
            (
                b"multipart/form-data; boundary=" + BOUNDARY, b"multipart/form-data", b"multipart/form-data; boundary=",
                b"multipart/form-data; boundary=other", b"multipart/form-data; boundary=\xff", b"MULTIPART/FORM-DATA",
                b'multipart/form-data; boundary="' + BOUNDARY + b'"; charset=nonsense', b"application/json",
                b"text/plain",
                b"multipart/form-data; charset=utf-16; boundary=" + BOUNDARY, b"application/x-www-form-urlencoded",
                b";",
            )
        )  # fmt: skip
        return Sent(parts=[written(b"POST", rng.choice((ANIMATIONS, BATCH)), [(b"Content-Type", kind)], body)])

    def _headers(self, rng: random.Random) -> Sent:
        values = (
            b"", b"\xff\xfe", b"0", b"-1", b"1e999", b"nan", b"[", b"http://[", b"http://a]b", b"*/*;q=nan",
            b"*/*;q=-1",
            b"a" * 3000, b"a," * 500, b"\t", b"text/csv;q=0", b"none", b"100-continue", b"bytes=0-", b"Bearer \xff",
            b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"00-zz-1-1", b"127.0.0.1:99999", b"a b", b"%00", b"?1",
        )  # fmt: skip
        headers = [(rng.choice(KNOWN_HEADERS), rng.choice(values)) for _ in range(rng.choice((1, 2, 5)))]
        if rng.random() < 0.05:
            size = rng.choice((2**12, 2**15, 2**17, 2**19, 2**22))
            headers.append((b"x-huge", b"h" * size))
        elif rng.random() < 0.05:
            headers += [(b"x-many-%d" % i, b"v") for i in range(rng.choice((100, 1000, 10_000)))]
        method = rng.choice((b"GET", b"POST", b"HEAD"))
        kind = (b"content-type", b"application/json")
        sent = written(method, rng.choice(PATHS), [*headers, kind], b"{}" if method == b"POST" else b"")
        upgrade = any(name in (b"upgrade", b"transfer-encoding", b"expect", b"connection") for name, _ in headers)
        return Sent(parts=[sent], head=method == b"HEAD", broken=upgrade)

    def _target(self, rng: random.Random) -> Sent:
        pieces = (
            b"..", b"%2e%2e", b"%00", b"%0a", b"%0d%0aX-A:b", b"%ff", b"\xff", b"%", b"a" * 4000, b"v1", b"models",
            b"studio",
            b"default", b"reload", b"live", b";", b"//", b"etc", b"%5c", b"[", b"{", b"-", b"docs", b"openapi.json",
        )  # fmt: skip
        queries = (
            b"", b"?", b"?model=%00", b"?model=\xff", b"?format=%ff", b"?format=json&format=csv", b"?" + b"&" * 500,
            b"?model=" + b"m" * 4000, b"?format=", b"?%=%", b"?format=../x", b"#f", b"?model=%ed%a0%80",
        )  # fmt: skip
        path = b"/" + b"/".join(rng.choice(pieces) for _ in range(rng.choice((1, 2, 3, 4))))
        target = (rng.choice(PATHS) if rng.random() < 0.4 else path) + rng.choice(queries)
        if rng.random() < 0.1:
            target = rng.choice(
                (b"*", b"", b"http://[/", b"http://x", b"x:80", b"http://x/healthz", b"healthz", b"/ /")
            )
        method, line = rng.choice(METHODS), None
        if rng.random() < 0.1:
            line = rng.choice(
                (
                    b"GET / HTTP/9.9", b"GET /", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0", b"\0" * 200,
                    b"get / http/1.1",
                    b"GET  /  HTTP/1.1", b" GET / HTTP/1.1", b"FETCH / HTTP/1.1", b"G" * 5000,
                    b"GET / HTTP/1.1\r\nbad header",
                )
            )  # fmt: skip
            return Sent(parts=[line + b"\r\nHost: x\r\nConnection: close\r\n\r\n"], broken=True)
        return Sent(parts=[written(method, target)], head=method == b"HEAD", broken=method == b"CONNECT")

    def _slow(self, rng: random.Random) -> Sent:
        """In small pieces with pauses; some never end and are left."""
        whole = as_form(form([(b"audio", b"a.wav", self._sounds[0]), (b"controls", None, b"{}")]))
        cuts = sorted(rng.sample(range(1, len(whole)), 6))
        parts: list[Part] = []
        for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            parts += [whole[start:stop], rng.choice((0.0, 0.01, 0.1, 0.3))]
        if rng.random() < 0.5:
            return Sent(parts=parts)
        return Sent(parts=parts[: rng.randrange(1, len(parts))], leaves=0)

    def _leaving(self, rng: random.Random) -> Sent:
        """In the middle of the upload, before the answer, or within it."""
        fields = [(b"audio", b"a.wav", rng.choice(self._sounds))]
        whole = as_form(form(fields), ANIMATIONS + b"?format=" + rng.choice(FORMATS))
        if rng.random() < 0.3:
            whole = as_form(form(fields * 3), BATCH)
        if rng.random() < 0.4:
            return Sent(parts=[whole[: rng.randrange(1, len(whole))]], leaves=0)
        return Sent(parts=[whole], leaves=rng.choice((0, 1, 100, 3000)))
