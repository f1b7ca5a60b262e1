"""The print engine by itself: formats, sizes, letters, the same bytes in every process, and what is
refused."""

import hashlib
import io
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
from plotly_print import (
    PrintError,
    Style,
    axes,
    reading,
    render,
    values,
    words,
)

SVG = "{http://www.w3.org/2000/svg}"
RECIPE = json.dumps({"page": "Samples", "title": "<b>ü & $x$</b>"}, ensure_ascii=False)
BLUE, RED, GREEN, PURPLE, INK = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#17202b"


def plain(**layout: Any) -> go.Figure:
    """An empty figure without plotly's template."""
    font = {"size": 13, "color": INK}
    return go.Figure(layout={"template": go.layout.Template(), "font": font, **layout})


def waterfall() -> go.Figure:
    """Bars that build on each other, one of them hatched, with words, a dashed line and a note."""
    figure = plain(height=300, barmode="overlay", showlegend=True, paper_bgcolor="#ffffff")
    names = ["baseline", "text", "audio", "text + audio + vision"]
    pattern = {"shape": ["", "", "", "/"], "solidity": 0.4, "size": 7, "fillmode": "replace"}
    figure.add_bar(
        name="terms",
        y=names,
        x=[0.1, 0.5, -0.2, 0.3],
        base=[0, 0.1, 0.6, 0.4],
        orientation="h",
        text=["+0.10", "<b>+0.50</b>", "-0.20", "+0.30"],
        textposition="outside",
        marker={
            "color": [BLUE, RED, GREEN, PURPLE],
            "pattern": pattern,
            "line": {"width": 1, "color": [BLUE, RED, GREEN, PURPLE]},
        },
    )
    line = {"dash": "dot", "color": INK}
    figure.add_scatter(
        x=[0.1, 0.1, 0.6], y=names[:3], mode="lines+markers", line=line, name="steps"
    )
    figure.add_annotation(text="truth +0.30", x=0.3, y=1, yref="paper", showarrow=False)
    figure.update_xaxes(title_text="score", showline=True, ticks="outside")
    return figure


def texts(svg: bytes) -> list[str]:
    """Every text of an SVG, with no-break spaces as spaces."""
    every = ET.fromstring(svg).iter(f"{SVG}text")
    return ["".join(element.itertext()).replace("\u00a0", " ") for element in every]


def test_svg_has_size_text_fonts_colours_and_metadata() -> None:
    caption = "Baseline: " + 40 * "the mean "
    style = Style(183, 60, 7)
    title = "What <b>decided</b>"
    svg = render(waterfall(), "svg", style, title=title, caption=caption, metadata=RECIPE)
    root = ET.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("183mm", "60mm")
    assert b"DOCTYPE" not in svg
    element = root.find(f"{SVG}metadata")
    assert element is not None
    assert element.get("id") == "plotlyprint"
    assert json.loads(element.text or "") == json.loads(RECIPE)
    assert root.findtext(f"{SVG}title") == title
    shown = texts(svg)
    assert {"baseline", "score", "truth +0.30", title, "+0.50"} <= set(shown)
    code = svg.decode()
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: [^;]*?([\d.]+)px", code)]
    assert min(sizes) >= 5
    assert any(abs(size - 7) < 0.01 for size in sizes)
    families = "'Arimo', 'Liberation Sans', 'Arial', 'Helvetica', 'DejaVu Sans', sans-serif"
    assert code.count(families) == len(shown)
    for colour in (BLUE, RED, GREEN, PURPLE, INK):
        assert f"fill: {colour}" in code or f"stroke: {colour}" in code
    hatches = re.findall(rf"stroke: {PURPLE}; stroke-width: ([\d.]+)", code)
    # Solidity, size, points a pixel.
    assert any(float(w) == pytest.approx(0.4 * 7 * 7 / 13, abs=1e-3) for w in hatches)
    assert "stroke-dasharray" in code
    scale = 183 * 72 / 25.4 / float((root.get("viewBox") or "").split()[2])
    assert scale == pytest.approx(1, abs=1e-4)


def test_pdf_has_size_embedded_fonts_text_and_metadata() -> None:
    data = render(waterfall(), "pdf", Style(89), title="$x$ & <i>y</i>", metadata=RECIPE)
    reader = pypdf.PdfReader(io.BytesIO(data))
    page = reader.pages[0]
    assert float(page.mediabox.width) == pytest.approx(89 * 72 / 25.4, abs=0.01)
    assert reader.metadata is not None
    assert reader.metadata["/Keywords"] == RECIPE
    assert "/CreationDate" not in reader.metadata
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert "Arimo" in font["/BaseFont"]
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert "/FontFile2" in inner["/FontDescriptor"]
    text = page.extract_text()
    assert "text + audio + vision" in text
    assert "$x$ & <i>y</i>" in text


def test_png_has_pixels_resolution_and_metadata() -> None:
    style = Style(89, 60, dpi=600, creator="mine")
    image = Image.open(io.BytesIO(render(waterfall(), "png", style, metadata=RECIPE)))
    assert image.size == (round(89 / 25.4 * 600), round(60 / 25.4 * 600))
    assert image.info["dpi"] == pytest.approx((600, 600), abs=0.1)
    assert image.info["mine"] == RECIPE
    colours = {colour for _, colour in image.convert("RGB").getcolors(10**6)}
    assert {(0, 114, 178), (213, 94, 0), (0, 158, 115)} <= colours


def test_tikz_names_its_creator_and_needs_no_more_than_tikz() -> None:
    tex = render(waterfall(), "tikz", Style(creator="mine"), metadata=RECIPE).decode()
    assert tex.startswith(f"%mine-recipe {RECIPE}\n%mine-size 89.0000 ")
    assert tex.count(r"\minefit{") == tex.count(r"\node[")
    assert tex.count(r"\begin{pgfscope}") == tex.count(r"\end{pgfscope}")


def digests() -> dict[str, str]:
    """Of one figure in every format."""
    style = Style(89)
    files = {kind: render(waterfall(), kind, style, title="t") for kind in ("svg", "pdf", "png")}
    return {kind: hashlib.sha256(data).hexdigest() for kind, data in files.items()}


@pytest.fixture(scope="module")
def elsewhere() -> list[str]:
    """What another process prints: the modules that it has loaded for this package, and its digests."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; import plotly_print; print(*sys.modules); "
        "import json, matplotlib; matplotlib.rcParams.update("
        "{'svg.fonttype': 'path', 'lines.linewidth': 9, 'font.size': 30}); "
        "import test_render; print(json.dumps(test_render.digests()))"
    )
    folders = [str(folder) for folder in Path(__file__).resolve().parents[:3:2]]
    command = [sys.executable, "-c", code, *folders]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return run.stdout.splitlines()


def test_bytes_are_reproducible_in_processes_threads_and_matplotlib_settings(
    elsewhere: list[str],
) -> None:
    assert json.loads(elsewhere[-1]) == digests()
    before = dict(matplotlib.rcParams)
    figure = waterfall()
    alone = render(figure, "svg", Style())
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: results.append(render(figure, "svg", Style())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 4
    assert dict(matplotlib.rcParams) == before


def test_engine_needs_no_qfusion_and_no_display(elsewhere: list[str]) -> None:
    loaded = set(elsewhere[0].split())
    assert "matplotlib.pyplot" not in loaded
    assert not [name for name in loaded if name.split(".")[0] in ("qfusion", "streamlit")]


def test_markup_becomes_text_runs() -> None:
    usual = words.TextStyle(10, (0, 0, 0, 1))
    block = words.read(
        "<b>a</b>10<sup>−3</sup>x<sub>ij</sub><br><i>t</i> &lt;b&gt; &#36;y&#36; <img src=x> "
        '<span style="color: #D55E00">z</span>',
        usual,
    )
    assert block.text.replace("\u00a0", " ") == "a10−3xij\nt <b> $y$ <img src=x> z"
    bold, _, up, _, down = block.lines[0]
    assert bold.style.bold
    assert up.style.size == pytest.approx(7)
    assert up.style.rise > 0 > down.style.rise
    assert block.lines[1][0].style.italic
    assert block.lines[1][-1].style.colour == values.rgba("#D55E00")
    assert words.wrapped(words.plain("x" * 300, usual), 50).width <= 50
    assert words.printable("a\x00b\ud800  c") == "a\ufffdb\ufffd\u00a0\u00a0c"


def test_titles_captions_and_metadata() -> None:
    title, caption = "$\\frac{1}{2}$ <script>\x07", "多言語 😀 " * 30
    svg = render(waterfall(), "svg", Style(), title=title, caption=caption)
    assert "$\\frac{1}{2}$ <script>\ufffd" in " ".join(texts(svg))
    with pytest.raises(PrintError, match="title"):
        render(waterfall(), "svg", Style(), title="x" * 10_000)
    with pytest.raises(PrintError, match="metadata"):
        render(waterfall(), "svg", Style(), metadata="\x00")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f.add_pie(values=[1, 2]), "pie"),
        (lambda f: f.add_surface(z=[[1]]), "surface"),
        (lambda f: f.update_layout(title="t"), "title"),
        (lambda f: f.update_xaxes(rangeslider_visible=True), "rangeslider"),
        (lambda f: f.data[1].update(line_shape="spline"), "spline"),
        (lambda f: f.add_scatter(x=["2024-01-01"], y=[1], xaxis="x2"), "dates"),
        (
            lambda f: f.add_scatter(
                x=np.array(["2024-01-01"], dtype="datetime64[D]"), y=[1], xaxis="x2"
            ),
            "dates",
        ),
        (lambda f: f.add_layout_image(source="x"), "images"),
        (lambda f: f.update_xaxes(tickformat="~s"), "~s"),
        (lambda f: f.data[0].update(marker_pattern_shape="."), "pattern"),
        (lambda f: f.add_scatter(x=[1], y=[1], marker_symbol="hexagram"), "hexagram"),
        (lambda f: f.add_annotation(x=1, y=1, xref="x7", text="t"), "x7"),
        (lambda f: f.update_xaxes(anchor="y7"), "y7"),
        (lambda f: f.update_layout(template="plotly_dark"), "template"),
        (lambda f: f.update_layout(paper_bgcolor="rgb(1,2)"), "rgb"),
    ],
)
def test_unsupported_traces_are_reported(change: Callable[[go.Figure], Any], named: str) -> None:
    figure = waterfall()
    try:
        change(figure)
    except ValueError:  # plotly itself refuses it
        return
    with pytest.raises(PrintError, match=re.escape(named)):
        render(figure, "svg", Style())


@pytest.mark.parametrize(
    "style",
    [
        Style(0),
        Style(89, -1),
        Style(89, None, 2),
        Style(float("nan")),
        Style(89, 12),
        Style(89, None, 90),
        Style(10**400),
        Style("wide"),  # type: ignore[arg-type]
        Style(creator="a b"),
    ],
)
def test_invalid_sizes_are_refused(style: Style) -> None:
    with pytest.raises(PrintError):
        render(waterfall(), "svg", style)


def test_invalid_formats_and_figures_are_refused() -> None:
    with pytest.raises(PrintError, match="`format` must be one of svg, pdf, png, tikz"):
        render(waterfall(), "bmp", Style())
    with pytest.raises(PrintError, match="`figure` must be a plotly figure, but is dict"):
        render({}, "svg", Style())
    with pytest.raises(PrintError, match="too many pixels"):
        render(waterfall(), "png", Style(2000, 2000, dpi=1200))


def test_ranges_and_ticks_equal_plotly() -> None:
    # its places, with equal decimals
    assert axes.written(axes.linear(-0.6, 1.1, 4)) == ["−0.5", "0.0", "0.5", "1.0"]
    assert axes.written(np.array([10_000.0, 20_000.0])) == ["10k", "20k"]
    numbers = [axes.formatted(0.123, form) for form in (".0%", ".1~%", "+.2g", "d", ".3e")]
    assert numbers == ["12%", "12.3%", "+0.12", "0", "1.230e−01"]
    figure = plain(height=300).add_scatter(x=[0, 10], y=[1, 3], mode="lines")
    assert {"0", "2", "10", "1.5", "3.0"} <= set(texts(render(figure, "svg", Style())))


def test_selected_points_are_highlighted_and_hover_marks_omitted() -> None:
    figure = plain(height=300, showlegend=False)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="markers",
        marker={"color": BLUE},
        selectedpoints=[1],
        unselected={"marker": {"opacity": 0.25}},
    )
    hidden = {"opacity": 0, "color": "#ABCDEF"}
    figure.add_scatter(x=[0.5], y=[0.5], mode="markers", marker=hidden)
    svg = render(figure, "svg", Style(89, 60)).decode()
    assert "fill-opacity: 0.25" in svg or "opacity: 0.25" in svg
    assert "#abcdef" not in svg


def test_every_kind_of_trace_is_drawn() -> None:
    kinds = [
        go.Heatmap(z=[[0, 1], [None, 3]], colorscale="Viridis", texttemplate="%{z:.1f}"),
        go.Violin(y=[1, 2, 2, 3], points=False, spanmode="hard", scalemode="width", x0="a"),
        go.Box(q1=[1, 2], median=[2, 3], q3=[3, 4], x=["a", "b"], name="box"),
        go.Parcoords(dimensions=[{"label": "p", "values": [1, 2]}, {"values": [3, 4]}]),
        go.Scatter(x=[1, 2], y=[3, 4], fill="tozeroy", error_y={"type": "data", "array": [1, 1]}),
        go.Bar(x=[1, 2], y=[3, 4], marker={"color": [0, 1], "colorscale": "RdBu"}),
    ]
    for trace in kinds:
        svg = render(plain(height=300).add_trace(trace), "svg", Style())
        assert len(list(ET.fromstring(svg).iter(f"{SVG}path"))) >= 2, trace.type


def test_readme_lists_supported_traces_and_its_example_runs() -> None:
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    for kind in set(reading.DRAWN) - {"layout"}:
        assert f"| `{kind}` |" in text
    example = text.split("```python\n")[1].split("```")[0]
    results: dict[str, Any] = {}
    exec(example, results)
    assert results["pdf"].startswith(b"%PDF")
    with pytest.raises(PrintError) as refusal:
        render(plain().add_pie(values=[1]), "svg", Style())
    assert str(refusal.value) in " ".join(text.replace("\n> ", " ").split())
