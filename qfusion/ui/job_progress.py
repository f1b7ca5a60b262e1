"""Progress of jobs that run in the background while the page stays usable, see `analysis.jobs`."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from qfusion import _read_only, _sentences
from qfusion.analysis import jobs, text
from qfusion.ui import page_runs, reruns, streamlit_internals

LAST_STEP = "collecting the results"
PULSE = 1.0  # seconds between two looks at how far it is


def watch(
    job: jobs.Job,
    words: str,
    waiting: Callable[[], str],
    *,
    wanted: Callable[[], bool],
    stay: Callable[[], object],
    cancel: Callable[[], None],
    key: str,
    last_step: str = LAST_STEP,
) -> None:
    """Draw the progress of a job, which is updated repeatedly. The page is run again when the job has ended or is no
    longer wanted.

    Args:
        job, words, waiting: as of `draw_progress`; what it waits for is asked each time.
        wanted: whether it is. stay: tells the job that the reader is still here.
        cancel: what the button does. key: of the button. last_step: as of `draw_progress`.
    """
    reruns.begin_run()
    if not job.is_active or not wanted():
        st.rerun()
    stay()
    draw_progress(job, words, waiting(), last_step)
    st.button("Cancel", key=key, on_click=cancel)


def is_training(job: jobs.Job | None, words: str, note: str, key: str) -> bool:
    """Return whether a training that a reader has started goes on. Draw its progress meanwhile, or the reason for its
    failure.

    Args:
        job, words: as of `draw_progress`. note: sentence on what stays if it is cancelled, by who may train.
        key: in the keys of what is drawn.
    """
    if job is None:
        return False
    if job.is_active:
        with st.container(width=420, key=f"{key}-progress"):
            st.fragment(watch, run_every=PULSE)(
                job,
                words,
                lambda: ", waiting for other trainings" if not job.done else "",
                wanted=lambda: True,
                stay=lambda: jobs.renew_interest(job, streamlit_internals.session_id()),
                cancel=partial(page_runs.run_or_notice, _stop_training, job),
                key=f"_{key}_cancel",
            )
        st.caption(f"Training continues when you leave the page. {note}")
    elif job.state == jobs.State.FAILED:
        st.warning(text.message(job.problem))
    return job.is_active


def _stop_training(job: jobs.Job) -> None:
    _read_only.check_allowed("stop a training")
    job.stop()


def is_done(
    job: jobs.Job,
    words: str,
    problem: str,
    *,
    wanted: Callable[[], bool],
    cancel: Callable[[], None],
    width: int,
    keys: tuple[str, str],
    last_step: str = LAST_STEP,
) -> bool:
    """Return whether a job that this reader has started is done. Draw its progress until then, or the reason for its
    failure.

    Args:
        job, words, wanted, cancel: as of `watch`. problem: what is said of a `{job}` that has failed.
        width: in pixels. keys: of what is drawn and of the button. last_step: as of `draw_progress`.
    """
    if job.is_active:
        with st.container(width=width, key=keys[0]):
            st.fragment(watch, run_every=PULSE)(
                job,
                words,
                lambda: ", waiting for other work" if job.state == jobs.State.WAITING else "",
                wanted=wanted,
                stay=lambda: jobs.renew_interest(job, streamlit_internals.session_id()),
                cancel=cancel,
                key=keys[1],
                last_step=last_step,
            )
    elif job.problem:
        st.warning(text.message(problem.format(job=job)))
    return job.state == jobs.State.DONE


def draw_progress(job: jobs.Job, words: str, waiting: str = "", last_step: str = LAST_STEP) -> None:
    """Draw the progress of a `{job}`, in words, with the remaining time or the reason for waiting.

    Args:
        last_step: what goes on once all is counted as done, until the job has ended.
    """
    left = job.seconds_left
    if left is None:
        ahead = waiting
    elif job.done < job.total:
        ahead = f", {_sentences.duration(left)} left"
    else:
        ahead = f"; {last_step} …"
    st.progress(min(1.0, job.done / max(1, job.total)), words.format(job=job) + ahead)
