"""Tables on a terminal."""

from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDTH = 100  # where the output is a file or a log


def print_table(rows: Sequence[Sequence[str]], file: TextIO | None = None) -> None:
    """A header and rows of texts; the first column names the row, the others are numbers and never cut."""
    header, *body = rows
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", vertical="bottom" if number else "top")
    for row in body:
        table.add_row(*row)
    console = Console(file=file)
    console.print(table, width=None if console.is_terminal else WIDTH)
