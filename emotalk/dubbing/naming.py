"""What each recording's animations are called: its own name with another suffix, and never another's."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

OWN_FOLDER = ".emotalk"  # of the run, in the output folder
RUNS_OWN = "report"  # with the suffix .parquet it is the run's own file


def name_outputs(relatives: Sequence[str], *, owners: Mapping[str, str] | None = None) -> dict[str, str]:
    """Relative paths of recordings, each there once -> the name (without suffix) of each one's outputs.

    `sub/a.wav` gives `sub/a`. Recordings whose names would meet (`a.wav` and `a.mp3`, also where only case or the
    spelling of an accent differs) keep their full name: `a.wav`, `a.mp3`. `owners` (name -> relative path) are the
    names that earlier runs gave: a recording keeps its own, and a new one whose short name is taken gets its
    full name. So does `report.wav`, beside the run's report.
    """
    owners = owners or {}
    before = {relative: name for name, relative in sorted(owners.items(), reverse=True)}  # the short name wins
    taken = {RUNS_OWN, *(folded(name) for name in owners)}
    names: dict[str, str] = {}
    for relative in relatives:
        short = str(PurePosixPath(relative).with_suffix(""))
        names[relative] = before.get(relative) or (relative if folded(short) in taken else short)
    while True:
        # A full name may meet another's short one (`a.wav` and `a.wav.flac`), so this is repeated; it ends because
        # every round lengthens a name.
        count = Counter(folded(name) for name in names.values())
        met = [r for r, name in names.items() if count[folded(name)] > 1 and name != r and r not in before]
        if not met:
            break
        names.update((relative, relative) for relative in met)
    # What is left is a newcomer whose full name is an earlier one's short name.
    given = set(owners) | set(names.values())
    for relative in [r for r, name in names.items() if r not in before and name in owners]:
        while names[relative] in given:
            names[relative] += PurePosixPath(relative).suffix or "~"
        given.add(names[relative])
    return names


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
