"""What people read of the formats is what the registry says."""

from dataclasses import fields
from pathlib import Path

from emotalk.format_commands import Convert, OutputOptions
from emotalk.formats import FORMATS
from emotalk.formats.table import markdown_table, plain_table


def test_the_page_has_the_registrys_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert markdown_table() in page
    for known in FORMATS:
        assert all(suffix in plain_table() for suffix in known.suffixes)


def test_every_option_of_every_format_is_on_the_command_line() -> None:
    known = {option.name for option in (*fields(OutputOptions), *fields(Convert))}
    for entry in FORMATS:
        assert {*entry.write_options, *entry.read_options} <= known
