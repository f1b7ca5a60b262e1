"""Markup of names from data and of emphasised words, for plain text and for Markdown."""

from collections.abc import Callable
from typing import NamedTuple

from qfusion.analysis import text


class Markup(NamedTuple):
    """Functions that write names and emphasis.

    Attributes:
        escape: writes a name from data so that it is shown literally.
        strong: emphasises text.
    """

    escape: Callable[[object], str] = str
    strong: Callable[[str], str] = str


PLAIN = Markup()
MARKDOWN = Markup(text.escape_markdown, "**{}**".format)
