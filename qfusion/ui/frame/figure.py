"""A figure on a page: Plotly's, changed in place when its numbers do, which `st.plotly_chart` draws anew.

`benchmarks/browser.py` measures what that is worth. The script that draws is `qfusion/assets/figure.js`; the
Plotly.js that it loads is the one that comes with the Python package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from uuid import uuid4

import plotly.graph_objects as go
import plotly.io
import streamlit as st

from qfusion import _assets
from qfusion.ui.frame import state, web

_CONFIG = {"displayModeBar": False, "doubleClick": False}
HEIGHT = 450  # pixels of a figure that names none
EXPORT_HELP = "This figure as SVG, PDF, PNG or HTML, its numbers, its recipe, and the Python code that makes it."
NUMBERS_HELP = "The numbers of this figure as CSV"
WORDS_HELP = "What this shows and does not, and what its words mean"


@dataclass(frozen=True)
class Tools:
    """Buttons above a figure: one that calls `export`, and, if they are told, one that has the browser save what
    `numbers` makes as `file`, and one that opens `words`, as HTML."""

    export: Callable[[], object]
    numbers: Callable[[], bytes] | None = None
    file: str = ""
    words: str = ""


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    spec: str = "",
    config: Mapping[str, Any] | None = None,
    on_select: Callable[[str], object] | None = None,
    tools: Tools | None = None,
) -> None:
    """Draws a figure as wide and as high as there is room, at least as high as its layout says.

    Args:
        figure: of plotly. spec: it as Plotly's JSON, where that is at hand. config: of Plotly.js.
        key: of the element; the figure is changed in place for as long as this stays the same.
        alt: what it shows, for those who do not see it.
        on_select: what a click, a box or a lasso does, given the key; `qfusion.ui.frame.clicks` tells what was chosen.
        tools: the buttons above it.
    """
    said: dict[str, Any] = {
        "figure": spec or plotly.io.to_json(figure, validate=False),
        "config": {**_CONFIG, **(config or {})},
        "height": figure.layout.height or HEIGHT,
        "alt": alt,
        "chosen": on_select is not None,
        "library": web.plotly_address(),
    }
    callbacks: dict[str, Any] = (
        {} if on_select is None else {"on_selection_change": partial(on_select, key)}
    )
    if tools is not None:
        callbacks["on_export_change"] = tools.export
        said["tools"] = {"export": EXPORT_HELP}
        if tools.words:
            said["tools"]["words"] = WORDS_HELP
            said["words"] = tools.words
        if tools.numbers is not None:
            wanted = f"_wanted-{key}"
            callbacks["on_numbers_change"] = partial(state.put, wanted, True)
            said["tools"]["numbers"] = NUMBERS_HELP
            if state.get(wanted):
                state.put(wanted, False)
                said["file"] = {
                    "name": tools.file,
                    "text": tools.numbers().decode(),
                    "turn": uuid4().hex,
                }
    _component()(key=key, data=said, height="stretch", **callbacks)


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "qfusion_figure", js=_assets.text("figure.js"), isolate_styles=False
    )
