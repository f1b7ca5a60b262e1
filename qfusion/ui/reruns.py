"""Fast reruns of the script: one thread for small matrices, a collector that looks only at new objects, values kept
between runs, and drawing of the neighbouring samples in advance."""

import contextlib
import gc
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any

import streamlit as st
import threadpoolctl
import torch

from qfusion import data
from qfusion._checks import choose
from qfusion.analysis import memo, opening
from qfusion.errors import QFusionError
from qfusion.panels import page_state, pages, pickers
from qfusion.panels.panel import Panel
from qfusion.training.checkpoint import Checkpoint
from qfusion.ui import access, calculation_queue, streamlit_internals
from qfusion.wording.progress import describe_task

OWN = "_own"  # in a session, the samples that its visitor has made
_seen = 0  # modules that were loaded when the collector last set everything aside


@lru_cache(maxsize=1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def dialog(title: str, body: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Open a dialog unless this run has opened one: Streamlit shows one at a time, and two clicks may come as one
    message.

    Args:
        title, options: as of `st.dialog`. body: draws what is in it. arguments: of the body.
    """
    if not streamlit_internals.has_dialog():
        st.dialog(title, **options)(body)(*arguments)


@st.fragment
def dialog_button(
    label: str, icon: str, key: str, body: Callable[..., object], *arguments: Any
) -> None:
    """Draw a button that opens a dialog of its name; a fragment, so that the page is not drawn anew for it."""
    begin_run()
    if st.button(label, icon=icon, key=key, width="stretch"):
        dialog(label, body, *arguments)


def begin_run() -> None:
    """Prepare a run. Call this first in every run of a page and of a fragment: it makes torch, NumPy and SciPy use one
    thread, and excludes the objects left by imports from garbage collection.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's
    browser does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per
    thread, so once per process is not enough for torch; BLAS is set once for all.

    Streamlit collects garbage after every run, and until it has looked at everything nothing else happens in the
    process, not even sending what was drawn. The modules of torch, QuTiP and PennyLane are hundreds of thousands of
    objects that are never garbage: 0.2 to 0.3 s after every move of a slider. Set aside, they cost nothing.
    """
    global _seen
    _limit_blas()
    torch.set_num_threads(1)
    if len(sys.modules) != _seen:
        _seen = len(sys.modules)
        gc.freeze()
    memo.waiting.set(lambda task: calculation_queue.waiting(describe_task(task)))
    opening.at_hand.set(tuple(st.session_state.get(OWN) or ()))


# A page is begun for what it shows first, see `frame.begin_model_page`, and then anew.

FIRST = "_first_figure"  # in a session: the event that a browser has drawn it; later False
PATIENCE = 10.0  # seconds after which a browser that has not said so, or that cannot, gets the rest all the same
shown: set[str] = set()  # models that this server has shown; none where pages run without one


def finish_first_paint(patience: float = 0) -> None:
    """Rerun a page that so far shows only its first part. If that is a figure, wait up to `patience` seconds until a
    browser has drawn it.
    """
    if drawn := st.session_state.get(FIRST):
        drawn.wait(patience)
        st.session_state.clear()
        st.session_state[FIRST] = False
        st.rerun()


# What is kept between reruns: bounded, keyed by file digest and settings, never changed.


@st.cache_resource(
    max_entries=4,
    show_spinner="Loading the data … (the first start makes 3,000 spoken opinions, some ten seconds)",
)
def _dataset(name: str, when: str) -> data.DataSet:
    return data.load(name)


def dataset(name: str) -> data.DataSet:
    """A data set by name, never by a path: names come from readers. Loaded anew when it was imported anew.

    Raises:
        NotFound: when there is none of that name.
    """
    choose("Data set", name, data.names())
    return _dataset(name, data.stamp(name))


def loaded(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return opening.load_checkpoint(choose("Model", name, pickers.models()))


# What the reader is likely to ask for next, worked out while they read: the panels of the samples beside this one.
#
# One thread does it for all sessions, after a page is drawn, and only while the machine has nothing else to do. What it
# makes is kept where the page looks for it, see `kept` of `qfusion.panels.panel`.

_CALM, _LONG = (
    0.4,
    1.0,
)  # seconds until a browser has drawn a page; and of work, after which it is left
_worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")
_wanted: dict[str, threading.Event] = {}  # by session; set once it asks for something else


def prepare_ahead(
    context: Any, view: page_state.PageState, waiting: Collection[str] = ()
) -> Future[None] | None:
    """Start to draw a page's panels for the next and the previous sample. It is the last step of a page.

    Args:
        context: what the reader picked, as `shell` gives it. view: the page's address.
        waiting: names of panels that are not drawn until they come near the screen.

    Returns:
        what ends when that is done; None while the machine is busy.
    """
    session = access.session_id()
    _wanted.pop(session, threading.Event()).set()
    if len(_wanted) > 1 or os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        return None
    stop = _wanted[session] = threading.Event()
    panels = [panel for name, panel in pages.PAGES[view.page].items() if name not in waiting]
    return _worker.submit(_draw, context, view, panels, session, stop)


def _draw(
    context: Any,
    view: page_state.PageState,
    panels: Sequence[Panel],
    session: str,
    stop: threading.Event,
) -> None:
    stop.wait(_CALM)
    began = time.monotonic()
    beside = [
        replace(context, row=row)
        for row in (context.row + 1, context.row - 1)
        if 0 <= row < len(context.study.dataset)
    ]
    for scopes, panel in itertools.product(
        [entry.scopes() for entry in beside],
        [panel for panel in panels if panel.is_cached],
    ):
        if stop.is_set() or time.monotonic() - began > _LONG:
            break
        with contextlib.suppress(QFusionError):  # the page says so once it is asked for
            if panel.shown(view, scopes[panel.scope]):
                _ = panel.build(scopes[panel.scope], context.theme, **panel.arguments(view)).spec
    if _wanted.get(session) is stop:
        del _wanted[session]
