"""Pages from a file with places `{{name}}` in it."""

from collections.abc import Mapping
from importlib.resources.abc import Traversable


def filled(template: Traversable, parts: Mapping[str, str]) -> str:
    """The text with every place filled. What is filled in is text, whatever it looks like: no place in it is filled."""
    pieces = template.read_text("utf-8").split("{{")
    out = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        out += [parts[name], rest]
    return "".join(out)
