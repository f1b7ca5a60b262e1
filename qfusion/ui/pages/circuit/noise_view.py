"""The noise view of the Circuit page: the decision on a noisy device, and how many shots it takes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import describe, text
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.sample import Sample
from qfusion.panels import network as noise_panels
from qfusion.ui.door import turns
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

KINDS = dict(
    zip(noise_panels.NOISES, ("Depolarising", "Amplitude damping", "Read-out"), strict=True)
)
HELP = {
    "depolarising": "A qubit is replaced by the maximally mixed state with this probability, after each operation on "
    "several qubits",
    "damping": "|1⟩ decays to |0⟩ with this probability, at the same places",
    "readout": "A read bit is lost to a coin toss with this probability",
}
SHOTS = "shots"


def _key(kind: str) -> str:
    return f"noise.{kind}"


def tab(here: Here, sample: Sample) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        strengths = {kind: _strength(kind) for kind in KINDS}
        shots = int(
            st.select_slider(
                "Shots",
                noise_panels.SHOT_CHOICES,
                noise_panels.SHOTS,
                help="How often each circuit is run",
                **state.bound(SHOTS),
            )
        )
        st.button(
            "Typical device noise",
            key="_typical",
            on_click=_typical,
            help="1 % depolarising, 1 % damping, 2 % read-out",
        )
    found = noise_panels.noisy(sample, **strengths, shots=shots)
    exact = circuit_evolution.answer(here.work, here.row, sample.tweak)
    with main:
        _headline(here, found, exact, shots)
        for place, builder in zip(
            st.columns(2), (noise_panels.scores, noise_panels.terms), strict=True
        ):
            with place:
                panels.draw(builder(sample, here.theme, **strengths, shots=shots))
        _device(sample, tuple(strengths.values()), shots)


def _strength(kind: str) -> float:
    return float(
        st.slider(
            KINDS[kind],
            0.0,
            1.0,
            0.0,
            0.01,
            format="%.2f",
            help=HELP[kind],
            **state.bound(_key(kind)),
        )
    )


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(_key(kind), strength)


def _headline(here: Here, found: Any, exact: Any, shots: int) -> None:
    work = here.work
    best = "accuracy" if work.classes else "mae"
    with st.container(key="pair-metrics"):
        cells = st.columns(3)
        c = here.subject().output
        cells[0].metric(
            f"Score{_of(here)}",
            f"{found.scores[c]:.3f} ± {found.errors[c]:.3f}",
            f"{found.scores[c] - exact.scores[c]:+.3f}",
            delta_color="off",
            help="Under noise, with its standard error at this number of shots; the change is from the "
            "exact circuit",
            border=True,
            height="stretch",
        )
        cells[1].metric(
            f"Test {'accuracy' if work.classes else 'MAE'}{describe.of_seed(work)}",
            f"{found.metrics[best]:.3f}",
            f"{found.metrics[best] - exact.metrics[best]:+.3f}",
            delta_color="normal" if work.classes else "inverse",
            help="All test samples under this noise, without shots",
            border=True,
            height="stretch",
        )
        cells[2].metric(
            "Shots", f"{shots:,}", help="Runs of each circuit", border=True, height="stretch"
        )


def _of(here: Here) -> str:
    return (
        f" of ‘{text.plain(here.work.classes[here.subject().output], 14)}’"
        if here.work.classes
        else ""
    )


def _device(sample: Sample, strengths: tuple[float, ...], shots: int) -> None:
    """One real run of the circuit on a PennyLane simulator."""
    work = sample.work
    with st.expander("Run it on a PennyLane device", icon=":material/memory:"):
        st.caption(
            "Runs the circuit gate by gate: default.qubit without noise, default.mixed with it; element by element "
            "where the whole is too wide, so its errors are larger than those of the whole circuit above."
        )
        if not st.button("Run", key="_run", icon=":material/play_arrow:"):
            return
        with turns.waiting("Running …"):
            found = circuit_evolution.on_device(work, sample.row, sample.tweak, strengths, shots)
        names = work.classes or work.model.outputs
        st.dataframe(
            pd.DataFrame({"class": names, "score": found.scores, "standard error": found.errors}),
            hide_index=True,
            height="content",
            alt="Scores of one run.",
        )
        st.caption(
            f"{found.device}, {found.circuits} circuits of at most {found.qubits} qubits, {found.shots:,} shots each, "
            "seed 0."
        )
