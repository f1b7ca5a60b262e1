"""The noise view of the Circuit page: the decision on a noisy device, and how many shots it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, circuit_evolution, text
from qfusion.figures.draw import decision
from qfusion.figures.draw import evidence as figures
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels
from qfusion.ui.shared import sample_view

KINDS = {"depolarising": "Depolarising", "damping": "Amplitude damping", "readout": "Read-out"}
HELP = {"depolarising": "A qubit is replaced by the maximally mixed state with this probability, after each operation on several qubits",
        "damping": "|1⟩ decays to |0⟩ with this probability, at the same places",
        "readout": "A read bit is lost to a coin toss with this probability"}
SHOTS = "shots"
SHOT_CHOICES = (100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)


def allowed(_: Any) -> dict[str, state.Allowed]:
    """What a link may say about noise and shots."""
    rules = {_key(kind): state.number(_key(kind), 0, 1, "0 is used.") for kind in KINDS}
    return rules | {SHOTS: state.options("Number of shots", map(str, SHOT_CHOICES), "1000 are used.")}


def _key(kind: str) -> str:
    return f"noise.{kind}"


def tab(here: Here, in_force: str) -> None:
    """The whole view."""
    work: Any = here.work
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        depolarising, damping, readout = (_strength(kind) for kind in KINDS)
        strengths = (depolarising, damping, readout)
        shots = int(st.select_slider("Shots", SHOT_CHOICES, 1000, help="How often each circuit is run", **state.bound(SHOTS)))
        st.button("A typical device", key="_typical", on_click=_typical, help="1 % depolarising, 1 % damping, 2 % read-out")
    found = circuit_evolution.with_noise(work, here.row, in_force, strengths, shots)
    exact = circuit_evolution.answer(work, here.row, in_force)
    with main:
        _headline(here, found, exact, shots)
        left, right = st.columns(2)
        with left:
            _scores(here, found, exact, shots)
        with right:
            _terms(here, found, exact, shots)
        _device(here, in_force, strengths, shots)


def _strength(kind: str) -> float:
    return float(st.slider(KINDS[kind], 0.0, 1.0, 0.0, 0.01, format="%.2f", help=HELP[kind], **state.bound(_key(kind))))


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(_key(kind), strength)


def _headline(here: Here, found: Any, exact: Any, shots: int) -> None:
    work = here.work
    best = "accuracy" if work.classes else "mae"
    with st.container(key="pair-metrics"):
        cells = st.columns(3)
        c = here.output
        cells[0].metric(f"Score{_of(here)}", f"{found.scores[c]:.3f} ± {found.errors[c]:.3f}", f"{found.scores[c] - exact.scores[c]:+.3f}",
                        delta_color="off", help="Under noise, with its standard error at this number of shots; the change is from the "
                                                "exact circuit", border=True, height="stretch")
        cells[1].metric("Test accuracy" if work.classes else "Test MAE", f"{found.metrics[best]:.3f}",
                        f"{found.metrics[best] - exact.metrics[best]:+.3f}", delta_color="normal" if work.classes else "inverse",
                        help="All test samples under this noise, without shots", border=True, height="stretch")
        cells[2].metric("Shots", f"{shots:,}", help="Runs of each circuit", border=True, height="stretch")


def _of(here: Here) -> str:
    return f" of ‘{text.plain(here.work.classes[here.output], 14)}’" if here.work.classes else ""


def _scores(here: Here, found: Any, exact: Any, shots: int) -> None:
    work = here.work
    names = work.classes or work.model.outputs
    truth = int(work.dataset.y[here.row]) if work.classes else None
    order = np.argsort(-found.scores)
    if len(order) > 1:
        gap = float(found.scores[order[0]] - found.scores[order[1]])
        spread = float(np.hypot(found.errors[order[0]], found.errors[order[1]]))
        head = f"‘{text.plain(names[order[0]])}’ leads by {gap / max(spread, 1e-12):.1f} standard errors at {shots:,} shots"
    else:
        head = f"{found.scores[0]:.2f} ± {found.errors[0]:.2f} at {shots:,} shots"
    panels.panel(
        "noisy-scores", head,
        figures.class_bars(found.scores, names, truth=truth, before=exact.scores, before_name="exact", errors=found.errors, unit="score",
                           theme=here.theme),
        shows="scores under this noise; error bars: one standard error of that many shots; diamonds: the exact circuit." + here.of,
        not_shown="drift and cross-talk of a real device.", alt=f"Scores under noise: {spoken.listed(names, found.scores, '+.2f')}.",
        numbers=lambda: pd.DataFrame({"class": names, "score": found.scores, "standard_error": found.errors, "exact": exact.scores}))


def _terms(here: Here, found: Any, exact: Any, shots: int) -> None:
    work: Any = here.work
    c = here.output
    values = {t: float(found.dividends[i, c]) for i, t in enumerate(work.coalitions)}
    errors = {t: float(found.dividend_errors[i, c]) for i, t in enumerate(work.coalitions)}
    before = exact.terms(work, c)
    sure = [t for t in values if t and abs(values[t]) > 2 * errors[t]]
    panels.panel(
        "noisy-terms", f"{len(sure)} of {len(values) - 1} terms stand out from the shots{sample_view.whose(here)}",
        decision.term_bars(values, errors, before, work.modalities, unit=here.unit, theme=here.theme),
        shows="contributions under this noise with standard errors when every coalition's circuit is run that often; diamonds: exact."
              + here.of + " " + backgrounds.against(work.background),
        not_shown="the baseline: it is in the table.", alt=f"Contributions under noise: {spoken.terms(values)}.",
        numbers=lambda: pd.DataFrame({"term": [t or "baseline" for t in values], "dividend": list(values.values()),
                                      "standard_error": list(errors.values()), "exact": list(before.values())}))


def _device(here: Here, in_force: str, strengths: tuple[float, float, float], shots: int) -> None:
    """One real run of the circuit on a PennyLane simulator."""
    work: Any = here.work
    with st.expander("Run it on a PennyLane device", icon=":material/memory:"):
        st.caption("Runs the circuit gate by gate: default.qubit without noise, default.mixed with it; element by element where the whole "
                   "is too wide, so its errors are larger than those of the whole circuit above.")
        if not st.button("Run", key="_run", icon=":material/play_arrow:"):
            return
        with st.spinner("Running …"):
            found = circuit_evolution.on_device(work, here.row, in_force, strengths, shots)
        names = work.classes or work.model.outputs
        st.dataframe(pd.DataFrame({"class": names, "score": found.scores, "standard error": found.errors}), hide_index=True,
                     height="content", alt="Scores of one run.")
        st.caption(f"{found.device}, {found.circuits} circuits of at most {found.qubits} qubits, {found.shots:,} shots each, seed 0.")
