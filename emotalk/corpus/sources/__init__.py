"""The sources of clips: a new one is a module here and a line in `SOURCES`."""

from emotalk.corpus.sources.base import Item, Listing, Source
from emotalk.corpus.sources.beat import Beat
from emotalk.corpus.sources.etf3d import Etf3d
from emotalk.corpus.sources.live_link import LiveLink
from emotalk.corpus.sources.pairs import Pairs
from emotalk.corpus.sources.synthetic import Synthetic

# By the word that asks `jobs.build_corpus` for it and that manifests hold as the source's name.
SOURCES: dict[str, type] = {
    "etf3d": Etf3d,
    "beat": Beat,
    "live_link": LiveLink,
    "pairs": Pairs,
    "synthetic": Synthetic,
}

__all__ = ["SOURCES", "Beat", "Etf3d", "Item", "Listing", "LiveLink", "Pairs", "Source", "Synthetic"]
