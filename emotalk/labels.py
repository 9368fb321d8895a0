"""Emotion labels and levels, as RAVDESS numbers them (its emotion 01 is index 0 here)."""

EMOTIONS: tuple[str, ...] = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
LEVELS: tuple[str, ...] = ("normal", "strong")  # index 0 and 1: the paper's `level`

# The authors' released network knows seven classes in this order (no calm).
OFFICIAL_EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
