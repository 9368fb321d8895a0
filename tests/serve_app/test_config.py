"""Settings, and the configuration files that carry them."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from emotalk.errors import InputError
from serve_app.app import app
from serve_app.config import ServeConfig

SERVE_CONFIG = Path(__file__).parents[2] / "serve_app" / "config.yaml"


def test_the_command_lines_texts_become_numbers() -> None:
    given = {"max_audio_s": "30", "threads": "2", "max_batch_windows": "4", "gpus": 1, "model": "7"}
    assert ServeConfig.from_dict(given) == ServeConfig(
        max_audio_s=30.0, threads=2, max_batch_windows=4, gpus=1, model="7"
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_audio": 3}, "max_audio"),
        ({"threads": 0}, "threads"),
        ({"threads": 1.5}, "threads"),
        ({"threads": "two"}, "threads"),
        ({"max_audio_s": True}, "max_audio_s"),
        ({"max_audio_s": float("nan")}, "max_audio_s"),
        ({"max_batch_windows": 0}, "max_batch_windows"),
        ({"gpus": -1}, "gpus"),
        ({"model": 3}, "model"),
        ({"min_replicas": 3, "max_replicas": 2}, "min_replicas"),
        ({"models": "a"}, "NAME=PLACE"),
        ({"models": ["a=x", "a=y"]}, "two models"),
        ({"models": ["default=x"]}, "two models"),
        ({"models": 3}, "models"),
        ({"uri_prefixes": ["file:///"]}, "prefix"),
        ({"uri_private": "maybe"}, "uri_private"),
        ({"uri_private": 1}, "uri_private"),
        ({"listen": "8000"}, "HOST:PORT"),
        ({"listen": "0.0.0.0:8000"}, "other machines can reach 0.0.0.0"),
        ({"listen": "[::]:8000"}, "other machines can reach ::"),
        ({"jobs_output": "/data/faces", "uri_prefixes": ["s3://a"]}, "prefix"),
        ({"jobs_output": "https://a.example/faces", "uri_prefixes": ["s3://a"]}, "store"),
        ({"jobs_output": "nothing://a/faces", "uri_prefixes": ["s3://a"]}, "cannot open"),
        ({"jobs_output": "s3://a/faces"}, "uri_prefixes"),
        ({"jobs_output": "s3://a/faces", "uri_prefixes": ["https://a.example"]}, "uri_prefixes"),
        ({"jobs_workers": 0}, "jobs_workers"),
        ({"jobs_gpus": -1}, "gpus"),
    ],
)
def test_wrong_settings_are_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ServeConfig.from_dict(given)


def test_lists_come_from_files_and_from_the_command_line() -> None:
    given = {"models": "a=x,b=y", "cors": ["https://a.example"], "uri_private": "true"}
    config = ServeConfig.from_dict(given)
    assert config.all_models() | {"default": "?"} == {"default": "?", "a": "x", "b": "y"}
    assert (config.cors, config.uri_private) == (("https://a.example",), True)


def test_the_deploy_file_fits_serve_and_the_service() -> None:
    schema = ServeDeploySchema.model_validate(yaml.safe_load(SERVE_CONFIG.read_text()))
    (application,) = schema.applications
    assert application.import_path == "serve_app.app:app"
    assert asdict(ServeConfig.from_dict(application.args)).items() >= application.args.items()


def test_the_builder_takes_the_packages_model_and_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOTALK_MODEL", raising=False)
    assert app({}) is not None
    with pytest.raises(InputError, match="nowhere"):
        app({"model": "nowhere"})


def test_the_ingress_does_without_torch() -> None:
    """It starts in a fraction of the time and takes a fraction of the memory."""
    code = "import sys, serve_app.ingress; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split()[-1] == "False"
