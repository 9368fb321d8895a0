"""Forced alignment: a recording of English speech and its text -> when each word and each speech sound is heard."""

from emotalk.alignment.aligner import Aligner, Alignment, Word, align

__all__ = ["Aligner", "Alignment", "Word", "align"]
