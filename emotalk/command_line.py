"""What all commands share: options by tyro, every error as one line `error: …`, exit codes.

0: done. 1: it failed. 2: what was asked for cannot be done (options, a missing file). 130: interrupted.
"""

import io
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from typing import Any, TypeVar

import tyro

from emotalk.command_types import REGISTRY, preset_in
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import printable

T = TypeVar("T")
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def parse(kind: Any, *, prog: str, args: Sequence[str] | None = None, description: str | None = None) -> Any:
    """The options of `args` (default: the command line) as a `kind`. A mistake ends the program: one line, code 2."""
    said = io.StringIO()
    try:
        with preset_in(sys.argv[1:] if args is None else args), redirect_stderr(said):
            return tyro.cli(kind, prog=prog, args=args, description=description, registry=REGISTRY)
    except InputError as error:  # of an object whose options contradict each other or lie outside its borders
        sys.exit(_say(str(error), USAGE))
    except SystemExit as end:
        if end.code == USAGE:
            sys.exit(_say(_one_line(said.getvalue(), prog), USAGE))
        raise


def run(work: Callable[[], int]) -> int:
    """Runs a command -> its exit code. Errors meant for people become one line; anything else keeps its traceback."""
    try:
        return work()
    except InputError as error:
        return _say(str(error), USAGE)
    except EmoTalkError as error:
        return _say(str(error), FAILED)
    except BrokenPipeError:
        return FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)


def _say(message: str, code: int) -> int:
    # A name may hold what moves a terminal's cursor, or what no encoding can say.
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def _one_line(box: str, prog: str) -> str:
    """What tyro says in a box (of hyphens where the terminal knows no others), without it: what is wrong with which
    option, and where to find more."""
    paragraphs: list[list[str]] = [[]]
    for line in (line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]):
        if line.startswith(("───", "---")):
            paragraphs.append([])
        elif line:
            paragraphs[-1].append(line)
    said = [" ".join(paragraph) for paragraph in paragraphs if paragraph] or [""]
    message = re.sub(r"Error parsing \S+: ", "", said[0]).replace(" (required) ", " ").removesuffix(" (required)")
    message = re.sub(
        r"no type matching (?:{None}\|)?(\S+) could be instantiated from \[(.*?)\].*", r"\2 is no \1", message
    )
    for paragraph in said[1:]:
        if option := re.match(r"Argument helptext: (?:-\w \S+, )?(\S+)", paragraph):
            message = f"{option[1]}: {message}"
        if option := re.match(r"Perhaps you meant: (?:-\w \S+, )?(--\S+)", paragraph):
            message = f"{message}; perhaps you meant {option[1]}"
    more = re.search(r"(?:see|run:?) (\S.* --help)", said[-1])
    return f"{message or 'these options cannot be used'} (see {more[1] if more else f'{prog} --help'})"
