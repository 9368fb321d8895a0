"""The sources of clips: a new one is a module here and a line in `SOURCES`."""

from emotalk.corpus.sources.aligned import Aligned
from emotalk.corpus.sources.base import Item, Listing, Source
from emotalk.corpus.sources.beat import Beat
from emotalk.corpus.sources.etf3d import Etf3d
from emotalk.corpus.sources.hdtf import Hdtf
from emotalk.corpus.sources.live_link import LiveLink
from emotalk.corpus.sources.pairs import Pairs
from emotalk.corpus.sources.ravdess_video import RavdessVideo
from emotalk.corpus.sources.synthetic import Synthetic
from emotalk.corpus.sources.video import Video

# By the word that asks `jobs.build_corpus` for it and that manifests hold as the source's name.
SOURCES: dict[str, type] = {
    "etf3d": Etf3d,
    "video": Video,
    "ravdess_video": RavdessVideo,
    "hdtf_video": Hdtf,
    "beat": Beat,
    "live_link": LiveLink,
    "pairs": Pairs,
    "aligned": Aligned,
    "synthetic": Synthetic,
}

__all__ = [
    "SOURCES",
    "Aligned",
    "Beat",
    "Etf3d",
    "Hdtf",
    "Item",
    "Listing",
    "LiveLink",
    "Pairs",
    "RavdessVideo",
    "Source",
    "Synthetic",
    "Video",
]
