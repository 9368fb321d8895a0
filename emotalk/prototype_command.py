"""`emotalk prototypes`: what emotions sound like to a model that was never told, measured on recordings."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

from emotalk.audio import load_audio
from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Prototypes:
    """Measures emotion prototypes on recordings and writes a model directory that has them.

    With the one of neutral intensity and confidence can be used, with the one of a label that label can be asked for.
    """

    recordings: tyro.conf.Positional[tuple[str, ...]]
    """LABEL=RECORDING, as many as wished; a label's prototype is the mean over all frames of its recordings."""
    model: str
    """Model directory or URI."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The model directory to write."""

    def run(self) -> int:
        import torch

        from emotalk.inference.animator import Animator
        from emotalk.model.store import load_model

        by_label: dict[str, list[str]] = {}
        for pair in self.recordings:
            label, equals, place = pair.partition("=")
            if not equals or not place:
                raise InputError(f"{pair!r} is not LABEL=RECORDING")
            by_label.setdefault(label, []).append(place)
        if not by_label:
            raise InputError("no recordings given")
        model = load_model(self.model)
        labels = model.config.emotions
        if unknown := sorted(set(by_label) - set(labels)):
            raise InputError(f"unknown emotion {unknown[0]!r}: this model knows {', '.join(labels)}")
        animator = Animator(model)
        for label, places in by_label.items():
            memory = np.concatenate([animator.hear(load_audio(place)).memory for place in places])
            model.prototypes[labels.index(label)] = torch.from_numpy(memory.mean(0, dtype=np.float64)).to(
                model.prototypes
            )
        model.save_pretrained(self.output)
        print(f"{self.output}: {model.config.preset} model with prototypes of {', '.join(by_label)}")
        return 0
