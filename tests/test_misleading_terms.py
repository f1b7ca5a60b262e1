"""Wrong decisions and their misleading terms against brute force; the sign column, filter chips, and the table of
the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qfusion.app.samples import cohort_picker
from qfusion.errors import InvalidInput
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, mistakes
from qfusion.study.opening import open_sample
from qfusion.study.performance import compare_cohort
from qfusion.training import metrics
from qfusion.views import cohort_errors, decision
from qfusion.views.words.decisions import describe_misleading
from tests.support.app import plain, said, visit


@pytest.fixture(scope="module")
def planted() -> Any:
    return open_sample("qj-planted", "p0031")


@pytest.fixture(scope="module")
def digits() -> Any:
    return open_sample("qcnn-digits", "digit-1571")


def test_misleading_term_has_the_largest_removal_effect() -> None:
    rng = np.random.default_rng(0)
    for outputs in (1, 3):
        dividends = rng.normal(size=(60, 8, outputs))
        scores = dividends.sum(1)
        truth = rng.normal(size=60) if outputs == 1 else rng.integers(0, 3, 60)
        place, pulls = mistakes.misleading(dividends, scores, truth)
        for row in range(60):
            moved = {}
            for term in range(1, 8):
                left = np.delete(dividends[row], term, 0).sum(0)
                if outputs == 1:
                    moved[term] = (scores[row, 0] - left[0]) * np.sign(scores[row, 0] - truth[row])
                else:
                    said, true = scores[row].argmax(), truth[row]
                    moved[term] = (scores[row, said] - scores[row, true]) - (
                        left[said] - left[true]
                    )
            best = max(moved, key=lambda term: moved[term])
            if moved[best] > 1e-12:
                assert place[row] == best
                assert pulls[row] == pytest.approx(moved[best])
            else:
                assert place[row] == 0
                assert pulls[row] == 0
    with pytest.raises(InvalidInput, match="`dividends`"):
        mistakes.misleading(np.zeros((2, 4)), np.zeros((2, 1)), np.zeros(2))


def test_no_misleading_term_without_a_wrong_sign() -> None:
    dividends = np.array([[[1.0], [-0.2], [0.0], [-0.1]]])  # the baseline alone is too large
    place, pulls = mistakes.misleading(dividends, dividends.sum(1), np.array([-1.0]))
    assert (place[0], pulls[0]) == (0, 0)


def test_a_wrong_class_is_titled_with_its_most_misleading_term_unless_seeds_leave_it_open() -> None:
    found = {
        name: open_sample("qcnn-scenes", name)
        for name in ("scene-6433", "scene-6438", "scene-6337")
    }
    titles = {name: plain(decision.verdict(sample).title) for name, sample in found.items()}
    named, unread, right = titles.values()
    assert named.endswith("but it is ‘no’; most misleading: picture + question (planted: for ‘no’)")
    assert unread.endswith("the most misleading term is within its spread over 5 training seeds")
    assert right.endswith("correctly")
    verdict = found["scene-6438"].verdict
    assert "picture+question" in verdict.within_spread
    assert describe_misleading("", verdict) == ""


@pytest.mark.parametrize("filter", ["", "relation=conflict", "error>1000"])
def test_wrong_signs_without_their_misleading_term(planted: Any, filter: str) -> None:
    levels = compare_cohort(planted, filter)
    found, study = mistakes.wrong(levels), planted.study
    inside = levels.rows[levels.inside]
    assert set(found.rows.index) == set(inside.index[inside["truth"] * inside["prediction"] < 0])
    for i, (name, row) in enumerate(found.rows.iterrows()):
        parts = {
            term: value
            for term, value in study.dividends(study.dataset.row(str(name))).items()
            if term
        }
        way = np.sign(row["prediction"] - row["truth"])
        worst = max(parts, key=lambda term: parts[term] * way)
        assert found.terms[i] == worst
        assert found.without[i] == pytest.approx(row["prediction"] - parts[worst])
        assert found.right[i] == ((row["prediction"] - parts[worst] > 0) == (row["truth"] > 0))
    assert len(cohort_errors.wrong(levels).numbers) == len(found.rows)


def test_wrong_classes_without_their_misleading_term(digits: Any) -> None:
    levels = compare_cohort(digits)
    found, study = mistakes.wrong(levels), digits.study
    assert set(found.rows.index) == set(levels.rows.index[levels.rows["verdict"] == "wrong"])
    assert len(found.rows)
    for i, (name, row) in enumerate(found.rows.iterrows()):
        explained = study.explained(study.dataset.row(str(name)))
        said, true = study.classes.index(row["prediction"]), study.classes.index(row["truth"])
        dividends = explained.dividends[0]
        place = 1 + int((dividends[1:, said] - dividends[1:, true]).argmax())
        assert found.terms[i] == explained.coalitions[place]
        assert found.without[i] == np.delete(dividends, place, 0).sum(0).argmax()
        assert found.right[i] == (found.without[i] == true)
    table = cohort_errors.wrong(levels).numbers
    assert set(table["without_it"]) <= set(study.classes)


def test_sign_column_matches_acc_2(planted: Any, digits: Any) -> None:
    rows = compare_cohort(planted).rows
    sign = rows[cohorts.SIGN]
    counted = metrics.regression(rows["prediction"].to_numpy(), rows["truth"].to_numpy())[
        "acc2_non0"
    ]
    assert (sign[sign != ""] == "right").mean() == pytest.approx(counted)
    assert int(compare_cohort(planted, "sign=wrong").inside.sum()) == int((sign == "wrong").sum())
    assert cohorts.SIGN not in compare_cohort(digits).rows
    assert cohorts.wrong_sign(
        np.array([1.0, 0.0, -1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, -1.0, 0.0])
    ).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("kind", [mistakes.WRONG_CLASS, mistakes.WRONG_SIGN, mistakes.LARGE_ERROR])
def test_sentence_states_the_counts(kind: str) -> None:
    """`none` of no sample that turns right, and one sample in the singular."""
    for conflicts in (False, True):
        noun = "conflict" if conflicts else "sample"
        assert cohort_errors.describe_corrected(0, 0, kind, conflicts).startswith(
            f"No {noun} of this cohort "
        )
        for right in (0, 1):
            words = cohort_errors.describe_corrected(1, right, kind, conflicts)
            assert words.startswith(f"The one {noun} ")
            assert ("would not" in words) == (right == 0)
        for right in (0, 1, 9, 14):
            words = cohort_errors.describe_corrected(14, right, kind, conflicts)
            assert f"corrects {right or 'none'} of 14 " in words
            assert words.endswith("of conflicts") == conflicts


def test_chips_follow_from_the_filter(planted: Any) -> None:
    rows = compare_cohort(planted).rows
    chips = cohort_picker.cohort_chips(planted.study, rows)
    assert list(chips) == ["wrong sign", "worst tenth", "most joint tenth"]
    for text in (
        "",
        "relation=conflict",
        "relation=agreement|joint",
        "relation=conflict|joint; sign=wrong; split=all",
        "relation!=joint; error>1",
        f"sign=wrong; {chips['worst tenth']}",
    ):
        parts = cohort_filters.parse(text)
        marked, others = cohort_picker.clear_chip(parts, chips)
        again = cohort_filters.parse(cohort_picker.add_part(marked, chips, others))
        assert (
            cohort_filters.select_rows(again, rows) == cohort_filters.select_rows(parts, rows)
        ).all()
        assert cohort_picker.clear_chip(again, chips) == (marked, others)
    assert cohort_picker.clear_chip(cohort_filters.parse("relation=agreement|joint"), chips)[0] == [
        "joint",
        "agreement",
    ]
    assert cohort_picker.add_part(
        ["conflict", "wrong sign", "joint"], chips, cohort_filters.parse("speaker=a")
    ) == ("relation=joint|conflict; sign=wrong; speaker=a")


def test_slices_state_omitted_conditions(planted: Any) -> None:
    levels = compare_cohort(planted, "relation=conflict; sign=wrong")
    assert [str(part) for part in mistakes.omitted_parts(levels, "relation")] == [
        "relation=conflict",
        "sign=wrong",
    ]
    assert sum(each.count for each in mistakes.slices(levels, "relation")) == len(levels.rows)
    assert "without the filter's own relation=conflict; sign=wrong" in plain(
        cohort_errors.slices(levels, by="relation").title
    )
    assert "own" not in cohort_errors.slices(compare_cohort(planted), by="relation").title


def test_chips_and_the_table_on_the_page(planted: Any) -> None:
    app = visit("Cohorts", data="planted", filter="relation=conflict", slice="relation")
    chips = next(group for group in app.get("button_group") if group.key == "_chips")
    assert chips.value == ["conflict"]
    chips.set_value(["conflict", "wrong sign"]).run()
    assert not app.exception
    assert app.text_input(key="filter").value == "relation=conflict; sign=wrong"
    found = mistakes.wrong(compare_cohort(planted, "relation=conflict; sign=wrong"))
    assert f"corrects {found.right.sum()} of {len(found.rows)} wrong signs of conflicts" in plain(
        said(app)
    )
    table = next(frame.value for frame in app.dataframe if "misleading" in frame.value)
    assert table["id"].tolist() == found.rows.index.tolist()


def test_control_is_a_random_term() -> None:
    """By brute force: how many decisions are right without each of the terms, the mean over terms."""
    levels = compare_cohort(open_sample("qj-planted", "p0031"), "sign=wrong")
    found, study = mistakes.wrong(levels), levels.study
    counted = 0.0
    for sample in found.rows.index:
        row = study.dataset.row(str(sample))
        terms, truth = study.dividends(row, 0), float(study.dataset.y[row])
        without = [sum(terms.values()) - value for term, value in terms.items() if term]
        counted += np.mean([(score > 0) == (truth > 0) for score in without])
    assert found.by_chance == pytest.approx(counted, abs=0.02)
    assert f"a random term, {found.by_chance:.1f}" in cohort_errors.describe_corrected(
        len(found.rows), int(found.right.sum()), found.kind, by_chance=found.by_chance
    )
