"""The whole way in little: the demo's steps on a corpus of three voices."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from emotalk import Animation, Animator, EmoTalk, load_audio
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.synthetic.corpus import CorpusConfig
from emotalk.corpus.synthetic.espeak import available
from jobs.demo import DemoConfig, demo, is_evaluated

LITTLE = CorpusConfig(
    train_voices=1,
    train_sentences=2,
    validation_voices=1,
    validation_sentences=2,
    test_voices=1,
    test_sentences=2,
)


@pytest.mark.cluster
@pytest.mark.usefixtures("ray_session")
@pytest.mark.timeout(400)
@pytest.mark.skipif(not available(), reason="the synthetic corpus needs the extra `synthetic`")
def test_the_demo_goes_all_the_way_and_is_quick_the_second_time(tmp_path: Path) -> None:
    config = DemoConfig(output=str(tmp_path / "demo"), workers=2, epochs=1, size=LITTLE)
    demo(config, Console(quiet=True))
    root = tmp_path / "demo"
    report = json.loads((root / "report/report.json").read_text())
    assert report["evaluated"]["clips"] == 30
    animation = Animation.load(root / "animations/narration.npz")
    sound = load_audio(root / "narration.wav")
    again = Animator(EmoTalk.from_pretrained(root / "model")).animate(sound)
    assert animation.frames == again.frames
    assert Animation.load(root / "animations/narration.csv").frames == animation.frames
    assert "<canvas" in (root / "index.html").read_text()
    kept = [*(root / "model").iterdir(), *(root / "report").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in kept}
    demo(config, Console(quiet=True))
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    manifest = Corpus.open(str(root / "corpus")).manifest
    assert is_evaluated(root / "report", manifest, str(root / "model"))
    for stale in (report | {"corpus": report["corpus"] | {"digest": "another"}}, report | {"version": "0"}, []):
        (root / "report/report.json").write_text(json.dumps(stale))
        assert not is_evaluated(root / "report", manifest, str(root / "model"))
