"""The tab of noise: the decision on a noisy device, and the number of shots that it takes."""

from typing import Any

import pandas as pd
import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import sample_circuits, text
from qfusion.analysis.sample import Sample
from qfusion.models.protocols import TruthTables
from qfusion.ui import page_context, panels, state, widgets
from qfusion.ui.changed_numbers import delta_options
from qfusion.views.changes import noisy_outcome
from qfusion.views.pages import circuit
from qfusion.views.words import systems


def noise_tab(context: page_context.PageContext, sample: Sample) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        noise = {kind: widgets.draw(control) for kind, control in circuit.NOISE.items()}
        st.button(
            "Typical device noise",
            key="_typical",
            on_click=_typical,
            help="1% depolarising, 1% damping, 2% read-out",
        )
    with main:
        _headline(context, sample, noise)
        panels.show(sample, context.theme, "noisy-scores", "noisy-terms", columns=2, first=2)
        if sample.study.model.part(TruthTables):
            _device(sample, noise)


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(circuit.NOISE[kind].key, strength)


def _headline(context: page_context.PageContext, sample: Sample, noise: dict[str, Any]) -> None:
    study, c = context.study, sample.output
    result = noisy_outcome(sample, **noise)
    best = "accuracy" if study.classes else "mae"
    of = f" of ‘{text.escape_markdown(study.classes[c], 14)}’ (nats)" if study.classes else ""
    with st.container(key="pair-metrics"):
        score, test, shots = st.columns(3)
        score.metric(
            f"{study.quantity.capitalize()}{of}",
            true_minus(f"{result.scores[c]:.3f} ± {result.errors[c]:.3f}"),
            help="Value under noise, with its standard error at this number of shots, and its change from the "
            "exact circuit",
            border=True,
            height="stretch",
            **delta_options(result.scores[c] - sample.scores[c]),
        )
        test.metric(
            f"Test {'accuracy' if study.classes else 'MAE'}{systems.seed_suffix(study)}",
            f"{result.metrics[best]:.3f}",
            help="All test samples under this noise, without shot noise",
            border=True,
            height="stretch",
            **delta_options(
                result.metrics[best] - sample.metrics[best],
                "normal" if study.classes else "inverse",
            ),
        )
        shots.metric(
            "Shots",
            f"{noise['shots']:,}",
            help="Repetitions of each circuit",
            border=True,
            height="stretch",
        )


def _device(sample: Sample, noise: dict[str, Any]) -> None:
    """Draw one real run of the circuit on a PennyLane simulator."""
    study = sample.study
    *strengths, shots = noise.values()
    with st.expander("Run it on a PennyLane device", icon=":material/memory:"):
        st.caption(
            "Runs the circuit gate by gate, on default.qubit without noise and default.mixed with it. A "
            "circuit that is too wide is run element by element, so its errors are larger than those of "
            "the whole circuit above."
        )
        if not st.button("Run", key="_run", icon=":material/play_arrow:"):
            return
        with st.spinner("Running …"):
            result = sample_circuits.run_on_device(
                study, sample.row, sample.tweak, tuple(strengths), shots
            )
        st.dataframe(
            pd.DataFrame(
                {
                    "class": study.classes or study.model.outputs,
                    study.quantity: result.scores,
                    "standard error": result.errors,
                }
            ),
            hide_index=True,
            height="content",
            alt=f"{study.quantity.capitalize()} of one run.",
        )
        st.caption(
            f"{result.device}, {result.circuits} circuits of at most {result.qubits} qubits, "
            f"{result.shots:,} shots each, "
            "seed 0."
        )
