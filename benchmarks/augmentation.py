"""What each effect of the augmentation costs and is worth:

    python -m jobs.build_corpus synthetic --output small --size.train-voices 8 --size.train-sentences 8
    python -m benchmarks.augmentation small [--epochs 6] [--leave-out codec telephone]

Prints milliseconds per second of speech; then trains small networks, without augmentation, without the newer effects,
with all, and with all but one for each that is named, and evaluates them on voices and sentences that none has heard,
clean and under each effect at a fixed strength: lip vertex error in millimetres, and the share of emotions told.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.small_training import Recipe, emotions_told, faces_of, trained
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.corpus import Corpus
from emotalk.training import effects
from emotalk.training.augment import UNCHANGED, AugmentConfig, augment
from emotalk.training.codecs import through_codec

Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]

EFFECTS: dict[str, Effect] = {
    "shorter throat": lambda x, rng: effects.throat(x, 1.15),
    "longer throat": lambda x, rng: effects.throat(x, 0.87),
    "room": lambda x, rng: effects.room(x, 0.6, 3.0, rng),
    "noise": lambda x, rng: effects.under(x, effects.coloured_noise(len(x), rng), 12),
    "babble": lambda x, rng: effects.under(x, effects.babble(x, rng), 12),
    "music": lambda x, rng: effects.under(x, effects.music(len(x), rng), 12),
    "compression": lambda x, rng: effects.compressed(x, 6),
    "clipping": lambda x, rng: effects.clipped(x, 12),
    "equaliser": lambda x, rng: effects.coloured(x, 5, rng),
    "low pass": lambda x, rng: effects.low_passed(x, 4_000),
    "telephone": lambda x, rng: effects.telephone(x),
    "mp3": lambda x, rng: through_codec(x, "mp3", 16_000),
    "opus": lambda x, rng: through_codec(x, "opus", 8_000),
}
NEWER = ("throats", "babble", "music", "compression", "clipping", "low_pass", "telephone", "codec")


def without(*names: str) -> AugmentConfig:
    return replace(AugmentConfig(), **dict.fromkeys(names, 0.0))  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--leave-out", nargs="*", default=[], choices=(*NEWER, "reverberation", "tilt_db"))
    parser.add_argument("--cost-only", action="store_true")
    args = parser.parse_args()
    corpus = Corpus.open(args.corpus)
    clips = corpus.read(corpus.clip_ids("test"))
    costs([clip.samples for clip in clips[:40]])
    if args.cost_only:
        return
    heard = {"clean": [clip.samples for clip in clips]}
    for name, effect in EFFECTS.items():
        draws = np.random.default_rng(0).spawn(len(clips))
        made = [effect(clip.samples, rng).astype(np.float32) for clip, rng in zip(clips, draws, strict=True)]
        heard[name] = made
    recipes = {"none": UNCHANGED, "without the newer": without(*NEWER), "all": AugmentConfig()}
    recipes |= {f"all but {name}": without(name) for name in args.leave_out}
    columns = {}
    for name, augmentation in recipes.items():
        model = trained(corpus, Recipe(augmentation=augmentation, epochs=args.epochs))
        columns[name] = [
            f"{faces_of(model, clips, sounds)['LVE']:.2f} ({emotions_told(model, clips, sounds):.0%})"
            for sounds in heard.values()
        ]
    print(f"\n| LVE in mm (emotions told) | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for row, name in enumerate(heard):
        print(f"| {name} | {' | '.join(column[row] for column in columns.values())} |")


def costs(sounds: list[np.ndarray]) -> None:
    seconds = sum(map(len, sounds)) / SAMPLE_RATE
    measured = EFFECTS | {"a clip on average": lambda x, rng: augment(x, AugmentConfig(), rng)}
    print("| effect | ms per second of speech |\n|---|---|")
    for name, effect in measured.items():
        effect(sounds[0], np.random.default_rng(0))
        started = time.process_time()
        for number, samples in enumerate(sounds):
            effect(samples, np.random.default_rng(number))
        print(f"| {name} | {1000 * (time.process_time() - started) / seconds:.2f} |")


if __name__ == "__main__":
    main()
