"""The report of an evaluation: every number with its unit, as JSON and as a page to read."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emotalk.metrics.emotions import EmotionAccuracy
from emotalk.metrics.measures import Quantity

CONDITIONS = {
    "prediction": "the network's output clamped to [0, 1], without smoothing, silence gate, blinks and tail",
    "level": "unknown (half normal, half strong), as of a new recording",
    "style": "none, as of a new speaker",
    "pooling": "sums over all frames of all clips; only FDD is a mean over clips",
    "model, other sound": "the same model hears a clip with another statement (by the same speaker at the same level, "
    "where there is one); its animation is stretched to the clip's length",
    "ridge regression": "linear map from 11 frames of 40 log-mel bands, normalised to the clip's level",
    "jaw by loudness": "the mean face with jawOpen linear in the loudness in dB below the clip's loudest",
    "mean face": "one constant face",
    "cross-reconstruction": "the words of one clip with the emotion of another, against the real clip that has both; "
    "four clips of a speaker and level make two targets",
    "self-reconstruction": "the model on the sound of the same targets",
    "emotion not exchanged": "the clip with the words alone, its own emotion kept, stretched to the target's length",
}

# What fits on a terminal; page and JSON have all.
ON_TERMINAL = ("LVE", "EVE", "lip gap error", "MAE speech", "MAE upper face", "velocity error", "jawOpen r")


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much was looked at: clips, animation frames at 30 fps, hours of sound."""

    clips: int
    frames: int
    hours: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Results of one model on one split.

    model: directory, digest, preset, labels. corpus: location, digest of its manifest, source. rig: name, vertices.
    fitted_on: what the baselines were fitted on, None where the corpus has no training split.
    faces / exchanges: subject -> quantity -> value, None where it cannot be measured; counts: clips by subject.
    failed: clips that could not be read, with the reason; they are in no number.
    """

    version: str
    model: dict[str, Any]
    corpus: dict[str, Any]
    split: str
    evaluated: Amount
    fitted_on: Amount | None
    rig: dict[str, Any]
    quantities: tuple[Quantity, ...]
    faces: dict[str, dict[str, float | None]]
    exchanges: dict[str, dict[str, float | None]]
    counts: dict[str, int]
    emotion: EmotionAccuracy
    failed: dict[str, str]

    def to_json(self) -> str:
        """All numbers, with units, definitions and conditions."""
        return json.dumps(asdict(self) | {"conditions": CONDITIONS}, indent=1, ensure_ascii=False) + "\n"

    def heading(self) -> list[str]:
        """What was evaluated, in lines."""
        done, fit = self.evaluated, self.fitted_on
        fitted = (
            "baselines that are fitted: none, the corpus has no training split"
            if fit is None
            else f"baselines fitted on {fit.clips} clips, {fit.hours:.2f} h of the training split"
        )
        lines = [
            f"model {self.model['directory']} ({self.model['preset']}, sha256 {self.model['digest'][:12]})",
            f"corpus {self.corpus['location']} (sha256 {self.corpus['digest'][:12]}), {self.split} split: "
            f"{done.clips} clips, {done.frames} frames, {done.hours:.2f} h",
            fitted,
            f"millimetres on the mesh {self.rig['name']}; they say nothing about other meshes",
        ]
        if self.failed:
            lines.append(f"{len(self.failed)} clips could not be read and are left out: {', '.join(self.failed)}")
        return lines

    def table(
        self, results: dict[str, dict[str, float | None]], names: Collection[str] | None = None
    ) -> list[list[str]]:
        """`faces` or `exchanges` as texts: a header with units, then a row per subject. names: quantities to show."""
        shown = [q for q in self.quantities if names is None or q.name in names]
        rows = [[subject, *(_text(values[q.name], q) for q in shown)] for subject, values in results.items()]
        return [["", *(f"{q.name} {_UNITS[q.unit]}".strip() for q in shown)], *rows]

    def emotion_lines(self) -> list[str]:
        """Emotion accuracy in words, or why there is none."""
        heard = self.emotion
        notes = [
            f"{count} clips of {label} (unknown to the model) not judged" for label, count in heard.unknown.items()
        ]
        if heard.unlabelled:
            notes.append(f"{heard.unlabelled} clips have no label")
        if heard.accuracy is None or heard.balanced is None or heard.chance is None:
            return [f"emotion accuracy: n/a ({'; '.join(notes) or 'no clips'})"]
        labels = ", ".join(f"{label} {share:.0%} of {clips}" for label, (clips, share) in heard.per_label.items())
        return [
            f"emotion accuracy: {heard.accuracy:.1%} of {heard.clips} clips (mean over labels {heard.balanced:.1%}; "
            f"always the commonest label {heard.chance:.1%})",
            f"per label: {labels}",
            *notes,
        ]

    def to_markdown(self) -> str:
        """The page: tables, then definitions."""
        definitions = [
            f"* {q.name}{f' ({q.unit})' if q.unit else ''}: {q.definition}; better: {q.better}" for q in self.quantities
        ]
        conditions = [f"* {name}: {text}" for name, text in CONDITIONS.items()]
        parts = [
            "# Evaluation",
            "\n".join(f"* {line}" for line in self.heading()),
            _markdown_table(self.table(self.faces)),
            "## Emotion",
            "\n".join(f"* {line}" for line in self.emotion_lines()),
            "## Cross-reconstruction",
            _markdown_table(self.table(self.exchanges))
            if self.exchanges
            else "n/a: the split has no squares of labelled clips",
            "## How it was measured",
            "\n".join(conditions),
            "## What the columns mean",
            "\n".join(definitions),
        ]
        return "\n\n".join(parts) + "\n"


# In headers: errors of coefficients are in their own unit, 0 to 1, which needs no letters.
_UNITS = {"mm": "[mm]", "mm²": "[mm²]", "coefficient": "[0–1]", "coefficient/frame": "[1/frame]", "": ""}


def _text(value: float | None, quantity: Quantity) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4f}" if quantity.unit.startswith("coefficient") else f"{value:.3f}"


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *body))
