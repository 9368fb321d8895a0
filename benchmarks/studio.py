"""The pictures of docs/studio.md, of a service that runs: python -m benchmarks.studio --audio speech.wav"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emotalk import command_line
from emotalk.errors import InputError, MissingExtraError

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WAIT_MS = 120_000  # drawn in software
# (name, scheme, width and height)
PICTURES: tuple[tuple[str, Literal["light", "dark"], tuple[int, int]], ...] = (
    ("studio-light", "light", (1280, 860)),
    ("studio-dark", "dark", (1280, 860)),
    ("studio-phone", "dark", (390, 1180)),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Photographs the studio with a recording in it."""

    audio: Path
    """The recording."""
    url: str = "http://127.0.0.1:8000/"
    """The service."""
    at_s: float = 1.5
    """The moment that is shown."""
    folder: Path = FOLDER
    """Where the pictures go."""


def main() -> None:
    options: Options = command_line.parse(Options, prog="python -m benchmarks.studio")
    command_line.run(lambda: _photograph(options))


def _photograph(options: Options) -> int:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingExtraError("pictures of the studio", "dev") from error
    chromium = shutil.which("chromium")
    if chromium is None:
        raise InputError("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        for name, scheme, (width, height) in PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page.set_default_timeout(WAIT_MS)
            _pose(page, options, compared=scheme == "light")
            page.screenshot(path=options.folder / f"{name}.png")
            page.close()
            print(options.folder / f"{name}.png", flush=True)
        browser.close()
    return 0


def _pose(page: Any, options: Options, *, compared: bool) -> None:
    """The recording at its moment; `compared`: as it is heard beside a mix."""
    page.goto(options.url)
    page.set_input_files("#file", options.audio)
    done = page.locator("#stage:not(.busy) #state", has_text="frames, ")
    done.wait_for()
    if compared:
        page.get_by_role("radio", name="B", exact=True).check()
        page.get_by_role("radio", name="Mix").check()
        page.get_by_role("slider", name="neutral", exact=True).fill("0.2")
        page.get_by_role("slider", name="happy", exact=True).fill("0.8")
        page.get_by_text("happy 8", exact=False).first.wait_for()
    page.focus("#timeline")
    page.keyboard.press("Home")
    for _ in range(round(30 * options.at_s)):
        page.keyboard.press("ArrowRight")
    page.evaluate("() => document.activeElement.blur()")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


if __name__ == "__main__":
    main()
