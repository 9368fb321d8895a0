"""Emotion prototypes: the mean emotion memory of each label, with which an emotion can be asked for."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from emotalk.model.network import EmoTalk
from emotalk.model.resample import frame_mask
from emotalk.training.batches import Batch


@torch.inference_mode()
def measure_prototypes(model: EmoTalk, batches: Iterable[Batch]) -> None:
    """Average the memory over the frames of each label's recordings and store it in the model's buffer.

    A label without any recording keeps what the model knew of it before; where that is nothing it gets the mean of all:
    asking for it then changes nothing in one direction.
    """
    model.eval()
    labels = len(model.config.emotions)
    total = torch.zeros(labels, model.config.width, dtype=torch.float64)
    count = torch.zeros(labels, dtype=torch.float64)
    for batch in batches:
        batch = batch.to(model.device)
        heard = model.emotion_encoder.listen(batch.samples, batch.lengths).select(batch.emotion)
        memory = model.encode_emotion(heard, batch.frames).memory
        mask = frame_mask(batch.frames, memory.shape[1])
        known = batch.labels >= 0
        one_hot = F.one_hot(batch.labels[known], labels).double().cpu()
        total += one_hot.T @ (memory * mask[..., None]).sum(1)[known].double().cpu()
        count += one_hot.T @ mask.sum(1)[known].double().cpu()
    if not count.any():
        return
    overall = total.sum(0) / count.sum()
    known_before = model.prototypes.double().cpu()
    absent = torch.where(known_before.any(1, keepdim=True), known_before, overall)
    means = torch.where(count[:, None] > 0, total / count.clamp(min=1)[:, None], absent)
    model.prototypes.copy_(means.to(model.prototypes))
