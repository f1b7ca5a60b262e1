"""Exported pages opened in Chromium: words, legend, recipe, and that nothing runs or is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from qfusion.figures import (
    evolution_charts,
    export,
)
from qfusion.figures.export_style import ExportStyle
from tests.support.figure_examples import M, T

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parent.parent
RECIPE = json.dumps({"page": "samples", "title": "</metadata>(\\) é"}, ensure_ascii=False)
TYPED = '1 < 2 & <b>bold</b> $x^2$ "q" <script>alert(1)</script>'


def lines() -> go.Figure:
    series = {("text",): T, ("audio",): T**2, ("text", "audio"): T / 2}
    return evolution_charts.measure_lines(T, series, M, "entropy (nats)", between=":", theme="dark")


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
