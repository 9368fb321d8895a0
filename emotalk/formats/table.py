"""The registry as a table: for the command line, and for docs/formats.md, which a test compares with it."""

from collections.abc import Sequence

from emotalk.formats import FORMATS, Format

COLUMNS = ("name", "suffix", "what", "reads", "head", "emotion", "meta", "piece by piece", "extra", "options")


def rows() -> list[tuple[str, ...]]:
    """One row per format, under `COLUMNS`."""
    return [_row(known) for known in FORMATS]


def markdown_table() -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(_marked(row) for row in rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plain_table() -> str:
    """Columns of equal width, for a terminal."""
    lines = [COLUMNS, *rows()]
    widths = [max(len(line[k]) for line in lines) for k in range(len(COLUMNS))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _row(known: Format) -> tuple[str, ...]:
    options = dict.fromkeys([*known.write_options, *known.read_options])
    held = (known.read is not None, known.head, known.emotion, known.meta, known.piecewise)
    yes = ["yes" if value else "" for value in held]
    return (known.name, " ".join(known.suffixes), known.title, *yes, known.extra or "", ", ".join(options))


def _marked(row: Sequence[str]) -> tuple[str, ...]:
    """Names of things as code."""
    name, suffix, *middle, extra, options = row
    code = [" ".join(f"`{word}`" for word in text.split()) for text in (name, suffix, extra)]
    return (code[0], code[1], *middle, code[2], ", ".join(f"`{word}`" for word in options.split(", ") if word))
