"""Shapings and tracks of every kind, for property tests."""

from hypothesis import strategies as st

from emotalk.blendshapes import COEFFICIENTS, GROUPS
from emotalk.controls import Number, Shaping, Track


def tracks(low: float, high: float) -> st.SearchStrategy[Track]:
    """Over the first seconds of a recording."""
    point = st.tuples(st.floats(0, 3, width=16), st.floats(low, high, width=16))
    return st.lists(point, min_size=1, max_size=4).map(lambda points: Track(tuple(sorted(points))))


def numbers(low: float, high: float) -> st.SearchStrategy[Number]:
    return st.floats(low, high, width=16) | tracks(low, high)


def by_name(low: float, high: float) -> st.SearchStrategy[dict[str, Number]]:
    return st.dictionaries(st.sampled_from([*GROUPS, *COEFFICIENTS]), numbers(low, high), max_size=2)


shapings = st.builds(
    Shaping,
    gain=by_name(0, 2),
    offset=by_name(-0.25, 0.25),
    minimum=by_name(0, 0.25),
    maximum=by_name(0.5, 1),
    upper_face=numbers(0, 2),
    lower_face=numbers(0, 2),
    lip_close=numbers(0, 1),
    eyelid=numbers(-1, 1),
    upper_smoothing=numbers(0, 1),
    lower_smoothing=numbers(0, 1),
    upper_window=st.sampled_from([3, 5, 9, 31]),
    lower_window=st.sampled_from([3, 5, 9, 31]),
    smoothing_order=st.integers(0, 2),
    silence_dbfs=st.sampled_from([-60.0, -30.0]),
    blink_variety=st.floats(0, 1, width=16),
    gaze=st.just(0.0) | numbers(0, 2),
    sway=st.just(0.0) | numbers(0, 3),
)
