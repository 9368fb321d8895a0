"""Clips by id from a corpus, where a damaged one is named instead of ending the whole work."""

from collections import defaultdict
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.schema import row_to_clip
from emotalk.errors import InputError


def read_clips(corpus: Corpus, clip_ids: Sequence[str]) -> tuple[dict[str, Clip], dict[str, str]]:
    """Clips by id, in the order asked, and the reason for each that cannot be read. Each row group is read once.

    Every id must stand in the corpus's index.
    """
    index = corpus.index
    rows = index.filter(pc.is_in(index.column("clip_id"), value_set=pa.array(clip_ids, pa.string())))
    by_group: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for row in rows.select(["clip_id", "shard", "row_group", "row"]).to_pylist():
        by_group[row["shard"], row["row_group"]].append((row["clip_id"], row["row"]))
    clips: dict[str, Clip] = {}
    failed: dict[str, str] = {}
    for (shard, row_group), members in by_group.items():
        table = corpus.read_row_group(shard, row_group)
        for clip_id, row_number in members:
            try:
                clips[clip_id] = row_to_clip(table, row_number)
            except InputError as error:
                failed[clip_id] = error.reason
    return {clip_id: clips[clip_id] for clip_id in clip_ids if clip_id in clips}, failed
