"""The decision of an entangled-fusion network along its layers: what the read-out would say if the circuit stopped
there."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.sample import Sample
from qfusion.figures.style import Theme
from qfusion.panels import network as layer_panels
from qfusion.ui.panel import panels
from qfusion.ui.shared import through_view


def panel(sample: Sample, theme: Theme) -> None:
    """Correlations of the qubits and terms of the decision at every place between the layers."""
    found, dividends, _, series = layer_panels.layered(sample)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        terms, place = through_view.which_terms(), through_view.which_layer(list(found.moments))
    panels.draw(
        layer_panels.decision_over_layers(sample, theme, terms=terms, layer=found.moments[place])
    )
    through_view.at_cursor(
        dividends,
        series[layer_panels.MUTUAL],
        layer_panels.MUTUAL,
        place,
        f"“{found.moments[place]}”",
        "nats",
    )
