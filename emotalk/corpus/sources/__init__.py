"""The sources of clips, by name. A new one is a module here and a line in `SOURCES`."""

from emotalk.corpus.sources.base import Item, Listing, Source
from emotalk.corpus.sources.etf3d import Etf3d
from emotalk.corpus.sources.synthetic import Synthetic

SOURCES: dict[str, type[Source]] = {"etf3d": Etf3d, "synthetic": Synthetic}

__all__ = ["SOURCES", "Etf3d", "Item", "Listing", "Source", "Synthetic"]
