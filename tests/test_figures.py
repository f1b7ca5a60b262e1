"""Figures: marks, colours, units and escaped texts."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from plotly_print import Style, render
from qfusion.data.coalition_terms import coalition_names
from qfusion.errors import InvalidInput
from qfusion.figures import (
    cohort_charts,
    decision_charts,
    dynamics_charts,
    evolution_charts,
    information_charts,
    model_quality,
    state_charts,
    style,
    training_charts,
)
from qfusion.figures.circuits import charts, diagram, fusion
from qfusion.study import sample

MODALITIES = ("text", "audio", "vision")
DIVIDENDS = {
    "": 0.1,
    "text": 0.5,
    "audio": -0.2,
    "vision": 0.05,
    "text+audio": -0.4,
    "text+vision": 0.0,
    "audio+vision": 0.02,
    "text+audio+vision": 0.03,
}
TIMES = np.linspace(0, 1, 5)
SERIES = {name: TIMES * (i + 1) for i, name in enumerate(MODALITIES)}
HOSTILE = "<img src=x onerror=alert(1)>$x^2$&amp;"


def traces(figure: go.Figure, kind: str) -> list[go.Figure]:
    return [trace for trace in figure.data if trace.type == kind]


def texts(figure: go.Figure) -> str:
    return str(figure.to_plotly_json())


def test_modality_colours_and_joint_mixtures() -> None:
    hues = [style.term_colour(name, MODALITIES) for name in MODALITIES]
    assert hues == [style.BLUE, style.VERMILLION, style.GREEN]
    joint = [style.term_colour(term, MODALITIES) for term in DIVIDENDS if "+" in term]
    assert joint == [style.PURPLE, style.SKY, style.ORANGE, style.GREY]
    assert style.term_colour("a+d", tuple("abcd")) not in hues
    with pytest.raises(InvalidInput, match="smell"):
        style.term_colour("text+smell", MODALITIES)


def test_figure_sets_template_and_text_colours() -> None:
    figure = style.base_figure(300)
    assert figure.layout.font.color == style.INK
    assert figure.layout.plot_bgcolor == figure.layout.paper_bgcolor == style.PAPER
    assert figure.layout.xaxis.showgrid is False
    assert figure.layout.yaxis.showgrid is False
    assert not figure.layout.template.to_plotly_json().get("layout")


def test_waterfall_adds_up_and_ends_at_the_score() -> None:
    figure = decision_charts.waterfall(DIVIDENDS, MODALITIES, truth=0.3, unit="sentiment score")
    bars = traces(figure, "bar")[0]
    ends = np.asarray(bars.base, dtype=float) + np.asarray(bars.x, dtype=float)
    assert np.allclose(bars.base[1:-1], ends[:-2])
    assert bars.x[-1] == pytest.approx(sum(DIVIDENDS.values()))
    assert list(figure.layout.yaxis.ticktext) == [
        "baseline",
        *MODALITIES,
        "text + audio",
        "text + vision",
        "audio + vision",
        "text + audio + vision",
        "<b>score</b>",
    ]
    assert figure.layout.xaxis.title.text == "sentiment score"
    assert bars.marker.color[1] == style.BLUE
    hatched = [bool(shape) for shape in bars.marker.pattern.shape]
    assert hatched == [False] * 4 + [True] * 4 + [False]
    assert "truth +0.30" in texts(figure)
    with pytest.raises(InvalidInput, match="baseline"):
        decision_charts.waterfall({"text": 1.0}, MODALITIES)


def test_truth_line_never_crosses_the_value_of_a_bar() -> None:
    assert decision_charts.rows_free_of_labels(
        0.5, [0.4, -0.4, 0.4, -0.4], [0.45, 0.45, 0.55, 0.55], 0.1
    ) == [False, True, True, False]
    figure = decision_charts.waterfall(DIVIDENDS, MODALITIES, truth=0.3)
    bars = figure.data[0]
    low, high = figure.layout.xaxis.range
    widest = decision_charts.LABEL_SHARE * (high - low)
    crossed = {int(shape.y0 + 0.5) for shape in figure.layout.shapes if shape.x0 == 0.3}
    assert 0 < len(crossed) < len(bars.x)
    for row in crossed:
        end = bars.base[row] + bars.x[row]
        label = (end - widest, end) if bars.x[row] < 0 else (end, end + widest)
        assert not label[0] < 0.3 < label[1]


@pytest.mark.parametrize(
    "dividends",
    [
        {"": -0.1, "text": -0.25, "audio": -0.4, "text+audio": 0.1},
        {"": 0.1, "text": 0.25, "audio": 0.4, "text+audio": -0.1},
        {"": 0.5, "text": -1.0, "audio": 1.2, "text+audio": 0.3},
        {"": 0.0, "text": 0.0, "audio": 0.0, "text+audio": 0.0},
    ],
)
@pytest.mark.parametrize("compact", [False, True])
def test_values_of_bars_have_room_beside_the_names(
    dividends: dict[str, float], compact: bool
) -> None:
    figure = decision_charts.waterfall(dividends, ("text", "audio"), compact=compact)
    bars = figure.data[0]
    low, high = figure.layout.xaxis.range
    room = decision_charts.LABEL_SHARE * (high - low) * (1 - 1e-6)
    for step, base in zip(bars.x, bars.base, strict=True):
        end = base + step
        assert (end - low if step < 0 else high - end) >= room


def test_waterfall_merges_the_smallest_joint_terms() -> None:
    names = list("abcdef")
    dividends = {term: 0.01 * i for i, term in enumerate(coalition_names(names))}
    figure = decision_charts.waterfall(dividends, names)
    assert len(figure.data[0].x) == 1 + 6 + sample.MAX_JOINT + 1 + 1
    assert f"{2**6 - 7 - sample.MAX_JOINT} other joint terms" in figure.layout.yaxis.ticktext
    assert figure.data[0].x[-1] == pytest.approx(sum(dividends.values()))


def test_shapley_bars_write_value_and_share() -> None:
    figure = decision_charts.shapley_bars(
        {"text": 0.3, "audio": -0.1, "vision": 0.0},
        {"text": 0.75, "audio": 0.25, "vision": 0.0},
        MODALITIES,
        unit="score",
    )
    assert figure.data[0].text[0] == "+0.30  (75%)"
    assert figure.layout.xaxis.title.text == "Shapley value (score)"


def test_no_shapley_value_that_rounds_to_zero_is_negative() -> None:
    bars = decision_charts.shapley_bars(
        {"text": -0.001}, {"text": 1.0}, ["text"], unit="score"
    ).data[0]
    assert bars.text[0] == "+0.00  (100%)"


@pytest.mark.parametrize(
    ("truth", "prediction", "low", "high"),
    [(1.0, -0.2, 0, 1), (1.0, 4.0, 1, 5), (None, 6.0, 1, 5), (2.0, -4.0, -3, 3)],
)
def test_scale_contains_its_marks(
    truth: float | None, prediction: float, low: float, high: float
) -> None:
    left, right = decision_charts.target_scale(
        truth, prediction, low, high, unit="score"
    ).layout.xaxis.range
    marks = [low, high, prediction, *([] if truth is None else [truth])]
    assert left < min(marks)
    assert max(marks) < right
    assert (left == -right) == (low < 0)


def test_names_with_a_common_prefix_have_separate_rows() -> None:
    names = [f"a class whose name is very long indeed: {n}" for n in range(3)]
    drawn = model_quality.class_counts({"train": [1, 2, 3]}, names)
    assert list(drawn.data[0].y) == [0, 1, 2]
    assert list(drawn.data[0].customdata) == names


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_graph_labels_do_not_overlap(count: int) -> None:
    names = [f"m{n}" for n in range(count)]
    pairs = list(itertools.combinations(names, 2))
    drawn = information_charts.mutual_information_polygon(
        TIMES, dict.fromkeys(pairs, TIMES), dict.fromkeys(names, TIMES), at=1
    )
    places = [(trace.x[0], trace.y[0]) for trace in drawn.data if trace.mode == "markers+text"]
    assert len(places) == len(pairs)
    assert min(np.hypot(*np.subtract(a, b)) for a, b in itertools.combinations(places, 2)) > 0.25


def test_on_scale_marks_truth_and_prediction_differently() -> None:
    figure = decision_charts.target_scale(1.0, -0.5, -3, 3, unit="score")
    marks = {trace.name: trace.marker.symbol for trace in figure.data if trace.mode == "markers"}
    assert marks == {"truth": "diamond-open", "prediction": "circle"}


def test_scatter_carries_ids_and_escapes_texts() -> None:
    ids = ["a", HOSTILE, "c"]
    values = np.array([0.0, 1.0, 2.0])
    figure = cohort_charts.scatter(
        ids,
        values,
        values,
        "truth (score)",
        "prediction (score)",
        chosen="c",
        captions=[HOSTILE] * 3,
        diagonal=True,
    )
    points = next(trace for trace in figure.data if trace.name == "samples")
    assert list(points.customdata) == ids
    assert "<img" not in "".join(points.text)
    assert "$" not in "".join(points.text)
    assert any(trace.name == "this sample" and trace.x[0] == 2.0 for trace in figure.data)
    empty = cohort_charts.scatter([], values[:0], values[:0], "x", "y")
    assert "No sample passes" in empty.layout.annotations[0].text
    with pytest.raises(InvalidInput, match="shape"):
        cohort_charts.scatter(ids, values[:2], values, "x", "y")


def test_measure_lines_dash_joint_series_and_name_units() -> None:
    singles = {(name,): values for name, values in SERIES.items()}
    figure = evolution_charts.measure_lines(
        TIMES,
        {**singles, ("text", "audio"): TIMES / 2, (): TIMES / 3},
        MODALITIES,
        "entropy (nats)",
        cursor=0.5,
    )
    lines = {trace.name: trace for trace in figure.data}
    assert lines["text"].line.dash == "solid"
    assert lines["text + audio"].line.dash == "dash"
    assert lines["all together"].line.color == style.INK
    assert figure.layout.yaxis.title.text == "entropy (nats)"
    assert "time t" in figure.layout.xaxis.title.text
    assert figure.layout.shapes[0].x0 == 0.5
    with pytest.raises(InvalidInput, match="shape"):
        evolution_charts.measure_lines(TIMES, {("text",): TIMES[:2]}, MODALITIES, "x")


def test_equal_curves_are_drawn_once_under_both_names() -> None:
    figure = evolution_charts.measure_lines(
        TIMES,
        {("text",): TIMES, ("audio",): TIMES + 1e-9, (): TIMES / 2},
        MODALITIES,
        "log-negativity (bits)",
    )
    assert [trace.name for trace in figure.data] == ["text and audio (equal)", "all together"]
    assert figure.data[0].line.color == style.term_colour("text+audio", MODALITIES)
    assert figure.data[0].line.dash == "solid"
    both = evolution_charts.decision_lines(
        TIMES,
        {"text": TIMES, "audio": TIMES},
        {"text": TIMES, "audio": TIMES, "text+audio": TIMES * 2},
        MODALITIES,
    )
    upper = [trace.name for trace in both.data if trace.yaxis == "y"]
    lower = [trace.name for trace in both.data if trace.yaxis == "y2"]
    assert upper == ["text and audio (equal)"]
    assert lower == ["text", "audio", "text + audio"]  # equal terms of a decision stay apart


def test_lines_of_modalities_with_misleading_names() -> None:
    names = ("a", "b", "a:b", "all")
    drawn = evolution_charts.measure_lines(
        TIMES,
        {("a", "b"): TIMES, ("a:b",): TIMES / 2, ("all",): TIMES / 3, (): TIMES / 4},
        names,
        "y",
    )
    assert [trace.name for trace in drawn.data] == ["a + b", "a:b", "all", "all together"]
    assert [trace.line.dash for trace in drawn.data] == ["dash", "solid", "solid", "solid"]
    assert [trace.line.color for trace in drawn.data[1:3]] == [
        style.term_colour("a:b", names),
        style.term_colour("all", names),
    ]


def test_decision_lines_share_one_time_axis_and_leave_out_the_baseline() -> None:
    terms = {term: TIMES * value for term, value in DIVIDENDS.items()}
    before = (TIMES * 2, SERIES, terms)
    figure = evolution_charts.decision_lines(
        TIMES, {**SERIES, "": TIMES}, terms, MODALITIES, before=before, unit="score"
    )
    below = [trace for trace in figure.data if trace.yaxis == "y2" and trace.opacity is None]
    assert [trace.name for trace in below] == [style.term_title(term) for term in DIVIDENDS if term]
    assert all(trace.xaxis in (None, "x") for trace in figure.data)
    assert tuple(figure.layout.xaxis.range) == (0.0, 2.0)
    assert figure.layout.yaxis2.title.text == "contribution (score)"
    names = [trace.name for trace in figure.data if trace.showlegend]
    assert len(names) == len(set(names))
    assert names[-1] == "as learned"
    ghosts = [trace for trace in figure.data if trace.legendgroup == "as learned" and trace.opacity]
    assert len(ghosts) == len(SERIES) + len(below)
    pairs = evolution_charts.decision_lines(
        TIMES, {"text+audio": TIMES}, SERIES, MODALITIES
    )  # Shapley values below
    assert sum(trace.name == "text + audio" and trace.showlegend for trace in pairs.data) == 1


def test_lines_over_time_show_the_learned_model_in_the_background() -> None:
    now, learned = {("text",): TIMES, (): TIMES / 2}, {("text",): 2 * TIMES, (): 3 * TIMES}
    figure = evolution_charts.measure_lines(
        TIMES, now, MODALITIES, "y", before=(2 * TIMES, learned)
    )
    assert [trace.name for trace in figure.data if trace.showlegend] == [
        "text",
        "all together",
        "as learned",
    ]
    assert np.allclose(figure.data[0].y, 2 * TIMES[::2])
    assert figure.data[0].line.color == figure.data[2].line.color
    assert tuple(figure.layout.xaxis.range) == (0.0, 2 * TIMES[-1])


def test_sparkline_labels_do_not_overlap_or_leave_the_plot() -> None:
    figure = training_charts.sparkline(TIMES, dict.fromkeys(MODALITIES, TIMES), MODALITIES)
    top = figure.layout.yaxis.range[1]
    heights = sorted(note.y for note in figure.layout.annotations)
    assert np.diff(heights).min() > 0.15 * top
    assert heights[-1] < top
    assert heights[0] > 0


def test_distance_line_is_logarithmic_with_the_slope_of_the_gap() -> None:
    figure = dynamics_charts.distance_line(TIMES, np.exp(-2 * TIMES), 2.0, 0.5)
    assert figure.layout.yaxis.type == "log"
    assert np.allclose(figure.data[1].y, np.exp(-2 * TIMES))
    settled = np.exp(-3 * TIMES) + np.exp(-2 * TIMES)
    tail = dynamics_charts.distance_line(TIMES, settled, 2.0, 0.5).data[1].y
    assert tail[-1] == pytest.approx(settled[-1])
    assert (tail[:-1] < settled[:-1]).all()
    rounded = np.where(TIMES > 0.6, 1e-15, settled)  # behind the floor there is nothing to meet
    last = np.flatnonzero(TIMES <= 0.6)[-1]
    assert dynamics_charts.distance_line(TIMES, rounded, 2.0, 0.5).data[1].y[last] == pytest.approx(
        settled[last]
    )


@pytest.mark.parametrize("gates", [1, 2, 60])
def test_lines_of_entropy_go_on_after_the_last_gate_behind_the_cursor(gates: int) -> None:
    values = np.linspace([0.0, 0.1], [0.6, 0.4], gates + 1)
    figure = charts.entropy_lines(values, ["a", "b"], gates, [])
    line = figure.data[0]
    assert list(line.y) == [*values[:, 0], 0.6]
    end = figure.layout.xaxis.range[1]
    assert line.x[-1] == end
    assert (end - gates) / end > 0.025  # wider than the cursor at any number of gates
    [cursor] = figure.layout.shapes
    assert (cursor.x0, cursor.layer) == (gates, "below")


def test_hinton_squares_have_a_key_to_their_sizes() -> None:
    assert state_charts.key_moduli(0.121) == [0.1, 0.02]
    assert state_charts.key_moduli(1.0) == [1.0, 0.2]
    assert state_charts.key_moduli(0.049) == [0.02, 0.004]
    figure = state_charts.hinton(np.diag([0.5, 0.3, 0.15, 0.05]).astype(complex), (2, 2))
    key = figure.data[-1]
    outlines = np.array([*zip(key.x, key.y, strict=True)], dtype=float).reshape(2, 6, 2)[:, :5]
    sides = np.ptp(outlines[..., 0], axis=1)
    assert sides**2 / sides[0] ** 2 == pytest.approx([1, 0.2])
    assert [note.text for note in figure.layout.annotations][1:] == ["0.5", "0.1"]
    assert outlines[..., 0].min() > 3.5  # right of the matrix
    assert outlines[..., 0].max() < figure.layout.xaxis.range[1]


def test_density_matrix_scales_differ_between_modulus_and_phase() -> None:
    rho = np.diag([0.75, 0.25, 0, 0]).astype(complex)
    rho[0, 1] = rho[1, 0] = 0.1j
    modulus = state_charts.density_matrix(rho, (2, 2))
    phase = state_charts.density_matrix(rho, (2, 2), part="phase")
    assert modulus.data[0].zmin == 0
    assert (phase.data[0].zmin, phase.data[0].zmax) == (-np.pi, np.pi)
    assert modulus.data[0].colorscale != phase.data[0].colorscale
    assert phase.data[0].z[0][1] == pytest.approx(np.pi / 2)
    assert np.isnan(phase.data[0].z[3][3])
    assert tuple(modulus.data[0].customdata[0][1]) == ("00", "01")
    with pytest.raises(InvalidInput, match="shape"):
        state_charts.density_matrix(rho, (2, 3))


def test_populations_name_basis_states_with_the_first_modality_leftmost() -> None:
    assert state_charts.basis_labels((2, 3)) == ["00", "01", "02", "10", "11", "12"]
    figure = state_charts.populations(
        np.full(6, 1 / 6), (2, 3), reference=np.zeros(6), reference_name="at T"
    )
    assert [trace.name for trace in figure.data] == ["ρ(t)", "at T"]
    with pytest.raises(InvalidInput, match="values"):
        state_charts.populations(np.ones(5), (2, 3))


def test_single_runs_jump_at_once_and_mark_the_value_after() -> None:
    jumping = (np.array([0, 0.3, 0.3, 1.0]), np.array([0.0, 0.1, 0.8, 0.9]))
    figure = dynamics_charts.single_runs(
        TIMES, [jumping, (TIMES, TIMES)], [[(0.3, 1)], []], TIMES, "entropy (nats)", channels=2
    )
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in marks] == ["jump by L2"]
    assert (marks[0].x[0], marks[0].y[0]) == (0.3, 0.8)
    assert list(figure.data[0].x) == [0, 0.3, 0.3, 1.0]
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["run 1", "run 2", "mean of all runs", "jump by L2"]


def test_ensemble_draws_a_band_of_two_standard_errors() -> None:
    mean = np.full((5, 1), 0.5)
    figure = dynamics_charts.ensemble(TIMES, mean, mean * 0 + 0.1, mean, ["00"], 20)
    band = figure.data[0]
    assert max(band.y) == pytest.approx(0.7)
    assert min(band.y) == pytest.approx(0.3)
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["|00⟩", "master equation", "mean of 20 runs", "± 2 standard errors"]
    with pytest.raises(InvalidInput, match="shape"):
        dynamics_charts.ensemble(TIMES, mean, mean[:2], mean, ["00"], 20)


def walked(**more: object) -> go.Figure:
    boxes = [
        diagram.Box("RY", 0, (0,), 1, 1, HOSTILE, style.BLUE),
        diagram.Box("fuse", 1, (0, 1), 2, 2, "fuses"),
        diagram.Box("M|U3", 2, (2, 1), 3, 5, "pools", style.ORANGE, True),
    ]
    wires = [
        diagram.Wire(HOSTILE, 0.0, style.BLUE, 1.75),
        diagram.Wire("f0", 0.6),
        diagram.Wire("f1", 1.6),
    ]
    return diagram.diagram(
        boxes, wires, 3, np.array([[0, 0, 1.0], [0.6, 0.3, 0], [0, 0, 0]]), np.zeros(3), **more
    )


def test_circuit_boxes_have_descriptions_and_links_escaped() -> None:
    figure = walked()
    gates = next(trace for trace in figure.data if trace.name == "gates")
    assert any("fuses" in tip for tip in gates.text)
    assert list(gates.customdata) == [1, 2, 2, 5, 5]
    assert "<img" not in texts(figure)
    rims = [
        shape.line.color
        for shape in figure.layout.shapes
        if shape.type == "rect" and shape.line.width == 3
    ]
    assert set(rims) == {style.INK}  # the third gate is inside the last box
    with pytest.raises(InvalidInput, match="bloch"):
        diagram.diagram([], [diagram.Wire("q", 0.0)], 0, np.zeros((2, 3)), np.zeros(2))


def test_a_disc_shows_x_to_the_right_and_zero_up() -> None:
    needle = diagram.arrow(1, 2, np.array([0.5, 0.0, 1.0]), 10)
    assert (needle["ax"], needle["ay"], needle["arrowside"]) == (5.0, -10.0, "start")
    assert needle["arrowcolor"] == style.INK
    assert diagram.arrow(0, 0, np.ones(3), 10, style.GREEN)["arrowcolor"] == style.GREEN
    assert diagram.arrow(0, 0, np.zeros(3), 10)["text"] == "•"
    tip = diagram.disc_tip(HOSTILE, np.array([0.0, 0.0, -1.0]), 0.0)
    assert "reads 1 with 100.0%" in tip
    assert "<img" not in tip


def test_qubits_entropies_and_cuts_are_drawn_as_given() -> None:
    names = [f"q{i}" for i in range(8)]
    row = charts.bloch_row(names, np.zeros((8, 3)), np.full(8, 0.5))
    assert set(row.data[0].y) == {0, -1}  # more than six qubits take two lines
    lines = charts.entropy_lines(
        np.arange(10.0).reshape(5, 2), ["a", HOSTILE], 3, [(0, "start")], hues=[style.BLUE] * 2
    )
    assert [trace.line.dash for trace in lines.data] == ["solid", "dash"]
    assert "<img" not in texts(lines)
    found = charts.cut_entropies(
        [np.array([0.1, 0.2, 0.3]), np.array([0.4])], ["input", "pooled"], "nats"
    )
    assert np.isnan(found.data[0].z[1][2])
    bars = charts.pooling_entropies(np.array([3.0]), np.array([1.5]), np.array([2.0]))
    assert [trace.y[0] for trace in bars.data] == [3.0, 1.5, 2.0]
    with pytest.raises(InvalidInput, match="shape"):
        charts.cut_entropies([np.zeros(2)], ["a", "b"], "nats")


def test_masses_and_tables_contain_numbers_and_escape_names() -> None:
    values = np.array([[0.1, 0.9], [0.2, 0.8]])
    figure = fusion.masses(values, np.array([0.5, 0.6]), [HOSTILE, "b"], ["0", HOSTILE], marked=0)
    assert figure.data[0].z[2][1] == 0.6
    assert figure.data[1].text[:3] == ("0.10", "0.20", "0.90")
    assert (
        figure.data[1].textfont.color[0] != figure.data[1].textfont.color[2]
    )  # dark on bright, bright on dark
    assert "<img" not in texts(figure)
    tables = fusion.fusion_tables(
        values,
        values,
        ["0", "1"],
        ["a", HOSTILE],
        controls=[HOSTILE],
        angles=3 * values,
        chosen=(1, 0),
        edited=values > 0.85,
    )
    corners, cells = (
        next(trace for trace in tables.data if trace.name == name) for name in ("edited", "cells")
    )
    assert [(round(x), round(y)) for x, y in zip(corners.x, corners.y, strict=True)] == [(1, 0)]
    assert list(zip(cells.y, cells.x, strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]  # what a click selects
    assert [shape.y0 for shape in tables.layout.shapes] == [0.5, 0.5]
    assert "<b>0</b>" in tables.layout.xaxis.ticktext
    assert "<img" not in texts(tables)
    with pytest.raises(InvalidInput, match="shape"):
        fusion.fusion_tables(
            values, values[:1], ["0", "1"], ["a", "b"], controls=["m"], angles=values
        )
    with pytest.raises(InvalidInput, match="fit"):
        fusion.masses(values, np.zeros(3), ["a", "b"], ["0", "1"])


def test_class_bars_mark_truth_prediction_and_previous_values() -> None:
    figure = fusion.class_bars(
        np.array([0.1, 0.7, 0.2]),
        ["a", HOSTILE, "c"],
        truth=2,
        before=np.array([0.5, 0.3, 0.2]),
        errors=np.array([0.01, 0.02, 0.03]),
    )
    assert figure.data[0].marker.color[1] == style.INK
    assert list(figure.data[0].error_x.array) == [0.01, 0.02, 0.03]
    assert "truth" in figure.layout.yaxis.ticktext[2]
    assert list(figure.data[1].x) == [0.5, 0.3, 0.2]
    assert "<img" not in texts(figure)
    many = fusion.class_bars(np.arange(40.0), [str(i) for i in range(40)], unit="score")
    assert len(many.data[0].x) == 15
    names = [str(i) for i in range(40)]
    many = fusion.class_bars(np.arange(40.0), names, truth=3, unit="score")
    assert len(many.data[0].x) == 16
    assert "3 ◂ truth" in many.layout.yaxis.ticktext[0]
    assert (
        fusion.describe_drawn_classes(names, 3) == "the 15 likeliest of 40 classes and the true one"
    )
    assert fusion.describe_drawn_classes(names[:15], 3) == "the classes"
    with pytest.raises(InvalidInput, match="shape"):
        fusion.class_bars(np.zeros(2), ["a"])


def test_curves_of_beliefs_and_noisy_terms() -> None:
    assert "<img" not in texts(fusion.curve(TIMES, TIMES, HOSTILE, HOSTILE, style.BLUE))
    beliefs = fusion.belief_bars(np.array([0.2]), np.array([0.5]), np.array([0.9]), ["a"])
    assert (beliefs.data[0].base[0], beliefs.data[0].x[0]) == (0.2, pytest.approx(0.7))
    terms = decision_charts.term_bars(
        DIVIDENDS, dict.fromkeys(DIVIDENDS, 0.1), DIVIDENDS, MODALITIES, unit="score"
    )
    assert len(terms.data[0].x) == len(DIVIDENDS) - 1
    assert set(terms.data[0].error_x.array) == {0.1}


def test_noisy_terms_of_many_modalities_are_merged() -> None:
    names = list("abcde")
    exact = {term: 0.01 * i for i, term in enumerate(coalition_names(names))}
    drawn = decision_charts.term_bars(exact, dict.fromkeys(exact, 0.1), exact, names, unit="score")
    assert "other joint terms" in drawn.layout.yaxis.ticktext[-1]
    for trace in drawn.data[:2]:
        assert sum(trace.x) == pytest.approx(sum(exact.values()))
    assert drawn.data[0].error_x.array[-1] is None
    assert render(drawn, "svg", Style(89.0, None, 7.0)).startswith(b"<?xml")


@pytest.mark.parametrize("values", [np.array([0.2, 1.0]), np.array([1e-12, 1.0])])
def test_log_ticks_are_few_and_cover_the_range(values: np.ndarray) -> None:
    ticks = style.log_ticks(values)
    assert 2 <= len(ticks["tickvals"]) <= 12
    assert len(ticks["tickvals"]) == len(ticks["ticktext"])
    assert min(ticks["tickvals"]) <= values.min()
