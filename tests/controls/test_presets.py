"""A character in a file: its controls, changed by options, named in segments, refused with the file's name."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from emotalk import command_line
from emotalk.cli import Animate
from emotalk.controls import Controls, Track
from emotalk.controls.presets import load_preset
from emotalk.errors import InputError

VILLAIN = """
name: Villain
description: Speaks low and means it.
emotion: {angry: 3, disgust: 1}
intensity: [[0, 1], [2.5, 2]]
shaping:
  gain: {browDown: 1.5}
"""


@pytest.fixture
def villain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "villain.yaml"
    path.write_text(VILLAIN)
    monkeypatch.setenv("EMOTALK_PRESETS", str(tmp_path))
    return path


def animate(*args: str) -> Controls:
    asked: Animate = command_line.parse(Animate, prog="emotalk", args=["a.wav", "-o", "a.npz", *args])
    return asked.controls


def test_a_preset_is_found_by_path_and_by_name(villain: Path) -> None:
    preset = load_preset(str(villain))
    assert load_preset("villain") == preset
    assert (preset.name, preset.description) == ("Villain", "Speaks low and means it.")
    assert preset.controls.emotion == {"angry": 0.75, "disgust": 0.25}
    assert preset.controls.intensity == Track(((0, 1), (2.5, 2)))


def test_options_change_a_preset(villain: Path) -> None:
    preset = load_preset("villain").controls
    assert animate("--preset", "villain") == preset
    assert animate("--intensity", "1", f"--preset={villain}") == preset.but(intensity=1)
    assert animate() == Controls()


def test_segments_name_presets_and_change_them(villain: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.yaml"
    lines.write_text("- {start_s: 1, stop_s: 2, preset: villain, style: 1}\n")
    (segment,) = animate("--segments", str(lines)).segments
    assert segment.changes["style"] == 1
    assert segment.changes["emotion"] == {"angry": 3, "disgust": 1}
    by_json = animate("--segments", '[{"start_s": 1, "stop_s": 2, "preset": "villain", "style": 1}]')
    assert by_json.segments == (segment,)
    assert animate("--segments", str(lines), "--preset", "villain").emotion == {"angry": 0.75, "disgust": 0.25}


def test_a_segment_changes_the_shaping_of_its_preset_key_by_key(villain: Path) -> None:
    named = '[{"start_s": 1, "preset": "villain", "shaping": {"gaze": 1}}]'
    (segment,) = animate("--segments", named).segments
    assert segment.changes["shaping"] == {"gain": {"browDown": 1.5}, "gaze": 1}


def test_commands_made_in_python_have_presets(villain: Path) -> None:
    preset = load_preset("villain").controls
    made = Animate(speech="a.wav", output="a.npz", preset="villain")
    assert made.controls == preset
    assert replace(made, threads=1).controls == preset
    with pytest.raises(InputError, match="give one of them"):
        Animate(speech="a.wav", output="a.npz", preset="villain", controls=Controls(intensity=2))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("mood: happy", "unknown controls: mood"),
        ("intensity: 9", "intensity must lie between"),
        ("- 1", "must be a mapping"),
        ("a: [", "is no YAML"),
        ("name: 3", "must be texts"),
        ("segments: [{start_s: 1, preset: nobody}]", "nobody"),
        ("emotion: !!python/object/apply:os.system [ls]", "is no YAML"),
    ],
)
def test_a_wrong_file_is_named(villain: Path, content: str, said: str) -> None:
    villain.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        load_preset("villain")
    assert "villain.yaml" in str(caught.value)


def test_a_name_needs_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOTALK_PRESETS", raising=False)
    with pytest.raises(InputError, match="EMOTALK_PRESETS"):
        load_preset("villain")


def test_a_few_bytes_do_not_become_much(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.yaml"
    letters = "abcdefghij"
    lines = [f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]" for before, after in pairwise(letters)]
    bomb.write_text("\n".join(["a: &a [x]", *lines, "emotion: *j"]))
    with pytest.raises(InputError, match=rf"{bomb}: \*a, line 2"):
        load_preset(str(bomb))
    deep = tmp_path / "deep.yaml"
    deep.write_text("emotion: " + "[" * 30_000 + "]" * 30_000)
    with pytest.raises(InputError, match=str(deep)):
        load_preset(str(deep))
    deep.write_text("emotion: " + "[" * 60 + "]" * 60)
    with pytest.raises(InputError, match="line 1 is more than 50 levels deep"):
        load_preset(str(deep))


def test_a_segments_preset_has_no_segments(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"segments: [{{start_s: 1, preset: {own}}}]")
    with pytest.raises(
        InputError, match=r"^[^ ]*own.yaml: [^ ]*own.yaml: the preset of a segment has no segments of its own$"
    ):
        load_preset(str(own))


@pytest.mark.parametrize("args", [("--preset", ""), ("--preset=",)])
def test_an_empty_name_is_not_taken_for_no_preset(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        animate(*args)
    assert "a preset's name is empty" in capsys.readouterr().err
