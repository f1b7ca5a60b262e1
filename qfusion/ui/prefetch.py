"""Panels of the neighbouring samples, drawn in advance while the reader looks at the current one.

The executor of long work draws them, for two sessions at most, after a page is drawn, and only while the machine has
nothing else to do. The pictures are cached where the page looks for them, see `Panel.build`.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from qfusion.analysis import jobs
from qfusion.errors import QFusionError
from qfusion.ui import streamlit_internals
from qfusion.views.pages import catalogue, page_state
from qfusion.views.pages.panel import Panel

IDLE_SECONDS = 0.4  # seconds until a browser has drawn a page
BUSY = 1.5  # processes that run or wait, for each processor
MAX_SECONDS = 1.0  # seconds of work after which the rest is left
_wanted: dict[str, threading.Event] = {}  # by session; set once it asks for something else


def is_busy() -> bool:
    """Whether the machine has enough to do, so that nothing is computed in advance."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


def prepare_ahead(
    context: Any, view: page_state.PageState, waiting: Collection[str] = ()
) -> Future[None] | None:
    """Start to draw a page's panels for the next and the previous sample. It is the last step of a page.

    Args:
        context: what the reader picked, as `frame.begin_model_page` returns it. view: the page's address.
        waiting: names of panels that are not drawn until they come near the screen.

    Returns:
        the task, or None while the machine is busy.
    """
    session = streamlit_internals.session_id()
    _wanted.pop(session, threading.Event()).set()
    if len(_wanted) > 1 or is_busy():
        return None
    stop = _wanted[session] = threading.Event()
    panels = [panel for name, panel in catalogue.PAGES[view.page].items() if name not in waiting]
    return jobs.EXECUTOR.submit(_draw, context, view, panels, session, stop)


def _draw(
    context: Any,
    view: page_state.PageState,
    panels: Sequence[Panel],
    session: str,
    stop: threading.Event,
) -> None:
    stop.wait(IDLE_SECONDS)
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
        if stop.is_set() or time.monotonic() - began > MAX_SECONDS:
            break
        with contextlib.suppress(QFusionError):  # the page says so once it is asked for
            if panel.is_shown(view, scopes[panel.scope]):
                _ = panel.build(scopes[panel.scope], context.theme, **panel.arguments(view)).spec
    if _wanted.get(session) is stop:
        del _wanted[session]
