"""The decision at a cursor, in one line: over time, and over the layers of a circuit."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from qfusion._sentences import share
from qfusion.analysis.sample import Sample
from qfusion.explain import contribution_shares
from qfusion.panels import network, network_layers, panel
from qfusion.ui import guidance, page_context, panels, widgets
from qfusion.wording import answers


def draw_cursor_values(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    place: int,
    where: str,
    unit: str,
) -> None:
    """The numbers at the cursor in one line."""
    joint = contribution_shares.net_joint_share(dividends)
    now, at_start, at_end = (share(joint[at]) for at in (place, 0, -1))
    largest = answers.describe_largest_terms(dividends, place)
    guidance.line(
        f"At {where}: joint terms {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
        f"At {where}: joint terms are {now} of the net sums ({at_start} at the start, {at_end} at the end); "
        f"{largest}; {moving_name} "
        f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
    )


def draw_layer_lines(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the correlations of the qubits and the terms of the decision of an entangled-fusion network at every
    place between its layers: the read-out if the circuit stopped there.
    """
    moments = sample.path_explanation.moments
    _, layer = widgets.row(
        panel.TERMS, replace(network.LAYER, default=moments[-1]), study=sample.study
    )
    panels.show(sample, context.theme, "decision-layers", first=1)
    place, mutual = moments.index(layer), network_layers.MUTUAL
    draw_cursor_values(
        sample.path_dividends,
        network_layers.layer_correlations(sample)[mutual],
        mutual,
        place,
        f"“{layer}”",
        "nats",
    )
