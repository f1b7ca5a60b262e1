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
    """How far a job is, looked at again and again; the page begins anew when it has ended, or is no longer wanted.

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
    """Returns whether a job is done that this reader has begun; draws how far it is until then, or why it failed.

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
    """How much of a `{job}` is done, in words, and the time that is left or what it waits for."""
    left = job.seconds_left
    ahead = waiting if left is None else f", {_sentences.duration(left)} left"
    st.progress(min(1.0, job.done / max(1, job.total)), words.format(job=job) + ahead)
