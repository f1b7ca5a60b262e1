"""Pages: the views of each page of the dashboard, in order, and what a reader may choose there, without Streamlit.

    from qfusion.views.pages import catalogue

    picture = catalogue.build_panel(
        "samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}
    )
    picture.figure.show()

A module a page: PANELS (its views, in order) and controls (what a reader may choose besides their choices). `panel`,
`params`, `page_state`, `address` and `catalogue` are what all of them are made of. Widgets are in `app`, drawing in
`figures`.
"""

from qfusion._lazy import modules, require

require("plotly")

__getattr__ = modules(__name__, __path__)
