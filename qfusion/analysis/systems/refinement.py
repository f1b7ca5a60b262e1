"""Test sets explained against every row of the background, behind the pages.

Pages show numbers against some of the rows at once; `begin` works out those against all of them, and `find` tells how
far it is. Free of streamlit.
"""

from __future__ import annotations

from typing import Any

from qfusion.analysis.memo import memo
from qfusion.analysis.systems.behind import Job
from qfusion.analysis.systems.behind import begin as begin_work
from qfusion.analysis.systems.behind import find as find_work

AUTO = 1e12  # floating-point operations that are worked out unasked: some minutes of one core


def is_quick(work: Any) -> bool:
    """Whether all rows are a matter of minutes, so that they may be worked out unasked."""
    return bool(against_all_rows(work).operations <= AUTO)


def find(work: Any) -> Job | None:
    """Returns the refinement of a subject that somebody asked for, unless it was stopped."""
    return find_work(work.memo_key())


def begin(work: Any, asker: str) -> Job:
    """Returns the refinement of a subject, begun by this or an earlier call; its result is the subject against all
    rows, whose explanation is there.

    Args:
        work: a subject of which `is_sampled` holds.
        asker: who wants it, as of `begin_work`.
    """
    exact = against_all_rows(work)

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_work(work.memo_key(), explained, len(exact.bulk), asker)


@memo(4)
def against_all_rows(work: Any) -> Any:
    """Returns the subject against all rows, shared: its explanation is that of the refinement, or worked out when it is
    asked for."""
    return work.against_all_rows()
