"""What a run leaves: the model directory, with prototypes and card."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ray.train import Checkpoint

from emotalk.corpus.corpus import Corpus
from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk
from emotalk.training.batches import Batch, collate
from emotalk.training.card import Trained, model_card
from emotalk.training.examples import Examples
from emotalk.training.prototypes import measure_prototypes
from emotalk.training.squares import Single
from jobs.train_worker import CHECKPOINT

PROTOTYPE_CLIPS_PER_LABEL = 48


def write_model(
    checkpoint: Checkpoint,
    metrics: dict[str, Any],
    network: EmoTalkConfig,
    examples: Examples,
    corpus: Corpus,
    epochs: int,
    directory: str,
    *,
    half: bool,
) -> None:
    """The best checkpoint's weights and the prototypes measured with them, as a model directory with its card."""
    model = EmoTalk(network)
    with checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / CHECKPOINT, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    measure_prototypes(model, _prototype_batches(examples, network.styles))
    validation = {k.removeprefix("validation_"): v for k, v in metrics.items() if k.startswith("validation_")}
    trained = Trained(
        manifest=corpus.manifest,
        corpus_digest=corpus.manifest.digest,
        epoch=metrics["epochs_done"],
        epochs=epochs,
        validation=validation,
    )
    model.save_pretrained(directory, model_card(network, trained), half=half)


def _prototype_batches(examples: Examples, styles: int) -> Iterator[Batch]:
    """The same number of clips of every label, spread over the training split."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(examples.keys):
        if key.emotion is not None:
            by_label[key.emotion].append(position)
    for positions in by_label.values():
        chosen = positions[:: max(1, len(positions) // PROTOTYPE_CLIPS_PER_LABEL)]
        for start in range(0, len(chosen), 16):
            units = [Single(position) for position in chosen[start : start + 16]]
            yield collate(units, examples.load(units), styles)
