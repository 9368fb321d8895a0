"""The studio as the service hands it out: built from its source, whole, cacheable, and nothing beside it."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS
from emotalk.gltf import parse_glb
from emotalk.rigs.head import procedural_head
from tests.serve_app.conftest import Ask, check_problem

STUDIO = Path(__file__).parents[2] / "serve_app" / "studio"
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src")


def digests(folder: Path, *names: str) -> dict[str, str]:
    """Relative path -> SHA-256 of every file under the names, or under the whole folder."""
    places = [folder / name for name in names] or [folder]
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_page_is_built_from_its_source() -> None:
    """If this fails: `make studio`."""
    build = json.loads((STUDIO / "dist" / "build.json").read_bytes())
    assert build["sources"] == digests(STUDIO, *SOURCES)
    built = digests(STUDIO / "dist")
    del built["build.json"]
    assert build["built"] == built


def test_the_head_of_the_page_is_the_default_rig() -> None:
    document = parse_glb((STUDIO / "dist" / "rig.glb").read_bytes(), "rig.glb")
    mesh = document.tree["meshes"][0]
    part = mesh["primitives"][0]
    rig = procedural_head()
    assert mesh["extras"]["targetNames"] == list(COEFFICIENTS)
    np.testing.assert_allclose(document.array(part["attributes"]["POSITION"]), rig.neutral / 1000, atol=1e-6)
    np.testing.assert_allclose(document.array(part["attributes"]["_GLOSS"])[:, 0], rig.gloss, atol=1e-6)
    for target, field in zip(part["targets"], rig.displacements, strict=True):
        np.testing.assert_allclose(document.array(target["POSITION"]), field / 1000, atol=1e-6)


def test_the_page_and_what_it_names(ask: Ask) -> None:
    page = ask("GET", "/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) >= 3
    for path in named:
        asset = ask("GET", f"/{path}")
        assert asset.status_code == 200, path
        assert "immutable" in asset.headers["cache-control"]
        assert "javascript" in asset.headers["content-type"] or path.endswith((".css", ".svg"))
    assert "<script>" not in page.text  # the policy would refuse it


def test_answers_are_packed_and_kept(ask: Ask) -> None:
    plain = ask("GET", "/studio/rig.glb", headers={"accept-encoding": "identity"})
    assert plain.headers["content-type"] == "model/gltf-binary"
    assert "content-encoding" not in plain.headers
    packed = ask("GET", "/studio/rig.glb", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # httpx has unpacked it
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    again = ask("GET", "/studio/rig.glb", headers={"if-none-match": plain.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    head = ask("HEAD", "/")
    assert head.status_code == 200
    assert not head.content


@pytest.mark.parametrize("name", ["nothing.js", "../studio.py", "%2e%2e/package.json", "assets", "", "../../api.py"])
def test_nothing_else_is_handed_out(ask: Ask, name: str) -> None:
    response = ask("GET", f"/studio/{name}")
    check_problem(response, 404, "not-found")


def test_the_page_asks_nobody_else() -> None:
    """No address of another host in what is loaded, but for the names of XML, and of pages that messages cite."""
    harmless = ("http://www.w3.org/", "https://jcgt.org/", "https://github.com/", "https://threejs.org/")
    for path in [STUDIO / "dist" / "index.html", *(STUDIO / "dist" / "assets").iterdir()]:
        for address in re.findall(r"https?://[\w.-]+/[^\s\"'`)]*", path.read_text("utf-8")):
            assert address.startswith(harmless), f"{path.name}: {address}"


def test_the_page_is_small() -> None:
    """What a browser loads before the head: 200 kB packed."""
    files = [STUDIO / "dist" / "index.html", *(STUDIO / "dist" / "assets").iterdir()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 200_000
