"""The Sensitivity tab of the Dynamics and Circuit pages: pickers, tornado, one term's response, all terms."""

import numpy as np
import streamlit as st

from qfusion.analysis import physics_sensitivity, text
from qfusion.analysis.sample import Sample
from qfusion.training import metrics
from qfusion.ui import angle_scores, page_context, page_params, panels, state, widgets
from qfusion.views import sensitivity
from qfusion.views.pages import dynamics
from qfusion.views.sensitivity import describe_undefined_slopes
from qfusion.views.words import systems


def sensitivity_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Pickers, tornado, table, response."""
    effect, over, group, half = widgets.row(
        dynamics.EFFECT,
        dynamics.COHORT,
        dynamics.GROUP,
        dynamics.HALF,
        study=context.study,
    )
    measured = sensitivity.effect_sensitivity(sample, effect, over)
    if dynamics.has_effect(sample, effect, over, group):
        panels.show(sample, context.theme, "tornado", first=1)
        if note := describe_undefined_slopes(measured.sensitivity):
            st.caption(note)
        _agreement(measured, sensitivity.half_slopes(sample, effect, over) if half else None)
    else:
        st.info(
            f"None of these terms changes the {text.escape_markdown(effect)}. Choose others, or another "
            "effect."
        )
    _way(context, sample, list(measured.followable_terms()))
    angle_scores.draw_angle_scores(context, sample)
    _table(sample, measured)


def _agreement(measured: sensitivity.EffectSensitivity, half: np.ndarray | None) -> None:
    _, result, reach = measured
    big, same = physics_sensitivity.large(result, reach), result.agrees()[:, 0]
    bent = np.array(
        [parameter.kind not in physics_sensitivity.LINEAR for parameter in result.parameters]
    )
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
    key = dynamics.FOLLOWED.key
    term = page_params.param_text(key)
    if term and state.get(key) is None:
        state.put(key, term)
        if state.get(key) not in titles:
            st.warning(
                f"In the link, `{key}`: ‘{text.escape_markdown(term, 60)}’ is no term that can be followed here. "
                "The one below "
                "is shown.",
                icon=":material/link_off:",
            )
    widgets.draw(dynamics.FOLLOWED, options=titles)
    panels.show(sample, context.theme, "way")


def _table(sample: Sample, measured: sensitivity.EffectSensitivity) -> None:
    study, (_, result, reach) = sample.study, measured
    with widgets.fold(dynamics.TABLE, ":material/table_rows:"):
        table = result.frame(result.targets[0])
        table.insert(7, "above_1_percent", physics_sensitivity.large(result, reach))
        if widgets.draw(dynamics.WITHOUT):
            scored = physics_sensitivity.removal_metrics(study, sample.tweak)
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
