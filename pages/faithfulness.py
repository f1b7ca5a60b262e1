"""Faithfulness: how far the explanations of this model can be trusted, and when not."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from qfusion import _progress, _sentences, plugin
from qfusion.app import (
    figure,
    frame,
    guidance,
    page_runs,
    panels,
    requests,
    tables,
    tasks,
    widgets,
)
from qfusion.app.page_context import PageContext
from qfusion.explain import stability
from qfusion.figures import style
from qfusion.study import jobs, seeds, text, trust
from qfusion.study.study import Study
from qfusion.views import faithfulness
from qfusion.views.faithfulness import estimators
from qfusion.views.pages import faithfulness as builders
from qfusion.views.pages.choices import EVERYONE, TERMS
from qfusion.views.pages.panel import draw_view, drawn
from qfusion.views.words import decisions
from qfusion.views.words.reliability import TrustWarning, describe_finding

WAITING_CARDS = {"trust-warnings": 110, "deletion": page_runs.HEIGHT}  # pixels
ICONS = {
    "warning": ":material/warning:",
    "fine": ":material/check:",
    "unknown": ":material/pending:",
}


def page() -> None:
    """Draw the page."""
    evidence(frame.begin_model_page("Faithfulness"))


@page_runs.fragment
def evidence(context: PageContext) -> None:
    """Draw the warnings that matter, then the open view. It is a fragment, so that changing the view redraws nothing
    else.
    """
    with st.container(key="fold-faithfulness"):
        with page_runs.placeholders(WAITING_CARDS, [nullcontext()] * 2) as waiting:
            default = trust.with_training_background(context.study)
            seeds, missing = faithfulness.seed_measurements(default)
            trust.reliability_findings(default, cached_only=True)
            waiting.remove_all()
            trust_warnings(default, seeds)
        missing_comparison = st.container(key="comparing-backgrounds")
        draw = {
            "Deletion": lambda: deletion_tab(context),
            "Truth": lambda: truth_tab(context, default, seeds),
            "Other methods": lambda: estimators_tab(context),
            "Training seeds": lambda: seeds_tab(context, default, seeds, missing),
        }
        for name, draw_tab in plugin.tabs("faithfulness", context.study).items():
            draw[name] = partial(draw_tab, context, context.tweaked_sample())
        panels.tabs(builders.PROOF, draw, **context.scopes())
        if trust.is_comparison_missing(default):
            with missing_comparison:
                trust.agreement(default)
            st.rerun()  # with the finding in its place


def trust_warnings(study: Study, seeds: stability.Stability | None) -> None:
    """Draw warnings about when not to trust the explanations of this model: those that are known at once, until the
    backgrounds are compared.
    """
    findings = trust.reliability_findings(study, cached_only=True)
    words = [describe_finding(finding) for finding in findings]
    if seeds is None and study.reads_features:
        words.append(
            TrustWarning(
                "The stability of explanations over training seeds is not measured for this model.",
                "unknown",
                "Other training seeds are not measured",
            )
        )

    def draw_findings() -> None:
        if guidance.shows_full_text():
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
                    guidance.chips(f"caution-{place}", one.facts)

    figure.draw(
        draw_view(study, view=faithfulness.cautions, cached_only=True),
        below=draw_findings,
        grows=False,
        gap="xsmall",
    )


def deletion_tab(context: PageContext) -> None:
    """Modalities, then the features inside one."""
    study = context.study
    measure = widgets.draw(faithfulness.MEASURE) if study.classes else faithfulness.LOG_ODDS
    panels.show(
        study,
        *(f"{kind}-modalities" for kind in faithfulness.DIRECTIONS),
        columns=2,
        first=2,
        gap="medium",
    )
    if not study.reads_features:
        return
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = {
            "modality": widgets.draw(builders.FEATURES_OF, study),
            "ranking": widgets.draw(faithfulness.RANKING),
            "measure": measure,
        }
        rows, some = study.dataset.rows(trust.SPLIT), len(trust.asked_inside(study))
        if some < len(rows):
            widgets.draw(EVERYONE)
    draw_features = drawn(faithfulness.feature_curves)
    every = tasks.use_all_samples(
        "features",
        study,
        rows,
        some,
        lambda: draw_features(study, all_samples=True, **chosen),
        *chosen.values(),
    )
    for place, kind in zip(st.columns(2, gap="medium"), faithfulness.DIRECTIONS, strict=True):
        with place:
            figure.draw(draw_features(study, all_samples=every, kind=kind, **chosen))


def estimators_tab(context: PageContext) -> None:
    """Draw a switch, the cost of the methods, and once they are run their results."""
    study = context.study
    if not study.reads_features:
        st.info(
            "Other methods run a model on mixtures of samples, and a measured game has none to run. Its contributions "
            "follow from all of its coalitions.",
            icon=":material/info:",
        )
        return
    words = (
        "Other methods estimate Shapley values by running the model on many mixtures of this sample "
        "with background samples. The table compares their values and costs with the exact values. "
        "Each run of one coalition combines this sample's modalities with those of "
        f"{decisions.background_markdown(study.background)}."
    )
    if not trust.playable(study):
        guidance.aside(words)
        st.info(
            "Other methods need background samples. Choose “training set” or “one other sample” at the "
            "top.",
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
        guidance.chips(
            "others-cost",
            (
                "some seconds",
                f"{coalitions:,} coalitions",
                f"{rows:,} background samples",
                f"brute force: {coalitions * rows:,} runs of the model",
            ),
        )
    if on:
        picture = drawn(estimators)(context.tweaked_sample())
        figure.draw(picture, below=lambda: _table(context, picture.numbers), grows=False)


def _table(context: PageContext, table: pd.DataFrame) -> None:
    help = f"Shapley value ({text.escape_markdown(context.tweaked_sample().unit)})"
    shapley = {
        f"shapley[{name}]": st.column_config.NumberColumn(
            text.escape_markdown(name), format="%+.4f", help=help
        )
        for name in context.study.modalities
    }
    tables.draw(
        table,
        "Shapley values by method, with error and time.",
        column_config=shapley
        | {
            "largest_error": st.column_config.NumberColumn("largest error", format="%.1e"),
            "coalitions_run": st.column_config.NumberColumn(
                "coalitions run",
                help="Each coalition needs one run of the model per background sample.",
            ),
            "seconds": st.column_config.NumberColumn("seconds", format="%.4f"),
        },
    )


def truth_tab(context: PageContext, study: Study, seeds: stability.Stability | None) -> None:
    """Exact against planted contributions."""
    against_truth = trust.compare_with_truth(study)
    if against_truth is None:
        st.info(
            f"{text.escape_markdown(study.dataset.title)} has no planted truth, so the true contributions "
            "of its modalities are unknown. The data sets `planted` and `scenes` were made with known "
            "contributions.",
            icon=":material/info:",
        )
        return
    panels.show(context.tweaked_sample(), "truth", first=1)
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
    tables.draw(
        table.dropna(),  # a constant term has no correlation
        "Correlation of exact with true contributions, term by term.",
        column_config=tables.number_columns(("correlation", "rank correlation"), "%.3f"),
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


def seeds_tab(
    context: PageContext, study: Study, seeds: stability.Stability | None, missing: str
) -> None:
    """Rank correlation between seeds, and the current sample by every seed. Seeds that are not trained yet are trained
    here.
    """
    if seeds is None and not study.reads_features:
        st.info(
            "A measured game was not trained here: it has no training seeds.",
            icon=":material/info:",
        )
        return
    if seeds is None:
        st.info(missing, icon=":material/info:")
    else:
        draw_seeds(context, study, seeds)
    with st.container(key="training-seeds"), page_runs.show_errors():
        draw_training(study.base_study, 1 if seeds is None else len(seeds.seeds))


def draw_seeds(context: PageContext, study: Study, seeds: stability.Stability) -> None:
    """Draw what the measured seeds agree on."""
    terms = widgets.draw(TERMS)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show(study, "seed-ranks", first=1)
    with right:
        panels.show(context.tweaked_sample(), "seed-sample", first=1)
        if trust.seed_values(study, seeds, context.row, terms) is None:
            st.info(
                f"Sample {text.escape_markdown(context.sample)} is not a test sample. Seeds are compared on "
                "test samples only, so choose one of these.",
                icon=":material/info:",
            )
    st.caption(
        f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test "
        "samples."
    )


def draw_training(study: Study, known: int) -> None:
    """Draw the button that trains other seeds of a model of the reader's own, the progress of this training, or why
    there are none to train; nothing where all are trained.
    """
    job = jobs.find_job(seeds.seeds_key(study))
    if tasks.is_training(
        job,
        "Seeds: {job.done:,} of {job.total:,} epochs",
        "Trained seeds are kept, also if you cancel.",
        "seeds",
    ):
        return
    left = seeds.SEEDS - known
    if left < 1:
        return
    if obstacle := seeds.find_obstacle(study):
        st.caption(text.message(obstacle))
        return
    if requests.says_read_only("train other seeds"):
        return
    seconds = seeds.seconds_for_a_seed(study.name)
    takes = "" if seconds is None else f" (about {_progress.duration(left * seconds)})"
    st.button(
        f"Train {_sentences.count(left, 'more seed')}{takes}",
        icon=":material/model_training:",
        help="Trains the model again with its settings, options and data, one seed after another, in a separate "
        "process, and compares the contributions. Runs that differ from this one in the seed alone are taken as they "
        "are. The time is that of this model's own training.",
        key="_seeds_train",
        on_click=page_runs.run_or_notice,
        args=(seeds.begin_seeds, study),
    )


page_runs.run_page(__file__, __name__)
