"""HDTF from downloaded videos and the lists that its authors publish (MRzzm/HDTF, folder HDTF_dataset).

    RD_video_url.txt        Radio11 https://www.youtube.com/watch?v=XtySvTwIOfw
    RD_annotion_time.txt    Radio11.mp4 00:30-01:00 01:30-02:30
    RD_crop_wh.txt          Radio11_0.mp4 412 599 0 599          left, width, top, height in clip 0
    RD_resolution.txt       Radio11.mp4 720                      height of the picture that the crop was measured in

and the same for WDA and WRA. Videos are called RD_Radio11.mp4 or Radio11.mp4; nothing is downloaded here. With no lists
every video is taken whole, as it is cut and cropped already (RD_Radio11_000.mp4).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from emotalk.capture.record import Shot
from emotalk.capture.video import Crop
from emotalk.corpus.gates import Rejection
from emotalk.corpus.sources.videos import CaptureOptions, below, list_videos, slug
from emotalk.corpus.splits import hashed_split
from emotalk.corpus.takes import Take, Takes
from emotalk.errors import InputError
from emotalk.files import exists, open_source

GROUPS = ("RD", "WDA", "WRA")
_CLIP = re.compile(r"(.+?)_(\d+)")
_WINDOW = re.compile(r"(\d+):(\d\d)-(\d+):(\d\d)")


@dataclass(frozen=True)
class Entry:
    """What the lists say of one video. windows: (start, end) in seconds; crops: by number of the window."""

    url: str | None = None
    windows: tuple[tuple[float, float], ...] = ()
    crops: dict[int, Crop] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hdtf(CaptureOptions):
    """Downloaded HDTF videos, cut and cropped as HDTF's lists say."""

    lists: str | None = None
    """Folder or URI with RD_annotion_time.txt, RD_crop_wh.txt and the others; without it videos are taken whole."""

    @property
    def name(self) -> str:
        return "hdtf_video"

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "lists": self.lists is not None}

    def takes(self) -> Takes:
        videos, rejections = list_videos(self.root, self.name)
        entries = read_lists(self.lists) if self.lists else None
        first_of_url: dict[str, str] = {}
        for key, entry in sorted((entries or {}).items()):
            if entry.url is not None:
                first_of_url.setdefault(entry.url, key)
        takes: dict[str, Take] = {}
        for name in videos:
            try:
                for take in self._takes(name, entries, first_of_url):
                    if take.prefix in takes:
                        raise InputError(f"the same part as of {takes[take.prefix].shot.name}")
                    takes[take.prefix] = take
            except InputError as error:
                rejections.append(Rejection(f"{self.name}/{name}", self.name, "stem", error.reason))
        return Takes(list(takes.values()), rejections)

    def _takes(self, name: str, entries: Mapping[str, Entry] | None, first_of_url: Mapping[str, str]) -> Iterator[Take]:
        stem = PurePosixPath(name).stem
        if entries is None:
            match = _CLIP.fullmatch(stem)
            yield self._take(name, match[1] if match else stem, slug(stem), 0.0, float("inf"), None)
            return
        found = [key for key in entries if stem == key or stem == key.split("_", 1)[1]]
        if len(found) != 1:
            known = (
                f"several lists have it: {', '.join(sorted(found))}" if found else "no list has a video of this name"
            )
            raise InputError(f"{known}; call it GROUP_NAME with one of {', '.join(GROUPS)}")
        entry = entries[found[0]]
        if not entry.windows:
            raise InputError("HDTF gives no times for this video")
        # One video under two names is one speaker.
        speaker = first_of_url.get(entry.url, found[0]) if entry.url else found[0]
        for number, (start_s, end_s) in enumerate(entry.windows):
            prefix = f"{found[0]}_{number}"
            yield self._take(name, speaker, prefix, start_s, end_s, entry.crops.get(number))

    def _take(self, name: str, speaker: str, part: str, start_s: float, end_s: float, crop: Crop | None) -> Take:
        return Take(
            shot=Shot(path=below(self.root, name), name=name, start_s=start_s, end_s=end_s, crop=crop),
            prefix=f"{self.name}-{part}",
            source=self.name,
            speaker=speaker,
            split=hashed_split(speaker),
        )


def read_lists(folder: str) -> dict[str, Entry]:
    """HDTF's lists -> what they say, by GROUP_NAME such as RD_Radio11. InputError for a line that does not fit."""
    entries: dict[str, Entry] = {}
    for group in GROUPS:
        path = below(folder, f"{group}_annotion_time.txt")
        if not exists(path):
            continue
        urls = {words[0]: words[1] for words in _lines(folder, f"{group}_video_url.txt", 2)}
        heights = {_stem(words[0]): _number(words[1]) for words in _lines(folder, f"{group}_resolution.txt", 2)}
        crops: dict[str, dict[int, Crop]] = {}
        for words in _lines(folder, f"{group}_crop_wh.txt", 5):
            match = _CLIP.fullmatch(_stem(words[0]))
            if not match:
                raise InputError(f"no clip number in {words[0]!r}", source=f"{group}_crop_wh.txt")
            left, width, top, height = map(_number, words[1:5])
            crop = Crop(left, top, width, height, of_height=heights.get(match[1]))
            crops.setdefault(match[1], {})[int(match[2])] = crop
        for words in _lines(folder, f"{group}_annotion_time.txt", 1):
            stem = _stem(words[0])
            windows = tuple(_window(word, path) for word in words[1:])
            entries[f"{group}_{stem}"] = Entry(urls.get(stem), windows, crops.get(stem, {}))
    if not entries:
        raise InputError("none of HDTF's lists here (RD_annotion_time.txt, …)", source=folder)
    return entries


def _lines(folder: str, name: str, words: int) -> Iterator[list[str]]:
    path = below(folder, name)
    if not exists(path):
        return
    with open_source(path) as file:
        text = file.read(16 * 2**20).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = line.split()
        if found and len(found) < words:
            raise InputError(f"line {number} has {len(found)} of {words} words: {line.strip()!r}", source=path)
        if found:
            yield found


def _stem(word: str) -> str:
    return word.removesuffix(".mp4")


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise InputError(f"not a whole number: {word!r}", source="HDTF's lists") from error


def _window(word: str, source: str) -> tuple[float, float]:
    match = _WINDOW.fullmatch(word)
    if not match:
        raise InputError(f"not a time such as 00:30-01:00: {word!r}", source=source)
    start_m, start_s, end_m, end_s = map(int, match.groups())
    start, end = 60.0 * start_m + start_s, 60.0 * end_m + end_s
    if end <= start:
        raise InputError(f"ends before it begins: {word}", source=source)
    return start, end
