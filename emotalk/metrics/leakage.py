"""Content leakage: does the content encoder also tell the emotion, and the emotion encoder the words?

A linear probe (Alain & Bengio 2016) reads a label from features averaged over a clip's frames: logistic regression with
an L2 penalty, trained on half of the speakers and judged on the other half, so that it cannot know a clip by its voice.
Every label has as many clips as the rarest. Disentangled features read their own label well and the other one no better
than a handful of prosodic numbers do (`emotalk.metrics.prosody`), at best at chance.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from emotalk.metrics.bootstrap import interval
from emotalk.metrics.prosody import prosody
from emotalk.model.network import EmoTalk
from emotalk.timing import frames_of

CONTENT, EMOTION, PROSODY = "content features", "emotion features", "prosody"
READS = ("emotion", "statement")
HALVINGS = 10  # ways to cut the speakers into halves, each used both ways round
PENALTY = 1.0  # of half the squared weights, beside the sum of the clips' log losses: C = 1 of common libraries


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One linear probe. features: what it looks at; reads: what it tells, `emotion` or `statement`.

    accuracy: balanced, mean over the halves; None where no two labels are shared by speakers of both halves.
    interval: 95 %, over clips. chance: of as many labels. labels, clips, speakers: of the clips that were judged.
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
def averaged_features(model: EmoTalk, samples: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) samples at 16 kHz -> mean over frames of what the decoder is given, and the prosody, float32.

    CONTENT: (content_width,) of the content; EMOTION: (width,) of the memory that guides the decoder; PROSODY: (10,).
    """
    sound = torch.as_tensor(samples, dtype=torch.float32, device=model.device)[None]
    lengths = torch.tensor([len(samples)], device=model.device)
    frames = frames_of(lengths)
    content = model.encode_content(model.content_encoder.listen(sound, lengths), frames)[0]
    memory = model.encode_emotion(model.emotion_encoder.listen(sound, lengths), frames).memory[0]
    means = {name: track.mean(0).float().cpu().numpy() for name, track in ((CONTENT, content), (EMOTION, memory))}
    return means | {PROSODY: prosody(samples)}


def probe(
    name: str,
    reads: str,
    features: np.ndarray,
    labels: Sequence[str | None],
    speakers: Sequence[str],
    counts: np.ndarray,
) -> Probe:
    """(clips, d) features with a label and a speaker each -> how well the label is read of speakers never heard.

    counts: (1 + replicates, clips) of `emotalk.metrics.bootstrap`. Clips without a label and labels of one speaker
    alone have no part. The first clips of a label count where there are more than of the rarest; give them in an order
    that means nothing.
    """
    rows = balanced(labels, speakers)
    known = sorted({labels[row] or "" for row in rows})
    truth = np.array([known.index(labels[row] or "") for row in rows], int)
    who = np.array([speakers[row] for row in rows])
    accuracies, chances = [], []
    for half in halves(sorted(set(who))):
        inside = np.isin(who, half)
        for mine, theirs in ((inside, ~inside), (~inside, inside)):
            common = np.intersect1d(truth[mine], truth[theirs])
            if len(common) < 2:
                continue
            train, test = (np.flatnonzero(side & np.isin(truth, common)) for side in (mine, theirs))
            x, unheard = (features[[rows[i] for i in side]] for side in (train, test))
            read = common[read_labels(x, np.searchsorted(common, truth[train]), unheard)]
            accuracies.append(_balanced_accuracy(read, truth[test], counts[:, [rows[i] for i in test]]))
            chances.append(1 / len(common))
    if not accuracies:
        return Probe(
            features=name, reads=reads, accuracy=None, interval=None, chance=None, labels=0, clips=0, speakers=0
        )
    accuracy = np.mean(accuracies, axis=0)
    return Probe(
        features=name,
        reads=reads,
        accuracy=float(accuracy[0]),
        interval=interval(accuracy, len(rows)),
        chance=float(np.mean(chances)),
        labels=len(known),
        clips=len(rows),
        speakers=len(set(who)),
    )


def balanced(labels: Sequence[str | None], speakers: Sequence[str]) -> list[int]:
    """Rows of equally many clips of every label that two speakers have: of each as many as of the rarest.

    A label's clips are taken from its speakers in turn, each speaker's in the order given.
    """
    by_label: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (label, speaker) in enumerate(zip(labels, speakers, strict=True)):
        if label is not None:
            by_label[label][speaker].append(row)
    shared = {label: of for label, of in by_label.items() if len(of) > 1}
    fewest = min((sum(map(len, of.values())) for of in shared.values()), default=0)
    return sorted(row for of in shared.values() for row in _in_turn(list(of.values()))[:fewest])


def halves(speakers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Ways to choose half of the speakers (of an odd number the smaller half), the rest being the other half.

    All of them, or ten where there are more: of three speakers each one against the two others.
    """
    size = len(speakers) // 2
    if not size:
        return
    ways = comb(len(speakers), size) // (2 if len(speakers) % 2 == 0 else 1)
    if ways <= HALVINGS:
        # Of an even number, the halves with the first speaker are all: the others are their rests.
        even = len(speakers) % 2 == 0
        yield from (half for half in combinations(speakers, size) if not even or speakers[0] in half)
        return
    rng = np.random.default_rng(0)
    for _ in range(HALVINGS):
        yield tuple(speakers[i] for i in sorted(rng.permutation(len(speakers))[:size]))


def read_labels(features: np.ndarray, truth: np.ndarray, unheard: np.ndarray) -> np.ndarray:
    """Training features (n, d) with labels (n,) from 0 on, others (m, d) -> (m,): what the probe reads of the others.

    Features are standardised by the training clips; every label weighs the same; the offset is not penalised.
    """
    x = np.asarray(features, np.float64)
    centre, spread = x.mean(0), x.std(0)
    scale = np.where(spread > 1e-9, spread, 1)
    x, others = (x - centre) / scale, (unheard - centre) / scale
    # What lies outside the span of the training clips never gets a weight: fewer unknowns, the same probe.
    _, _, basis = np.linalg.svd(x, full_matrices=False)
    x, others = x @ basis.T, others @ basis.T
    sizes = np.bincount(truth)
    target = np.eye(len(sizes))[truth]
    weight = len(truth) / (len(sizes) * sizes[truth])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, offset = _parameters(flat, len(sizes))
        scores = x @ weights + offset
        error = weight[:, None] * (softmax(scores, axis=1) - target)
        value = weight @ (logsumexp(scores, axis=1) - scores[np.arange(len(truth)), truth])
        gradient = np.vstack([x.T @ error + PENALTY * weights, error.sum(0)])
        return value + PENALTY / 2 * np.square(weights).sum(), gradient.ravel()

    start = np.zeros((x.shape[1] + 1) * len(sizes))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1_000, "gtol": 1e-4})
    weights, offset = _parameters(found.x, len(sizes))
    return np.asarray((others @ weights + offset).argmax(1))


def _parameters(flat: np.ndarray, labels: int) -> tuple[np.ndarray, np.ndarray]:
    table = flat.reshape(-1, labels)
    return table[:-1], table[-1]


def _balanced_accuracy(read: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(clips,) read and true labels, (1 + replicates, clips) -> (1 + replicates,) mean over labels of the share read.

    A replicate without a clip of a label leaves that label out.
    """
    member = (truth[:, None] == np.unique(truth)).astype(float)
    weight, hits = counts @ member, counts @ (member * (read == truth)[:, None])
    known = weight > 0
    shares = np.where(known, hits / np.where(known, weight, 1), 0).sum(1)
    return np.asarray(shares / np.maximum(known.sum(1), 1))


def _in_turn(groups: Sequence[Sequence[int]]) -> list[int]:
    """The first of each group, then the second of each, and so on."""
    return [group[i] for i in range(max(map(len, groups))) for group in groups if i < len(group)]
