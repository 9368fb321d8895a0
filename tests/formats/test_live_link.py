"""Live Link Face CSV: a phone's capture survives reading and writing to the last digit; columns go by name."""

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.animation import Animation, Track
from emotalk.errors import InputError
from emotalk.formats import write_animation
from emotalk.formats.live_link import CHANNELS, EYE_TRACKS

HEADER = ",".join(("Timecode", "BlendShapeCount", *CHANNELS))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def capture(path: Path, codes: list[str], header: str = HEADER, seed: int = 0) -> Path:
    """A file as a phone writes it, with random values."""
    rng = np.random.default_rng(seed)
    rows = [
        ",".join([code, "61", *(f"{value:.10f}" for value in rng.random(61, np.float32).tolist())]) for code in codes
    ]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def codes(start_ticks: int, steps: list[int], base: int) -> list[str]:
    ticks = start_ticks + np.concatenate([[0], np.cumsum(steps)])
    out = []
    for tick in ticks.tolist():
        seconds, rest = divmod(tick, base * 1000)
        seconds %= 86_400
        out.append(
            f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
        )
    return out


def test_the_phones_layout(tmp_path: Path) -> None:
    Animation(np.zeros((31, 52))).save(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    names = lines[0].split(",")
    assert names[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert names.index("JawRight") + 1 == names.index("JawLeft")
    assert names.index("MouthRight") + 1 == names.index("MouthLeft")
    assert names.index("MouthSmileLeft") + 1 == names.index("MouthSmileRight")
    assert names[-1] == "RightEyeRoll"
    assert len(names) == 63
    assert lines[1] == "00:00:00:00.000,61," + ",".join(["0.0000000000"] * 61)
    assert lines[2].startswith("00:00:00:01.000,")
    assert lines[31].startswith("00:00:01:00.000,")


def test_a_real_capture_rewritten_is_equal_to_the_last_digit(shared_data: Path, tmp_path: Path) -> None:
    original = shared_data / "livelink" / "alex_rom_4.csv"
    animation = Animation.load(original)
    assert (animation.fps, animation.frames) == (Fraction(30), 3809)
    assert animation.meta == {"timecode_start": "16:55:51:38.453", "timecode_base": 60}
    assert animation.times_s is not None
    assert np.flatnonzero(np.diff(animation.times_s) > 0.05).size == 2  # the two lost frames
    animation.save(tmp_path / "copy.csv")
    assert table(tmp_path / "copy.csv") == table(original)
    Animation.load(tmp_path / "copy.csv").save(tmp_path / "copy.npz")
    assert Animation.load(tmp_path / "copy.npz").equals(animation)


def test_the_eyes_of_a_real_capture_turn_as_stated(shared_data: Path) -> None:
    animation = Animation.load(shared_data / "livelink" / "alex_rom_4.csv")
    yaw, pitch, _ = animation.tracks["left_eye"].values.T
    to_the_own_right = animation.column("eyeLookInLeft") - animation.column("eyeLookOutLeft")
    down = animation.column("eyeLookDownLeft") - animation.column("eyeLookUpLeft")
    assert np.corrcoef(yaw, to_the_own_right)[0, 1] > 0.99
    assert np.corrcoef(pitch, down)[0, 1] > 0.99


@settings(deadline=None, max_examples=15)
@given(
    base=st.sampled_from([24, 25, 30, 60]),
    start=st.integers(0, 86_399),
    drift=st.lists(st.integers(-3, 3), min_size=200, max_size=200),
    lost=st.sets(st.integers(0, 199), max_size=2),
)
def test_any_capture_rewritten_is_equal(
    tmp_path_factory: pytest.TempPathFactory, base: int, start: int, drift: list[int], lost: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("capture")
    usual = 2000 if base == 60 else 1000
    steps = [usual * (2 if i in lost else 1) + drift[i] for i in range(200)]
    original = capture(folder / "a.csv", codes(start * base * 1000 + 453, steps, base))
    animation = Animation.load(original)
    animation.save(folder / "b.csv")
    assert table(folder / "b.csv") == table(original)
    assert animation.duration_s == pytest.approx(sum(steps) / (base * 1000) + 1 / animation.fps)


def test_columns_go_by_name(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.csv", codes(0, [1000] * 40, 30))
    rows = table(path)
    shuffled = np.random.default_rng(5).permutation(CHANNELS).tolist()
    with (tmp_path / "b.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["Timecode", "BlendShapeCount", *shuffled])
        writer.writeheader()
        writer.writerows(rows)
    mixed, plain = Animation.load(tmp_path / "b.csv"), Animation.load(path)
    assert mixed.equals(plain)
    assert f"{plain.column('jawLeft')[3]:.10f}" == rows[3]["JawLeft"]
    assert f"{plain.column('jawRight')[3]:.10f}" == rows[3]["JawRight"]


@settings(deadline=None, max_examples=30)
@given(
    weights=hnp.arrays(np.float32, (70, 52), elements=st.sampled_from([0.0, 0.25, 0.1, 0.5000001, 1.0, 1.5, -0.75])),
    fps=st.sampled_from([24, 25, 30, 60, Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(60_000, 1001)]),
    turned=st.booleans(),
)
def test_our_own_animations_come_back(
    tmp_path_factory: pytest.TempPathFactory, weights: np.ndarray, fps: Fraction, turned: bool
) -> None:
    head = np.zeros((70, 6), np.float32)
    head[:, :3] = [0.125, -0.5, 0.25]
    eyes = Track(np.tile(np.array([0.5, 0.25, -0.125], np.float32), (70, 1)), EYE_TRACKS["left_eye"])
    animation = Animation(weights, fps=Fraction(fps))
    if turned:
        animation = replace(animation, head=head, tracks={"left_eye": eyes})
    path = tmp_path_factory.mktemp("own") / "a.csv"
    animation.save(path)
    assert Animation.load(path).equals(animation)


def test_29_97_does_not_drift_over_hours(tmp_path: Path) -> None:
    frames = 9_000
    pieces = (Animation(np.zeros((frames // 10, 52)), fps=Fraction(30_000, 1001)) for _ in range(10))
    write_animation(tmp_path / "a.csv", pieces)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[-1].startswith("00:05:00:07.999,")  # frame 8,999 at 300.266633 s
    assert Animation.load(tmp_path / "a.csv").fps == Fraction(30_000, 1001)


def test_the_head_turns_the_other_way_in_the_file(tmp_path: Path) -> None:
    head = np.tile(np.array([0.1, 0.2, 0.3, 1, 2, 3], np.float32), (2, 1))
    Animation(np.zeros((2, 52)), head=head).save(tmp_path / "a.csv")
    row = table(tmp_path / "a.csv")[0]
    assert (row["HeadYaw"], row["HeadPitch"], row["HeadRoll"]) == ("-0.1000000015", "0.2000000030", "-0.3000000119")


def test_midnight_passes(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.csv", codes(86_399 * 30_000, [1000] * 90, 30))
    animation = Animation.load(path)
    assert animation.duration_s == pytest.approx(91 / 30)
    animation.save(tmp_path / "b.csv")
    assert table(tmp_path / "b.csv") == table(path)


GOOD = codes(0, [1000] * 3, 30)
ROW = "00:00:00:00.000,61," + ",".join(["0.5"] * 61)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEADER.replace("JawOpen,", "").replace("61", "60") + "\n", "columns missing: JawOpen"),
        (HEADER.replace("JawOpen", "JawAjar") + "\n", "columns missing: JawOpen"),
        (HEADER + ",ThirdEyeYaw\n", "columns unknown: thirdeyeyaw"),
        (HEADER + ",JawOpen\n", "columns twice: jawopen"),
        ("a,b,c\n", "Live Link Face"),
        (HEADER + "\n", "no frames"),
        (f"{HEADER}\n{ROW}\n{ROW},0.5\n", "line 3: 64 fields"),
        (f"{HEADER}\n{ROW}\n{ROW[:40]}\n", "line 3: 8 fields"),
        (f"{HEADER}\n{ROW.replace('0.5', 'nan', 1)}\n", "line 2: not a finite number"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('0.5', '1e99', 1)}\n", "line 3: not a finite number"),
        (f"{HEADER}\n{ROW.replace('0.5', 'x', 1)}\n", "line 2: could not convert"),
        (f"{HEADER}\n{ROW.replace('00:00:00', '00:61:00')}\n", "line 2: .* is not a time code"),
        (f"{HEADER}\n{ROW.replace('.000', ';00')}\n", "line 2: .* is not a time code"),
        (f"{HEADER}\n{ROW.replace(',61,', ',52,')}\n", "line 2: .* blend shapes"),
        (f"{HEADER}\n{ROW}\n{ROW[:-1]}", "line 3: the file was cut short"),
        (f"{HEADER}\n{ROW.replace('00:00:00:00', '00:00:05:00')}\n{ROW}\n", "backwards after frame 0"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        Animation.load(path)
    assert caught.value.source == str(path)


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.csv", GOOD)
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert Animation.load(tmp_path / "b.csv").equals(Animation.load(path))


def test_a_broken_start_in_meta_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="timecode_start"):
        Animation(np.zeros((2, 52)), meta={"timecode_start": "noon"}).save(tmp_path / "a.csv")
