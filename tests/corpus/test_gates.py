"""The documentation of the quarantine names every reason that there is."""

import re
from pathlib import Path
from typing import get_args

from emotalk.corpus.gates import Reason

DOCUMENT = Path(__file__).parents[2] / "docs" / "corpus.md"


def test_every_reason_is_documented() -> None:
    table = DOCUMENT.read_text().split("## Reasons in the quarantine")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(get_args(Reason))
