"""The sources of clips: a new one is a module here, and a subcommand of `jobs.build_corpus`."""

from emotalk.corpus.sources.base import Item, Listing, Source
from emotalk.corpus.sources.etf3d import Etf3d
from emotalk.corpus.sources.synthetic import Synthetic

__all__ = ["Etf3d", "Item", "Listing", "Source", "Synthetic"]
