"""The report of an evaluation: every number with its unit and interval, as JSON and as a page to read."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from emotalk.metrics.bootstrap import LEVEL, REPLICATES
from emotalk.metrics.emotions import EmotionAccuracy
from emotalk.metrics.leakage import HALVINGS, PENALTY, PROSODY, Probe
from emotalk.metrics.measures import COEFFICIENT, HEAD, MESH, REGION, SPEECH, Quantity
from emotalk.metrics.response import Estimate, Response

CONDITIONS = {
    "prediction": "the network's output clamped to [0, 1], without smoothing, silence gate, blinks and tail; another "
    "method's files as they are, brought to 30 fps and cut to the clip",
    "level": "unknown (half normal, half strong), as of a new recording",
    "style": "none, as of a new speaker",
    "pooling": "sums over all frames of all clips; only FDD is a mean over clips",
    "interval": f"{LEVEL:.0%}, of {REPLICATES} replicates of a bootstrap over clips (Poisson counts, one seed): of "
    "other clips of these speakers; differences of two rows are paired, as both are resampled alike",
    "other sound": "the same model hears a clip with another statement (by the same speaker at the same level, where "
    "there is one); its animation is stretched to the clip's length",
    "ridge regression": "linear map from 11 frames of 40 log-mel bands, normalised to the clip's level",
    "jaw by loudness": "the mean face with jawOpen linear in the loudness in dB below the clip's loudest",
    "mean face": "one constant face",
    "real face": "the corpus's own face, which errs in nothing: what can be reached where a measure asks the sound",
    "cross-reconstruction": "the words of one clip with the emotion of another, against the real clip that has both; "
    "four clips of a speaker and level make two targets (EmoTalk, Peng et al. 2023)",
    "cross, phones aligned": "the same with every speech sound of the words moved to where the real clip says it, of "
    "the targets whose sounds are known to be those of the words; cross-reconstruction stretches the words evenly",
    "self-reconstruction": "the model on the sound of the same targets",
    "cross to self": "error of the cross-reconstruction over that of the self-reconstruction, of the same targets, "
    "resampled alike: 1 loses nothing by taking the words and the emotion from two recordings",
    "emotion not exchanged": "the clip with the words alone, its own emotion kept, stretched to the target's length",
    "emotion accuracy": "share of clips whose most probable label is the acted one",
    "content leakage": "balanced accuracy of a linear probe on the mean over frames of the features that the decoder "
    f"is given (logistic regression, standardised features, L2 penalty {PENALTY:g} of half the squared weights; of "
    "every label as many clips as of the rarest), trained on half of the speakers and tested on the other half, both "
    f"ways, over all ways to halve them (at most {HALVINGS}; of three speakers one against two); beside the same probe "
    "on ten numbers of level, pitch, pace and tilt (prosody), and chance (linear probes: Alain & Bengio 2016)",
    "intensity response": "mean distance of the upper-face vertices from rest, in mm, at intensity 0.5, 1 and 1.5 and "
    "at level 0 and 1, on clips of an emotion other than neutral",
}

# What fits on a terminal of 80 columns; page and JSON have all.
ON_TERMINAL = ("LVE", "EVE", "lip gap error", "closure recall", "jawOpen r")
# Of the paired differences, on the page; JSON has all.
COMPARED = ("LVE", "EVE", "lip gap error", "MAE speech", "MAE upper face", "velocity error", "jawOpen r")
TABLES = {
    MESH: "On the mesh",
    SPEECH: "Speech",
    HEAD: "Head",
    COEFFICIENT: "Coefficients",
    REGION: "Coefficients by region",
}


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much was looked at: clips, animation frames at 30 fps, hours of sound."""

    clips: int
    frames: int
    hours: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A row: quantity -> value, None where it cannot be measured, and its interval, None where there is none."""

    values: dict[str, float | None]
    intervals: dict[str, tuple[float, float] | None]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference of two rows with its interval; see `Scores`."""

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class CrossToSelf:
    """Error of a cross-reconstruction over that of the self-reconstruction of the same targets, by quantity."""

    targets: int
    ratios: dict[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """What is measured of a model alone. targets: of the exchanges; response: None where nothing was measured.

    cross_to_self: by kind of cross-reconstruction.
    """

    exchanges: dict[str, Scores]
    targets: int
    cross_to_self: dict[str, CrossToSelf]
    emotion: EmotionAccuracy
    leakage: tuple[Probe, ...]
    response: Response | None


@dataclass(frozen=True, kw_only=True)
class Method:
    """What was evaluated. about: a model's directory, digest, preset and labels; or a folder of files, fps and scale.

    differences: this method less every other row. missing: clips it has no file for, which are left out for all.
    worst: (clip, LVE in mm), worst first. model: None for another method's files.
    """

    about: dict[str, Any]
    differences: dict[str, dict[str, Difference]]
    worst: tuple[tuple[str, float], ...]
    missing: tuple[str, ...] = ()
    model: ModelReport | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Results of some methods on one split.

    corpus: location, digest of its manifest, source. rig: name, vertices. fitted_on: what the baselines were fitted on,
    None where the corpus has no training split. methods: by name, those asked for. faces: row of the table -> scores;
    counts: clips by row. failed: clips that could not be read, with the reason; they are in no number.
    """

    version: str
    corpus: dict[str, Any]
    split: str
    evaluated: Amount
    fitted_on: Amount | None
    rig: dict[str, Any]
    quantities: tuple[Quantity, ...]
    methods: dict[str, Method]
    faces: dict[str, Scores]
    counts: dict[str, int]
    failed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """All numbers, with units, definitions and conditions."""
        return json.dumps(asdict(self) | {"conditions": CONDITIONS}, indent=1, ensure_ascii=False) + "\n"

    def heading(self) -> list[str]:
        """What was evaluated, in lines."""
        done, fit = self.evaluated, self.fitted_on
        lines = [_about(name, method) for name, method in self.methods.items()]
        lines += [
            f"corpus {self.corpus['location']} (sha256 {self.corpus['digest'][:12]}), {self.split} split: "
            f"{done.clips} clips, {done.frames} frames, {done.hours:.2f} h",
            "baselines that are fitted: none, the corpus has no training split"
            if fit is None
            else f"baselines fitted on {fit.clips} clips, {fit.hours:.2f} h of the training split",
            f"millimetres on the mesh {self.rig['name']}; they say nothing about other meshes",
        ]
        for name, method in self.methods.items():
            if method.missing:
                lines.append(f"{len(method.missing)} clips without a file of {name}, left out: {_few(method.missing)}")
        if self.failed:
            lines.append(f"{len(self.failed)} clips could not be read and are left out: {_few(list(self.failed))}")
        return lines

    def table(
        self, rows: Mapping[str, Scores], names: Collection[str] | None = None, *, intervals: bool = False
    ) -> list[list[str]]:
        """Scores as texts: a header with units, then a row per subject. names: quantities to show (default: all).

        intervals: half the width of the interval behind each value.
        """
        shown = [q for q in self.quantities if names is None or q.name in names]
        header = ["", *(_head(q) for q in shown)]
        body = [
            [name, *(_text(row.values[q.name], q, row.intervals[q.name] if intervals else None) for q in shown)]
            for name, row in rows.items()
        ]
        return [header, *body]

    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """Title and table of all that was measured of the faces."""
        names = {title: [q.name for q in self.quantities if q.table == table] for table, title in TABLES.items()}
        return [(title, self.table(self.faces, shown, intervals=True)) for title, shown in names.items() if shown]

    def terminal_table(self) -> list[list[str]]:
        """The few numbers that matter most, with their intervals, in 80 columns."""
        rows = {name: scores for name, scores in self.faces.items() if name != "real face"}
        return self.table(rows, ON_TERMINAL, intervals=True)

    def difference_table(self, name: str) -> list[list[str]]:
        """A method less every other row, with intervals."""
        shown = [q for q in self.quantities if q.name in COMPARED]
        header = [f"{name} less", *(_head(q) for q in shown)]
        rows = [
            [other, *(_text(by[q.name].value, q, by[q.name].interval, signed=True) for q in shown)]
            for other, by in self.methods[name].differences.items()
            if other != "real face"
        ]
        return [header, *rows]


def summary_lines(model: ModelReport) -> list[str]:
    """A model's emotion, cross-reconstruction, leakage and intensity response, a line each."""
    leaks = [
        f"{p.reads} {_read(p, model.leakage)} from {p.features}"
        for p in model.leakage
        if p.accuracy is not None and not p.features.startswith(_OWN[p.reads]) and p.features != PROSODY
    ]
    lines = [emotion_lines(model.emotion)[0], *cross_lines(model)]
    if leaks:
        lines.append(f"leakage, read by a linear probe: {', '.join(leaks)}")
    if model.response is not None and model.response.intensity_slope.value is not None:
        slope, rising = model.response.intensity_slope, model.response.rising
        lines.append(
            f"intensity: upper face moves {_estimate(slope)} mm more per unit, rises at every step in "
            f"{rising.value:.0%} of {model.response.clips} clips"
        )
    return lines


def emotion_lines(heard: EmotionAccuracy) -> list[str]:
    """Emotion accuracy in words, or why there is none."""
    notes = [f"{count} clips of {label} (unknown to the model) not judged" for label, count in heard.unknown.items()]
    if heard.unlabelled:
        notes.append(f"{heard.unlabelled} clips have no label")
    if heard.accuracy is None or heard.balanced is None or heard.chance is None:
        return [f"emotion accuracy: n/a ({'; '.join(notes) or 'no clips'})"]
    labels = ", ".join(f"{label} {share:.0%} of {clips}" for label, (clips, share) in heard.per_label.items())
    between = "" if heard.interval is None else f" [{heard.interval[0]:.1%}, {heard.interval[1]:.1%}]"
    return [
        f"emotion accuracy: {heard.accuracy:.1%}{between} of {heard.clips} clips (mean over labels "
        f"{heard.balanced:.1%}; always the commonest label {heard.chance:.1%})",
        f"per label: {labels}",
        *notes,
    ]


def cross_lines(model: ModelReport) -> list[str]:
    """A line per kind of cross-reconstruction: how much of the error is the exchange's."""
    out = []
    for kind, found in model.cross_to_self.items():
        ratios = ", ".join(f"{name} {_estimate(ratio)}" for name, ratio in found.ratios.items())
        out.append(f"{kind} over self-reconstruction, {found.targets} targets: {ratios}")
    return out


def leakage_lines(probes: Sequence[Probe]) -> list[str]:
    """A line per probe of a model's features: what a straight look at them tells."""
    out = []
    for found in probes:
        what = f"{found.reads} read from the {found.features}"
        if found.features == PROSODY:
            continue
        if found.accuracy is None or found.chance is None:
            out.append(f"{what}: n/a (no two labels with two speakers each)")
            continue
        between = "" if found.interval is None else f" [{found.interval[0]:.1%}, {found.interval[1]:.1%}]"
        out.append(
            f"{what}: {_read(found, probes)}{between}; {found.labels} labels, {found.clips} clips, {found.speakers} "
            "speakers in halves"
        )
    return out


def prosody_of(found: Probe, probes: Sequence[Probe]) -> Probe:
    """The probe that reads the same label from the prosody alone."""
    return next(p for p in probes if p.features == PROSODY and p.reads == found.reads)


def _read(found: Probe, probes: Sequence[Probe]) -> str:
    """`27.3% (prosody 31.0%, chance 12.5%)`"""
    return f"{found.accuracy:.1%} (prosody {prosody_of(found, probes).accuracy:.1%}, chance {found.chance:.1%})"


def response_lines(found: Response | None) -> list[str]:
    """How the upper face answers to intensity and level."""
    if found is None:
        return ["intensity response: n/a (no clips of an emotion)"]
    lines = []
    if found.intensity_slope.value is None:
        lines.append("intensity: n/a (the model has no emotion prototypes)")
    else:
        steps = ", ".join(f"{_estimate(at)} at {x}" for x, at in found.by_intensity.items())
        lines.append(
            f"intensity: {_estimate(found.intensity_slope)} mm more per unit of intensity ({steps}); rises at every "
            f"step in {_estimate(found.rising, '.0%')} of {found.clips} clips"
        )
    if found.level_slope.value is not None:
        lines.append(
            f"level: {_estimate(found.level_slope)} mm more from level 0 to 1; rises in "
            f"{_estimate(found.rising_level, '.0%')} of the clips"
        )
    if found.real_level_slope.value is not None:
        lines.append(f"real clips: {_estimate(found.real_level_slope)} mm more from level 0 to 1")
    return lines


_OWN = {"emotion": "emotion", "statement": "content"}  # the features that are meant to tell a label
# In headers: errors of coefficients are in their own unit, 0 to 1, which needs no letters.
_UNITS = {"coefficient": "[0–1]", "coefficient/frame": "[1/frame]", "coefficient/frame³": "[1/frame³]", "": ""}


def _head(quantity: Quantity) -> str:
    return f"{quantity.name} {_UNITS.get(quantity.unit, f'[{quantity.unit}]')}".strip()


def _text(
    value: float | None, quantity: Quantity, interval: tuple[float, float] | None = None, *, signed: bool = False
) -> str:
    if value is None:
        return "n/a"
    digits = 4 if quantity.unit.startswith("coefficient") else 3 if quantity.unit == "" else 2
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    if interval is None:
        return text
    low, high = interval
    # A percentile interval need not be symmetric; its half width is what people compare by eye.
    return f"{text} ±{(high - low) / 2:.{digits}f}".replace("±0.", "±.")


def _estimate(found: Estimate, how: str = ".2f") -> str:
    if found.value is None:
        return "n/a"
    if found.interval is None:
        return f"{found.value:{how}}"
    return f"{found.value:{how}} [{found.interval[0]:{how}}, {found.interval[1]:{how}}]"


def _about(name: str, method: Method) -> str:
    about = method.about
    if method.model is not None:
        return f"{name}: {about['directory']} ({about['preset']}, sha256 {about['digest'][:12]})"
    scale = "" if about["scale"] == 1 else f", vertices × {about['scale']:g} mm"
    return f"{name}: files of {about['location']} (.npy at {about['fps']:g} fps{scale})"


def _few(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more (report.json has all)"
