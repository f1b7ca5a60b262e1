"""Similar samples, slices with intervals, worst errors and side-by-side samples against brute force, SciPy and
QuTiP; panels and pages."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import qutip
import torch
from scipy.stats import binomtest

from qfusion.app import selections, sharing, state
from qfusion.app.pages import cohorts, cohorts as error_panels
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import interval_ends
from qfusion.figures import decision_pairs, scatter_map, style
from qfusion.study import compare, mistakes, performance, text
from qfusion.study.backends import kets
from qfusion.study.opening import open_sample
from qfusion.study.performance import compare_cohort
from qfusion.views import cohort_errors, cohort_points, samples, several_decisions, two_decisions
from qfusion.views.cohort_contributions import name_all_with_size
from qfusion.views.pages import (
    cohorts as slice_panels,
    compare as compare_page,
    page_state,
    rendering,
)
from tests.support.app import plain, said, visit


@pytest.fixture(scope="module")
def planted() -> Any:
    return open_sample("qj-planted", "p0031")


@pytest.fixture(scope="module")
def digits() -> Any:
    return open_sample("qcnn-digits", "digit-1571")


def brute(sample: Any, distance: Any) -> list[tuple[float, int]]:
    rows = [
        row
        for row in sample.dataset.rows("test")
        if row in set(sample.study.explained_rows) and row != sample.row
    ]
    return sorted((float(distance(row)), int(row)) for row in rows)


def agrees(found: Any, wanted: list[tuple[float, int]]) -> None:
    assert found.distances == pytest.approx(
        [value for value, _ in wanted[: len(found.rows)]], abs=1e-9
    )
    assert set(found.rows) == {row for _, row in wanted[: len(found.rows)]}
    assert found.median == pytest.approx(np.median([value for value, _ in wanted]))
    assert found.among == len(wanted)


@pytest.mark.parametrize("name", ["planted", "digits"])
def test_nearest_by_contributions(name: str, request: pytest.FixtureRequest) -> None:
    sample = request.getfixturevalue(name)
    study, output = sample.study, sample.output
    place = {int(row): i for i, row in enumerate(study.explained_rows)}
    every = study.explained_dividends(output)[:, 1:]
    own = np.array([value for term, value in study.dividends(sample.row, output).items() if term])
    agrees(
        compare.nearest(sample),
        brute(sample, lambda row: np.sqrt(((every[place[int(row)]] - own) ** 2).sum())),
    )


def test_nearest_by_modality_states_equals_qutip(planted: Any) -> None:
    kets = [
        qutip.Qobj(each)
        for each in planted.study.backend.kets(planted.study.dataset.rows()).numpy()
    ]
    agrees(
        compare.nearest(planted, "states"),
        brute(planted, lambda row: 1 - abs(kets[row].overlap(kets[planted.row])) ** 2),
    )


def test_nearest_by_modality_qubits(digits: Any) -> None:
    angles = {
        row: np.concatenate([each.numpy() for each in digits.study.backend.theta(row).values()])
        for row in [*digits.dataset.rows("test")[:40], digits.row]
    }
    found = compare.nearest(digits, "states", count=600)
    distances = dict(zip(found.rows.tolist(), found.distances, strict=True))
    for row, theta in angles.items():
        if row != digits.row:
            fidelity = 1.0
            for a, b in zip(theta, angles[digits.row], strict=True):  # |<RY(a) 0|RY(b) 0>|^2
                one, other = (np.array([np.cos(t / 2), np.sin(t / 2)]) for t in (a, b))
                fidelity *= float(one @ other) ** 2
            assert distances[row] == pytest.approx(1 - fidelity, abs=1e-9)


def test_nearest_by_final_state(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(kets, "SECONDS", 0.5)
    found = compare.nearest(planted, "final", count=5)
    psi = planted.study.backend.kets(np.r_[found.rows, planted.row])
    rho = planted.study.model.evolve_states(
        psi[:, :, None] * psi[:, None].conj(), [float(planted.study.model.duration)]
    )[0].numpy()
    theirs = [(qutip.Qobj(each) - qutip.Qobj(rho[-1])).norm("fro") for each in rho[:-1]]
    assert found.distances == pytest.approx(theirs, abs=1e-8)
    assert found.among in (28, 29)  # of those that were followed


def test_sample_of_another_split_and_invalid_arguments(planted: Any) -> None:
    train = open_sample("qj-planted", str(planted.dataset.ids[planted.dataset.rows("train")[0]]))
    assert compare.nearest(train).among == len(planted.dataset.rows("test"))
    with pytest.raises(NotFound, match="sttes"):
        compare.nearest(planted, "sttes")
    with pytest.raises(InvalidInput, match="at least 1"):
        compare.nearest(planted, count=0)


@pytest.mark.parametrize(("wrong", "count"), [(0, 5), (5, 5), (3, 40), (120, 1000), (1, 1)])
def test_intervals_equal_scipy(wrong: int, count: int) -> None:
    theirs = binomtest(wrong, count).proportion_ci(0.95, method="wilson")
    assert interval_ends.wilson(wrong, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    with pytest.raises(InvalidInput, match="must lie between"):
        interval_ends.wilson(2, 1)


@pytest.mark.parametrize(
    ("model", "sample"), [("qj-planted", "p0031"), ("qcnn-digits", "digit-1571")]
)
def test_slices_add_up_and_match_their_filters(model: str, sample: str) -> None:
    levels = compare_cohort(open_sample(model, sample))
    wrong = mistakes.is_error(levels)
    for by in mistakes.slice_kinds(levels.study, levels.rows):
        found = mistakes.slices(levels, by)
        assert sum(each.count for each in found) == len(levels.rows), by
        assert [each.rate for each in found] == sorted((each.rate for each in found), reverse=True)
        for each in found:
            again = compare_cohort(levels.sample, "; ".join(map(str, each.parts)))
            assert int(again.inside.sum()) == each.count
            assert int((again.inside & wrong).sum()) == each.wrong
            assert again.rows["error"][again.inside].mean() == pytest.approx(each.error)
    within = compare_cohort(levels.sample, "relation=dominance")
    kept = mistakes.slices(within, "relation")  # the filter's own condition on it does not count
    assert sum(each.count for each in kept) == len(levels.rows)
    assert sum(each.count for each in mistakes.slices(within, "dominant")) == int(
        within.inside.sum()
    )
    with pytest.raises(NotFound, match="colour"):
        mistakes.slices(levels, "colour")


def test_worst_errors(planted: Any, digits: Any) -> None:
    levels = compare_cohort(planted, "relation=conflict")
    rows, values = mistakes.worst(levels, 4)
    errors = levels.rows["error"][levels.inside].sort_values(ascending=False)
    assert rows.index.tolist() == errors.index[:4].tolist()
    assert np.abs(values) == pytest.approx(errors.to_numpy()[:4])
    levels = compare_cohort(digits)
    study, at = digits.study, levels.places(levels.rows)
    loss = torch.nn.functional.cross_entropy(
        torch.as_tensor(study.logits(study.scores[at])),
        torch.as_tensor(study.dataset.y[at]),
        reduction="none",
    ).numpy()
    assert mistakes.worst(levels, 5)[1] == pytest.approx(np.sort(loss)[::-1][:5])


def test_disagreements_are_sorted_by_predictions_and_a_term(planted: Any) -> None:
    b = open_sample("qcnn-parity", "pair-0003")
    sides = compare.compare_samples(b, "qj-parity", b.id)
    result, rows = compare.disagreement(sides), b.dataset.rows("test")
    softmax = [np.exp(one.study.logits(one.study.scores)) for one in (sides.a, b)]
    softmax = [(one / one.sum(1, keepdims=True))[rows] for one in softmax]
    away = np.abs(softmax[0] - softmax[1]).max(1)  # of two classes, half of the sum
    assert result.differences == pytest.approx(np.sort(away)[::-1][:8], rel=1e-5)
    assert set(result.rows) == set(rows[np.argsort(-away)[:8]])
    assert result.opposed == (softmax[0].argmax(1) != softmax[1].argmax(1)).sum()
    one, terms = int(result.rows[0]), result.terms[0]
    output = int(b.study.predicted[one])
    logits = [side.study.scores[one, output] for side in (sides.a, b)]
    assert sum(terms.values()) == pytest.approx(logits[1] - logits[0], abs=1e-4)
    picture = two_decisions.disagreements(sides)
    assert f"disagree on {result.opposed} of 1,200 test samples" in picture.title
    assert "mainly through left \\+ right (8 of 8)" in picture.title
    assert all("left + right" in end for end in picture.figure.data[0].text)
    assert picture.numbers["parted_by"].tolist() == ["left+right"] * 8
    # of numbers, with terms of their own
    terms = ({"text": 1.0, "": 0.2}, {"text": 0.1, "": 0.4})
    few = compare.ModelDisagreement(np.arange(2), np.array([1.2, 0.5]), terms, 0.1, 0, 9)
    assert two_decisions.describe_disagreements(few, ["text", ""], False) == (
        "A and B disagree on the sign of 0 of 9 test samples; where they differ most, mainly through text and the "
        "baseline (1 of 2 each)"
    )
    assert not compare.two_models(compare.compare_samples(planted, "qj-planted", "p0007"))


def test_the_list_of_disagreements_opens_samples() -> None:
    app = visit("Compare", model="qcnn-parity", pin="qj-parity/parity/pair-0003")
    assert not app.exception
    assert "A and B disagree on" in said(app)


def test_two_systems_and_two_backgrounds_are_stated(planted: Any) -> None:
    sides = compare.compare_samples(planted, "qcnn-parity", "pair-0003", "parity")
    assert not compare_page.have_entropies(sides)
    drawn = "training samples, each modality drawn independently"
    behind = f"The background of A is the 6,000 {drawn}, that of B is the 2,100 {drawn}."
    assert behind in two_decisions.shares(sides).caption
    same = compare.compare_samples(planted, "qj-planted", "p0007")
    assert compare_page.have_entropies(same)
    assert f"Compared with the 2,100 {drawn}." in two_decisions.shares(same).caption
    assert " in A " not in two_decisions.entropies(same).caption


def test_panels_of_similar_samples(planted: Any, digits: Any) -> None:
    picture = samples.similar(planted)
    table = picture.numbers
    assert list(table.columns) == ["id", "truth", "prediction", "distance", "text"]
    assert table["text"].iloc[0] == text.describe_sample(
        planted.dataset, planted.dataset.row(table["id"].iloc[0])
    )
    ticks = picture.figure.layout.yaxis.ticktext
    assert all("<br>" in tick for tick in ticks)
    assert "text" not in samples.similar(digits).numbers.columns
    assert len(picture.numbers) == len(picture.figure.data[0].x) == 8
    assert "predicted alike" in samples.similar(digits).title
    levels = compare_cohort(planted, "relation=conflict")
    for colour in cohort_points.colour_choices(planted.study, levels.rows):
        drawn = cohort_points.sample_map(levels, colour=colour)
        ids = [
            name
            for trace in drawn.figure.data
            for name in (trace.customdata if trace.customdata is not None else ())
        ]
        assert sorted(ids) == sorted(levels.rows.index)
    assert drawn.numbers["in_cohort"].sum() == levels.inside.sum()
    table = cohort_errors.slices(levels, by="regime").numbers
    assert table["samples"].sum() == levels.inside.sum()
    assert cohort_errors.worst(levels).numbers["id"].iloc[0] == mistakes.worst(levels)[0].index[0]
    assert name_all_with_size(compare_cohort(planted, "split=train")) == "all of train (n = 2,100)"
    some = compare_cohort(digits, "split=all")
    assert (
        name_all_with_size(some) == f"all explained samples of every split (n = {len(some.rows)})"
    )
    nobody = compare_cohort(planted, "error>1000")
    assert cohort_errors.worst(nobody).title == "No sample of this cohort"
    assert not slice_panels.PANELS["worst"].fits(nobody)
    assert (
        len(cohort_errors.slices(compare_cohort(planted, "joint>1000"), by="regime").numbers) == 0
    )


def test_few_of_many_samples_are_drawn(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_points, "MAX_DRAWN", 50)
    picture = cohort_points.sample_map(compare_cohort(planted))
    assert len(picture.numbers) in (50, 51)
    assert planted.id in picture.numbers["id"].tolist()
    assert f"Of 600 explained samples of test, {len(picture.numbers)} are drawn" in picture.caption


def test_map_with_too_many_classes_is_not_coloured_by_class(
    digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scatter_map, "MAX_GROUPS", 1)
    levels = compare_cohort(digits)
    first = cohort_points.colour_choices(digits.study, levels.rows)[0]
    assert first != "truth"
    assert f"Colour: {first};" in cohort_points.sample_map(levels).caption


def test_side_by_side(planted: Any) -> None:
    picture = several_decisions.several_decisions(planted, ids=["p0031", "p2924", "p0007"])
    table = picture.numbers
    assert list(dict.fromkeys(table["sample"])) == ["p0031", "p2924", "p0007"]
    for name in ("p0031", "p2924", "p0007"):
        own = open_sample("qj-planted", name)
        assert table["dividend"][table["sample"] == name].sum() == pytest.approx(
            own.score, abs=1e-6
        )
    ranges = {tuple(axis.range) for axis in picture.figure.select_xaxes()}
    assert len(ranges) == 1
    assert len(several_decisions.several_entropies(planted, ids=["p0031", "p2924"]).numbers) == 8
    assert several_decisions.chosen_rows(planted) == [
        planted.row,
        *compare.nearest(planted, count=3).rows,
    ]
    with pytest.raises(InvalidInput, match="at most 6"):
        several_decisions.several_decisions(planted, ids=[f"p000{i}" for i in range(7)])
    with pytest.raises(NotFound, match="nobody"):
        several_decisions.several_decisions(planted, ids=["nobody"])


def test_side_by_side_columns_share_their_terms() -> None:
    from qfusion.data.coalition_terms import coalition_names

    terms = coalition_names(tuple("abcde"))
    rng = np.random.default_rng(0)
    found = [dict(zip(terms, rng.normal(size=len(terms)), strict=True)) for _ in range(2)]
    drawn = decision_pairs.decision_columns(["x", "y"], found, tuple("abcde"))
    assert [bar.x[-1] for bar in drawn.data] == pytest.approx(
        [sum(each.values()) for each in found]
    )
    assert len(drawn.data[0].x) == len(drawn.data[1].x) == 1 + 5 + 11 + 1 + 1


def test_missing_values_on_the_map_are_grey() -> None:
    values = np.array([1.0, np.nan, 2.0, np.nan])
    inside = np.array([True, True, False, False])
    drawn = scatter_map.sample_scatter(list("abcd"), np.zeros((4, 2)), values, inside, by="age")
    hues = {trace.customdata[0]: trace.marker.color for trace in drawn.data if trace.customdata}
    assert hues == {"a": (1.0,), "b": style.GREY, "c": (2.0,), "d": style.GREY}
    assert [trace.marker.showscale for trace in drawn.data].count(True) == 1


def test_invalid_arrays_are_refused() -> None:
    with pytest.raises(InvalidInput):
        scatter_map.sample_scatter(["a"], np.zeros((2, 2)), np.zeros(2), np.ones(2, dtype=bool))
    with pytest.raises(InvalidInput):
        scatter_map.nearest_bars(["a"], np.zeros(2), [None])
    with pytest.raises(InvalidInput):
        scatter_map.error_rates(["a"], [], np.zeros((1, 3)), 0.0)
    with pytest.raises(InvalidInput):
        decision_pairs.bar_columns([str(i) for i in range(7)], [{}] * 7, {})


class Session(dict[str, Any]):
    """What callbacks read and write of a session."""

    def put(self, key: str, value: Any) -> None:
        self[key] = value

    def choose_sample(self, name: str) -> None:
        self["sample"] = name


def selecting(monkeypatch: pytest.MonkeyPatch, **selection: Any) -> Session:
    """A session in which the browser has selected something on the chart "chart"."""
    session = Session(chart={"selection": {"points": [], "box": [], "lasso": [], **selection}})
    for name in ("get", "put", "choose_sample"):
        monkeypatch.setattr(state, name, getattr(session, name))
    return session


def test_selection_becomes_a_cohort(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = compare_cohort(planted, "split=test; relation=conflict")
    found = cohort_points.map_positions(levels)
    corners = {"x": [-0.3, 0.4, 0.4, -0.3], "y": [-0.3, -0.3, 0.3, 0.3]}
    session = selecting(monkeypatch, lasso=[corners], points=[{"customdata": "p0031"}])
    cohorts.select_samples("chart", found, levels.parts)
    chosen = compare_cohort(planted, session["filter"])
    assert np.array_equal(chosen.inside, (np.abs(found.xy - [0.05, 0]) <= [0.35, 0.3]).all(1))
    assert session["filter"].endswith("; split=test")
    session = selecting(monkeypatch, box=[{"x": [-0.3, 0.4], "y": [0.3, -0.3]}])
    cohorts.select_samples("chart", found, levels.parts)
    assert np.array_equal(compare_cohort(planted, session["filter"]).inside, chosen.inside)
    session = selecting(monkeypatch, points=[{"customdata": ["p0031"]}])
    cohorts.select_samples("chart", found, levels.parts)
    assert session["sample"] == "p0031"
    assert "filter" not in session
    session = selecting(monkeypatch, lasso=[{"x": [1.0], "y": [1.0]}])
    cohorts.select_samples("chart", found, levels.parts)
    assert "filter" not in session


def test_a_clicked_slice_cell_or_bar(
    planted: Any, digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = compare_cohort(planted, "relation=conflict; error>0.1")
    found = mistakes.slices(levels, "relation")
    session = selecting(monkeypatch, points=[{"customdata": [1, "tip"]}])
    error_panels.select_slice("chart", found, levels.parts)
    assert session["filter"] == f"relation={found[1].name}; error>0.1"
    assert compare_cohort(planted, f"relation={found[1].name}").inside.sum() == found[1].count
    ids = mistakes.worst(levels)[0].index.tolist()
    session = selecting(monkeypatch, points=[{"point_index": 2}])
    selections.open_selected("chart", ids)
    assert session["sample"] == ids[2]
    session = selecting(monkeypatch, points=[{"point_index": 2}])
    sharing.open_on_both_sides(
        "chart", page_state.Pin("qj-planted", "planted", "p0031", "T=1"), ids
    )
    assert session["sample"] == ids[2]
    assert session["pin"] == page_state.Pin("qj-planted", "planted", ids[2], "T=1")
    levels = compare_cohort(digits, "truth=1; certainty>0.2")
    session = selecting(monkeypatch, points=[{"customdata": [8, 1, "8", "1", 2, 0.1]}])
    error_panels.select_confused("chart", levels)
    assert session["filter"] == "truth=8; prediction=1; certainty>0.2"
    assert (
        compare_cohort(digits, session["filter"]).inside.sum()
        == performance.confusions(compare_cohort(digits, "certainty>0.2"))[8, 1]
    )


def test_the_cohorts_page() -> None:
    app = visit(
        "Cohorts",
        model="qj-planted",
        **{"map": "contributions", "map.colour": "dominant", "slice": "regime"},
    )
    assert not app.error
    words = plain(said(app))
    assert "Two components hold" in words
    assert "has the largest error: residual" in words
    app = visit("Cohorts", model="qj-planted", filter="pca[states]@0,-9|9,9")
    levels = compare_cohort(open_sample("qj-planted", "p0031"), "pca[states].1>=0")
    assert f"**{int(levels.inside.sum())} of 600**" in said(app)
    app = visit("Cohorts", model="qj-planted", filter="pca[nothing]@0,0|1,1")
    assert "none of this model" in plain(app.warning[0].value)
    app = visit("Cohorts", model="qj-planted", map="final states")
    assert "final states" in plain(app.warning[0].value)


def test_the_samples_page() -> None:
    app = visit("Samples", model="qcnn-digits", similar="modality states")
    assert not app.error
    assert "is nearest by its modality states" in plain(said(app))


def test_the_compare_page() -> None:
    app = visit(
        "Compare",
        model="qj-planted",
        several=["p0031", "p2924"],
        **{"compare.view": "Several samples"},
    )
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    assert "p0031, p2924, annotated → predicted, all on one scale" in words
    none = visit("Compare", model="qj-planted", several="", **{"compare.view": "Several samples"})
    assert not none.error  # the open one and the nearest, as where the address says nothing
    assert "all on one scale" in plain(said(none))
    app = visit(
        "Compare",
        model="qj-planted",
        several=["p0031", "nobody"],
        **{"compare.view": "Several samples"},
    )
    assert "nobody" in plain(app.warning[0].value)
    app = visit(
        "Compare",
        model="qj-planted",
        several=[f"p000{i}" for i in range(8)],
        **{"compare.view": "Several samples"},
    )
    assert not app.exception


def test_programs_of_panels_in_parts_run_by_themselves() -> None:
    address = {
        "model": "qj-planted",
        "data": "planted",
        "sample": "p0031",
        "similar": "modality states",
    }
    text = rendering.program("samples", "similar", address)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(text, "snippet", "exec"), {"__name__": "__main__"})
    assert (
        str(samples.similar(open_sample("qj-planted", "p0031"), by="states").numbers["id"].iloc[0])
        in out.getvalue()
    )
