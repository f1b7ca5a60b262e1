"""The page of decision operators: pick a group of modalities, see what votes for and against, and who lies there."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, decision_operators, text
from qfusion.analysis.decision_operators import Own, Votes
from qfusion.analysis.subject import Workspace
from qfusion.data.spec import SPLITS
from qfusion.explain.network.operators import Operator
from qfusion.figures.draw import operators as figures
from qfusion.figures.draw.state import basis_labels
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view

GROUP, AMONG, UP = "votes", "among", "against"
UPS = ("weight against", "score of the group")
SHOWN_PATTERNS = 5  # on each side
NEAREST = 4
_EXTREME = {"for": -1, "against": 0}


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this page's widgets."""
    return {GROUP: state.options("Group of modalities", decision_operators.group_labels(work), "The first modality is shown."),
            AMONG: state.options("Split", SPLITS, "The test samples are shown."),
            UP: state.options("Axis", UPS, "The weight against is shown.")}


def page(here: Here) -> None:
    """Controls and all panels."""
    labels = decision_operators.group_labels(here.work)
    if state.get(GROUP) not in (None, *labels):
        state.put(GROUP, next(iter(labels)))  # of another model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.segmented_control("Whose vote", list(labels), default=next(iter(labels)),
                                      help="The modalities whose state is asked about; all others are averaged over the background.",
                                      **state.bound(GROUP)) or next(iter(labels))
        split = st.segmented_control("Among the samples for", list(SPLITS), default="test",
                                     help="Where the nearest real samples are looked for.", **state.bound(AMONG)) or "test"
    group = labels[picked]
    found = decision_operators.votes(here.work, group, here.output, split)
    own = decision_operators.own(here.work, found.operator, group, here.row)
    _sentence(here, found.operator, own)
    spectrum, scatter = st.columns([1.25, 1], gap="medium")
    with spectrum:
        _spectrum(here, found, own, split)
    with scatter:
        _scatter(here, found, own, split)
    if found.operator.vectors is not None:
        _eigenvectors(here, found.operator)
    else:
        _patterns(here, found.operator)
    _nearest(here, found, split)
    _left_out(here)


def _who(found: Operator) -> str:
    return " and ".join(text.plain(name) for name in found.modalities)


def _sentence(here: Here, found: Operator, own: Own) -> None:
    low, high = found.values[0], found.values[-1]
    together = "alone" if len(found.modalities) == 1 else "together"
    st.markdown(
        f"Whatever **{_who(found)}** might say, {together} it can bring the {text.plain(here.unit)} to at least **{low:+.2f}** and at most "
        f"**{high:+.2f}**, everything else being as in the background (baseline {found.baseline:+.2f}). What this sample says brings it "
        f"to **{own.score:+.2f}**. {backgrounds.baseline(here.work.background)}")


def _spectrum(here: Here, found: Votes, own: Own, split: str) -> None:
    votes = found.operator.votes
    favour, against = int((votes > 0).sum()), int((votes < 0).sum())
    kind = "eigenstates" if found.operator.vectors is not None else "outcome patterns"
    cohort = f"mean of {len(found.rows):,} {split} samples"
    panels.panel(
        "spectrum", f"{favour:,} {kind} of {_who(found.operator)} vote for, {against:,} against; this sample moves the score by "
                    f"{own.score - found.operator.baseline:+.2f}",
        figures.spectrum(votes, own.weights, found.weights, unit=here.unit, sample_name=f"sample {here.sample}", cohort_name=cohort,
                         theme=here.theme),
        shows="above, the eigenvalues of the decision operator of these modalities as votes: how far each of its eigenstates would move "
              "the score from the baseline. Below, how much of this sample lies on each: votes times weights add up to what it says. "
              + backgrounds.against(here.work.background),
        not_shown="what a state means: its nearest real samples, below, tell. Learned levels have no names.",
        alt=f"Spectrum from {votes[0]:+.2f} to {votes[-1]:+.2f}; this sample {own.score - found.operator.baseline:+.2f}.",
        numbers=lambda: pd.DataFrame({"eigenstate": np.arange(len(votes)), "score": found.operator.values, "vote": votes,
                                      "weight_of_sample": own.weights, "mean_weight": found.weights}))


def _eigenvectors(here: Here, found: Operator) -> None:
    left, right = st.columns(2, gap="medium")
    for side, cell in (("for", left), ("against", right)):
        k = _EXTREME[side]
        amplitudes = found.amplitudes(k)
        names = basis_labels(found.dims)
        with cell:
            panels.panel(
                f"state-{side}", f"Votes most {side} ({found.votes[k]:+.2f}): {_levels(amplitudes, names)}",
                figures.make_up(amplitudes, found.dims, theme=here.theme),
                shows="how likely each basis state is in this eigenstate (height) and its phase (colour, the largest one's set to 0)"
                      + (_entangled(found) if len(found.dims) > 1 else ".") + " " + backgrounds.against(here.work.background),
                not_shown="whether a real sample can be in it: see the weights below.",
                alt=f"Populations of the eigenstate that votes most {side}: {_levels(amplitudes, names)}.",
                numbers=partial(_amplitudes, amplitudes, names))


def _amplitudes(values: np.ndarray, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"basis_state": names, "population": np.abs(values) ** 2, "phase": np.angle(values)})


def _entangled(found: Operator) -> str:
    return f"; levels of {', '.join(map(text.plain, found.modalities))}, first leftmost. Real samples are products; this need not be."


def _levels(amplitudes: np.ndarray, names: list[str]) -> str:
    """The likeliest basis states in words."""
    mass = np.abs(amplitudes) ** 2
    order = [i for i in np.argsort(-mass)[:3] if mass[i] >= 0.1] or [int(mass.argmax())]
    return ", ".join(f"|{names[i]}⟩ {mass[i]:.0%}" for i in order)


def _patterns(here: Here, found: Operator) -> None:
    work: Any = here.work
    shown = [*range(len(found.values) - 1, len(found.values) - 1 - SHOWN_PATTERNS, -1), *range(SHOWN_PATTERNS - 1, -1, -1)]
    bits, votes = np.array([found.bits(k) for k in shown]), found.votes[shown]
    elements = work.elements if work.model.elements_are_classes else tuple(map(str, range(work.model.elements)))
    left, right = st.columns(2, gap="medium")
    with left:
        panels.panel(
            "patterns", f"Votes most for ({votes[0]:+.2f}): {_said(bits[0], elements)}",
            figures.outcome_patterns(bits, votes, elements, found.modalities, work.modalities, theme=here.theme),
            shows=f"the {SHOWN_PATTERNS} outcome patterns that vote most for and, below the line, most against, each with its vote. The "
                  "fusion reads a modality through its qubits' outcomes only, so patterns are the eigenstates. "
                  + backgrounds.against(work.background),
            not_shown="how likely a pattern is: see the weights.",
            alt=f"Most for: {_said(bits[0], elements)}. Most against: {_said(bits[-1], elements)}.",
            numbers=lambda: pd.DataFrame({"vote": votes, "pattern": ["|".join("".join(map(str, row)) for row in each) for each in bits]}))
    effects = found.effects if found.effects is not None else np.zeros((len(found.modalities), len(elements)))
    m, i = np.unravel_index(int(np.abs(effects).argmax()), effects.shape)
    with right:
        panels.panel(
            "effects", f"Element {text.plain(elements[int(i)])} of {text.plain(found.modalities[int(m)])} counts most "
                       f"({effects[m, i]:+.2f})",
            figures.effects(effects, elements, found.modalities, work.modalities, unit=here.unit, theme=here.theme),
            shows="how the score changes when one element's qubit reads 1 instead of 0, all others as in the background. "
                  + backgrounds.against(work.background),
            not_shown="how elements act together: the patterns do.",
            alt="Effects: " + "; ".join(f"{name}: {spoken.listed(elements, row, '+.2f')}"
                                        for name, row in zip(found.modalities, effects, strict=True)) + ".",
            numbers=lambda: pd.DataFrame(effects.T, columns=list(found.modalities)).assign(element=elements))


def _said(bits: np.ndarray, elements: tuple[str, ...]) -> str:
    """One pattern in words: the elements that read 1."""
    parts = []
    for row in bits:
        on = [text.plain(elements[i], 20) for i in np.flatnonzero(row)]
        parts.append("yes on " + ", ".join(on) if on else "no on all")
    return "; ".join(parts)


def _scatter(here: Here, found: Votes, own: Own, split: str) -> None:
    work = here.work
    with st.container(border=True, key="panel-along", gap="xxsmall"):
        strong = (found.most_for + found.most_against).mean()
        title = f"The two extremes hold {_share(strong)} of a typical {split} sample"
        panels.heading(title)
        usual = UPS[0] if found.operator.vectors is not None else UPS[1]  # of many patterns, a sample is hardly on the extreme ones
        up = st.segmented_control("Vertical axis", list(UPS), default=usual, help="How much of a sample lies on the state that votes most "
                                  "against, or what the model says when told these modalities alone.", **state.bound(UP)) or usual
        y = found.most_against if up == UPS[0] else found.scores
        y_title = "weight on the state that votes most against" if up == UPS[0] else f"v({_group_title(found)}), {here.unit}"
        truth, name, classes = _truth(here, found)
        ids = work.dataset.ids[found.rows].tolist()
        drawn = figures.along(ids, found.most_for, y, "weight on the state that votes most for", y_title, truth=truth, truth_name=name,
                              split=classes, chosen=here.sample, shares=(True, up == UPS[0]), theme=here.theme)
        key = f"along-{state.get(state.TABLE_TURN, 0)}"
        shown = panels.selectable("along", drawn, f"{len(ids)} samples along the two extremes; {here.sample} is ringed.", key,
                                  lambda: _picked(key))
        panels.footer("along", f"one point a sample, {len(ids):,} in all, coloured by truth; a click makes it the sample. This one, "
                      f"ringed where it is among them: {_share(own.most_for)} for, {_share(own.most_against)} against. "
                      + backgrounds.against(work.background),
                      "the states in between: a sample may lie on neither.",
                      lambda: pd.DataFrame({"sample": ids, "weight_for": found.most_for, "weight_against": found.most_against,
                                            "score_of_group": found.scores, "truth": truth}), title=title, shown=shown)


def _group_title(found: Votes) -> str:
    return " + ".join(found.operator.modalities)


def _truth(here: Here, found: Votes) -> tuple[np.ndarray, str, bool]:
    """Truth of the samples for the colours: numbers, or whether they are of the explained class."""
    y = here.work.dataset.y[found.rows]
    if here.work.classes:
        return (y == here.output).astype(int), f"‘{here.work.classes[here.output]}’", True
    return np.asarray(y, dtype=float), "truth", False


def _picked(key: str) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    if points and points[0].get("customdata"):
        found = points[0]["customdata"]
        state.choose_sample(str(found[0] if isinstance(found, list) else found))


def _nearest(here: Here, found: Votes, split: str) -> None:
    for side in ("for", "against"):
        weights = found.most_for if side == "for" else found.most_against
        st.markdown(f"#### Nearest to the state that votes most {side}")
        with st.container(key=f"pair-nearest-{side}"):
            for cell, row in zip(st.columns(NEAREST), found.nearest(side, NEAREST), strict=False):
                place = int(np.flatnonzero(found.rows == row)[0])
                with cell, st.container(border=True, height="stretch", key=f"near-{side}-{row}"):
                    _card(here, row, found.operator.modalities, float(weights[place]), float(found.scores[place]), side)
    st.caption(f"The {split} samples (n = {len(found.rows):,}) with the most weight on each extreme: what the eigenstates look like in "
               f"real data. They are near in {_who(found.operator)}: a sample can be near an extreme and still be judged otherwise by the "
               "other modalities.")


def _card(here: Here, row: int, group: tuple[str, ...], weight: float, score: float, side: str) -> None:
    work = here.work
    sample = str(work.dataset.ids[row])
    truth = text.plain(work.classes[int(work.dataset.y[row])], 24) if work.classes else f"{float(work.dataset.y[row]):+.2f}"
    sample_view.content(here, row, details=False, only=group, key=f"{side}-card")
    st.markdown(f"**{_share(weight)}** of it lies there; {score:+.2f} by {' and '.join(map(text.plain, group))}; truth {truth}")
    link("pages/operators.py", text.plain(sample), ":material/my_location:", open=sample)


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"


def _left_out(here: Here) -> None:
    offered, everything = len(decision_operators.group_labels(here.work)), 2 ** len(here.work.modalities) - 1
    if offered < everything:
        st.caption(f"{everything - offered} larger group{'s' if everything - offered > 1 else ''} of modalities cannot be shown: the "
                   "outcome patterns of a network grow as 2 to the number of its qubits. Their contributions are on the Samples page.")
