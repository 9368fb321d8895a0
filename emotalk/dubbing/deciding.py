"""The answers of strands, as they come, become one row for each animation."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from emotalk.dubbing.ledger import Ledger
from emotalk.dubbing.plan import Plan, Take
from emotalk.dubbing.report import ANIMATED, FAILED, Row
from emotalk.dubbing.strands import Strand
from emotalk.dubbing.work import Decided, failed_row


class Decisions:
    """What became of the takes of a plan. A take is decided when all its strands have answered.

    Strands of one recording may both find all its parts and finish it: they write the same bytes, and it is one row.
    """

    def __init__(self, plan: Plan, strands: Sequence[Strand] = ()) -> None:
        self._plan = plan
        self._takes = {strand.number: strand.takes for strand in strands}
        self._recordings = {strand.number: strand.recording for strand in strands}
        self._waiting = Counter(take.name for takes in self._takes.values() for take in takes)
        self._rows: dict[str, Row] = {}

    @property
    def left(self) -> Set[str]:
        """Names of the takes that are not decided."""
        return self._waiting.keys()

    def add(self, number: int, decided: Iterable[Decided]) -> list[Row]:
        """The answer of a strand -> rows that are now sure."""
        for name, row in decided:
            before = self._rows.get(name)
            if before is None or before.state == FAILED:
                self._rows[name] = row
        rows = []
        for take in self._takes[number]:
            self._waiting[take.name] -= 1
            if not self._waiting[take.name]:
                del self._waiting[take.name]
                known = self._rows.pop(take.name) if take.name in self._rows else None
                rows.append(known or self._undecided(number, take))
        return rows

    def _undecided(self, number: int, take: Take) -> Row:
        """Of a take whose last worker died between writing it down and saying so; or somebody removed its parts."""
        dubbing, recording = self._plan.dubbing, self._recordings[number]
        record = Ledger.read(dubbing.folder.location).get(take.name)
        if record is None or record == take.record or not record.vouches_for(dubbing.suffixes):
            return failed_row(
                recording, take, "some of its parts were removed while the job ran: run it again", "storage"
            )
        row = dubbing.done_row(recording, take, record)
        return replace(row, state=ANIMATED)
