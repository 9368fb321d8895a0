"""What the check of a recording's sound finds and costs: python -m benchmarks.sound_check SPEECH_FOLDER

Speech: every recording of the folder, from eight different beginnings, so that blocks of 8 s lie differently. Music is
made here. Prints the share of blocks that are told to be music, the largest and smallest scores, and how long the check
takes beside dubbing the same sound: decoding an mp3, the package's `lite`, writing npz and CSV.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import torch

from benchmarks.network import machine
from benchmarks.sounds import music
from emotalk.audio import SAMPLE_RATE, load_audio
from emotalk.controls import Controls
from emotalk.dubbing.listing import RECORDING_SUFFIXES
from emotalk.dubbing.recording import animate_recording, fetched
from emotalk.dubbing.sound import SoundCheck
from emotalk.dubbing.sound.check import BEAT, STEADY
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.model.store import default_model, load_model

BEGINNINGS_S = range(8)
BLOCK_SAMPLES = 160_000  # as they are decoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--minutes", type=float, default=10, help="of sound to measure the cost with")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine()["device"])
    speech = dict(recordings(options.speech))
    print(f"speech: {len(speech)} recordings, {sum(map(len, speech.values())) / SAMPLE_RATE / 60:.1f} min")
    report("speech", [scores(samples[start * SAMPLE_RATE :]) for samples in speech.values() for start in BEGINNINGS_S])
    for name, sound in music().items():
        report(name, [scores(sound)])
    voice = max(speech.values(), key=len)
    for under_db in (0, 5, 10, 15):
        mixed = []
        for sound in music(len(voice) / SAMPLE_RATE).values():
            sound = np.resize(sound, len(voice))
            gain = np.sqrt(np.mean(voice**2) / np.mean(sound**2)) * 10 ** (-under_db / 20)
            mixed.append(scores(voice + gain * sound))
        report(f"speech over music {under_db} dB lower", mixed)
    cost(np.resize(np.concatenate(list(speech.values())), round(60 * options.minutes * SAMPLE_RATE)))


def recordings(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in RECORDING_SUFFIXES:
            try:
                yield path.name, load_audio(path)
            except InputError:
                continue


def scores(samples: np.ndarray) -> np.ndarray:
    """(blocks, 2): how steady, how regular; of blocks of 4 s and more that are not silent."""
    blocks = checked(samples).blocks()
    blocks = blocks[(blocks["count"] >= 40) & (blocks["power"] > 0)]
    return np.stack([blocks["steady"], blocks["beat"]], axis=1)


def checked(samples: np.ndarray) -> SoundCheck:
    check = SoundCheck()
    for first in range(0, len(samples), BLOCK_SAMPLES):
        check.push(samples[first : first + BLOCK_SAMPLES].astype(np.float32))
    return check


def report(name: str, found: list[np.ndarray]) -> None:
    each = np.concatenate(found)
    told = (each >= (STEADY, BEAT)).any(1)
    low, high = each.min(0), each.max(0)
    print(
        f"{name}: {told.sum()} of {len(each)} blocks are music ({told.mean():.1%}); "
        f"steady {low[0]:.2f} to {high[0]:.2f} (limit {STEADY}), beat {low[1]:.2f} to {high[1]:.2f} (limit {BEAT})"
    )


def cost(samples: np.ndarray) -> None:
    """Times are this process's CPU time, so that others on the machine do not count; the smallest of three."""
    animator = Animator(load_model(default_model()), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, "speech.mp3")
        write_mp3(recording, samples)

        def dub() -> None:
            with fetched(recording) as source:
                animate_recording(animator, source, [Path(folder, "a.npz"), Path(folder, "a.csv")], Controls())

        dub_s, check_s = (min(_cpu_s(work) for _ in range(3)) for work in (dub, lambda: checked(samples)))
    minutes = len(samples) / SAMPLE_RATE / 60
    print(
        f"{minutes:.0f} min of sound: dubbing, check included, {dub_s:.2f} s ({60 * minutes / dub_s:.0f} × real time); "
        f"the check {check_s:.3f} s, {check_s / dub_s:.1%}"
    )


def _cpu_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def write_mp3(path: Path, samples: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


if __name__ == "__main__":
    main()
