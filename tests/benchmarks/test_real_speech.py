"""The table of real speech: every section that needs no more than a model, from the command line."""

import json
from pathlib import Path

import pytest

from benchmarks.real_speech import Row, main
from tests.small_model import save_small_model, write_murmur


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["real_speech", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_voices_are_compared_and_borrow(model: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    speech = tmp_path / "speech"
    for seed, name in enumerate(["Ann_anger", "Ann_neutral", "Bob_joy", "Bob_neutral", "story"]):
        write_murmur(speech / f"{name}.wav", 1.0 + 0.2 * seed, seed)
    target = tmp_path / "scores.json"
    code = run(
        monkeypatch, str(model), "--data", str(tmp_path), "--sections", "emotion", "loudness", "video",
        "--json", str(target),
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    assert "Ann_anger.wav over Ann_neutral.wav" in said
    assert "Bob_joy.wav on Ann_neutral.wav" in said
    assert "Ann_anger.wav on Ann_neutral.wav" not in said  # her own
    assert "left out" in said  # no videos there
    rows = json.loads(target.read_text())["rows"]
    (share,) = [r for r in rows if r["name"] == "pairs in the right direction" and r["what"] == "all"]
    assert share["target"] == ">= 0.75"
    assert share["note"] == f"{round(2 * share['value'])} of 2"
    assert sum(r["section"] == "loudness" for r in rows) == 5


def test_a_target_is_met_or_missed() -> None:
    assert [Row("lips", "", "p, b, m that close", v).verdict for v in (0.85, 0.84, None)] == ["met", "missed", ""]
    assert [Row("lips", "", "vowels closed, own frames", v).verdict for v in (0.06, 0.07)] == ["met", "missed"]
    assert Row("lips", "", "jawOpen in silence", 1.0).verdict == ""


def test_what_is_missing_is_said(model: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    assert run(monkeypatch, str(model)) == 2
    assert "--recordings" in capsys.readouterr().err
    assert run(monkeypatch, str(model), "--data", str(tmp_path / "nowhere")) == 2
    assert "no such folder" in capsys.readouterr().err


def test_readings_are_scored_with_every_definition(model: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    from emotalk.alignment.decoder import available

    if not available():
        pytest.skip("pocketsphinx, num2words or espeakng-loader is not installed (extra: align)")
    from emotalk.audio import encode_wav
    from tests.alignment.spoken import SENTENCES, say

    for stem, text in (("a", SENTENCES[0]), ("b", "Wunderlichen und seltsamen Vaganten, namens Melchior, auch er")):
        (tmp_path / f"{stem}.wav").write_bytes(encode_wav(say(SENTENCES[0])[0]))
        (tmp_path / f"{stem}.txt").write_text(text)
    write_murmur(tmp_path / "c.wav", 1.0)
    recordings = [str(tmp_path / f"{stem}.wav") for stem in "abc"]
    cache = str(tmp_path / "cache")
    arguments = (str(model), "--recordings", *recordings, "--sections", "lips", "--cache", cache)
    assert run(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert "only English can be aligned" in said
    assert "vowels closed, ± 1 frame" in said
    assert "8 of 8 words are sure" in said
    assert "c.wav" not in said
    assert len(list(Path(cache).glob("alignment-*.json"))) == 1
