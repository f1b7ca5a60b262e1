"""Labels at the ends of lines: near to them, apart from each other, and only where the figure is wide enough."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, strategies as st

from qfusion.figures import evolution_charts, lines
from qfusion.figures.circuits import charts
from qfusion.figures.files.export import save
from qfusion.figures.files.export_style import ExportStyle
from qfusion.figures.files.recipe import VisibleRange, apply_visible, hide_series
from qfusion.study.opening import open_study
from qfusion.study.sample import build_sample
from qfusion.views import decision, qubits

TIMES = np.linspace(0, 1, 11)
NAMES = ("text", "audio", "vision")
WIDE = 1_000


def _figure(**more: object) -> go.Figure:
    series = {(name,): TIMES * (1 + 0.01 * i) for i, name in enumerate(NAMES)}
    return evolution_charts.measure_lines(TIMES, series, NAMES, "entropy (nats)", **more)


def _places(drawn: go.Figure) -> dict[str, np.ndarray]:
    """Middles of the labels of each plot, in pixels from its top, where a page of this size draws them."""
    figure = lines.draw_line_labels(drawn, WIDE)
    assert not figure.layout.showlegend
    places: dict[str, list[float]] = {}
    for note in figure.layout.annotations:
        if note.showarrow:
            axis = figure.layout[f"yaxis{note.yref[1:]}"]
            bottom, top = axis.domain or (0, 1)
            inner = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
            share = (axis.range[1] - note.y) / (axis.range[1] - axis.range[0])
            place = (top - bottom) * inner * share + note.ay
            assert 0 <= place <= (top - bottom) * inner
            places.setdefault(note.yref, []).append(place)
    return {name: np.array(own) for name, own in places.items()}


def _assert_apart(drawn: go.Figure) -> None:
    """Labels of 12 px letters on lines of their own."""
    places = _places(drawn)
    assert sum(map(len, places.values())) == sum(
        trace.mode == "lines" and trace.hoverinfo != "skip" for trace in drawn.data
    )
    for own in places.values():
        assert np.diff(np.sort(own)).min(initial=99) >= 14.5


@given(st.lists(st.floats(0, 200), min_size=1, max_size=12))
def test_places_are_apart_in_order_and_inside(wanted: list[float]) -> None:
    places = lines.place_labels(wanted, 15, 0, 200)
    assert places.min() >= -1e-9
    assert places.max() <= 200 + 1e-9
    order = np.argsort(wanted, kind="stable")
    assert np.diff(places[order]).min(initial=15) >= 15 - 1e-9
    for i, j in itertools.combinations(order, 2):
        assert places[i] < places[j]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([20, 60], [20, 60]),
        ([60, 20], [60, 20]),
        ([50, 50], [42.5, 57.5]),
        ([50, 52, 54], [37, 52, 67]),
        ([0, 1], [0, 15]),
        ([100, 99], [100, 85]),
    ],
)
def test_labels_move_no_further_than_they_must(wanted: list[float], places: list[float]) -> None:
    assert lines.place_labels(wanted, 15, 0, 100) == pytest.approx(places)


def test_labels_replace_the_legend_of_wide_figures_only() -> None:
    figure = _figure()
    assert figure.layout.showlegend
    offer = figure.layout.meta[lines.OFFER]
    assert lines.draw_line_labels(figure, 4 * offer["right"] - 1) is figure
    labelled = lines.draw_line_labels(figure, 4 * offer["right"])
    assert not labelled.layout.showlegend
    assert [note.text for note in labelled.layout.annotations] == list(NAMES)
    assert [note.arrowcolor for note in labelled.layout.annotations] == [
        trace.line.color for trace in figure.data
    ]
    assert labelled.layout.margin.r == offer["right"]
    _assert_apart(figure)


def test_labels_follow_what_is_hidden_and_the_legend_what_is_zoomed() -> None:
    hidden = lines.draw_line_labels(hide_series(_figure(), ["audio"]), WIDE)
    assert [note.text for note in hidden.layout.annotations] == ["text", "vision"]
    zoomed = apply_visible(_figure(), VisibleRange(y=(0.0, 0.5)))
    assert lines.draw_line_labels(zoomed, WIDE) is zoomed


def test_what_is_dotted_is_said_below_the_labels() -> None:
    before = TIMES, {("text",): TIMES / 2}
    figure = lines.draw_line_labels(_figure(before=before), WIDE)
    assert figure.layout.annotations[-1].text == "dotted: as learned"
    assert all(note.yref == "y" for note in figure.layout.annotations[:-1])


def test_many_lines_keep_their_legend() -> None:
    values = np.linspace(np.zeros(11), np.linspace(0, 0.6, 11), 5)
    many = charts.entropy_lines(values, [f"q{i}" for i in range(11)], None, [])
    assert lines.draw_line_labels(many, WIDE) is many
    few = charts.entropy_lines(values[:, :10], [f"q{i}" for i in range(10)], None, [])
    _assert_apart(few)


def test_files_have_labels_where_they_are_wide_enough() -> None:
    figure = _figure()
    series = {("text", "audio", "vision"): TIMES, ("text",): TIMES / 2}
    long = evolution_charts.measure_lines(TIMES, series, NAMES, "mutual information (nats)")
    for drawn, size, labelled in ((figure, "single", True), (long, "single", False)):
        file = save(drawn, ExportStyle(size=size)).decode()
        legend = save(lines.keep_legend(go.Figure(drawn)), ExportStyle(size=size)).decode()
        assert (file != legend) == labelled
        assert ">text<" in file


def _worst(table: pd.DataFrame, split: str = "test") -> str:
    """The test sample whose contributions are the closest to each other."""
    terms = table.loc[table["split"] == split].filter(regex=r"^dividend\[").dropna()
    ordered = np.sort(terms.to_numpy(dtype=float), axis=1)
    return str(terms.index[np.argmin(ordered[:, -1] - ordered[:, 0])])


@pytest.mark.parametrize("above", decision.ABOVE)
@pytest.mark.parametrize(
    ("name", "source"),
    [("qj-planted", "planted"), ("qj-parity", "parity"), ("qj-scenes", "scenes")],
)
def test_no_two_labels_overlap_on_the_worst_samples(name: str, source: str, above: str) -> None:
    study = open_study(name, source)
    sample = build_sample(study, study.dataset.row(_worst(study.frame())))
    _assert_apart(decision.decision_over_time(sample, above=above).figure)


def test_no_two_labels_overlap_on_a_circuit() -> None:
    study = open_study("qcnn-scenes", "scenes")
    sample = build_sample(study, study.dataset.row(_worst(study.frame())))
    _assert_apart(qubits.entropy_gates(sample).figure)
