"""What a reader keeps across pages: saved cohorts and the pinned view, in the session and the address.

No widget carries them. The first run of a session takes them from the link.
"""

from collections.abc import Callable
from typing import TypeVar

from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.ui import page_params
from qfusion.ui.state import get, notice, put
from qfusion.views.pages.page_state import parse_pin

T = TypeVar("T")
COHORTS, PIN = "cohort", "pin"
SAVED = (COHORTS, PIN)


def arrive() -> None:
    """Take cohorts from the link with which a session begins, and a pin from any link.

    Values that do not fit are named in a notice and ignored.
    """
    if get(COHORTS) is None:
        texts = page_params.take_linked(COHORTS) or []
        if len(texts) > cohort_filters.MAX_SAVED:
            notice(
                f"In the link, `{COHORTS}`: {len(texts)} cohorts are named, and the first "
                f"{cohort_filters.MAX_SAVED} are "
                "kept."
            )
            texts = texts[: cohort_filters.MAX_SAVED]
        fitting = _parse(COHORTS, cohort_filters.parse_saved, texts, "It is ignored.")
        by_name = {cohort.name: cohort for cohort in fitting}
        put(COHORTS, list(by_name.values()) or None)
    texts = page_params.open_params().link.pop(PIN, [])
    pins = _parse(PIN, parse_pin, [text for text in texts[-1:] if text], "Nothing is pinned.")
    put(PIN, pins[0] if pins else get(PIN))
    put(COHORTS, get(COHORTS))


def _parse(key: str, parse: Callable[[str], T], texts: list[str], fallback_text: str) -> list[T]:
    """Return the values of a parameter that can be parsed. Add a notice for each of the others."""
    values = []
    for text in texts:
        try:
            values.append(parse(text))
        except QFusionError as error:
            notice(f"In the link, `{key}`: {error} {fallback_text}")
    return values


def saved_cohorts() -> list[cohort_filters.Cohort]:
    """Return the cohorts that the reader has saved."""
    return list(get(COHORTS) or [])


def save_cohort(cohort: cohort_filters.Cohort) -> None:
    """Save a cohort in place of one of the same name.

    Raises:
        InvalidInput: when as many are saved as an address can hold.
    """
    others = [other for other in saved_cohorts() if other.name != cohort.name]
    check(
        len(others) < cohort_filters.MAX_SAVED,
        f"{cohort_filters.MAX_SAVED} cohorts are saved, as many as an address holds. Delete one first.",
    )
    put(COHORTS, [*others, cohort])


def delete_cohort(name: str) -> None:
    """Delete a saved cohort."""
    put(COHORTS, [cohort for cohort in saved_cohorts() if cohort.name != name] or None)
