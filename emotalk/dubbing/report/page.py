"""The report of a dubbing run as one web page: no network, no files beside it, in light and dark, narrow and wide."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from emotalk.corpus.report.pictures import histogram_picture
from emotalk.corpus.report.report import Histogram
from emotalk.dubbing.findings import MEANINGS
from emotalk.dubbing.report.row import ALREADY_DONE, ANIMATED, FAILED, LEFT
from emotalk.dubbing.report.shown import MOST, Shown, ShownRow, Strip, common_start
from emotalk.dubbing.report.totals import LENGTH_EDGES_MIN, SPEED_EDGES, Totals
from emotalk.files import printable
from emotalk.labels import EMOTION_COLOURS
from emotalk.template import filled
from emotalk.timing import clock, counted, length

OTHER_COLOURS = ("#b0578d", "#77652f", "#2b7a78", "#a0a0a0")
_STATES = {ANIMATED: "--green", ALREADY_DONE: "--pale", FAILED: "--red", LEFT: "--axis"}
_FAILURES = {
    "recording": "the recording is no good: mend or replace it",
    "storage": "the disk or the network: check space, permissions and keys, then run the job again",
    "timeout": "it took too long: look at the file, then run the job again",
    "worker died": "the process died of it: out of memory, or a fault of the decoder",
    "fault": "a fault of this program: report it with the reason",
}


def report_page(totals: Totals, shown: Shown, output: str) -> str:
    """`shown`: the rows of the table; texts from file names are escaped wherever they stand."""
    parts = {
        "title": "Dubbing report",
        "output": _text(output),
        "facts": _facts(totals),
        "states": _bar([(state, totals.items[state], f"var({colour})") for state, colour in _STATES.items()]),
        "cost": _cost(totals),
        "attention": _attention(totals),
        "emotions": _emotions(totals.emotion_s),
        "lengths": histogram_picture(_histogram("length", "minutes", LENGTH_EDGES_MIN, totals.lengths)),
        "speeds": histogram_picture(_histogram("speed", "× real time", SPEED_EDGES, totals.speeds)),
        "note": _note(totals, shown),
        "rows": _rows(list(shown)),
        "colours": _colours(shown),
    }
    return filled(resources.files("emotalk.dubbing.report") / "page.html", parts)


def _facts(totals: Totals) -> str:
    facts = [
        (_hours(totals.hours_animated), "of sound animated"),
        ("–" if totals.speed is None else f"{totals.speed:,.0f} ×", "real time"),
        (f"{totals.items[ANIMATED]:,}", "animated"),
        (f"{totals.items[ALREADY_DONE]:,}", "already done"),
        (f"{totals.items[FAILED]:,}", "failed"),
        (f"{totals.warned:,}", "with warnings"),
        (clock(totals.elapsed_s), "wall clock"),
    ]
    if totals.items[LEFT]:
        facts.insert(5, (f"{totals.items[LEFT]:,}", "left"))
    if totals.cost is not None:
        facts.append((f"{totals.cost:,.2f}", "cost of this run"))
    return "".join(f"<div><b>{value}</b><span>{what}</span></div>" for value, what in facts)


def _cost(totals: Totals) -> str:
    """What a worker and a GPU do in an hour, and what that costs."""
    said = [f"{_hours(totals.hours)} of sound have animations now."]
    if totals.hours_per_worker_hour is not None and totals.worker_hours is not None:
        workers = f"{counted(totals.workers, 'worker')} held for {_hours(totals.worker_hours)} in all"
        said.append(f"{workers}: {totals.hours_per_worker_hour:,.0f} h of sound per worker-hour")
        if totals.hours_per_gpu_hour is not None:
            said[-1] += f", {totals.hours_per_gpu_hour:,.0f} h per GPU-hour"
        said[-1] += "."
    if totals.cost is not None and totals.price_per_hour is not None:
        said.append(f"At {totals.price_per_hour:g} per worker and hour this run cost {totals.cost:,.2f}")
        if totals.cost_per_hour is not None:
            said[-1] += f", {totals.cost_per_hour:,.4f} per hour of sound"
        said[-1] += "."
    if totals.items[LEFT]:
        left = f"About {_hours(totals.hours_left)} are left"
        said.append(left + ("." if totals.cost_left is None else f", which would cost {totals.cost_left:,.2f}."))
    return f"<p>{_text(' '.join(said))}</p>"


def _attention(totals: Totals) -> str:
    if not totals.failures and not totals.warnings:
        return "<p>Nothing failed, and nothing is remarkable.</p>"
    parts = []
    if totals.failures:
        lines = ['<tr><th class="text">failed</th><th>items</th><th class="text">such as</th></tr>']
        for kind, count in totals.failures.most_common():
            such_as = "<br>".join(f"<code>{_text(uri)}</code> {_text(reason)}" for uri, reason in totals.failed[kind])
            what = f'<b>{_text(kind)}</b><br><span class="soft">{_text(_FAILURES.get(kind, ""))}</span>'
            lines.append(f'<tr><td class="text">{what}</td><td>{count:,}</td><td class="text soft">{such_as}</td></tr>')
        parts.append(f'<div class="panel"><table>{"".join(lines)}</table></div>')
    if totals.warnings:
        lines = [
            '<tr><th class="text">warning</th><th>items</th><th>of sound</th><th class="text">what to do</th></tr>'
        ]
        for kind, count in totals.warnings.most_common():
            advice = next((meaning.advice for name, meaning in MEANINGS.items() if name == kind), "")
            lines.append(
                f'<tr><td class="text"><b>{_text(kind)}</b></td><td>{count:,}</td>'
                f'<td>{_hours(totals.warned_s[kind] / 3600)}</td><td class="text soft">{_text(advice)}</td></tr>'
            )
        parts.append(f'<div class="panel"><table>{"".join(lines)}</table></div>')
    return "".join(parts)


def _emotions(seconds: Mapping[str, float]) -> str:
    if not any(seconds.values()):
        return "<p>No recording has any.</p>"
    colours = colours_of(seconds)
    ordered = sorted(seconds.items(), key=lambda one: -one[1])
    most = ordered[0][1]
    lines = [
        f'<li><span>{_text(label)}</span><i style="width:{55 * value / most:.1f}%;background:{colours[label]}"></i>'
        f"<b>{_hours(value / 3600)}</b></li>"
        for label, value in ordered
    ]
    return f'<ul class="bars">{"".join(lines)}</ul>'


def _bar(shares: Sequence[tuple[str, int, str]]) -> str:
    total = sum(count for _, count, _ in shares) or 1
    there = [share for share in shares if share[1]]
    bar = "".join(
        f'<i style="flex:{count / total:.6f};background:{colour}" title="{count:,} {_text(name)}"></i>'
        for name, count, colour in there
    )
    key = "".join(
        f'<li><i style="background:{colour}"></i>{count:,} {_text(name)}</li>' for name, count, colour in there
    )
    return f'<div class="stack">{bar}</div><ul class="key">{key}</ul>'


def _note(totals: Totals, shown: Shown) -> str:
    if len(shown) >= totals.recordings:
        return "Every recording of this run."
    return (
        f"{len(shown):,} of {totals.recordings:,} recordings: at most {MOST:,} that failed, {MOST:,} with warnings and "
        f"{MOST:,} others. Every one of them is a row of report.parquet."
    )


def _rows(shown: Sequence[ShownRow]) -> str:
    start = common_start([one.row.uri for one in shown])
    return "\n".join(_row(one, start) for one in shown)


def _row(one: ShownRow, start: int) -> str:
    row, strip = one.row, one.strip
    said = []
    if row.reason is not None:
        said.append(f'<span class="bad">{_text(row.reason)}</span>')
    said += [f'<span class="warn" title="{_text(found.advice)}">{_text(found.text)}</span>' for found in row.warnings]
    emotion = "" if row.emotion is None else row.emotion if row.share is None else f"{row.emotion} {row.share:.0%}"
    drawn = "" if strip is None else f'<svg class="strip" {_strip_attributes(strip)}></svg>'
    files = [("from", row.uri, row.sha256)]
    files += [
        ("to", uri, digest) for uri, digest in zip(row.outputs, _padded(row.output_sha256, row.outputs), strict=True)
    ]
    lines = "".join(
        f"<li>{what} <code>{_text(uri)}</code>{'' if digest is None else f' <code>sha256 {digest}</code>'}</li>"
        for what, uri, digest in files
    )
    kinds = " ".join(found.kind for found in row.warnings)
    return (
        f'<tr data-state="{row.state}" data-kinds="{kinds}"><td class="text"><details><summary>{_text(row.uri[start:])}'
        f"</summary><ul>{lines}</ul></details></td><td>{'' if row.seconds is None else clock(row.seconds)}</td>"
        f"<td>{'' if row.speed is None else f'{row.speed:,.0f} ×'}</td>"
        f'<td class="text"><b class="{row.state.split()[-1]}">{row.state}</b> {"<br>".join(said)}</td>'
        f'<td class="text">{drawn}<span class="soft">{_text(emotion)}</span></td></tr>'
    )


def _padded(digests: Sequence[str], outputs: Sequence[str]) -> Iterable[str | None]:
    return [*digests, *[None] * (len(outputs) - len(digests))]


def _strip_attributes(strip: Strip) -> str:
    end = clock(strip.bucket_s * len(strip.digits) / len(strip.labels))
    labels = html.escape(",".join(strip.labels))
    return f'data-digits="{strip.digits}" data-labels="{labels}" role="img" aria-label="emotion from 0:00 to {end}"'


def _colours(shown: Iterable[ShownRow]) -> str:
    """Colour by label as a JavaScript object; the labels are a model's, so that nothing in them can end the script."""
    labels = dict.fromkeys(label for one in shown if one.strip is not None for label in one.strip.labels)
    return json.dumps(colours_of(labels)).replace("<", "\\u003c")


def colours_of(labels: Iterable[str]) -> dict[str, str]:
    """A colour for every label; those that the player does not know get others in turn."""
    unknown = iter(OTHER_COLOURS * 20)
    return {label: EMOTION_COLOURS.get(label) or next(unknown, OTHER_COLOURS[0]) for label in labels}


def _histogram(what: str, unit: str, edges: Sequence[float], counts: Sequence[int]) -> Histogram:
    return Histogram(what=what, unit=unit, edges=tuple(edges), counts=tuple(counts))


def _hours(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 100 else length(hours)


def _text(text: str) -> str:
    return html.escape(printable(text))
