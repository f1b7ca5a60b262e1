"""The scripts in the browser: the component that draws figures, scripts that an app adds to it, and Plotly.js."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

_PARTS = ("load", "theme", "figure")
_FOLLOWING = ("follow", "slider")


@dataclass(frozen=True)
class Extension:
    """What an app adds to the script of its figures. Make it once and give it to every figure.

    Attributes:
        name: of the component, other than that of any other component of the app.
        script: JavaScript that calls `extend({...})` with hooks, listed at the top of `figure.js`. It runs with the
            rights of the page, so it must be your own.
        class_name: CSS classes of a figure's element, besides `plotly-live`.
        library: address of Plotly.js; by default the file of the Python package plotly, sent by Streamlit's server.
        follows: whether figures can follow sliders and have a cursor. Without, the script that Streamlit sends with
            every figure is a third shorter.
    """

    name: str
    script: str = ""
    class_name: str = ""
    library: str = ""
    follows: bool = True


@lru_cache
def component(extension: Extension) -> Any:
    """Return the Streamlit component that draws figures with an extension."""
    import streamlit as st

    parts = (*_PARTS, *(_FOLLOWING if extension.follows else ()))
    own = f"{{\n{extension.script}\n}}"
    script = "\n".join([*(_shorten(script_text(part)) for part in parts), own])
    return st.components.v2.component(extension.name, js=script, isolate_styles=False)


def _shorten(script: str) -> str:
    """A script without the lines of its comments and without indents, which none of its texts needs."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def script_text(name: str) -> str:
    """Return the text of one script of this package.

    Args:
        name: `load` loads Plotly.js by `window.plotlyLiveLibrary(address)`. `follow` has `Curves` and `Follower`, which
            move lines, markers and bars in place. The others are of the component alone.
    """
    return Path(str(resources.files("plotly_live")), f"{name}.js").read_text(encoding="utf-8")


def library_address() -> str:
    """Return the address at which Streamlit's server sends the Plotly.js of the Python package plotly."""
    import streamlit as st
    from streamlit.components.v1 import declare_component

    version, folder = _library()
    # A component of the first kind is a folder that the server sends; this one is never drawn.
    declare_component("library", path=folder)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    below = f"component/{__name__}.library/plotly.min.js?v={version}"
    return f"{'/' + base if base else ''}/{below}"


@lru_cache(maxsize=1)
def _library() -> tuple[str, str]:
    plotly = distribution("plotly")
    return plotly.version, str(plotly.locate_file("plotly/package_data"))
