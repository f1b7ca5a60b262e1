"""The start of a long task: a button with its cost, and a placeholder until there is a first run.

The placeholder names the views that will appear, each with an icon and its contents.
"""

from collections.abc import Iterable

import streamlit as st

from qfusion.ui.fact_chips import chips
from qfusion.ui.guidance import full, help, help_line, line


def start_button(
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


def placeholder(
    noun: str, whole: str, views: Iterable[tuple[str, str, tuple[str, ...]]], may_begin: bool
) -> None:
    """Draw the placeholder that is shown before there is any run. It says how to begin one and what will
    appear then.

    Args:
        noun: what begins, such as "run".
        whole: how to begin one, in full.
        views: name, icon and contents of each.
        may_begin: whether this reader may begin one.
    """
    with st.container(border=True, key=f"box-no-{noun}s", gap="xsmall"):
        if may_begin:
            line(f"There is no {noun} yet: press **Start**.", whole)
        else:
            st.markdown(f"There is no {noun} on this server.")
        with st.container(key="coming"):
            for place, (name, icon, holds) in enumerate(views):
                with st.container(border=True, gap="xxsmall", key=f"coming-{place}"):
                    st.markdown(f"#### {icon} {name}")
                    chips(f"coming-{place}", holds)
