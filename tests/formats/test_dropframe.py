"""Drop-frame time codes: two labels a minute are missing, so that label and clock agree after ten hours."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.formats.dropframe import frames_per_day, label_of, parse_label, ticks_of
from emotalk.formats.timecode import Clock

NTSC = Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("frame", "base", "label"),
    [
        (0, 30, "00:00:00;00.000"),
        (1799, 30, "00:00:59;29.000"),
        (1800, 30, "00:01:00;02.000"),
        (17_981, 30, "00:09:59;29.000"),
        (17_982, 30, "00:10:00;00.000"),
        (1_078_920, 30, "10:00:00;00.000"),
        (3600, 60, "00:01:00;04.000"),
        (2_157_840, 60, "10:00:00;00.000"),
    ],
)
def test_labels_are_those_of_the_standard(frame: int, base: int, label: str) -> None:
    assert label_of(frame * 1000, base) == label


@settings(max_examples=300)
@given(base=st.sampled_from([30, 60]), share=st.floats(0, 1, exclude_max=True), rest=st.integers(0, 999))
def test_a_label_is_its_frame(base: int, share: float, rest: int) -> None:
    ticks = int(share * frames_per_day(base)) * 1000 + rest
    parsed = parse_label(label_of(ticks, base))
    assert parsed is not None
    assert ticks_of(np.array(parsed[:1]), np.array(parsed[1:]), base)[0] == ticks


@pytest.mark.parametrize("fps", [NTSC, 2 * NTSC])
def test_a_file_comes_back(tmp_path: Path, fps: Fraction) -> None:
    animation = Animation(np.zeros((200, 52)), fps=fps)
    animation.save(tmp_path / "a.csv", start="09:59:58;10")
    rows = (tmp_path / "a.csv").read_text().splitlines()[1:]
    assert rows[0].startswith("09:59:58;10.000,")
    assert any(row.startswith("10:00:00;00.000,") for row in rows)  # every tenth minute drops nothing
    back = Animation.load(tmp_path / "a.csv")
    assert (back.fps, back.times_s) == (fps, None)
    back.save(tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


def test_a_minute_drops_its_first_two_labels(tmp_path: Path) -> None:
    Animation(np.zeros((3, 52))).save(tmp_path / "a.csv", fps="29.97", drop_frame=True, start="00:00:59:28")
    rows = (tmp_path / "a.csv").read_text().splitlines()[1:]
    assert [row[:11] for row in rows] == ["00:00:59;28", "00:00:59;29", "00:01:00;02"]


def test_lost_frames_leave_a_hole(tmp_path: Path) -> None:
    times = np.array([0, 1, 3, 4, 5]) * 1001 / 30_000
    Animation(np.zeros((5, 52)), fps=NTSC, times_s=times).save(tmp_path / "a.csv", start="00:00:59;28")
    back = Animation.load(tmp_path / "a.csv")
    assert back.times_s is not None
    np.testing.assert_allclose(back.times_s, times, atol=1e-9)


def test_midnight_passes(tmp_path: Path) -> None:
    Animation(np.zeros((90, 52)), fps=NTSC).save(tmp_path / "a.csv", start="23:59:59;00")
    back = Animation.load(tmp_path / "a.csv")
    assert (back.fps, back.times_s, back.frames) == (NTSC, None, 90)


@pytest.mark.parametrize(
    ("start", "fps", "reason"),
    [
        ("00:00:00;00", 30, "29.97 and 59.94 fps, not of 30"),
        ("00:01:00;01", "29.97", "frame 1 of 00:01:00 does not exist"),
        ("00:00:00;30", "29.97", "frame 30 of 00:00:00 does not exist"),
        ("noon;", "29.97", "start must be a time code"),
        ("noon", 30, "start must be a time code"),
        ("10:00:00:30", 30, "names frame 30, but a second has 30"),
    ],
)
def test_starts_that_cannot_be(tmp_path: Path, start: str, fps: str | int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Animation(np.zeros((2, 52))).save(tmp_path / "a.csv", start=start, fps=fps)
    assert list(tmp_path.iterdir()) == []


def test_both_kinds_in_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    Animation(np.zeros((3, 52)), fps=NTSC).save(path, start="00:00:00;00")
    path.write_text(path.read_text().replace("00:00:00;01", "00:00:00:01"))
    with pytest.raises(InputError, match=r"a\.csv: line 3: time codes with ';' and with ':'"):
        Animation.load(path)


@settings(max_examples=100)
@given(
    fps=st.sampled_from([Fraction(24_000, 1001), Fraction(24), Fraction(25), NTSC, Fraction(50), 2 * NTSC]),
    k=st.integers(0, 10 * 3600 * 60),
)
def test_labels_of_real_time_are_exact_for_ten_hours(fps: Fraction, k: int) -> None:
    clock = Clock.of(Animation(np.zeros((1, 52)), fps=fps))
    (tick,) = clock.ticks(Animation(np.zeros((1, 52)), fps=fps), k)
    assert abs(Fraction(int(tick), clock.base * 1000) - k / fps) <= Fraction(1, 2 * clock.base * 1000)


def test_a_real_capture_goes_through_every_text(shared_data: Path, tmp_path: Path) -> None:
    capture = Animation.load(shared_data / "livelink" / "alex_rom_4.csv")
    capture.save(tmp_path / "a.arkit.json")
    assert Animation.load(tmp_path / "a.arkit.json").equals(capture)
    capture.save(tmp_path / "a.a2f.json", fps=60)
    regular = Animation.load(tmp_path / "a.a2f.json")
    assert abs(regular.duration_s - capture.duration_s) < 1 / 60
    assert capture.times_s is not None
    at = np.arange(regular.frames) / 60
    line = np.interp(at, capture.times_s, capture.column("jawOpen"))
    np.testing.assert_allclose(regular.column("jawOpen"), line, atol=1e-5)
