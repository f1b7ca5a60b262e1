"""Every figure of qfusion is rendered without a browser in its colours and fonts. plotly_print/tests has the
engine's own tests."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import plotly.graph_objects as go
import pytest

from plotly_print import Style, render
from qfusion.figures import decision_charts, evolution_charts, style, trust_charts
from qfusion.figures.colours import apply_theme
from tests.support.figure_checks import check_labels, labels, page_of
from tests.support.figure_examples import EXAMPLES, TERMS, M, T, drawing_functions

SVG = "{http://www.w3.org/2000/svg}"


def waterfall() -> go.Figure:
    return decision_charts.waterfall(TERMS, M, truth=0.3, unit="score")


def texts(svg: bytes) -> list[str]:
    """Every text of an SVG, with no-break spaces as spaces."""
    return [
        "".join(element.itertext()).replace("\u00a0", " ")
        for element in ET.fromstring(svg).iter(f"{SVG}text")
    ]


def test_every_function_that_draws_has_an_example() -> None:
    assert drawing_functions() == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_labels_of_every_figure_fit_and_do_not_overlap(name: str) -> None:
    check_labels(EXAMPLES[name]())


def test_figures_with_several_plots_have_letters() -> None:
    polygon = page_of(EXAMPLES["information_charts.mutual_information_polygon"]())
    assert [mark.block.text for mark in labels(polygon, "letter")] == ["(a)", "(b)"]
    shared_axis = page_of(EXAMPLES["term_effects.tornado"]())
    assert [mark.block.text for mark in labels(shared_axis, "letter")] == ["(a)", "(b)"]
    assert not labels(page_of(waterfall()), "letter")


@pytest.mark.parametrize("seed", range(3))
def test_letters_of_low_rows_keep_clear_of_the_ticks_above(seed: int) -> None:
    """On a slide, where the gaps between rows fit at one turn of the layout and not at the next."""
    values = np.random.default_rng(seed).normal(size=(2, 40, 7))
    joint = [term for term in TERMS if term]
    drawn = trust_charts.truth_scatter(*values, joint, np.ones(7), M, ids=list("abcd" * 10))
    page = page_of(drawn, 720.0, 405.0, 16.0, title="Title")
    letters = labels(page, "letter")
    assert len(letters) == 7
    for letter, tick in itertools.product(letters, labels(page, "tick")):
        assert not letter.box.overlaps(tick.box), (letter.block.text, tick.block.text)


@pytest.mark.parametrize("count", [16, 22, 30, 50])
def test_rotated_tick_labels_do_not_overlap(count: int) -> None:
    names = [f"a long name {n}" for n in range(count)]
    drawn = style.base_figure(300).add_bar(x=names, y=[1] * count)
    ticks = [mark for mark in labels(page_of(drawn), "tick") if "long" in mark.block.text]
    apart = np.diff(sorted(mark.x for mark in ticks)).min()
    size, angle = ticks[0].block.size, ticks[0].angle % 180
    assert angle
    assert apart * np.sin(np.radians(angle)) > size


def test_legend_entries_are_texts_and_invisible_traces_are_omitted() -> None:
    drawn = evolution_charts.measure_lines(
        T, {(name,): T * (1 + i) for i, name in enumerate(M)} | {(): T / 2}, M, "entropy (nats)"
    )
    drawn.data[1].visible = "legendonly"
    shown = texts(render(drawn, "svg", Style(89, None, 7)))
    assert {"text", "vision", "all together"} <= set(shown)
    assert "audio" not in shown
    assert style.VERMILLION.lower() not in render(drawn, "svg", Style(89, None, 7)).decode()


@pytest.mark.parametrize(
    "name",
    [
        "decision_charts.waterfall",
        "fusion.fusion_tables",
        "attribution_charts.words",
        "cohort_charts.scatter",
    ],
)
def test_hostile_texts_are_drawn_literally(name: str) -> None:
    joined = " ".join(texts(render(EXAMPLES[name](), "svg", Style(183, None, 7)))).replace(" ", "")
    assert "<script>" in joined
    assert "$x_1^2$" in joined or name in (
        "attribution_charts.words",
        "fusion.fusion_tables",
    )  # shortened there


def test_dark_theme_covers_the_whole_figure() -> None:
    dark = apply_theme(waterfall(), "dark")
    svg = render(dark, "svg", Style(89, None, 7), title="Title", caption="Caption").decode()
    assert f"fill: {style.DARK[style.PAPER].lower()}" in svg
    assert style.INK.lower() not in svg
