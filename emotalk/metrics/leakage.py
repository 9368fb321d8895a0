"""Content leakage: does the content encoder also tell the emotion, and the emotion encoder the words?

A linear probe (Alain & Bengio 2016) reads a label from features pooled over time: a ridge regression onto one-hot
labels, trained on some speakers and judged on the others, so that it cannot know a clip by its voice. Its penalty is
the one that reads best when each of the training speakers is held out in turn: a weak probe would hide a leak.
Disentangled
features read their own label well and the other one at chance. Balanced accuracy: the mean over labels of the share of
each label's clips that are read rightly; chance is one over the number of labels.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emotalk.metrics.bootstrap import interval
from emotalk.model.network import EmoTalk
from emotalk.timing import frames_of

CONTENT, EMOTION = "content features", "emotion features"
FOLDS = 8  # of speakers; a speaker is never in two
PENALTIES = (0.01, 0.1, 1.0, 10.0)  # in units of the standardised features' variance
READS = ("emotion", "statement")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One linear probe. features: what it looks at; reads: what it tells, `emotion` or `statement`.

    accuracy: balanced, None where no label is shared by two speakers. interval: 95 %, over clips. chance: of as many
    labels. labels, clips, speakers: of the clips that were judged.
    """

    features: str
    reads: str
    accuracy: float | None
    interval: tuple[float, float] | None
    chance: float | None
    labels: int
    clips: int
    speakers: int


@torch.inference_mode()
def pooled_features(model: EmoTalk, samples: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) samples at 16 kHz -> mean and standard deviation over time of what the decoder is given, float32.

    CONTENT: (2 content_width,) of the content; EMOTION: (2 width,) of the memory that guides the decoder.
    """
    sound = torch.as_tensor(samples, dtype=torch.float32, device=model.device)[None]
    lengths = torch.tensor([len(samples)], device=model.device)
    frames = frames_of(lengths)
    content = model.encode_content(model.content_encoder.listen(sound, lengths), frames)[0]
    memory = model.encode_emotion(model.emotion_encoder.listen(sound, lengths), frames).memory[0]
    return {
        name: torch.cat([track.mean(0), track.std(0, correction=0)]).float().cpu().numpy()
        for name, track in ((CONTENT, content), (EMOTION, memory))
    }


def probe(
    name: str,
    reads: str,
    features: np.ndarray,
    labels: Sequence[str | None],
    speakers: Sequence[str],
    counts: np.ndarray,
) -> Probe:
    """(clips, d) features with a label and a speaker each -> how well the label is read, held out by speaker.

    counts: (1 + replicates, clips) of `emotalk.metrics.bootstrap`. Clips without a label and labels of one speaker
    alone have no part.
    """
    said_by: dict[str, set[str]] = defaultdict(set)
    for label, speaker in zip(labels, speakers, strict=True):
        if label is not None:
            said_by[label].add(speaker)
    known = sorted(label for label, who in said_by.items() if len(who) > 1)
    rows = [i for i, label in enumerate(labels) if label in known]
    if len(known) < 2:
        return Probe(
            features=name, reads=reads, accuracy=None, interval=None, chance=None, labels=0, clips=0, speakers=0
        )
    truth = np.array([known.index(labels[i] or "") for i in rows])
    who = [speakers[i] for i in rows]
    right = _held_out(features[rows].astype(np.float64), truth, who, len(known)) == truth
    # (1 + replicates, labels): how often each replicate counts a label's clips, and those of them that were right.
    member = np.eye(len(known))[truth]
    weight, hits = counts[:, rows] @ member, counts[:, rows] @ (member * right[:, None])
    share = hits / np.where(weight > 0, weight, np.nan)
    balanced = np.nanmean(share, axis=1)
    return Probe(
        features=name,
        reads=reads,
        accuracy=float(balanced[0]),
        interval=interval(balanced, len(rows)),
        chance=1 / len(known),
        labels=len(known),
        clips=len(rows),
        speakers=len(set(who)),
    )


def _held_out(features: np.ndarray, truth: np.ndarray, speakers: Sequence[str], labels: int) -> np.ndarray:
    """(clips,) what is read of each clip by a probe that never heard its speaker."""
    order = {speaker: i % FOLDS for i, speaker in enumerate(sorted(set(speakers)))}
    fold = np.array([order[speaker] for speaker in speakers])
    out = np.full(len(truth), -1)
    for held in range(fold.max() + 1):
        train, test = fold != held, fold == held
        inner = np.zeros(len(PENALTIES))
        for left_out in sorted(set(fold[train])):
            rest = train & (fold != left_out)
            if rest.any():
                within = fold == left_out
                read = _read(features[rest], truth[rest], features[within], labels)
                inner += (read == truth[within]).sum(axis=1)
        best = int(inner.argmax()) if inner.any() else PENALTIES.index(1.0)
        out[test] = _read(features[train], truth[train], features[test], labels)[best]
    return out


def _read(features: np.ndarray, truth: np.ndarray, unheard: np.ndarray, labels: int) -> np.ndarray:
    """Training features (n, d) with labels (n,), others (m, d) -> (penalties, m): what each penalty's probe reads."""
    centre, spread = features.mean(0), features.std(0)
    scale = np.where(spread > 1e-9, spread, 1)
    known, unknown = (features - centre) / scale, (unheard - centre) / scale
    target = np.eye(labels)[truth]
    # By the clips' inner products: there are fewer clips than features, and one factorisation serves all penalties.
    values, vectors = np.linalg.eigh(known @ known.T)
    turned, across = vectors.T @ (target - target.mean(0)), unknown @ known.T @ vectors
    size = len(known) * float(np.square(known).mean())
    scores = [
        across @ (turned / (values + max(penalty * size, 1e-9))[:, None]) + target.mean(0) for penalty in PENALTIES
    ]
    return np.stack(scores).argmax(-1)
