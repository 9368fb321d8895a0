"""Short names for folders, as rows of a table."""

from collections.abc import Sequence


def distinct_names(places: Sequence[str]) -> list[str]:
    """Paths or URIs -> their shortest ends that differ: runs/a/model, runs/b/model -> a/model, b/model.

    The same place twice keeps its whole name.
    """
    parts = [[part for part in place.split("/") if part not in ("", ".")] or [place] for place in places]
    longest = max((len(part) for part in parts), default=1)
    for length in range(1, longest + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(places)
