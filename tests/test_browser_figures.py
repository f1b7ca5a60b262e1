"""Figures in Chromium: the first comes before the frame, they change in place and follow a cursor, a click on one picks
samples, gates and cells, and their files run and fetch nothing."""

from __future__ import annotations

import csv
import json
import re
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from qfusion.figures import evolution_charts
from qfusion.figures.files import export
from qfusion.figures.files.export_style import ExportStyle
from qfusion.report import decision_story
from qfusion.report.story_page import render_page
from qfusion.study.opening import open_sample
from qfusion.views import decision
from qfusion.views.pages.panel import drawn
from scripts import visits
from tests.support.browser import (
    chosen_sample,
    click_point,
    follow,
    lonely_point,
    metric,
    pick,
    settle,
    sideways,
    visit,
    wait_for_words,
)
from tests.support.figure_examples import M, T

pytestmark = pytest.mark.browser
__all__ = ["visit"]  # a fixture

ROOMS = """() => [...document.querySelectorAll('.qf-figure')].map(e => {
  const room = e.getBoundingClientRect(), drawn = e.querySelector('.main-svg').getBoundingClientRect();
  return [room.width - drawn.width, room.height - drawn.height]; })"""
# By how much a legend stands in its plot.
LEGENDS = """() => Math.max(...[...document.querySelectorAll('.qf-figure')].filter(e => e.querySelector('.legend')).map(
  e => e.querySelector('.legend').getBoundingClientRect().bottom - e.getBoundingClientRect().top
    - e._fullLayout._size.t))"""


# Of the parts that wait below the screen.
PLACES = """() => [...document.querySelectorAll('[class*="st-key-later-"]')].map(
  place => /st-key-later-(\\S+)/.exec(place.className)[1])"""

# What stands on the page when a browser says that the first figure is drawn; with #mute that does not get through.
ASKS = """(() => {
  const send = window.fetch;
  let figure;
  const place = () => { const {x, y} = figure.getBoundingClientRect(); return [x, y]; };
  window.placeOfFirst = place;
  window.asks = [];
  window.entries = history.length;
  window.fetch = (at, ...more) => {
    if (!String(at).includes('/drawn/')) return send(at, ...more);
    figure = document.querySelector('.qf-figure');
    window.asks.push([document.querySelectorAll('[data-testid="stSidebar"] a').length, ...place()]);
    return location.hash === '#mute' ? new Promise(() => {}) : send(at, ...more);
  };
})()"""


def test_the_first_figure_comes_before_the_frame_where_it_stays_and_the_rest_comes_whatever_a_browser_says(
    page: Any, server: Any
) -> None:
    page.add_init_script(ASKS)
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&data=parity"
    )  # so that it has been shown
    for address in ("/samples?model=qj-parity", "/what_if?model=qj-planted#mute"):
        for _ in range(4):  # a browser that shares its cores may take longer than is waited for
            page.goto("about:blank")
            visits.open_page(page, server.url + address)
            if page.evaluate("asks"):
                break
        assert page.url == server.url + address  # nobody chose what is shown
        assert page.evaluate("history.length - entries") == 0  # one press of Back leaves it
        [(links, *place)] = page.evaluate("asks")
        assert links == 0
        assert page.evaluate("placeOfFirst()") == pytest.approx(place, abs=2)
        assert page.locator('[data-testid="stSidebar"] a').count() > 10
        assert page.locator(".st-key-model input, .st-key-model [role=combobox]").count()
    page.goto("about:blank")
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&words=full"
    )  # more than is shown at once
    assert page.evaluate("asks") == []
    with urllib.request.urlopen(server.url + "/drawn/nobody", timeout=10) as answer:
        assert answer.status == 204


def test_a_figure_stays_its_numbers_are_saved_and_what_waits_is_drawn_as_it_comes(
    page: Any, server: Any, tmp_path: Path
) -> None:
    visits.open_page(
        page, server.url + "/samples?model=qj-parity&sample=pair-0003&data=parity", whole=True
    )
    the_numbers_are_saved(page, tmp_path)
    seen: list[Any] = []
    page.on("download", lambda file: seen.append(file))
    a_figure_stays_and_only_its_numbers_change(page)
    page.locator(".st-key-figure-verdict .qf-export").click()
    page.get_by_role("dialog").get_by_role("button", name="Download SVG").wait_for()
    assert not seen  # though the figure was drawn again, and the drawer has opened
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    figures_are_as_large_as_their_panels(page)
    scrolling_draws_what_comes_near_in_the_place_kept_for_it(page)


def the_numbers_are_saved(page: Any, folder: Path) -> None:
    with page.expect_download() as download:
        page.locator(".st-key-figure-verdict .qf-numbers").click()
    assert download.value.suggested_filename == "qfusion-verdict.csv"
    download.value.save_as(folder / "verdict.csv")
    wanted = decision.verdict(open_sample("qj-parity", "pair-0003", "parity")).numbers
    first = (folder / "verdict.csv").read_text().splitlines()[0]
    assert first.split(",")[0] == wanted.columns[0]


def a_figure_stays_and_only_its_numbers_change(page: Any) -> None:
    page.wait_for_selector(".st-key-figure-similar .main-svg")
    page.wait_for_function("() => !document.querySelector('.qf-figure[aria-busy]')")
    page.evaluate(
        "() => document.querySelectorAll('.qf-figure').forEach(e => { e.was = e.data; e.marked = true; })"
    )
    page.locator(".st-key-_next button:visible").first.click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-figure-similar .qf-figure').was"
        " !== document.querySelector('.st-key-figure-similar .qf-figure').data"
    )
    visits.still(page, whole=True)
    assert page.evaluate("() => [...document.querySelectorAll('.qf-figure')].every(e => e.marked)")
    after = chosen_sample(page)
    assert after != "pair-0003"
    sample = open_sample("qj-parity", after, "parity")
    label = page.evaluate(
        "() => document.querySelector('.st-key-figure-verdict .qf-figure').ariaLabel"
    )
    assert label == drawn(decision.verdict)(sample).alt


def figures_are_as_large_as_their_panels(page: Any) -> None:
    page.set_viewport_size({"width": 1100, "height": 900})
    follow(page, "Decision operators")
    for width in (1100, 800, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        visits.still(page, whole=True)
        page.wait_for_function(f"() => Math.max(...({ROOMS})().flat().map(Math.abs)) < 1")
        assert page.evaluate(LEGENDS) <= 1


def scrolling_draws_what_comes_near_in_the_place_kept_for_it(page: Any) -> None:
    follow(page, "Dynamics")
    visits.still(page)
    assert "built" in page.evaluate(PLACES)
    assert page.locator(".st-key-figure-decision-over-time .main-svg").count()
    page.locator(".st-key-later-built").scroll_into_view_if_needed()
    page.wait_for_selector(".st-key-figure-built .main-svg")
    visits.still(page)
    # far from it again, another sample: its place is as high as it was
    height = page.locator(".st-key-panel-built").bounding_box()["height"]
    page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    page.evaluate("() => qfusionWhole()")  # as before printing
    assert page.evaluate(PLACES) == []
    page.locator(".st-key-_next button:visible").first.click()
    visits.still(page)
    assert page.locator(".st-key-panel-built").bounding_box()["height"] == pytest.approx(
        height, abs=40
    )
    # a place may stand on the page before its button does
    page.evaluate(
        """() => {
      const place = document.createElement('div');
      place.className = 'st-key-later-late';
      place.style.height = '10px';
      document.querySelector('[data-testid=stMain] h1').append(place);
      setTimeout(() => {
        const button = document.createElement('button');
        button.onclick = () => { window.late = true; place.remove(); };
        place.append(button);
      }, 500);
    }"""
    )
    page.wait_for_function("() => window.late")


# Counts what is changed in a figure from now on: attributes, and parts that come or go.
WATCH = """name => {
  const host = document.querySelector(`.st-key-figure-${name} .qf-figure`);
  window.changes = 0;
  new MutationObserver(seen => { window.changes += seen.length; }).observe(
    host, {subtree: true, childList: true, attributes: true}); }"""
# Shapes and points in their order, and texts.
STANDS = """name => {
  const all = part => [...document.querySelectorAll(`.st-key-figure-${name} .qf-figure ${part}`)].map(
    e => [e.dataset.index, e.getAttribute('d'), e.getAttribute('style'), e.textContent].join());
  return [...all('.shapelayer path'), ...all('.points path'), ...all('.annotation-text').sort()]; }"""


@pytest.mark.parametrize(
    ("address", "name", "share"),
    [
        # a ring moves over the points of all samples: as a trace of its own all of them were drawn anew
        ("/samples?model=qj-parity&data=parity&sample=pair-6601", "scatter", 0.2),
        # a step through hundreds of shapes and texts
        ("/circuit?model=qcnn-scenes&data=scenes&gate=9", "circuit", 1.0),
    ],
)
def test_what_stays_in_a_figure_is_not_drawn_anew_and_what_moves_is_as_drawn_at_once(
    page: Any, server: Any, address: str, name: str, share: float
) -> None:
    visits.open_page(page, server.url + address)
    before = page.evaluate(STANDS, name)
    page.evaluate(WATCH, name)
    if name == "scatter":
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**sample=pair-6602**")
    else:
        page.locator('[data-testid="stSlider"]:visible input').first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**gate=10**")
    visits.still(page)
    changed = page.evaluate(STANDS, name)
    assert changed != before
    assert 0 < page.evaluate("changes") < share * len(before)
    page.reload()
    visits.still(page)
    assert page.evaluate(STANDS, name) == changed


# Notes whether a line of the figure moves, and does not jump. Other pages of tests stand still.
MOVES = """() => {
  document.adoptedStyleSheets = [];
  window.moved = false;
  document.querySelector('.st-key-figure-decision-over-time .qf-figure').addEventListener(
    'transitionrun', event => { window.moved ||= event.propertyName === 'd'; }); }"""


def test_lines_move_with_a_slider_unless_motion_is_reduced(page: Any, server: Any) -> None:
    visits.open_page(page, server.url + "/dynamics?model=qj-parity&data=parity&T=0.8")
    page.evaluate(MOVES)
    for wanted, time in ((True, "0.79"), (False, "0.78")):
        page.emulate_media(reduced_motion="no-preference" if wanted else "reduce")
        page.locator(".st-key-T input").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(f"**T={time}**")
        visits.still(page)
        page.wait_for_timeout(500)
        assert page.evaluate("() => [window.moved, window.moved = false][0]") == wanted


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
    # else Playwright scrolls there itself, which closes the box
    page.locator("h1").scroll_into_view_if_needed()
    visits.still(page)
    pick(page, "sample", "p0031")
    page.wait_for_selector("h3:has-text('Sample p0031')")
    settle(page)
    assert "sample=p0031" in page.url


def a_point_of_the_scatter_picks(page: Any) -> None:
    place, wanted = lonely_point(page, '[class*="st-key-figure-scatter"]', "samples")
    click_point(page, place)
    page.wait_for_selector(f"h3:has-text('Sample {wanted}')")
    settle(page)


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
    click_point(page, (x, y))
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
    sensitivity_shows_the_terms_of_a_kind(page)


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


def sensitivity_shows_the_terms_of_a_kind(page: Any) -> None:
    page.get_by_role("tab", name="Sensitivity").click()
    page.wait_for_selector(".st-key-panel-tornado .js-plotly-plot")
    settle(page)
    pick(page, "terms", "fusion")
    page.wait_for_url("**terms=fusion**")
    settle(page)
    names = page.locator(".st-key-panel-tornado .ytick text").all_text_contents()
    assert names
    assert all(name.startswith("fusion of ") for name in names), names
    assert sideways(page) <= 0


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
        click_point(page, (x + 6, y - 4))
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


RECIPE = json.dumps({"page": "samples", "title": "</metadata>(\\) é"}, ensure_ascii=False)
TYPED = '1 < 2 & <b>bold</b> $x^2$ "q" <script>alert(1)</script>'


def lines() -> go.Figure:
    series = {("text",): T, ("audio",): T**2, ("text", "audio"): T / 2}
    return evolution_charts.measure_lines(T, series, M, "entropy (nats)")


def test_a_page_opens_without_a_network_and_runs_no_typed_script(
    browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page()
    look = ExportStyle(format="html", title=True, caption=True, theme="dark")
    hostile = (
        f'{TYPED} <img src="http://127.0.0.1:9/x" onerror="document.title=1"> "onload="alert(1)'
    )
    (tmp_path / "figure.html").write_bytes(
        export.save(lines(), look, title=hostile, caption=hostile, recipe=RECIPE)
    )
    heard: list[str] = []
    page.on("dialog", lambda dialog: (heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("console", lambda message: heard.append(f"console {message.text}"))
    page.on(
        "request",
        lambda request: (
            heard.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:"))
            else None
        ),
    )
    page.goto((tmp_path / "figure.html").as_uri())
    page.wait_for_selector("#qfusion-figure .annotation-text", state="attached")
    assert page.locator("h1").inner_text() == hostile
    assert page.title() == hostile
    # the names of the lines stand at their ends
    assert page.locator("#qfusion-figure .annotation-text").all_text_contents() == [
        "text",
        "audio",
        "text + audio",
    ]
    assert json.loads(page.locator("#qfusion-recipe").text_content()) == json.loads(RECIPE)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s); }"
    )
    assert page.evaluate("() => window.ran") is None, "the page's policy lets no other script run"
    assert [each for each in heard if "Content Security Policy" not in each] == []
    page.close()


def test_page_plays_from_a_file(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    story = decision_story.build_story(open_sample("qj-parity", "pair-6601"))
    (tmp_path / "story.html").write_bytes(render_page(story, seconds=2.0))
    page = page.context.new_page()  # a file has another process: that of the app stays for the next
    page.goto((tmp_path / "story.html").as_uri())
    button, slider = page.locator("#play"), page.locator("#at")
    expect(button).to_have_text("Play again", timeout=30_000)  # plays by itself, to its end
    assert slider.input_value() == "2"
    slider.fill("0.4")
    wide = "() => Number(document.querySelector('.act:not([hidden]) .grows').getAttribute('width'))"
    assert page.locator(".act:visible").count() == 1
    assert page.evaluate(wide) > 0
    assert page.locator(".says[aria-current]").inner_text().startswith("As learned.")
    button.click()
    expect(slider).not_to_have_value("0.4")
    button.click()
    held = slider.input_value()
    page.wait_for_timeout(100)
    assert slider.input_value() == held
    page.close()
