"""Commands as functions of this process: what a process of their own would say and answer, without its start."""

import sys
from collections.abc import Callable

import pytest

from emotalk.cli import main


def exit_code(command: Callable[[], object], *args: object) -> int:
    """Of a command's `main` with these arguments; `capsys` has what it says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            command()
    return int(end.value.code or 0)


def emotalk(*args: object) -> int:
    """-> exit code of `emotalk ARGS`."""
    return exit_code(main, *args)
