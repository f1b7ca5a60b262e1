"""Plotly figures in Streamlit that are redrawn by what changed, follow sliders in the browser, and report what the
reader does in them.

    import plotly_live
    choice = plotly_live.live_figure(figure, "scatter", on_select="rerun")

`st.plotly_chart` draws a figure anew when its numbers change. Here the figure stays for as long as its key does, and
the browser draws what differs. Curves that are sampled beforehand are followed while a slider is dragged, without a
rerun (`follow_slider`). An app can add to the figure with a script of its own (`Extension`).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly_live.choices import Choice
    from plotly_live.curves import Curves, follow_slider
    from plotly_live.drawing import live_figure
    from plotly_live.errors import LiveError
    from plotly_live.scripts import Extension

__all__ = [
    "Choice",
    "Curves",
    "Extension",
    "LiveError",
    "follow_slider",
    "live_figure",
]
_MODULES = {
    "Choice": "choices",
    "Curves": "curves",
    "Extension": "scripts",
    "LiveError": "errors",
    "follow_slider": "curves",
    "live_figure": "drawing",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: a server starts before Streamlit and plotly are loaded."""
    if name not in _MODULES:
        raise AttributeError(f"plotly_live has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"plotly_live.{_MODULES[name]}"), name)
