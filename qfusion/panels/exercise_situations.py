"""What the goal of an exercise is checked on: the sample of a page under an address, and what the page shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qfusion._checks import check, choose
from qfusion.analysis.exercise_quantities import Situation
from qfusion.panels import pages
from qfusion.panels.device_noise import NOISE, SHOTS
from qfusion.panels.dynamics_page import CURSOR, RUNS
from qfusion.panels.page_state import PageState
from qfusion.panels.params import NumberParam, Param, SelectParam, SwitchParam
from qfusion.panels.scopes import open_scope

# Titles of the pages that show a sample, in lower case.
SAMPLE_PAGES = tuple(
    page for page in pages.PAGES if page not in (*pages.PAGES_WITHOUT_MODEL, "leaderboard")
)


def has_sample(view: PageState) -> bool:
    """Return whether a page shows a sample: some, such as Train, have neither model nor sample."""
    return view.page in SAMPLE_PAGES and all(view.get(key) for key in ("model", "data", "sample"))


def open_situation(view: PageState) -> Situation:
    """Return what a goal is checked on.

    Args:
        view: a page under a complete address.

    Raises:
        InvalidInput: when the page has no sample.
        NotFound, InvalidInput: when a value of the address does not fit.
    """
    check(
        has_sample(view),
        f"Page '{view.page}' shows no sample. Open the page of the exercise.",
    )
    sample = open_scope(view, "sample")
    strengths = [NOISE[kind](view) or 0.0 for kind in ("depolarising", "damping", "readout")]
    cursor = CURSOR(view)
    return Situation(
        sample,
        output=view.output,
        background=view.background,
        cursor=1.0 if cursor is None else cursor,
        runs=RUNS(view) or int(RUNS.default),
        noise=(strengths[0], strengths[1], strengths[2]),
        shots=NOISE["shots"](view) or SHOTS,
        option=lambda key: option_text(view, sample.study, key),
    )


def option_text(view: PageState, study: Any, key: str) -> str:
    """Return the value of a choice of the page, or its default where the address leaves it open.

    Raises:
        NotFound: when the page has no such choice.
    """
    known = {param.key: param for param in page_choices(view, study)}
    param = known[choose("Choice", key, known)]
    return view.get(key) or default_text(param, study)


def page_choices(view: PageState, study: Any) -> Iterator[Param]:
    """Yield the choices of a page that a study has."""
    for part in pages.PAGE_PARAMS.get(view.page, ()):
        for param in [part] if isinstance(part, Param) else part(view, study):
            if param.fits(study):
                yield param
    for panel in pages.PAGES.get(view.page, {}).values():
        yield from (param for param in pages.own_params(view.page, panel) if param.fits(study))


def default_text(param: Param, study: Any) -> str:
    """Return the value that a choice has at first, as text; empty where it has none."""
    match param:
        case SelectParam():
            return param.default or next(iter(param.options(study)), "")
        case SwitchParam():
            return str(param.default).lower()
        case NumberParam():
            return f"{param.default:g}"
        case _:
            return ""
