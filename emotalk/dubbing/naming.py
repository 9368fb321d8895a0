"""What each recording's animations are called: its own name with another suffix, and never another's."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath


def name_outputs(
    relatives: Sequence[str], *, owners: Mapping[str, str] | None = None, reserved: Collection[str] = ()
) -> dict[str, str]:
    """Relative paths of recordings, each there once -> the name (without suffix) of each one's outputs.

    `sub/a.wav` gives `sub/a`. Recordings whose names would meet (`a.wav` and `a.mp3`, also where only case or the
    spelling of an accent differs) keep their full name: `a.wav`, `a.mp3`. `owners` (name -> relative path) are the
    names that earlier runs gave: a recording keeps its own, and a new one whose short name is taken or `reserved` gets
    its full name.
    """
    owners = owners or {}
    before = {relative: name for name, relative in sorted(owners.items(), reverse=True)}  # the short name wins
    taken = {_folded(name) for name in (*reserved, *owners)}
    names: dict[str, str] = {}
    for relative in relatives:
        short = str(PurePosixPath(relative).with_suffix(""))
        names[relative] = before.get(relative) or (relative if _folded(short) in taken else short)
    while True:
        # A full name may meet another's short one (`a.wav` and `a.wav.flac`), so this is repeated; it ends because
        # every round lengthens a name.
        count = Counter(_folded(name) for name in names.values())
        met = [relative for relative, name in names.items() if count[_folded(name)] > 1 and name != relative]
        if not met:
            return names
        names.update((relative, relative) for relative in met)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
