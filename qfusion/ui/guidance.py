"""Brief or full explanations, a switch of every page: brief texts are behind an (i); full ones are on the page."""

from collections.abc import Iterable
from typing import Literal
from zlib import crc32

import streamlit as st

from qfusion.analysis import text
from qfusion.panels.params import SelectParam
from qfusion.ui import state

WORDS, BRIEF, FULL = "words", "brief", "full"
DEPTH = SelectParam(
    WORDS,
    "Explanations",
    "They are brief.",
    "Brief: a title, a figure, and an (i) with what it shows and does not. Full: all words stand on the page.",
    (BRIEF, FULL),
    look="segments",
)


def full() -> bool:
    """Whether all words stand on the page."""
    return bool(state.get(WORDS) == FULL)


def aside(words: str) -> None:
    """Draw a remark that need not be read each time: behind an (i), or as a line if all texts are shown on the page."""
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


def help_line(words: str) -> None:
    """Draw the text of a widget's `help` as a line below the widget, if all texts are on the page."""
    if full():
        st.caption(words)


def line(short: str, whole: str) -> None:
    """A line, its whole sentence behind an (i) or in its place."""
    st.markdown(whole if full() else short, help=help(whole))


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
    (st.header if level == 2 else st.subheader)(words, anchor=False, help=help(more))
    help_line(more)


# Facts as small labels side by side, in place of sentences.


def begin(
    kind: str, label: str, cost: str, facts: Iterable[str], *, key: str, disabled: bool
) -> bool:
    """Draw the button that starts a long task, and its cost. Return whether it is pressed.

    Args:
        kind: of what begins, as containers are called by it. label: of the button.
        cost: in a sentence. facts: of it, one a chip. key, disabled: as of `st.button`.
    """
    help_line(cost)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{kind}-begin"):
        pressed = st.button(
            label,
            type="primary",
            icon=":material/play_arrow:",
            key=key,
            disabled=disabled,
            help=help(cost),
        )
        if not full():
            chips(f"{kind}-cost", facts)
    return pressed


def chips(key: str, facts: Iterable[str]) -> None:
    """Draw plain texts, each as a label; nothing without any.

    Args:
        key: of the container, after `chips-`. facts: may come from data.
    """
    shown = [text.escape_markdown(fact, 120) for fact in facts if fact]
    if shown:
        st.container(key=f"chips-{key}", width="content").markdown(
            " ".join(f":gray-badge[{fact}]" for fact in shown), width="content"
        )


# What an empty page will show: its views by name and icon, each with what stands in it.


def none_yet(
    noun: str, whole: str, views: Iterable[tuple[str, str, tuple[str, ...]]], may_begin: bool
) -> None:
    """Draw the placeholder that is shown before there is any run or sweep. It says how to begin one and what will
    appear then.

    Args:
        noun: "run" or "sweep". whole: how to begin one, in full. views: name, icon and contents of each.
        may_begin: whether this reader may begin one.
    """
    with st.container(border=True, key=f"box-no-{noun}s", gap="xsmall"):
        if may_begin:
            line(f"There is no {noun} yet: press **Start**.", whole)
        else:
            st.markdown(f"There is no {noun} on this server.")
        with st.container(key=f"coming-{noun}s"):
            for place, (name, icon, holds) in enumerate(views):
                with st.container(border=True, gap="xxsmall", key=f"coming-{noun}s-{place}"):
                    st.markdown(f"#### {icon} {name}")
                    chips(f"coming-{noun}s-{place}", holds)
