"""Buttons that show an icon alone. Screen readers hear the label, which `app.css` hides from view."""

from collections.abc import Callable
from typing import Any

import streamlit as st


def icon_button(
    label: str,
    icon: str,
    key: str,
    on_click: Callable[..., None],
    *arguments: Any,
    shortcut: str = "",
    **options: Any,
) -> None:
    """Draw a button with an icon and without visible words. Its key must be in the list of `app.css`.

    Args:
        label: what it does, also shown under the mouse.
        icon: name of a Material symbol.
        key: of the button.
        on_click: called by a click.
        arguments: of `on_click`.
        shortcut: key that does the same, shown under the mouse.
        options: further arguments of `st.button`.
    """
    st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        help=f"{label} ({shortcut})" if shortcut else label,
        on_click=on_click,
        args=arguments,
        **options,
    )
