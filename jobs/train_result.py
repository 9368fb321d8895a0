"""What a run leaves: the model directory, with prototypes and card."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ray.train import Checkpoint

from emotalk.corpus.corpora import Corpora
from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk
from emotalk.training.batches import Batch, collate
from emotalk.training.card import Trained, model_card, terms_of_model
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
    corpora: Corpora,
    epochs: int,
    init: str | None,
    directory: str,
    *,
    half: bool,
) -> None:
    """The best checkpoint's weights and the prototypes measured with them, as a model directory with its card.

    init: the model that the run went on from.
    """
    model = EmoTalk(network)
    with checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / CHECKPOINT, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    measure_prototypes(model, _prototype_batches(examples, network.styles))
    validation = {k.removeprefix("validation_"): v for k, v in metrics.items() if k.startswith("validation_")}
    trained = Trained(
        manifest=corpora.manifests[0],
        corpus_digest=corpora.manifests[0].digest,
        also=corpora.manifests[1:],
        start=() if init is None else terms_of_model(init),
        epoch=metrics["epochs_done"],
        epochs=epochs,
        validation=validation,
    )
    model.save_pretrained(directory, model_card(network, trained), half=half)


def _prototype_batches(examples: Examples, styles: int) -> Iterator[Batch]:
    """About the same number of clips of every label, spread over the training split.

    Of a label that no clip has: those without a label in which a teacher heard it, where it was surest.
    """
    by_label: dict[int, list[int]] = defaultdict(list)
    by_ear: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for position, key in enumerate(examples.keys):
        if key.emotion is not None:
            by_label[examples.emotions.index(key.emotion)].append(position)
        elif len(heard := examples.heard(position)):
            by_ear[int(heard.argmax())].append((-float(heard.max()), position))
    for label in range(len(examples.emotions)):
        positions = by_label[label]
        chosen = positions[:: max(1, len(positions) // PROTOTYPE_CLIPS_PER_LABEL)]
        if not chosen:
            chosen = sorted(position for _, position in sorted(by_ear[label])[:PROTOTYPE_CLIPS_PER_LABEL])
        for start in range(0, len(chosen), 16):
            units = [Single(position) for position in chosen[start : start + 16]]
            loaded = examples.load(units)
            yield collate(units, {p: one._replace(emotion=label) for p, one in loaded.items()}, styles)
