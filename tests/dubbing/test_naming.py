"""Outputs are called as their recordings, and no two recordings ever share one."""

import hypothesis.strategies as st
from hypothesis import given

from emotalk.dubbing.naming import name_outputs

PATHS = st.lists(
    st.builds(
        lambda folder, stem, suffixes: folder + stem + suffixes,
        st.sampled_from(["", "one/", "One/"]),
        st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "report"]),
        st.sampled_from([".wav", ".mp3", ".wav.flac", ".WAV", ""]),
    ),
    unique=True,
)


def test_the_suffix_is_replaced_and_folders_are_kept() -> None:
    assert name_outputs(["a.wav", "book/part 1.mp3"]) == {"a.wav": "a", "book/part 1.mp3": "book/part 1"}


def test_names_that_would_meet_stay_whole() -> None:
    relatives = ["a.wav", "a.mp3", "a.wav.flac", "b.wav"]
    assert name_outputs(relatives) == {"a.wav": "a.wav", "a.mp3": "a.mp3", "a.wav.flac": "a.wav.flac", "b.wav": "b"}


def test_a_newcomer_leaves_earlier_names_alone() -> None:
    assert name_outputs(["a.wav", "a.mp3"], owners={"a": "a.wav"}) == {"a.wav": "a", "a.mp3": "a.mp3"}
    assert name_outputs(["a.mp3"], owners={"a": "a.wav"}) == {"a.mp3": "a.mp3"}
    assert name_outputs(["a.wav"], owners={"a.wav": "a.wav", "a.mp3": "a.mp3"}) == {"a.wav": "a.wav"}


@given(PATHS)
def test_names_are_unique_and_do_not_depend_on_the_order(relatives: list[str]) -> None:
    names = name_outputs(relatives)
    assert len(set(names.values())) == len(relatives)
    assert name_outputs(relatives[::-1]) == names


@given(PATHS, st.integers(0, 20))
def test_a_growing_shelf_renames_nothing(relatives: list[str], first: int) -> None:
    earlier = name_outputs(relatives[:first])
    later = name_outputs(relatives, owners={name: relative for relative, name in earlier.items()})
    assert {relative: later[relative] for relative in earlier} == earlier
    assert len(set(later.values())) == len(relatives)


def test_no_animation_is_called_as_the_report_is() -> None:
    names = name_outputs(["report.wav", "Report.mp3", "book/report.wav"])
    assert names == {"report.wav": "report.wav", "Report.mp3": "Report.mp3", "book/report.wav": "book/report"}
