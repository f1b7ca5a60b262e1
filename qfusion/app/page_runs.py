"""Runs of a page and of its fragments: their preparation, our errors as messages, dialogs, and placeholders of what
is not computed yet."""

import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec

import streamlit as st
import threadpoolctl
import torch

from qfusion import plugin
from qfusion._memory_cache import memo, waiting
from qfusion._progress import override
from qfusion.app import state, streamlit_internals
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.study import opening, text
from qfusion.views.pages import catalogue
from qfusion.views.words.training import describe_task

P = ParamSpec("P")
_draws_page: ContextVar[bool] = ContextVar("draws_page", default=False)


@contextmanager
def show_errors(title: str = "") -> Iterator[None]:
    """Show one of our own errors as a message; of a whole page below its `title`, with nothing drawn after it. Other
    errors are defects."""
    if state.pop(state.AGAIN):
        st.rerun()
    try:
        with translate_system_errors():
            yield
    except QFusionError as error:
        if title:
            st.title(title, anchor=False)
            draw_notices()
        st.error(text.message(error), icon=":material/error:")
        if title:
            st.caption("Choose another model or data set at the top to continue.")
            state.write_address()
            st.stop()


def fragment(part: Callable[P, None], key: str | None = None) -> Callable[P, None]:
    """Return a function that draws its part of a page as a fragment. Its widgets redraw only this part, and errors
    of qfusion are messages in its place. A callback redraws it by its `key`.
    """

    @st.fragment(key=key)
    @wraps(part)
    def drawn(*arguments: P.args, **options: P.kwargs) -> None:
        prepare_script()
        with show_errors():
            part(*arguments, **options)
        if not _draws_page.get():
            state.write_address()

    return drawn


def run_or_notice(act: Callable[..., object], *words: Any) -> None:
    """Carry out an action for a callback, during which there is no page yet. An error becomes a notice at the top of
    the next page.

    Args:
        act: what is done. words: its arguments.
    """
    try:
        with translate_system_errors():
            act(*words)
    except QFusionError as error:
        state.notice(str(error))
        state.page_again()  # notices stand above what is drawn anew by itself


def run_page(file: str, name: str = "__main__") -> None:
    """Draw the page of a file that Streamlit runs. Streamlit redefines everything in the file in each run, so the
    page is in a module that stays loaded. Do nothing if the file is imported, as its `name` tells.
    """
    if name == "__main__":
        draw_page(_page_function(f"pages/{Path(file).name}"))


def _page_function(file: str) -> Callable[[], object]:
    """Return the function that draws the page of a file: that of a plugin, or that of the core."""
    name = st.query_params.get(catalogue.PLUGIN_PAGE)
    for page in plugin.entries("pages"):
        if page.file == file or (
            not page.file and file == catalogue.PLUGIN_FILE and page.title == name
        ):
            function: Callable[[], object] = plugin.load_name(page.draw)
            return function
    function = importlib.import_module(f"qfusion.app.pages.{Path(file).stem}").page
    return function


def draw_page(page: Callable[[], object]) -> None:
    """Draw a whole page, and write its address at the end."""
    token = _draws_page.set(True)
    try:
        page()
        finish_first_paint()
        state.open_params().end()
        state.write_address()
    finally:
        _draws_page.reset(token)


def draw_notices() -> None:
    """Draw the notices at the top of the page with a button that closes them."""
    if notices := list(state.get(state.NOTICES, [])):
        with st.container(border=True, key="notices"):
            for words in notices:
                st.warning(text.message(words), icon=":material/link_off:")
            st.button("Close", on_click=state.put, args=(state.NOTICES, []), key="_close_notices")


FIRST = "_first_figure"  # in a session: the event that a browser has drawn it; later False
PATIENCE = 10.0  # seconds after which a browser that has not said so, or that cannot, gets the rest all the same
# models that this server has shown; none where pages run without one
shown_models: set[str] = set()


def finish_first_paint(patience: float = 0) -> None:
    """Rerun a page that so far shows only its first part. If that is a figure, wait up to `patience` seconds until a
    browser has drawn it.
    """
    if drawn := st.session_state.get(FIRST):
        drawn.wait(patience)
        st.session_state.clear()
        st.session_state[FIRST] = False
        st.rerun()


OWN = "_own"  # in a session, the samples that its visitor has made
frozen_modules = 0  # modules that were loaded when the collector last set everything aside


@memo(1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def prepare_process() -> None:
    """Do what the first run of a page would wait for."""
    _limit_blas()
    streamlit_internals.prepare_first_element()


def prepare_script() -> None:
    """Prepare a run. Call this first in every run of a page and of a fragment: it makes torch, NumPy and SciPy use one
    thread, and excludes the objects left by imports from garbage collection.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's
    browser does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per
    thread, so once per process is not enough for torch; BLAS is set once for all.

    Until a collection of garbage has looked at everything, nothing else happens in the process, not even sending what
    was drawn. The modules of torch, QuTiP and PennyLane are hundreds of thousands of objects that are never garbage:
    0.2 to 0.3 s each time. Set aside, they cost nothing.
    """
    global frozen_modules
    _limit_blas()
    torch.set_num_threads(1)
    if len(sys.modules) != frozen_modules:
        frozen_modules = len(sys.modules)
        gc.freeze()
    waiting.set(lambda task: computing(describe_task(task)))
    opening.session_samples.set(tuple(st.session_state.get(OWN) or ()))


def dialog(title: str, body: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Open a dialog unless this run has opened one: Streamlit shows one at a time, and two clicks may come as one
    message.

    Args:
        title, options: as of `st.dialog`. body: draws what is in it. arguments: of the body.
    """
    if not streamlit_internals.has_dialog():
        st.dialog(title, **options)(body)(*arguments)


def dialog_if_wanted(
    name: str, title: str, body: Callable[..., object], *arguments: Any, width: Any
) -> None:
    """Open a dialog while the reader wants the one of a name, see `state.DRAWER`. Other arguments are those of
    `dialog`. The page is drawn again once it is closed.
    """
    if state.get(state.DRAWER) == name:
        close = partial(state.put, state.DRAWER, None)
        dialog(title, body, *arguments, width=width, on_dismiss=close)


@st.fragment
def dialog_button(
    label: str, icon: str, key: str, body: Callable[..., object], *arguments: Any
) -> None:
    """Draw a button that opens a dialog of its name; a fragment, so that the page is not drawn anew for it."""
    prepare_script()
    if st.button(label, icon=icon, key=key, width="stretch"):
        dialog(label, body, *arguments)


HEIGHT = 320  # pixels of the figure of most cards
TITLE = '<div class="qf-skeleton" style="height: 1.3rem; width: 45%" aria-hidden="true"></div>'
BLOCK = '<div class="qf-skeleton" style="height: {height}px" aria-hidden="true"></div>'
_DRAWN = "_drawn_cards"  # in a session: names of the cards that were drawn


def card(name: str, title: str = "", words: str = "", height: int = HEIGHT) -> Any:
    """Draw the placeholder of a card. Return a place in it for what is going on.

    Args:
        name: of the panel that will stand there.
        title: of the card, as Markdown; a grey bar where it is not known.
        words: what it waits for, as Markdown.
        height: of the figure, in pixels.
    """
    with st.container(border=True, key=f"skeleton-{name}", gap="xsmall"):
        if title:
            st.markdown(f"#### {title}")
        else:
            st.html(TITLE)
        if words:
            st.caption(words)
        status = st.container(key=f"waiting-{name}")
        st.html(BLOCK.format(height=height))
    return status


class Placeholders:
    """The placeholders of cards that are drawn one after another.

    Args:
        heights: of the figures in pixels, by name of the card.
        cells: where each card will stand; the place of the current card by default.
    """

    def __init__(self, heights: Mapping[str, int], cells: Sequence[Any] = ()):
        self._heights = dict(heights)
        self._cells = dict(zip(heights, cells, strict=False))
        self._places: dict[str, Any] = {}
        self._status: dict[str, Any] = {}

    def show(self) -> AbstractContextManager[Any]:
        """Draw those of all cards that are missing. Return the place for what is going on."""
        first = next(iter(self._heights), "")
        names = list(self._heights) if self._cells else [first]
        for name in names:
            if name and name not in self._places:
                self._draw(name)
        return self._status.get(first) or nullcontext()

    def remove(self, name: str) -> None:
        """Remove the placeholder of a card, which is about to be drawn."""
        self._heights.pop(name, None)
        self._status.pop(name, None)
        if name in self._places:
            self._places.pop(name).empty()

    def remove_all(self) -> None:
        """Remove all placeholders that are left."""
        for name in list(self._heights):
            self.remove(name)

    def _draw(self, name: str) -> None:
        with self._cells.get(name) or nullcontext():
            self._places[name] = st.empty()
        with self._places[name].container():
            self._status[name] = card(name, height=self._heights[name])


_open: ContextVar[Placeholders | None] = ContextVar("placeholders", default=None)


@contextmanager
def placeholders(heights: Mapping[str, int], cells: Sequence[Any] = ()) -> Iterator[Placeholders]:
    """Context manager in which cards are computed and drawn. A card that was never drawn in this session has a
    placeholder while a long calculation runs. Arguments are as of `Placeholders`.
    """
    drawn = set(state.get(_DRAWN, ()))
    if drawn >= heights.keys():
        yield Placeholders({})
        return
    result = Placeholders(heights, cells)
    try:
        with override(_open, result):
            yield result
        state.put(_DRAWN, drawn | heights.keys())
    finally:
        result.remove_all()


@contextmanager
def computing(words: str) -> Iterator[None]:
    """Context manager that shows a spinner, with the placeholders of the cards that are being computed."""
    current = _open.get()
    with nullcontext() if current is None else current.show(), st.spinner(words):
        yield
