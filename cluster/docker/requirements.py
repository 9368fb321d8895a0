"""What the project needs, without the project: python requirements.py pyproject.toml voices,client

Prints one requirement a line. An image's largest layer is made of it, and stays as it is while only code changes.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def requirements(project: Mapping[str, Any], extras: Sequence[str]) -> Iterator[str]:
    """The dependencies of `project` (the table of pyproject.toml) and its `extras`, extras of extras included."""
    yield from project["dependencies"]
    known = project["optional-dependencies"]
    for extra in extras:
        if extra not in known:
            raise SystemExit(f"no extra {extra!r} in pyproject.toml; there are {', '.join(known)}")
        for requirement in known[extra]:
            if own := re.fullmatch(rf"{project['name']}\[(.+)\]", requirement):
                yield from requirements({**project, "dependencies": []}, own[1].split(","))
            else:
                yield requirement


if __name__ == "__main__":
    table = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
    print("\n".join(dict.fromkeys(requirements(table, [extra for extra in sys.argv[2].split(",") if extra]))))
