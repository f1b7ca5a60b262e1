"""Figures of the Cohorts and Compare pages: numbers of the traces, few and no rows."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.errors import InvalidInput
from qfusion.explain.bootstrap import Interval
from qfusion.figures import cohort_charts, decision_pairs

M = ("text", "audio")
A = {"": 0.1, "text": 0.5, "audio": -0.2, "text+audio": 0.3}
B = {"": 0.1, "text": -0.5, "audio": 0.1, "text+audio": 0.2}


def test_violins_contain_every_value_and_mark_the_sample() -> None:
    rng = np.random.default_rng(0)
    whole = {term: rng.normal(size=30) for term in ("text", "audio", "text+audio")}
    part = {term: values[:1] if term == "text" else values[:8] for term, values in whole.items()}
    drawn = cohort_charts.violins(whole, part, {"text": 0.2}, M)
    found = [trace for trace in drawn.data if trace.type == "violin"]
    assert [len(trace.x) for trace in found] == [30, 30, 30, 8, 8]
    assert next(t for t in drawn.data if t.name == "this sample").x == (0.2,)
    assert (
        cohort_charts.violins({"text": np.zeros(0)}, {"text": np.zeros(0)}, {}, M)
        .layout.annotations[0]
        .text
        == cohort_charts.NO_ROWS
    )


def test_boxes_are_the_quartiles_of_each_group() -> None:
    values = {"text": np.arange(20.0)}
    group = np.array(["a"] * 10 + ["b"] * 10, dtype=object)
    inside = np.arange(20) % 10 < 5
    drawn = cohort_charts.boxes(
        values, inside, group, ("a", "b"), M, sample=("b", {"text": 3.0}), by="letter"
    )
    whole, part = (trace for trace in drawn.data if trace.type == "box")
    assert list(whole.median) == [4.5, 14.5]
    assert list(part.median) == [2.0, 12.0]
    assert list(whole.q1) == [2.25, 12.25]
    assert whole.x[0] == "a<br>n 10 | 5"
    with pytest.raises(InvalidInput, match="shape"):
        cohort_charts.boxes(values, inside[:3], group, ("a",), M)


def test_type_bars_have_click_data_and_intervals() -> None:
    known, unknown = Interval(0.2, 0.1, 0.4, 9, 9), Interval(np.nan, np.nan, np.nan, 0, 0)
    drawn = cohort_charts.relation_bars(
        ["dominance", "conflict"],
        [3, 1],
        [2, 0],
        [(known, known), (known, unknown)],
        chosen="conflict",
    )
    bars = [trace for trace in drawn.data if trace.type == "bar"]
    assert [tuple(bar.customdata) for bar in bars] == [("dominance", "conflict")] * 2
    assert bars[0].text == ("3 (75%)", "1 (25%)")
    dots = [trace for trace in drawn.data if trace.error_x.array is not None]
    assert len(dots) == 3
    assert (dots[0].error_x.array[0], dots[0].error_x.arrayminus[0]) == pytest.approx((0.2, 0.1))


def test_scatter_distinguishes_the_cohort_and_marks_the_sample() -> None:
    drawn = cohort_charts.scatter(
        ["a", "b", "c"],
        np.arange(3.0),
        np.arange(3.0),
        "x",
        "y",
        cohort=np.array([True, False, True]),
        chosen="c",
        captions=["<b>", "", ""],
    )
    others, part, ring = drawn.data
    assert (list(others.customdata), list(part.customdata), list(ring.x)) == (
        ["b"],
        ["a", "c"],
        [2.0],
    )
    assert "&lt;b&gt;" in part.text[0]


def test_differences_are_b_minus_a_and_add_up() -> None:
    drawn = decision_pairs.differences(A, B, M)
    assert list(drawn.data[0].x) == pytest.approx([0.0, -1.0, 0.3, -0.1, -0.8])
    many = {"+".join(f"m{i}" for i in range(6) if k >> i & 1): float(k) for k in range(64)}
    none = dict.fromkeys(many, 0.0)
    drawn = decision_pairs.differences(none, many, [f"m{i}" for i in range(6)])
    assert sum(drawn.data[0].x[:-1]) == pytest.approx(drawn.data[0].x[-1])
    assert "other joint terms" in drawn.layout.yaxis.ticktext[-2]
    with pytest.raises(InvalidInput, match="same terms"):
        decision_pairs.differences(A, {"": 1.0}, M)


def test_both_waterfalls_share_one_range() -> None:
    low, high = decision_pairs.common_range(A, B, marks=[1.5])
    assert low < -0.4
    assert high > 1.5


def test_pairs_omit_terms_missing_on_one_side() -> None:
    drawn = decision_pairs.bar_pairs({"x": 0.5}, {"x": 0.25, "y": 1.0}, {}, "share", percent=True)
    bars = [trace for trace in drawn.data if trace.text]
    assert [bar.text for bar in bars] == [("A 50%",), ("B 25%", "B 100%")]


def test_a_cohort_of_all_samples_is_drawn_once() -> None:
    interval = Interval(0.5, 0.4, 0.6, 9, 9)
    shares = cohort_charts.share_bars(dict.fromkeys(M, interval), None, {}, M)
    assert [trace.marker.symbol for trace in shares.data] == ["circle"] * 2
    pair = dict.fromkeys(M, interval)
    both = cohort_charts.share_bars(pair, pair, {}, M)
    legend = [trace.marker.symbol for trace in both.data if trace.x == (None,)]
    assert legend == ["circle-open", "circle"]
    counted = cohort_charts.relation_bars(["joint", "prior"], [999, 1], None, [])
    assert [trace.text for trace in counted.data] == [("999 (100%)", "1 (< 1%)")]
    violins = cohort_charts.violins({"text": np.arange(9.0)}, None, {}, M)
    assert [trace.side for trace in violins.data] == ["both"]
    group = np.array(["a"] * 9, dtype=object)
    boxes = cohort_charts.boxes({"text": np.arange(9.0)}, group == "a", group, ("a",), M)
    assert [trace.x for trace in boxes.data] == [("a<br>n 9",)]
