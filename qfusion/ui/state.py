"""Values of a session, by key, and notices on top of the page.

A key that begins with an underscore belongs to the session alone; any other key is a parameter of the page, see
`page_params`.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

from qfusion.ui import page_params
from qfusion.views.pages.address import SAMPLE

T = TypeVar("T")
# Of the Data page, which an import, a removal and recordings tell what they have done.
DATA_MESSAGE = "_kept_set"  # what is said once on top of the page
NEW_SET = "_pick_set"  # name of the set that is chosen next
NOTICES, DRAWER = "_notices", "_drawer"
WAITING = "_waiting"  # panels of this page that are below the screen
AGAIN = "_page_again"
MAX_NOTICES = 12


def get(key: str, default: Any = None) -> Any:
    """Return a value of this session."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Set a value of this session. The key of a widget may be set before the widget is drawn, or in a callback."""
    st.session_state[key] = value
    if not key.startswith("_"):
        page_params.open_params().show(key)


def take(key: str) -> Any:
    """Return a value of this session and remove it, or None if there is none."""
    return st.session_state.pop(key, None)


def forget(key: str) -> None:
    """Drop a value of this session before its widget is drawn, so that the widget takes its default."""
    st.session_state.pop(key, None)
    page_params.drop_link({key: ()})


def required_choice(
    label: str, options: Sequence[T], *, default: T | None = None, **words: Any
) -> T:
    """Draw a segmented control of which one option is always chosen.

    No browser sends an empty choice; where a message holds one, the default or the first option is returned.

    Args:
        label, options, default, words: as of `st.segmented_control`.
    """
    chosen = st.segmented_control(label, options, default=default, required=True, **words)
    if chosen is not None:
        return chosen
    return default if default is not None else options[0]


def notice(message: str) -> None:
    """Add a message on top of the page, which stays until the reader closes it."""
    notices: list[str] = st.session_state.setdefault(NOTICES, [])
    if message in notices or len(notices) > MAX_NOTICES:
        return
    if len(notices) == MAX_NOTICES:
        message = "Further parts of the link are invalid. They are ignored."
    notices.append(message)


def choose_sample(sample_id: str) -> None:
    """Make a sample the current one on the whole page. For callbacks."""
    put(SAMPLE.key, sample_id)
    page_again()


def page_again() -> None:
    """Request that the whole page is drawn again. It is for callbacks in a fragment that change something outside of
    it.
    """
    put(AGAIN, True)
