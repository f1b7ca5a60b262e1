"""What the fusion of an entangled-fusion network read from one sample: masses, conflict, beliefs, rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import text
from qfusion.explain.network import evidence
from qfusion.figures.draw import circuit
from qfusion.figures.draw import evidence as figures
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

TABLE = "table.evidence"


def allowed(work: Any) -> dict[str, state.Allowed]:
    """What a link may say about these widgets."""
    return {TABLE: state.switch("Table of all elements", "It stays folded.")} if work.can("rules") else {}


def read(here: Here, model: Any = None) -> evidence.Reading:
    """The reading of the current sample, by the model as learned or by an edited one."""
    work: Any = here.work
    return evidence.read(model or work.model, work.by_name(here.row))


def true_element(here: Here) -> int | None:
    """Which element stands for the true class, where elements are classes."""
    work = here.work
    return int(work.dataset.y[here.row]) if work.classes and work.model.elements_are_classes else None


def masses(here: Here) -> None:
    """The mass each modality gives each element, and the fused one."""
    found = read(here)
    worst = int(np.argmax(found.disagreement))
    if found.conflict is not None:
        head = f"The modalities conflict with K = {found.conflict:.2f}, most on ‘{text.plain(found.elements[worst])}’"
    else:
        head = f"The modalities disagree most on {text.plain(found.elements[worst])} ({found.disagreement[worst]:.2f})"
    panels.panel(
        "masses", head,
        figures.masses(found.masses, found.fused, found.modalities, _short(found), marked=true_element(here), theme=here.theme),
        shows="how much each modality supports each element (sin² θ/2, the chance that its qubit reads 1), and what the fusion makes "
              "of it." + (_PAIRS.format(_pairs(found)) if found.pairwise is not None else "") + here.of,
        not_shown="what the network does with the fused masses afterwards"
                  + ("." if found.elements_are_classes else "; elements are learned here, they have no names."),
        alt="Heat map of masses: fused " + ", ".join(f"{e} {v:.2f}" for e, v in zip(found.elements, found.fused, strict=True)) + ".",
        numbers=lambda: found.frame().reset_index())


_PAIRS = " Dempster's K of each pair: {}."


def _pairs(found: evidence.Reading) -> str:
    names, K = [text.plain(name) for name in found.modalities], found.pairwise
    if K is None:
        return ""
    return ", ".join(f"{names[a]} – {names[b]} {K[a, b]:.2f}" for a in range(len(names)) for b in range(a + 1, len(names)))


def _short(found: evidence.Reading) -> tuple[str, ...]:
    """Names that fit above a column: learned elements by their number."""
    return found.elements if found.elements_are_classes else tuple(str(i) for i in range(len(found.elements)))


def beliefs(here: Here) -> None:
    """Belief, plausibility and betting probability of every class; where elements are no classes, entropies of the fused qubits."""
    found = read(here)
    if found.by_fusion is None:
        entropies(here, found)
        return
    best = int(np.argmax(found.by_fusion.pignistic))
    panels.panel(
        "beliefs", f"The fused evidence alone would bet on ‘{text.plain(found.elements[best])}’ "
                   f"({found.by_fusion.pignistic[best]:.0%})",
        figures.belief_bars(found.by_fusion.belief, found.by_fusion.pignistic, found.by_fusion.plausibility, found.elements,
                            truth=true_element(here), theme=here.theme),
        shows="evidence theory on the fused masses: what speaks for a class alone (belief), what does not speak against it "
              "(plausibility), and the probability to bet with (pignistic)." + here.of,
        not_shown="the network's answer, which is read from the same qubits after convolution and pooling.",
        alt=f"Pignistic probability of each class: {spoken.listed(found.elements, found.by_fusion.pignistic)}.",
        numbers=lambda: found.frame().reset_index())
    entropies(here, found)


def entropies(here: Here, found: evidence.Reading) -> None:
    """Entropy of every fused qubit: its entanglement with the modality qubits."""
    most = int(np.argmax(found.entropy))
    panels.panel(
        "fused-entropies", f"Fused qubit ‘{text.plain(found.elements[most])}’ is the most entangled with what it was fused from",
        circuit.bars(found.entropy, found.elements, "entropy (nats)", theme=here.theme),
        shows="the von Neumann entropy of each fused qubit, at most ln 2. Fusion leaves it and its modality qubits in a pure "
              "state together, so this is their entanglement." + here.of,
        not_shown="which modality decided: entropy is correlation, not attribution.",
        alt=f"Entropy of each fused qubit in nats: {spoken.listed(found.elements, found.entropy)}.",
        numbers=lambda: found.frame().reset_index())


def evidence_table(here: Here) -> None:
    """All numbers of the fusion, element by element."""
    with st.expander("Rules, beliefs and masses of every element as a table", icon=":material/table_rows:", **state.opened(TABLE)):
        frame: pd.DataFrame = read(here).frame().reset_index()
        st.dataframe(frame, hide_index=True, height="content", alt="One row an element: masses, rule, beliefs.",
                     column_config={c: st.column_config.NumberColumn(format="%.3f") for c in frame.columns
                                    if pd.api.types.is_float_dtype(frame[c])})
