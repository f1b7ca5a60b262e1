"""Why fuse: whether data and model need fusion, whether the quantum part matters, and which component does it."""

from functools import partial
from typing import Any

import streamlit as st

from qfusion import model_export
from qfusion._sentences import count
from qfusion.analysis import (
    audit,
    cohort_levels,
    fusion_tests,
    jobs,
    patching,
    text,
    trust,
    twin_training,
)
from qfusion.analysis.study import Study
from qfusion.figures.style import Theme
from qfusion.models.abilities import can
from qfusion.panels import (
    cohorts,
    data_fusion,
    model_fusion,
    model_pieces,
    pickers,
    seed_stability,
    why as builders,
)
from qfusion.runs import plans
from qfusion.training import checkpoint
from qfusion.ui import (
    access,
    frame,
    job_progress,
    lazy_panels,
    page_context,
    page_runs,
    panel_frame,
    panels,
    permissions,
    sample_box,
    state,
    widgets,
)


def needs(scope: Any, theme: Theme, columns: list[float] | int = 0) -> None:
    """Draw a switch, the progress, and the results.

    Args:
        scope: a study, or a data set. theme: of the figures. columns: in which they stand beside each other.
    """
    dataset = getattr(scope, "dataset", scope)
    if len(dataset.names) < 2:
        st.info(
            f"{text.escape_markdown(dataset.title)} has one modality: there is nothing to fuse.",
            icon=":material/help:",
        )
        return
    key = ("needs", dataset.digest)
    place = st.container(horizontal=True, vertical_alignment="center", gap="small", key="needs-run")
    if not widgets.draw(data_fusion.NEED, place=place):
        st.caption(
            "Trains small models (up to a minute) to estimate unique, redundant and synergistic information about the "
            "target, and compares joint models with late fusion. Large sets are sampled at random."
        )
        jobs.leave_job(key, access.session_id())
    elif job_progress.is_done(
        jobs.begin_job(key, lambda: fusion_tests.needs(dataset), 1, access.session_id()),
        "Small models: {job.done:,} of {job.total:,} fitted",
        "{job.problem}",
        wanted=lambda: bool(state.get(data_fusion.NEED.key)),
        cancel=partial(state.put, data_fusion.NEED.key, False),  # the next run leaves the job
        width=420,
        keys=("needs-progress", "_needs_cancel"),
    ):
        panels.show(
            scope, theme, "needs-bits", "needs-worth", columns=columns, gap="medium", first=2
        )


def model_section(context: page_context.PageContext) -> None:
    """Draw what the model loses without joint terms, what reduces the loss, which coalitions contribute most, and
    whether training seeds agree.
    """
    study = context.study
    with st.container(key="fold-why-model"):
        panels.show(study, context.theme, "why-emap", "why-loss", columns=2, first=2)
        words = widgets.draw(cohorts.FILTER)
        with page_runs.guard():
            levels = cohort_levels.build_levels(
                context.tweaked_sample(), str(words or ""), output=context.output_name
            )
            if not levels.inside.any():
                st.info("No sample passes this filter. Loosen it.", icon=":material/help:")
            panels.show(levels, context.theme, "why-ranking", "why-pairs", columns=2)
            panels.show(levels, context.theme, "why-swarm")
        if len(study.modalities) > 1:
            lazy_panels.lazy_panel("why-synergy", partial(_synergy, study, context.theme))
        if missing := seed_stability.seed_measurements(trust.with_training_background(study))[1]:
            st.info(f"Other training seeds: {missing}", icon=":material/help:")
        panels.show(context.tweaked_sample(), context.theme, "why-basins")


def _synergy(study: Study, theme: Theme) -> None:
    picture = model_fusion.synergy(study, theme)
    panel_frame.draw(
        picture,
        below=partial(st.table, picture.table().round(3), hide_index=True, alt=picture.alt),
        grows=False,
    )


def pieces_section(context: page_context.PageContext) -> None:
    """States of single modalities from another sample, the smallest generator, and the network's gate groups, each of a
    model that has them."""
    study, sample = context.study, context.tweaked_sample()
    if not any(panel.fits(sample) for panel in model_pieces.PIECES.values()):
        st.info(
            "This model neither evolves nor fuses by rules, so it has no states to patch, no terms to take out and no "
            "gate groups. Pick a QiNN-QJ or an entangled-qcnn on top.",
            icon=":material/help:",
        )
        return
    donor = ""
    if model_pieces.PIECES["patches"].fits(sample):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if widgets.draw(model_pieces.LENDER) == model_pieces.ONE:
                donor = sample_box.sample_box(
                    model_pieces.DONOR, study.dataset, patching.partner(sample), follows=True
                )
            widgets.draw(model_pieces.PATCH)
    if donor == context.sample:
        st.info(
            "Patched with its own states a sample is itself. Pick another one.",
            icon=":material/help:",
        )
    else:
        panels.show(sample, context.theme, "patches", first=1)
    if model_pieces.PIECES["smallest"].fits(study):
        lazy_panels.lazy_panel("smallest", partial(_smallest, context))
    if can(study.model, "rules"):
        widgets.draw(model_pieces.GROUPS_OF)
        panels.show(
            sample, context.theme, *(name for name in model_pieces.PIECES if "groups" in name)
        )


def _smallest(context: page_context.PageContext) -> None:
    panels.show(context.study, context.theme, "smallest", first=1)
    if permissions.level() != "none":
        keep_smallest(context.study)


def keep_smallest(study: Study) -> None:
    """Draw the button that adds the model with the smallest generator to the reader's own models and shows it."""
    result = patching.prune_terms(study)
    tweak, name = str(result.tweak(result.size)), plans.choose_free_name(f"{study.name}-smallest")

    def keep() -> None:
        model_export.add_to_own_models(checkpoint.load(study.name), tweak, study.dataset, name)
        state.put(pickers.MODEL.key, name)
        state.page_again()

    if tweak:
        st.button(
            f"Keep it as my model {text.escape_markdown(name)}",
            icon=":material/save:",
            help=f"The model with {count(result.size, 'term')} of {len(result.terms)}, not trained on, is kept and "
            "picked on top.",
            key="_smallest_keep",
            on_click=page_runs.run_or_notice,
            args=(keep,),
        )


def quantum_section(context: page_context.PageContext) -> None:
    """Draw what this model loses when a resource is cut from it, and the measurements of its twins. Each twin lacks
    one resource. Twins that are not trained yet are trained here.
    """
    study = context.study
    if not twin_training.has_twins(study):
        st.info(
            f"Model {text.escape_markdown(study.name)} has no twins without a quantum resource. Pick a QiNN-QJ or an "
            "entangled-qcnn on top.",
            icon=":material/help:",
        )
        return
    panels.show(study, context.theme, "why-audit", first=1)
    panels.show(study, context.theme, "why-cut")
    with st.container(key="fold-why-twins"), page_runs.guard():
        twins(study)


def twins(study: Study) -> None:
    """Draw the button that trains the model's twins in a separate process, or the progress of this training."""
    known, job = audit.count_trained_seeds(study), jobs.find_job(twin_training.twins_key(study))
    if job is not None and job.is_active:
        with st.container(width=420, key="twins-progress"):
            st.fragment(job_progress.watch, run_every=job_progress.PULSE)(
                job,
                "Twins: {job.done:,} of {job.total:,} trained",
                lambda: ", waiting for other trainings" if not job.done else "",
                wanted=lambda: True,
                stay=lambda: jobs.renew_interest(job, access.session_id()),
                cancel=job.stop,
                key="_twins_cancel",
            )
        st.caption(
            "It goes on when you leave the page, and what is trained is kept, also when you cancel."
        )
        return
    if job is not None and job.state == jobs.State.FAILED:
        st.warning(text.message(job.problem))
    seeds = min(twin_training.MOST, known + twin_training.SEEDS)
    left = len(twin_training.plan_twin_runs(study, range(known, seeds)))
    if left and not permissions.says_no_training(
        "train twins", f"qfusion why --model {study.name} --twins {seeds}"
    ):
        st.button(
            f"Train its twins ({left} trainings)" if not known else f"Add seeds ({left} trainings)",
            icon=":material/model_training:",
            help="The model and its twins, each without one quantum resource, with this model's settings and schedule: "
            f"seeds {known} to {seeds - 1}, one training after another, in a process of its own.",
            key="_twins_train",
            on_click=page_runs.run_or_notice,
            args=(permissions.training, twin_training.begin_twins, study, seeds),
        )


@page_runs.fragment
def questions(context: page_context.PageContext) -> None:
    """The open question; a fragment, so that another redraws this and nothing else."""
    draw = {
        builders.MODEL: lambda: model_section(context),
        builders.DATA: lambda: needs(context.study, context.theme, [1.2, 1]),
        builders.QUANTUM: lambda: quantum_section(context),
        builders.PIECE: lambda: pieces_section(context),
    }
    panels.tabs(builders.ASK, draw, theme=context.theme, **context.scopes())


def page() -> None:
    """Draw the page."""
    questions(frame.begin_model_page("Why fuse"))


page_runs.run_page(__file__, __name__)
