"""The synthetic corpus as a source: what it plans are the items, reading one makes it."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from emotalk.corpus.clip import Clip
from emotalk.corpus.sources.base import Item, Listing, code_digest
from emotalk.corpus.synthetic import espeak
from emotalk.corpus.synthetic.corpus import CorpusConfig, Utterance, make, plan
from emotalk.errors import MissingExtraError

CHARACTERS_PER_S = 21  # of English, over all emotions
SILENCE_S = 0.75  # before and after, together


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Synthesised speech with exact faces: needs no data, but the extra `synthetic`."""

    size: CorpusConfig = field(default_factory=CorpusConfig)

    @property
    def name(self) -> str:
        return "synthetic"

    def settings(self) -> dict[str, object]:
        return {**asdict(self.size), "generator": code_digest(Path(espeak.__file__).parent)}

    def listing(self) -> Listing:
        if not espeak.available():  # here, not once for every clip in the quarantine
            raise MissingExtraError("The synthetic corpus", "synthetic")
        return Listing([_item(utterance) for utterance in plan(self.size)], [])

    def read(self, item: Item) -> Clip:
        assert isinstance(item.spec, Utterance)
        return make(item.spec)


def _item(utterance: Utterance) -> Item:
    return Item(
        item_id=utterance.clip_id,
        source="synthetic",
        speaker=utterance.voice.speaker,
        statement=f"synthetic-{utterance.sentence.key}",
        split=utterance.split,
        emotion=utterance.emotion,
        level=utterance.level,
        seconds=SILENCE_S + len(utterance.sentence.text) / CHARACTERS_PER_S,
        spec=utterance,
        version=repr(utterance),  # voice and text in full
    )
