"""The report as one web page: plots, tables, and the clips that went most wrong to look at. No network is needed."""

import html
from collections.abc import Sequence

from emotalk.errors import InputError, MissingExtraError
from emotalk.metrics import plots
from emotalk.metrics.coefficients import REGIONS
from emotalk.metrics.evaluation import REAL
from emotalk.metrics.leakage import PROSODY
from emotalk.metrics.markdown import INTERVALS, definitions
from emotalk.metrics.pictures import worst_frames
from emotalk.metrics.report import (
    CONDITIONS,
    ModelReport,
    Report,
    Scores,
    cross_lines,
    emotion_lines,
    leakage_lines,
    prosody_of,
    response_lines,
)
from emotalk.metrics.response import Estimate
from emotalk.metrics.totals import Totals
from emotalk.metrics.worst import Worst
from emotalk.player import Take
from emotalk.player.page import page as player_page
from emotalk.render.stage import NoOpenGLError
from emotalk.rigs.rig import Rig

_STYLE = (
    """
:root{--ink:#1d2127;--soft:#5c6470;--paper:#f4f2ef;--card:#fff;--line:#dfdbd5;
--c0:#2f6fb2;--c1:#c98a00;--c2:#c8452f;--c3:#3f8f5f;--c4:#7d5ba6;--c5:#7a8290}
@media(prefers-color-scheme:dark){:root{--ink:#eceef1;--soft:#a0a8b3;--paper:#15171b;--card:#1f2329;--line:#343a43;
--c0:#7fb3ea;--c1:#f2bd4b;--c2:#ff7f66;--c3:#7fcf9f;--c4:#bd9fe6;--c5:#9aa3b0}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
main{max-width:1000px;margin:0 auto;padding:16px}h1{font-size:1.5rem}h2{font-size:1.2rem;margin:2em 0 .5em}
h3{font-size:1rem;margin:1.4em 0 .4em}p,li{overflow-wrap:anywhere}p{color:var(--soft);margin:.3em 0}
section>div.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:12px}
figure{margin:0;padding:10px 12px;background:var(--card);border:1px solid var(--line);border-radius:12px}
figcaption{font-weight:600;margin-bottom:6px}svg{width:100%;max-width:560px;height:auto;display:block}
svg text{font-size:13px;fill:var(--ink)}svg text.soft{fill:var(--soft)}svg text.on{fill:var(--card)}
.axis{stroke:var(--line)}.line{fill:none;stroke-width:2}.dash{stroke-dasharray:4 4;stroke-width:1.5}
.whisker{stroke:var(--ink);stroke-width:1.5}
"""
    + "".join(
        f".s{i}{{fill:var(--c{i})}}.l{i}{{stroke:var(--c{i})}}.legend .k{i}::before{{background:var(--c{i})}}"
        for i in range(plots.SERIES)
    )
    + """
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 0;padding:0;font-size:.85rem}
.legend li::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.5em}
.wide{overflow-x:auto}tr>:first-child{position:sticky;left:0;background:var(--paper)}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.85rem}
th,td{padding:4px 9px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{vertical-align:bottom}thead th{white-space:normal}th:first-child{text-align:left}
iframe{width:100%;height:830px;margin-top:12px;border:1px solid var(--line);border-radius:12px;background:var(--card)}
.stills{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:12px}.stills img{width:100%}
"""
)


def to_html(report: Report, totals: Totals, rig: Rig) -> str:
    """One file. The worst clips play in it; their pictures need the extra `render`; without it the page says so."""
    methods = list(report.methods)
    parts = [
        "<h1>Evaluation</h1>",
        _items(report.heading()),
        f"<p>{html.escape(INTERVALS)}</p>",
        _section("Errors of every method", _overview(report), _distributions(totals)),
        _section("Errors by region of the face", _regions(report)),
    ]
    for name in methods:
        model = report.methods[name].model
        if model is not None:
            parts.append(_model(report, name, model))
    for name in methods:
        parts.append(_worst(name, totals.worst[name], rig))
    for title, table in report.tables():
        parts += [f"<h2>{title}</h2>", _table(table)]
    for name in methods:
        parts += [f"<h2>{html.escape(name)} against the rest</h2>", _table(report.difference_table(name))]
    parts += ["<h2>How it was measured</h2>", _items([f"{name}: {text}" for name, text in CONDITIONS.items()])]
    parts += ["<h2>What the columns mean</h2>", _items(definitions(report))]
    title = html.escape(f"Evaluation of {', '.join(methods)}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><link rel="icon" '
        f'href="data:,"><style>{_STYLE}</style></head>\n<body><main>\n' + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _overview(report: Report) -> str:
    faces = {name: scores for name, scores in report.faces.items() if name != REAL}
    charts = [_figure("LVE and EVE, mm", plots.bars(_values(faces, ("LVE", "EVE")), ("LVE", "EVE")))]
    speech = [q.name for q in report.quantities if q.name in ("closure recall", "closure precision")]
    if speech:
        charts.append(_figure("Lip closure at p, b, m", plots.bars(_values(report.faces, speech), speech)))
    return "".join(charts)


def _distributions(totals: Totals) -> str:
    units = {quantity.name: quantity.unit for quantity in totals.measures.quantities}
    columns = {method: totals.per_clip(method) for method in totals.methods}
    return "".join(
        _figure(
            f"{name[0].upper()}{name[1:]} of each clip, {units[name]}",
            plots.histogram({method: values[:, i] for method, values in columns.items()}, units[name]),
        )
        for i, name in enumerate(totals.per_clip_names)
    )


def _regions(report: Report) -> str:
    methods = [name for name, scores in report.faces.items() if name != REAL and scores.values["MAE"] is not None]
    rows = {
        f"{region} ({len(columns)})": [
            (report.faces[name].values[f"MAE {region}"], report.faces[name].intervals[f"MAE {region}"])
            for name in methods
        ]
        for region, columns in REGIONS.items()
    }
    return _figure("Mean absolute error (0–1) of the coefficients of each region", plots.bars(rows, methods, 3))


def _model(report: Report, name: str, model: ModelReport) -> str:
    figures = []
    if model.emotion.confusion:
        figures.append(_figure("Acted (rows) and heard (columns) emotion", plots.confusion(model.emotion.confusion)))
    probes: dict[str, list[plots.Value]] = {
        f"{p.reads} from {p.features.split()[0]}": [
            *((found.accuracy, found.interval) for found in (p, prosody_of(p, model.leakage))),
            (p.chance, None),
        ]
        for p in model.leakage
        if p.features != PROSODY
    }
    figures.append(
        _figure("What a linear probe reads", plots.bars(probes, ("of the features", "of prosody", "chance")))
    )
    if model.response is not None:
        for what, by in (("intensity", model.response.by_intensity), ("level", model.response.by_level)):
            figures.append(_figure(f"Upper-face activity by {what}", _response(what, by)))
    lines = [*emotion_lines(model.emotion), *leakage_lines(model.leakage), *response_lines(model.response)]
    parts = [f'<div class="plots">{"".join(figures)}</div>', _items(lines)]
    if model.exchanges:
        parts += [
            f"<h3>Cross-reconstruction, {model.targets} targets</h3>",
            _table(report.table(model.exchanges, ("LVE", "EVE", "lip gap error", "MAE", "RMSE"), intervals=True)),
            _items(cross_lines(model)),
        ]
    return f"<section><h2>{html.escape(name)}</h2>{''.join(parts)}</section>"


def _response(what: str, by: dict[str, Estimate]) -> str:
    points = [(float(x), (at.value, at.interval)) for x, at in by.items()]
    return plots.response_lines({"mean distance from rest": points}, what, "mm")


def _worst(name: str, clips: Sequence[Worst], rig: Rig) -> str:
    parts = [f"<h2>Worst clips of {html.escape(name)}</h2>"]
    parts.append(_items([f"{clip.clip_id}: LVE {clip.lve_mm:.2f} mm, worst at {clip.second:.2f} s" for clip in clips]))
    try:
        figures = (
            f'<figure><figcaption>{html.escape(title)}</figcaption><img alt="" src="{picture}"></figure>'
            for title, picture in worst_frames(clips, rig)
        )
        parts.append(f'<div class="stills">{"".join(figures)}</div>')
    except (MissingExtraError, NoOpenGLError) as error:
        parts.append(f"<p>No pictures: {html.escape(str(error))}</p>")
    takes = [
        Take(title=f"{which} {number + 1}", weights=weights, samples=clip.samples, caption=f"{clip.clip_id}, {which}")
        for number, clip in enumerate(clips)
        for which, weights in (("predicted", clip.predicted), ("real", clip.real))
        if weights is not None and clip.predicted is not None
    ]
    if not takes:
        return "".join([*parts, "<p>Predicted vertices do not play here: the player moves coefficients.</p>"])
    try:
        player = player_page(takes, rig, title=f"Worst clips of {name}", framed=True)
    except InputError as error:  # a mesh too large for a page, recordings of half an hour
        return "".join([*parts, f"<p>They are not played here: {html.escape(error.reason)}.</p>"])
    frame = f'<iframe title="Worst clips of {html.escape(name)}" srcdoc="{html.escape(player)}"></iframe>'
    return "".join([*parts, frame])


def _values(faces: dict[str, Scores], names: Sequence[str]) -> dict[str, list[plots.Value]]:
    return {row: [(scores.values[name], scores.intervals[name]) for name in names] for row, scores in faces.items()}


def _section(title: str, *figures: str) -> str:
    return f'<section><h2>{html.escape(title)}</h2><div class="plots">{"".join(figures)}</div></section>'


def _figure(title: str, content: str) -> str:
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{content}</figure>"


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def _table(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    head = "".join(f"<th>{html.escape(text)}</th>" for text in header)
    lines = "".join(
        f"<tr><th>{html.escape(row[0])}</th>{''.join(f'<td>{html.escape(text)}</td>' for text in row[1:])}</tr>"
        for row in body
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
