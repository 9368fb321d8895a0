"""Chapters of an audiobook: one file (m4b, mka, mp3 with ID3 chapters …), and where in it each of them begins."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from emotalk.audio.container import AudioSource, opened_container
from emotalk.dubbing.ledger import Chapter

CHAPTER_SUFFIXES = frozenset(
    (".m4b", ".m4a", ".mp4", ".m4v", ".mov", ".mka", ".mkv", ".webm", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".aax")
)
SHORTEST_S = 0.1  # marks that lie closer are one: a chapter without a frame is none
MAX_TITLE = 80  # characters of a title that stand in a file's name


def chapters_of(source: AudioSource) -> tuple[Chapter, ...]:
    """In order; together they are the whole file, each from its mark to the next one's. Empty for fewer than two."""
    with opened_container(source) as (container, _):
        marks = _marks(container.chapters())
    kept: list[tuple[float, str]] = []
    for start_s, title in sorted(marks, key=lambda mark: mark[0]):
        if not kept or start_s - kept[-1][0] >= SHORTEST_S:
            kept.append((start_s, title))
    if len(kept) < 2:
        return ()
    starts = [0.0, *(start_s for start_s, _ in kept[1:])]
    ends = [*starts[1:], None]
    return tuple(
        Chapter(number, len(kept), start, end, title)
        for number, (start, end, (_, title)) in enumerate(zip(starts, ends, kept, strict=True), 1)
    )


def name_of_chapter(recording: str, chapter: Chapter) -> str:
    """`book`, chapter 3 of 12 -> `book/03 The Whale`: in order in every listing, whatever the titles are."""
    number = f"{chapter.number:0{len(str(chapter.count))}d}"
    title = unicodedata.normalize("NFC", chapter.title)
    title = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else " " for c in title)
    title = re.sub(r"\s+", " ", title).strip(" .")[:MAX_TITLE].rstrip(" .")
    return f"{recording}/{number} {title}" if title else f"{recording}/{number}"


def _marks(chapters: Iterable[Any]) -> list[tuple[float, str]]:
    return [
        (max(float(one["start"] * one["time_base"]), 0.0), str((one.get("metadata") or {}).get("title", "")))
        for one in chapters
    ]
