"""Agreement of the explanations between training seeds, and the training of other seeds of the reader's own model."""

import streamlit as st

from qfusion import _sentences
from qfusion.analysis import jobs, seed_spread, text, trust
from qfusion.analysis.study import Study
from qfusion.explain import stability
from qfusion.ui import figure, job_progress, page_context, page_runs, permissions, widgets
from qfusion.views import faithfulness
from qfusion.views.pages import panel
from qfusion.views.pages.panel import draw_view


def seeds_tab(
    context: page_context.PageContext, study: Study, seeds: stability.Stability | None, missing: str
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
    with st.container(key="training-seeds"), page_runs.guard():
        draw_training(study.base_study, 1 if seeds is None else len(seeds.seeds))


def draw_seeds(context: page_context.PageContext, study: Study, seeds: stability.Stability) -> None:
    """Draw what the measured seeds agree on."""
    terms = widgets.draw(panel.TERMS)

    def draw_sample() -> panel.PanelFigure | None:
        if trust.seed_values(study, seeds, context.row, terms) is not None:
            return draw_view(
                context.tweaked_sample(), context.theme, view=faithfulness.seed_sample, terms=terms
            )
        st.info(
            f"Sample {text.escape_markdown(context.sample)} is not a test sample. Seeds are compared on "
            "test samples only, so choose one of these.",
            icon=":material/info:",
        )
        return None

    figure.draw_side_by_side(
        lambda: draw_view(study, context.theme, view=faithfulness.seed_ranks, terms=terms),
        draw_sample,
    )
    st.caption(
        f"Two seeds name the same modality as the most important one in {seeds.leader_agreement():.0%} of the test "
        "samples."
    )


def draw_training(study: Study, known: int) -> None:
    """Draw the button that trains other seeds of a model of the reader's own, the progress of this training, or why
    there are none to train; nothing where all are trained.
    """
    job = jobs.find_job(seed_spread.seeds_key(study))
    if job_progress.is_training(
        job,
        "Seeds: {job.done:,} of {job.total:,} epochs",
        "Trained seeds are kept, also if you cancel.",
        "seeds",
    ):
        return
    left = seed_spread.SEEDS - known
    if left < 1:
        return
    if obstacle := seed_spread.find_obstacle(study):
        st.caption(text.message(obstacle))
        return
    if permissions.says_read_only("train other seeds"):
        return
    seconds = seed_spread.seconds_for_a_seed(study.name)
    takes = "" if seconds is None else f" (about {_sentences.duration(left * seconds)})"
    st.button(
        f"Train {_sentences.count(left, 'more seed')}{takes}",
        icon=":material/model_training:",
        help="Trains the model again with its settings, options and data, one seed after another, in a separate "
        "process, and compares the contributions. Runs that differ from this one in the seed alone are taken as they "
        "are. The time is that of this model's own training.",
        key="_seeds_train",
        on_click=page_runs.run_or_notice,
        args=(seed_spread.begin_seeds, study),
    )
