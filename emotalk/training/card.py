"""The model card: what a trained model is, what it was trained on, and what to mind before using it."""

from collections.abc import Mapping
from dataclasses import dataclass

from emotalk.corpus.manifest import Manifest
from emotalk.corpus.provenance import provenance_of
from emotalk.model.config import EmoTalkConfig, TransformerEncoderConfig
from emotalk.model.presets import OFFICIAL_EMOTION_CHECKPOINT


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a model came to be. `validation`: losses of the chosen checkpoint, by name; `epoch` counts from 1."""

    manifest: Manifest
    corpus_digest: str
    epoch: int
    epochs: int
    validation: Mapping[str, float]


def model_card(config: EmoTalkConfig, trained: Trained) -> str:
    """Markdown."""
    total, source = trained.manifest.total, str(trained.manifest.config.get("source", "unknown"))
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
        f"* corpus: {source}, {total.hours:.2f} h, {total.clips} clips, {total.speakers} speakers "
        f"(manifest SHA-256 `{trained.corpus_digest}`)",
        *started,
        f"* epoch {trained.epoch} of {trained.epochs}, the best by validation: "
        + ", ".join(f"{name} {value:.5f}" for name, value in trained.validation.items()),
        f"* emotions: {', '.join(config.emotions)}; styles: {config.styles}",
        "",
        "## To mind",
        "",
        *(f"* {text}" for text in _warnings(config, source)),
    ]
    return "\n".join(lines) + "\n"


def _warnings(config: EmoTalkConfig, source: str) -> list[str]:
    out = [provenance_of(source).terms]
    emotion = config.emotion
    if isinstance(emotion, TransformerEncoderConfig) and emotion.checkpoint == OFFICIAL_EMOTION_CHECKPOINT:
        out.append(
            f"`{OFFICIAL_EMOTION_CHECKPOINT}` was itself trained on RAVDESS clips of all speakers: results on a test "
            "split of RAVDESS are too good."
        )
    out.append("A face that moves as if someone spoke can deceive: say that it is synthetic where people see it.")
    return out
