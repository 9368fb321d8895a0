"""`emotalk study make` and `emotalk study results`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from emotalk.errors import InputError
from emotalk.files import is_uri, local_path, read_source

MAX_KEY_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Make:
    """Makes a folder with a page on which people compare two systems or more, side by side, without knowing which."""

    systems: tyro.conf.Positional[tuple[str, ...]]
    """NAME=FOLDER of animations, twice or more; files of the same name are the same clip."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The raters' folder: new, with index.html and films/."""
    audio: str
    """Folder of recordings, named as the animations."""
    key: str | None = None
    """File that tells which system stood where; keep it from raters. Default: OUTPUT-key.json, beside the folder."""
    pairs: int | None = None
    """Pairs drawn by lot. Default: all. Identical pairs, to tell who looks, come on top: one for ten, two at least."""
    seed: int = 0
    """Of every lot; kept in the key."""
    rig: str | None = None
    """Rig (.npz) to draw. Default: the project's own head."""
    size: int = 512
    """Pixels of each face."""

    def run(self) -> int:
        from rich.console import Console

        from emotalk.rigs import Rig, procedural_head
        from emotalk.study.build import animations_in, build_study, sounds_in
        from emotalk.study.plan import make_plan

        if self.size % 2:
            raise InputError(f"the size of a face in a film is even, not {self.size}")
        folders = self._folders()
        output = _folder(self.output)
        key = Path(f"{output}-key.json") if self.key is None else local_path(self.key)
        if key.resolve().is_relative_to(output.resolve()):
            raise InputError("the key must not lie in the raters' folder", source=key)
        for path in (output, key):
            if path.exists():
                raise InputError("is there already; a study is never changed: choose another name", source=path)
        animations = {name: animations_in(folder) for name, folder in folders.items()}
        common = sorted(set.intersection(*(set(found) for found in animations.values())))
        left_out = len(set.union(*(set(found) for found in animations.values()))) - len(common)
        plan = make_plan({n: str(f) for n, f in folders.items()}, common, seed=self.seed, pairs=self.pairs)
        sounds = sounds_in(_folder(self.audio), sorted({shown.clip for shown in plan.films.values()}))
        rig = procedural_head() if self.rig is None else Rig.load(self.rig)
        with Console(stderr=True).status("drawing") as status:
            build_study(
                plan,
                animations,
                sounds,
                rig,
                output,
                key,
                size=self.size,
                progress=lambda done: status.update(f"drawing  {done} of {len(plan.pairs)} pairs both ways round"),
            )
        checks = sum(shown.check for shown in plan.films.values()) // 2
        note = f", {left_out} clips left out that not all systems have" if left_out else ""
        print(
            f"{output / 'index.html'}: study {plan.study}, {len(plan.pairs)} pairs, {checks} of them identical{note}; "
            f"key: {key}"
        )
        return 0

    def _folders(self) -> dict[str, Path]:
        folders: dict[str, Path] = {}
        for system in self.systems:
            name, equals, folder = system.partition("=")
            if not (name.strip() and equals and folder):
                raise InputError(f"a system is NAME=FOLDER, not {system!r}")
            if name in folders:
                raise InputError(f"two systems are called {name!r}")
            folders[name] = _folder(folder)
        return folders


@dataclass(frozen=True, kw_only=True)
class Results:
    """Tells whom the raters preferred: shares per question with 95 % intervals, without raters who did not look."""

    answers: tyro.conf.Positional[tuple[str, ...]]
    """The files that raters sent back (CSV)."""
    key: str
    """The key that `emotalk study make` wrote."""
    keep_failed: bool = False
    """Count raters too who saw differences between identical pairs."""

    def run(self) -> int:
        from emotalk.study.answers import read_answers
        from emotalk.study.plan import read_key
        from emotalk.study.statistics import preferences, raters

        try:
            text = read_source(self.key, max_bytes=MAX_KEY_BYTES).decode()
        except UnicodeDecodeError as error:
            raise InputError("not the key of a study", source=self.key) from error
        plan = read_key(text, self.key)
        answers, repeated = read_answers(self.answers, plan)
        people = raters(plan, answers)
        failed = [rater for rater in people if rater.failed]
        out = [] if self.keep_failed else [rater.name for rater in failed]
        counted = [answer for answer in answers if answer.rater not in out]
        note = f", {repeated} repeated answers counted once" if repeated else ""
        print(f"study {plan.study}: {len(people)} raters, {len(answers)} answers{note}")
        for rater in people:
            if rater.pairs < len(plan.pairs):
                print(f"  {rater.name}: answered {rater.pairs} of {len(plan.pairs)} pairs")
            if not rater.checks:
                print(f"  {rater.name}: met no identical pair, so whether they look is unknown")
        for rater in failed:
            kept = "counted all the same" if self.keep_failed else "left out"
            print(f"  {rater.name}: told identical faces apart in {rater.missed} of {rater.checks} answers, {kept}")
        found = preferences(plan, counted)
        if not found:
            print("no answers are left to count")
        for pair in dict.fromkeys((p.first, p.second) for p in found):
            print(f"\n{pair[0]} against {pair[1]}")
            print(f"  {'question':10} {'wins':>5} {'ties':>5} {'losses':>6}   share of decided, 95 % interval    p")
            for p in found:
                if (p.first, p.second) == pair:
                    counts = f"{p.wins:5d} {p.ties:5d} {p.losses:6d}"
                    print(f"  {p.question:10} {counts}   {_share(p.share, p.interval)}  {p.p:.3g}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Study:
    """A blind comparison by people: make the page, read the answers."""

    step: tyro.conf.OmitSubcommandPrefixes[
        Annotated[Make, tyro.conf.subcommand("make")] | Annotated[Results, tyro.conf.subcommand("results")]
    ]

    def run(self) -> int:
        return self.step.run()


def _share(share: float, interval: tuple[float, float]) -> str:
    if math.isnan(share):
        return f"{'–':>7} {'':26}"
    return f"{share:7.1%} [{interval[0]:6.1%}, {interval[1]:6.1%}]{'':9}"


def _folder(path: str) -> Path:
    if is_uri(path):
        raise InputError("a study is made of local folders", source=path)
    return local_path(path.rstrip("/") or path)
