"""Addresses on this server beside Streamlit's own."""

from __future__ import annotations

from importlib.metadata import distribution

import streamlit as st

from plotly_live.scripts import script_text
from qfusion._memory_cache import memo

PLOTLY_WAITS = 350  # milliseconds


@memo(1)
def plotly_address() -> str:
    """Return the address on this server of Plotly.js, in the version that comes with the Python package."""
    return address_below(f"plotly-{distribution('plotly').version}.min.js")


def address_below(name: str) -> str:
    """An address on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/{name}"


def plotly_script() -> str:
    """Return the script that starts to load Plotly.js, for the first moment of a page.

    Nothing else is drawn for a second and more while a browser executes Plotly.js. Titles and numbers that come within
    `PLOTLY_WAITS` are drawn before; the first figure loads it at once.
    """
    return f"{script_text('load')} setTimeout(() => plotlyLiveLibrary('{plotly_address()}'), {PLOTLY_WAITS})"
