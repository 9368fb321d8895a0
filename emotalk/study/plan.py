"""Who is compared with whom: pairs of films, their sides, pairs that are the same on both, and the key to all of it.

A pair is filmed twice, once with each side swapped, under names that say nothing. The page shows every rater one of the
two, each rater half of the pairs this way and half that way. Only the key knows which system stood where.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from emotalk.errors import InputError

FORMAT = "emotalk-study-1"
PAIRS_PER_CHECK = 10
MIN_CHECKS = 2
CHOICES = ("left", "same", "right")


@dataclass(frozen=True)
class Question:
    """`name` in answers and results; `text` for raters."""

    name: str
    text: str


QUESTIONS = (
    Question("realism", "Which face moves more like a real person?"),
    Question("lip sync", "On which face do the lips fit the speech better?"),
    Question("emotion", "Which face shows the feeling in the voice better?"),
)


@dataclass(frozen=True)
class Shown:
    """One film: the clip, and the systems on the rater's left and right; the same one twice in a check."""

    pair: str
    clip: str
    left: str
    right: str

    @property
    def check(self) -> bool:
        return self.left == self.right


@dataclass(frozen=True)
class Plan:
    """A study. `pairs`: name -> its two films, one with each system on the left; `films`: name -> what it shows."""

    study: str
    seed: int
    systems: dict[str, str]
    pairs: dict[str, tuple[str, str]]
    films: dict[str, Shown]

    def key(self) -> str:
        """The JSON that unblinds the answers. Never give it to a rater."""
        values = {"format": FORMAT, **asdict(self)}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def page_data(self) -> dict[str, Any]:
        """What the page knows: nothing of clips or systems."""
        return {
            "study": self.study,
            "questions": [asdict(question) for question in QUESTIONS],
            "pairs": [{"name": name, "films": list(films)} for name, films in self.pairs.items()],
        }


def make_plan(systems: Mapping[str, str], clips: Sequence[str], *, seed: int, pairs: int | None = None) -> Plan:
    """Every two systems on every clip, or `pairs` of those drawn by lot, and identical pairs among them.

    `systems`: name -> where its animations are. The same arguments give the same plan.
    """
    if len(systems) < 2:
        raise InputError("a study compares two systems or more")
    if not clips:
        raise InputError("the systems have no animation of the same name")
    lot = random.Random(f"{FORMAT} {seed}")
    compared = [(clip, a, b) for clip in sorted(clips) for a, b in combinations(systems, 2)]
    if pairs is not None:
        if not 1 <= pairs <= len(compared):
            raise InputError(f"{pairs} pairs cannot be drawn from {len(compared)}")
        compared = lot.sample(compared, pairs)
    checks = max(MIN_CHECKS, round(len(compared) / PAIRS_PER_CHECK))
    names = list(systems)
    compared += [(lot.choice(sorted(clips)), name, name) for name in (lot.choice(names) for _ in range(checks))]
    lot.shuffle(compared)
    # Names by lot, so that neither order nor length tells anything.
    letters = _names(lot, 3 * len(compared))
    planned: dict[str, tuple[str, str]] = {}
    films: dict[str, Shown] = {}
    for clip, a, b in compared:
        pair = next(letters)
        planned[pair] = one, other = next(letters), next(letters)
        for film, (left, right) in zip((one, other), lot.sample([(a, b), (b, a)], 2), strict=True):
            films[film] = Shown(pair, clip, left, right)
    study = hashlib.sha256(repr((seed, sorted(systems.items()), planned, films)).encode()).hexdigest()[:12]
    return Plan(study, seed, dict(systems), planned, films)


def read_key(text: str, source: object) -> Plan:
    """The plan that `Plan.key` wrote. InputError where it is something else."""
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise InputError(f"study format {values['format']!r} is unknown", source=source)
        plan = Plan(
            study=str(values["study"]),
            seed=int(values["seed"]),
            systems={str(name): str(where) for name, where in values["systems"].items()},
            pairs={str(name): (str(films[0]), str(films[1])) for name, films in values["pairs"].items()},
            films={str(name): Shown(**shown) for name, shown in values["films"].items()},
        )
        if not {side for shown in plan.films.values() for side in (shown.left, shown.right)} <= plan.systems.keys():
            raise InputError("not the key of a study (films of systems that it does not name)", source=source)
        return plan
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not the key of a study ({error})", source=source) from error


def _names(lot: random.Random, count: int) -> Iterator[str]:
    digits = "bcdfghjkmnpqrstvwxz23456789"
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(lot.choices(digits, k=8))] = None
    return iter(names)
