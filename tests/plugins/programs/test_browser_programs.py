"""A model that was trained elsewhere is imported in Chromium, and explored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfusion import cli, data
from scripts import serving, visits
from tests.plugins.programs import foreign_models
from tests.support import browser, importable
from tests.support.browser import follow

pytestmark = pytest.mark.browser
WRONG = '[data-testid="stAlertContentError"], [data-testid="stAlertContentWarning"]'
TERMS = """() => { const plot = document.querySelector('[class*="st-key-panel-waterfall"] .js-plotly-plot'), sizes = {};
  const bars = plot._fullData.find(trace => trace.type === 'bar');
  bars.customdata.slice(0, -1).forEach((words, i) => sizes[words[0]] = bars.x[i]);  // the last is their sum
  return sizes; }"""


@pytest.fixture(autouse=True)
def own_places(server: serving.Server) -> Iterator[None]:
    """Commands of this file keep sets and models where the running app looks for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED", "RUNS", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(server.log.parent / name.lower()))
        yield


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


def test_a_model_is_uploaded_and_explored(
    page: Any, server: serving.Server, tmp_path: Path
) -> None:
    """The other pages, without a browser, in tests/plugins/programs/test_foreign_model_pages.py."""
    run(
        *("data", "import", str(importable.tables(tmp_path / "tables"))),
        *("--name", foreign_models.DATA, "--replace"),
    )
    dataset = data.load(foreign_models.DATA)
    forward = foreign_models.network(tmp_path / "crossed.onnx")
    import_model(page, server, "own-program", tmp_path / "crossed.onnx")
    sample = browser.chosen_sample(page)
    title = page.inner_text('[class*="st-key-panel-waterfall"] h4')
    row = list(dataset.ids).index(sample)
    wanted = foreign_models.looped(forward, dataset, row)
    foreign_models.assert_explained(page.evaluate(TERMS), title, wanted, dataset, 1e-5)
    follow(page, "Faithfulness")
    assert page.locator(WRONG).count() == 0, page.inner_text("body")
    assert browser.chosen(page, "model") == "own-program"
    assert browser.chosen_sample(page) == sample


def import_model(page: Any, server: serving.Server, name: str, path: Path) -> None:
    """Imports a file on the Train page, and opens it on Samples; another model on other data was open before."""
    visits.open_page(page, server.url + "/what_if?model=qj-parity&data=parity")
    page.locator('[data-testid="stSidebar"]').get_by_role("link", name="Train", exact=True).click()
    page.get_by_text("Bring a model").click()
    form = page.locator('[data-testid="stForm"]', has_text="Data set of its modalities")
    form.locator('input[type="file"]').set_input_files(path)
    form.get_by_text(path.name).wait_for()
    form.locator('[data-testid="stSelectbox"] input').click()
    page.keyboard.type(foreign_models.DATA)
    page.keyboard.press("Enter")
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_role("button", name="Check and import").click()
    page.get_by_text("is now one of the models").wait_for(timeout=60_000)
    page.get_by_role("link", name="Open it on Samples").click()
    page.wait_for_selector("h1:has-text('Samples')")
    page.wait_for_selector('[class*="st-key-panel-waterfall"] .js-plotly-plot')
    visits.still(page)
    assert browser.chosen(page, "model") == name
