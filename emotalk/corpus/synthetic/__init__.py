"""A synthetic corpus with exact truth: synthesised speech, and the face computed from its known speech sounds."""
