"""How much the pages say: brief, with the rest behind an (i), or full, for teaching. A switch of every page, in its
address."""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import streamlit as st

from qfusion.panels.address import options
from qfusion.ui.frame import state

WORDS, BRIEF, FULL = "words", "brief", "full"
DEPTHS = (BRIEF, FULL)
_HELP = "Brief: a title, a figure, and an (i) with what it shows and does not. Full: all words stand on the page."


def draw() -> None:
    """Draws the switch."""
    state.drop_invalid({WORDS: options("Explanations", DEPTHS, "They are brief.")})
    state.one_of("Explanations", DEPTHS, default=BRIEF, help=_HELP, **state.bound(WORDS))


def full() -> bool:
    """Whether all words stand on the page."""
    return bool(state.get(WORDS) == FULL)


def kept() -> dict[str, str]:
    """What links and the next page carry."""
    return {WORDS: FULL} if full() else {}


def aside(words: str) -> None:
    """Says something that need not be read each time: behind an (i), or as a line where all words stand on the page."""
    if full():
        st.caption(words)
    else:
        with (
            st.container(key=f"about-aside-{crc32(words.encode())}"),
            st.popover("About", icon=":material/info:", type="tertiary"),
        ):
            st.caption(words)


def help(words: str) -> str | None:
    """The help of a widget, where not all words stand on the page."""
    return None if full() else words


def below(words: str) -> None:
    """What a widget's `help` says otherwise, as a line below it, where all words stand on the page."""
    if full():
        st.caption(words)


def line(short: str, whole: str) -> None:
    """A line, its whole sentence behind an (i) or in its place."""
    st.markdown(whole if full() else short, help=help(whole))


def folded(label: str, open: bool = False) -> None:
    """Where the window is narrow, what follows in the same container waits behind this line: the answer stays on the
    first screen. In wide windows nothing is drawn.

    Args:
        label: of the line, a plain text of ours. open: whether it is unfolded from now on.
    """
    once = f"_unfolded-{label}"
    state.put(once, open := open or bool(state.get(once)))
    st.html(
        f'<details class="qf-fold"{" open" if open else ""}><summary>{label}</summary></details>'
    )


def title(words: str, more: str, level: Literal[2, 3] = 2) -> None:
    """A title with what there is to say of it, as `aside` says it."""
    draw_title = st.header if level == 2 else st.subheader
    draw_title(words, anchor=False, help=help(more))
    below(more)
