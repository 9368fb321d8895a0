"""What a run's report says, for who does not want all of it: the totals, and some of what failed."""

import json
from itertools import islice
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from emotalk.dubbing.report.row import FAILED
from emotalk.dubbing.report.writer import REPORT, TOTALS_KEY
from emotalk.files import open_source


def read_totals(output: str) -> dict[str, Any]:
    """The totals of OUTPUT/report.parquet, see `Totals.to_dict`."""
    with open_source(f"{output}/{REPORT}") as file:
        found: dict[str, Any] = json.loads(pq.read_metadata(file).metadata[TOTALS_KEY])
    return found


def read_failures(output: str, most: int) -> list[tuple[str, str]]:
    """URI and reason of the recordings that failed, so many at most, in the order of the report."""
    with open_source(f"{output}/{REPORT}") as file:
        batches = pq.ParquetFile(file).iter_batches(columns=["uri", "reason", "state"])
        failed = (batch.filter(pc.equal(batch["state"].cast("string"), FAILED)) for batch in batches)
        rows = ((row["uri"], row["reason"] or "") for batch in failed for row in batch.to_pylist())
        return list(islice(rows, most))
