"""Films as files, read back by another decoder's eyes: where each frame and each sound stands."""

import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emotalk.animation import Animation
from emotalk.blendshapes import INDEX
from emotalk.cli import main
from emotalk.render.video import palette_of, write_gif, write_mp4

FRAMES = 60


def emotalk(*args: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """-> exit code."""
    monkeypatch.setattr(sys, "argv", ["emotalk", *map(str, args)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """Two seconds of a face at rest, whose mouth is open in the frame of the first full second."""
    weights = np.zeros((FRAMES, 52), np.float32)
    weights[30, INDEX["jawOpen"]] = 1
    path = tmp_path / "flash.npz"
    Animation(weights=weights).save(path)
    return path


def click(path: Path, seconds: float, *, at_s: float = 1.0, rate: int = 44_100, channels: int = 2) -> Path:
    """Silence, and a short tone at one moment; on the left channel only where there are two."""
    samples = np.zeros((round(seconds * rate), channels))
    start = round(at_s * rate)
    tone = np.sin(2 * np.pi * 3000 * np.arange(rate // 50) / rate)
    samples[start : start + len(tone), 0] = tone[: len(samples) - start]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 30000).astype("<i2").tobytes())
    return path


def read_video(path: Path) -> tuple[np.ndarray, list[float]]:
    """(frames, H, W, 3) and their times."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.stack([f.to_ndarray(format="rgb24") for f in frames]), [float(f.pts * f.time_base) for f in frames]


def read_sound(path: Path) -> tuple[np.ndarray, int, float]:
    """(channels, n), rate, and the time of the first sample."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return (
        np.concatenate([f.to_ndarray() for f in frames], axis=1),
        frames[0].sample_rate,
        float(frames[0].pts * frames[0].time_base),
    )


def test_picture_and_sound_happen_together(
    flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "film.mp4"
    speech = click(tmp_path / "click.wav", 2.5)
    assert emotalk("render", flash, "-o", out, "--audio", speech, "--size", 96, monkeypatch=monkeypatch) == 0
    assert "60 of 60 frames of 2.00 s, 96 × 96" in (said := capsys.readouterr().out)
    assert "the rest of the sound left out" in said
    pictures, times = read_video(out)
    np.testing.assert_allclose(times, np.arange(FRAMES) / 30, atol=1e-6)
    difference = np.abs(pictures.astype(int) - pictures[0]).max(axis=(1, 2, 3))
    assert difference.argmax() == 30
    assert difference[30] > 80
    assert np.delete(difference, 30).max() < 30
    sound, rate, first_s = read_sound(out)
    assert (len(sound), rate) == (2, 48_000)
    loud = np.flatnonzero(np.abs(sound[0]) > 0.3)
    assert first_s + loud[0] / rate == pytest.approx(1.0, abs=0.002)
    assert first_s + loud[-1] / rate == pytest.approx(1.02, abs=0.002)
    assert np.abs(sound[1]).max() < 0.05  # channels stay apart
    assert first_s + sound.shape[1] / rate == pytest.approx(2.0, abs=0.025)
    with av.open(str(out)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, video.average_rate) == ("h264", "yuv420p", 30)
        assert audio.codec_context.name == "aac"


def test_a_short_mono_recording_leaves_the_rest_silent(
    flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "film.mp4"
    speech = click(tmp_path / "click.wav", 0.7, at_s=0.25, rate=16_000, channels=1)
    assert emotalk("render", flash, "-o", out, "--audio", speech, "--size", 32, monkeypatch=monkeypatch) == 0
    assert "left out" not in capsys.readouterr().out
    sound, rate, first_s = read_sound(out)
    assert len(sound) == 1
    assert first_s + np.flatnonzero(np.abs(sound[0]) > 0.3)[0] / rate == pytest.approx(0.25, abs=0.002)
    assert len(read_video(out)[0]) == FRAMES


def test_colours_survive_the_film(tmp_path: Path) -> None:
    patches = np.array([(200, 40, 40), (40, 160, 60), (50, 70, 200), (232, 230, 226)], np.uint8)
    picture = np.repeat(np.repeat(patches.reshape(2, 2, 3), 32, axis=0), 32, axis=1)
    write_mp4(tmp_path / "a.mp4", [picture] * 3, shape=(64, 64), fps=Fraction(25), frames=3)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited: players need not guess
        seen = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    for y, x in ((16, 16), (16, 48), (48, 16), (48, 48)):
        assert np.abs(seen[y, x].astype(int) - picture[y, x]).max() < 12


def test_a_gif_keeps_time_and_colours(flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "face.gif"
    assert emotalk("render", flash, "-o", out, monkeypatch=monkeypatch) == 0
    pictures, times = read_video(out)
    assert pictures.shape == (30, 256, 256, 3)
    np.testing.assert_allclose(times, np.round(np.arange(30) / 15, 2), atol=1e-9)
    difference = np.abs(pictures.astype(int) - pictures[0]).max(axis=(1, 2, 3))
    assert (difference > 60).nonzero()[0].tolist() == [15]
    assert out.stat().st_size < 100_000  # all but one frame are the same
    with Image.open(out) as image:
        assert image.info["loop"] == 0


def test_a_rare_colour_gets_its_place_in_the_palette(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    picture = np.clip(rng.normal((220, 170, 140), 12, (80, 80, 3)), 0, 255).astype(np.uint8)
    picture[40:44, 40:44] = (30, 120, 110)
    write_gif(tmp_path / "a.gif", [picture], palette_of([picture]), fps=Fraction(10))
    seen = read_video(tmp_path / "a.gif")[0][0]
    assert np.abs(seen[42, 42].astype(int) - picture[42, 42]).max() < 16
    assert np.abs(seen.astype(int) - picture).mean() < 6


def test_stills_and_sheets(flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name: tmp_path / f"{name}.png" for name in ("one", "two", "sheet")}
    size = ("--size", 64)
    assert emotalk("render", flash, "-o", names["one"], "--at", 1.0, *size, monkeypatch=monkeypatch) == 0
    assert emotalk("render", flash, "-o", names["two"], "--at", 0, 1.0, *size, monkeypatch=monkeypatch) == 0
    assert emotalk("render", flash, "-o", names["sheet"], *size, monkeypatch=monkeypatch) == 0
    one, two, twelve = (np.asarray(Image.open(path)) for path in names.values())
    assert one.shape == (64, 64, 3)
    np.testing.assert_array_equal(two[:64, 64:128], one)
    assert (two[:64, :64] != one).any()
    assert twelve.shape == (3 * 71 + 1, 4 * 64, 3)


def test_several_animations_get_their_names(
    flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.npy"
    np.save(other, np.zeros((FRAMES, 52), np.float32))
    out = tmp_path / "both.png"
    size = ("--size", 64, "--at", 1)
    assert emotalk("render", flash, other, "--heat-map", "-o", out, *size, monkeypatch=monkeypatch) == 0
    assert "heat map up to" in capsys.readouterr().out
    picture = np.asarray(Image.open(out))
    assert picture.shape == (6 + 2 * 64, 128, 3)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["-o", "a.avi"], "error: a.avi: pictures are .mp4, .gif, .png"),
        (["-o", "a.gif", "--audio", "a.wav"], "only an .mp4 has sound"),
        (["-o", "a.mp4", "--at", "1"], "--at picks frames of a .png"),
        (["-o", "a.png", "--at", "7"], "--at 7 lies outside the animation's 2.00 s"),
        (["-o", "a.png", "--heat-map"], "two or more"),
        (["-o", "a.png", "--heat-limit", "3"], "belongs to --heat-map"),
        (["-o", "a.mp4", "--audio", "missing.wav"], "missing.wav: no such file"),
        (["-o", "a.mp4", "--audio", "text.wav"], "not an audio file"),
        (["-o", "a.png", "--size", "0"], "16 to 4096"),
        (["-o", "a.png", "--titles", "truth", "model"], "titles are one per animation: 1, not 2"),
        (["-o", "a.gif", "--fps", "0"], "1 to 120 frames per second"),
        (["-o", "a.png", "--rig", "text.wav"], "not a rig file"),
        (["x.doc", "-o", "a.png"], "no animation format"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    flash: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.wav").write_text("hello")
    before = sorted(tmp_path.iterdir())
    assert emotalk("render", flash, *args, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert reason in said
    assert sorted(tmp_path.iterdir()) == before
