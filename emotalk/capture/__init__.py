"""Capture: a video of one talking face becomes a track of coefficients, and the track becomes clips."""
