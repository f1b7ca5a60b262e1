"""Runs of a page and of its fragments: where our errors become messages, and where the address is written."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import streamlit as st

from qfusion import plugin
from qfusion.analysis import text
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.ui import first_paint, page_params, reruns, state
from qfusion.views.pages import catalogue

P = ParamSpec("P")
_draws_page: ContextVar[bool] = ContextVar("draws_page", default=False)


@contextmanager
def guard(title: str = "") -> Iterator[None]:
    """Show one of our own errors as a message; of a whole page below its `title`, with nothing drawn after it. Other
    errors are defects."""
    if state.take(state.AGAIN):
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
            page_params.write_address()
            st.stop()


def fragment(part: Callable[P, None], key: str | None = None) -> Callable[P, None]:
    """Return a function that draws its part of a page as a fragment. Its widgets redraw only this part, and errors
    of qfusion are messages in its place. A callback redraws it by its `key`.
    """

    @st.fragment(key=key)
    @wraps(part)
    def drawn(*arguments: P.args, **options: P.kwargs) -> None:
        reruns.begin_run()
        with guard():
            part(*arguments, **options)
        if not _draws_page.get():
            page_params.write_address()

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
    function = importlib.import_module(f"qfusion.ui.pages.{Path(file).stem}").page
    return function


def draw_page(page: Callable[[], object]) -> None:
    """Draw a whole page, and write its address at the end."""
    token = _draws_page.set(True)
    try:
        page()
        first_paint.finish_first_paint()
        page_params.open_params().end()
        page_params.write_address()
    finally:
        _draws_page.reset(token)


def draw_notices() -> None:
    """Draw the notices at the top of the page with a button that closes them."""
    if notices := list(state.get(state.NOTICES, [])):
        with st.container(border=True, key="notices"):
            for words in notices:
                st.warning(text.message(words), icon=":material/link_off:")
            st.button("Close", on_click=state.put, args=(state.NOTICES, []), key="_close_notices")
