"""Whether the quantum part matters: resources cut from the model, and trained twins that lack one."""

import streamlit as st

from qfusion.app import page_context, page_runs, panels, requests, tasks
from qfusion.plugins.why.audit import audit, twin_training
from qfusion.plugins.why.summary import measured_resources
from qfusion.study import jobs, text
from qfusion.study.study import Study


def quantum_section(context: page_context.PageContext) -> None:
    """Draw what this model loses when a resource is cut from it, and the measurements of its twins. Each twin lacks
    one resource. Twins that are not trained yet are trained here.
    """
    study = context.study
    if not twin_training.has_twins(study):
        st.info(
            f"Model {text.escape_markdown(study.name)} has no twins without a quantum resource. Choose a "
            "QiNN-QJ or an entangled-qcnn at the top.",
            icon=":material/help:",
        )
        return
    measured_resources(study)  # for the conclusion on top, which waits for them
    panels.show(study, "why-audit", first=1)
    panels.show(study, "why-cut")
    with st.container(key="fold-why-twins"), page_runs.show_errors():
        twins(study)


def twins(study: Study) -> None:
    """Draw the button that trains the model's twins in a separate process, or the progress of this training."""
    known = audit.count_trained_seeds(study)
    job = jobs.find_job(twin_training.twins_key(study))
    if tasks.is_training(
        job,
        "Twins: {job.done:,} of {job.total:,} trained",
        "Trained twins are kept, also if you cancel.",
        "twins",
    ):
        return
    seeds = min(twin_training.MOST, known + twin_training.SEEDS)
    left = len(twin_training.plan_twin_runs(study, range(known, seeds)))
    if left and not requests.says_read_only("train twins"):
        st.button(
            f"Train its twins ({left} trainings)" if not known else f"Add seeds ({left} trainings)",
            icon=":material/model_training:",
            help="Trains the model and its twins, each without one quantum resource, with this model's "
            f"settings and schedule: seeds {known} to {seeds - 1}, one training after another, in a "
            "separate process.",
            key="_twins_train",
            on_click=page_runs.run_or_notice,
            args=(twin_training.begin_twins, study, seeds),
        )
