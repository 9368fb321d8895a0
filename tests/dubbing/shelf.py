"""Planning and working on a shelf without a cluster, for the tests of dubbing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emotalk.controls import Controls
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.deciding import Decisions
from emotalk.dubbing.journal import Journal
from emotalk.dubbing.ledger import Ledger
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.dubbing.predicting import Alone
from emotalk.dubbing.report import Row
from emotalk.dubbing.strands import Strand, strands_of
from emotalk.dubbing.work import Dubber
from emotalk.inference.animator import Animator


def planned(
    inputs: Path, output: Path, *suffixes: str, part_windows: int = 30, chapters: bool = False, verify: bool = False
) -> Plan:
    listing = list_recordings([str(inputs)], output=str(output))
    ledger = Ledger.read(str(output))
    recipe = Recipe("model", Controls())
    dubbing = Dubbing(OutputFolder(str(output)), recipe, suffixes or (".npz",), ledger.generation + 1, part_windows)
    return Plan.of(listing, dubbing, ledger, chapters=chapters, verify=verify)


def dubber_of(plan: Plan, animator: Animator) -> Dubber:
    journal = Journal(plan.dubbing.folder.location, plan.dubbing.generation)
    return Dubber(plan.dubbing, journal, lambda: Alone(animator))


def worked(plan: Plan, animator: Animator, strands: Sequence[Strand] | None = None) -> list[Row]:
    """The rows of a run by one worker, as a job would tell them."""
    if strands is None:
        strands = strands_of(plan.items, 1, part_windows=plan.dubbing.part_windows)
    dubber, decisions = dubber_of(plan, animator), Decisions(plan, strands)
    rows = [row for strand in strands for row in decisions.add(strand.number, dubber.dub(strand))]
    dubber.journal.flush()
    return [*plan.done_rows(), *plan.failed, *rows]


def split(strand: Strand, borders: Sequence[int]) -> list[Strand]:
    """A strand of one take as several, cut at these parts."""
    firsts, stops = [0, *borders], [*borders, None]
    return [
        replace(strand, number=number, first_part=first, stop_part=stop)
        for number, (first, stop) in enumerate(zip(firsts, stops, strict=True))
    ]


def files(output: Path) -> dict[str, bytes]:
    """Every output below a folder, the job's own files left out."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and OWN_FOLDER not in path.parts
    }
