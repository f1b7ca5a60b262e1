"""Brief or full explanations, a switch of every page: brief texts are behind an (i); full ones are on the page."""

from typing import Literal
from zlib import crc32

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.ui import state
from qfusion.views.pages.params import SelectParam

WORDS, BRIEF, FULL = "words", "brief", "full"
DEPTH = SelectParam(
    WORDS,
    "Explanations",
    "Explanations are brief.",
    "Brief: a title, a figure, and an (i) with its explanation. Full: all explanations are on "
    "the page.",
    (BRIEF, FULL),
    look="segments",
)


def full() -> bool:
    """Whether all words stand on the page."""
    return bool(state.get(WORDS) == FULL)


def aside(words: str) -> None:
    """Draw a remark that need not be read each time: behind an (i), or as a line if all texts are shown on the page."""
    if full():
        st.caption(true_minus(words))
    else:
        with (
            st.container(key=f"about-aside-{crc32(words.encode())}"),
            st.popover("About", icon=":material/info:", type="tertiary"),
        ):
            st.caption(true_minus(words))


def help(words: str) -> str | None:
    """The help of a widget, where not all words stand on the page."""
    return None if full() else true_minus(words)


def help_line(words: str) -> None:
    """Draw the text of a widget's `help` as a line below the widget, if all texts are on the page."""
    if full():
        st.caption(true_minus(words))


def line(short: str, whole: str) -> None:
    """A line, its whole sentence behind an (i) or in its place."""
    st.markdown(true_minus(whole if full() else short), help=help(whole))


def help_expander(label: str, open: bool = False) -> None:
    """Fold what follows in the same container behind this line in a narrow window. The answer then stays on the first
    screen. In wide windows nothing is drawn.

    Args:
        label: of the line, a plain text of ours. open: whether it is unfolded from now on.
    """
    once = f"_unfolded-{label}"
    state.put(once, open := open or bool(state.get(once)))
    st.html(
        f'<details class="qf-fold"{" open" if open else ""}><summary>{label}</summary></details>'
    )


def title(words: str, more: str, level: Literal[2, 3] = 2) -> None:
    """Draw a title with its explanation, displayed as by `aside`."""
    (st.header if level == 2 else st.subheader)(true_minus(words), anchor=False, help=help(more))
    help_line(more)
