"""Refine a study: explain against all rows of the background where pages started with a part of them."""

from __future__ import annotations

from typing import Any

from qfusion.analysis.jobs import Job, begin_job

# floating-point operations up to which the refinement begins unasked: some minutes of one core
AUTO = 1e12


def begin_refinement(study: Any, asker: str) -> Job:
    """Return the job that refines a study, begun by this or an earlier call. Its result is the study against all rows,
    with its explanation computed.

    Args:
        study: one of which `is_sampled` holds.
        asker: who wants it, as of `begin_job`.
    """
    exact = study.with_all_rows()

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_job(study.memo_key(), explained, len(exact.explained_rows), asker)
