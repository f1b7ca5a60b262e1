"""Cuts of the correlations of a cohort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qfusion.plugins.why.cuts import cohort_cuts, cut_measures
from qfusion.study import jobs, performance
from qfusion.study.opening import open_sample
from qfusion.study.performance import compare_cohort
from tests.support.app import plain, said, visit

FILTER = "split=valid; truth>0"  # few samples, each some milliseconds


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The levels of a cohort, where more than 40 samples are slow and 20 are drawn."""
    monkeypatch.setattr(performance, "MAX_SLOW", 40)
    monkeypatch.setattr(performance, "FEW_SLOW", 20)
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())
    return compare_cohort(open_sample("qj-planted", "p0031"), FILTER)


def test_cuts_are_computed_in_chunks(few: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = few.places(cohort_cuts.cut_rows(few))[:9]
    once = cut_measures.cut_curves(few.study.model, few.study.dataset, rows, 2)
    monkeypatch.setattr(cut_measures, "AT_ONCE", 4)
    parts = cut_measures.cut_curves(few.study.model, few.study.dataset, rows, 2)
    assert once.n == parts.n == 9
    for name, estimates in once.after.items():
        np.testing.assert_allclose(parts.after[name].value, estimates.value, atol=1e-12)


def test_cuts_of_large_cohorts_use_drawn_samples(few: Any) -> None:
    inside = int(few.inside.sum())
    assert len(cohort_cuts.cut_rows(few)) == 20
    assert len(cohort_cuts.cut_rows(few, all_samples=True)) == inside
    assert cohort_cuts.describe_cut_scope(few).startswith(
        f"20 samples drawn at random from {inside}"
    )


def test_the_tab_of_cohorts_says_whether_correlations_are_needed() -> None:
    view = {"cohorts.view": cohort_cuts.TAB}
    app = visit("Cohorts", model="qj-parity", cuts="true", **view)
    assert not app.error
    assert "correlations of " in plain(said(app)).lower()
    app = visit("Cohorts", model="qcnn-parity", **view)
    assert not app.error
    assert "there are no correlations to cut" in plain(said(app))
