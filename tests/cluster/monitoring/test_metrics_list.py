"""docs/metrics.md against the code: no metric without a line, no line without a metric."""

import gc
import re
from typing import Any

import pytest
from ray.util.metrics import Counter, Gauge, Histogram, Metric

from jobs.dub_metrics import DubMetrics
from jobs.train_board import TrainingBoard
from serve_app.config import ServeConfig
from serve_app.ingress import Ingress
from serve_app.model import AnimatorModel
from serve_app.remote_model import RemoteModel
from tests.cluster.monitoring.listed import ROOT, Listed, listed

TYPES = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
# Everything that makes metrics: what is not here would be missed below.
MAKERS = {
    "jobs/dub_metrics.py",
    "jobs/train_board.py",
    "serve_app/ingress.py",
    "serve_app/model.py",
    "serve_app/remote_model.py",
}
IMPORTS = re.compile(
    r"ray\.util\.metrics|ray\.util import .*metrics|serve import .*metrics|serve\.metrics|prometheus_client"
)


def through_ray() -> dict[str, Listed]:
    """What the classes that make metrics for Ray make, as Prometheus sees it."""
    config = ServeConfig()
    makers: list[Any] = [
        TrainingBoard.__ray_metadata__.modified_class("run"),
        Ingress.func_or_class.__bases__[0](config, {}, {}),  # without Serve's wrapper, which needs an application
        AnimatorModel.func_or_class(config),
        RemoteModel("default", None),
    ]
    made = {id(one): one for maker in makers for one in gc.get_referents(*vars(maker).values(), vars(maker))}
    found: dict[str, Listed] = {}
    for one in made.values():
        if isinstance(one, Metric):
            kind = next(name for made_by, name in TYPES.items() if isinstance(one, made_by))
            name = f"ray_{one.info['name']}" + "_total" * (kind == "counter")
            found[name] = Listed(kind, frozenset(one.info["tag_keys"]), False)
    return found


def of_dubbing() -> dict[str, Listed]:
    metrics = DubMetrics(output="o", model="m", model_sha256="s")
    found: dict[str, Listed] = {}
    for family in metrics.registry.collect():
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = {label for sample in family.samples if sample.name == name for label in sample.labels}
        found[name] = Listed(family.type, frozenset(labels), False)
    return found


# Serve gives a deployment's class a destructor that somebody has to wait for.
@pytest.mark.filterwarnings("ignore:coroutine 'Ingress.__del__'")
def test_the_list_is_what_the_code_exports() -> None:
    assert listed(ray=False) == through_ray() | of_dubbing()


def test_no_other_module_makes_metrics() -> None:
    rooms = ("emotalk", "jobs", "serve_app")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    assert {str(f.relative_to(ROOT)) for f in files if IMPORTS.search(f.read_text(encoding="utf-8"))} == MAKERS
