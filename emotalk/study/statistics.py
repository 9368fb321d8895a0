"""What votes are worth: shares with 95 % Wilson intervals, an exact sign test, and who did not look."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from emotalk.study.answers import Answer
from emotalk.study.plan import QUESTIONS, Plan

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point
MAX_MISSED = 0.5  # of the identical pairs: who sees a difference in half of them or more does not look


@dataclass(frozen=True)
class Preference:
    """Votes on one question about two systems. `share` of the votes that are no ties go to `first`; NaN without any.

    `low`, `high`: the share's 95 % Wilson interval. `p`: two-sided exact sign test against no preference.
    """

    question: str
    first: str
    second: str
    wins: int
    ties: int
    losses: int

    @property
    def decided(self) -> int:
        return self.wins + self.losses

    @property
    def share(self) -> float:
        return self.wins / self.decided if self.decided else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.wins, self.decided)

    @property
    def p(self) -> float:
        return sign_test(self.wins, self.losses)


@dataclass(frozen=True)
class Rater:
    """How one rater did. `checks` answers on identical pairs, `missed` of them said that one side was better."""

    name: str
    pairs: int
    checks: int
    missed: int

    @property
    def failed(self) -> bool:
        return self.checks > 0 and self.missed >= MAX_MISSED * self.checks


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927), without continuity correction; (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else middle - reach  # exact where rounding would leave 1e-17
    high = 1.0 if successes == trials else middle + reach
    return low, high


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact probability of a split at least as uneven if both were equally good; ties have no part."""
    trials = wins + losses
    tail = sum(math.comb(trials, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**trials)


def raters(plan: Plan, answers: Iterable[Answer]) -> list[Rater]:
    """Everyone who answered, by name."""
    by_name: dict[str, list[Answer]] = {}
    for answer in answers:
        by_name.setdefault(answer.rater, []).append(answer)
    out = []
    for name, given in sorted(by_name.items()):
        checks = [answer for answer in given if plan.films[answer.film].check]
        missed = sum(answer.choice != "same" for answer in checks)
        out.append(Rater(name, len({answer.pair for answer in given}), len(checks), missed))
    return out


def preferences(plan: Plan, answers: Iterable[Answer]) -> list[Preference]:
    """One per two systems and question that anyone answered; identical pairs have no part."""
    votes: Counter[tuple[str, str, str, str]] = Counter()
    order = {name: number for number, name in enumerate(plan.systems)}
    for answer in answers:
        shown = plan.films[answer.film]
        if shown.check:
            continue
        first, second = sorted((shown.left, shown.right), key=order.__getitem__)
        chosen = {"left": shown.left, "right": shown.right}.get(answer.choice)
        result = {None: "tie", first: "win", second: "loss"}[chosen]
        votes[first, second, answer.question, result] += 1
    out = []
    for first, second in combinations(plan.systems, 2):
        for question in QUESTIONS:
            counts = [votes[first, second, question.name, result] for result in ("win", "tie", "loss")]
            if sum(counts):
                out.append(Preference(question.name, first, second, *counts))
    return out
