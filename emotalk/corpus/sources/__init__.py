"""The sources of clips: a new one is a module here, and a subcommand of `jobs.build_corpus`."""

from emotalk.corpus.sources.base import Item, Listing, Source
from emotalk.corpus.sources.etf3d import Etf3d
from emotalk.corpus.sources.hdtf import Hdtf
from emotalk.corpus.sources.ravdess_video import RavdessVideo
from emotalk.corpus.sources.synthetic import Synthetic
from emotalk.corpus.sources.video import Video

__all__ = ["Etf3d", "Hdtf", "Item", "Listing", "RavdessVideo", "Source", "Synthetic", "Video"]
