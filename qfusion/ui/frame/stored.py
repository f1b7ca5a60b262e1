"""What a reader keeps across pages: saved cohorts and the pinned view. In the session, and in the address as `cohort`
and `pin`.

No widget carries them. The first run of a session takes them from the address; from then on the address follows the
session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.explain.cohorts import Cohort
from qfusion.panels import address
from qfusion.panels.address import Pin
from qfusion.ui.frame import state

COHORTS, PIN = "cohort", "pin"
KEYS = (COHORTS, PIN)
_COHORTS, _PIN = "_cohorts", "_pin"


def settle() -> None:
    """Once a session reads the address, names what does not fit and drops it; after that writes what is kept into the
    address."""
    if _COHORTS not in st.session_state:
        state.put(_COHORTS, _read_cohorts(st.query_params.get_all(COHORTS)))
        said = st.query_params.get(PIN)
        state.put(
            _PIN, _named(PIN, address.parse_pin, said, "Nothing is pinned.") if said else None
        )
    _write()


def _named(key: str, read: Callable[[str], Any], said: str, instead: str) -> Any:
    try:
        return read(said)
    except QFusionError as error:
        state.notice(f"In the link, `{key}`: {error} {instead}")
        return None


def _read_cohorts(texts: list[str]) -> list[Cohort]:
    if len(texts) > cohorts.MAX_SAVED:
        state.notice(
            f"In the link, `{COHORTS}`: {len(texts)} cohorts are named, and the first {cohorts.MAX_SAVED} are kept."
        )
    found: dict[str, Cohort] = {}
    for said in texts[: cohorts.MAX_SAVED]:
        one = _named(COHORTS, cohorts.parse_saved, said, "It is ignored.")
        if one is not None:
            found[one.name] = one
    return list(found.values())


def _write() -> None:
    wanted = {COHORTS: [str(each) for each in saved()], PIN: [str(pinned())] if pinned() else []}
    for key, values in wanted.items():
        if st.query_params.get_all(key) != values:
            if values:
                st.query_params[key] = values
            else:
                st.query_params.pop(key, None)


def saved() -> list[Cohort]:
    """The cohorts that the reader has saved."""
    return list(state.get(_COHORTS, []))


def save(cohort: Cohort) -> None:
    """Keeps a cohort; one of the same name is replaced.

    Raises:
        InvalidInput: when as many as fit in an address are kept already.
    """
    others = [each for each in saved() if each.name != cohort.name]
    check(
        len(others) < cohorts.MAX_SAVED,
        f"{cohorts.MAX_SAVED} cohorts are saved, as many as an address holds. Delete one first.",
    )
    state.put(_COHORTS, [*others, cohort])
    _write()


def delete(name: str) -> None:
    """Forgets a cohort."""
    state.put(_COHORTS, [each for each in saved() if each.name != name])
    _write()


def pinned() -> Pin | None:
    """The pinned view."""
    return state.get(_PIN)


def pin(view: Pin | None) -> None:
    """Pins a view, or none."""
    state.put(_PIN, view)
    _write()


def query() -> dict[str, Any]:
    """What a link inside the app carries, so that it can be opened in a new tab."""
    found: dict[str, Any] = {COHORTS: [str(each) for each in saved()]} if saved() else {}
    return found | ({PIN: str(pinned())} if pinned() else {})
