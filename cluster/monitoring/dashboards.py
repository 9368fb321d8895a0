"""The Grafana dashboards as code: python -m cluster.monitoring.dashboards writes grafana/*.json

A gauge that Ray's workers set is told for about 20 s and then forgotten, hence `last_over_time` and `or vector(0)`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "grafana"
WIDTH, HEIGHT = 12, 8  # of a panel; Grafana's rows are 24 wide
SCHEMA_VERSION = 39

# Grafana's own names of units.
Unit = Literal["none", "short", "s", "ms", "percentunit", "percent", "bytes", "reqps", "sci"]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A PromQL expression, and what its lines are called: {{label}} stands for a label's value."""

    expr: str
    legend: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture. about: what it shows, for whoever has not built it. gpu: empty on a cluster without one."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    heatmap: bool = False
    gpu: bool = False


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    name: str
    title: str
    panels: tuple[Panel, ...]


def _panel(
    title: str, about: str, *queries: tuple[str, str], unit: Unit = "short", heatmap: bool = False, gpu: bool = False
) -> Panel:
    made = tuple(Query(expr=expr, legend=legend) for expr, legend in queries)
    return Panel(title=title, about=about, queries=made, unit=unit, heatmap=heatmap, gpu=gpu)


DUBBING = Dashboard(
    name="dubbing",
    title="EmoTalk: dubbing",
    panels=(
        _panel("Recordings", "That are through, by what became of them.", ("emotalk_dub_items_total", "{{state}}")),
        _panel(
            "Still open",
            "Recordings that nobody has decided about; those done by earlier runs are among them until the end.",
            ("emotalk_dub:items:open", "{{instance}}{{run}}"),
        ),
        _panel(
            "Speed",
            "Seconds of sound per second: over five minutes, and since the workers started.",
            ("emotalk_dub:audio_seconds:rate5m", "5 min {{instance}}{{run}}"),
            ("emotalk_dub_speed_ratio", "whole run {{instance}}{{run}}"),
        ),
        _panel(
            "Sound",
            "Heard so far, of what is to be heard by estimate.",
            ("emotalk_dub_audio_seconds_total", "heard {{instance}}{{run}}"),
            ("emotalk_dub_audio_planned_seconds", "planned {{instance}}{{run}}"),
            unit="s",
        ),
        _panel(
            "Time left",
            "An estimate; no line until there is one.",
            ("emotalk_dub_seconds_left", "{{instance}}{{run}}"),
            unit="s",
        ),
        _panel(
            "Work",
            "Pieces of work begun and not finished, and the workers that the run may hold.",
            ("emotalk_dub_parts_in_flight", "in flight {{instance}}{{run}}"),
            ("emotalk_dub_workers", "workers {{instance}}{{run}}"),
        ),
        _panel(
            "Failures",
            "Recordings that failed, by the class of the reason.",
            ("emotalk_dub_failures_total", "{{reason}}"),
        ),
        _panel("Warnings", "Recordings with a warning, by kind.", ("emotalk_dub_warnings_total", "{{kind}}")),
    ),
)

TRAINING = Dashboard(
    name="training",
    title="EmoTalk: training",
    panels=(
        _panel(
            "Loss",
            "Of the last step, by name.",
            ("last_over_time(ray_emotalk_train_loss[5m])", "{{run}} {{loss}}"),
            unit="sci",
        ),
        _panel(
            "Validation loss",
            "Of the last epoch that is done.",
            ("last_over_time(ray_emotalk_train_validation_loss[1d])", "{{run}} {{loss}}"),
            unit="sci",
        ),
        _panel(
            "Epoch",
            "With the share of the one that is going on.",
            ("last_over_time(ray_emotalk_train_epoch[5m])", "{{run}}"),
        ),
        _panel(
            "Speed",
            "Seconds of sound that are trained on per second.",
            ("run:emotalk_train_audio_seconds:rate5m", "{{run}}"),
        ),
        _panel(
            "Step",
            "Duration of the last step.",
            ("last_over_time(ray_emotalk_train_step_seconds[5m])", "{{run}}"),
            unit="s",
        ),
        _panel(
            "Waste",
            "Share of a step that waits for data; share of the computed frames that are padding.",
            ("last_over_time(ray_emotalk_train_data_wait_ratio[5m])", "waiting {{run}}"),
            ("last_over_time(ray_emotalk_train_padding_ratio[5m])", "padding {{run}}"),
            unit="percentunit",
        ),
        _panel(
            "Learning rate",
            "Of the last step.",
            ("last_over_time(ray_emotalk_train_learning_rate[5m])", "{{run}}"),
            unit="sci",
        ),
        _panel(
            "GPU memory",
            "The most that the first worker's GPU has held; 0 without one.",
            ("last_over_time(ray_emotalk_train_gpu_memory_bytes[5m])", "{{run}}"),
            unit="bytes",
        ),
    ),
)

SERVICE = Dashboard(
    name="service",
    title="EmoTalk: service",
    panels=(
        _panel("Answers", "Per second, by status.", ("status:emotalk_requests:rate5m", "{{status}}"), unit="reqps"),
        _panel(
            "Failed and refused",
            "Shares of all answers: 5xx, and 429.",
            ("emotalk_requests:error_share:5m or vector(0)", "5xx"),
            ("emotalk_requests:refused_share:5m or vector(0)", "429"),
            unit="percentunit",
        ),
        _panel("Speech", "Seconds animated per second, by model.", ("model:emotalk_audio_seconds:rate5m", "{{model}}")),
        _panel(
            "Time of a request",
            "As Serve's proxy measures it, recordings of all lengths and live sessions together.",
            (
                "histogram_quantile(0.5, sum by (le) (rate(ray_serve_http_request_latency_ms_bucket[5m])))",
                "half are faster",
            ),
            (
                "histogram_quantile(0.95, sum by (le) (rate(ray_serve_http_request_latency_ms_bucket[5m])))",
                "95 % are faster",
            ),
            unit="ms",
        ),
        _panel(
            "Queue",
            "Requests that wait for a replica, by deployment.",
            ("sum by (deployment) (last_over_time(ray_serve_deployment_queued_queries[10m]))", "{{deployment}}"),
        ),
        _panel(
            "Windows per batch",
            "How full the batches of the network are.",
            ("sum by (le) (rate(ray_emotalk_batch_windows_bucket[5m]))", "{{le}}"),
            heatmap=True,
        ),
        _panel(
            "Live streams",
            "That replicas remember.",
            ("sum(ray_emotalk_live_streams) or vector(0)", "streams"),
        ),
        _panel(
            "Streams per call",
            "Live streams that one call of the network steps together.",
            ("sum by (le) (rate(ray_emotalk_live_steps_bucket[5m]))", "{{le}}"),
            heatmap=True,
        ),
        _panel(
            "Repeated calls",
            "Per second, because a replica was lost.",
            ("sum(rate(ray_emotalk_retries_total[5m])) or vector(0)", "repeated"),
        ),
        _panel(
            "Replicas",
            "Alive, by deployment.",
            (
                'sum by (Name) (ray_actors{Name=~"ServeReplica:emotalk:.*",Source="gcs",State="ALIVE"})',
                "{{Name}}",
            ),
        ),
    ),
)

CLUSTER = Dashboard(
    name="cluster",
    title="EmoTalk: cluster",
    panels=(
        _panel("Nodes", "That answer.", ('sum(up{job=~"ray|emotalk"})', "nodes")),
        _panel("CPU", "In use, by node.", ("ray_node_cpu_utilization", "{{ip}}"), unit="percent"),
        _panel("Memory", "In use, by node.", ("ray_node_mem_used / ray_node_mem_total", "{{ip}}"), unit="percentunit"),
        _panel("Disk", "Used, by node.", ("ray_node_disk_utilization_percentage", "{{ip}}"), unit="percent"),
        _panel(
            "Object store",
            "Bytes by where they lie; SPILLED is on disk.",
            ('sum by (Location) (ray_object_store_memory{Component="raylet"})', "{{Location}}"),
            unit="bytes",
        ),
        _panel(
            "CPUs and GPUs",
            "Held by tasks and actors, and free.",
            ('sum by (Name, State) (ray_resources{Name=~"CPU|GPU"})', "{{Name}} {{State}}"),
        ),
        _panel(
            "Tasks",
            "That run now, by name: what build_corpus, evaluate and distill are at.",
            ('topk(10, sum by (Name) (ray_tasks{State="RUNNING"}))', "{{Name}}"),
        ),
        _panel(
            "GPU",
            "Share of the time that it works, by node and GPU.",
            ("ray_node_gpus_utilization", "{{ip}} {{GpuIndex}}"),
            unit="percent",
            gpu=True,
        ),
        _panel(
            "GPU memory",
            "In use, by node and GPU.",
            ("ray_node_gram_used * 1024 * 1024", "{{ip}} {{GpuIndex}}"),
            unit="bytes",
            gpu=True,
        ),
    ),
)

DASHBOARDS = (DUBBING, TRAINING, SERVICE, CLUSTER)


def to_json(dashboard: Dashboard) -> str:
    """The file that Grafana imports."""
    return json.dumps(_model(dashboard), indent=1, ensure_ascii=False) + "\n"


def _model(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"emotalk-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["emotalk"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    for place, panel in enumerate(dashboard.panels):
        row, column = divmod(place, 2)
        yield {
            "id": place + 1,
            "type": "heatmap" if panel.heatmap else "timeseries",
            "title": panel.title,
            "description": panel.about,
            "datasource": source,
            "gridPos": {"x": WIDTH * column, "y": HEIGHT * row, "w": WIDTH, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + number),
                    "datasource": source,
                    "expr": query.expr,
                    "legendFormat": query.legend,
                    "format": "heatmap" if panel.heatmap else "time_series",
                }
                for number, query in enumerate(panel.queries)
            ],
        }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(to_json(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
