"""The report of a corpus as one web page: no network, no files beside it; it prints, too."""

import html
from collections.abc import Iterable, Sequence
from importlib import resources

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import FPS
from emotalk.corpus.clip import Clip
from emotalk.corpus.manifest import QUARANTINE, Counts
from emotalk.corpus.report.pictures import bar_cell, coefficients_picture, histogram_picture
from emotalk.corpus.report.report import SAMPLE_MAX_S, CorpusReport
from emotalk.head import relative_pose
from emotalk.labels import LEVELS
from emotalk.player import Take
from emotalk.player import page as player_page
from emotalk.rigs import procedural_head
from emotalk.template import filled

MAX_SPEAKERS = 60  # in the table; the JSON has all
HEAT = 0.55  # opacity behind the largest number of a table


def report_page(report: CorpusReport, samples: Sequence[Clip]) -> str:
    """The page; `samples` are played over the procedural head."""
    parts = {
        "title": html.escape(f"Corpus: {report.corpus['source']}"),
        "subtitle": f"{html.escape(report.corpus['location'])}, manifest SHA-256 {report.corpus['digest'][:12]}",
        "facts": _facts(report),
        "warnings": _warnings(report),
        "splits": _splits(report),
        "speakers": _speakers(report),
        "samples": _player(samples),
        "moving": f"{report.moving_threshold:g}",
        "coefficients": coefficients_picture(report.coefficients) if report.coefficients else "No frame could be read.",
        "histograms": "".join(
            f'<figure class="panel"><figcaption>{html.escape(one.what[0].upper() + one.what[1:])}</figcaption>'
            f"{histogram_picture(one)}</figure>"
            for one in report.histograms
        ),
        "reasons": _reasons(report),
    }
    return filled(resources.files("emotalk.corpus.report") / "page.html", parts)


def _facts(report: CorpusReport) -> str:
    total = report.total
    turned_away = sum(reason.items for reason in report.reasons)
    facts = [
        (f"{total.hours:.2f}", "hours") if total.hours >= 0.1 else (f"{total.hours * 60:.1f}", "minutes"),
        (f"{total.clips:,}", "clips"),
        (f"{total.speakers:,}", "speakers"),
        (f"{total.squares:,}", "complete squares"),
        (f"{report.clips_with_head:,}", "clips with head motion"),
        (f"{turned_away:,}", "items turned away"),
    ]
    return "".join(f"<div><b>{value}</b><span>{what}</span></div>" for value, what in facts)


def _warnings(report: CorpusReport) -> str:
    """What whoever trains on this should know first."""
    said = []
    still = [one.name for one in report.coefficients if one.high == one.low]
    if still:
        said.append(f"Never move: {', '.join(still)}.")
    if report.repeated_recordings:
        said.append(f"{report.repeated_recordings} clips have the sound of another clip.")
    if not report.total.squares:
        said.append("There is no complete square: cross-reconstruction has nothing to train on.")
    if report.unreadable:
        first, reason = next(iter(report.unreadable.items()))
        said.append(
            f"{len(report.unreadable)} clips cannot be read, the first ({first}): {reason}. Rebuild the corpus."
        )
    return "".join(f'<p class="warn" style="margin-top:14px">{html.escape(text)}</p>' for text in said)


def _splits(report: CorpusReport) -> str:
    def row(name: str, counts: Counts) -> list[str]:
        numbers = (f"{counts.clips:,}", f"{counts.hours:.2f}", f"{counts.frames:,}", f"{counts.speakers:,}")
        share = counts.hours / report.total.hours if report.total.hours else 0.0
        return [name, *numbers, f"{counts.squares:,}", bar_cell(share)]

    rows = [row(name, counts) for name, counts in report.splits.items()]
    return _table(("split", "clips", "hours", "frames", "speakers", "squares", "share of the hours"), rows)


def _speakers(report: CorpusReport) -> str:
    shown = report.speakers[:MAX_SPEAKERS]
    most = max((count for speaker in shown for count in speaker.clips.values()), default=1)
    lines = [_row("th", ["speaker", "split", "hours", "squares", *map(html.escape, report.labels)])]
    for speaker in shown:
        cells = [f"<td>{html.escape(speaker.name)}</td>", f"<td>{html.escape(speaker.split)}</td>"]
        cells += [f"<td>{speaker.hours:.3f}</td>", f"<td>{speaker.squares:,}</td>"]
        cells += [_heat(speaker.clips.get(label, 0), most) for label in report.labels]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    rest = len(report.speakers) - len(shown)
    note = f'<p class="example">and {rest} more speakers, in the JSON file</p>' if rest else ""
    return f"<table>{''.join(lines)}</table>{note}"


def _heat(count: int, most: int) -> str:
    if not count:
        return '<td class="none">·</td>'
    colour = f"color-mix(in srgb, var(--blue) {100 * HEAT * count / most:.0f}%, transparent)"
    return f'<td style="background:{colour}">{count:,}</td>'


def _player(samples: Sequence[Clip]) -> str:
    if not samples:
        return "<p>No clip could be read.</p>"
    document = player_page(
        [_take(clip) for clip in samples], procedural_head(), title="Samples of the corpus", framed=True
    )
    # As an attribute, so that the page needs no second file.
    return f'<iframe title="Samples on the head" loading="lazy" srcdoc="{html.escape(document)}"></iframe>'


def _take(clip: Clip) -> Take:
    frames = round(SAMPLE_MAX_S * FPS)
    labels = [clip.emotion, None if clip.level is None else LEVELS[clip.level], clip.speaker]
    return Take(
        title=" · ".join(label for label in labels if label),
        caption=clip.clip_id,
        weights=np.asarray(clip.weights[:frames]),
        samples=clip.samples[: round(SAMPLE_MAX_S * SAMPLE_RATE)],
        head=None if clip.head is None else relative_pose(clip.head)[:frames],
    )


def _reasons(report: CorpusReport) -> str:
    if not report.reasons:
        return "<p>Nothing.</p>"
    lines = ['<tr><th>reason</th><th>items</th><th class="text">such as</th></tr>']
    for reason in report.reasons:
        such_as = "<br>".join(f"<code>{html.escape(item)}</code> {html.escape(text)}" for item, text in reason.examples)
        lines.append(
            f"<tr><td>{html.escape(reason.name)}</td><td>{reason.items:,}</td>"
            f'<td class="text example">{such_as}</td></tr>'
        )
    note = f"<p>Every item with its reason is a row of {QUARANTINE} in the corpus.</p>"
    return f'{note}<div class="panel"><table>{"".join(lines)}</table></div>'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head, body = _row("th", header), "".join(_row("td", row) for row in rows)
    return f"<table>{head}{body}</table>"


def _row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{cell}</{kind}>' for cell in cells)}</tr>"
