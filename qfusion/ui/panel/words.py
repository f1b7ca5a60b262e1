"""Words in markdown as HTML, for what is drawn with a figure and not by Streamlit; formulas as MathML."""

from __future__ import annotations

import html
from functools import lru_cache
from urllib.parse import urlencode

from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from qfusion.ui.frame.shell import carried

_MARKDOWN = MarkdownIt(
    "commonmark", {"html": False}
)  # what stands in the words as HTML is shown as text


@lru_cache(maxsize=256)
def rendered(markdown: str) -> str:
    """Returns the HTML of words whose formulas stand between pairs of dollar signs."""
    parts = markdown.split("$$")
    return "".join(
        _formula(part) if i % 2 else _MARKDOWN.render(part) for i, part in enumerate(parts)
    )


def _formula(latex: str) -> str:
    return str(convert(latex.strip().replace(r"\arg", r"\operatorname{arg}"), display="block"))


def page_link(page: str, label: str) -> str:
    """Returns a link to a page of the app by the last part of its address, with what links carry."""
    return f'<p><a class="qf-page" href="{page}?{html.escape(urlencode(carried()))}">{html.escape(label)}</a></p>'
