"""Keys, rates, origins and request ids; what the models are and whether they answer. Without Ray."""

import asyncio
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from serve_app import guard
from serve_app.api import build_api
from serve_app.config import ServeConfig
from serve_app.guard import Usage, scope_of
from serve_app.keys import KeyRing
from serve_app.problems import Problem
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking, check_problem
from tests.serve_app.live.clients import listening, talking
from tests.serve_app.recordings import wav

PATH = "/v1/animations"
SECRETS = {"studio": "emotalk_studio", "farm": "emotalk_farm", "boss": "emotalk_boss"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> ServeConfig:
    scopes = {"studio": "animate", "farm": "jobs", "boss": "admin"}
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    digests = {name: hashlib.sha256(secret.encode()).hexdigest() for name, secret in SECRETS.items()}
    file.write_text("# who may\n\n" + "".join(f"{name} {scopes[name]} {digests[name]}\n" for name in SECRETS))
    return replace(LIMITS, api_keys=str(file))


@pytest.fixture(scope="module")
def ask_keyed(animator: Animator, keyed: ServeConfig) -> Ask:
    return asking(build_api(keyed, {"default": LocalModel(animator)}))


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SECRETS[name]}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer emotalk_studi"},
        {"authorization": "Basic emotalk_studio"},
        {"x-api-key": "emotalk_studio "[::-1]},
        {"x-api-key": hashlib.sha256(b"emotalk_studio").hexdigest()},
    ],
)
def test_who_is_not_known_gets_nothing(ask_keyed: Ask, headers: dict[str, str]) -> None:
    response = ask_keyed("POST", PATH, files={"audio": wav(0.2)}, headers=headers)
    check_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    check_problem(ask_keyed("GET", "/v1/models", headers=headers), 401, "unauthorized")


def test_keys_and_their_scopes(ask_keyed: Ask) -> None:
    for headers in (bearer("studio"), {"x-api-key": SECRETS["studio"]}, bearer("boss")):
        assert ask_keyed("POST", PATH, files={"audio": wav(0.2)}, headers=headers).status_code == 200
    response = ask_keyed("POST", PATH, files={"audio": wav(0.2)}, headers=bearer("farm"))
    assert "animate" in check_problem(response, 403, "forbidden")["detail"]
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert ask_keyed("GET", path).status_code == 200
    assert [scope_of(path) for path in ("/v1/jobs", "/v1/jobs/3", "/v1/jobsx", "/v1/live", "/")] == [
        "jobs", "jobs", "animate", "animate", None,
    ]  # fmt: skip


def test_keys_of_live_sessions(animator: Animator, keyed: ServeConfig) -> None:
    async def run() -> None:
        async with listening(build_api(keyed, {"default": LocalModel(animator)})) as url:
            for options in (
                {"additional_headers": bearer("studio")},
                {"subprotocols": ["emotalk.v1", "emotalk.key.emotalk_studio"]},
            ):
                async with talking(url, **options) as client:
                    assert client.socket.subprotocol in (None, "emotalk.v1")
            for options in ({}, {"subprotocols": ["emotalk.key.wrong"]}, {"additional_headers": bearer("farm")}):
                with pytest.raises(InvalidStatus) as refused:
                    async with connect(url, **options):  # type: ignore[arg-type]
                        pass
                assert refused.value.response.status_code == 403

    asyncio.run(run())


def test_a_made_key_fits_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "serve_app.keys", "--name", "new", "--scopes", "animate,jobs"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    secret = done.stderr.split()[-1]
    (tmp_path / "keys.txt").write_text(done.stdout)
    assert secret not in done.stdout
    key = KeyRing.load(tmp_path / "keys.txt").find(secret)
    assert key is not None
    assert (key.name, key.scopes) == ("new", {"animate", "jobs"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no key"),
        ("studio animate", "line 1"),
        ("# x\nstudio fly " + "0" * 64, "fly"),
        ("studio animate " + "0" * 63, "line 1"),
        ("a animate " + "0" * 64 + "\na jobs " + "1" * 64, "same name"),
    ],
)
def test_broken_key_files_are_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "keys.txt").write_text(text)
    with pytest.raises(InputError, match=named):
        KeyRing.load(tmp_path / "keys.txt")


def test_a_key_has_a_rate_and_so_many_requests_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(guard, "monotonic", lambda: now)
    usage = Usage(per_minute=30, concurrent=2)
    for _ in range(30):
        with usage.request():
            pass
    with pytest.raises(Problem, match="30 times a minute") as caught, usage.request():
        pass
    assert caught.value.headers == {"Retry-After": "3"}
    now += 2.0  # one more
    with usage.request():
        pass
    with pytest.raises(Problem), usage.request():
        pass
    now += 60.0
    with usage.request(), usage.request(), pytest.raises(Problem, match="in work"), usage.request():
        pass
    with usage.request():
        pass


def test_rates_are_answered_429(animator: Animator, keyed: ServeConfig) -> None:
    ask = asking(build_api(replace(keyed, key_requests_per_minute=2), {"default": LocalModel(animator)}))
    answers = [ask("GET", "/v1/limits", headers=bearer("studio")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    check_problem(answers[2], 429, "overloaded")
    assert int(answers[2].headers["retry-after"]) > 1
    assert ask("GET", "/v1/limits", headers=bearer("boss")).status_code == 200  # another key is another matter


@pytest.mark.parametrize("given", ["abc-1.2_3", None, "", "x" * 65, "a b", "ä".encode().decode("latin-1")])
def test_answers_errors_and_logs_have_the_requests_id(
    ask: Ask, given: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {} if given is None else {"x-request-id": given.encode("latin-1")}
    with caplog.at_level("INFO", "ray.serve.emotalk"):
        response = ask("GET", "/nothing", headers=headers)
    request_id = response.headers["x-request-id"]
    assert re.fullmatch("[A-Za-z0-9._-]{1,64}", request_id)
    assert (request_id == given) == (given == "abc-1.2_3")
    assert check_problem(response, 404, "not-found")["instance"] == f"/nothing#{request_id}"
    (record,) = [record for record in caplog.records if record.name == "ray.serve.emotalk"]
    assert (record.__dict__["request"], record.__dict__["status"]) == (request_id, 404)


def test_a_path_is_one_line_of_the_log(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "ray.serve.emotalk"):
        ask("GET", "/a%0aGET%20/v1/models%20status=200")
    (record,) = [record for record in caplog.records if record.name == "ray.serve.emotalk"]
    assert "\n" not in record.getMessage()


def test_origins(animator: Animator, keyed: ServeConfig) -> None:
    ask = asking(build_api(replace(keyed, cors=("https://studio.example",)), {"default": LocalModel(animator)}))
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    fine = ask("OPTIONS", PATH, headers={"origin": "https://studio.example", **asked})
    assert fine.headers["access-control-allow-origin"] == "https://studio.example"
    strange = ask("OPTIONS", PATH, headers={"origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in strange.headers
    refused = ask("GET", "/v1/models", headers={"origin": "https://studio.example"})
    check_problem(refused, 401, "unauthorized")  # which its page may read
    assert refused.headers["access-control-allow-origin"] == "https://studio.example"


def test_what_there_is(ask: Ask, animator: Animator) -> None:
    (model,) = ask("GET", "/v1/models").json()["models"]
    assert (model["name"], model["default"], model["preset"]) == ("default", True, "lite")
    assert model["sha256"] == animator.model_digest
    assert model["delay_ms"] == pytest.approx(199.2, abs=0.1)
    assert model["live"]
    assert ask("GET", "/v1/emotions").json()["emotions"] == list(animator.model.config.emotions)
    assert ask("GET", "/v1/styles").json() == {"styles": [0, 1, 2], "default": None}
    formats = {known["name"]: known for known in ask("GET", "/v1/formats").json()["formats"]}
    assert {"json", "ndjson", "csv", "npz", "glb", "parquet"} <= formats.keys()
    assert formats["csv"]["suffix"] == ".csv"
    assert all(known["description"] and known["media_type"] for known in formats.values())
    limits = ask("GET", "/v1/limits").json()
    assert limits["max_audio_s"] == LIMITS.max_audio_s
    assert limits["live"]["idle_s"] == LIMITS.live_idle_s


def test_models_are_loaded_anew_by_who_may(animator: Animator, keyed: ServeConfig) -> None:
    class Broken(LocalModel):
        async def reload(self) -> None:
            raise InputError("is no model directory", source="/models/broken")

    model = LocalModel(animator)
    ask = asking(build_api(keyed, {"default": model, "broken": Broken(animator)}))
    check_problem(ask("POST", "/v1/models/default/reload", headers=bearer("studio")), 403, "forbidden")
    assert model.reloads == 0
    assert ask("POST", "/v1/models/default/reload", headers=bearer("boss")).json()["sha256"] == animator.model_digest
    assert model.reloads == 1
    check_problem(ask("POST", "/v1/models/broken/reload", headers=bearer("boss")), 409, "bad-model")
    check_problem(ask("POST", "/v1/models/third/reload", headers=bearer("boss")), 404, "unknown-model")


def test_pages_of_strangers_cannot_post(ask: Ask) -> None:
    """Browsers send a form to any host without asking."""
    response = ask("POST", "/v1/models/default/reload", headers={"origin": "https://evil.example"})
    check_problem(response, 403, "forbidden")
    own = ask("POST", "/v1/models/default/reload", headers={"origin": "http://service", "host": "service"})
    assert own.status_code == 200


def test_several_models(animator: Animator) -> None:
    other = Animator(animator.model, model_digest="other")
    ask = asking(build_api(LIMITS, {"default": LocalModel(animator), "other": LocalModel(other)}))
    assert [model["sha256"] for model in ask("GET", "/v1/models").json()["models"]][1] == "other"
    for name, digest in (("default", animator.model_digest), ("other", "other")):
        answer = ask("POST", f"{PATH}?model={name}", files={"audio": wav(0.2)}).json()
        assert answer["meta"]["model_sha256"] == digest
    for path in (f"{PATH}?model=third", f"{PATH}/batch?model=third"):
        assert "other" in check_problem(ask("POST", path, files={"audio": wav(0.2)}), 404, "unknown-model")["detail"]
    check_problem(ask("GET", "/v1/styles?model=third"), 404, "unknown-model")


def test_ready_means_that_something_was_animated(animator: Animator) -> None:
    class Sick(LocalModel):
        async def animate(self, *given: object, **more: object) -> object:  # type: ignore[override]
            raise RuntimeError("CUDA error")

    assert asking(build_api(LIMITS, {"default": LocalModel(animator)}))("GET", "/readyz").json() == {"status": "ready"}
    response = asking(build_api(LIMITS, {"default": Sick(animator)}))("GET", "/readyz")
    check_problem(response, 503, "unavailable")


def test_the_problems_of_these_paths_are_described(ask: Ask) -> None:
    document = ask("GET", "/openapi.json").json()
    for path in ("/v1/models", "/v1/formats", "/v1/limits", "/readyz"):
        assert {"401", "403", "429", "503"} <= document["paths"][path]["get"]["responses"].keys()
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"]["Problem"])
