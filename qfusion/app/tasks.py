"""Long tasks: the button that starts one, its progress while the page stays usable, and what is loaded or computed
in the background: data sets, their encoding, and figures of all samples."""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import streamlit as st

from qfusion import _checks, _progress, _read_only, data
from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.app import page_runs, state, streamlit_internals
from qfusion.app.guidance import chips, help, help_line, line, shows_full_text
from qfusion.study import jobs, opening, text
from qfusion.study.study import Study
from qfusion.training.checkpoint import Checkpoint
from qfusion.views.pages import address
from qfusion.views.pages.choices import EVERYONE
from qfusion.views.words.rules import describe_drawn


def start_button(
    kind: str, label: str, cost: str, facts: Iterable[str], *, key: str, disabled: bool
) -> bool:
    """Draw the button that starts a long task, and its cost. Return whether it is pressed.

    Args:
        kind: of what begins, as containers are called by it. label: of the button.
        cost: in a sentence. facts: of it, one a chip. key, disabled: as of `st.button`.
    """
    help_line(cost)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{kind}-begin"):
        pressed = st.button(
            label,
            type="primary",
            icon=":material/play_arrow:",
            key=key,
            disabled=disabled,
            help=help(cost),
        )
        if not shows_full_text():
            chips(f"{kind}-cost", facts)
    return pressed


def placeholder(
    noun: str, whole: str, views: Iterable[tuple[str, str, tuple[str, ...]]], may_begin: bool
) -> None:
    """Draw the placeholder that is shown before there is any run. It says how to begin one and what will
    appear then.

    Args:
        noun: what begins, such as "run".
        whole: how to begin one, in full.
        views: name, icon and contents of each.
        may_begin: whether this reader may begin one.
    """
    with st.container(border=True, key=f"box-no-{noun}s", gap="xsmall"):
        if may_begin:
            line(f"There is no {noun} yet: press **Start**.", whole)
        else:
            st.markdown(f"There is no {noun} on this server.")
        with st.container(key="coming"):
            for place, (name, icon, holds) in enumerate(views):
                with st.container(gap="xxsmall", key=f"coming-{place}"):
                    st.markdown(f"#### {icon} {name}")
                    chips(f"coming-{place}", holds)


LAST_STEP = "collecting the results"
PULSE = 1.0  # seconds between two looks at how far it is


def is_done(
    job: jobs.Job,
    words: str,
    name: str,
    *,
    cancel: Callable[[], None],
    wanted: Callable[[], bool] = lambda: True,
    waiting: Callable[[], str] | None = None,
    problem: str = "{job.problem}",
    width: int = 420,
    last_step: str = LAST_STEP,
) -> bool:
    """Return whether a job that this reader has started is done. Draw its progress until then, or the reason for its
    failure.

    Args:
        job, words, last_step: as of `draw_progress`.
        name: in the keys of what is drawn.
        cancel: what the button does.
        wanted: whether the reader still wants it.
        waiting: what it waits for, as of `draw_progress`; for other work of this reader unless told.
        problem: what is said of a `{job}` that has failed.
        width: in pixels.
    """
    if job.is_active:
        ahead = waiting or partial(_wait_for_work, job)
        with st.container(width=width, key=f"{name}-progress"):
            st.fragment(_watch, run_every=PULSE)(
                job, words, f"_{name}_cancel", cancel, wanted, ahead, last_step
            )
    elif job.problem:
        st.warning(text.message(problem.format(job=job)))
    return job.state == jobs.State.DONE


def _wait_for_work(job: jobs.Job) -> str:
    return ", waiting for other work" if job.state == jobs.State.WAITING else ""


def _watch(
    job: jobs.Job,
    words: str,
    key: str,
    cancel: Callable[[], None],
    wanted: Callable[[], bool],
    waiting: Callable[[], str],
    last_step: str,
) -> None:
    """Draw the progress of a job, again and again, and a button that cancels it. The page is run again when the job
    has ended or is no longer wanted.
    """
    page_runs.prepare_script()
    if not job.is_active or not wanted():
        st.rerun()
    jobs.renew_interest(job, streamlit_internals.session_id())
    draw_progress(job, words, waiting(), last_step)
    st.button("Cancel", key=key, on_click=cancel)


def is_training(job: jobs.Job | None, words: str, note: str, name: str) -> bool:
    """Return whether a training that a reader has started goes on. Draw its progress meanwhile, or the reason for its
    failure.

    Args:
        job, words, name: as of `is_done`. note: sentence on what stays if it is cancelled.
    """
    if job is None:
        return False
    is_done(
        job,
        words,
        name,
        cancel=partial(page_runs.run_or_notice, _stop_training, job),
        waiting=lambda: "" if job.done else ", waiting for other trainings",
    )
    if job.is_active:
        st.caption(f"Training continues when you leave the page. {note}")
    return job.is_active


def _stop_training(job: jobs.Job) -> None:
    _read_only.check_allowed("stop a training")
    job.stop()


def draw_progress(job: jobs.Job, words: str, waiting: str = "", last_step: str = LAST_STEP) -> None:
    """Draw the progress of a `{job}`, in words, with the remaining time or the reason for waiting.

    Args:
        last_step: what goes on once all is counted as done, until the job has ended.
    """
    left = job.seconds_left
    if left is None:
        ahead = waiting
    elif job.done < job.total:
        ahead = f", {_progress.duration(left)} left"
    else:
        ahead = f"; {last_step} …"
    st.progress(min(1.0, job.done / max(1, job.total)), words.format(job=job) + ahead)


def use_all_samples(
    name: str, study: Study, rows: np.ndarray, some: int, make: Callable[[], object], *more: str
) -> bool:
    """Return whether a panel shows all samples, which have then been computed. Until then, show that only some samples
    are drawn and the progress on all of them.

    Args:
        name: of the panel. study: the model on its data. rows: of all samples. some: how many are drawn of these.
        make: works out what the panel shows of all samples, where it is kept.
        more: what else tells it from others.
    """
    key = (name, *more, *study.base_study.memo_key(), hashlib.sha256(rows.tobytes()).hexdigest())
    if some >= len(rows) or state.get(EVERYONE.key) != jobs.ALL:
        if some < len(rows):
            st.caption(f"{describe_drawn(some, len(rows))}.")
        jobs.leave_job(key, streamlit_internals.session_id())
        return False
    return is_done(
        jobs.begin_job(key, make, len(rows), streamlit_internals.session_id()),
        "All samples: {job.done:,} of {job.total:,}",
        f"all-{name}",
        # the next run leaves the job
        cancel=partial(state.put, EVERYONE.key, jobs.DRAWN),
        wanted=lambda: state.get(EVERYONE.key) == jobs.ALL,
        problem="Not all samples can be measured: {job.problem}. Some of them are shown.",
        width=320,
    )


@memo(
    4,
    task="Loading the data … (the first start generates 3,000 spoken opinions, about ten seconds)",
    stamp=data.stamp,
)
def load_dataset(name: str) -> data.DataSet:
    """A data set by name, never by a path: names come from readers. Loaded anew when it was imported anew.

    Raises:
        NotFound: when there is none of that name.
    """
    return data.load(choose("Data set", name, data.names()))


def load_model(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return opening.load_checkpoint(choose("Model", name, address.models()))


def open_study_shared(model: str, data: str) -> Study:
    """Return a model applied to a data set, both given by name. Until all samples are encoded, which starts here, it
    is applied to the first samples.
    """
    _checks.choose("Model", model, address.models())
    load_dataset(data)  # read with its own words meanwhile
    if opening.is_encoded(model, data):
        return opening.open_study(model, data)
    opening.begin_encoding(model, data)
    sample = state.param_text(address.SAMPLE.key)
    return opening.with_session_samples(opening.first_samples(model, data, sample))


_FAILED = "_encoding_failed"


def encoding_progress(model: str, data: str, study: Study, sample: str) -> None:
    """Draw how far the encoding is, where the page shows the first samples only; the open one stays open."""
    job = opening.find_encoding(model, data)
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
    page_runs.prepare_script()
    job = opening.find_encoding(model, data) or job  # it may have been begun again
    if not job.is_active and opening.is_encoded(model, data):
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
            opening.begin_encoding(model, data)  # still here
            draw_progress(job, "{job.done:,} of {job.total:,} samples encoded")
            st.button("Cancel", key="_encode_cancel", on_click=job.stop)
        else:
            st.button(
                "Encode all samples",
                key="_encode_all",
                on_click=opening.begin_encoding,  # type: ignore[arg-type]
                args=(model, data),
                kwargs={"again": True},
            )
