"""Tracks as a source of clips: cut at scenes and pauses, moved to their sound, brought to 30 fps and inspected."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from emotalk.audio import SAMPLE_RATE
from emotalk.audio.pauses import HOP, cut_at_pauses, power_track
from emotalk.capture.quality import inspect
from emotalk.capture.retime import retime
from emotalk.capture.sound import power_of_bands
from emotalk.capture.track import Outline, Track, read_outline, read_sound, read_track
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import MIN_DURATION_S, RejectedError, Rejection, check_clip
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.store import Store
from emotalk.corpus.takes import Take
from emotalk.timing import frames_of

FOLDER = "capture"  # of a corpus, where its tracks lie
# Rises when the same tracks would make other clips.
CLIPS_VERSION = 2


class ClipSpec(NamedTuple):
    """Where a clip lies: its track, start and number of its samples in the track's sound, and its scene.

    scene_s: start and end in seconds on the video's clock, of the pictures as they are.
    """

    track: str
    first: int
    samples: int
    scene_s: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class TrackSource:
    """Clips cut from the tracks of a capture: the Source that shards are made from."""

    name: str
    output: str
    options: str
    max_clip_s: float
    keep_rejected: bool
    recorded: tuple[tuple[Take, str], ...]
    failed: tuple[Rejection, ...]

    def settings(self) -> dict[str, object]:
        options: dict[str, object] = json.loads(self.options)
        return options

    def listing(self) -> Listing:
        items: list[Item] = []
        rejections = list(self.failed)
        for take, key in self.recorded:
            path = Store(self.output).path(f"{FOLDER}/{key}.npz")
            outline = read_outline(path)
            cuts = _cuts(outline, self.max_clip_s)
            if not cuts:
                text = "sound and picture have less than half a second in common"
                rejections.append(Rejection(take.prefix, take.source, "av_length", text))
            items += [_item(take, key, ClipSpec(path, *cut), outline, alone=len(cuts) == 1) for cut in cuts]
        return Listing(items, rejections)

    def read(self, item: Item) -> Clip:
        """The clip of an item, its face moved to where its sound is. Raises RejectedError with what was measured."""
        assert isinstance(item.spec, ClipSpec)
        spec = item.spec
        track = _track(spec.track)
        samples = read_sound(spec.track, spec.first, spec.first + spec.samples)
        start_s = track.info.sound_start_s + spec.first / SAMPLE_RATE
        late_s = track.info.offset.correction_s if track.info.offset else 0.0
        face = retime(track, start_s - late_s, frames_of(len(samples)), scene_s=spec.scene_s)
        clip = item.clip(samples, face.weights, face.head)
        kept = clip if self.keep_rejected else None
        found = inspect(track, face, samples, start_s=start_s, late_s=late_s)
        if found.faults:
            fault = found.faults[0]
            text = "; ".join(each.text for each in found.faults)
            raise RejectedError(fault.code, text, times_s=fault.times_s, clip=kept, numbers=found.numbers)
        try:
            check_clip(clip)
        except RejectedError as error:
            raise RejectedError(error.code, error.reason, clip=kept, numbers=found.numbers | error.numbers) from error
        return clip


_recent: dict[str, Track] = {}


def _track(path: str) -> Track:
    """The track that was read last is kept: its clips come one after the other."""
    if path not in _recent:
        track = read_track(path)
        _recent.clear()
        _recent[path] = track
    return _recent[path]


def _cuts(outline: Outline, max_s: float) -> list[tuple[int, int, tuple[float, float]]]:
    """First sample, number of samples and scene of each clip, inside what sound and picture have in common."""
    info = outline.info
    late_s = info.offset.correction_s if info.offset else 0.0
    power = power_of_bands(outline.bands)
    cuts = []
    for scene_s in outline.scenes:
        # On the sound's clock, in whole steps of 10 ms.
        begin_s, stop_s = (at_s + late_s - info.sound_start_s for at_s in scene_s)
        first = round(max(begin_s, 0.0) * SAMPLE_RATE / HOP)
        last = int(min(stop_s, info.samples / SAMPLE_RATE) * SAMPLE_RATE / HOP + 1e-6)
        if last > first:
            heard = power_track(power[first:last])
            pieces = cut_at_pauses((last - first) * HOP, heard, max_s=max_s)
            cuts += [(first * HOP + start, end - start, scene_s) for start, end in pieces]
    long_enough = any(count >= MIN_DURATION_S * SAMPLE_RATE for _, count, _ in cuts)
    return cuts if long_enough else []


def _item(take: Take, key: str, spec: ClipSpec, outline: Outline, *, alone: bool) -> Item:
    start_ms = round(1000 * (outline.info.sound_start_s + spec.first / SAMPLE_RATE))
    item_id = f"{take.prefix}-{start_ms:08d}"
    return Item(
        item_id=item_id,
        source=take.source,
        speaker=take.speaker,
        statement=take.statement if take.statement and alone else item_id,  # parts of a sentence are no sentence
        split=take.split,
        emotion=take.emotion,
        level=take.level,
        repetition=take.repetition,
        seconds=spec.samples / SAMPLE_RATE,
        spec=spec,
        version=f"{key}:{spec.first}:{spec.samples}",
    )
