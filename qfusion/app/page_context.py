"""What the reader has picked on the bar on top of a page, and what is computed ahead of it: the first figures of a
page while the browser still loads scripts, and panels of the neighbouring samples."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import torch

from qfusion._checks import choose
from qfusion.app import requests, state, streamlit_internals
from qfusion.errors import QFusionError
from qfusion.figures.files.recipe import Recipe, software, table_digest
from qfusion.figures.style import Theme
from qfusion.models import Tweak
from qfusion.study import jobs, opening, sample, trust
from qfusion.study.sample import DECIDED, Sample
from qfusion.study.study import Study
from qfusion.views.pages import address, catalogue, page_state
from qfusion.views.pages.panel import Panel
from qfusion.views.view import View


@dataclass(frozen=True)
class PageContext:
    """Choices of the reader: the model on its data, the sample's row, and the explained output."""

    study: Study
    row: int
    output: sample.Output = DECIDED

    @property
    def output_wanted(self) -> int | None:
        """Number of the class that is explained; None for the one decided for."""
        return self.output.number

    @property
    def explained_study(self) -> Study:
        """Study whose scores are explained: log-odds against all other classes, or against one."""
        return self.study.with_reference(self.output.reference)

    def tweaked_sample(self, tweak: Tweak | str = "") -> Sample:
        """Return the sample under a tweak. Everything reported about it is computed under the tweak."""
        output = self.output_wanted
        if output is None:
            output = int(self.study.predicted[self.row])
        return Sample(self.explained_study, self.row, output, tweak)

    def prepare(self) -> None:
        """Draw the contents of this page for the neighbouring samples in the background. This is the last call of a
        page.
        """
        prepare_ahead(self, state.current(), frozenset(state.get(state.WAITING)))

    def scopes(self, tweak: Tweak | str = "") -> dict[str, Any]:
        """Return the objects from which panels of this page are made, by the names that builders use."""
        return {"sample": self.tweaked_sample(tweak), "study": self.study}

    @property
    def output_name(self) -> str:
        """Explained output as text of `outputs.parse`. It is empty for the class decided for."""
        return str(self.output)

    @property
    def sample(self) -> str:
        """The sample's id."""
        return str(self.study.dataset.ids[self.row])


def theme() -> Theme:
    """The reader's theme, for the figures."""
    return "dark" if st.context.theme.type == "dark" else "light"


# What the figures of a page are made from, for their recipes.

ORIGIN = "_made_from"  # models, data and sample of this page, set by its frame


def current_recipe(picture: View) -> Recipe:
    """Return the recipe of a panel in its current state on the page."""
    return Recipe(
        page=str(state.get(state.PAGE, "")).lower(),
        panel=picture.name,
        address=state.shown_address(),
        made_from=dict(state.get(ORIGIN, {})),
        software=software(),
        numbers=table_digest(picture.numbers),
    )


IDLE_SECONDS = 0.4  # seconds until a browser has drawn a page
BUSY = 1.5  # processes that run or wait, for each processor
MAX_SECONDS = 1.0  # seconds of work after which the rest is left
_wanted: dict[str, threading.Event] = {}  # by session; set once it asks for something else


def prepare_ahead(
    context: PageContext, view: page_state.PageState, waiting: Collection[str]
) -> Future[None] | None:
    """Start to draw a page's panels for the next and the previous sample. It is the last step of a page.

    Args:
        context: what the reader picked. view: the page's address.
        waiting: names of panels that are not drawn until they come near the screen.

    Returns:
        the task, or None while the machine is busy.
    """
    session = streamlit_internals.session_id()
    _wanted.pop(session, threading.Event()).set()
    if len(_wanted) > 1 or is_busy():
        return None
    stop = _wanted[session] = threading.Event()
    panels = [
        panel
        for name, panel in catalogue.page_parts(view.page).panels.items()
        if name not in waiting
    ]
    return jobs.EXECUTOR.submit(_draw_neighbours, context, view, panels, theme(), session, stop)


def _draw_neighbours(
    context: PageContext,
    view: page_state.PageState,
    panels: Collection[Panel],
    theme: Theme,
    session: str,
    stop: threading.Event,
) -> None:
    stop.wait(IDLE_SECONDS)
    until = time.monotonic() + MAX_SECONDS
    for row in (context.row + 1, context.row - 1):
        if 0 <= row < len(context.study.dataset):
            _draw(replace(context, row=row), view, panels, theme, until, stop)
    if _wanted.get(session) is stop:
        del _wanted[session]


def is_busy() -> bool:
    """Whether the machine has enough to do, so that nothing is computed in advance."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


def _draw(
    context: PageContext,
    view: page_state.PageState,
    panels: Collection[Panel],
    theme: Theme,
    until: float,
    stop: threading.Event | None = None,
) -> None:
    """Draw panels whose results are cached, until a moment of the monotonic clock, or until stopped."""
    scopes = context.scopes()
    for panel in panels:
        if time.monotonic() > until or (stop is not None and stop.is_set()):
            break
        if not panel.is_cached or panel.scope not in scopes:
            continue
        with contextlib.suppress(QFusionError):  # the page says so once it is asked for
            scope = scopes[panel.scope]
            if panel.is_shown(view, scope):
                picture = panel.build(scope, **panel.arguments(view))
                _ = picture.in_theme(theme).spec


OPENING_SECONDS = 1.5  # seconds of work after which the page does the rest
_turn = threading.Lock()  # of the one page that is opened at a time


def open_ahead(page: str, query: Mapping[str, str]) -> Future[None] | None:
    """Start to compute what a page shows first.

    Args:
        page: its address below the app's; "" for the first page.
        query: of the address, from whomever. What is not valid is left to the page, which says so.

    Returns:
        the task, or None while the machine is busy, another page is opened ahead, or everybody has to log in.
    """
    if requests.demands_login() or is_busy() or not _turn.acquire(blocking=False):
        return None
    return jobs.EXECUTOR.submit(_open, page.replace("_", " ") or "overview", dict(query))


def _open(title: str, query: dict[str, str]) -> None:
    """Compute what the page of a title in small letters shows first, for at most about `OPENING_SECONDS`."""
    torch.set_num_threads(1)  # of this thread: the browser needs the other processors
    until = time.monotonic() + OPENING_SECONDS
    try:
        if title not in catalogue.PAGES or title in catalogue.PAGES_WITHOUT_MODEL:
            return
        with contextlib.suppress(QFusionError):
            context = open_encoded(query)
            if context is not None:
                if title == "faithfulness":  # its panels need them
                    trust.reliability_findings(context.study, cached_only=True)
                view = page_state.PageState(title, query)
                _draw(context, view, catalogue.page_parts(title).panels.values(), "light", until)
    finally:
        _turn.release()


def open_encoded(query: Mapping[str, str]) -> PageContext | None:
    """Return what the pickers of an address say, if its model was applied to its data before; else None.

    Raises:
        QFusionError: when there are no such model, data or sample.
    """
    model = choose("Model", query.get(address.MODEL.key) or address.models()[0], address.models())
    data = query.get(address.DATA.key) or address.own_data(model)
    if data not in address.sources() or not opening.is_encoded(model, data):
        return None
    study = opening.open_study(model, data)
    sample = query.get(address.SAMPLE.key) or address.default_sample(study)
    return PageContext(study, study.dataset.row(sample))
