"""The report as a page of Markdown: tables, then definitions."""

from collections.abc import Sequence

from emotalk.metrics.measures import MESH
from emotalk.metrics.report import (
    CONDITIONS,
    ModelReport,
    Report,
    cross_lines,
    emotion_lines,
    leakage_lines,
    response_lines,
)

INTERVALS = "± half the width of the 95 % interval over clips; report.json has both ends."


def to_markdown(report: Report) -> str:
    parts = ["# Evaluation", bullets(report.heading()), INTERVALS]
    for title, table in report.tables():
        parts += [f"## {title}", _table(table)]
    for name, method in report.methods.items():
        parts += [f"## {name} against the rest", _table(report.difference_table(name))]
        if method.model is not None:
            parts += _model(report, name, method.model)
        worst = [f"{clip_id}: LVE {lve:.2f} mm" for clip_id, lve in method.worst]
        parts += [f"### Worst clips of {name}", bullets(worst)]
    parts += ["## How it was measured", bullets([f"{name}: {text}" for name, text in CONDITIONS.items()])]
    parts += ["## What the columns mean", bullets(definitions(report))]
    return "\n\n".join(parts) + "\n"


def definitions(report: Report) -> list[str]:
    """Every column: unit, definition, which way is better, and whose it is."""
    return [
        f"{q.name}{f' ({q.unit})' if q.unit else ''}: {q.definition}; better: {q.better or 'neither'}"
        + (f"; source: {q.source}" if q.source else "")
        for q in report.quantities
    ]


def _model(report: Report, name: str, model: ModelReport) -> list[str]:
    exchanged = [q.name for q in report.quantities if q.table == MESH or q.name in ("MAE", "RMSE", "lip gap error")]
    return [
        f"### Emotion heard by {name}",
        bullets(emotion_lines(model.emotion)),
        f"### Cross-reconstruction by {name}",
        _table(report.table(model.exchanges, exchanged, intervals=True))
        if model.exchanges
        else "n/a: the split has no squares of labelled clips",
        *([bullets(cross_lines(model))] if model.exchanges else []),
        f"### Content leakage of {name}",
        bullets(leakage_lines(model.leakage)),
        f"### Intensity response of {name}",
        bullets(response_lines(model.response)),
    ]


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def _table(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *body))
