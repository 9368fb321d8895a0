"""Small trainings in one process, for benchmarks that compare them: no Ray, one thread, minutes."""

from dataclasses import dataclass, field

import numpy as np
import torch

from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.labels import EMOTIONS
from emotalk.metrics.bootstrap import clip_counts
from emotalk.metrics.face import face_measures
from emotalk.metrics.leakage import CONTENT, averaged_features, probe
from emotalk.metrics.pair import Pair
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.rigs import procedural_head
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import collate
from emotalk.training.examples import Examples, speakers_of
from emotalk.training.learner import Learner, Place, Work
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig, plan_epoch

MEASURES = face_measures(procedural_head())


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one small training differs in."""

    losses: LossWeights = field(default_factory=LossWeights)
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    epochs: int = 6
    seed: int = 0


def trained(corpus: Corpus, recipe: Recipe) -> EmoTalk:
    """`lite`, from scratch, at the demo's learning rate and steps."""
    torch.set_num_threads(1)
    speakers = speakers_of(corpus)
    examples = Examples(corpus, "train", EMOTIONS, speakers)
    torch.manual_seed(recipe.seed)
    model = EmoTalk(lite_config(styles=len(speakers)))
    learner = Learner(
        model, OptimiserConfig(learning_rate=1e-3), recipe.losses, device=torch.device("cpu"), seed=recipe.seed
    )
    plan = PlanConfig(seed=recipe.seed, seconds_per_step=50)
    for epoch in range(recipe.epochs):
        steps = plan_epoch(examples.keys, epoch, plan)
        for step, units in enumerate(steps.by_step):
            loaded = examples.load(units, recipe.augmentation, (recipe.seed, epoch), step)
            work = Work([collate(units, loaded, len(speakers))], counted=True)
            learner.learn(work, Place(epoch, recipe.epochs, step, steps.steps))
    return model.eval()


def faces_of(model: EmoTalk, clips: list[Clip], heard: list[np.ndarray] | None = None) -> dict[str, float | None]:
    """Measures of what the model makes of clips' sound, or of what is `heard` instead, beside their real faces."""
    sums = np.zeros(MEASURES.size)
    for clip, samples in zip(clips, heard or [clip.samples for clip in clips], strict=True):
        sums += MEASURES.sums(Pair(model.predict(samples).clip(0, 1), clip.weights, samples=samples))
    return MEASURES.values(sums)


@torch.inference_mode()
def emotions_told(model: EmoTalk, clips: list[Clip], heard: list[np.ndarray] | None = None) -> float:
    """Share of the clips whose emotion is heard rightly."""
    right = 0
    for clip, samples in zip(clips, heard or [clip.samples for clip in clips], strict=True):
        sound, lengths = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
        listened = model.emotion_encoder.listen(sound, lengths)
        logits = model.encode_emotion(listened, torch.tensor([clip.frames])).logits
        right += EMOTIONS[int(logits.argmax())] == clip.emotion
    return right / len(clips)


def emotion_from_content(model: EmoTalk, clips: list[Clip]) -> float | None:
    """Balanced accuracy of a fresh probe, held out by speaker."""
    features = np.array([averaged_features(model, clip.samples)[CONTENT] for clip in clips])
    counts = clip_counts([clip.clip_id for clip in clips], replicates=2)
    labels, speakers = [clip.emotion for clip in clips], [clip.speaker for clip in clips]
    return probe(CONTENT, "emotion", features, labels, speakers, counts).accuracy
