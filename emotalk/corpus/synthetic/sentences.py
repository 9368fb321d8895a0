"""What the synthetic speakers say: neutral in feeling, rich in lip sounds and open and rounded vowels.

Each training voice has its own sentences: some written here, most from a grammar. The sentences of the other splits are
written by hand, for all of their voices.

No text appears in two splits. Final punctuation is left out: the emotion picks the tune (see `emotions`).
"""

from dataclasses import dataclass

from emotalk.corpus.synthetic import grammar, voices

PER_TRAINING_VOICE = 20


@dataclass(frozen=True)
class Sentence:
    key: str
    text: str


def _numbered(prefix: str, texts: tuple[str, ...]) -> tuple[Sentence, ...]:
    return tuple(Sentence(f"{prefix}{number:03d}", text) for number, text in enumerate(texts, start=1))


_WRITTEN = (
    "Bob will move the blue boat before four",
    "Put the paper map above the wooden table",
    "My father put five apples in the bowl",
    "We walk from the farm to the village",
    "The woman poured water over the warm floor",
    "Many people buy bread and butter at the shop",
    "The white van stopped behind the post office",
    "She chose a brown shawl for the voyage",
    "Paul opens the window when the room is warm",
    "Five coins were found above the fireplace",
    "A few big waves moved over the beach",
    "You should show us the book about birds",
    "The boy threw a yellow ball toward the pool",
    "Mother wrapped the vase in soft brown foam",
    "Our plane leaves for Boston at half past four",
    "Two trucks and a bus went by the bank",
    "The cook put pepper and thyme on the beef",
    "I borrowed the measuring tape from my uncle",
    "Both farmers pump water out of the field",
    "They prefer the path which follows the river home",
    "The judge usually bakes a large plum pie",
    "Their house has a small oval mirror up front",
    "Oil the wheel before moving the old mower",
    "The museum opens each morning at half past five",
)
TRAIN = _numbered("train", _WRITTEN + grammar.sentences(len(voices.TRAIN) * PER_TRAINING_VOICE - len(_WRITTEN), seed=1))
VALIDATION = _numbered(
    "validation",
    (
        "Bill and Amy painted the bathroom wall pale blue",
        "Her youngest brother saved four pumpkins for me",
        "A whole box of fish was shipped over there",
        "Wash the cup and hang it above the stove",
    ),
)
TEST = _numbered(
    "test",
    (
        "That map on my wall shows every public park",
        "Fred may bring both of these picture frames",
        "You will find some beige paper behind the sofa",
        "Warm wind blew across an open meadow above us",
        "Seven people carried that heavy piano upstairs",
        "Most women vote for a new bridge today",
    ),
)
