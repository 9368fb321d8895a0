"""The licences of all dependencies against the allow-list: python -m cluster.supply.licences [--write]

Every package of constraints.txt and of the locks has a line in licences.md, except those of other systems. `--write`
needs all extras installed; without it what is installed here is held against that list.
"""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from cluster.supply.lock import CONSTRAINTS, CPU, CUDA, entries, name_of, version_of
from emotalk import command_line
from emotalk.errors import EmoTalkError

T = TypeVar("T")
RULES, LIST = Path(__file__).parent / "licences.toml", Path(__file__).parent / "licences.md"
ELSEWHERE = re.compile(r"; .*sys_platform == '(?!linux)")
ABOUT = """\
# Licences of all dependencies

Written by `python -m cluster.supply.licences --write`, after the allow-list and the exceptions in
[licences.toml](licences.toml). It is what the packages say of themselves; what their wheels carry along is told in
their own files. One to know of: the wheel of `av` brings FFmpeg (LGPL-3.0-or-later) with x264 and x265
(GPL-2.0-or-later).

| package | version | licence | |
|---|---|---|---|
"""


@dataclass(frozen=True, kw_only=True)
class LicenceConfig:
    """Checks the licences of what is installed."""

    write: bool = False
    """Write licences.md anew."""


@dataclass(frozen=True)
class Rules:
    """licences.toml. allowed: licences. spelling: what packages say -> SPDX. package: name -> SPDX, where they say too
    little. exceptions: name -> its licence, which is not allowed in general, and why it may be used. Names may be
    globs."""

    allowed: frozenset[str]
    spelling: Mapping[str, str]
    package: Mapping[str, str]
    exceptions: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, file: Path = RULES) -> "Rules":
        given = tomllib.loads(file.read_text(encoding="utf-8"))
        return cls(frozenset(given["allowed"]), given["spelling"], given["package"], given["exceptions"])

    def licence_of(self, name: str, about: metadata.PackageMetadata | None) -> str:
        """An SPDX expression. EmoTalkError where neither the package nor licences.toml tells."""
        told = _of(name, self.package)
        if told is not None:
            return told
        if about is None:
            raise EmoTalkError(f"{name} is not installed, and {RULES.name} does not tell its licence")
        for expression in about.get_all("License-Expression") or []:
            return str(expression)
        classifiers = about.get_all("Classifier") or []
        words = [text.partition("\n")[0] for text in about.get_all("License") or []]
        words += [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
        for word in words:
            spelt = self.spelling.get(word, word)
            if self.allows(spelt):
                return spelt
        raise EmoTalkError(f"{name}: what is its licence? It says {words}: add it to [package] of {RULES.name}")

    def why(self, name: str, licence: str) -> str:
        """Why it may be used: the reason of an exception, else "". EmoTalkError where it may not."""
        exception = None if self.allows(licence) else _of(name, self.exceptions)
        if exception is not None and exception["licence"] == licence:
            return exception["why"]
        if not self.allows(licence):
            raise EmoTalkError(f"{name} is under {licence}, which {RULES.name} does not allow")
        return ""

    def allows(self, licence: str) -> bool:
        """Of an expression: every part joined by AND, one of those joined by OR."""
        return all(
            any(one.strip("() ") in self.allowed for one in part.split(" OR ")) for part in licence.split(" AND ")
        )


def lines(rules: Rules) -> dict[str, str]:
    """Of every package for this system: its line of the list, or an error in its place."""
    here = {name_of(one.metadata["Name"]): one.metadata for one in metadata.distributions()}
    found: dict[str, str] = {}
    for name, version in sorted(pinned().items()):
        try:
            licence = rules.licence_of(name, here.get(name))
            found[name] = f"| {name} | {version} | {licence} | {rules.why(name, licence)} |"
        except EmoTalkError as error:
            found[name] = str(error)
    return found


def pinned() -> dict[str, str]:
    """Name -> version, of constraints and locks, without what only other systems need."""
    every = [entry for file in (CONSTRAINTS, CPU, CUDA) for entry in entries(file.read_text(encoding="utf-8"))]
    return {name_of(entry): version_of(entry) for entry in every if not ELSEWHERE.search(entry)}


def listed() -> dict[str, str]:
    """The lines of licences.md, by package."""
    text = LIST.read_text(encoding="utf-8").partition("|---|---|---|---|\n")[2]
    return {line.split(" ")[1]: line for line in text.splitlines()}


def installed() -> set[str]:
    return {name_of(one.metadata["Name"]) for one in metadata.distributions()} & set(pinned())


def _of(name: str, table: Mapping[str, T]) -> T | None:
    return next((value for pattern, value in table.items() if fnmatchcase(name, pattern)), None)


def run(config: LicenceConfig) -> int:
    found = lines(Rules.load())
    wanted = set(found) if config.write else installed()
    wrong = [found[name] for name in sorted(wanted) if not found[name].startswith("|")]
    if wrong:
        raise EmoTalkError("; ".join(wrong))
    if config.write:
        LIST.write_text(ABOUT + "".join(f"{line}\n" for line in found.values()), encoding="utf-8")
    other = [name for name in sorted(wanted) if listed().get(name) != found[name]]
    if other:
        raise EmoTalkError(f"{LIST.name} is out of date for {', '.join(other)}: write it anew with --write")
    print(f"{len(wanted)} packages, every licence is allowed")
    return 0


def main() -> None:
    config: LicenceConfig = command_line.parse(LicenceConfig, prog="python -m cluster.supply.licences")
    sys.exit(command_line.run(lambda: run(config)))


if __name__ == "__main__":
    main()
