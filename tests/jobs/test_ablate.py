"""What is trained to tell what a part is worth, and the table that says so."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from emotalk import EmoTalk, InputError
from emotalk.corpus.build import build_here
from emotalk.corpus.sources import Etf3d
from emotalk.training.plan import PlanConfig
from jobs.ablate import ABLATIONS, WHOLE, AblateConfig, ablate
from jobs.train import TrainConfig
from tests.etf3d_folder import Etf3dFolder


def config(corpus: str, output: str, **changes: object) -> AblateConfig:
    whole = TrainConfig(corpus=corpus, output=output, epochs=1, plan=PlanConfig(seconds_per_step=30))
    return AblateConfig(train=whole, **changes)  # type: ignore[arg-type]


def test_every_run_differs_from_the_whole_in_its_own_part_and_place() -> None:
    runs = config("corpus", "/out").runs()
    assert list(runs) == list(ABLATIONS)
    assert len({run.output for run in runs.values()}) == len(runs)

    settings = {json.dumps(asdict(replace(run, output="")), sort_keys=True) for run in runs.values()}
    assert len(settings) == len(runs)


def test_some_parts_and_other_encoders_can_be_asked_for() -> None:
    assert list(config("corpus", "/out", only=("without velocity loss",)).runs()) == [WHOLE, "without velocity loss"]
    with pytest.raises(InputError, match="no part called 'without sense'; there are whole, without"):
        config("corpus", "/out", only=("without sense",))
    with pytest.raises(InputError, match="lite trains from scratch"):
        config("corpus", "/out", encoder=("some/encoder",))
    base = AblateConfig(train=TrainConfig(corpus="c", output="/out", preset="base"), encoder=("a/b",), only=(WHOLE,))
    runs = base.runs()
    assert runs["encoder a/b"].content_encoder == runs["encoder a/b"].emotion_encoder == "a/b"


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.usefixtures("ray_session")
@pytest.mark.timeout(900)
def test_the_table_has_a_row_per_run(tmp_path: Path) -> None:
    folder = Etf3dFolder(tmp_path / "3D-ETF").good()
    build_here(Etf3d(root=str(folder.root)), str(tmp_path / "corpus"), target_bytes=1 << 20)
    names = ("without disentangling encoder", "with periodic positional encoding")
    report, rows = ablate(config(str(tmp_path / "corpus"), str(tmp_path / "out"), only=names), Console(quiet=True))
    assert [row[0] for row in rows] == ["", WHOLE, *names]
    assert all(len(row) == len(rows[0]) for row in rows)
    assert rows[1][1].startswith(f"{next(iter(report.faces.values())).values['LVE']:.2f}")
    one = EmoTalk.from_pretrained(str(tmp_path / "out/without-disentangling-encoder/model"))
    assert one.emotion_encoder is one.content_encoder
    assert (tmp_path / "out/ablation.md").read_text().startswith("|  | LVE")
