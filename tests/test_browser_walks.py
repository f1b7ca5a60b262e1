"""Three walks from a cold start in Chromium, each by at most twelve clicks: a figure for a paper of a sample on which
only both modalities together decide; one's own data to an explained sample; which coupling decides, and whether the
entanglement is needed."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from scripts import serving, visits
from tests.support import importable
from tests.support.browser import settle
from tests.support.browser_forms import field, quiet

pytestmark = pytest.mark.browser
MOST = 12


class Walk:
    """A reader who counts clicks; typing into a field that has been clicked is none, choosing a file is one."""

    def __init__(self, page: Any) -> None:
        self.page, self.clicks = page, 0

    def click(self, what: Any, settles: bool = True) -> None:
        """Clicks, and waits until nothing moves."""
        self.clicks += 1
        what.click()
        self.page.wait_for_timeout(200)
        (settle if settles else quiet)(self.page)

    def link(self, name: str, title: str) -> None:
        """Clicks a link of the page and waits for the page that it leads to."""
        self.clicks += 1
        self.page.locator('[data-testid="stMain"]').get_by_role("link", name=name).first.click()
        self.page.wait_for_selector(f"h1:has-text('{title}')")
        quiet(self.page)

    def option(self, key: str, name: str) -> None:
        """Picks an option of a select box: two clicks."""
        self.click(self.page.locator(f".st-key-{key} input").first)
        self.click(self.page.get_by_role("option", name=name).first)


@pytest.fixture
def walk(page: Any, server: serving.Server) -> Walk:
    page.set_default_timeout(30_000)
    page.goto(server.url)
    settle(page)
    return Walk(page)


def test_a_figure_for_a_paper_of_a_sample_that_speaks_only_jointly(
    walk: Walk, tmp_path: Path
) -> None:
    page = walk.page
    walk.option("model", "qj-parity")
    visits.come(page, "samples-to-start-with")
    walk.click(page.locator(".st-key-telling-synergy").get_by_role("link").last)
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    walk.click(page.locator(".st-key-figure-waterfall .qf-export").first)
    page.wait_for_selector('[role="dialog"]')
    walk.option("figure-size", "APS, one column")
    walk.click(page.get_by_role("dialog").get_by_role("radio", name="PDF"))
    with page.expect_download() as given:
        walk.click(page.locator(".st-key-drawer-figure button").first)
    given.value.save_as(tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert walk.clicks <= MOST


def test_own_data_to_an_explained_sample(walk: Walk, tmp_path: Path) -> None:
    page = walk.page
    walk.link("Import my data", "Data")
    files = importable.write_mmsa(
        tmp_path / "unaligned_50.pkl", counts={"train": 20, "valid": 8, "test": 8}
    )
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(files))
    walk.clicks += 1
    page.get_by_text(files.name).first.wait_for()
    walk.click(page.get_by_role("button", name="Examine"))
    page.wait_for_selector(".st-key-import-report")
    settle(page)
    walk.click(page.locator(".st-key-_import_name input"))
    name = f"walked-{uuid.uuid4().hex[:6]}"  # the server outlives a test that is tried again
    field(page, "Name", name)
    walk.click(page.get_by_role("button", name="Save data set"))
    page.wait_for_selector(".st-key-import-report", state="detached")
    walk.link("Train a model on it", "Train")
    walk.click(page.get_by_label("Max epochs", exact=True), settles=False)
    field(page, "Max epochs", "1")
    walk.click(page.locator(".st-key-_start button").first, settles=False)
    explore = page.get_by_role("link", name="Explore samples of")
    explore.wait_for()
    walk.clicks += 1
    explore.click()
    page.wait_for_selector("h1:has-text('Samples')")
    settle(page)
    page.wait_for_selector(".st-key-panel-waterfall .js-plotly-plot")
    assert page.locator(".st-key-data input").input_value() == name
    assert walk.clicks <= MOST


def test_which_coupling_decides_and_whether_entanglement_is_needed(walk: Walk) -> None:
    page = walk.page
    walk.link("Understand the physics", "Dynamics")
    settle(page)
    visits.come(page, "built", "cut")
    page.wait_for_selector(".st-key-panel-built h4")
    assert re.search(
        r"% of the change by (H|dissipation):", page.inner_text(".st-key-panel-built h4")
    )
    assert page.inner_text(".st-key-panel-cut h4").startswith("Removing all correlations with")
    walk.click(page.get_by_role("tab", name="Sensitivity"))
    page.wait_for_selector('[class*="st-key-panel-tornado"] h4, [class*="st-key-panel-what"] h4')
    assert walk.clicks <= MOST
