"""Figures by plotly in Chromium, and pages opened in it: sizes, words, legend, recipe, bytes, and that nothing runs or
is fetched."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from PIL import Image
from pypdf import PdfReader

from qfusion.figures import (
    decision_charts,
    evolution_charts,
    export,
    export_style,
    style,
    visible_range,
)
from qfusion.figures.export_style import ExportStyle
from tests import exporting
from tests.figure_examples import EXAMPLES, TERMS, M, T, drawing_functions

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parent.parent
RECIPE = json.dumps({"page": "samples", "title": "</metadata>(\\) é"}, ensure_ascii=False)
TYPED = '1 < 2 & <b>bold</b> $x^2$ "q" <script>alert(1)</script>'
LOOK = ExportStyle(
    engine="chrome", title=True, caption=True, font=8, hidden=("audio",), theme="light"
)
KINDS: tuple[export_style.Format, ...] = ("svg", "pdf", "png")


@pytest.fixture(scope="module", autouse=True)
def chrome() -> Iterator[None]:
    """One Chromium for all files; skipped without one unless it is demanded."""
    if export.chrome() is None and os.environ.get("QFUSION_DEMAND_BROWSER") != "1":
        pytest.skip("no Chromium on this machine: the browser tests are left out")
    yield
    export.stop_chrome()


def lines() -> go.Figure:
    series = {("text",): T, ("audio",): T**2, ("text", "audio"): T / 2}
    return evolution_charts.measure_lines(T, series, M, "entropy (nats)", between=":", theme="dark")


def drawn() -> dict[str, bytes]:
    """A hatched figure, one with a legend and one with a colour bar, with titles and captions; in every format."""
    said = {"title": TYPED, "caption": f"Over 600 samples. {TYPED}", "recipe": RECIPE}
    figures = {
        "lines.svg": lines(),
        "bar.svg": EXAMPLES["state_charts.density_matrix"]("light"),
        "waterfall.pdf": decision_charts.waterfall(TERMS, M, truth=0.3),
        "lines.png": lines(),
    }
    return {
        name: export.save(figure, replace(LOOK, format=name[-3:]), **said)
        for name, figure in figures.items()
    }


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_chrome_draws_what_was_asked_and_the_same_bytes_in_a_fresh_process() -> None:
    files = drawn()
    assert {name[-3:] for name in files} == set(KINDS)
    for data in files.values():
        assert json.loads(export.read_recipe(data)) == json.loads(RECIPE)
        assert exporting.size_mm(data)[0] == pytest.approx(89, abs=0.1)
    svg = files["lines.svg"].decode()
    root = ET.fromstring(svg)
    words = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "".join(TYPED.split()) in "".join("".join(words).split())
    assert {"text", "text : audio", "entropy (nats)"} <= set(words)
    assert "audio" not in words
    unit = 89 / float(root.get("viewBox", "").split()[2]) / export_style.MM_PER_PT
    assert max(
        float(size) * unit for size in re.findall(r"font-size: ([\d.]+)px", svg)
    ) == pytest.approx(8, rel=0.01)
    assert "rgb(0, 114, 178)" in svg, style.BLUE
    assert style.PAPER["dark"].lower() not in svg.lower()
    page = PdfReader(io.BytesIO(files["waterfall.pdf"])).pages[0]
    assert "".join(TYPED.split()) in "".join(page.extract_text().split())
    assert not page.images, "hatching and letters are vectors"
    assert "Pattern" not in page["/Resources"]
    assert abs(float(page.mediabox.width) - 89 / export_style.MM_PER_PT) < 0.01
    sizes: list[float] = []
    page.extract_text(
        visitor_text=lambda words, cm, tm, font, size: sizes.append(abs(cm[3] * tm[3] * size))
    )
    assert any(abs(size - 8 * 15 / 13) < 0.05 for size in sizes), (
        "the title's letters, 15 of the 13 pixels that are 8 pt"
    )
    image = Image.open(io.BytesIO(files["lines.png"]))
    assert image.width == round(89 / 25.4 * 300)
    assert image.getpixel((2, image.height - 2))[:3] == (255, 255, 255)
    code = (
        "import json; import qfusion.figures.export as browser; browser.CHROME_FRESH = 3; "
        "from tests.test_browser_export import digests, drawn; "
        "print(json.dumps(digests(drawn())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == digests(files)
    assert done.stderr == "", "the browser ends without a word"


def test_every_kind_of_figure_is_drawn_in_chrome_too() -> None:
    """One of the examples that have the same types of traces, axes and notes, and one of each module; format, theme,
    size and words change from one to the next. Plotly draws the others as it draws these."""
    figures = {name: EXAMPLES[name]("light") for name in sorted(drawing_functions())}
    kinds = {name: make_of(figure) for name, figure in figures.items()}
    modules = {name: name.split(".")[0] for name in figures}
    once = {kind: name for name, kind in reversed(kinds.items())}
    shown = {modules[name] for name in once.values()}
    more = {module: name for name, module in reversed(modules.items()) if module not in shown}
    assert len(once) >= 20
    for number, name in enumerate(sorted([*once.values(), *more.values()])):
        figure = figures[name]
        look = replace(exporting.style(number, KINDS[number % len(KINDS)]), engine="chrome")
        data = export.save(figure, look, title=TYPED, caption=TYPED, recipe=RECIPE)
        assert json.loads(export.read_recipe(data)) == json.loads(RECIPE), name
        assert exporting.size_mm(data)[0] == pytest.approx(
            export_style.SIZES[look.size].width, abs=0.5
        )
        if look.format == "svg":
            exporting.assert_legend(data, figure)


def make_of(figure: go.Figure) -> tuple[Any, ...]:
    """What Plotly has to draw: types of traces, several axes, a legend."""
    return (
        frozenset(str(trace.type) for trace in figure.data),
        len(list(figure.select_xaxes())) > 1,
        bool(visible_range.legend_entries(figure)),
    )


def test_a_page_opens_without_a_network_and_runs_no_typed_script(
    browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page()
    look = ExportStyle(format="html", title=True, caption=True, theme="grey")
    hostile = (
        f'{TYPED} <img src="http://127.0.0.1:9/x" onerror="document.title=1"> "onload="alert(1)'
    )
    (tmp_path / "figure.html").write_bytes(
        export.save(lines(), look, title=hostile, caption=hostile, recipe=RECIPE)
    )
    heard: list[str] = []
    page.on("dialog", lambda dialog: (heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("console", lambda said: heard.append(f"console {said.text}"))
    page.on(
        "request",
        lambda request: (
            heard.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:"))
            else None
        ),
    )
    page.goto((tmp_path / "figure.html").as_uri())
    page.wait_for_selector("#qfusion-figure .legendtext", state="attached")
    assert page.locator("h1").inner_text() == hostile
    assert page.title() == hostile
    assert page.locator("#qfusion-figure .legendtext").all_text_contents() == [
        "text",
        "audio",
        "text : audio",
    ]
    assert json.loads(page.locator("#qfusion-recipe").text_content()) == json.loads(RECIPE)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s); }"
    )
    assert page.evaluate("() => window.ran") is None, "the page's policy lets no other script run"
    assert [each for each in heard if "Content Security Policy" not in each] == []
    page.close()
