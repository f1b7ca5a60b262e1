"""Panels: figures with their words and tables, each a function of a sample and of what the reader chose, without
streamlit.

    from qfusion import panels
    from qfusion.analysis.opening import open_sample

    sample = open_sample("qj-planted", "p2924")
    picture = panels.decision_evolution.decision_over_time(sample, above="entanglement", t=0.5)
    picture.figure.show()
    picture.table()

A module a page, or a few pages of one idea: builders, captions, PANELS (which panels, with what options) and controls
(what a reader may choose). `panel`, `address` and `pages` are what all of them are made of. Widgets are in
`ui`, drawing in `figures`.
"""

from qfusion._lazy import modules, require

require("plotly")

__getattr__ = modules(__name__, __path__)
