"""Pictures of a corpus as inline SVG: texts in the page's own font, colours from its style sheet."""

import html
from collections.abc import Sequence

from emotalk.corpus.report.report import Coefficient, Histogram

ROW = 17  # height of a coefficient's line
NAME_WIDTH, PLOT_WIDTH, MOVE_WIDTH = 150, 430, 150
GAP = 26


def histogram_picture(histogram: Histogram) -> str:
    """A bar per interval, its count above it, its edges below."""
    counts, edges = histogram.counts, histogram.edges
    used = [k for k, count in enumerate(counts) if count]
    first, last = (min(used), max(used)) if used else (0, len(counts) - 1)
    shown = range(max(first - 1, 0), min(last + 2, len(counts)))
    width, height, base = 310, 180, 140
    slot = (width - 20) / len(shown)
    most = max(max(counts), 1)
    parts = []
    for place, k in enumerate(shown):
        tall = 112 * counts[k] / most
        x = 10 + place * slot
        middle = x + slot / 2
        parts.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{base - tall:.1f}" width="{slot - 2:.1f}" height="{tall:.1f}"/>'
        )
        if counts[k]:
            parts.append(f'<text class="value" x="{middle:.1f}" y="{base - tall - 4:.1f}">{_short(counts[k])}</text>')
    step = -(-(len(shown) + 1) // 8)
    for place, k in enumerate([*shown, shown[-1] + 1]):
        x = 10 + place * slot
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        if place % step == 0:
            parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 17}">{edges[k]:g}</text>')
    parts.append(f'<line class="axis" x1="10" x2="{width - 10}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text class="tick" x="{width / 2}" y="{height - 4}">{html.escape(histogram.unit)}</text>')
    return _svg(width, height, f"Clips by {histogram.what}", parts)


def coefficients_picture(coefficients: Sequence[Coefficient]) -> str:
    """A line per coefficient: range, 99th percentile, mean and standard deviation; and how often it moves."""
    left, right = NAME_WIDTH, NAME_WIDTH + PLOT_WIDTH
    move = right + GAP
    width, top = move + MOVE_WIDTH + 44, 28
    height = top + ROW * len(coefficients) + 24
    bottom = top + ROW * len(coefficients)
    parts = []
    for number in range(6):
        x = left + PLOT_WIDTH * number / 5
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{top - 10}">{number / 5:g}</text>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16}">{number / 5:g}</text>')
    parts.append(f'<text class="tick" x="{move + MOVE_WIDTH / 2}" y="{top - 10}">frames moving</text>')
    for k, one in enumerate(coefficients):
        y = top + ROW * k + ROW / 2
        tip = (
            f"{one.name}: mean {one.mean:.3f}, standard deviation {one.std:.3f}, 99th percentile {one.p99:.3f}, "
            f"range {one.low:.3f} to {one.high:.3f}, moves in {one.moving:.1%} of the frames"
        )
        low, high, p99, mean = (left + PLOT_WIDTH * value for value in (one.low, one.high, one.p99, one.mean))
        from_std, to_std = (left + PLOT_WIDTH * min(max(v, 0), 1) for v in (one.mean - one.std, one.mean + one.std))
        parts += [
            f"<g><title>{html.escape(tip)}</title>",
            f'<rect class="row{k % 2}" x="0" y="{y - ROW / 2:.1f}" width="{width}" height="{ROW}"/>',
            f'<text class="name" x="{left - 8}" y="{y + 4:.1f}">{html.escape(one.name)}</text>',
            f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<rect class="bar pale" x="{left}" y="{y - 5:.1f}" width="{max(p99 - left, 0):.1f}" height="10"/>',
            f'<rect class="bar" x="{from_std:.1f}" y="{y - 2.5:.1f}" width="{to_std - from_std:.1f}" height="5"/>',
            f'<circle class="mean" cx="{mean:.1f}" cy="{y:.1f}" r="3.2"/>',
            f'<rect class="bar move" x="{move}" y="{y - 4:.1f}" width="{MOVE_WIDTH * one.moving:.1f}" height="8"/>',
            f'<text class="share" x="{move + MOVE_WIDTH * one.moving + 4:.1f}" y="{y + 4:.1f}">{one.moving:.0%}</text>',
            "</g>",
        ]
    return _svg(width, height, "Range and activity of the 52 coefficients", parts)


def bar_cell(share: float) -> str:
    """A small bar for a table's cell."""
    return (
        '<svg class="cell" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{100 * share:.1f}" height="8"/></svg>'
    )


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )


def _short(count: int) -> str:
    return f"{count}" if count < 10_000 else f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"
