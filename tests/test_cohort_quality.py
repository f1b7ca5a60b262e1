"""Performance on a cohort: confusions, curves, calibration and residuals by counting; panels and page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qfusion.errors import InvalidInput
from qfusion.figures import model_quality
from qfusion.study import performance
from qfusion.study.opening import open_sample
from qfusion.study.performance import compare_cohort
from qfusion.views import cohort_quality, samples
from qfusion.views.pages import cohorts
from qfusion.views.pages.panel import drawn
from tests.support.app import plain, said, visit


@pytest.fixture(scope="module")
def digits() -> Any:
    return compare_cohort(open_sample("qcnn-digits", "digit-0004"), "certainty<0.99")


@pytest.fixture(scope="module")
def planted() -> Any:
    return compare_cohort(open_sample("qj-planted", "p0031"), "relation=conflict")


def rows_of(levels: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    study, places = levels.study, levels.places(levels.rows[levels.inside])
    return study.dataset.y[places], study.predicted[places], study.probabilities[places]


@pytest.mark.parametrize("filter", ["", "certainty<0.99"])
def test_confusions_by_counting(digits: Any, filter: str) -> None:
    levels = compare_cohort(digits.sample, filter)
    truth, predicted, _ = rows_of(levels)
    found = performance.confusions(levels)
    assert found.shape == (10, 10)
    assert all(
        found[i, j] == ((truth == i) & (predicted == j)).sum() for i in range(10) for j in range(10)
    )


def test_curves_by_counting(digits: Any) -> None:
    everyone = compare_cohort(digits.sample)
    truth, _, sure = rows_of(everyone)
    found = performance.curves(everyone)
    assert [each.name for each in found] == list(digits.study.classes)
    for c in (0, 7):
        own, others = sure[truth == c, c], sure[truth != c, c]
        # The area is the chance that one of the class gets more than one of the rest.
        chance = (own[:, None] > others[None]).mean() + 0.5 * (own[:, None] == others[None]).mean()
        assert found[c].area == pytest.approx(chance)
        assert found[c].positives == len(own)
        false, true = found[c].roc
        for threshold in (0.1, 0.5):
            at = np.argmin(
                np.abs(true - (own >= threshold).mean())
                + np.abs(false - (others >= threshold).mean())
            )
            assert true[at] == pytest.approx((own >= threshold).mean(), abs=0.05)
        order = np.argsort(-sure[:, c], kind="stable")
        hits = np.cumsum(truth[order] == c)
        precision = hits / np.arange(1, len(truth) + 1)
        assert found[c].precision == pytest.approx(
            precision[truth[order] == c].mean(), abs=2e-3
        )  # up to ties


def test_calibration_by_counting(digits: Any) -> None:
    truth, predicted, sure = rows_of(digits)
    (_, _, counts, error), top = performance.calibration(digits), sure.max(1)
    gap = 0.0
    for b in range(performance.BINS):
        rows = (top >= b / performance.BINS) & (
            top < (b + 1) / performance.BINS + (b == performance.BINS - 1)
        )
        if rows.any():
            gap += rows.mean() * abs(top[rows].mean() - (truth == predicted)[rows].mean())
    assert error == pytest.approx(gap)
    assert counts.sum() == len(truth)


def test_residuals_by_counting(planted: Any) -> None:
    places = planted.places(planted.rows)
    assert np.allclose(
        performance.residuals(planted),
        planted.study.scores[places, 0] - planted.study.dataset.y[places],
    )
    frame = cohort_quality.residuals(planted).numbers
    assert np.abs(frame["residual"]).mean() == pytest.approx(planted.rows["error"].mean())
    assert frame["in_cohort"].sum() == planted.inside.sum()


def test_quality_panels_of_classes_and_numbers(digits: Any, planted: Any) -> None:
    counts = performance.confusions(digits)
    assert cohort_quality.confusions(digits).title.startswith(
        f"{np.trace(counts)} of {counts.sum()} samples are right"
    )
    assert list(cohort_quality.curves(digits).numbers["class"]) <= list(digits.study.classes)
    assert "The mean area is 0." in cohort_quality.curves(digits).caption
    one_class = compare_cohort(digits.sample, "truth=7")
    assert "The mean area" not in cohort_quality.curves(one_class).caption
    assert "Expected calibration error" in cohort_quality.calibration(digits).caption
    assert not cohorts.has_classes(planted)
    assert cohorts.is_regression(planted)
    assert not cohorts.is_regression(digits)
    with pytest.raises(InvalidInput, match="chooses among classes"):
        performance.residuals(digits)
    with pytest.raises(InvalidInput, match="shape"):
        model_quality.confusion_matrix(np.zeros((2, 3)), ["a", "b"])
    nobody = compare_cohort(open_sample("qj-planted", "p0031"), "error>1000")
    assert cohort_quality.residuals(nobody).title == "No sample of this cohort"
    assert not cohorts.has_classes(
        compare_cohort(open_sample("qcnn-digits", "digit-0004"), "error>1000")
    )


@pytest.mark.parametrize(
    ("model", "words"), [("qj-planted", "Bias "), ("qcnn-digits", "are right")]
)
def test_page_opens(model: str, words: str) -> None:
    app = visit("Cohorts", model=model, **{"cohorts.view": "Quality"})
    assert not app.error
    assert words in plain(said(app))


def test_margin_against_rank_marks_wrong_decisions() -> None:
    sample = open_sample("qcnn-digits", "digit-0004")
    study, rows = sample.study, sample.study.dataset.rows("test")
    picture = drawn(samples.scatter)(sample)
    table = picture.numbers.set_index("id")
    for name in table.index[::50]:
        row = study.dataset.row(name)
        scores = list(study.model.logit_scale * study.scores[row])  # differences are log-odds
        truth = int(study.dataset.y[row])
        own = scores.pop(truth)
        assert table.loc[name, "margin"] == pytest.approx(own - max(scores), abs=1e-12)
    assert sorted(table["rank"]) == list(range(1, len(rows) + 1))
    assert table.sort_values("rank")["margin"].is_monotonic_increasing
    wrong = int((study.predicted[rows] != study.dataset.y[rows]).sum())
    assert wrong
    assert f"Decided wrongly: {wrong} of {len(rows)}," in picture.title
