"""Figures, stories and reports that leave the house contact no host, and offer no control that does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import plotly.io
import pytest

from qfusion import cli
from qfusion.figures import guards
from qfusion.figures.files import export
from qfusion.figures.files.export_style import ExportStyle
from qfusion.figures.guards import MIME_TYPE
from qfusion.study.opening import open_sample

HOST = re.compile(r"""(?:src|href)=["']?(?:https?:)?//""")
NOTEBOOKS = ("plotly_mimetype+notebook", "notebook_connected", "colab", "vscode")


@pytest.fixture(scope="module")
def figure() -> Any:
    return open_sample("qj-parity", "pair-6601").show().figure


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets Plotly's default renderer for a test."""
    before = plotly.io.renderers.default
    monkeypatch.setattr(guards, "pages_with_library", set())

    def choose(name: str) -> None:
        plotly.io.renderers.default = name

    yield choose
    plotly.io.renderers.default = before


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_output_contains_no_host(figure: Any, renderer: Any, name: str) -> None:
    renderer(name)
    bundle = figure._repr_mimebundle_()
    assert not HOST.search(bundle["text/html"].replace(library(), ""))
    assert bundle[MIME_TYPE]["config"] == guards.CONFIG
    assert "sendChartToCloud" in bundle[MIME_TYPE]["layout"]["modebar"]["remove"]


def test_plotly_js_is_written_once_where_outputs_share_a_page(figure: Any, renderer: Any) -> None:
    renderer("plotly_mimetype+notebook")
    first, second = (len(figure._repr_mimebundle_()["text/html"]) for _ in range(2))
    assert first - second > len(library()) // 2
    renderer("colab")
    first, second = (len(figure._repr_mimebundle_()["text/html"]) for _ in range(2))
    assert first == second


def test_a_chosen_renderer_is_respected(figure: Any, renderer: Any) -> None:
    renderer("json")
    assert set(figure._repr_mimebundle_()) == {"application/json"}


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["exported page", "notebook"])
def test_figures_in_chromium_contact_no_host(
    figure: Any, renderer: Any, browser: Any, tmp_path: Path, kind: str
) -> None:
    """The page is opened and the pointer put on the figure, so that all buttons are there; each of them is listed."""
    if kind == "notebook":
        renderer("plotly_mimetype+notebook")
        content = (
            f"<!DOCTYPE html><html><body>{figure._repr_mimebundle_()['text/html']}</body></html>"
        )
        page_file = tmp_path / "notebook.html"
        page_file.write_text(content, encoding="utf-8")
    else:
        page_file = tmp_path / "figure.html"
        page_file.write_bytes(export.save(figure, ExportStyle(format="html")))
    context = browser.new_context()
    requests: list[str] = []
    windows: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    context.on("page", lambda opened: windows.append(opened.url))
    try:
        page.goto(page_file.as_uri())
        page.locator(".js-plotly-plot .plot-container").first.wait_for()
        page.locator(".js-plotly-plot").first.hover()
        buttons = page.locator(".modebar-btn")
        titles = [
            buttons.nth(place).get_attribute("data-title") for place in range(buttons.count())
        ]
        assert any("Download" in str(title) for title in titles)
        assert not [title for title in titles if re.search("share|cloud|plotly", str(title), re.I)]
        assert not page.locator(".js-plotly-plot a[href]").count()
    finally:
        context.close()
    assert {url.split(":")[0] for url in requests} <= {"file", "data", "blob"}
    assert not windows


def library() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@pytest.mark.browser
@pytest.mark.parametrize("command", ["story", "report"])
def test_stories_and_reports_in_chromium_contact_no_host(
    browser: Any, tmp_path: Path, command: str
) -> None:
    page_file = tmp_path / f"{command}.html"
    words = [command, "--model", "qj-parity", "--sample", "pair-6601", "--out", str(page_file)]
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    context = browser.new_context()
    requests: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(page_file.as_uri())
        page.wait_for_load_state("networkidle")
        assert not page.locator("form, iframe").count()
    finally:
        context.close()
    assert {url.split(":")[0] for url in requests} <= {"file", "data", "blob"}
