"""Figures as files without a browser: all that we draw, in the size, colours and letters asked for, the same in every
process."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import plotly.graph_objects as go
import pypdf
import pytest
from PIL import Image

from qfusion.errors import InvalidInput
from qfusion.figures import style
from qfusion.figures.draw import decision, dynamics
from qfusion.renderer import colours, hand, layout, paper, reading, render, ticks, words
from qfusion.renderer.scene import Words
from tests.figure_examples import EXAMPLES, HOSTILE, TERMS, M, T, drawing_functions

SVG = "{http://www.w3.org/2000/svg}"
RECIPE = json.dumps({"page": "Samples", "title": "<b>ü & $x$</b>"}, ensure_ascii=False)


def waterfall(theme: style.Theme = "light") -> go.Figure:
    return decision.waterfall(TERMS, M, truth=0.3, unit="score", theme=theme)


def texts(svg: bytes) -> list[str]:
    """Every text of an SVG, with no-break spaces as spaces."""
    return ["".join(each.itertext()).replace("\u00a0", " ") for each in ET.fromstring(svg).iter(f"{SVG}text")]


def page_of(drawn: go.Figure, width: float = 252.283465, height: float | None = None, size: float = 7.0,
            **heads: str) -> layout.Page:
    figure = reading.plain(drawn)
    pencil = hand.Hand(size / 13, colours.rgba("#17202B"), colours.rgba("#fff"), 13.0)
    return layout.Layout(figure, pencil, width, height, heads.get("title", ""), heads.get("caption", "")).page()


def test_every_function_that_draws_has_an_example() -> None:
    assert drawing_functions() == set(EXAMPLES)


def labels(page: layout.Page, *roles: str) -> list[Words]:
    return [mark for mark in page.scene.words() if mark.role in roles]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_figure_is_drawn_and_no_label_leaves_the_page_or_lies_on_another(name: str) -> None:
    drawn = EXAMPLES[name]("light")
    single, slide = page_of(drawn, caption=HOSTILE), page_of(drawn, 720.0, 405.0, 16.0, title="Title")
    svg = paper.write("svg", single.scene.ordered(), (single.width, single.height), colours.rgba("#fff"), RECIPE, "",
                      72)
    assert ET.fromstring(svg).get("width") == "89mm"
    assert b"<script" not in svg
    for page in (single, slide):
        for mark in page.scene.words():
            box = mark.box
            assert min(box.left, box.bottom, page.width - box.right, page.height - box.top) > -0.3, mark.block.text
            assert mark.block.size >= 5
        fixed = [mark for mark in labels(page, "tick", "title", "outside", "legend", "colour bar", "caption")
                 if mark.angle % 90 == 0]
        for a, b in itertools.combinations(fixed, 2):
            assert not a.box.overlaps(b.box, 1.2), f"{a.block.text!r} and {b.block.text!r}"
        for a, b in itertools.product(fixed, labels(page, "bar", "note", "point")):
            assert b.angle % 90 or not a.box.overlaps(b.box, 1.5), f"{a.block.text!r} and {b.block.text!r}"


def test_svg_has_size_text_fonts_colours_and_recipe() -> None:
    svg = render(waterfall(), "svg", 183, 60, 7, title="What <b>decided</b>", caption="Baseline: " + 40 * "the mean ",
                 metadata=RECIPE)
    root = ET.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("183mm", "60mm")
    assert b"DOCTYPE" not in svg
    assert json.loads(root.findtext(f"{SVG}metadata") or "") == json.loads(RECIPE)
    assert root.findtext(f"{SVG}title") == "What <b>decided</b>"
    found = texts(svg)
    assert {"baseline", "text + audio", "score", "truth +0.30", "What <b>decided</b>", "+0.50"} <= set(found)
    sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg.decode())} | {
        float(size) for size in re.findall(r"font: [^;]*?([\d.]+)px", svg.decode())}
    assert min(sizes) >= 5
    assert any(abs(size - 7) < 0.01 for size in sizes)
    families = re.findall(r"'DejaVu Sans', 'Verdana', 'Helvetica Neue', 'Arial', sans-serif", svg.decode())
    assert len(families) == len(found)
    for colour in (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.INK["light"]):
        assert f"fill: {colour.lower()}" in svg.decode() or f"stroke: {colour.lower()}" in svg.decode()
    hatches = re.findall(rf'stroke: {style.PURPLE.lower()}; stroke-width: ([\d.]+)', svg.decode())
    # solidity, size, points a pixel
    assert any(float(width) == pytest.approx(0.4 * 7 * 7 / 13, abs=1e-3) for width in hatches)
    assert "stroke-dasharray" in svg.decode()
    scale = 183 * 72 / 25.4 / float((root.get("viewBox") or "").split()[2])
    assert scale == pytest.approx(1, abs=1e-4)


def test_pdf_has_size_embedded_fonts_text_and_recipe() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render(waterfall(), "pdf", 89, None, 7, title="$x$ & <i>y</i>",
                                               metadata=RECIPE)))
    page = reader.pages[0]
    assert float(page.mediabox.width) == pytest.approx(89 * 72 / 25.4, abs=0.01)
    assert reader.metadata["/Keywords"] == RECIPE
    assert "/CreationDate" not in reader.metadata
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert "DejaVuSans" in font["/BaseFont"]
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert "/FontFile2" in inner["/FontDescriptor"]
    text = page.extract_text()
    assert "text + audio + vision" in text
    assert "$x$ & <i>y</i>" in text


def test_png_has_pixels_resolution_and_recipe() -> None:
    image = Image.open(io.BytesIO(render(waterfall(), "png", 89, 60, 7, metadata=RECIPE, dpi=600)))
    assert image.size == (round(89 / 25.4 * 600), round(60 / 25.4 * 600))
    assert image.info["dpi"] == pytest.approx((600, 600), abs=0.1)
    assert image.info["qfusion"] == RECIPE
    assert image.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
    colours_ = {colour for _, colour in image.convert("RGB").getcolors(10**6)}
    assert {(0, 114, 178), (213, 94, 0), (0, 158, 115)} <= colours_


def digests() -> dict[str, str]:
    figures = {"waterfall": waterfall(), "matrix": EXAMPLES["state.density_matrix"]("dark")}
    return {f"{name}.{kind}": hashlib.sha256(render(drawn, kind, 89, None, 7, title="t", metadata=RECIPE)).hexdigest()
            for name, drawn in figures.items() for kind in ("svg", "pdf", "png")}


def test_the_same_bytes_in_another_process_and_in_threads_whatever_matplotlib_is_told() -> None:
    here = digests()
    code = (
        "import matplotlib; matplotlib.rcParams.update({'svg.fonttype': 'path', 'lines.linewidth': 9, 'font.size': "
        "30});import json; from tests.test_renderer import digests; print(json.dumps(digests()))")
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, timeout=60)
    assert json.loads(run.stdout.splitlines()[-1]) == here
    before = dict(matplotlib.rcParams)
    drawn = waterfall()
    alone = render(drawn, "svg", 89, None, 7)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(render(drawn, "svg", 89, None, 7))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4
    assert dict(matplotlib.rcParams) == before


def test_all_legend_entries_are_texts_and_invisible_traces_are_not_drawn() -> None:
    drawn = dynamics.measure_lines(T, dict.fromkeys([*((name,) for name in M), ()], T), M, "entropy (nats)")
    drawn.data[1].visible = "legendonly"
    found = texts(render(drawn, "svg", 89, None, 7))
    assert {"text", "vision", "all together"} <= set(found)
    assert "audio" not in found
    assert style.VERMILLION.lower() not in render(drawn, "svg", 89, None, 7).decode()


@pytest.mark.parametrize("name", ["decision.waterfall", "evidence.tables", "inside.words", "leaderboard.dots",
                                  "cohort.relation"])
def test_hostile_words_are_letters(name: str) -> None:
    joined = " ".join(texts(render(EXAMPLES[name]("light"), "svg", 183, None, 7))).replace(" ", "")
    assert "<script>" in joined
    assert "$x_1^2$" in joined or name in ("leaderboard.dots", "inside.words", "evidence.tables")  # shortened there


def test_markup_becomes_runs_and_nothing_else_is_markup() -> None:
    plain = words.Style(10, (0, 0, 0, 1))
    block = words.read("<b>a</b>10<sup>−3</sup>x<sub>ij</sub><br><i>t</i> &lt;b&gt; &#36;y&#36; <img src=x> "
                       '<span style="color: #D55E00">z</span>', plain)
    assert block.text.replace("\u00a0", " ") == "a10−3xij\nt <b> $y$ <img src=x> z"
    bold, _, up, _, down = block.lines[0]
    assert bold.style.bold
    assert up.style.size == pytest.approx(7)
    assert up.style.rise > 0 > down.style.rise
    assert block.lines[1][0].style.italic
    assert block.lines[1][-1].style.colour == colours.rgba("#D55E00")
    assert words.wrapped(words.plain("x" * 300, plain), 50).width <= 50
    assert words.printable("a\x00b\ud800  c") == "a\ufffdb\ufffd\u00a0\u00a0c"


def test_title_caption_and_metadata_of_any_kind() -> None:
    svg = render(waterfall(), "svg", 89, None, 7, title="$\\frac{1}{2}$ <script>\x07", caption="多言語 😀 " * 30,
                 metadata="{}")
    assert "$\\frac{1}{2}$ <script>\ufffd" in " ".join(texts(svg))
    with pytest.raises(InvalidInput, match="title"):
        render(waterfall(), "svg", 89, None, 7, title="x" * 10_000)
    with pytest.raises(InvalidInput, match="metadata"):
        render(waterfall(), "svg", 89, None, 7, metadata="\x00")


@pytest.mark.parametrize(("change", "said"), [
    (lambda f: f.add_pie(values=[1, 2]), "pie"), (lambda f: f.add_surface(z=[[1]]), "surface"),
    (lambda f: f.update_layout(title="t"), "title"),
    (lambda f: f.update_xaxes(rangeslider_visible=True), "rangeslider"),
    (lambda f: f.data[1].update(line_shape="spline"), "spline"),
    (lambda f: f.add_scatter(x=["2024-01-01"], y=[1], xaxis="x2"), "dates"),
    (lambda f: f.add_scatter(x=np.array(["2024-01-01"], dtype="datetime64[D]"), y=[1], xaxis="x2"), "dates"),
    (lambda f: f.add_layout_image(source="x"), "images"), (lambda f: f.update_xaxes(tickformat="~s"), "~s"),
    (lambda f: f.data[0].update(marker_pattern_shape="."), "pattern"),
    (lambda f: f.add_scatter(x=[1], y=[1], marker_symbol="hexagram"),
    "hexagram"),
    (lambda f: f.add_annotation(x=1, y=1, xref="x7", text="t"), "x7"),
    (lambda f: f.update_layout(template="plotly_dark"), "template")])
def test_what_is_not_drawn_is_named(change: Callable[[go.Figure], Any], said: str) -> None:
    drawn = waterfall()
    change(drawn)
    with pytest.raises(InvalidInput, match=said):
        render(drawn, "svg", 89, None, 7)


@pytest.mark.parametrize(("width", "height", "size"),
                         [(0, None, 7), (89, -1, 7), (89, None, 2), (float("nan"), None, 7), (89, 12, 7),
                            (89, None, 90)])
def test_sizes_that_cannot_be_are_said(width: float, height: float | None, size: float) -> None:
    with pytest.raises(InvalidInput):
        render(waterfall(), "svg", width, height, size)


def test_ranges_and_ticks_are_plotlys() -> None:
    assert ticks.written(ticks.linear(-0.6, 1.1, 4)) == ["−0.5", "0", "0.5", "1"]
    assert ticks.written(np.array([10_000.0, 20_000.0])) == ["10k", "20k"]
    assert [ticks.formatted(0.123, form) for form in (".0%", ".1~%", "+.2g", "d")] == ["12%", "12.3%", "+0.12", "0"]
    drawn = style.base("light", 300).add_scatter(x=[0, 10], y=[1, 3], mode="lines")
    assert {"0", "2", "10", "1.5", "3"} <= {w.block.text for w in labels(page_of(drawn), "tick")}


def test_selected_points_stand_out_and_hover_marks_are_left_out() -> None:
    drawn = style.base("light", 300)
    drawn.add_scatter(x=[0, 1], y=[0, 1], mode="markers", marker={"color": "#0072B2"}, selectedpoints=[1],
                      unselected={"marker": {"opacity": 0.25}})
    drawn.add_scatter(x=[0.5], y=[0.5], mode="markers", marker={"opacity": 0, "color": "#ABCDEF"})
    svg = render(drawn, "svg", 89, 60, 7).decode()
    assert "fill-opacity: 0.25" in svg or "opacity: 0.25" in svg
    assert "#abcdef" not in svg


def test_the_dark_theme_is_dark_all_over() -> None:
    svg = render(waterfall("dark"), "svg", 89, None, 7, title="Title", caption="Caption").decode()
    assert f"fill: {style.PAPER['dark'].lower()}" in svg
    assert style.INK["light"].lower() not in svg
