"""A report as one HTML file: no script, nothing loaded, figures and equations as drawings inside the file."""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path

from qfusion.report import equations
from qfusion.report.blocks import Document

TEMPLATE, STYLE = (
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("page.html", "page.css")
)


def render(document: Document) -> bytes:
    """Returns the whole file, UTF-8. All texts are escaped; nothing in them is markup."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    # browsers break long words by themselves
    environment.filters |= {
        "data": _data,
        "turned": _turned,
        "whole": lambda text: text.replace("\u200b", ""),
    }
    found = environment.from_string(TEMPLATE).render(
        document.data(), style=STYLE, drawing=equations.drawing
    )
    return found.encode()


def _turned(text: str) -> bool:
    """Whether some of it is written from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def _data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
