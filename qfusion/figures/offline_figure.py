"""Plotly figures that contact no other host when they are shown.

Plotly's own notebook output loads MathJax from another host, has a button that uploads the figure, and links to
Plotly's site. Hover texts may hold what participants said.
"""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from qfusion._lazy import load

CONFIG = {
    "displaylogo": False,  # a link to Plotly's site
    "showSendToCloud": False,
    "plotlyServerURL": "",
}
# Plotly's renderers for notebooks. Figures in those named first are drawn in the page of the whole notebook, so that
# plotly.js is needed once; the others isolate every output.
SHARED_PAGE = {"notebook", "notebook_connected", "plotly_mimetype", "jupyterlab"}
ISOLATED = {"colab", "kaggle", "azure", "databricks", "vscode", "nteract", "cocalc", "iframe"}
MIME_TYPE = "application/vnd.plotly.v1+json"
# Renderers in whose notebook this process has written plotly.js.
pages_with_library: set[str] = set()


class Figure(go.Figure):
    """Figure whose display in notebooks needs no network.

    It differs from `plotly.graph_objects.Figure` in display alone. The user's choice of a renderer,
    `plotly.io.renderers.default`, is respected.
    """

    def show(self, *arguments: Any, **options: Any) -> None:
        """Show the figure in the notebook, or with the renderer that is set or given."""
        bundle = {} if arguments or "renderer" in options else self._notebook_bundle()
        if bundle:
            load("IPython.display").display(bundle, raw=True)  # there wherever notebooks run
        else:
            super().show(*arguments, **{"config": CONFIG, **options})

    def _ipython_display_(self) -> None:
        self.show()

    def _repr_html_(self) -> str:
        """Return the figure as HTML that holds plotly.js."""
        return self._to_html(include_library=True)

    def _repr_mimebundle_(self, *_: Any, **options: Any) -> dict[str, Any]:
        bundle = self._notebook_bundle()
        return bundle or super()._repr_mimebundle_(**{"config": CONFIG, **options})

    def _notebook_bundle(self) -> dict[str, Any]:
        """Return the representations of the figure for a notebook, by MIME type; empty for other renderers."""
        renderers = set(pio.renderers.default.split("+"))
        if not renderers & (SHARED_PAGE | ISOLATED):
            return {}
        is_shared = not renderers & ISOLATED
        include_library = not (is_shared and pio.renderers.default in pages_with_library)
        pages_with_library.add(pio.renderers.default)
        return {
            MIME_TYPE: {**json.loads(self.to_json()), "config": CONFIG},
            "text/html": self._to_html(include_library=include_library),
        }

    def _to_html(self, *, include_library: bool) -> str:
        return pio.to_html(
            self,
            config=CONFIG,
            include_plotlyjs=include_library,
            include_mathjax=False,
            full_html=False,
            validate=False,
        )
