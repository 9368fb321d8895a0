"""From a corpus to training examples: the keys that the plan needs, and decoded, augmented clips."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import FPS
from emotalk.corpus.corpora import Corpora
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.schema import row_head, row_phones, row_samples, row_weights
from emotalk.corpus.synthetic.visemes import sounds_at
from emotalk.errors import InputError
from emotalk.head import relative_pose
from emotalk.labels import EMOTIONS
from emotalk.timewarp import TimeMap, phone_map, warp
from emotalk.timing import frames_of
from emotalk.training.augment import AugmentConfig, augment, draw_speed, faster, faster_face
from emotalk.training.squares import ClipKey, Unit
from emotalk.training.units import NOTHING_HEARD, UNKNOWN, Example, clips_of, crossed_in, heard_in

CACHED_ROW_GROUPS = 32  # a few (speaker, level) groups are open at a time, of some row groups each
SPEED = 1 << 32  # in seeds: greater than any position
Align = Literal["interpolation", "dtw", "phones"]
STYLE_DROPOUT = 0.3  # share of clips trained without a style, so that "no style" means something for strangers


class Examples:
    """One split of a corpus as training sees it. Picklable: the corpus's location travels, not its data.

    emotions: the labels of the network, in its order; a clip with any other label counts as unlabelled. renamed: the
    network's label by the corpus's, where they differ.
    speakers: the training speakers, whose positions are the styles; strangers have none.
    align: how the words of one recording meet the face of another: stretched evenly, warped by their sound, or by the
    borders of the speech sounds that both are known to have. Pairs for which the last two find no way are stretched.
    sounds: tell what is said in each frame, where the corpus knows.
    head: load the clips' heads, too.
    """

    def __init__(
        self,
        corpus: Corpus | Corpora,
        split: str,
        emotions: Sequence[str],
        speakers: Sequence[str],
        renamed: Mapping[str, str] | None = None,
        align: Align = "interpolation",
        sounds: bool = False,
        head: bool = False,
    ) -> None:
        self.corpus, self.split, self.renamed = corpus, split, dict(renamed or {})
        self.emotions, self.speakers, self.align = tuple(emotions), tuple(speakers), align
        self.sounds, self.head = sounds, head
        self._row_groups: OrderedDict[tuple[str, int], pa.Table] = OrderedDict()

    @cached_property
    def rows(self) -> list[dict[str, object]]:
        """The index rows of the split; positions in this list are what the plan speaks of."""
        index = self.corpus.index
        rows: list[dict[str, object]] = index.filter(pa.compute.equal(index.column("split"), self.split)).to_pylist()
        if not rows:
            raise InputError(f"the corpus has no clips in its split {self.split!r}", source=self.corpus.location)
        return rows

    @cached_property
    def keys(self) -> list[ClipKey]:
        names = ("speaker", "level", "statement", "emotion", "repetition", "frames")
        keys = [ClipKey(*(row[name] for name in names)) for row in self.rows]  # type: ignore[arg-type]
        return [key._replace(emotion=self._label(key.emotion)) for key in keys]

    def _label(self, emotion: str | None) -> str | None:
        """A clip's label as the network has it, None where it has none."""
        label = None if emotion is None else self.renamed.get(emotion, emotion)
        return label if label in self.emotions else None

    def heard(self, position: int) -> np.ndarray:
        """(labels,) float32 shares of the emotions that a teacher heard in a clip without a label, else NOTHING_HEARD.

        What it heard of emotions that the network does not have is left out.
        """
        shares = self.rows[position].get("heard")
        if self.keys[position].emotion is not None or not isinstance(shares, list):
            return NOTHING_HEARD
        out = np.zeros(len(self.emotions), np.float32)
        for emotion, share in zip(EMOTIONS, shares, strict=True):
            if (label := self._label(emotion)) is not None:
                out[self.emotions.index(label)] += share
        return out / out.sum() if out.any() else NOTHING_HEARD

    def load(
        self, units: Sequence[Unit], config: AugmentConfig | None = None, seed: tuple[int, ...] = (), step: int = 0
    ) -> dict[int, Example]:
        """Decode the clips of some units, by position. With a config they are augmented, by seed, step and position.

        Clips that are targets only have no samples: their sound is not decoded.
        """
        heard = {position for unit in units for position in heard_in(unit)}
        positions = sorted({position for unit in units for position in clips_of(unit)})
        speed = 1.0 if config is None else draw_speed(config, np.random.default_rng((*seed, SPEED, step)))
        # Warping listens to the targets too.
        sounds = {p: row_samples(*self._place(p)) for p in (positions if self.align == "dtw" else sorted(heard))}
        examples = {p: self._example(p, sounds[p] if p in heard else None, config, seed, speed) for p in positions}
        for (target, content), moments in self._maps(units, sounds).items():
            heard_frames = frames_of(len(examples[content].samples))
            heard_at = moments.positions(len(examples[target].weights), heard_frames, speed)
            examples[target] = examples[target]._replace(heard_at=heard_at)
        return examples

    def _maps(self, units: Sequence[Unit], sounds: Mapping[int, np.ndarray]) -> dict[tuple[int, int], TimeMap]:
        """(target, content) -> where the target's moments are heard in the content's recording, before augmentation."""
        if self.align == "interpolation":
            return {}
        pairs = list(dict.fromkeys(pair for unit in units for pair in crossed_in(unit)))
        maps: Iterable[TimeMap | None]
        if self.align == "dtw":
            maps = warp(pairs, sounds)
        else:
            known = {
                p: (row_phones(*self._place(p)), int(str(self.rows[p]["samples"])) / SAMPLE_RATE)
                for p in sorted({p for pair in pairs for p in pair})
            }
            maps = (phone_map(*known[target], *known[content]) for target, content in pairs)
        return {pair: moments for pair, moments in zip(pairs, maps, strict=True) if moments is not None}

    def _example(
        self,
        position: int,
        sound: np.ndarray | None,
        config: AugmentConfig | None,
        seed: tuple[int, ...],
        speed: float,
    ) -> Example:
        place, key = self.rows[position], self.keys[position]
        samples, weights = np.zeros(0, np.float32) if sound is None else sound, row_weights(*self._place(position))
        pose = row_head(*self._place(position)) if self.head else None
        head = None if pose is None else relative_pose(pose)
        style = self.speakers.index(key.speaker) if key.speaker in self.speakers else UNKNOWN
        if config is not None:
            rng = np.random.default_rng((*seed, position))
            if speed != 1:
                count = int(str(place["samples"]))
                weights = faster_face(weights, count, speed)
                head = None if head is None else faster_face(head, count, speed)
            if sound is not None:
                samples = augment(samples if speed == 1 else faster(samples, speed), config, rng)
            style = UNKNOWN if rng.random() < STYLE_DROPOUT else style
        emotion = UNKNOWN if key.emotion is None else self.emotions.index(key.emotion)
        level = UNKNOWN if key.level is None else key.level
        phones = row_phones(*self._place(position)) if self.sounds else None
        said = None if phones is None else sounds_at(phones, np.arange(len(weights)) * speed / float(FPS))
        return Example(
            str(place["clip_id"]),
            samples,
            weights,
            emotion,
            level,
            style,
            heard=self.heard(position),
            sounds=said,
            head=head,
        )

    def _place(self, position: int) -> tuple[pa.Table, int]:
        """The table and the row in it that hold a clip."""
        place = self.rows[position]
        return self._row_group(str(place["shard"]), int(str(place["row_group"]))), int(str(place["row"]))

    def _row_group(self, shard: str, number: int) -> pa.Table:
        table = self._row_groups.pop((shard, number), None)
        if table is None:
            table = self.corpus.read_row_group(shard, number)
        self._row_groups[shard, number] = table
        if len(self._row_groups) > CACHED_ROW_GROUPS:
            self._row_groups.popitem(last=False)
        return table

    def __reduce__(self) -> tuple[object, ...]:
        kept = (self.renamed, self.align, self.sounds, self.head)
        return (Examples, (self.corpus, self.split, self.emotions, self.speakers, *kept))


def speakers_of(corpus: Corpus | Corpora, split: str = "train") -> tuple[str, ...]:
    """The speakers of a split, sorted: their positions are the styles of a network trained on it."""
    index = corpus.index
    return tuple(
        sorted(index.filter(pa.compute.equal(index.column("split"), split)).column("speaker").unique().to_pylist())
    )
