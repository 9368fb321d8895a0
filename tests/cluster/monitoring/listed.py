"""The list of metrics in docs/metrics.md, read."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "cluster" / "monitoring"
OF_RAY = "## Of Ray"
NEEDS_GPU = "only on nodes with a GPU"


@dataclass(frozen=True)
class Listed:
    """One line: type as Prometheus knows it, labels of this project."""

    type: str
    labels: frozenset[str]
    gpu: bool


def listed(*, ray: bool) -> dict[str, Listed]:
    """By name. ray: those of Ray that are used, else this project's own."""
    own, of_ray = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").split(OF_RAY)
    found: dict[str, Listed] = {}
    for line in (of_ray if ray else own).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not cells[0].startswith("`"):
            continue
        name, kind, unit, labels, what = cells
        assert unit, line
        assert what, line
        assert name.strip("`") not in found, line
        found[name.strip("`")] = Listed(kind, frozenset(re.findall(r"`(\w+)`", labels)), NEEDS_GPU in what)
    return found


def names_in(expression: str) -> set[str]:
    """Metrics that a PromQL expression asks for, a histogram's parts by its own name; recorded ones left out."""
    found = re.findall(r"(?<![\w:])(?:ray_|emotalk_)[a-z_]+(?![\w:])", re.sub(r'"[^"]*"', "", expression))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}
