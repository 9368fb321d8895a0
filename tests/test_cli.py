"""The `emotalk` command, as a process and as a function."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.audio import load_audio
from emotalk.inference.animator import Animator
from emotalk.model.store import PACKAGED_MODEL, load_model, model_digest
from tests.commands import emotalk
from tests.model.small import small_transformer
from tests.small_model import save_small_model, write_murmur


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return write_murmur(tmp_path / "speech.wav", 1.0)


def test_animate_writes_what_the_animator_gives(
    model: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "face.npz"
    assert emotalk("animate", speech, "-o", out, "--model", model) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "45 frames, 1.00 s of speech" in line
    assert "mean of the trained styles" in line
    direct = Animator(load_model(model), device="cpu").animate(load_audio(speech))
    saved = Animation.load(out)
    np.testing.assert_array_equal(saved.weights, direct.weights)
    assert saved.meta["heard"] == direct.meta["heard"]
    assert saved.meta["model_sha256"] == model_digest(model)
    label, share = max(direct.meta["heard"].items(), key=lambda heard: heard[1])
    assert f"heard {label} ({share:.0%})" in line
    assert emotalk("info", out) == 0
    assert f"{label} {share:.0%}" in capsys.readouterr().out


def test_controls_and_the_default_model(
    model: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOTALK_MODEL", str(model))
    options = ("--emotion", "happy", "--intensity", 1.5, "--style", 2, "--level", 0.5, "--seed", 3, "--tail-s", 0)
    assert emotalk("animate", speech, "-o", tmp_path / "face.csv", *options) == 0
    assert "30 frames" in (line := capsys.readouterr().out)
    assert "chosen happy (100%), style 2" in line
    assert Animation.load(tmp_path / "face.csv").frames == 30


def test_info_tells_what_a_thing_is(
    model: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Animation(np.zeros((30, 52), np.float32)).save(tmp_path / "face.npz")
    for what in (model, speech, tmp_path / "face.npz"):
        assert emotalk("info", what) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert "lite model" in first
    assert "3 styles" in first
    assert "hears 99.1 ms ahead" in first
    assert "emotions neutral, calm" in first
    assert "(with prototypes)" in first
    assert model_digest(model)[:12] in first
    assert "recording, 0:01 (1.00 s), 16000 Hz mono" in second
    assert "30 frames, 1.00 s at 30 fps" in third


def test_a_film_does_not_take_the_place_of_its_recording(
    model: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "take.mp4"
    film.write_bytes(speech.read_bytes())
    args = ("animate", film, "-o", tmp_path / "." / "take.mp4", "--model", model)
    assert emotalk(*args) == 2
    assert "is the recording itself" in capsys.readouterr().err
    assert film.read_bytes() == speech.read_bytes()


def test_a_recording_that_was_cut_short_is_told(
    model: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.wav").write_bytes(speech.read_bytes()[: 44 + 16_000])
    args = ("animate", tmp_path / "cut.wav", "-o", tmp_path / "face.npz", "--model", model)
    assert emotalk("info", tmp_path / "cut.wav") == 0
    assert emotalk(*args) == 0
    for line in capsys.readouterr().out.splitlines():
        assert line.endswith(", cut short: 0.50 s less than its header promises")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("animate", "nowhere.wav", "-o", "face.npz"), 2, "nowhere.wav: no such file"),
        (("animate", "SPEECH", "-o", "face.xls"), 2, ".csv (Live Link Face)"),
        (("animate", "SPEECH", "-o", "face"), 2, ".npz"),
        (("animate", "SPEECH", "-o", "face.npz", "--model", "nowhere"), 2, "is no model directory"),
        (("animate", "SPEECH", "-o", "face.npz", "--emotion", "bored"), 2, "unknown emotion 'bored'"),
        (("animate", "SPEECH", "-o", "face.npz", "--style", "9"), 2, "style 9 does not exist"),
        (("animate", "SPEECH", "-o", "face.npz", "--intensity", "9"), 2, "intensity must lie between 0 and 3"),
        (("animate", "SPEECH", "-o", "face.npz", "--intensity", "much"), 2, "--intensity"),
        (("animate", "SPEECH", "-o", "face.npz", "--intensity", "1" + "0" * 400), 2, "intensity"),
        (("animate", "SPEECH", "-o", "face.npz", "--style", "1" + "0" * 400), 2, "style must lie between"),
        (("animate", "SPEECH", "-o", "face.npz", "--seed", "1" + "0" * 5000), 2, "--seed"),
        (("animate", "SPEECH"), 2, "--output"),
        (("animate", "TEXT", "-o", "face.npz"), 2, "not an audio file"),
        (("animate", "SPEECH", "-o", "SPEECH/face.npz"), 1, "face.npz"),
        (("fly",), 2, "fly"),
        (("info", "TEXT"), 2, "not an audio file"),
        (("info", "."), 2, ".: is no model directory: config.json: no such file"),
        (("info", "nowhere"), 2, "nowhere: no such file"),
    ],
)
def test_errors_are_one_line(
    args: tuple[str, ...],
    code: int,
    message: str,
    model: Path,
    speech: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTALK_MODEL", str(model))
    text = tmp_path / "text.wav"
    text.write_text("this is not sound at all")
    given = [arg.replace("SPEECH", str(speech)).replace("TEXT", str(text)) for arg in args]
    assert emotalk(*given) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not list(tmp_path.glob("face*"))


def test_no_ray_is_imported(model: Path, speech: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from emotalk.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('ray', 'jobs')]\n"
    )
    command = [sys.executable, "-c", code, "animate", speech, "-o", tmp_path / "face.npz", "--model", model]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run(list(map(str, command)), check=True, env=environment)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ("render", "face.npz", "-o", "face.jpg"),
            "error: face.jpg: pictures are .mp4, .gif, .png, not .jpg (see emotalk --help)\n",
        ),
        (
            ("render", "face.npz"),
            "error: Missing from emotalk render: -o STR, --output STR The picture: .mp4, .gif or .png. "
            "(see emotalk render --help)\n",
        ),
        (
            ("animate", "a.wav", "-o", "face.npz", "--intensiti", "1"),
            "error: Unrecognized options: --intensiti, 1; perhaps you meant --intensity (see emotalk --help)\n",
        ),
        (
            ("animate", "a.wav", "-o", "face.npz", "--intensity", "much"),
            "error: --intensity: 'much' is neither a number nor a track of seconds:number (see emotalk --help)\n",
        ),
        (
            ("render", "face.npz", "-o", "face.png", "--size", "big"),
            "error: --size: 'big' is no INT (see emotalk --help)\n",
        ),
    ],
)
def test_mistakes_are_one_line_on_any_terminal(
    encoding: str, args: tuple[str, ...], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding, write_through=True))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding, "backslashreplace", write_through=True))
    assert emotalk(*args) == 2
    assert (out.getvalue(), err.getvalue().decode(encoding)) == (b"", line)


def test_a_mistake_is_all_that_a_process_says() -> None:
    command = [sys.executable, "-m", "emotalk.cli", "animate", "nowhere.wav", "-o", "face.npz"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: nowhere.wav: no such file\n")


def test_convert_and_animate_take_the_options_of_formats(
    model: Path, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, table = tmp_path / "face.a2f.json", tmp_path / "face.csv"
    assert emotalk("animate", speech, "-o", document, "--model", model, "--fps", 60) == 0
    assert Animation.load(document).fps == 60
    options = ("--fps", "29.97", "--start", "10:00:00;00")
    assert emotalk("convert", document, table, *options) == 0
    assert f"{table}: Live Link Face, 1.50 s at 29.97 fps" in capsys.readouterr().out
    assert table.read_text().splitlines()[1].startswith("10:00:00;00.000,")
    document.rename(tmp_path / "take.json")
    named = ("convert", tmp_path / "take.json", tmp_path / "take.npz", "--source-format", "a2f")
    assert emotalk(*named) == 0
    assert Animation.load(tmp_path / "take.npz").frames == 90
    assert emotalk("formats") == 0
    assert ".arkit.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("convert", "a.npz", "b.xls"), "known: .npz"),
        (("convert", "a.json", "b.npz"), "or give the format by name"),
        (("convert", "a.mp4", "b.npz"), "nothing can be read"),
        (("convert", "a.npz", "b.csv", "--rig", "default"), "csv has no option rig"),
        (("convert", "a.npz", "b.csv", "--fps", "fast"), "fps must be a number"),
        (("convert", "a.npz", "b.flame.npz"), "flame_model"),
        (("animate", "a.wav", "-o", "b.npy", "--fps", "60"), "npy holds 30 frames per second only, not 60"),
        (("animate", "a.wav", "-o", "b.npz", "--fps", "fast"), "fps must be a number"),
        (("animate", "a.wav", "-o", "b.npz", "--start", "10:00:00:00"), "npz has no option start"),
    ],
)
def test_options_that_do_not_fit_are_named(
    args: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Animation(np.zeros((2, 52))).save(tmp_path / "a.npz")
    assert emotalk(*args) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_an_emotion_from_another_recording_and_prototypes(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = save_small_model(tmp_path / "bare")
    model = load_model(bare)
    model.prototypes.zero_()
    model.save_pretrained(bare)
    other, out = write_murmur(tmp_path / "other.wav", 2.0), tmp_path / "face.npz"
    asked = ("animate", speech, "-o", out, "--emotion-from", other, "--emotion-fit", "stretch")
    assert emotalk(*asked, "--model", bare) == 0
    assert "chosen " in capsys.readouterr().out
    animator = Animator(model, device="cpu")
    take = animator.hear(load_audio(other)).stretched(30)
    np.testing.assert_array_equal(
        Animation.load(out).weights, animator.animate(load_audio(speech), emotion_from=take).weights
    )
    assert emotalk(*asked, "--intensity", "2", "--model", bare) == 2
    assert "emotalk prototypes" in capsys.readouterr().err
    lost = ("--emotion-from", tmp_path / "lost.wav", "--model", bare)
    assert emotalk("animate", speech, "-o", out, *lost) == 2
    assert capsys.readouterr().err == f"error: emotion_from {tmp_path}/lost.wav: no such file\n"
    measured = tmp_path / "measured"
    options = (f"neutral={other}", f"sad={speech}", "--model", bare, "-o", measured)
    assert emotalk("prototypes", *options) == 0
    capsys.readouterr()
    assert emotalk(*asked, "--intensity", "0:0,1:2", "--confidence", "1", "--model", measured) == 0
    assert "not sure in 100% of the frames" in capsys.readouterr().out
    np.testing.assert_allclose(
        load_model(measured).prototypes[0].numpy(), animator.hear(load_audio(other)).memory.mean(0), atol=1e-5
    )
    assert emotalk("prototypes", "bored=x.wav", "--model", bare, "-o", measured) == 2
    assert "unknown emotion 'bored'" in capsys.readouterr().err


def test_a_precision_is_told_or_refused(speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_transformer("hubert", "group").save_pretrained(tmp_path / "base")
    out = tmp_path / "face.npz"
    asked = ("animate", speech, "-o", out, "--device", "cpu", "--precision", "int8")
    assert emotalk(*asked, "--model", tmp_path / "base") == 0
    assert Animation.load(out).meta["precision"] == "int8"
    assert emotalk(*asked, "--model", PACKAGED_MODEL) == 2
    assert "int8 is for the transformers of base and official" in capsys.readouterr().err
