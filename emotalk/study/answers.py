"""The files that raters send back: CSV as the page writes it, or as a spreadsheet has saved it again."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from emotalk.errors import InputError
from emotalk.files import PathOrUri, printable, read_source
from emotalk.study.plan import CHOICES, QUESTIONS, Plan

COLUMNS = ("study", "rater", "position", "pair", "film", "question", "choice", "watched", "seconds", "answered_at")
MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Answer:
    """One choice: `choice` is the side preferred, left or right, or same. `answered_at` ISO 8601, UTC."""

    rater: str
    pair: str
    film: str
    question: str
    choice: str
    answered_at: str


def read_answers(sources: Sequence[PathOrUri], plan: Plan) -> tuple[list[Answer], int]:
    """All answers, and how many were there twice: of two answers of a rater to the same question of the same pair
    (a file sent twice, a file sent again later) the later one counts.

    InputError names file and line of what is not an answer to this study.
    """
    latest: dict[tuple[str, str, str], Answer] = {}
    read = 0
    for source in sources:
        for answer in _file(source, plan):
            read += 1
            place = (answer.rater, answer.pair, answer.question)
            if place not in latest or latest[place].answered_at <= answer.answered_at:
                latest[place] = answer
    if not latest:
        raise InputError("there are no answers in these files")
    return list(latest.values()), read - len(latest)


def _file(source: PathOrUri, plan: Plan) -> list[Answer]:
    try:
        text = read_source(source, max_bytes=MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not a text in UTF-8", source=source) from error
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InputError(f"not a file of answers: no column {', '.join(missing)}", source=source)
        return [_answer(row, plan, source, rows.line_num) for row in rows]
    except csv.Error as error:
        raise InputError(f"line {rows.line_num}: {error}", source=source) from error


def _answer(row: dict[str, str | None], plan: Plan, source: PathOrUri, line: int) -> Answer:
    value = {name: printable((row[name] or "").strip()) for name in COLUMNS}
    shown = plan.films.get(value["film"])
    wrong = None
    if value["study"] != plan.study:
        wrong = f"belongs to study {value['study']!r:.60}, the key to {plan.study!r}"
    elif shown is None or shown.pair != value["pair"]:
        wrong = f"pair {value['pair']!r:.60} has no film {value['film']!r:.60}"
    elif value["question"] not in {question.name for question in QUESTIONS}:
        wrong = f"there is no question {value['question']!r:.60}"
    elif value["choice"] not in CHOICES:
        wrong = f"the choice is {', '.join(CHOICES)}, not {value['choice']!r:.60}"
    elif not value["rater"]:
        wrong = "no rater is named"
    if wrong is not None:
        raise InputError(f"line {line}: {wrong}", source=source)
    return Answer(**{name: value[name] for name in Answer.__dataclass_fields__})
