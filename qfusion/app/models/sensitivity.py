"""How a decision depends on the model: on its parameters, one angle, the time or layer of a cursor, and a device's
noise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import listed, share, sizes, top
from qfusion.app import guidance, panels, state, tables, widgets
from qfusion.app.models import tweaks
from qfusion.app.page_context import PageContext
from qfusion.explain import coalitions
from qfusion.models.protocols import TruthTables
from qfusion.study import angles, circuits, physics_terms, text
from qfusion.study.sample import Sample
from qfusion.views import flips, network, sensitivity
from qfusion.views.changes import NOISE, noisy_outcome
from qfusion.views.pages import dynamics
from qfusion.views.pages.choices import TERMS
from qfusion.views.pages.params import SelectParam
from qfusion.views.sensitivity import describe_undefined_slopes
from qfusion.views.words import systems
from qfusion.views.words.rules import name_metric

# The largest term at the cursor.
NO_TERM = "no term above 0.005 in size"
UNREAD_TERM = "the largest term is within its spread over training seeds"
LARGEST_TERM = "largest term {names}"
LARGEST_TERMS = "largest terms, equal in size, {names}"


def sensitivity_tab(context: PageContext, sample: Sample) -> None:
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
    if terms := list(measured.followable_terms()):
        _draw_wanted(sensitivity.FOLLOWED, terms, "term that can be followed here")
        panels.show(sample, "way")
    draw_angle_scores(sample)
    _table(sample, measured)


def _agreement(measured: sensitivity.EffectSensitivity, half: np.ndarray | None) -> None:
    _, result, reach = measured
    big, same = physics_terms.large(result, reach), result.agrees()[:, 0]
    bent = np.array([parameter.kind not in physics_terms.LINEAR for parameter in result.parameters])
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


def _draw_wanted(control: SelectParam, options: Sequence[str], what: str, **changes: Any) -> None:
    """Draw a choice among `options`. Say so where a link names something that is no `what`."""
    wanted = state.param_text(control.key)
    if wanted and state.get(control.key) is None:
        state.put(control.key, wanted)
        if wanted not in options:
            st.warning(
                f"In the link, `{control.key}`: ‘{text.escape_markdown(wanted, 60)}’ is no {what}. The one below is "
                "shown.",
                icon=":material/link_off:",
            )
    widgets.draw(control, options=options, **changes)


def _table(sample: Sample, measured: sensitivity.EffectSensitivity) -> None:
    study, (_, result, reach) = sample.study, measured
    with widgets.fold(dynamics.TABLE, ":material/table_rows:"):
        table = result.frame(result.targets[0])
        table.insert(7, "above_1_percent", physics_terms.large(result, reach))
        if widgets.draw(dynamics.WITHOUT):
            scored = physics_terms.removal_metrics(study, sample.tweak)
            names = [name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns]
            for name in names[:2]:
                table[f"test {name_metric(name)}"] = scored[name].loc[table["key"]].to_numpy()
            whole = ", ".join(f"{name_metric(name)} {scored[name].loc['']:.3f}" for name in names)
            st.caption(
                f"Over {len(study.dataset.rows('test')):,} test samples{systems.seed_suffix(study)}; with all "
                f"terms: {whole}. A weight or measurement vector is removed from every output."
            )
        order = np.argsort(-np.abs(result.effects[:, 0]))
        tables.draw(
            table.iloc[order].drop(columns=["key"]),
            "Slope, removal and agreement of every term.",
            height=420,
        )


def draw_angle_scores(sample: Sample) -> None:
    """Draw the picker and the figure; angles that are most worth following come first."""
    names = list(angles.rank_angles(sample.study, sample.row))
    if not names:
        return
    titles = {name: f"{name} · {flips.name_angle(sample.study, name)}" for name in names}
    _draw_wanted(
        flips.ANGLE,
        names,
        "angle of this model",
        format_func=lambda name: titles.get(name, name),
    )
    panels.show(sample, "angle")


def draw_cursor_values(
    sample: Sample, moving: np.ndarray, moving_name: str, unit: str, place: int, where: str
) -> None:
    """Draw the numbers at the cursor in one line.

    Args:
        sample: whose contributions over the places. Terms within their spread over training seeds are not named.
        moving: another quantity over the places, (P,). moving_name, unit: of it.
        place: number of the one at the cursor. where: what it is called, as markdown.
    """
    joint = coalitions.joint_share(sample.path_dividends)
    at_start, at_end = share(joint[0]), share(joint[-1])
    now = share(joint[place])
    largest = describe_largest_terms(sample.path_dividends, place, sample.verdict.within_spread)
    with st.container(key="cursor-values"):
        guidance.line(
            f"At {where}: joint share {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
            f"At {where}: the joint share is {now} ({at_start} at the start, {at_end} at the end); "
            f"{largest}; {moving_name} "
            f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
        )


def draw_layer_lines(sample: Sample) -> None:
    """Draw the correlations of the qubits and the terms of the decision of an entangled-fusion network at every
    place between its layers: the read-out if the circuit stopped there.
    """
    moments = sample.path_explanation.moments
    _, layer = widgets.row(TERMS, replace(network.LAYER, default=moments[-1]), study=sample.study)
    panels.show(sample, "decision-layers", first=1)
    mutual = network.layer_correlations(sample)[network.MUTUAL]
    place = moments.index(layer)
    draw_cursor_values(sample, mutual, network.MUTUAL, "nats", place, f"“{layer}”")


def noise_tab(context: PageContext, sample: Sample) -> None:
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


def _headline(context: PageContext, sample: Sample, noise: dict[str, Any]) -> None:
    study, c = context.study, sample.output
    result = noisy_outcome(sample, **noise)
    best = "accuracy" if study.classes else "mae"
    of = f" of ‘{text.escape_markdown(study.classes[c], 14)}’ (nats)" if study.classes else ""
    score = tweaks.Changed(
        f"{study.quantity.capitalize()}{of}",
        sample.scores[c],
        result.scores[c],
        "Value under noise, with its standard error at this number of shots, and its change from the exact circuit",
        written=lambda value: f"{value:.3f} ± {result.errors[c]:.3f}",
    )
    test = tweaks.Changed(
        f"Test {name_metric(best)}{systems.seed_suffix(study)}",
        sample.metrics[best],
        result.metrics[best],
        "All test samples under this noise, without shot noise",
        "normal" if study.classes else "inverse",
    )
    with st.container(key="pair-metrics"):
        *changed, shots = st.columns(3)
        tweaks.metrics_changed([score, test], changed, "0.000")
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
        columns = {
            "class": study.classes or study.model.outputs,
            study.quantity: result.scores,
            "standard error": result.errors,
        }
        tables.draw(pd.DataFrame(columns), f"{study.quantity.capitalize()} of one run.")
        st.caption(
            f"{result.device}, {result.circuits} circuits of at most {result.qubits} qubits, "
            f"{result.shots:,} shots each, "
            "seed 0."
        )


def describe_largest_terms(
    dividends: Mapping[str, np.ndarray], place: int, unread: Collection[str] = ()
) -> str:
    """Return which terms are the largest at a place, with their values, unless one is `unread`: within its spread over
    training seeds."""
    now = {term: float(values[place]) for term, values in dividends.items() if term}
    first = top(sizes(now))
    if round(abs(now[first[0]]), 2) == 0:
        return NO_TERM
    if any(term in unread for term in first):
        return UNREAD_TERM
    template = LARGEST_TERM if len(first) == 1 else LARGEST_TERMS
    return template.format(
        names=listed([f"{text.term(term)} ({now[term]:+.2f})" for term in first])
    )
