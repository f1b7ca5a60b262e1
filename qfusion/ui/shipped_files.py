"""Files of installed packages that the server sends: Streamlit's page and Plotly.js."""

from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from qfusion import _assets


@lru_cache(maxsize=1)
def page_html() -> str:
    """Return Streamlit's page with the base of the server's addresses added to it. Without it, the page first asked
    below its own address, twice in vain, before anything was drawn.
    """
    script = f"<head><script>{_assets.asset_text('root.js')}</script>"
    page = shipped_file("streamlit", "streamlit/static/index.html").decode()
    return page.replace("<head>", script, 1)


@lru_cache(maxsize=1)
def read_plotly() -> bytes:
    """Return the script of plotly that its package ships."""
    return shipped_file("plotly", "plotly/package_data/plotly.min.js")


def shipped_file(package: str, file: str) -> bytes:
    """A file of an installed package."""
    return Path(str(distribution(package).locate_file(file))).read_bytes()
