"""/v1/jobs over a real store: orders, how jobs stand, what survives a restart. The cluster is moved by hand."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import jsonschema
import pyarrow.parquet as pq
import pytest

from emotalk import command_line
from emotalk.controls import Controls
from emotalk.dubbing.progress import read_progress
from emotalk.dubbing.report import ALREADY_DONE, FAILED, Row
from jobs.dub_config import DubConfig
from serve_app.jobs.runner import Run
from tests.serve_app.conftest import Ask, check_problem
from tests.serve_app.jobs.conftest import Service

pytestmark = pytest.mark.s3
PATH = "/v1/jobs"
KEY = {"idempotency-key": "mine"}


def ordered(service: Service, key: str = "mine", **changes: Any) -> dict[str, Any]:
    response = service.ask("POST", PATH, json={**service.order, **changes}, headers={"idempotency-key": key})
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert response.headers["location"] == f"{PATH}/{job['id']}"
    return job


def looked(service: Service, job: dict[str, Any]) -> dict[str, Any]:
    response = service.ask("GET", f"{PATH}/{job['id']}")
    assert response.status_code == 200, response.text
    now: dict[str, Any] = response.json()
    return now


def options(service: Service) -> DubConfig:
    """Of the latest run, as jobs.dub understands its command line."""
    python, *module = service.cluster.commands[service.run][:3]
    assert Path(python).name.startswith("python")
    assert module == ["-m", "jobs.dub"]
    config: DubConfig = command_line.parse(DubConfig, prog="", args=service.cluster.commands[service.run][3:])
    return config


def test_there_are_no_jobs_unless_they_are_configured(ask: Ask) -> None:
    check_problem(ask("GET", PATH), 404, "not-found")
    check_problem(ask("POST", PATH, json={}), 404, "not-found")
    assert PATH not in ask("GET", "/openapi.json").json()["paths"]


def test_an_order_becomes_a_command_that_dubs(service: Service) -> None:
    controls = {"emotion": "happy", "intensity": 1.5, "shaping": {"gain": {"jawOpen": 1.2}}}
    job = ordered(service, formats=["csv", "glb"], controls=controls)
    config = options(service)
    assert config.inputs == (f"{service.bucket}/shelf",)
    assert (config.output, config.model, config.formats) == (service.output, "/models/lite", ("csv", "glb"))
    assert config.controls == Controls.from_dict(controls)
    assert (config.threads, config.workers, config.gpus, config.run) == (1, None, None, service.run)
    schemas = service.ask("GET", "/openapi.json").json()["components"]["schemas"]
    jsonschema.validate(job, schemas["Job"])
    jsonschema.validate(service.order, schemas["JobOrder"])


def test_other_settings_and_another_recordings_emotion_are_passed_on(served: Callable[..., Service]) -> None:
    service = served(jobs_workers=3, jobs_gpus=0.5, threads=2)
    ordered(service, emotion_uri=f"{service.bucket}/shelf/sad.wav")
    config = options(service)
    assert (config.threads, config.workers, config.gpus) == (2, 3, 0.5)
    assert config.controls.emotion_from == f"{service.bucket}/shelf/sad.wav"


def test_the_same_key_is_the_same_job(service: Service) -> None:
    job = ordered(service)
    assert ordered(service)["id"] == job["id"]
    assert len(service.cluster.commands) == 1
    changed = {**service.order, "formats": ["csv"]}
    check_problem(service.ask("POST", PATH, json=changed, headers=KEY), 422, "key-reused")
    other = ordered(service, key="another", output=f"{service.output}-2")
    assert other["id"] != job["id"]
    listed = service.ask("GET", PATH).json()["jobs"]
    assert [known["id"] for known in listed] == [other["id"], job["id"]]  # the latest first
    check_problem(service.ask("POST", PATH, json=service.order, headers={"idempotency-key": ""}), 400, "bad-request")


def test_how_a_job_stands_until_it_is_over(served: Callable[..., Service]) -> None:
    service = served()
    job = ordered(service)
    assert (job["state"], job["items"]["total"], job["report"]) == ("queued", None, None)
    service.cluster.now(Run("running"))
    assert looked(service, job)["state"] == "running"
    service.dub(state="running")
    now = looked(service, job)
    assert (now["state"], now["items"]) == ("running", {"total": 2, "done": 1, "failed": 1})
    assert (now["hours"], now["speed"], now["time_left_s"]) == ({"total": 2.0, "done": 1.0}, 60.0, 60.0)
    check_problem(service.ask("GET", f"{PATH}/{job['id']}/report"), 409, "no-report")
    service.dub()
    now = looked(service, job)
    assert (now["state"], now["errors"]) == ("succeeded", [{"uri": "s3://b", "reason": "silent"}])
    assert now["ended"] >= now["created"]
    after = served(again=service)  # which knows no cluster, and reads what the first wrote down
    after.cluster.away = True
    assert looked(after, job) == now
    assert after.ask("GET", PATH).json()["jobs"] == [now]


@pytest.mark.parametrize(
    ("run", "state", "reason"),
    [
        (Run("failed", "holds no recordings"), "failed", "holds no recordings"),
        (Run("failed"), "failed", "Ray's dashboard"),
        (Run("stopped"), "cancelled", None),
        (Run("lost"), "interrupted", "order it again"),
        (Run("succeeded"), "succeeded", None),
    ],
)
def test_what_the_cluster_says_where_the_run_said_nothing(
    service: Service, run: Run, state: str, reason: str | None
) -> None:
    job = ordered(service)
    service.cluster.now(run)
    now = looked(service, job)
    assert now["state"] == state
    assert now["reason"] is None if reason is None else reason in now["reason"]


def test_what_else_lies_beside_the_jobs_is_no_job(service: Service) -> None:
    id = ordered(service)["id"]
    for other in (f"{id}.controls", f"{id}.end", id[:-1], "..%2f..%2fjob"):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/report")):
            assert service.ask(method, f"{PATH}/{other}{path}").status_code == 404


def test_a_job_of_which_nothing_came_has_failed(service: Service) -> None:
    job = ordered(service)
    service.dub(Row(uri="s3://b", state=FAILED, reason="silent"))
    now = looked(service, job)
    assert (now["state"], now["reason"]) == ("failed", "not one of 1 recordings was animated")
    assert now["errors"] == [{"uri": "s3://b", "reason": "silent"}]


def test_a_lost_run_is_told_and_goes_on_when_it_is_ordered_again(served: Callable[..., Service]) -> None:
    before = served()
    job = ordered(before)
    before.dub(state="running")
    service = served(again=before)
    now = looked(service, job)
    assert (now["state"], now["items"]["done"]) == ("interrupted", 1)
    again = ordered(service)
    assert (again["id"], again["state"]) == (job["id"], "queued")
    assert again["items"]["total"] is None  # what the first run said is not said of this one
    assert service.run != before.run
    service.dub(Row(uri="s3://a", state=ALREADY_DONE, seconds=1.0))
    assert looked(service, job)["state"] == "succeeded"
    assert ordered(service)["state"] == "succeeded"  # which begins nothing any more
    assert len(service.cluster.commands) == 1


def test_an_order_that_did_not_reach_the_cluster_is_begun_by_the_next_try(service: Service) -> None:
    service.cluster.away = True
    response = service.ask("POST", PATH, json=service.order, headers=KEY)
    check_problem(response, 503, "cluster-away")
    assert int(response.headers["retry-after"]) > 0
    service.cluster.away = False
    assert ordered(service)["state"] == "queued"
    assert len(service.cluster.commands) == 1


def test_cancelling(served: Callable[..., Service]) -> None:
    service = served()
    job = ordered(service)
    service.cluster.now(Run("running"))
    response = service.ask("DELETE", f"{PATH}/{job['id']}")
    assert (response.status_code, response.json()["state"]) == (202, "cancelling")
    service.cluster.now(Run("stopped"))
    assert looked(service, job)["state"] == "cancelled"
    assert ordered(service)["state"] == "cancelled"  # nobody begins it again
    done = ordered(service, key="another")
    service.dub()
    assert service.ask("DELETE", f"{PATH}/{done['id']}").json()["state"] == "succeeded"
    lost = ordered(service, key="a third")
    after = served(again=service)
    assert after.ask("DELETE", f"{PATH}/{lost['id']}").json()["state"] == "cancelled"


def test_an_output_is_one_jobs_at_a_time_and_there_are_so_many_at_a_time(served: Callable[..., Service]) -> None:
    service = served(jobs_active=2)
    job = ordered(service)
    taken = service.ask("POST", PATH, json=service.order)
    assert job["id"] in check_problem(taken, 409, "output-taken")["detail"]
    ordered(service, key="another", output=f"{service.output}-2")
    full = service.ask("POST", PATH, json={**service.order, "output": f"{service.output}-3"})
    check_problem(full, 429, "overloaded")
    assert int(full.headers["retry-after"]) > 1
    service.cluster.now(Run("stopped"))
    assert ordered(service, key="a third")["state"] == "queued"


def test_reports(service: Service) -> None:
    job = ordered(service)
    service.dub()
    path = looked(service, job)["report"]
    page = service.ask("GET", path)
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "s3://b" in page.text
    parquet = "application/vnd.apache.parquet"
    for request in ({"headers": {"accept": parquet}}, {"params": {"format": "parquet"}}):
        table = service.ask("GET", path, **request)
        assert table.headers["content-type"] == parquet
        assert pq.read_table(io.BytesIO(table.content))["uri"].to_pylist() == ["s3://a", "s3://b"]
    check_problem(service.ask("GET", path, params={"format": "pdf"}), 406, "not-acceptable")
    check_problem(service.ask("GET", path, headers={"accept": "image/png"}), 406, "not-acceptable")
    ordered(service, key="another")
    service.dub(state="running")  # a later run has the output now
    check_problem(service.ask("GET", path), 409, "no-report")
    assert looked(service, job)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"inputs": []}, "bad-request"),
        ({"inputs": "s3://BUCKET/shelf/a.wav"}, "bad-request"),
        ({"inputs": ["s3://BUCKET/shelf/a.wav"] * 51}, "bad-request"),
        ({"inputs": ["s3://BUCKET/other/a.wav"]}, "bad-uri"),
        ({"inputs": ["s3://BUCKET/shelf/../other/a.wav"]}, "bad-uri"),
        ({"inputs": ["s3://BUCKET/shelf/a.wav?versionId=1"]}, "bad-uri"),
        ({"inputs": ["s3://BUCKET/shelf/rows.csv"]}, "bad-uri"),  # whose rows nobody has looked at
        ({"inputs": ["s3://BUCKET/shelf/rows.PARQUET"]}, "bad-uri"),
        ({"inputs": ["https://a.example/a.wav"]}, "bad-uri"),  # would follow redirects
        ({"inputs": ["/etc/passwd"]}, "bad-uri"),
        ({"inputs": ["file:///etc/passwd"]}, "bad-uri"),
        ({"inputs": ["--verify"]}, "bad-uri"),
        ({"output": None}, "bad-uri"),
        ({"output": "s3://BUCKET/faces"}, "bad-uri"),
        ({"output": "s3://BUCKET/faces/"}, "bad-uri"),
        ({"output": "s3://BUCKET/faces/.emotalk/jobs"}, "bad-uri"),
        ({"output": "s3://BUCKET/faces//a"}, "bad-uri"),
        ({"output": "s3://BUCKET/faces/*"}, "bad-uri"),
        ({"output": "s3://BUCKET/shelf/a"}, "bad-uri"),
        ({"output": "/tmp/faces"}, "bad-uri"),
        ({"formats": []}, "bad-request"),
        ({"formats": "csv"}, "bad-request"),
        ({"formats": ["doc"]}, "bad-request"),
        ({"formats": [3]}, "bad-request"),
        ({"controls": {"intensity": 99}}, "bad-controls"),
        ({"controls": {"emotion_from": "/etc/passwd"}}, "bad-controls"),
        ({"controls": {"segments": [{"start_s": 0, "preset": "/etc/passwd"}]}}, "bad-controls"),
        ({"emotion_uri": "s3://BUCKET/other/a.wav"}, "bad-uri"),
        ({"worker": 3}, "bad-request"),
    ],
)
def test_orders_that_are_refused(service: Service, changes: dict[str, Any], slug: str) -> None:
    order = json.loads(json.dumps({**service.order, **changes}).replace("s3://BUCKET", service.bucket))
    check_problem(service.ask("POST", PATH, json=order), 400, slug)
    assert service.ask("GET", PATH).json() == {"jobs": []}


def test_unknown_models_and_jobs(service: Service) -> None:
    check_problem(service.ask("POST", f"{PATH}?model=large", json=service.order), 404, "unknown-model")
    for id in ("0" * 20, "a.b", "..", "%2e%2e%2fjobs"):
        for method in ("GET", "DELETE"):
            assert service.ask(method, f"{PATH}/{id}").status_code == 404


def sent(service: Service, rows: str, name: str = "rows.csv", **fields: Any) -> Any:
    data = {"output": service.output, **fields}
    rows = rows.replace("s3://BUCKET", service.bucket)
    return service.ask("POST", PATH, files={"manifest": (name, rows.encode())}, data=data)


def test_a_manifest_is_kept_and_dubbed(service: Service) -> None:
    rows = "uri,output,controls.emotion\ns3://BUCKET/shelf/a.wav,one,happy\ns3://BUCKET/shelf/a.wav,two,sad\n"
    response = sent(service, rows, formats=["csv", "npz"], controls='{"intensity": 2}')
    assert response.status_code == 202, response.text
    config = options(service)
    assert (config.formats, config.controls) == (("csv", "npz"), Controls(intensity=2))
    (place,) = config.inputs
    with fsspec.open(place) as file:
        assert file.read().decode() == rows.replace("s3://BUCKET", service.bucket)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("uri\n/etc/passwd\n", "bad-uri"),
        ("uri\nfile:///etc/passwd\n", "bad-uri"),
        ("uri\na.wav\n", "bad-uri"),  # beside the manifest, wherever that lies
        ("uri\ns3://BUCKET/other/a.wav\n", "bad-uri"),
        ("uri\nhttps://a.example/a.wav\n", "bad-uri"),
        ("uri,controls.emotion_from\ns3://BUCKET/shelf/a.wav,/etc/passwd\n", "bad-uri"),
        ("uri,preset\ns3://BUCKET/shelf/a.wav,/etc/passwd.yaml\n", "bad-request"),
        ("uri,output\ns3://BUCKET/shelf/a.wav,../../a\n", "bad-request"),
        ("uri,controls.intensity\ns3://BUCKET/shelf/a.wav,99\n", "bad-request"),
        (
            'uri,controls.segments\ns3://BUCKET/shelf/a.wav,"[{""start_s"": 0, ""preset"": ""/etc/passwd""}]"\n',
            "bad-request",
        ),
        ("name\nx\n", "bad-request"),
        ("uri\n", "bad-request"),
    ],
)
def test_manifests_that_are_refused(service: Service, rows: str, said: str) -> None:
    detail = check_problem(sent(service, rows), 400, said)["detail"]
    assert detail.startswith("manifest")
    assert "/tmp" not in detail
    assert service.cluster.commands == {}


def test_other_files_are_no_manifests(service: Service) -> None:
    check_problem(sent(service, "uri\ns3://BUCKET/shelf/a.wav\n", name="rows.parquet"), 400, "bad-request")
    check_problem(sent(service, "uri\n", colour="red"), 400, "bad-request")
    check_problem(service.ask("POST", PATH, data={"output": service.output}), 415, "unsupported-media-type")
    check_problem(sent(service, "uri\n" + "x" * (3 * 2**20), name="rows.jsonl"), 400, "bad-request")


def test_keys_need_the_scope_and_have_orders_of_their_own(served: Callable[..., Service], tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    scopes = {"farm": "jobs", "mill": "jobs", "studio": "animate"}
    keys.write_text("".join(f"{name} {s} {hashlib.sha256(name.encode()).hexdigest()}\n" for name, s in scopes.items()))
    service = served(api_keys=str(keys))

    def post(name: str, output: str) -> Any:
        headers = {"authorization": f"Bearer {name}", "idempotency-key": "1"}
        return service.ask("POST", PATH, json={**service.order, "output": output}, headers=headers)

    check_problem(post("studio", service.output), 403, "forbidden")
    assert post("farm", service.output).json()["id"] != post("mill", f"{service.output}-2").json()["id"]
    assert read_progress(service.output) is None
