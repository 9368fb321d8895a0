"""Prometheus' own checks of the configuration and the rules, and what they lead to."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.monitoring.dashboards import DASHBOARDS, to_json
from cluster.monitoring.dashboards import FOLDER as PICTURES
from tests.cluster.monitoring.listed import FOLDER, ROOT, listed, names_in

RULES = FOLDER / "rules"


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool is installed (Debian's package prometheus)")
    return program


def rules(file: str) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((RULES / file).read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
RECORDED = {rule["record"]: rule for rule in rules("recording.yml")}
SHOWN = {
    f"{dashboard.name}: {panel.title}: {query.legend}": (query.expr, panel.gpu)
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
    for query in panel.queries
}


def test_promtool_accepts_configuration_and_rules(promtool: str) -> None:
    # --lint-fatal: a rule that is there twice is an error too.
    for arguments in (["config"], ["rules", "--lint-fatal"]):
        files = (
            [FOLDER / "prometheus.yml"] if arguments == ["config"] else [RULES / "recording.yml", RULES / "alerts.yml"]
        )
        done = subprocess.run([promtool, "check", *arguments, *map(str, files)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_and_resolves(promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", str(RULES / "alerts_test.yml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_such_a_test() -> None:
    fires: set[str] = set()
    for test in yaml.safe_load((RULES / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]:
        *_, before_last, last = [{}, *test["promql_expr_test"]]
        if "exp_samples" in before_last:
            assert "exp_samples" not in last, test["name"]
            fires |= {re.search(r'alertname="(\w+)"', one["labels"])[1] for one in before_last["exp_samples"]}  # type: ignore[index]
    assert fires == set(ALERTS)


def test_every_alert_has_a_runbook() -> None:
    for name, rule in ALERTS.items():
        assert set(rule["labels"]) == {"severity"}, name
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        page, _, heading = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert heading in {found.lower() for found in headings}, name
        assert heading == name.lower()
    assert {found.lower() for found in headings} == {name.lower() for name in ALERTS}


@pytest.mark.parametrize("name", [*ALERTS, *RECORDED, *SHOWN])
def test_only_what_exists_is_asked_for(name: str) -> None:
    rule = ALERTS.get(name) or RECORDED.get(name)
    expression, gpu = (rule["expr"], True) if rule else SHOWN[name]
    recorded = set(re.findall(r"\b\w+(?::\w+)+\b", re.sub(r"\{[^}]*\}", "", expression)))
    assert recorded <= set(RECORDED)
    known = listed(ray=False) | listed(ray=True)
    asked = names_in(expression)
    assert asked <= set(known)
    assert gpu or not any(known[one].gpu for one in asked)
    assert asked or recorded or "up{" in expression


def test_no_metric_of_ray_is_listed_for_nothing() -> None:
    expressions = [rule["expr"] for rule in (*ALERTS.values(), *RECORDED.values())]
    expressions += [expression for expression, _ in SHOWN.values()]
    asked = set().union(*map(names_in, expressions))
    assert set(listed(ray=True)) <= asked


def test_the_dashboards_are_those_of_the_code() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in PICTURES.glob("*")}
    assert written == {f"{one.name}.json": to_json(one) for one in DASHBOARDS}, (
        "python -m cluster.monitoring.dashboards"
    )
