"""What each part of the method is worth on a corpus: python -m jobs.ablate --corpus corpus --output ablation --epochs 6

Trains the whole and the same without one part at a time, one after the other, evaluates all of them on the same clips,
and writes OUTPUT/report.* of jobs.evaluate and OUTPUT/ablation.md. The same command goes on where it was interrupted.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import tyro
from rich.console import Console

from emotalk import command_line
from emotalk.errors import InputError
from emotalk.files import absolute, atomic_write
from emotalk.metrics.report import Report
from jobs.cluster import start_ray
from jobs.evaluate import EvaluateConfig, evaluate
from jobs.progress import progress_line
from jobs.tables import print_table
from jobs.train import TrainConfig, train

WHOLE = "whole"


def _network(**changes: bool) -> Callable[[TrainConfig], TrainConfig]:
    return lambda config: replace(config, network=replace(config.network, **changes))


def _losses(**changes: float) -> Callable[[TrainConfig], TrainConfig]:
    return lambda config: replace(config, losses=replace(config.losses, **changes))


# Those of the paper's table 3, and two that it lacks.
ABLATIONS: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    WHOLE: lambda config: config,
    "without disentangling encoder": _network(disentangle=False),
    "without emotion-guided attention": _network(emotion_guided=False),
    "without classification loss": _losses(classification=0.0),
    "without velocity loss": _losses(velocity=0.0),
    "without unlabelled clips": lambda config: replace(config, plan=replace(config.plan, unlabelled_ratio=0.0)),
    "without cross-reconstruction": lambda config: replace(config, plan=replace(config.plan, squares=False)),
    "with periodic positional encoding": _network(periodic_encoding=True),
}
NOTE = "The positional encoding counts from the first frame on: with it, lite's decoder sees all frames before."
COLUMNS = ("LVE", "EVE", "FDD", "velocity error", "jawOpen r")


@dataclass(frozen=True, kw_only=True)
class AblateConfig:
    """Trains a network and the same without one part at a time, and compares them."""

    train: tyro.conf.OmitArgPrefixes[TrainConfig]
    """The whole; its output is the folder or URI of all."""
    only: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Parts to look at, as the table calls them; several by repeating it. Default: all."""
    encoder: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Folders or hub names of other encoders to try for both; several by repeating it."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.only if name not in ABLATIONS]
        if unknown:
            raise InputError(f"no part called {unknown[0]!r}; there are {', '.join(ABLATIONS)}")
        if self.encoder and self.train.preset == "lite":
            raise InputError("lite trains from scratch: other encoders belong to the presets base and official")

    def runs(self) -> dict[str, TrainConfig]:
        """Name -> what to train, the whole first."""
        runs = {name: ABLATIONS[name](self.train) for name in ABLATIONS if name in (WHOLE, *(self.only or ABLATIONS))}
        for name in self.encoder:
            runs[f"encoder {name}"] = replace(self.train, content_encoder=name, emotion_encoder=name)
        root = absolute(self.train.output)
        return {name: replace(run, output=f"{root}/{_slug(name)}") for name, run in runs.items()}


def ablate(config: AblateConfig, console: Console | None = None) -> tuple[Report, list[Sequence[str]]]:
    """-> the evaluation of all, and the table: a header and a row per run."""
    console = console or Console(stderr=True)
    runs, root = config.runs(), absolute(config.train.output)
    with start_ray():
        models = {}
        for number, (name, run) in enumerate(runs.items(), 1):
            console.print(f"{number}/{len(runs)} {name}", highlight=False)
            models[name] = train(run, console)
        with progress_line("comparing") as show:
            report = evaluate(
                EvaluateConfig(corpus=config.train.corpus, model=tuple(models.values()), output=root), show
            )
    rows = table_of(report, list(models))
    with atomic_write(f"{root}/ablation.md") as path:
        path.write_text(_markdown(rows) + f"\nMillimetres on the mesh {report.rig['name']}; ± over clips.\n{NOTE}\n")
    return report, rows


def table_of(report: Report, names: Sequence[str]) -> list[Sequence[str]]:
    """What the paper's ablation table shows, and what tells disentanglement: a header and a row per run."""
    measured = report.table(report.faces, COLUMNS, intervals=True)
    by_method = {row[0]: row[1:] for row in measured[1:]}
    rows: list[Sequence[str]] = [
        ("", *measured[0][1:], "emotion accuracy", "cross LVE [mm]", "emotion from content", "statement from emotion")
    ]
    for name, (method, found) in zip(names, report.methods.items(), strict=True):
        model = found.model
        assert model is not None
        leaks = {(probe.reads, probe.features.split()[0]): probe.accuracy for probe in model.leakage}
        exchanged = model.exchanges.get("cross-reconstruction")
        cells = (
            model.emotion.accuracy,
            None if exchanged is None else exchanged.values["LVE"],
            leaks.get(("emotion", "content")),
            leaks.get(("statement", "emotion")),
        )
        texts = (_text(value, ".2f" if place == 1 else ".1%") for place, value in enumerate(cells))
        rows.append((name, *by_method[method], *texts))
    return rows


def _text(value: float | None, how: str) -> str:
    return "n/a" if value is None else f"{value:{how}}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    header, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([header, "|" + "---|" * len(rows[0]), *body]) + "\n"


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def main() -> None:
    config: AblateConfig = command_line.parse(AblateConfig, prog="python -m jobs.ablate")

    def run() -> int:
        _, rows = ablate(config)
        print_table(rows)
        return 0

    sys.exit(command_line.run(run))


if __name__ == "__main__":
    main()
