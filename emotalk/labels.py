"""Emotion labels and levels, as RAVDESS numbers them (its emotion 01 is index 0 here)."""

EMOTIONS: tuple[str, ...] = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
NEUTRAL = "neutral"
LEVELS: tuple[str, ...] = ("normal", "strong")  # index 0 and 1: the paper's `level`

# The authors' released network knows seven classes in this order (no calm).
OFFICIAL_EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

# How pages show them, also under the names that other networks have for some.
EMOTION_COLOURS: dict[str, str] = {
    "neutral": "#8a8f98",
    "calm": "#3aa6a0",
    "happy": "#e8a317",
    "sad": "#4a7fd6",
    "angry": "#d6453f",
    "fearful": "#8b5cc7",
    "fear": "#8b5cc7",
    "disgust": "#5d9b3c",
    "surprised": "#e2713b",
    "surprise": "#e2713b",
}
