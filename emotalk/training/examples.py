"""From a corpus to training examples: the keys that the plan needs, and decoded, augmented clips."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from emotalk.corpus.corpus import Corpus
from emotalk.corpus.schema import row_samples, row_weights
from emotalk.errors import InputError
from emotalk.training.augment import AugmentConfig, augment, draw_speed, faster, faster_face
from emotalk.training.squares import ClipKey, Unit
from emotalk.training.units import UNKNOWN, Example, clips_of, heard_in

CACHED_ROW_GROUPS = 32  # a few (speaker, level) groups are open at a time, of some row groups each
SPEED = 1 << 32  # in seeds: greater than any position
STYLE_DROPOUT = 0.3  # share of clips trained without a style, so that "no style" means something for strangers


class Examples:
    """One split of a corpus as training sees it. Picklable: the corpus's location travels, not its data.

    emotions: the labels of the network, in its order; a clip with any other label counts as unlabelled. renamed: the
    network's label by the corpus's, where they differ.
    speakers: the training speakers, whose positions are the styles; strangers have none.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        emotions: Sequence[str],
        speakers: Sequence[str],
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self.corpus, self.split, self.renamed = corpus, split, dict(renamed or {})
        self.emotions, self.speakers = tuple(emotions), tuple(speakers)
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

    def load(
        self, units: Sequence[Unit], config: AugmentConfig | None = None, seed: tuple[int, ...] = (), step: int = 0
    ) -> dict[int, Example]:
        """Decode the clips of some units, by position. With a config they are augmented, by seed, step and position.

        Clips that are targets only have no samples: their sound is not decoded.
        """
        heard = {position for unit in units for position in heard_in(unit)}
        positions = sorted({position for unit in units for position in clips_of(unit)})
        speed = 1.0 if config is None else draw_speed(config, np.random.default_rng((*seed, SPEED, step)))
        return {p: self._example(p, p in heard, config, seed, speed) for p in positions}

    def _example(
        self, position: int, heard: bool, config: AugmentConfig | None, seed: tuple[int, ...], speed: float
    ) -> Example:
        place, key = self.rows[position], self.keys[position]
        table, row = self._row_group(str(place["shard"]), int(str(place["row_group"]))), int(str(place["row"]))
        samples, weights = (row_samples(table, row) if heard else np.zeros(0, np.float32)), row_weights(table, row)
        style = self.speakers.index(key.speaker) if key.speaker in self.speakers else UNKNOWN
        if config is not None:
            rng = np.random.default_rng((*seed, position))
            if speed != 1:
                weights = faster_face(weights, int(str(place["samples"])), speed)
            if heard:
                samples = augment(samples if speed == 1 else faster(samples, speed), config, rng)
            style = UNKNOWN if rng.random() < STYLE_DROPOUT else style
        emotion = UNKNOWN if key.emotion is None else self.emotions.index(key.emotion)
        level = UNKNOWN if key.level is None else key.level
        return Example(str(place["clip_id"]), samples, weights, emotion, level, style)

    def _row_group(self, shard: str, number: int) -> pa.Table:
        table = self._row_groups.pop((shard, number), None)
        if table is None:
            table = self.corpus.read_row_group(shard, number)
        self._row_groups[shard, number] = table
        if len(self._row_groups) > CACHED_ROW_GROUPS:
            self._row_groups.popitem(last=False)
        return table

    def __reduce__(self) -> tuple[object, ...]:
        return (Examples, (self.corpus, self.split, self.emotions, self.speakers, self.renamed))


def speakers_of(corpus: Corpus, split: str = "train") -> tuple[str, ...]:
    """The speakers of a split, sorted: their positions are the styles of a network trained on it."""
    index = corpus.index
    return tuple(
        sorted(index.filter(pa.compute.equal(index.column("split"), split)).column("speaker").unique().to_pylist())
    )
