"""The fusion rules of the Circuit page: truth tables one can read, name and edit, and what the decision becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch

from qfusion.errors import QFusionError
from qfusion.figures import decision
from qfusion.figures import evidence as figures
from qfusion.training import metrics
from qfusion.ui import cache, circuit_replay, edits, panels, reading, sample_view, state, text
from qfusion.ui.shell import Here

EDITS, ELEMENT, STAGE, SCOPE = "phi", "element", "stage", "_scope"
SCOPES = ("this element", "all elements")
TURN = "_tables_turn"


def allowed(work: Any) -> dict[str, state.Allowed]:
    """What a link may say about the tables; edits that do not fit are named beside them, where they can be mended."""
    shape = edits.shape_of(work.model)
    return {ELEMENT: state.options("Element", work.elements, "The first is shown."),
            STAGE: state.options("Stage", map(str, range(shape.stages)), "The first is shown.")}


def words(here: Here) -> str:
    """The edits in force: the reader's text where it fits, else none."""
    return "" if problem(here) else _said().strip(" ,")


def problem(here: Here) -> str:
    """What is wrong with the reader's text; empty when it fits."""
    work: Any = here.work
    try:
        edits.apply(_said(), work.model.phi, edits.shape_of(work.model))
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def _said() -> str:
    return str((state.get(EDITS) if EDITS in st.session_state else st.query_params.get(EDITS)) or "")


def editor(here: Here) -> str:
    """Draws what edits the tables; returns the edits in force."""
    work: Any = here.work
    shape = edits.shape_of(work.model)
    if state.get(ELEMENT) not in (None, *work.elements):
        state.put(ELEMENT, work.elements[0])
    element = work.elements.index(st.selectbox("Element", list(work.elements), **state.bound(ELEMENT)))
    scope = st.segmented_control("Set to a rule", SCOPES, default=SCOPES[0], key=SCOPE)
    whom = None if scope == SCOPES[1] else element
    with st.container(horizontal=True, gap="small"):
        for rule in (edits.LEARNED, *shape.rules):
            st.button(rule if rule in (edits.LEARNED, "mean", "majority") else rule.upper(), key=f"_rule_{rule}", help=_RULE_HELP[rule],
                      on_click=_set_rule, args=(shape, whom, rule))
    stage = 0
    if shape.stages > 1:
        stage = int(st.selectbox("Stage of the chain", [str(k) for k in range(shape.stages)], **state.bound(STAGE)))
    in_force = words(here)
    phi = edits.apply(in_force, work.model.phi, shape)
    st.markdown("**Angles** (rad) by what the qubits read", help="0 makes the fused qubit say no, π yes, π/2 is undecided. The mass is "
                                                                   "sin²(φ/2).")
    controls = _controls(work, stage)
    for pattern in range(shape.patterns):
        _angle(shape, element, stage, pattern, float(phi[element, stage, pattern]), controls)
    _typed(here)
    return in_force


_RULE_HELP = {"learned": "What training found", "and": "Yes only if all say yes: Dempster's conjunctive rule",
              "or": "Yes if any says yes: the disjunctive rule", "mean": "As much yes as the share of those who say yes",
              "majority": "Yes if more than half say yes"}


def _controls(work: Any, stage: int) -> tuple[str, ...]:
    if work.model.phi.shape[1] == 1:
        return tuple(work.modalities)
    return tuple(work.modalities[:2]) if stage == 0 else ("fused so far", work.modalities[stage + 1])


def _angle(shape: edits.Shape, element: int, stage: int, pattern: int, angle: float, controls: tuple[str, ...]) -> None:
    digits = format(pattern, f"0{len(controls)}b")
    yes = [text.plain(name) for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    key = f"_phi.{element}.{stage}.{pattern}"
    now = round(edits.wrapped(angle), 2)
    if state.get(key) != now:
        state.put(key, now)
    st.slider(f"{digits} · yes: {' + '.join(yes) or 'none'} → mass {np.sin(angle / 2) ** 2:.2f}", -1.57, 4.71, step=0.01, key=key,
              on_change=_set_angle, args=(shape, element, stage, pattern, key))


def _set_angle(shape: edits.Shape, element: int, stage: int, pattern: int, key: str) -> None:
    state.put(EDITS, edits.with_angle(_fitting(shape), shape, element, stage, pattern, float(state.get(key))))


def _set_rule(shape: edits.Shape, whom: int | None, rule: str) -> None:
    state.put(EDITS, edits.with_rule(_fitting(shape), shape, whom, rule))


def _fitting(shape: edits.Shape) -> str:
    """The reader's text, or nothing when it does not fit: an edit then starts from the learned tables."""
    said = str(state.get(EDITS) or "")
    try:
        edits.apply(said, torch.zeros(shape.n, shape.stages, shape.patterns), shape)
    except QFusionError:
        return ""
    return said


def _typed(here: Here) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    st.text_input("Edits as text", max_chars=20_000, placeholder="such as 0.11=3.14, 2:and or all:or",
                  help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
                  **state.bound(EDITS))
    if wrong := problem(here):
        st.error(text.message(wrong), icon=":material/error:")


def before_after(here: Here, now: Any, base: Any) -> None:
    """The decision and the test metrics as learned and with edits."""
    work = here.work
    row = here.row
    cells: list[tuple[str, float, float, str, str]] = []
    if work.classes:
        truth, first = int(work.dataset.y[row]), int(base.scores.argmax())
        cells.append((f"p(‘{text.plain(work.classes[first], 14)}’), predicted", float(base.probabilities[first]),
                      float(now.probabilities[first]), "off", "Probability of the class that the model as learned predicts"))
        if truth != first:
            cells.append((f"p(‘{text.plain(work.classes[truth], 14)}’), true", float(base.probabilities[truth]),
                          float(now.probabilities[truth]), "normal", "Probability of the true class"))
    else:
        cells.append(("Prediction", float(base.scores[0]), float(now.scores[0]), "off", "Score of this sample"))
    for name in [name for name in ("accuracy", "nll", "mae", "corr") if name in now.metrics][:2]:
        about = metrics.describe[name]
        label = f"Test {about.short[:1].lower()}{about.short[1:]}" if work.classes else about.short
        cells.append((label, base.metrics[name], now.metrics[name], "normal" if about.higher_is_better else "inverse", about.help))
    with st.container(key="pair-metrics"):
        for place, (label, before, after, colour, help_) in zip(st.columns(len(cells)), cells, strict=True):
            change = after - before
            place.metric(label, f"{after:.3f}", None if abs(change) < 5e-4 else f"{change:+.3f}", delta_color=colour,  # type: ignore[arg-type]
                         help=help_, border=True, height="stretch")


def answer(here: Here, now: Any, base: Any, in_force: str) -> None:
    """Class probabilities and the waterfall under the edits."""
    work: Any = here.work
    left, right = st.columns([1, 1.25])
    with left:
        _probabilities(here, now, base, bool(in_force))
    with right:
        terms = now.terms(work, here.output)
        panels.panel(
            "waterfall-edited", sample_view.finding(terms) + sample_view.whose(here),
            decision.waterfall(terms, work.modalities, truth=here.truth, unit=here.unit, theme=here.theme),
            shows="the exact sum baseline + single modalities + joint terms (hatched) = score, with these tables.",
            not_shown="how it was as learned: press “learned” for all elements.", alt="Waterfall of the decision with the edited tables.",
            numbers=lambda: pd.DataFrame({"term": [t or "baseline" for t in terms], "dividend": list(terms.values()),
                                          "as_learned": list(base.terms(work, here.output).values())}))


def _probabilities(here: Here, now: Any, base: Any, changed: bool) -> None:
    work = here.work
    if not work.classes:
        return
    best, was, truth = int(now.scores.argmax()), int(base.scores.argmax()), int(work.dataset.y[here.row])
    name = text.plain(work.classes[best])
    if best != was:
        head = f"The edit turns the decision from ‘{text.plain(work.classes[was])}’ to ‘{name}’"
    else:
        head = f"Decision {'stays' if changed else 'is'} ‘{name}’ ({now.probabilities[best]:.0%})"
    panels.panel(
        "probabilities", head,
        figures.class_bars(now.probabilities, work.classes, truth=truth, before=base.probabilities if changed else None, theme=here.theme),
        shows="class probabilities with these tables" + ("; diamonds: as learned." if changed else "."),
        not_shown="other samples: see the test accuracy above.",
        alt=f"Class probabilities; {work.classes[best]} leads.",
        numbers=lambda: pd.DataFrame({"class": work.classes, "probability": now.probabilities, "as_learned": base.probabilities}))


def tables(here: Here, in_force: str) -> None:
    """The truth tables of all elements as heat maps; a click picks the element."""
    work: Any = here.work
    model = circuit_replay.edited(work, in_force)
    found, learned = reading.read(here, model), reading.read(here)
    shape = edits.shape_of(work.model)
    stage = int(state.get(STAGE) or 0) if shape.stages > 1 else 0
    chosen = work.elements.index(state.get(ELEMENT)) if state.get(ELEMENT) in work.elements else 0
    differs = np.abs(found.tables[:, stage] - learned.tables[:, stage]) > 1e-6
    drawn = figures.tables(found.tables[:, stage], found.weights[:, stage], found.patterns, found.elements, controls=_controls(work, stage),
                           chosen=chosen, edited=differs, theme=here.theme)
    rule, distance = found.rules[chosen]
    with st.container(border=True, key="panel-tables", gap="xxsmall"):
        panels.heading(f"{text.plain(found.elements[chosen])} fuses most like {_rule(rule)} (distance {distance:.2f})")
        key = f"tables-{state.get(TURN, 0)}"
        st.plotly_chart(drawn, theme=None, key=key, config=panels.toolbar("tables"), selection_mode="points",
                        on_select=lambda: _picked(key, work.elements), alt="Truth tables of the fusion as a heat map.")
        panels.footer("tables", "for each element (row) the mass that the fused qubit gets when the modality qubits read the pattern "
                      "above; framed: edited. Distance: root mean square over the table, 0 to 1.",
                      "how often this sample reads a pattern: point at a cell.", lambda: _table_numbers(found))
    st.caption("Nearest named rule of each element: " + ", ".join(
        f"{text.plain(name)} **{_rule(rule)}** ({distance:.2f})"
        for name, (rule, distance) in zip(found.elements, found.rules, strict=True))
        + ".")


def _rule(name: str) -> str:
    return name.upper() if name in ("and", "or") else name


def _picked(key: str, elements: tuple[str, ...]) -> None:
    points = state.get(key, {}).get("selection", {}).get("points", [])
    place = points[0].get("y") if points else None
    if isinstance(place, int | float) and 0 <= int(place) < len(elements):
        state.put(ELEMENT, elements[int(place)])
        state.put(TURN, state.get(TURN, 0) + 1)


def _table_numbers(found: Any) -> pd.DataFrame:
    n, stages, P = found.tables.shape
    return pd.DataFrame([{"element": found.elements[i], "stage": k, "pattern": found.patterns[b], "mass": found.tables[i, k, b],
                          "probability_in_this_sample": found.weights[i, k, b], "rule": found.rules[i][0], "distance": found.rules[i][1]}
                         for i in range(n) for k in range(stages) for b in range(P)])


def tab(here: Here) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-tables", gap="xsmall"):
        in_force = editor(here)
    now, base = cache.answer(here.work, here.row, in_force), cache.answer(here.work, here.row)
    with main:
        before_after(here, now, base)
        answer(here, now, base, in_force)
        tables(here, in_force)
    st.caption(f"Fused by {'edited' if in_force else 'learned'} tables{': ' + text.plain(in_force) if in_force else ''}. Test metrics over "
               f"{len(here.work.dataset.rows('test')):,} samples.")
