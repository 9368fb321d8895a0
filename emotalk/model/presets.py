"""The three sizes: `official` (the paper), `base` (two encoders of the 95 M class), `lite` (log-mel, real time)."""

from emotalk.labels import OFFICIAL_EMOTIONS
from emotalk.model.config import EmoTalkConfig, MelEncoderConfig, TransformerEncoderConfig
from emotalk.model.transformer import pretrained_encoder_config

BASE_CHECKPOINT = "microsoft/wavlm-base-plus"
OFFICIAL_CONTENT_CHECKPOINT = "jonatasgrosman/wav2vec2-large-xlsr-53-english"
OFFICIAL_EMOTION_CHECKPOINT = "r-f/wav2vec-english-speech-emotion-recognition"


def official_config(*, layers: int = 24, emotions: tuple[str, ...] = OFFICIAL_EMOTIONS) -> EmoTalkConfig:
    """The paper's network: two large wav2vec 2.0 encoders; `layers` below 24 only for tests."""
    architecture = {
        "model_type": "wav2vec2",
        "hidden_size": 1024,
        "num_hidden_layers": layers,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
        "layerdrop": 0.0,
    }
    return EmoTalkConfig(
        preset="official",
        content=TransformerEncoderConfig(
            architecture=architecture, at_target_rate=True, checkpoint=OFFICIAL_CONTENT_CHECKPOINT
        ),
        emotion=TransformerEncoderConfig(
            architecture=architecture, at_target_rate=False, checkpoint=OFFICIAL_EMOTION_CHECKPOINT
        ),
        emotions=emotions,
        default_style=0,
    )


def base_config(*, content: str = BASE_CHECKPOINT, emotion: str = BASE_CHECKPOINT, styles: int = 24) -> EmoTalkConfig:
    """Two pretrained encoders by folder or hub name (any wav2vec2, HuBERT or WavLM checkpoint)."""
    return EmoTalkConfig(
        preset="base",
        content=pretrained_encoder_config(content, at_target_rate=True),
        emotion=pretrained_encoder_config(emotion, at_target_rate=False),
        styles=styles,
    )


def lite_config(*, styles: int = 24) -> EmoTalkConfig:
    """Log-mel and convolutions: at most 100 ms of future and 8 s of past audio (see `EmoTalk.future_samples`)."""
    return EmoTalkConfig(
        preset="lite",
        # Half a second of context is what coarticulation needs; more would be learnt by heart.
        content=MelEncoderConfig(bands=40, channels=192, dilations=(1, 1, 1, 1), block_future=1),
        # A 64 ms window resolves the harmonics of the voice: pitch carries emotion.
        emotion=MelEncoderConfig(
            window_samples=1024, patch_past=2, patch_future=2, channels=96, dilations=(1, 2, 4, 8), block_future=1
        ),
        styles=styles,
        content_width=112,
        emotion_width=48,
        level_width=8,
        style_width=8,
        feed_forward=352,
        # Its noise from frame to frame costs more than it gains where the network is small and the epochs few.
        dropout=0.0,
        past_frames=30,
    )
