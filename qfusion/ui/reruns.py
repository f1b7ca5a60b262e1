"""What makes a run of the script short: one thread for small matrices and a collector that looks at what is new, what
is kept between runs, figures that are changed in place, and the samples beside the one that is read drawn meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any
from uuid import uuid4

import plotly.graph_objects as go
import plotly.io
import streamlit as st
import threadpoolctl
import torch
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qfusion import _files, data
from qfusion._checks import choose
from qfusion.analysis import memo, sample, study
from qfusion.data import registry
from qfusion.errors import QFusionError
from qfusion.models.tweak import Tweak
from qfusion.panels import address, pages
from qfusion.runs import Run, folder
from qfusion.training.checkpoint import Checkpoint
from qfusion.ui import access, server, state

_seen = 0  # modules that were loaded when the collector last set everything aside


@lru_cache(maxsize=1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def spare_modules() -> None:
    """Tells the collector to leave alone what imports have left, whenever there are new ones.

    Streamlit collects garbage after every run, and until it has looked at everything nothing else happens in the
    process, not even sending what was drawn. The modules of torch, QuTiP and PennyLane are hundreds of thousands of
    objects that are never garbage: 0.2 to 0.3 s after every move of a slider. Set aside, they cost nothing.
    """
    global _seen
    if len(sys.modules) != _seen:
        _seen = len(sys.modules)
        gc.freeze()


# It remarks, with a trace that looks like a crash, that a value set before a widget is drawn wins over the widget's
# default: that is meant.
logging.getLogger("streamlit.elements.lib.policies").disabled = True


def has_dialog() -> bool:
    """Whether this run has opened a dialog: Streamlit shows one at a time, and two clicks may come as one message."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.has_dialog_opened


def begin_run() -> None:
    """To be called first in every run of a page and of a fragment: makes torch, NumPy and SciPy work on one thread.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's
    browser does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per
    thread, so once per process is not enough for torch; BLAS is set once for all.
    """
    _limit_blas()
    torch.set_num_threads(1)
    spare_modules()
    memo.waiting.set(access.waiting)


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
    choose("Data set", name, registry.names())
    return _dataset(name, data.stamp(name))


def loaded(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return sample.loaded(choose("Model", name, address.models()))


@st.cache_resource(max_entries=256, show_spinner=False)
def _record(path: str, when: tuple[int, int], _run: Any) -> Any:
    return _run.record()


def record_of(run: Run) -> folder.Record:
    """How far a run is; read anew while a process may train it, else when its file changes."""
    try:
        seen = (run.path / "record.json").stat()
    except OSError:
        return run.record()
    record: folder.Record = _record(str(run.path), (seen.st_mtime_ns, seen.st_size), run)
    return run.record() if record.state in (*folder.ALIVE, "interrupted") else record


def require_known(model: str, data_name: str) -> None:
    """Raises NotFound unless model and data set exist; reads the data, with its own words meanwhile."""
    choose("Model", model, address.models())
    dataset(data_name)


def study_of(model: str, data_name: str) -> study.Study:
    """A model applied to a data set, by their names."""
    require_known(model, data_name)
    return sample.open_study(model, data_name)


# What the reader is likely to ask for next, worked out while they read: the panels of the samples beside this one.
#
# One thread does it for all sessions, after a page is drawn, and only while the machine has nothing else to do. What it
# makes is kept where the page looks for it, see `kept` of `qfusion.panels.panel`.

_CALM, _LONG = (
    0.4,
    1.0,
)  # seconds until a browser has drawn a page; and of work, after which it is left
prepares_ahead = True
_worker = ThreadPoolExecutor(1, thread_name_prefix="ahead")
_wanted: dict[str, threading.Event] = {}  # by session; set once it asks for something else


def prepare_ahead(here: Any, view: address.View, tweak: Tweak | str = "") -> Future[None] | None:
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
    if not prepares_ahead or len(_wanted) > 1 or os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        return None
    stop = _wanted[session] = threading.Event()
    return _worker.submit(_draw, here, view, tweak, session, stop)


def _draw(
    here: Any, view: address.View, tweak: Tweak | str, session: str, stop: threading.Event
) -> None:
    stop.wait(_CALM)
    began = time.monotonic()
    beside = [
        replace(here, row=row)
        for row in (here.row + 1, here.row - 1)
        if 0 <= row < len(here.study.dataset)
    ]
    stored = [panel for panel in pages.PAGES[view.page].values() if panel.is_cached]
    for scopes, panel in itertools.product([entry.scopes(tweak) for entry in beside], stored):
        if stop.is_set() or time.monotonic() - began > _LONG:
            break
        with contextlib.suppress(QFusionError):  # the page says so once it is asked for
            if panel.shown(view, scopes[panel.scope]):
                _ = panel.build(scopes[panel.scope], here.theme, **panel.arguments(view)).spec
    if _wanted.get(session) is stop:
        del _wanted[session]


# A figure on a page: Plotly's, changed in place when its numbers do, which `st.plotly_chart` draws anew.
#
# `benchmarks/browser.py` measures what that is worth. The script that draws is `qfusion/assets/figure.js`; the
# Plotly.js that it loads is the one that comes with the Python package.

_CONFIG = {"displayModeBar": False, "doubleClick": False}
HEIGHT = 450  # pixels of a figure that names none
EXPORT_HELP = "This figure as SVG, PDF, PNG or HTML, its numbers, its recipe, and the Python code that makes it."
NUMBERS_HELP = "The numbers of this figure as CSV"
WORDS_HELP = "What this shows and does not, and what its words mean"


@dataclass(frozen=True)
class Tools:
    """Buttons above a figure: one that calls `export`, and, if they are told, one that has the browser save what
    `numbers` makes as `file`, and one that opens `words`, as HTML."""

    export: Callable[[], object]
    numbers: Callable[[], bytes] | None = None
    file: str = ""
    words: str = ""


def chart(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    spec: str = "",
    config: Mapping[str, Any] | None = None,
    on_select: Callable[[str], object] | None = None,
    tools: Tools | None = None,
) -> None:
    """Draws a figure as wide and as high as there is room, at least as high as its layout says.

    Args:
        figure: of plotly. spec: it as Plotly's JSON, where that is at hand. config: of Plotly.js.
        key: of the element; the figure is changed in place for as long as this stays the same.
        alt: what it shows, for those who do not see it.
        on_select: what a click, a box or a lasso does, given the key; `qfusion.ui.state` tells what was chosen.
        tools: the buttons above it.
    """
    words: dict[str, Any] = {
        "figure": spec or plotly.io.to_json(figure, validate=False),
        "config": {**_CONFIG, **(config or {})},
        "height": figure.layout.height or HEIGHT,
        "alt": alt,
        "chosen": on_select is not None,
        "library": server.plotly_address(),
    }
    callbacks: dict[str, Any] = (
        {} if on_select is None else {"on_selection_change": partial(on_select, key)}
    )
    if tools is not None:
        callbacks["on_export_change"] = tools.export
        words["tools"] = {"export": EXPORT_HELP}
        if tools.words:
            words["tools"]["words"] = WORDS_HELP
            words["words"] = tools.words
        if tools.numbers is not None:
            wanted = f"_wanted-{key}"
            callbacks["on_numbers_change"] = partial(state.put, wanted, True)
            words["tools"]["numbers"] = NUMBERS_HELP
            if state.get(wanted):
                state.put(wanted, False)
                words["file"] = {
                    "name": tools.file,
                    "text": tools.numbers().decode(),
                    "turn": uuid4().hex,
                }
    _component()(key=key, data=words, height="stretch", **callbacks)


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "qfusion_figure", js=_files.asset_text("figure.js"), isolate_styles=False
    )
