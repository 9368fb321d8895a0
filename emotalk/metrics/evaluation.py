"""The evaluation itself, one row group at a time: predict, compare, sum."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.inference.animator import Animator
from emotalk.labels import EMOTIONS
from emotalk.metrics.baselines import JAW, MEAN, RIDGE, Baselines, FitSums
from emotalk.metrics.emotions import EmotionCounts
from emotalk.metrics.exchange import cross_reconstruct, resample
from emotalk.metrics.measures import Measures
from emotalk.metrics.plan import Exchange, Unit
from emotalk.metrics.reading import read_clips

# What the network says and nothing else; level and style unknown, as of any new recording.
RAW = Controls(smoothing=False, silence_gate=False, blinks_per_minute=0, tail_s=0)

MODEL, OTHER_SOUND = "model", "model, other sound"
SUBJECTS = (MODEL, OTHER_SOUND, RIDGE, JAW, MEAN)
CROSS, SELF, UNCHANGED = "cross-reconstruction", "self-reconstruction", "emotion not exchanged"
EXCHANGES = (CROSS, SELF, UNCHANGED)


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluationSums:
    """Everything that is counted, additive.

    faces / exchanges: sums of `Measures` by subject. counts: clips by subject. emotions: see `EmotionCounts`.
    clips, frames, samples: of the split, as far as read.
    failed: (clip, reason) of clips that could not be read.
    """

    faces: dict[str, np.ndarray] = field(default_factory=dict)
    exchanges: dict[str, np.ndarray] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    emotions: np.ndarray = field(default_factory=lambda: np.zeros(()))
    clips: int = 0
    frames: int = 0
    samples: int = 0
    failed: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: "EvaluationSums") -> "EvaluationSums":
        return EvaluationSums(
            faces=_add_by_key(self.faces, other.faces),
            exchanges=_add_by_key(self.exchanges, other.exchanges),
            counts=_add_by_key(self.counts, other.counts),
            emotions=self.emotions + other.emotions,
            clips=self.clips + other.clips,
            frames=self.frames + other.frames,
            samples=self.samples + other.samples,
            failed=self.failed + other.failed,
        )


def _add_by_key(mine: dict, theirs: dict) -> dict:
    return mine | {key: mine[key] + value if key in mine else value for key, value in theirs.items()}


class Evaluator:
    """A model, the fitted baselines (None: there was nothing to fit them on) and the measures, ready to work."""

    def __init__(self, animator: Animator, baselines: Baselines | None, measures: Measures, corpus: Corpus) -> None:
        self.animator, self.baselines, self.measures, self.corpus = animator, baselines, measures, corpus

    @cached_property
    def emotions(self) -> EmotionCounts:
        return EmotionCounts(EMOTIONS, self.animator.model.config.emotions)

    def evaluate(self, unit: Unit) -> EvaluationSums:
        """The sums of a unit's clips, added in their order."""
        clips, failed = read_clips(self.corpus, _needed(unit))
        faces = {name: self.animator.animate(clips[name].samples, RAW) for name in _heard(unit) if name in clips}
        total = EvaluationSums()
        for task in unit.tasks:
            if task.clip_id not in clips:
                total += EvaluationSums(failed=((task.clip_id, failed[task.clip_id]),))
                continue
            clip = clips[task.clip_id]
            animation = faces[task.clip_id]
            predicted = {MODEL: animation.weights}
            if task.other in faces:
                predicted[OTHER_SOUND] = resample(faces[task.other].weights, clip.frames)
            if self.baselines is not None:
                predicted |= self.baselines.predict(clip.samples, clip.frames)
            total += self._compare(clip, animation, predicted)
            if task.exchange is not None and {task.exchange.content, task.exchange.emotion} <= clips.keys():
                total += self._exchange(clip, clips, faces, task.exchange)
        return total

    def _compare(self, clip: Clip, animation: Animation, predicted: dict[str, np.ndarray]) -> EvaluationSums:
        return EvaluationSums(
            faces={name: self.measures.sums(weights, clip.weights) for name, weights in predicted.items()},
            counts=dict.fromkeys(predicted, 1),
            emotions=self.emotions.sums(clip.emotion, animation.meta["heard"]),
            clips=1,
            frames=clip.frames,
            samples=len(clip.samples),
        )

    def _exchange(
        self, target: Clip, clips: dict[str, Clip], faces: dict[str, Animation], exchange: Exchange
    ) -> EvaluationSums:
        content, emotion = clips[exchange.content], clips[exchange.emotion]
        predicted = {
            CROSS: cross_reconstruct(self.animator.model, content.samples, emotion.samples, target.frames),
            SELF: faces[target.clip_id].weights,
            UNCHANGED: resample(faces[exchange.content].weights, target.frames),
        }
        return EvaluationSums(
            exchanges={name: self.measures.sums(weights, target.weights) for name, weights in predicted.items()},
            counts=dict.fromkeys(predicted, 1),
        )


def fit_units(corpus: Corpus, units: Iterable[Unit]) -> FitSums:
    """The fit's sums of some units' clips; clips that cannot be read are left out and named."""
    sums = FitSums.zero()
    for unit in units:
        clips, failed = read_clips(corpus, [task.clip_id for task in unit.tasks])
        start = replace(sums, failed=sums.failed + tuple(failed.items()))
        sums = sum((FitSums.of(clip.samples, clip.weights) for clip in clips.values()), start)
    return sums


def _heard(unit: Unit) -> list[str]:
    """The clips whose own animation is needed, each once."""
    names = [task.clip_id for task in unit.tasks] + [task.other for task in unit.tasks if task.other is not None]
    names += [task.exchange.content for task in unit.tasks if task.exchange is not None]
    return list(dict.fromkeys(names))


def _needed(unit: Unit) -> list[str]:
    names = _heard(unit) + [task.exchange.emotion for task in unit.tasks if task.exchange is not None]
    return list(dict.fromkeys(names))
