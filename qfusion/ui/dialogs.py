"""Dialogs, of which Streamlit shows one at a time, and buttons that open them."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion.ui import streamlit_internals
from qfusion.ui.reruns import begin_run


def dialog(title: str, body: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Open a dialog unless this run has opened one: Streamlit shows one at a time, and two clicks may come as one
    message.

    Args:
        title, options: as of `st.dialog`. body: draws what is in it. arguments: of the body.
    """
    if not streamlit_internals.has_dialog():
        st.dialog(title, **options)(body)(*arguments)


@st.fragment
def dialog_button(
    label: str, icon: str, key: str, body: Callable[..., object], *arguments: Any
) -> None:
    """Draw a button that opens a dialog of its name; a fragment, so that the page is not drawn anew for it."""
    begin_run()
    if st.button(label, icon=icon, key=key, width="stretch"):
        dialog(label, body, *arguments)
