"""The studio's jobs: ordered, watched, reported, with a key, as a person does it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serve_app.jobs.runner import Run
from tests.serve_app import test_studio_page as studio
from tests.serve_app.jobs.conftest import Service
from tests.serve_app.test_studio_page import browser as browser
from tests.serve_app.test_studio_page import expect, opened, serving

pytestmark = [*studio.pytestmark, pytest.mark.s3, pytest.mark.slow]


def test_a_job_is_ordered_watched_and_reported(browser: Any, served: Callable[..., Service], tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"studio admin {hashlib.sha256(b'right').hexdigest()}\n")
    service = served(api_keys=str(keys))
    with serving(service.app) as url, opened(browser, url) as page:
        page.get_by_label("Key", exact=True).fill("right")
        page.get_by_role("button", name="Use it").click()
        page.get_by_role("tab", name="Batch").click()
        page.get_by_label("Recordings, one URI a line").fill(f"{service.bucket}/other")
        assert page.get_by_label("Folder of the animations").input_value() == f"{service.bucket}/faces/"
        page.get_by_label("Folder of the animations").fill(service.output)
        page.get_by_label("glb", exact=True).check()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("Name a place that this service may read or write")
        page.get_by_label("Recordings, one URI a line").fill(f"{service.bucket}/shelf\n")
        page.get_by_role("button", name="Start", exact=True).click()
        jobs = page.get_by_role("list", name="Jobs")
        expect(jobs).to_contain_text("queued")
        command = service.cluster.commands[service.run]
        assert set(command[command.index("--formats") + 1 :]) == {"npz", "csv", "glb"}
        service.cluster.now(Run("running"))
        service.dub(state="running")
        expect(jobs).to_contain_text("running · 1 of 2 · 1 failed · 1.00 h of sound · 60× real time · 1 min left")
        service.dub()
        expect(jobs).to_contain_text("s3://b: silent")
        with page.expect_download() as download:
            jobs.get_by_role("button", name="Report").click()
        download.value.save_as(tmp_path / "report.html")
        assert "s3://b" in (tmp_path / "report.html").read_text()
