"""Plots of a report as inline SVG: no script, no network, colours from the page's style (classes s0, s1, …)."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

WIDTH = 460  # about as wide as it is shown, so that letters keep their size
NAME = 24  # letters of a row's name, at most
SERIES = 6  # colours that the page's style knows; more series repeat them
Value = tuple[float | None, tuple[float, float] | None]


def bars(rows: Mapping[str, Sequence[Value]], series: Sequence[str], digits: int = 2) -> str:
    """Horizontal bars with whiskers: row -> a value and interval per series. What is None has no bar."""
    left, right, step = 176, 56, 17
    block = step * len(series) + 12
    height = block * len(rows) + 6
    most = max((_end(value) for values in rows.values() for value in values), default=0.0) or 1.0
    scale = (WIDTH - left - right) / most
    parts = []
    for number, (name, values) in enumerate(rows.items()):
        top = number * block + 6
        parts.append(_label(left - 8, top + (block - 12) / 2 + 4, _shortened(name), "end"))
        for row, (value, between) in enumerate(values):
            y = top + row * step
            if value is None:
                parts.append(_label(left + 4, y + 10, "n/a", "start", "soft"))
                continue
            title = f"{name}, {series[row]}: {value:.{digits}f}{_between(between, digits)}"
            parts.append(
                f'<rect class="s{row % SERIES}" x="{left}" y="{y}" width="{max(value, 0) * scale:.1f}" '
                f'height="{step - 3}" rx="2"><title>{html.escape(title)}</title></rect>'
            )
            if between is not None:
                parts.append(_whisker(left + between[0] * scale, left + between[1] * scale, y + (step - 3) / 2))
            parts.append(
                _label(left + _end((value, between)) * scale + 5, y + 10, f"{value:.{digits}f}", "start", "soft")
            )
    return _svg(height, parts, f"Bars of {', '.join(series)}") + _legend(series)


def histogram(values: Mapping[str, np.ndarray], unit: str, bins: int = 30) -> str:
    """A line per method: how many clips have which value. NaN are left out."""
    known = {name: column[np.isfinite(column)] for name, column in values.items()}
    everything = np.concatenate([*known.values(), np.zeros(0)])
    if not len(everything):
        return "<p>n/a</p>"
    height, left, bottom = 200, 20, 38
    # A few far clips must not press all others into one bin: they are counted in the last one.
    top_value = min(float(everything.max()), 3 * float(np.percentile(everything, 90))) or 1.0
    edges = np.linspace(0, top_value, bins + 1)
    counts = {name: np.histogram(np.clip(column, 0, top_value), edges)[0] for name, column in known.items()}
    most = max(int(count.max()) for count in counts.values()) or 1
    across, up = (WIDTH - left - 20) / top_value, (height - bottom - 12) / most
    floor = height - bottom
    parts = [f'<line class="axis" x1="{left}" y1="{floor}" x2="{WIDTH - 20}" y2="{floor}"/>']
    for tick in ticks(top_value):
        parts.append(_label(left + tick * across, floor + 18, f"{tick:g}", "middle", "soft"))
    parts += [
        _label(WIDTH - 20, height - 4, unit, "end", "soft"),
        _label(WIDTH - 20, 18, f"up to {most} clips", "end", "soft"),
    ]
    for number, (name, count) in enumerate(counts.items()):
        xs, ys = left + np.repeat(edges, 2)[1:-1] * across, floor - np.repeat(count, 2) * up
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        median = float(np.median(known[name])) if len(known[name]) else 0.0
        parts.append(f'<polyline class="line l{number % SERIES}" points="{left},{floor} {path} {xs[-1]:.1f},{floor}"/>')
        x = left + min(median, top_value) * across
        parts.append(
            f'<line class="line dash l{number % SERIES}" x1="{x:.1f}" y1="12" x2="{x:.1f}" y2="{floor}">'
            f"<title>{html.escape(name)}: median {median:.3g}</title></line>"
        )
    return _svg(height, parts, f"Clips by {unit}") + _legend([f"{name} (dashed: median)" for name in counts])


def confusion(table: Mapping[str, Mapping[str, int]]) -> str:
    """Acted label (rows) against heard label (columns): shares of each row as shades, clips as numbers."""
    heard = list(dict.fromkeys(label for row in table.values() for label in row))
    cell, left, top = 58, 74, 26
    parts = [_label(left + (i + 0.5) * cell, 16, label, "middle", "soft") for i, label in enumerate(heard)]
    for y, (acted, row) in enumerate(table.items()):
        total = sum(row.values()) or 1
        parts.append(_label(left - 8, top + y * 30 + 19, acted, "end"))
        for x, label in enumerate(heard):
            count = row.get(label, 0)
            share = count / total
            title = f"{acted} heard as {label}: {count} of {total} clips ({share:.0%})"
            parts.append(
                f'<rect class="s0" fill-opacity="{share:.3f}" x="{left + x * cell}" y="{top + y * 30}" '
                f'width="{cell - 2}" height="28" rx="3"><title>{html.escape(title)}</title></rect>'
            )
            if count:
                tone = "on" if share > 0.5 else ""
                parts.append(_label(left + (x + 0.5) * cell - 1, top + y * 30 + 19, str(count), "middle", tone))
    return _svg(top + 30 * len(table) + 4, parts, "Confusion of emotions", max(WIDTH, left + cell * len(heard)))


def response_lines(lines: Mapping[str, Sequence[tuple[float, Value]]], across: str, up: str) -> str:
    """Points with whiskers joined by lines: series -> (x, value with interval)."""
    points = [(x, value) for line in lines.values() for x, value in line if value[0] is not None]
    if not points:
        return "<p>n/a</p>"
    height, left, bottom = 210, 44, 40
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    most = max(_end(value) for _, value in points) or 1.0
    floor = height - bottom

    def place(x: float, y: float) -> tuple[float, float]:
        return left + 40 + (x - low) / ((high - low) or 1) * (WIDTH - left - 120), floor - y / most * (floor - 14)

    parts = [f'<line class="axis" x1="{left}" y1="{floor}" x2="{WIDTH - 20}" y2="{floor}"/>']
    parts += [_label(place(x, 0)[0], floor + 18, f"{x:g}", "middle", "soft") for x in sorted({x for x, _ in points})]
    for tick in ticks(most):
        parts.append(_label(left - 6, place(low, tick)[1] + 4, f"{tick:g}", "end", "soft"))
    parts.append(_label(WIDTH - 20, height - 4, f"{across}; upwards: {up}", "end", "soft"))
    for number, line in enumerate(lines.values()):
        drawn = [(x, value, between) for x, (value, between) in line if value is not None]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(x, value) for x, value, _ in drawn))
        parts.append(f'<polyline class="line l{number % SERIES}" points="{path}"/>')
        for x, value, between in drawn:
            a, b = place(x, value)
            title = f"{x:g}: {value:.3f}{_between(between, 3)}"
            if between is not None:
                parts.append(_whisker(place(x, between[0])[1], place(x, between[1])[1], a, upright=True))
            parts.append(
                f'<circle class="s{number % SERIES}" cx="{a:.1f}" cy="{b:.1f}" r="4"><title>{title}</title></circle>'
            )
    return _svg(height, parts, f"{up} by {across}") + _legend(list(lines))


def ticks(most: float) -> list[float]:
    """Four to seven round numbers from 0 to at most `most` > 0."""
    power = 10.0 ** np.floor(np.log10(most))
    step = next(power * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if most / (power * part) < 7)
    return [float(f"{step * number:.6g}") for number in range(int(most / step + 1e-9) + 1)]


def _shortened(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME // 2 - 1]}…{name[-NAME // 2 :]}"


def _end(value: Value) -> float:
    number, between = value
    return max(number or 0.0, 0.0 if between is None else between[1])


def _between(between: tuple[float, float] | None, digits: int) -> str:
    return "" if between is None else f" [{between[0]:.{digits}f}, {between[1]:.{digits}f}]"


def _whisker(start: float, stop: float, at: float, *, upright: bool = False) -> str:
    x1, y1, x2, y2 = (at, start, at, stop) if upright else (start, at, stop, at)
    return f'<line class="whisker" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _svg(height: float, parts: Sequence[str], label: str, width: float = WIDTH) -> str:
    head = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{html.escape(label)}">'
    return f"{head}{''.join(parts)}</svg>"


def _legend(series: Sequence[str]) -> str:
    items = (f'<li class="k{number % SERIES}">{html.escape(name)}</li>' for number, name in enumerate(series))
    return f'<ul class="legend">{"".join(items)}</ul>'
