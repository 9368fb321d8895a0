"""The videos of RAVDESS (Zenodo 1188976): labels come from their names, as in 3D-ETF.

    ROOT/…/Actor_01/01-01-08-02-02-02-01.mp4

Modality 01 has picture and sound; 02 is the same picture without sound and 03 a recording without picture.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from emotalk.capture.record import Shot
from emotalk.corpus.gates import Rejection
from emotalk.corpus.sources.etf3d import ravdess_labels
from emotalk.corpus.sources.videos import CaptureOptions, below, list_videos
from emotalk.corpus.splits import SplitScheme
from emotalk.corpus.takes import Take, Takes
from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class RavdessVideo(CaptureOptions):
    """The speech videos of RAVDESS, in any folders below one."""

    split_scheme: SplitScheme = "standard"
    """Actors: standard is 1-20 train, 21-22 validation, 23-24 test; emobox1 to emobox6 are EmoBox's folds."""

    @property
    def name(self) -> str:
        return "ravdess_video"

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "split_scheme": self.split_scheme}

    def takes(self) -> Takes:
        videos, rejections = list_videos(self.root, self.name)
        takes: dict[str, Take] = {}
        for name in videos:
            stem = PurePosixPath(name).stem
            try:
                if stem.startswith("02-"):
                    raise InputError("the same picture is in the video of modality 01, with its sound")
                if stem in takes:
                    raise InputError(f"the same recording as {takes[stem].shot.name}")
                takes[stem] = self._take(name, stem)
            except InputError as error:
                rejections.append(Rejection(f"{self.name}/{name}", self.name, "stem", error.reason))
        return Takes(list(takes.values()), rejections)

    def _take(self, name: str, stem: str) -> Take:
        labels = ravdess_labels(stem, self.split_scheme)
        return Take(
            shot=Shot(path=below(self.root, name), name=name),
            prefix=f"{self.name}-{stem}",
            source=self.name,
            speaker=labels.speaker,
            split=labels.split,
            statement=labels.statement,
            emotion=labels.emotion,
            level=labels.level,
            repetition=labels.repetition,
        )
