"""Training in Chromium: a run is started, watched, left, stopped, resumed and explored."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfusion.data import importing
from qfusion.runs import Run
from scripts import serving
from tests.support import browser, importable
from tests.support.browser import settle, sideways
from tests.support.browser_forms import field, quiet

pytestmark = pytest.mark.browser
# Epochs of the loss as they are drawn.
EPOCHS = """() => Math.max(0, ...(document.querySelector('.st-key-panel-train-loss .js-plotly-plot')?.calcdata || [])
                                .map(points => points.length))"""
DRAWN = "name => document.querySelector('.st-key-panel-train-loss .js-plotly-plot')?.data?.some(t => t.name === name)"


@pytest.fixture
def runs(server: serving.Server) -> Iterator[Path]:
    """Where the app keeps runs; whatever a failed test has left running is stopped."""
    folder = server.log.parent / "runs"
    yield folder
    for path in folder.glob("*/plan.json"):
        if Run(path.parent).is_held():
            Run(path.parent).send_request("stop")


def button(page: Any, key: str) -> Any:
    """One of our buttons; Streamlit's own "Stop" stands in the corner while the script runs."""
    return page.locator(f".st-key-{key} button").first


def test_a_run_on_an_imported_set_is_started_watched_left_found_stopped_taken_up_and_explored(
    page: Any, server: serving.Server, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a set is uploaded is in tests/test_browser_data.py."""
    turn = uuid.uuid4().hex[:6]  # the server outlives a test that is tried again
    data, name = f"my-own-{turn}", f"mine-{turn}"
    page.set_default_timeout(90_000)
    monkeypatch.setenv("QFUSION_IMPORTED", str(server.log.parent / "imported"))
    importing.import_set(
        [importable.write_mmsa(tmp_path / "unaligned_50.pkl", importable.mmsa())], data
    )
    page.goto(server.url + f"/train?new.data={data}")
    page.wait_for_selector("h1:has-text('Train')")
    quiet(page)
    form = page.locator(
        '[class*="st-key-box-new-"] details'
    ).first  # open as long as there is no run
    form.wait_for()
    if form.get_attribute("open") is None:
        form.locator("summary").first.click()
    field(page, "Max epochs", "2000")
    field(page, "Patience (epochs)", "0")
    field(page, "State dimensions", "2")
    field(page, "Name", "qj-planted")
    page.get_by_text("is there already. Choose another name").wait_for()
    field(page, "Name", name)
    button(page, "_start").click()
    page.wait_for_function("name => location.search.includes('run=' + name)", arg=name)
    page.wait_for_function(DRAWN, arg=name)
    run = Run(runs / name)
    page.wait_for_function(f"() => ({EPOCHS})() >= 1", timeout=120_000)
    before = page.evaluate(EPOCHS)
    page.wait_for_function(f"before => ({EPOCHS})() > before", arg=before, timeout=60_000)
    link = page.url.split("?")[0]
    page.goto(server.url + "/_stcore/health")  # the app is left, the run goes on
    done = run.record().epoch
    until = time.monotonic() + 60
    while run.record().epoch <= done and time.monotonic() < until:
        time.sleep(0.2)
    assert run.record().epoch > done
    page.goto(link)  # not even the link is needed: the run is found
    page.wait_for_function(DRAWN, arg=name)
    page.wait_for_function(f"() => ({EPOCHS})() > 0")
    assert sideways(page) <= 0
    explore = page.get_by_role("link", name=f"Explore samples of {name}")
    button(page, "_stop").click()
    explore.wait_for()
    assert run.record().state == "stopped"
    stopped = run.record().epoch
    button(page, "_resume").click()
    page.wait_for_function(f"before => ({EPOCHS})() > before", arg=stopped)
    assert run.record().state == "running"
    button(page, "_stop").click()
    page.wait_for_function(
        "() => document.querySelector('.st-key-_stop button').disabled && "
        "!document.querySelector('.st-key-_resume button').disabled"
    )
    assert run.record().state == "stopped"
    assert run.record().epoch > stopped
    page.get_by_role("tab", name="Inside the model").click()
    page.locator(".st-key-figure-train-dividends .qf-about").first.click()
    page.get_by_text("reaches 10% of what all terms add").wait_for()
    page.keyboard.press("Escape")
    explore.click()
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    assert browser.chosen(page, "model") == name
    assert browser.chosen(page, "data") == data
    assert f"model={name}" in page.url
    assert page.locator('[data-testid="stAlert"]').all_inner_texts() == []
