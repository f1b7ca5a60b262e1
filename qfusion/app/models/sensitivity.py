"""How a decision depends on the model: on its parameters, one angle, the time or layer of a cursor, and a device's
noise."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share, true_minus
from qfusion.app import guidance, page_context, panels, state, widgets
from qfusion.app.models.tweaks import delta_options
from qfusion.explain import coalitions
from qfusion.models.protocols import TruthTables
from qfusion.study import angles, circuits, operators, text
from qfusion.study.sample import Sample
from qfusion.training import metrics
from qfusion.views import flips, network, sensitivity
from qfusion.views.changes import NOISE, noisy_outcome
from qfusion.views.choices import TERMS
from qfusion.views.pages import dynamics
from qfusion.views.sensitivity import describe_undefined_slopes
from qfusion.views.words import answers, systems


def sensitivity_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Pickers, tornado, table, response."""
    effect, over, group, half = widgets.row(
        sensitivity.EFFECT,
        sensitivity.COHORT,
        sensitivity.GROUP,
        sensitivity.HALF,
        study=context.study,
    )
    measured = sensitivity.effect_sensitivity(sample, effect, over)
    if dynamics.has_effect(sample, effect, over, group):
        panels.show(sample, "tornado", first=1)
        if note := describe_undefined_slopes(measured.sensitivity):
            st.caption(note)
        _agreement(measured, sensitivity.half_slopes(sample, effect, over) if half else None)
    else:
        st.info(
            f"None of these terms changes the {text.escape_markdown(effect)}. Choose others, or another "
            "effect."
        )
    _way(context, sample, list(measured.followable_terms()))
    draw_angle_scores(context, sample)
    _table(sample, measured)


def _agreement(measured: sensitivity.EffectSensitivity, half: np.ndarray | None) -> None:
    _, result, reach = measured
    big, same = operators.large(result, reach), result.agrees()[:, 0]
    bent = np.array([parameter.kind not in operators.LINEAR for parameter in result.parameters])
    if not big.any():
        st.caption(f"No removal changes it by more than 1% of its range ({reach:.3g}).")
    else:
        middle = ""
        if half is not None:
            right = np.sign(half) == np.sign(result.effects[:, 0])
            middle = f" The slope half-way has the sign of the removal for {(big & right).sum()}."
        st.caption(
            f"Slope and removal have the same sign for {(big & same).sum()} of the {big.sum()} terms "
            f"whose removal changes it by more than 1% of its range ({reach:.3g}); of the "
            f"{(big & bent).sum()} nonlinear ones among them, for {(big & bent & same).sum()}.{middle} A "
            "slope describes a small reduction, not the removal. Where they differ, the dependence is "
            "not monotonic."
        )


def _way(context: page_context.PageContext, sample: Sample, titles: list[str]) -> None:
    if not titles:
        return
    key = sensitivity.FOLLOWED.key
    term = state.param_text(key)
    if term and state.get(key) is None:
        state.put(key, term)
        if state.get(key) not in titles:
            st.warning(
                f"In the link, `{key}`: ‘{text.escape_markdown(term, 60)}’ is no term that can be followed here. "
                "The one below "
                "is shown.",
                icon=":material/link_off:",
            )
    widgets.draw(sensitivity.FOLLOWED, options=titles)
    panels.show(sample, "way")


def _table(sample: Sample, measured: sensitivity.EffectSensitivity) -> None:
    study, (_, result, reach) = sample.study, measured
    with widgets.fold(dynamics.TABLE, ":material/table_rows:"):
        table = result.frame(result.targets[0])
        table.insert(7, "above_1_percent", operators.large(result, reach))
        if widgets.draw(dynamics.WITHOUT):
            scored = operators.removal_metrics(study, sample.tweak)
            known = metrics.labels(scored.columns)
            names = [name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns]
            for name in names[:2]:
                table[f"test {known[name].short}"] = scored[name].loc[table["key"]].to_numpy()
            whole = ", ".join(f"{known[name].short} {scored[name].loc['']:.3f}" for name in names)
            st.caption(
                f"Over {len(study.dataset.rows('test')):,} test samples{systems.seed_suffix(study)}; with all "
                f"terms: {whole}. A weight or measurement vector is removed from every output."
            )
        st.dataframe(
            table.iloc[np.argsort(-np.abs(result.effects[:, 0]))].drop(columns=["key"]),
            hide_index=True,
            height=420,
            alt="Slope, removal and agreement of every term.",
        )


def draw_angle_scores(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the picker and the figure; angles that are most worth following come first."""
    names = list(angles.rank_angles(sample.study, sample.row))
    if not names:
        return
    key = flips.ANGLE.key
    wanted = state.param_text(key)
    if wanted and state.get(key) is None:
        state.put(key, wanted)
        if wanted not in names:
            st.warning(
                f"In the link, `{key}`: ‘{text.escape_markdown(wanted, 60)}’ is no angle of this model. The one below "
                "is shown.",
                icon=":material/link_off:",
            )
    titles = {name: f"{name} · {flips.name_angle(sample.study, name)}" for name in names}
    widgets.draw(flips.ANGLE, options=names, format_func=lambda name: titles.get(name, name))
    panels.show(sample, "angle")


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
    _, layer = widgets.row(TERMS, replace(network.LAYER, default=moments[-1]), study=sample.study)
    panels.show(sample, "decision-layers", first=1)
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


def noise_tab(context: page_context.PageContext, sample: Sample) -> None:
    """The whole view."""
    side, main = st.columns([1, 3], gap="medium")
    with side, st.container(border=True, key="box-noise", gap="xsmall"):
        noise = {kind: widgets.draw(control) for kind, control in NOISE.items()}
        st.button(
            "Typical device noise",
            key="_typical",
            on_click=_typical,
            help="1% depolarising, 1% damping, 2% read-out",
        )
    with main:
        _headline(context, sample, noise)
        panels.show(sample, "noisy-scores", "noisy-terms", columns=2, first=2)
        if sample.study.model.part(TruthTables):
            _device(sample, noise)


def _typical() -> None:
    for kind, strength in (("depolarising", 0.01), ("damping", 0.01), ("readout", 0.02)):
        state.put(NOISE[kind].key, strength)


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
            result = circuits.run_on_device(
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
