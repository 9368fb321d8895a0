"""The model card: what a trained model is, what it was trained on, and what to mind before using it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emotalk.corpus.manifest import Manifest
from emotalk.corpus.provenance import terms_of
from emotalk.files import exists, read_source
from emotalk.model.config import EmoTalkConfig, TransformerEncoderConfig
from emotalk.model.official import TERMS
from emotalk.model.presets import OFFICIAL_EMOTION_CHECKPOINT
from emotalk.model.start import is_official
from emotalk.model.store import CARD, load_config

TO_MIND = "## To mind"
MAX_CARD_BYTES = 1 << 20
UNKNOWN_TERMS = "It was made with a model that has no card: its terms are known to whoever made that."


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a model came to be. `validation`: losses of the chosen checkpoint, by name; `epoch` counts from 1.

    also: of further corpora. start: terms of the model that it went on from.
    """

    manifest: Manifest
    corpus_digest: str
    epoch: int
    epochs: int
    validation: Mapping[str, float]
    also: tuple[Manifest, ...] = ()
    start: tuple[str, ...] = ()


def model_card(config: EmoTalkConfig, trained: Trained) -> str:
    """Markdown."""
    encoders = {"content": config.content, "emotion": config.emotion}
    started = [
        f"* {name} encoder started from `{encoder.checkpoint}`"
        for name, encoder in encoders.items()
        if isinstance(encoder, TransformerEncoderConfig) and encoder.checkpoint
    ]
    lines = [
        f"# EmoTalk `{config.preset}`",
        "",
        "Speech in, 52 ARKit blendshape coefficients at 30 fps out. Use it with `emotalk animate --model THIS_FOLDER`.",
        "",
        "## Training",
        "",
        _corpus(trained.manifest, trained.corpus_digest),
        *(_corpus(manifest, manifest.digest) for manifest in trained.also),
        *started,
        f"* epoch {trained.epoch} of {trained.epochs}, the best by validation: "
        + ", ".join(f"{name} {value:.5f}" for name, value in trained.validation.items()),
        f"* emotions: {', '.join(config.emotions)}; styles: {config.styles}",
        "",
        TO_MIND,
        "",
        *(f"* {text}" for text in _warnings(config, trained)),
    ]
    return "\n".join(lines) + "\n"


def terms_of_model(path: str) -> tuple[str, ...]:
    """What whoever builds upon a model must mind, by its card. A model directory, a URI or the authors' checkpoint."""
    if is_official(path):
        return (TERMS,)
    if exists(f"{path}/{CARD}"):
        card = read_source(f"{path}/{CARD}", max_bytes=MAX_CARD_BYTES).decode(errors="replace")
        told = card.partition(f"\n{TO_MIND}\n")[2].partition("\n## ")[0]
        return tuple(line.removeprefix("* ") for line in told.splitlines() if line.startswith("* "))
    # Without a card it was not trained here: most likely the authors' weights in this project's format.
    return (TERMS if load_config(path).preset == "official" else UNKNOWN_TERMS,)


def _corpus(manifest: Manifest, digest: str) -> str:
    total, source = manifest.total, str(manifest.config.get("source", "unknown"))
    teacher = manifest.config.get("settings", {}).get("teacher")
    taught = f" with the faces of a teacher: `{teacher['network']}`, SHA-256 `{teacher['sha256']}`" if teacher else ""
    return (
        f"* corpus: {source}, {total.hours:.2f} h, {total.clips} clips, {total.speakers} speakers "
        f"(manifest SHA-256 `{digest}`){taught}"
    )


def _warnings(config: EmoTalkConfig, trained: Trained) -> Iterator[str]:
    """Each once: teachers and starts may have learnt from the same corpora."""
    emotion = config.emotion
    told = [text for manifest in (trained.manifest, *trained.also) for text in terms_of(manifest.config)]
    told += trained.start
    if isinstance(emotion, TransformerEncoderConfig) and emotion.checkpoint == OFFICIAL_EMOTION_CHECKPOINT:
        told.append(
            f"`{OFFICIAL_EMOTION_CHECKPOINT}` was itself trained on RAVDESS clips of all speakers: results on a test "
            "split of RAVDESS are too good."
        )
    told.append("A face that moves as if someone spoke can deceive: say that it is synthetic where people see it.")
    return iter(dict.fromkeys(told))
