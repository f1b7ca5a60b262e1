"""What the reader has picked on the bar on top of a page, and what is computed ahead of it: the first figures of a
page while the browser still loads scripts, and panels of the neighbouring samples."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from qfusion.app import state, streamlit_internals
from qfusion.errors import QFusionError
from qfusion.figures.files.recipe import Recipe, software, table_digest
from qfusion.figures.style import Theme
from qfusion.models import Tweak
from qfusion.study import jobs, sample
from qfusion.study.sample import DECIDED, Sample
from qfusion.study.study import Study
from qfusion.views.pages import catalogue, page_state
from qfusion.views.pages.panel import Panel
from qfusion.views.view import View


@dataclass(frozen=True)
class PageContext:
    """Choices of the reader: the model on its data, the sample's row, the theme, and the explained output."""

    study: Study
    row: int
    theme: Theme
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
        return Sample(
            self.explained_study,
            self.row,
            int(self.study.predicted[self.row])
            if self.output_wanted is None
            else self.output_wanted,
            tweak,
        )

    def prepare(self) -> None:
        """Draw the contents of this page for the neighbouring samples in the background. This is the last call of a
        page.
        """
        prepare_ahead(
            self,
            state.current(),
            frozenset(state.get(state.WAITING)),
        )

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
    from qfusion.app import requests

    if requests.demands_login() or is_busy() or not _turn.acquire(blocking=False):
        return None
    return jobs.EXECUTOR.submit(_open, page, dict(query))


def _open(page: str, query: dict[str, str]) -> None:
    try:
        with contextlib.suppress(QFusionError):
            compute_first(page.replace("_", " ") or "overview", query)
    finally:
        _turn.release()


def compute_first(title: str, query: dict[str, str]) -> None:
    """Compute what a page shows first, for at most about `OPENING_SECONDS`.

    Args:
        title: of the page in small letters. query: of its address.

    Raises:
        QFusionError: when the address is not valid.
    """
    import torch

    from qfusion.study import opening
    from qfusion.views.pages import address, catalogue, page_state

    torch.set_num_threads(1)  # of this thread: the browser needs the other processors
    until = time.monotonic() + OPENING_SECONDS
    if title not in catalogue.PAGES or title in catalogue.PAGES_WITHOUT_MODEL:
        return
    model = query.get(address.MODEL.key) or address.models()[0]
    if model not in address.models():
        return
    data = query.get(address.DATA.key) or address.own_data(model)
    if data not in address.sources() or not opening.is_encoded(model, data):
        return
    study = opening.open_study(model, data)
    _compute_findings(title, study)
    sample = query.get(address.SAMPLE.key) or address.default_sample(study)
    scopes = PageContext(study, study.dataset.row(sample), "light").scopes()
    view = page_state.PageState(title, query)
    for panel in catalogue.PAGES[title].values():
        if time.monotonic() > until:
            break
        if panel.is_cached and panel.scope in scopes and panel.is_shown(view, scopes[panel.scope]):
            _ = panel.build(scopes[panel.scope], **panel.arguments(view)).spec


def _compute_findings(title: str, study: Study) -> None:
    """Compute what a page needs before its panels, or for all of them."""
    from qfusion.study import trust

    if title == "faithfulness":
        trust.reliability_findings(study, at_hand=True)
