"""The studio in a browser: Debian's Chromium, without a display, drawing in software, hearing a file as microphone."""

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from starlette.types import ASGIApp

from emotalk.animation import Animation
from emotalk.audio import encode_wav
from emotalk.controls import Controls
from emotalk.formats.glb import rig_glb
from emotalk.inference.animator import Animator
from emotalk.rigs.head import procedural_head
from serve_app.api import build_api
from tests.serve_app.conftest import LIMITS, LocalModel
from tests.serve_app.recordings import voice, wav

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser: pip install playwright")
Page = Any
expect = playwright.expect
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]
WAIT_MS = 90_000  # software drawing on a busy machine
expect.set_options(timeout=WAIT_MS)
FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(animator: Animator) -> Iterator[str]:
    with serving(build_api(LIMITS, {"default": LocalModel(animator)})) as url:
        yield url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    heard = tmp_path_factory.mktemp("microphone") / "voice.wav"
    heard.write_bytes(encode_wav(voice(4, seed=5)))
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-audio-capture={heard}"]
        )
        yield started
        started.close()


@contextmanager
def opened(browser: Any, address: str, **options: Any) -> Iterator[Page]:
    """A page of the studio that has logged no error when the block ends, and asked nobody but its service."""
    size = {"width": 900, "height": 640}
    with browser.new_context(**{"viewport": size, "permissions": ["microphone"], **options}) as context:
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        errors: list[str] = []
        asked: set[str] = set()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        page.on("request", lambda request: asked.add(request.url))
        page.goto(address)
        yield page
        assert errors == []
        assert all(url.startswith((address, "blob:")) for url in asked), asked


def upload(page: Page, data: bytes, name: str = "speech.wav") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "audio/wav", "buffer": data})


def animated(page: Page) -> None:
    expect(page.locator("#state")).to_have_text(re.compile("frames, "))


def downloaded(page: Page, form: str, folder: Path) -> Path:
    page.select_option("#format", form)
    with page.expect_download() as download:
        page.click("#download")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def picture(page: Page) -> bytes:
    """Of the head, in the next frame of the screen but one."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shot: bytes = page.locator("#head").screenshot()
    return shot


def test_a_recording_speaks_is_set_compared_and_saved(
    browser: Any, address: str, animator: Animator, tmp_path: Path
) -> None:
    with opened(browser, address) as page:
        expect(page.locator("#play")).to_be_disabled()
        upload(page, wav(2))
        animated(page)
        page.focus("#timeline")
        page.keyboard.press("Home")
        still = picture(page)
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#time")).to_have_text(re.compile(r"^0:00\.3 / 0:02\.5"))
        assert picture(page) != still  # the face has moved

        page.click("#play")
        expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
        expect(page.locator("#play")).to_have_attribute("aria-label", "Play")  # at the end
        expect(page.locator("#time")).to_have_text(re.compile(r"^0:02\.5 / 0:02\.5"))

        page.get_by_role("radio", name="Label").check()
        page.get_by_role("radio", name="angry").check()
        animated(page)
        page.get_by_role("radio", name="B", exact=True).check()
        page.get_by_role("spinbutton", name="Intensity").fill("2")
        page.keyboard.press("Enter")
        animated(page)
        answer = json.loads(downloaded(page, "json", tmp_path).read_text())
        expected = animator.animate(voice(2), Controls(intensity=2))
        np.testing.assert_allclose(np.array(answer["weights"]), expected.weights, atol=1e-5)

        page.keyboard.press("Alt+KeyA")
        animated(page)
        saved = Animation.load(downloaded(page, "csv", tmp_path))
        expected = animator.animate(voice(2), Controls(emotion="angry"))
        np.testing.assert_allclose(saved.weights, expected.weights, atol=1e-5)


@pytest.mark.slow
def test_errors_say_what_to_do_and_heads_what_they_lack(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        expect(page.locator("#download")).to_be_attached(timeout=WAIT_MS)
        upload(page, b"no sound at all", "notes.wav")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The recording cannot be used")
        expect(alert).to_contain_text("Open a file that holds sound")
        alert.get_by_role("button", name="Dismiss").click()
        expect(alert).to_have_count(0)
        expect(page.locator("#state")).to_have_text("")

        head = rig_glb(procedural_head())
        for one, other in ((b'"jawOpen"', b'"jawDrop"'), (b'"eyeBlinkLeft"', b'"eyeBlink_L"  ')):
            head = head.replace(one, other)
        upload(page, head, "mine.glb")
        expect(page.locator("#rig")).to_contain_text("mine.glb: 51 of 52")
        notice = page.locator(".notice", has_text="mine.glb has 51")
        expect(notice).to_contain_text("not shown: jawOpen")
        expect(notice).to_contain_text("never moved: jawDrop")
        upload(page, wav(1)[:200], "broken.glb")
        expect(page.get_by_role("alert")).to_contain_text("broken.glb cannot be read")


def test_live_the_face_follows_the_microphone(browser: Any, address: str, tmp_path: Path) -> None:
    with opened(browser, address) as page:
        page.click("#live")
        expect(page.locator("#delay")).to_contain_text(re.compile(r"\d+ ms behind your voice"))
        expect(page.locator("#delay")).to_contain_text("the model waits for 199 ms")
        page.click("#live")
        expect(page.locator("#take")).to_contain_text("live-")
        animated(page)
        shown = re.match(r"(\d+) frames", page.locator("#state").inner_text())
        saved = Animation.load(downloaded(page, "npz", tmp_path))
        assert shown is not None
        assert saved.frames == int(shown[1])  # no frame was lost on the way
        assert saved.weights.max() > 0.05


@pytest.mark.slow
def test_on_a_phone_a_key_is_asked_for_and_everything_fits(browser: Any, animator: Animator, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"studio animate {hashlib.sha256(b'right').hexdigest()}\n")
    phone = {"viewport": {"width": 360, "height": 700}, "color_scheme": "dark"}
    app = build_api(replace(LIMITS, api_keys=str(keys)), {"default": LocalModel(animator)})
    with serving(app) as url, opened(browser, url, **phone) as page:
        page.get_by_label("Key", exact=True).fill("wrong")
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_role("dialog")).to_contain_text("does not know that key")
        page.get_by_label("Key", exact=True).fill("right")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#live")).to_be_visible()

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
        nameless = """() => [...document.querySelectorAll("button, input:not(.hidden), select, textarea, a")].filter(
            (element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length)
        ).map((element) => element.outerHTML)"""
        assert page.evaluate(nameless) == []
