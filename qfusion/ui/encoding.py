"""Progress of the encoding of a large data set, in the bar on top, while the pages show its first samples."""

import streamlit as st

from qfusion import _checks
from qfusion.analysis import encoding_jobs, jobs, opening, text
from qfusion.analysis.study import Study
from qfusion.ui import loading, page_params, reruns, state
from qfusion.ui.job_progress import PULSE, draw_progress
from qfusion.views.pages import address


def open_study_shared(model: str, data: str) -> Study:
    """Return a model applied to a data set, both given by name. Until all samples are encoded, which starts here, it
    is applied to the first samples.
    """
    _checks.choose("Model", model, address.models())
    loading.load_dataset(data)  # read with its own words meanwhile
    if encoding_jobs.is_encoded(model, data):
        return opening.open_study(model, data)
    encoding_jobs.begin_encoding(model, data)
    sample = page_params.param_text(address.SAMPLE.key)
    return opening.with_visitors(encoding_jobs.first_samples(model, data, sample))


_FAILED = "_encoding_failed"


def encoding_progress(model: str, data: str, study: Study, sample: str) -> None:
    """Draw how far the encoding is, where the page shows the first samples only; the open one stays open."""
    job = encoding_jobs.find_encoding(model, data)
    if job is None or len(study.dataset) == job.total:
        return
    if job.problem and state.get(_FAILED) != job.problem:  # once, so that it can be closed
        state.put(_FAILED, job.problem)
        state.notice(
            f"Encoding all samples failed: {text.escape_markdown(job.problem)}. The first samples are shown."
        )
    with st.container(width="content", key="encoding" if job.is_active else "encoding-ended"):
        st.fragment(_progress_line, run_every=PULSE if job.is_active else None)(
            model, data, job, study, sample
        )


def _progress_line(model: str, data: str, job: jobs.Job, study: Study, sample: str) -> None:
    """Draw the progress of the encoding, which is updated repeatedly. The page is run again when the encoding has
    ended.
    """
    reruns.begin_run()
    job = encoding_jobs.find_encoding(model, data) or job  # it may have been begun again
    if not job.is_active and encoding_jobs.is_encoded(model, data):
        state.choose_sample(sample)
        st.rerun()
    with st.popover(
        f"{len(study.dataset):,} of {job.total:,}",
        icon=":material/table_rows:",
        key="first-samples",
        help="Number of samples shown until all are encoded",
    ):
        st.caption(
            "This data set is not encoded by this model yet. Until it is, "
            f"{len(study.dataset.rows('test')):,} test samples drawn at random are shown, with "
            f"{study.background.size:,} of {study.background.total:,} training samples as background."
        )
        if job.is_active:
            encoding_jobs.begin_encoding(model, data)  # still here
            draw_progress(job, "{job.done:,} of {job.total:,} samples encoded")
            st.button("Cancel", key="_encode_cancel", on_click=job.stop)
        else:
            st.button(
                "Encode all samples",
                key="_encode_all",
                on_click=encoding_jobs.begin_encoding,  # type: ignore[arg-type]
                args=(model, data),
                kwargs={"again": True},
            )
