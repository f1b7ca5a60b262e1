"""The Jinja environment of the templates in this folder."""

import unicodedata
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qfusion._memory_cache import memo
from qfusion.models import protocols
from qfusion.report.blocks import HALF, data_address, figure, picture
from qfusion.report.number_text import format_number, format_power, format_signed, list_terms

FOLDER = Path(__file__).parent


@memo(1)
def environment() -> Environment:
    """Return the environment of the templates. All texts are escaped; nothing in them is markup."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        loader=FileSystemLoader(FOLDER),
    )
    environment.filters |= {
        "data": _svg_address,
        "turned": _is_right_to_left,
        "whole": _join_words,
        "signed": format_signed,
        "number": format_number,
        "power": format_power,
        "list_terms": list_terms,
    }
    environment.globals |= {
        "protocols": protocols,
        "figure": figure,
        "picture": picture,
        "HALF": HALF,
    }
    return environment


def _svg_address(svg: str) -> str:
    return data_address("image/svg+xml", svg.encode())


def _is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _join_words(text: str) -> str:
    """Return a text without zero-width spaces, since browsers break long words by themselves."""
    return text.replace("\u200b", "")
