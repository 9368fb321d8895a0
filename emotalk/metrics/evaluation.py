"""The evaluation itself, one row group at a time: predict, compare, sum per clip."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.errors import InputError
from emotalk.head import relative_pose
from emotalk.inference.animator import Animator
from emotalk.labels import EMOTIONS
from emotalk.metrics.baselines import JAW, MEAN, RIDGE, Baselines, FitSums
from emotalk.metrics.emotions import EmotionCounts
from emotalk.metrics.exchange import cross_reconstruct, resample
from emotalk.metrics.face import LIPS, UPPER_FACE
from emotalk.metrics.leakage import averaged_features
from emotalk.metrics.measures import Measures
from emotalk.metrics.pair import Pair
from emotalk.metrics.plan import Task, Unit
from emotalk.metrics.predictions import Prediction, Predictions
from emotalk.metrics.reading import read_clips
from emotalk.metrics.response import INTENSITIES, LEVELS, Activity, clip_response
from emotalk.metrics.vertices import Field
from emotalk.metrics.worst import Worst, excerpt, keep_worst
from emotalk.model.network import EmoTalk
from emotalk.rigs.rig import Rig
from emotalk.timewarp import even_positions, phone_map

# What the network says and nothing else; level and style unknown, as of any new recording.
RAW = Controls(smoothing=0, silence_gate=0, blinks_per_minute=0, tail_s=0)

BASELINES = (RIDGE, JAW, MEAN)
REAL = "real face"
CROSS, CROSS_ALIGNED = "cross-reconstruction", "cross, phones aligned"
SELF, UNCHANGED = "self-reconstruction", "emotion not exchanged"
SELF_ALIGNED = "self-reconstruction of the aligned targets"  # what CROSS_ALIGNED is compared with; no row of a table
EXCHANGES = (CROSS, CROSS_ALIGNED, SELF, UNCHANGED)


def other_sound(model: str) -> str:
    """The row of a model that hears another clip's sound."""
    return f"{model}, other sound"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What is known of a clip that was compared, in lengths and labels."""

    clip_id: str
    speaker: str
    statement: str
    emotion: str | None
    level: int | None
    frames: int
    samples: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelSums:
    """What is measured of a model alone, a row per compared clip; see `EmotionCounts` and `emotalk.metrics.response`.

    exchanges: (clips, size) sums of `Measures` by kind, rows of zeros for clips that are no target. targets: how many
    are, by kind.
    features: by name, (probed, d), of the clips at the rows `probed`.
    """

    emotions: np.ndarray
    response: np.ndarray
    exchanges: dict[str, np.ndarray]
    targets: dict[str, int]
    features: dict[str, np.ndarray]
    probed: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitSums:
    """Everything that is counted of a unit, clip by clip.

    clips: compared. faces: (clips, size) sums of `Measures` by row of the table; counts: clips by row.
    worst: by method, those of the unit's clips that it got most wrong. failed: (clip, reason) of those left out.
    """

    clips: tuple[Compared, ...]
    faces: dict[str, np.ndarray]
    counts: dict[str, int]
    models: dict[str, ModelSums]
    worst: dict[str, tuple[Worst, ...]]
    failed: tuple[tuple[str, str], ...]


class Evaluator:
    """Models and other methods' outputs, the fitted baselines (None: nothing to fit them on) and the measures."""

    def __init__(
        self,
        models: Mapping[str, Animator],
        predictions: Sequence[Predictions],
        baselines: Baselines | None,
        measures: Measures,
        rig: Rig,
        corpus: Corpus,
    ) -> None:
        self.models, self.predictions, self.baselines = dict(models), tuple(predictions), baselines
        self.measures, self.rig, self.corpus = measures, rig, corpus
        self._activity, self._lips = Activity(rig, UPPER_FACE), Field(rig, LIPS)

    def evaluate(self, unit: Unit) -> UnitSums:
        """The unit's clips in their order. A clip that cannot be read, or of which a method has none, is left out."""
        clips, failed = read_clips(self.corpus, _needed(unit))
        left_out = [(task.clip_id, failed[task.clip_id]) for task in unit.tasks if task.clip_id not in clips]
        readable = [task for task in unit.tasks if task.clip_id in clips]
        heard = {
            name: {clip_id: animator.animate(clips[clip_id].samples, RAW) for clip_id in _heard(readable, clips)}
            for name, animator in self.models.items()
        }
        tasks: list[Task] = []
        rows: dict[str, list[np.ndarray]] = {}
        counts: dict[str, int] = {}
        worst: dict[str, tuple[Worst, ...]] = {}
        for task in readable:
            clip = clips[task.clip_id]
            try:
                # One clip at a time: the vertices of a row group would fill the memory.
                given = {other.name: other.read(clip.clip_id, clip.frames, self.rig) for other in self.predictions}
            except InputError as error:
                left_out.append((task.clip_id, str(error)))
                continue
            tasks.append(task)
            for name, face in self._faces(task, clip, heard, given).items():
                # Nothing to hear instead: a row of zeros counts nothing and keeps the clips of all rows aligned.
                sums = np.zeros(self.measures.size) if face is None else self._sums(clip, face)
                rows.setdefault(name, []).append(sums)
                counts[name] = counts.get(name, 0) + (face is not None)
                if face is not None and (name in self.models or name in given):
                    worst[name] = keep_worst((*worst.get(name, ()), self._worst(clip, face)))
        return UnitSums(
            clips=tuple(_compared(clips[task.clip_id]) for task in tasks),
            faces={name: np.array(parts) for name, parts in rows.items()},
            counts=counts,
            models={name: self._model(name, tasks, clips, faces) for name, faces in heard.items()},
            worst=worst,
            failed=tuple(left_out),
        )

    def _faces(
        self,
        task: Task,
        clip: Clip,
        heard: Mapping[str, Mapping[str, Animation]],
        given: Mapping[str, Prediction],
    ) -> dict[str, Prediction | None]:
        """Every row of the table for a clip, in the table's order."""
        out: dict[str, Prediction | None] = {}
        for name, faces in heard.items():
            own = faces[task.clip_id]
            out[name] = Prediction(weights=own.weights, head=own.head)
            other = None if task.other is None else faces.get(task.other)
            out[other_sound(name)] = None if other is None else _stretched(other, clip.frames)
        out |= given
        if self.baselines is not None:
            simple = self.baselines.predict(clip.samples, clip.frames)
            out |= {name: Prediction(weights=weights) for name, weights in simple.items()}
            out[MEAN] = replace(out[MEAN] or Prediction(), head=np.zeros((clip.frames, 6), np.float32))
        return out | {
            REAL: Prediction(weights=clip.weights, head=None if clip.head is None else relative_pose(clip.head))
        }

    def _sums(self, clip: Clip, face: Prediction) -> np.ndarray:
        return self.measures.sums(self._pair(clip, face))

    @staticmethod
    def _pair(clip: Clip, face: Prediction) -> Pair:
        return Pair(
            face.weights,
            clip.weights,
            face.vertices,
            samples=clip.samples,
            phones=clip.phones,
            head=face.head,
            target_head=clip.head,
        )

    def _worst(self, clip: Clip, face: Prediction) -> Worst:
        blocks = list(self._lips.squared_errors(self._pair(clip, face)))
        distances = np.sqrt(np.concatenate([block.max(1) for block in blocks]))
        return excerpt(clip.clip_id, distances, face, clip.weights, clip.samples)

    def _model(
        self, name: str, tasks: Sequence[Task], clips: Mapping[str, Clip], faces: Mapping[str, Animation]
    ) -> ModelSums:
        animator = self.models[name]
        counts = EmotionCounts(EMOTIONS, animator.model.config.emotions)
        emotions = np.zeros((len(tasks), *counts.shape))
        exchanges = {kind: np.zeros((len(tasks), self.measures.size)) for kind in (*EXCHANGES, SELF_ALIGNED)}
        responses = np.zeros((len(tasks), len(clip_response({}, {}, None))))
        features: dict[str, list[np.ndarray]] = {}
        probed: list[int] = []
        targets = dict.fromkeys(exchanges, 0)
        for row, task in enumerate(tasks):
            clip, animation = clips[task.clip_id], faces[task.clip_id]
            emotions[row] = counts.sums(clip.emotion, animation.meta["heard"])
            responses[row] = self._response(animator, clip, animation, task.steered)
            exchange = task.exchange
            if exchange is not None and {exchange.content, exchange.emotion} <= clips.keys():
                words, feeling = clips[exchange.content], clips[exchange.emotion]
                faces_of_kind = self._exchanged(animator.model, clip, words, feeling, animation, faces[words.clip_id])
                for kind, weights in faces_of_kind.items():
                    targets[kind] += 1
                    exchanges[kind][row] = self._sums(clip, Prediction(weights=weights))
            if task.probed:
                probed.append(row)
                for what, vector in averaged_features(animator.model, clip.samples).items():
                    features.setdefault(what, []).append(vector)
        return ModelSums(
            emotions=emotions,
            response=responses,
            exchanges=exchanges,
            targets=targets,
            features={what: np.array(vectors) for what, vectors in features.items()},
            probed=tuple(probed),
        )

    @staticmethod
    def _exchanged(
        model: EmoTalk, target: Clip, words: Clip, feeling: Clip, own: Animation, unchanged: Animation
    ) -> dict[str, np.ndarray]:
        """The faces of one exchange by kind; those that are aligned where both clips say the same known sounds."""
        even = even_positions(target.frames, words.frames)
        moments = phone_map(target.phones, target.duration_s, words.phones, words.duration_s)
        aligned = [] if moments is None else [moments.positions(target.frames, words.frames)]
        stretched, *by_phones = cross_reconstruct(model, words.samples, feeling.samples, [even, *aligned])
        out = {CROSS: stretched, SELF: own.weights, UNCHANGED: resample(unchanged.weights, even)}
        for face in by_phones:
            out |= {CROSS_ALIGNED: face, SELF_ALIGNED: own.weights}
        return out

    def _response(self, animator: Animator, clip: Clip, usual: Animation, steered: bool) -> np.ndarray:
        def activity(controls: Controls) -> float:
            return self._activity.mm(animator.animate(clip.samples, controls).weights)

        by_intensity: dict[float, float] = {}
        by_level: dict[float, float] = {}
        # Intensity goes from the neutral prototype on: models without it only follow what they hear.
        if steered and animator.model.has_prototypes and "neutral" in animator.model.config.emotions:
            by_intensity = {
                x: self._activity.mm(usual.weights) if x == 1 else activity(replace(RAW, intensity=x))
                for x in INTENSITIES
            }
        if steered:
            by_level = {x: activity(replace(RAW, level=x)) for x in LEVELS}
        real = None
        if clip.level is not None and clip.emotion not in (None, "neutral"):
            real = clip.level, self._activity.mm(clip.weights)
        return clip_response(by_intensity, by_level, real)


def fit_units(corpus: Corpus, units: Iterable[Unit]) -> FitSums:
    """The fit's sums of some units' clips; clips that cannot be read are left out and named."""
    sums = FitSums.zero()
    for unit in units:
        clips, failed = read_clips(corpus, [task.clip_id for task in unit.tasks])
        start = replace(sums, failed=sums.failed + tuple(failed.items()))
        sums = sum((FitSums.of(clip.samples, clip.weights) for clip in clips.values()), start)
    return sums


def _stretched(animation: Animation, frames: int) -> Prediction:
    positions = even_positions(frames, len(animation.weights))
    head = None if animation.head is None else resample(animation.head, positions)
    return Prediction(weights=resample(animation.weights, positions), head=head)


def _compared(clip: Clip) -> Compared:
    return Compared(
        clip_id=clip.clip_id,
        speaker=clip.speaker,
        statement=clip.statement,
        emotion=clip.emotion,
        level=clip.level,
        frames=clip.frames,
        samples=len(clip.samples),
    )


def _heard(tasks: Sequence[Task], readable: Iterable[str]) -> list[str]:
    """The clips whose own animation is needed, each once."""
    names = [task.clip_id for task in tasks] + [task.other for task in tasks if task.other is not None]
    names += [task.exchange.content for task in tasks if task.exchange is not None]
    return [name for name in dict.fromkeys(names) if name in readable]


def _needed(unit: Unit) -> list[str]:
    names = [task.clip_id for task in unit.tasks] + [task.other for task in unit.tasks if task.other is not None]
    exchanges = [task.exchange for task in unit.tasks if task.exchange is not None]
    names += [name for exchange in exchanges for name in (exchange.content, exchange.emotion)]
    return list(dict.fromkeys(names))
