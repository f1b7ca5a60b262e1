"""Progress of jobs that run in the background while the page stays usable, see `analysis.memo`."""

from collections.abc import Callable

import streamlit as st

from qfusion import _sentences
from qfusion.analysis import jobs, text
from qfusion.ui import access, reruns

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
) -> None:
    """Draw the progress of a job, which is updated repeatedly. The page is run again when the job has ended or is no
    longer wanted.

    Args:
        job, words, waiting: as of `draw_progress`; what it waits for is asked each time.
        wanted: whether it is. stay: tells the job that the reader is still here.
        cancel: what the button does. key: of the button.
    """
    reruns.begin_run()
    if not job.is_active or not wanted():
        st.rerun()
    stay()
    draw_progress(job, words, waiting())
    st.button("Cancel", key=key, on_click=cancel)


def is_done(
    job: jobs.Job,
    words: str,
    problem: str,
    *,
    wanted: Callable[[], bool],
    cancel: Callable[[], None],
    width: int,
    keys: tuple[str, str],
) -> bool:
    """Return whether a job that this reader has started is done. Draw its progress until then, or the reason for its
    failure.

    Args:
        job, words, wanted, cancel: as of `watch`. problem: what is said of a `{job}` that has failed.
        width: in pixels. keys: of what is drawn and of the button.
    """
    if job.is_active:
        with st.container(width=width, key=keys[0]):
            st.fragment(watch, run_every=PULSE)(
                job,
                words,
                lambda: ", waiting for other work" if job.state == jobs.State.WAITING else "",
                wanted=wanted,
                stay=lambda: jobs.renew_interest(job, access.session_id()),
                cancel=cancel,
                key=keys[1],
            )
    elif job.problem:
        st.warning(text.message(problem.format(job=job)))
    return job.state == jobs.State.DONE


def draw_progress(job: jobs.Job, words: str, waiting: str = "") -> None:
    """Draw the progress of a `{job}`, in words, with the remaining time or the reason for waiting."""
    left = job.seconds_left
    ahead = waiting if left is None else f", {_sentences.duration(left)} left"
    st.progress(min(1.0, job.done / max(1, job.total)), words.format(job=job) + ahead)
