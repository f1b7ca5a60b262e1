"""Placeholders in the place of cards whose content is not computed yet, about as high as the cards will be."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import streamlit as st

from qfusion._sentences import meanwhile
from qfusion.ui import state

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
        with meanwhile(_open, result):
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
