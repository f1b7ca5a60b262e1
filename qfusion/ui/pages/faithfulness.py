"""Faithfulness: how far the explanations of this model can be trusted, and when not."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._sentences import share
from qfusion.analysis import label_comparison, method_comparison, text, trust
from qfusion.analysis.study import Study
from qfusion.explain import faithfulness, stability
from qfusion.figures import style
from qfusion.panels import (
    deletion_curves,
    faithfulness as builders,
    label_agreement,
    panel,
    seed_stability,
    shapley_methods,
)
from qfusion.ui import (
    all_samples,
    fact_chips,
    frame,
    guidance,
    page_context,
    page_runs,
    panel_frame,
    panels,
    widgets,
)
from qfusion.wording import backgrounds
from qfusion.wording.reliability import TrustWarning, describe_finding
from qfusion.wording.unimodal_labels import explain_missing_labels


def estimators_tab(context: page_context.PageContext) -> None:
    """Draw a switch, the methods to be run, and their results."""
    study = context.study
    words = (
        "Others sample Shapley values: they run the model on many mixtures of this sample with background samples. "
        "Here is what that gives, and takes, beside the exact values. Each run of one coalition puts this sample's "
        f"modalities together with those of {backgrounds.background_markdown(study.background)}."
    )
    if not method_comparison.playable(study):
        guidance.aside(words)
        st.info(
            "Other methods need background samples. Pick “training set” or “one other sample” on top.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="others-run"):
        on = widgets.draw(builders.RUN)
        guidance.aside(words)
        coalitions = 2 ** len(study.modalities)
        rows = (
            1 if study.background.kind == "contrast" else trust.count_training_rows(study)
        )  # for each
        fact_chips.chips(
            "others-cost",
            (
                "some seconds",
                f"{coalitions:,} coalitions",
                f"{rows:,} background samples",
                f"brute force: {coalitions * rows:,} runs of the model",
            ),
        )
    if not on:
        _coming(coalitions, rows)
    else:
        picture = shapley_methods.other_methods(context.tweaked_sample(), context.theme)
        panel_frame.draw(picture, below=lambda: _table(context, picture.table()), grows=False)


def _coming(coalitions: int, rows: int) -> None:
    """Draw the methods and the cost of each, before they are run: the number of coalitions, each with a number of
    samples.
    """
    costs = {
        faithfulness.EXACT: "one pass, no coalition is run",
        faithfulness.BRUTE: f"{coalitions:,} coalitions x {rows:,} background samples = {coalitions * rows:,} runs",
        faithfulness.SAMPLING: f"sampled orders of the modalities x {rows:,} background samples",
        faithfulness.KERNEL: f"sampled coalitions x {rows:,} background samples",
    }
    marks = ":gray-badge[not run]"
    with st.container(border=True, key="coming-estimators", gap="xsmall"):
        st.markdown("#### Shapley values, error and time by four methods")
        st.markdown(
            "\n".join(
                [
                    "| Method | What it takes | Values | Largest error | Seconds |",
                    "|---|---|---|---|---|",
                    *(
                        f"| {name} | {cost} | {marks} | {marks} | {marks} |"
                        for name, cost in costs.items()
                    ),
                ]
            )
        )


def _table(context: page_context.PageContext, table: pd.DataFrame) -> None:
    help = f"Shapley value ({text.escape_markdown(context.tweaked_sample().unit)})"
    shapley = {
        f"shapley[{name}]": st.column_config.NumberColumn(
            text.escape_markdown(name), format="%+.4f", help=help
        )
        for name in context.study.modalities
    }
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Shapley values by method, with error and time.",
        column_config=shapley
        | {
            "largest_error": st.column_config.NumberColumn("largest error", format="%.1e"),
            "coalitions_run": st.column_config.NumberColumn(
                "coalitions run",
                help="Each is as many runs of the model as there are background samples.",
            ),
            "seconds": st.column_config.NumberColumn("seconds", format="%.4f"),
        },
    )


def people_tab(context: page_context.PageContext, study: Study) -> None:
    """Draw own terms beside labels, verdicts beside conflicts, and a second model if there is one."""
    if why := explain_missing_labels(
        label_comparison.find_missing_labels(study), text.escape_markdown(study.dataset.title)
    ):
        st.info(why, icon=":material/info:")
        return
    if label_comparison.rivals(study):
        widgets.draw(builders.OTHER, study, label="Beside another model")
    panels.show(study, context.theme, "people-alone", first=1)
    panels.show(
        study,
        context.theme,
        "people-conflict",
        "people-calibration",
        columns=[1, 1.25],
        gap="medium",
    )
    table = label_agreement.agreement_table(study)
    shown = pd.DataFrame(
        {"modality": table["modality"], "labelled test samples": table["n"]}
        | {
            title: [
                with_interval(*row, percent=name == "sign")
                for row in table[[name, f"{name}:low", f"{name}:high"]].to_numpy(float)
            ]
            for name, title in (
                ("rank", "rank correlation [95 %]"),
                ("sign", "same sign [95 %]"),
                ("slope", "slope of the label [95 %]"),
            )
        }
        | {
            f"{title}, labels shuffled": [
                _one(low, name == "sign") + " to " + _one(high, name == "sign")
                if np.isfinite(low)
                else "–"
                for low, high in table[[f"{name}:shuffled_low", f"{name}:shuffled_high"]].to_numpy(
                    float
                )
            ]
            for name, title in (("rank", "rank correlation"), ("sign", "same sign"))
        }
    )
    st.dataframe(
        shown, hide_index=True, height="content", alt="Own terms beside labels, by modality."
    )


def with_interval(value: float, low: float, high: float, *, percent: bool = False) -> str:
    """A number with its interval, where these exist."""
    if not np.isfinite(value):
        return "–"
    return _one(value, percent) + (
        f" [{_one(low, percent)}, {_one(high, percent)}]" if np.isfinite([low, high]).all() else ""
    )


def _one(value: float, percent: bool) -> str:
    return share(value) if percent else f"{value:+z.2f}"


def seeds_tab(
    context: page_context.PageContext, study: Study, seeds: stability.Stability | None, missing: str
) -> None:
    """Rank correlation between seeds, and the current sample by every seed."""
    if seeds is None:
        st.info(f"Not measured for this model. {missing}", icon=":material/info:")
        return
    terms = widgets.draw(panel.TERMS)

    def of_sample() -> panel.PanelFigure | None:
        if trust.seed_values(study, seeds, context.row, terms) is not None:
            return seed_stability.seed_sample(context.tweaked_sample(), context.theme, terms=terms)
        st.info(
            f"Sample {text.escape_markdown(context.sample)} is not a test sample: seeds are compared on these. Pick a "
            "test "
            "sample.",
            icon=":material/info:",
        )
        return None

    panel_frame.draw_side_by_side(
        lambda: seed_stability.seed_ranks(study, context.theme, terms=terms), of_sample
    )
    st.caption(
        f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test "
        "samples."
    )


ICONS = {
    "warning": ":material/warning:",
    "fine": ":material/check:",
    "unknown": ":material/pending:",
}


@page_runs.fragment
def evidence(context: page_context.PageContext) -> None:
    """Draw the warnings that matter, then the open view. It is a fragment, so that changing the view redraws nothing
    else.
    """
    with st.container(key="fold-faithfulness"):
        default = trust.with_training_background(context.study)
        seeds, missing = seed_stability.seed_measurements(default)
        trust_warnings(default, seeds)
        draw = {
            "Deletion": lambda: deletion_tab(context),
            "Truth": lambda: truth_tab(context, default, seeds),
            "Other methods": lambda: estimators_tab(context),
            "Training seeds": lambda: seeds_tab(context, default, seeds, missing),
            builders.PEOPLE: lambda: people_tab(context, default),
        }
        panels.tabs(builders.PROOF, draw, theme=context.theme, **context.scopes())


def trust_warnings(study: Study, seeds: stability.Stability | None) -> None:
    """Draw warnings about when not to trust the explanations of this model."""
    words = [describe_finding(finding) for finding in trust.reliability_findings(study)]
    if seeds is None:
        words.append(
            TrustWarning(
                "Whether another training seed gives the same explanations is not measured for this model.",
                "unknown",
                "Other training seeds are not measured",
            )
        )

    def below() -> None:
        if guidance.full():
            st.markdown(
                "  \n".join(
                    f"{ICONS[one.kind]} {text.escape_markdown(one.sentence, 600)}" for one in words
                )
            )
        else:
            for place, one in enumerate(words):
                with st.container(
                    horizontal=True,
                    vertical_alignment="center",
                    gap="small",
                    key=f"caution-{place}",
                ):
                    st.markdown(
                        f"{ICONS[one.kind]} {text.escape_markdown(one.brief or one.sentence, 300)}",
                        width="content",
                        help=text.escape_markdown(one.sentence, 600),
                    )
                    fact_chips.chips(f"caution-{place}", one.facts)

    panel_frame.draw(builders.trust_warnings(study), below=below, grows=False, gap="xsmall")


def deletion_tab(context: page_context.PageContext) -> None:
    """Modalities, then the features inside one."""
    study = context.study
    measure = widgets.draw(builders.MEASURE) if study.classes else deletion_curves.LOG_ODDS
    directions = (deletion_curves.DELETION, deletion_curves.INSERTION)
    panels.show(
        study,
        context.theme,
        *(f"{kind}-modalities" for kind in directions),
        columns=2,
        first=2,
        gap="medium",
    )
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {
            "modality": widgets.draw(builders.FEATURES_OF, study),
            "ranking": widgets.draw(builders.RANKING),
            "measure": measure,
        }
        rows, some = study.dataset.rows(trust.SPLIT), len(trust.asked_inside(study))
        if some < len(rows):
            widgets.draw(panel.EVERYONE)
    every = all_samples.everyone(
        "features",
        study,
        rows,
        some,
        lambda: deletion_curves.feature_curves(study, everyone=True, **chosen),
        *chosen.values(),
    )
    panel_frame.draw_side_by_side(
        *(
            partial(
                deletion_curves.feature_curves,
                study,
                context.theme,
                everyone=every,
                kind=kind,
                **chosen,
            )
            for kind in directions
        )
    )


def truth_tab(
    context: page_context.PageContext, study: Study, seeds: stability.Stability | None
) -> None:
    """Exact against planted contributions."""
    against_truth = trust.compare_with_truth(study)
    if against_truth is None:
        st.info(
            f"{text.escape_markdown(study.dataset.title)} has no planted truth: nobody knows what its modalities "
            "really "
            "contributed. The data sets `planted` and `scenes` do, made for this question.",
            icon=":material/info:",
        )
        return
    panels.show(context.tweaked_sample(), context.theme, "truth", first=1)
    table = (
        against_truth.frame()
        .assign(term=[" + ".join(style.split_term(term)) for term in against_truth.terms])
        .rename(columns={"pearson": "correlation", "rank": "rank correlation"})
    )
    if seeds is not None and not study.classes:  # of classes seeds tell the true one's
        over = trust.truth_over_seeds(study, seeds)
        table[f"rank correlation, {len(seeds.seeds)} seeds"] = [
            f"{over[term][0]:.3f} ± {over[term][1]:.3f}" for term in against_truth.terms
        ]
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Correlation of exact with true contributions, term by term.",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("correlation", "rank correlation")
        },
    )
    _sarcasm(study, seeds)


def _sarcasm(study: Study, seeds: stability.Stability | None) -> None:
    runs = trust.sarcasm(study, seeds)
    if runs:
        share, count = runs[0]
        words = (
            f"**Sarcasm** was planted as praise in a cold voice: of {count} sarcastic test samples {share:.1%} show "
            "a negative text + audio contribution"
        )
        if len(runs) > 1:
            values = [value for value, _ in runs[1:]]
            words += f"; over {len(values)} training seeds {np.mean(values):.1%} ± {np.std(values, ddof=1):.1%}"
        st.markdown(words + ".")


def page() -> None:
    """Draw the page."""
    evidence(frame.begin_model_page("Faithfulness"))


page_runs.run_page(__file__, __name__)
