"""Tables on a terminal."""

from collections.abc import Sequence
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100  # where the output is a file or a log


def print_table(rows: Sequence[Sequence[str]], file: IO[str] | None = None) -> None:
    """A header, of which every word gets a line, and rows of texts: a name, then numbers."""
    header, *body = rows
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for number, name in enumerate(header):
        lines = name.replace(" ", "\n")
        # As Text: a unit in brackets is no markup.
        table.add_column(Text(lines), justify="right" if number else "left", vertical="bottom", no_wrap=bool(number))
    for row in body:
        table.add_row(*map(Text, row))
    console = Console(file=file)
    if not console.is_terminal:
        console = Console(file=file, width=WIDTH)
    console.print(table)
