"""The decision at a cursor, in one line: over time, and over the layers of a circuit."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from qfusion._sentences import share
from qfusion.analysis.sample import Sample
from qfusion.explain import coalitions
from qfusion.ui import guidance, page_context, panels, widgets
from qfusion.views import network
from qfusion.views.pages import circuit, panel
from qfusion.views.words import answers


def draw_cursor_values(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    place: int,
    where: str,
    unit: str,
    unread: Collection[str] = (),
) -> None:
    """Draw the numbers at the cursor in one line.

    Args:
        dividends: contributions over the places, (P,), by coalition.
        moving: another quantity over the places, (P,). moving_name, unit: of it.
        place: number of the one at the cursor. where: what it is called, as markdown.
        unread: terms within their spread over training seeds, which are not named.
    """
    joint = coalitions.joint_share(dividends)
    at_start, at_end = share(joint[0]), share(joint[-1])
    now = share(joint[place])
    largest = answers.describe_largest_terms(dividends, place, unread)
    guidance.line(
        f"At {where}: joint share {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
        f"At {where}: the joint share is {now} ({at_start} at the start, {at_end} at the end); "
        f"{largest}; {moving_name} "
        f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
    )


def draw_layer_lines(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the correlations of the qubits and the terms of the decision of an entangled-fusion network at every
    place between its layers: the read-out if the circuit stopped there.
    """
    moments = sample.path_explanation.moments
    _, layer = widgets.row(
        panel.TERMS, replace(circuit.LAYER, default=moments[-1]), study=sample.study
    )
    panels.show(sample, context.theme, "decision-layers", first=1)
    place, mutual = moments.index(layer), network.MUTUAL
    with st.container(key="cursor-values"):
        draw_cursor_values(
            sample.path_dividends,
            network.layer_correlations(sample)[mutual],
            mutual,
            place,
            f"“{layer}”",
            "nats",
            sample.verdict.within_spread,
        )
