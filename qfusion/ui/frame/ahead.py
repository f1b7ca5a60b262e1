"""What the reader is likely to ask for next, worked out while they read: the panels of the samples beside this one.

One thread does it for all sessions, after a page is drawn, and only while the machine has nothing else to do. What it
makes is kept where the page looks for it, see `kept` of `qfusion.panels.panel`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion.errors import QFusionError
from qfusion.models.tweak import Tweak
from qfusion.panels import pages
from qfusion.panels.address import View

_CALM, _LONG = (
    0.4,
    1.0,
)  # seconds until a browser has drawn a page; and of work, after which it is left
enabled = True
_worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")
_wanted: dict[str, threading.Event] = {}  # by session; set once it asks for something else


def prepare(here: Any, view: View, tweak: Tweak | str = "") -> Future[None] | None:
    """Begins to draw a page's panels of the next sample and the one before; the last thing that a page does.

    Args:
        here: what the reader picked, as `shell` gives it. view: the page's address. tweak: that its panels have.

    Returns:
        what ends when that is done; None while the machine is busy.
    """
    context = get_script_run_ctx(suppress_warning=True)
    session = context.session_id if context else ""
    if session in _wanted:
        _wanted.pop(session).set()
    if not enabled or len(_wanted) > 1 or os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        return None
    stop = _wanted[session] = threading.Event()
    return _worker.submit(_draw, here, view, tweak, session, stop)


def _draw(here: Any, view: View, tweak: Tweak | str, session: str, stop: threading.Event) -> None:
    stop.wait(_CALM)
    began = time.monotonic()
    beside = [
        replace(here, row=row)
        for row in (here.row + 1, here.row - 1)
        if 0 <= row < len(here.work.dataset)
    ]
    kept = [panel for panel in pages.PAGES[view.page].values() if panel.is_kept]
    for subjects, panel in itertools.product([each.subjects(tweak) for each in beside], kept):
        if stop.is_set() or time.monotonic() - began > _LONG:
            break
        with contextlib.suppress(QFusionError):  # the page says so once it is asked for
            if panel.shown(view, subjects[panel.subject]):
                _ = panel.build(subjects[panel.subject], here.theme, **panel.arguments(view)).spec
    if _wanted.get(session) is stop:
        del _wanted[session]
