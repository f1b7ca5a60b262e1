"""Styles of exported figures: invalid styles, the other theme, hidden series."""

from __future__ import annotations

import functools
import json
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.errors import InvalidInput
from qfusion.figures import attribution_charts, cohort_charts, evolution_charts, state_charts
from qfusion.figures.colours import apply_theme
from qfusion.figures.files import export_style, recipe
from qfusion.figures.files.export_style import ExportStyle
from tests.support.figure_checks import check_dark
from tests.support.figure_examples import EXAMPLES, RHO, R, T, X

MODALITIES = ("text", "audio", "vision")
NAMED_LIKE_PAPER = "#FFFFFF"  # a name that looks like a colour stays a name
LINES = {
    term: T * (n + 1)
    for n, term in enumerate(
        [*MODALITIES, "text+audio", "text+vision", "audio+vision", "text+audio+vision", ""]
    )
}
FIGURES = EXAMPLES | {
    "cohort_charts.scatter, empty": lambda: cohort_charts.scatter([], X[:0], X[:0], "x", "y"),
    "attribution_charts.words, named": lambda: attribution_charts.words(
        ["yes", NAMED_LIKE_PAPER, "no"], np.array([-1.0, 0.2, 0.9])
    ),
    "state_charts.density_matrix, modulus": lambda: state_charts.density_matrix(RHO, (2, 2)),
}
_START = R.bit_generator.state


@functools.cache
def example(name: str) -> go.Figure:
    """An example's figure, with the same random numbers each time; drawn once for all tests, none of which changes it
    (`apply_theme` is asked whether it does)."""
    R.bit_generator.state = _START
    return FIGURES[name]()


def test_default_style() -> None:
    assert ExportStyle().as_dict() == {
        "format": "svg",
        "dpi": 300,
        "size": "single",
        "theme": "light",
        "title": False,
        "caption": False,
        "font": 7.0,
        "hidden": [],
        "letters": True,
    }
    assert ExportStyle(size="slide").font == export_style.SIZES["slide"].font
    look = ExportStyle(
        format="pdf", size="poster", theme="dark", font=11, hidden=("b", "a", "b"), title=True
    )
    assert look.hidden == ("b", "a")
    assert ExportStyle.parse(json.loads(json.dumps(look.as_dict()))) == look


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"format": "exe"}, "format.*'exe'.*Choose"),
        ({"format": ["svg"]}, "format"),
        ({"format": None}, "format"),
        ({"dpi": 1e9}, "dpi"),
        ({"dpi": True}, "dpi"),
        ({"dpi": 10**5000}, "dpi.*twelve"),
        ({"size": "../x"}, "size"),
        ({"theme": {}}, "theme"),
        ({"title": "yes"}, "title.*'yes'"),
        ({"caption": 1}, "caption"),
        ({"font": math.nan}, "font.*nan"),
        ({"font": "7"}, "font.*'7'"),
        ({"font": 1e300}, "font"),
        ({"font": -7}, "font"),
        ({"font": True}, "font"),
        ({"hidden": "text"}, "hidden.*'text'"),
        ({"hidden": ["x"] * 10_000}, "hidden.*10,000 entries"),
        ({"hidden": [1]}, "hidden"),
        ({"hidden": ["x" * 10_000]}, "hidden"),
        ({"formt": "svg"}, "formt.*Leave"),
        ({"x" * 10**6: 1}, "only the names"),
        ([], "look.*object"),
        ({"size": float("inf")}, "size"),
        ({"theme": "light\0"}, "theme"),
    ],
)
def test_invalid_style_is_refused_briefly(given: Any, named: str) -> None:
    with pytest.raises(InvalidInput, match=named) as refused:
        ExportStyle.parse(given)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", FIGURES)
def test_dark_figure_has_no_colour_of_white_paper(name: str) -> None:
    check_dark(example(name))


def test_names_that_look_like_colours_are_kept() -> None:
    for theme in ("light", "dark"):
        found = apply_theme(example("attribution_charts.words, named"), theme)
        assert [note.text for note in found.layout.annotations[::2]] == [
            "yes",
            NAMED_LIKE_PAPER,
            "no",
        ]


def test_foreign_figure_has_no_theme() -> None:
    with pytest.raises(InvalidInput, match=r"paper_bgcolor.*Draw it"):
        apply_theme(go.Figure(), "dark")
    with pytest.raises(InvalidInput, match="'sepia'"):
        apply_theme(example("decision_charts.waterfall"), "sepia")


def test_legend_entries_are_those_displayed() -> None:
    drawn = example("evolution_charts.decision_lines")
    entries = recipe.legend_entries(drawn)
    assert entries == [
        "all together",
        *MODALITIES,
        "text + audio",
        "text + vision",
        "audio + vision",
        "text + audio + vision",
        "as learned",
    ]
    assert recipe.legend_entries(example("decision_charts.waterfall")) == []
    assert recipe.legend_entries(example("model_quality.class_counts")) == [
        "train",
        "test",
    ]
    named = go.Figure(
        [
            go.Scatter(y=[1], name="b", legendgroup="group"),
            go.Scatter(y=[1]),
            go.Scatter(y=[1], name="a &lt;b&gt;<br>&#36;"),
            go.Scatter(y=[1], name="gone", visible=False),
            go.Heatmap(z=[[1]], name="map"),
            go.Scatter(y=[1], name="c", legendgroup="group"),
        ],
        layout={"showlegend": True},
    )
    assert recipe.legend_entries(named) == ["b", "c", "trace 1", "a &lt;b&gt;<br>&#36;"]
    assert recipe.plain_legend_entry("<b>a</b> &lt;b&gt;<br>&#36;") == "a <b> $"
    assert recipe.legend_entries(named.update_layout(showlegend=False)) == []


def test_hidden_legend_entry_hides_its_traces() -> None:
    drawn = example("evolution_charts.decision_lines")
    before = drawn.to_json()
    found = recipe.hide_series(drawn, ("text", "text + audio", "no such entry"))
    assert {trace.legendgroup for trace in drawn.data} - {
        trace.legendgroup for trace in found.data
    } == {"text", "text+audio"}
    assert recipe.legend_entries(found) == [
        e for e in recipe.legend_entries(drawn) if e not in ("text", "text + audio")
    ]
    assert drawn.to_json() == before
    assert recipe.hide_series(drawn, ()) is drawn
    assert recipe.hide_series(drawn, ("no such entry",)) is drawn
    hostile = evolution_charts.measure_lines(
        T, {("<b>",): T, ("text",): T / 2}, ("<b>", "text"), "y"
    )
    assert recipe.legend_entries(recipe.hide_series(hostile, ("<b>",))) == ["text"]


def test_canvas_has_the_requested_width_and_needed_height() -> None:
    drawn = example("decision_charts.waterfall")
    width, height = export_style.canvas(drawn, ExportStyle())
    assert (width, height) == (89, pytest.approx(drawn.layout.height * 7 / 13 * 25.4 / 72))
    assert export_style.canvas(drawn, ExportStyle(size="double"))[1] == height
    assert export_style.canvas(drawn, ExportStyle(size="slide")) == (338.67, 190.5)
    tall = go.Figure(drawn).update_layout(height=20_000)
    assert export_style.canvas(tall, ExportStyle())[1] == export_style.SIZES["single"].most
