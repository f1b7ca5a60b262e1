"""The running app in Chromium: pages, cold links, picking, sliders, exports, and what a link may get wrong."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfusion.figures import export
from scripts import visits
from tests.support.browser import settle, visit, wait_for_words

__all__ = ["visit"]  # a fixture

pytestmark = pytest.mark.browser


def metric(page: Any, label: str) -> str:
    cell = page.locator('[data-testid="stMetric"]').filter(has_text=label).first
    return str(cell.locator('[data-testid="stMetricValue"]').inner_text())


def sample_of(page: Any) -> str:
    return str(page.locator("h3", has_text=re.compile("^Sample ")).inner_text()).removeprefix(
        "Sample "
    )


def test_samples_are_picked_and_a_figure_taken_along_and_a_link_runs_no_script(
    visit: Callable[[str], Any], tmp_path: Path
) -> None:
    page = visit(
        "/samples?model=qj-planted&sample=%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E"
    )
    assert page.evaluate("() => window.hacked") is None
    assert "<img src=x" in page.locator('[data-testid="stAlert"]').first.inner_text()
    a_row_picks(page)
    a_point_of_the_scatter_picks(page)
    the_select_box_picks(page)
    the_drawer_gives_the_figure_its_numbers_and_its_recipe(page, tmp_path)


def a_row_picks(page: Any) -> None:
    before = sample_of(page)
    table = page.locator('[data-testid="stDataFrame"]').first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 + 17 + 35)
    page.wait_for_function(
        """before => [...document.querySelectorAll('h3')].some(
      h => h.innerText.startsWith('Sample ') && h.innerText !== 'Sample ' + before)""",
        arg=before,
    )
    settle(page)
    picked = sample_of(page)
    assert picked != before
    assert f"sample={picked}" in page.url


def the_select_box_picks(page: Any) -> None:
    page.locator(
        "h1"
    ).scroll_into_view_if_needed()  # else Playwright scrolls there itself, which closes the box
    page.wait_for_timeout(300)
    page.locator(".st-key-sample input").click()
    page.keyboard.type("p0031")
    page.get_by_role("option", name="p0031").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_selector("h3:has-text('Sample p0031')")
    settle(page)
    assert "sample=p0031" in page.url


def a_point_of_the_scatter_picks(page: Any) -> None:
    page.locator('[class*="st-key-figure-scatter"] .js-plotly-plot').scroll_into_view_if_needed()
    # The point farthest from all others, so that no other lies on top of it.
    x, y, wanted = page.evaluate("""() => {
      const plot = document.querySelector('[class*="st-key-figure-scatter"] .js-plotly-plot');
      const trace = plot.calcdata.find(points => points[0].trace.name === 'samples');
      const ids = trace[0].trace.customdata, layout = plot._fullLayout, corner = plot.getBoundingClientRect();
      const places = trace.map(point => [corner.x + layout.xaxis._offset + layout.xaxis.c2p(point.x),
                                         corner.y + layout.yaxis._offset + layout.yaxis.c2p(point.y)]);
      const lonely = places.map((a, i) => Math.min(
        ...places.map((b, j) => i === j ? 1e9 : Math.hypot(a[0] - b[0], a[1] - b[1]))));
      const best = lonely.indexOf(Math.max(...lonely));
      return [places[best][0], places[best][1], ids[best]];
    }""")
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    page.wait_for_selector(f"h3:has-text('Sample {wanted}')")
    settle(page)


# What the server says reaches the page `qfLate` milliseconds later.
LATE = """(() => {
  const on = 'message', late = act => event => window.qfLate ? setTimeout(() => act(event), window.qfLate) : act(event);
  window.WebSocket = class extends WebSocket {
    addEventListener(kind, act, ...more) { super.addEventListener(kind, kind === on ? late(act) : act, ...more); }
    set onmessage(act) { super.onmessage = late(act); }
  };
})();"""


def test_a_cold_link_restores_the_view_and_a_slider_changes_prediction_metrics_and_link(
    visit: Callable[[str], Any], page: Any
) -> None:
    # what this adds goes with it: later tests share the page
    late = page.context.new_cdp_session(page)
    late.send("Page.addScriptToEvaluateOnNewDocument", {"source": LATE})
    visit(
        "/dynamics?model=qj-planted&sample=p0031&H.text-audio=0.5&D.text=2&T=0.5&view=Correlations"
    )
    late.detach()
    assert page.locator(".st-key-sample input").input_value() == "p0031"
    assert page.locator(".st-key-H-text-audio input").input_value() == "0.5"
    assert page.locator(".st-key-D-text input").input_value() == "2"
    assert page.locator('[role="tab"][aria-selected="true"]').inner_text() == "Correlations"
    assert "Changed: H: text+audio × 0.5" in page.inner_text("body").replace(
        "text + audio", "text+audio"
    )
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)
    moved_while_the_address_is_told_it_keeps_its_value(page)
    before = metric(page, "Score (truth"), metric(page, "MAE")
    knob = page.locator(".st-key-T input")
    knob.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    wait_for_words(page, "Changed: T = 0.6")
    settle(page)
    after = metric(page, "Score (truth"), metric(page, "MAE")
    assert after[0] != before[0]
    assert after[1] != before[1]
    page.wait_for_url("**T=0.6**")
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)
    assert (metric(page, "Score (truth"), metric(page, "MAE")) == before


def moved_while_the_address_is_told_it_keeps_its_value(page: Any) -> None:
    """What the server tells of an older value arrives after the browser wrote the newer one."""
    page.evaluate("() => { window.qfLate = 900; }")
    page.locator(".st-key-T input").focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(50)
    wait_for_words(page, "Changed: T = 0.55")
    settle(page)
    page.wait_for_timeout(2000)
    assert "T=0.55&" in page.url + "&"
    page.evaluate("() => { window.qfLate = 0; }")
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_words(page, "No changes to the learned model")
    settle(page)


# Layout shifts that do not follow the reader's input within half a second: at most .1 together is good.
SHIFTS = """window.qfShift = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.qfShift += shift.value;
}).observe({ type: "layout-shift", buffered: true });"""


def test_nothing_jumps_while_a_page_opens_nor_after_a_slider(
    visit: Callable[[str], Any], page: Any
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS})
    visit("/?model=qj-planted")
    assert page.evaluate("() => window.qfShift") < 0.1
    visit("/dynamics?model=qj-planted&sample=p0031")
    session.detach()
    wait_for_words(page, "The model as it was learned.")
    settle(page)
    top = "() => document.querySelector('.st-key-cursor').getBoundingClientRect().top"
    before = page.evaluate(top)
    page.evaluate("() => { window.qfShift = 0; }")
    page.locator(".st-key-pair-knobs input").first.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "() => !/as it was learned/.test(document.querySelector('.st-key-tweak-line')?.innerText)"
    )
    settle(page)
    assert abs(page.evaluate(top) - before) <= 2
    assert page.evaluate("() => window.qfShift") < 0.1


def gate(page: Any) -> int:
    return int(page.locator(".st-key-gate input").input_value())


def test_the_circuit_is_walked_and_downloaded(visit: Callable[[str], Any], tmp_path: Path) -> None:
    page = visit("/circuit?model=qcnn-parity&data=parity&gate=0")
    the_scrubber_moves_by_button_key_and_click(page)
    the_circuit_downloads_as_openqasm_and_svg(page, tmp_path)


def the_scrubber_moves_by_button_key_and_click(page: Any) -> None:
    assert "Before the first gate" in page.inner_text("body")
    page.locator(".st-key-_on button").first.click()
    wait_for_words(page, "Gate 1 of")
    page.locator(".st-key-gate input").focus()
    page.keyboard.press("ArrowRight")
    wait_for_words(page, "Gate 2 of")
    settle(page)
    assert gate(page) == 2
    x, y, wanted = page.evaluate("""() => {
      const plot = document.querySelector('.st-key-panel-circuit .js-plotly-plot');
      const trace = plot.calcdata.find(points => points[0].trace.name === 'gates');
      const layout = plot._fullLayout, corner = plot.getBoundingClientRect(), point = trace[4];
      return [corner.x + layout.xaxis._offset + layout.xaxis.c2p(point.x),
              corner.y + layout.yaxis._offset + layout.yaxis.c2p(point.y), trace[0].trace.customdata[4]];
    }""")
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    wait_for_words(page, f"Gate {wanted} of")
    settle(page)
    assert gate(page) == wanted
    assert f"gate={wanted}" in page.url


def the_circuit_downloads_as_openqasm_and_svg(page: Any, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Export").click()
    for name, key in (("OpenQASM 3", "qasm"), ("Circuit as SVG", "svg")):
        page.get_by_role("button", name=name).wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / f"circuit.{key}")
    program = (tmp_path / "circuit.qasm").read_text()
    assert program.startswith("OPENQASM 3.0;")
    assert program.count("measure") > 6
    assert ET.parse(tmp_path / "circuit.svg").getroot().tag.endswith("svg")


def test_truth_tables_are_edited_by_knobs_and_by_a_click_on_a_cell(
    visit: Callable[[str], Any], page: Any
) -> None:
    page.set_viewport_size({"width": 800, "height": 1000})
    visit("/circuit?model=qcnn-parity&data=parity&part=Fusion%20rules&outcome=00")
    tables_change_decision_and_link(page)
    a_cell_opens_its_angle_and_is_marked_when_edited(page)


def tables_change_decision_and_link(page: Any) -> None:
    before = metric(page, "Test accuracy"), metric(page, "predicted")
    page.get_by_role("radio", name="all elements").click()
    page.get_by_role("button", name="AND", exact=True).click()
    wait_for_words(page, "Fused by edited tables: all:")
    settle(page)
    assert metric(page, "Test accuracy") != before[0]
    assert metric(page, "predicted") != before[1]
    knob = page.locator('[class*="st-key-_phi-0-0-0"] input')
    knob.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.st-key-phi input').value.startsWith('all:and,0.00=')"
    )
    settle(page)
    assert "phi=all" in page.url
    page.get_by_role("radio", name="all elements").click()
    page.get_by_role("button", name="learned", exact=True).click()
    wait_for_words(page, "Fused by learned tables")
    settle(page)
    assert (metric(page, "Test accuracy"), metric(page, "predicted")) == before


def cell(page: Any, row: int, column: int) -> tuple[float, float]:
    """Where the middle of a cell of the truth tables is on the screen."""
    visits.come(page, "tables")
    x, y = page.evaluate(
        """([row, column]) => {
      const plot = document.querySelector('.st-key-panel-tables .js-plotly-plot'), layout = plot._fullLayout;
      const corner = plot.getBoundingClientRect();
      return [corner.x + layout.xaxis._offset + layout.xaxis.c2p(column),
              corner.y + layout.yaxis._offset + layout.yaxis.c2p(row)];
    }""",
        [row, column],
    )
    return float(x), float(y)


def a_cell_opens_its_angle_and_is_marked_when_edited(page: Any) -> None:
    accuracy, predicted = metric(page, "Test accuracy"), metric(page, "predicted")
    visits.come(page, "waterfall-edited")
    terms = page.locator(".st-key-panel-waterfall-edited .js-plotly-plot").inner_text()
    for row, column in ((3, 2), (2, 1)):  # the second time the chart is another one
        x, y = cell(page, row, column)
        page.mouse.move(x + 6, y - 4)
        page.wait_for_timeout(300)
        page.mouse.click(x + 6, y - 4)
        page.wait_for_selector(f".st-key-_phi-{row}-0-{column}")
        settle(page)
        assert page.locator(".st-key-element input").input_value() == f"element {row}"
        assert page.locator(".st-key-outcome input").input_value() == format(column, "02b")
    assert "element=element+2" in page.url
    assert "outcome=01" in page.url
    number = page.locator('[class*="st-key-_number-2-0-1"] input')
    number.fill("0")
    number.press("Enter")
    page.wait_for_function("() => document.querySelector('.st-key-phi input').value === '2.01=0'")
    wait_for_words(page, "Fused by edited tables")
    settle(page)
    edited = page.evaluate("""() => {
      const plot = document.querySelector('.st-key-panel-tables .js-plotly-plot'), traces = plot.data;
      const cells = traces.find(trace => trace.name === 'cells');
      const marks = plot.calcdata.find(points => points[0].trace.name === 'edited');
      return [marks.length, Math.round(marks[0].y), Math.round(marks[0].x), cells.customdata[2 * 4 + 1][2]];
    }""")
    assert edited == [1, 2, 1, 0]
    # One cell of one element hardly moves accuracy and probability, but the terms of the score it does.
    assert page.locator(".st-key-panel-waterfall-edited .js-plotly-plot").inner_text() != terms
    page.get_by_role("button", name="Reset this cell").click()
    wait_for_words(page, "Fused by learned tables")
    settle(page)
    assert (metric(page, "Test accuracy"), metric(page, "predicted")) == (accuracy, predicted)
    assert page.locator(".st-key-panel-waterfall-edited .js-plotly-plot").inner_text() == terms


def saved(page: Any, button: Any, path: Path) -> Path:
    """Clicks a download button and returns the file under its own name."""
    with page.expect_download() as download:
        button.click()
    target = path / str(download.value.suggested_filename)
    download.value.save_as(target)
    return target


def the_drawer_gives_the_figure_its_numbers_and_its_recipe(page: Any, tmp_path: Path) -> None:
    rows = list(
        csv.DictReader(
            saved(page, page.locator(".st-key-figure-waterfall .qf-numbers").first, tmp_path).open(
                encoding="utf-8"
            )
        )
    )
    assert [row["term"] for row in rows][:2] == ["baseline", "text"]
    shown = re.search(r"Predicted ([+-]\d\.\d\d)", page.inner_text("body")).group(1)  # type: ignore[union-attr]
    assert sum(float(row["dividend"]) for row in rows) == pytest.approx(float(shown), abs=0.006)
    page.locator(".st-key-figure-waterfall .qf-export").first.click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name="Download SVG").wait_for()
    drawn = saved(page, drawer.get_by_role("button", name="Download SVG"), tmp_path)
    assert drawn.name == "qfusion-p0031-waterfall.svg"
    root = ET.parse(drawn).getroot()
    words = " ".join(
        node.text or "" for node in root.iter() if node.tag.endswith(("text", "tspan"))
    )
    assert root.tag.endswith("svg")
    assert "text + audio" in words
    recipe = saved(page, drawer.get_by_role("button", name="Recipe"), tmp_path)
    assert json.loads(recipe.read_text()) == json.loads(export.read_recipe(drawn.read_bytes()))
    drawer.get_by_role("radio", name="PDF").click()
    drawer.get_by_role("button", name="Download PDF").wait_for()
    assert (
        saved(page, drawer.get_by_role("button", name="Download PDF"), tmp_path)
        .read_bytes()
        .startswith(b"%PDF")
    )
    numbers = json.loads(
        saved(page, drawer.get_by_role("button", name="Numbers, JSON"), tmp_path).read_text()
    )
    assert [row["term"] for row in numbers["numbers"]] == [row["term"] for row in rows]
    page.keyboard.press("Escape")
    drawer.wait_for(state="detached")
