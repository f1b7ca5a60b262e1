"""Styles of exported figures: invalid styles, other themes, greyscale, hidden series."""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from plotly_print import Style, render
from qfusion.errors import InvalidInput
from qfusion.figures import (
    attribution_charts,
    cohort_charts,
    evolution_charts,
    export_style,
    operator_spectra,
    state_charts,
    style,
    visible_range,
)
from qfusion.figures.colour_scales import interpolate_colour
from qfusion.figures.colour_values import grey, lightness
from qfusion.figures.export_style import ExportStyle
from qfusion.figures.themes import apply_theme
from tests.support.figure_examples import EXAMPLES, IDS, RHO, R, T, X, Y

WHITE = 1.05  # luminance of white paper, with the 0.05 of a contrast
MODALITIES = ("text", "audio", "vision")
NAMED_LIKE_PAPER = "#FFFFFF"  # a name that looks like a colour stays a name
LINES = {
    term: T * (n + 1)
    for n, term in enumerate(
        [*MODALITIES, "text+audio", "text+vision", "audio+vision", "text+audio+vision", ""]
    )
}
FIGURES = EXAMPLES | {
    "cohort_charts.scatter, empty": lambda t: cohort_charts.scatter(
        [], X[:0], X[:0], "x", "y", theme=t
    ),
    "attribution_charts.words, named": lambda t: attribution_charts.words(
        ["yes", NAMED_LIKE_PAPER, "no"], np.array([-1.0, 0.2, 0.9]), theme=t
    ),
    "operator_spectra.extreme_plane, split": lambda t: operator_spectra.extreme_plane(
        IDS, X, Y, "x", "y", truth=X > 0, truth_name="7", split=True, theme=t
    ),
    "state_charts.density_matrix, modulus": lambda t: state_charts.density_matrix(
        RHO, (2, 2), theme=t
    ),
}
_START = R.bit_generator.state


@functools.cache
def example(name: str, theme: str) -> go.Figure:
    """An example's figure, with the same random numbers each time; drawn once for all tests, none of which changes it
    (`apply_theme` is asked whether it does)."""
    R.bit_generator.state = _START
    return FIGURES[name](theme)  # type: ignore[arg-type]


@functools.cache
def in_grey(name: str) -> go.Figure:
    """The same in grey."""
    return apply_theme(example(name, "light"), "grey")


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
        format="pdf", size="poster", theme="grey", font=11, hidden=("b", "a", "b"), title=True
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
def test_recoloured_figure_equals_the_other_theme(name: str) -> None:
    light, dark = (example(name, theme) for theme in ("light", "dark"))
    written = light.to_json()
    assert json.loads(apply_theme(light, "dark").to_json()) == json.loads(dark.to_json())
    assert json.loads(apply_theme(dark, "light").to_json()) == json.loads(written)
    assert light.to_json() == written, "the figure that was given is changed"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figure_is_unchanged_in_its_own_theme(theme: str) -> None:
    drawn = example("decision_charts.waterfall", theme)
    assert json.loads(apply_theme(drawn, theme).to_json()) == json.loads(drawn.to_json())


def test_names_that_look_like_colours_are_kept() -> None:
    for theme in ("light", "dark", "grey"):
        found = apply_theme(example("attribution_charts.words, named", "light"), theme)
        assert [note.text for note in found.layout.annotations[::2]] == [
            "yes",
            NAMED_LIKE_PAPER,
            "no",
        ]


def test_foreign_figure_has_no_theme() -> None:
    with pytest.raises(InvalidInput, match=r"paper_bgcolor.*Draw it"):
        apply_theme(go.Figure(), "dark")
    with pytest.raises(InvalidInput, match="'sepia'"):
        apply_theme(example("decision_charts.waterfall", "light"), "sepia")


def colours(part: Any, key: str = "") -> set[str]:
    """Every colour in a figure's JSON, where a colour stands."""
    if isinstance(part, dict):
        return set().union(
            *(
                colours(
                    value,
                    name if name.endswith("color") or name in ("colorscale", "shadow") else "",
                )
                for name, value in part.items()
            )
        )
    if isinstance(part, list):
        return set().union(*(colours(value, key) for value in part))
    return {part} if isinstance(part, str) and key else set()


@pytest.mark.parametrize("name", FIGURES)
def test_greyscale_changes_only_colours(name: str) -> None:
    drawn = example(name, "dark")
    found = apply_theme(drawn, "grey")
    written = found.to_json()
    for colour in colours(json.loads(written)):
        for triple in re.findall(r"#(..)(..)(..)\b", colour) or re.findall(
            r"rgba?\((\d+),\s*(\d+),\s*(\d+)", colour
        ):
            assert len(set(triple)) == 1, colour
    assert written == in_grey(name).to_json()
    assert len(found.data) == len(drawn.data)
    for before, after in zip(drawn.data, found.data, strict=True):
        assert after.name == before.name
        assert str(after.to_plotly_json().get("x")) == str(before.to_plotly_json().get("x"))


def contrast(colour: str) -> float:
    value = ((lightness(colour) + 16) / 116) ** 3
    return WHITE / (value + 0.05)


@pytest.mark.parametrize("name", FIGURES)
def test_grey_series_are_distinguishable(name: str) -> None:
    found = in_grey(name)
    quiet = {grey(lightness(style.LINE["light"])), style.PAPER["light"]}
    told: dict[tuple[Any, ...], str] = {}
    for trace in found.data:
        if (
            trace.type != "scatter"
            or "lines" not in (trace.mode or "lines")
            or not trace.line.color
            or trace.line.width == 0
        ):
            continue
        if trace.line.color.startswith("#") and trace.line.color not in quiet:
            assert contrast(trace.line.color) >= 3
            if trace.name and trace.showlegend is not False and found.layout.showlegend:
                assert (
                    told.setdefault((trace.line.color, trace.line.dash, trace.yaxis), trace.name)
                    == trace.name
                )


def test_series_of_one_dash_get_dashes_of_their_own_in_grey() -> None:
    drawn = evolution_charts.measure_lines(
        T,
        {style.split_term(term): values for term, values in LINES.items()},
        MODALITIES,
        "entropy (nats)",
    )
    assert len({trace.line.dash for trace in drawn.data}) == 3
    found = apply_theme(drawn, "grey")
    assert (
        len({(trace.line.dash, trace.line.width) for trace in found.data})
        == len({trace.line.color for trace in drawn.data})
        == 8
    )
    assert next(trace.line.dash for trace in found.data if trace.name == "all together") == "solid"
    greys = sorted({lightness(trace.line.color) for trace in found.data})
    assert min(b - a for a, b in itertools.pairwise(greys)) > 3


def test_seven_series_of_bars_in_grey_can_be_printed() -> None:
    drawn = style.base_figure("light", 300, legend=True)
    for hue in range(7):
        drawn.add_bar(x=["a"], y=[1], name=str(hue), marker={"color": f"#{hue + 1}0{hue}0AA"})
    found = apply_theme(drawn, "grey")
    assert len({trace.marker.pattern.shape for trace in found.data}) == 7
    assert render(found, "svg", Style(89.0, None, 7.0)).startswith(b"<?xml")


def test_grey_scales_encode_amount_and_sign() -> None:
    amount = (
        apply_theme(example("state_charts.density_matrix, modulus", "dark"), "grey")
        .data[0]
        .colorscale
    )
    levels = [lightness(colour) for _, colour in amount]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 95
    assert levels[-1] < 21
    signed = [
        lightness(colour)
        for _, colour in apply_theme(example("attribution_charts.curve", "dark"), "grey")
        .data[1]
        .marker.colorscale
    ]
    assert signed == sorted(signed)
    assert signed[5] == pytest.approx(75, abs=1)
    assert all(contrast(grey(level)) <= contrast("#777777") for level in signed), (
        "black letters must stand out"
    )
    cyclic = apply_theme(example("state_charts.density_matrix", "light"), "grey").data[0].colorscale
    phase = [lightness(colour) for _, colour in cyclic]
    assert phase == pytest.approx(phase[::-1])
    assert phase[5] == max(phase)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("circuit_charts.cut_entropies", "amount"), ("attribution_charts.words, named", "signed")],
)
def test_texts_on_grey_cells_are_readable(name: str, kind: str) -> None:
    found = apply_theme(example(name, "dark"), "grey")
    pairs = [
        (note.font.color, shape.fillcolor)
        for note, shape in zip(found.layout.annotations[::2], found.layout.shapes, strict=True)
    ]
    if kind == "amount":
        cells, words = found.data
        pairs = [
            (colour, interpolate_colour(cells.colorscale, float(cells.z[y][x]) / cells.zmax))
            for colour, x, y in zip(words.textfont.color, words.x, words.y, strict=True)
        ]
    assert pairs
    for letters, cell in pairs:
        assert (
            max(contrast(letters), contrast(cell)) / min(contrast(letters), contrast(cell)) >= 4.4
        )


def test_legend_entries_are_those_displayed() -> None:
    drawn = example("evolution_charts.decision_lines", "light")
    entries = visible_range.legend_entries(drawn)
    assert entries == [
        "all together",
        *MODALITIES,
        "text + audio",
        "text + vision",
        "audio + vision",
        "text + audio + vision",
        "as learned",
    ]
    assert visible_range.legend_entries(example("decision_charts.waterfall", "light")) == []
    assert visible_range.legend_entries(example("target_charts.class_counts", "light")) == [
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
    assert visible_range.legend_entries(named) == ["b", "c", "trace 1", "a &lt;b&gt;<br>&#36;"]
    assert visible_range.plain_legend_entry("<b>a</b> &lt;b&gt;<br>&#36;") == "a <b> $"
    assert visible_range.legend_entries(named.update_layout(showlegend=False)) == []


def test_hidden_legend_entry_hides_its_traces() -> None:
    drawn = example("evolution_charts.decision_lines", "light")
    before = drawn.to_json()
    found = visible_range.hide_series(drawn, ("text", "text + audio", "no such entry"))
    assert {trace.legendgroup for trace in drawn.data} - {
        trace.legendgroup for trace in found.data
    } == {"text", "text+audio"}
    assert visible_range.legend_entries(found) == [
        e for e in visible_range.legend_entries(drawn) if e not in ("text", "text + audio")
    ]
    assert drawn.to_json() == before
    assert visible_range.hide_series(drawn, ()) is drawn
    assert visible_range.hide_series(drawn, ("no such entry",)) is drawn
    parallel = example("sweep_charts.parallel_coordinates", "light")  # its lines have no groups
    assert visible_range.hide_series(parallel, ("no such entry",)) is parallel
    hostile = evolution_charts.measure_lines(
        T, {("<b>",): T, ("text",): T / 2}, ("<b>", "text"), "y"
    )
    assert visible_range.legend_entries(visible_range.hide_series(hostile, ("<b>",))) == ["text"]


def test_canvas_has_the_requested_width_and_needed_height() -> None:
    drawn = example("decision_charts.waterfall", "light")
    width, height = export_style.canvas(drawn, ExportStyle())
    assert (width, height) == (89, pytest.approx(drawn.layout.height * 7 / 13 * 25.4 / 72))
    assert export_style.canvas(drawn, ExportStyle(size="double"))[1] == height
    assert export_style.canvas(drawn, ExportStyle(size="slide")) == (338.67, 190.5)
    tall = go.Figure(drawn).update_layout(height=20_000)
    assert export_style.canvas(tall, ExportStyle())[1] == export_style.SIZES["single"].most
