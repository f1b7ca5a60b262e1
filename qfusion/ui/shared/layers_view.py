"""The decision of an entangled-fusion network along its layers: what the read-out would say if the circuit stopped there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, circuit_evolution
from qfusion.analysis.circuit_evolution import since_when, what_was_added
from qfusion.analysis.through import KINDS
from qfusion.figures.draw import dynamics as figures
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view, through_view

JOINT, MUTUAL = "entropy in play", "mutual information"


def panel(here: Here, words: str = "") -> None:
    """Correlations of the qubits and terms of the decision at every place between the layers.

    Args:
        words: edits of the truth tables that are in force.
    """
    work: Any = here.work
    found, entropies = circuit_evolution.layer_terms(work, here.row, words), circuit_evolution.layers(work, here.row, words)
    c = here.output
    terms = {term: np.asarray(found.dividends[:, 0, i, c]) for i, term in enumerate(found.coalitions)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what, place = through_view.which_terms(), through_view.which_layer(list(found.moments))
    fair = {name: np.asarray(found.shapley[:, 0, m, c]) for m, name in enumerate(work.modalities)}
    series = {JOINT: entropies.joint, MUTUAL: np.array([np.max(row, initial=0.0) for row in entropies.mutual])}
    panels.panel(
        "decision-layers", title(found.moments, terms) + sample_view.whose(here),
        figures.decision_layers(found.moments, series, terms if what == KINDS[0] else fair, work.modalities, unit=here.unit,
                                what="dividend" if what == KINDS[0] else "Shapley value", cursor=place, theme=here.theme),
        shows="below, the terms of the decision if the circuit stopped there: later gates left out, every qubit measured, the same head "
              "(solid alone, dashed or dotted jointly); above, the entropy of the qubits still in play and the "
              "largest mutual information across a cut between them."
              + here.of + " " + backgrounds.against(work.background),
        lead=f"**When did it happen?** {since_when(work, found)} **What did the dynamics add?** {what_was_added(found, c)}",
        not_shown="what an earlier stop was trained for: the head only ever learned to read the end. The baseline is left out.",
        alt="Terms of the decision along the layers: at the end " + ", ".join(f"{t} {v[-1]:+.2f}" for t, v in terms.items() if t) + ".",
        numbers=lambda: frame(found.moments, terms, series).assign(**{f"shapley[{name}]": values for name, values in fair.items()}))
    through_view.at_cursor(terms, series[MUTUAL], MUTUAL, place, f"“{found.moments[place]}”", "nats")


def title(moments: tuple[str, ...], terms: dict[str, np.ndarray]) -> str:
    """From where on the joint terms together outweigh the single ones, or that they do not."""
    single = sum(np.abs(values) for term, values in terms.items() if term and "+" not in term)
    joint = sum(np.abs(values) for term, values in terms.items() if "+" in term)
    wins = np.asarray(joint > single)
    if not wins[-1]:
        return "At the end the single modalities outweigh the joint terms"
    losing = np.flatnonzero(~wins)
    return f"Joint terms outweigh the single modalities from “{moments[losing[-1] + 1 if len(losing) else 0]}” on"


def frame(moments: tuple[str, ...], terms: dict[str, np.ndarray], series: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a moment."""
    columns: dict[str, Any] = {"moment": list(moments)} | {f"dividend[{term or 'baseline'}]": values for term, values in terms.items()}
    return pd.DataFrame(columns | {"entropy": series[JOINT], "mutual_information": series[MUTUAL]})
