"""Addresses on this server beside Streamlit's own."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import streamlit as st

from qfusion import _assets

if TYPE_CHECKING:  # the server answers before these are loaded
    pass


@lru_cache(maxsize=1)
def plotly_address() -> str:
    """Return the address on this server of Plotly.js, in the version that comes with the Python package."""
    return address_below(f"plotly-{distribution('plotly').version}.min.js")


def address_below(name: str) -> str:
    """An address on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/{name}"


@lru_cache(maxsize=1)
def plotly_script() -> str:
    """Return the script that starts to load Plotly.js, for the first moment of a page."""
    return f"{_assets.asset_text('plotly.js')} qfusionPlotly('{plotly_address()}')"
