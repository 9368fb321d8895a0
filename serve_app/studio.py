"""The studio page and what it loads. The page's source and its build stand in the folder of the same name."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

from fastapi import FastAPI, Request, Response

from serve_app.problems import NOT_FOUND, Problem

# Everything comes from this service and nothing is written into the page. blob: is what the page makes itself: sound,
# downloads, the textures of a head that is dropped on it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self' blob:; "
    "media-src blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PAGE = "index.html"
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent: its bytes, the same packed by gzip, and what identifies them."""

    body: bytes
    packed: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> "Asset":
        media_type = "model/gltf-binary" if name.endswith(".glb") else mimetypes.guess_type(name)[0]
        digest = hashlib.sha256(body).hexdigest()[:16]
        packed = gzip.compress(body, 6, mtime=0)
        return cls(body, packed, media_type or "application/octet-stream", f'"{digest}"')


def install(app: FastAPI) -> None:
    """Adds the page at `/` and its files, the default head `rig.glb` among them, under `/studio/`."""
    files = assets()

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return _answer(request, files[PAGE], "no-cache")

    @app.api_route("/studio/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        if name not in files:
            raise Problem(NOT_FOUND, f"the studio has no file {name!r}")
        return _answer(request, files[name], FOREVER if name.startswith("assets/") else "no-cache")


@cache
def assets() -> dict[str, Asset]:
    """The built page, file by file: nothing outside of it can be asked for."""
    found: dict[str, Asset] = {}
    folders = [(PurePosixPath(), resources.files("serve_app") / "studio" / "dist")]
    while folders:
        place, folder = folders.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                folders.append((place / entry.name, entry))
            else:
                found[str(place / entry.name)] = Asset.of(entry.name, entry.read_bytes())
    return found


def _answer(request: Request, asset: Asset, caching: str) -> Response:
    headers = {
        "Cache-Control": caching,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if asset.media_type == "text/html":
        headers |= {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)
