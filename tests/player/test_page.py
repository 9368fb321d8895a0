"""The page holds exactly what it was given, asks nothing of the network, and runs in a browser where one is found."""

import base64
import io
import json
import re
import shutil
import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.player import Take, page, write_page
from emotalk.player.page import MOVE_STEP_MM, POSITION_STEP_MM
from emotalk.rigs import Rig, procedural_head


def take(**changes: object) -> Take:
    rng = np.random.default_rng(3)
    weights = rng.uniform(-0.1, 1.2, (45, 52)).astype(np.float32)
    parts: dict[str, object] = {
        "title": "A </script><b>title</b> & “more”",
        "weights": weights,
        "samples": rng.uniform(-1, 1, 24_000).astype(np.float32),
        "fps": Fraction(30_000, 1001),
        "emotion": rng.dirichlet([1, 1, 1], 45),
        "emotion_names": ("neutral", "happy", "sad"),
        "caption": "<!-- a caption",
        "head": rng.uniform(-0.2, 0.2, (45, 6)),
    }
    return Take(**(parts | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def head() -> Rig:
    return procedural_head()


def embedded(text: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def unpack(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def test_a_take_comes_back_from_the_page(head: Rig) -> None:
    given = take()
    (read,) = embedded(page([given], head))["takes"]
    assert (read["title"], read["caption"]) == (given.title, given.caption)
    assert Fraction(*read["fps"]) == given.fps
    weights = unpack(read["weights"], "<i2").reshape(read["frames"], 52) * read["weightStep"]
    np.testing.assert_allclose(weights, given.weights, atol=1e-4)
    turns = unpack(read["turns"], "<i2").reshape(read["frames"], 3) * read["turnStep"]
    assert given.head is not None
    np.testing.assert_allclose(turns, given.head[:, :3], atol=1e-4)
    emotion = unpack(read["emotion"], "u1").reshape(45, 3) / 255
    np.testing.assert_allclose(emotion, given.emotion, atol=0.003)
    assert read["emotionNames"] == list(given.emotion_names)
    with wave.open(io.BytesIO(base64.b64decode(read["wav"]))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16_000, 2)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    np.testing.assert_allclose(sound, given.samples, atol=0.5001 / 32768)


def test_the_rig_comes_back_from_the_page(head: Rig) -> None:
    data = embedded(page([take()], head))
    rig = data["rig"]
    assert data["names"] == list(COEFFICIENTS)
    neutral = unpack(rig["neutral"], "<i2").reshape(-1, 3) * rig["positionStep"]
    np.testing.assert_allclose(neutral, head.neutral, atol=POSITION_STEP_MM / 2 + 1e-5)
    np.testing.assert_array_equal(unpack(rig["triangles"], "<u4").reshape(-1, 3), head.triangles)
    np.testing.assert_array_equal(unpack(rig["colours"], "u1").reshape(-1, 3), head.colours)
    fields = np.zeros_like(head.displacements)
    for field, shape in zip(fields, rig["shapes"], strict=True):
        field[unpack(shape["vertices"], "<u4")] = unpack(shape["moves"], "<i2").reshape(-1, 3) * rig["moveStep"]
    np.testing.assert_allclose(fields, head.displacements, atol=MOVE_STEP_MM / 2 + 1e-5)


def test_the_page_names_no_other_place_and_hostile_text_stays_text(head: Rig) -> None:
    text = page([take(), take(title="second")], head, title="<script>alert(1)</script>")
    assert not re.search(r"https?:|//[a-z]+\.|@import|src=|\bfetch\(|XMLHttpRequest|WebSocket", text)
    assert "<script>alert(1)" not in text
    assert text.count("</script>") == 2
    assert [read["title"] for read in embedded(text)["takes"]] == [take().title, "second"]
    assert "{{" not in text.replace(json.dumps(embedded(text)), "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": np.zeros((5, 51))}, "52"),
        ({"weights": np.zeros((0, 52))}, "frame at least"),
        ({"weights": np.full((5, 52), np.nan)}, "finite"),
        ({"samples": np.zeros((2, 5))}, "mono"),
        ({"samples": np.zeros(0)}, "mono"),
        ({"fps": Fraction(0)}, "fps"),
        ({"emotion": np.zeros((45, 2))}, "emotion"),
        ({"head": np.zeros((44, 3))}, "head"),
        ({"head": np.full((45, 6), np.nan)}, "head"),
    ],
)
def test_a_take_that_cannot_be_played_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        take(**change)


def test_a_page_without_takes_or_with_hours_of_them_is_refused(head: Rig) -> None:
    with pytest.raises(InputError, match="one take"):
        page([], head)
    long = take(samples=np.zeros(16_000 * 1000, np.float32))
    with pytest.raises(InputError, match="2000 s"):
        page([long, long], head)


def test_a_page_that_fails_leaves_the_old_one_and_no_litter(tmp_path: Path, head: Rig) -> None:
    path = write_page(tmp_path / "face.html", [take()], head)
    before = path.read_bytes()
    with pytest.raises(InputError):
        write_page(path, [], head)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["face.html"]


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine")


def browse(path: Path, profile: Path, fragment: str = "", *flags: str) -> tuple[str, str]:
    """The page's DOM after it ran, and what the console said."""
    command = [
        chromium(), "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=3000",
        "--enable-logging=stderr", "--window-size=480,800", *flags, "--dump-dom", f"{path.as_uri()}{fragment}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_a_browser_draws_the_head_and_says_no_error(tmp_path: Path, head: Rig) -> None:
    weights = np.zeros((45, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.5
    path = write_page(tmp_path / "face.html", [take(), take(title="open", weights=weights)], head)
    software = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
    dom, console = browse(path, tmp_path / "profile", "#take=2", *software)
    assert 'data-state="ready"' in dom
    (coverage,) = re.findall(r'data-coverage="([\d.]+)"', dom)
    assert 0.15 < float(coverage) < 0.8
    assert '<h1 id="title">open</h1>' in dom
    assert not re.search(r"error|warning", console, re.IGNORECASE), console


def test_a_browser_without_webgl_says_so_and_still_plays(tmp_path: Path, head: Rig) -> None:
    path = write_page(tmp_path / "face.html", [take()], head)
    dom, _ = browse(path, tmp_path / "profile", "", "--disable-gpu", "--disable-3d-apis")
    assert 'data-state="no-webgl"' in dom
    assert "WebGL is not available" in dom
