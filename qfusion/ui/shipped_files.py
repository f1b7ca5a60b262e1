"""Files of installed packages that the server sends: Streamlit's page and Plotly.js."""

from importlib.metadata import distribution
from pathlib import Path

from qfusion import plugin
from qfusion.ui.server_addresses import plotly_address

FIRST_STYLES = ("app.css", "phone.css", "first.css")


def page_html() -> str:
    """Return Streamlit's page with the base of the server's addresses, a link to Plotly.js and our style added to it.
    Without the base, the page first asked below its own address, twice in vain, before anything was drawn.
    Without the style, everything moved when it came with the first run of the script.
    """
    script = f"<head><script>{plugin.asset_text('root.js')}</script>"
    plotly = f'<link rel="preload" as="script" fetchpriority="low" href="{plotly_address()}">'
    style = "".join(plugin.asset_text("theme", name) for name in FIRST_STYLES)
    page = shipped_file("streamlit", "streamlit/static/index.html").decode()
    page = page.replace("<head>", script, 1)
    page = page.replace("</head>", f"{plotly}</head>", 1)
    # at the end, so that it counts more than the rules that Streamlit's script adds to the head
    return page.replace("</body>", f"<style>{style}</style></body>", 1)


def read_plotly() -> bytes:
    """Return the script of plotly that its package ships."""
    return shipped_file("plotly", "plotly/package_data/plotly.min.js")


def shipped_file(package: str, file: str) -> bytes:
    """A file of an installed package."""
    return Path(str(distribution(package).locate_file(file))).read_bytes()
