"""Markup and scripts in everything that a visitor could name or write, in Chromium: ids, classes, words, columns,
titles, file names, fields, addresses. None runs, on no page, in no figure that is saved."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from qfusion import cli
from scripts import serving, visits
from tests.support import browser, importable

pytestmark = pytest.mark.browser
# Each says who it was, where it runs; the last are for formulas and for markdown.
RUNS = "window.hacked=(window.hacked||'')+'!'"
PAYLOADS = (
    f"<img src=x onerror={RUNS}>",
    f"</script><script>{RUNS}</script>",
    f"<svg onload={RUNS}>",
    f'"><a href=javascript:{RUNS}>x</a>',
    f"[x](javascript:{RUNS})",
    '=HYPERLINK("http://x","y")',
    f"<b onmouseover={RUNS}>b</b>",
    f"$\\href{{javascript:{RUNS}}}{{x}}$",
)
COLUMN = f"<img src=x onerror={RUNS}>"
PAGES = (
    "Overview",
    "Samples",
    "Dynamics",
    "What if",
    "Cohorts",
    "Compare",
    "Data",
)  # the others show no more words
CLEAN = """() => ({hacked: window.hacked ?? '', broken: [...document.querySelectorAll('img')].filter(each =>
  /onerror/.test(each.outerHTML)).length, links: [...document.querySelectorAll('a')].filter(each =>
  /^javascript:/i.test(each.getAttribute('href') ?? '')).length})"""


@pytest.fixture(scope="module")
def hostile(server: serving.Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set whose every word is a payload, and a model of it, in the folders of the running app."""
    folder, home = tmp_path_factory.mktemp("hostile"), server.log.parent
    tables = importable.tables(folder / "t", count=48)
    names = [
        f"{payload} {row}"
        for row, payload in zip(range(48), itertools.cycle(PAYLOADS), strict=False)
    ]
    for path in tables.iterdir():
        frame = pd.read_csv(path)
        frame["id"] = names
        if path.stem == "labels":
            frame["label"] = [PAYLOADS[row % 3] for row in range(48)]
            frame["text"] = [f"said {payload}" for payload in names]
            frame[COLUMN] = names
        frame.to_csv(path, index=False)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IMPORTED", "MODELS", "RUNS", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(home / name.lower()))
        (home / "models").mkdir(exist_ok=True)
        for words in (
            ["data", "import", str(tables), "--name", "hostile", "--title", PAYLOADS[0]],
            [
                "train",
                "--data",
                "hostile",
                "--out",
                str(home / "models" / "hostile-model"),
                "--set",
                "epochs=1",
                "--set",
                "dims=2",
                "--set",
                "jumps=1",
            ],
        ):
            with pytest.raises(SystemExit) as ended:
                cli.main(words)
            assert not ended.value.code, words
        made = home / "models" / "hostile-model"
        for ending in (".json", ".safetensors"):
            text = (made / f"model{ending}").read_bytes()
            text = text.replace(b'"model.safetensors"', b'"hostile-model.safetensors"')
            (home / "models" / f"hostile-model{ending}").write_bytes(text)
    return folder


def assert_clean(page: Any, where: str) -> None:
    """Nothing ran, and nothing waits for a click or a failed picture."""
    assert page.evaluate(CLEAN) == {"hacked": "", "broken": 0, "links": 0}, where


def hover(page: Any) -> None:
    """Has every figure say what a point of it is."""
    for plot in page.locator(".qf-figure .nsewdrag").all()[:6]:
        if plot.is_visible():
            plot.hover(force=True)


def test_no_name_runs_on_any_page(
    server: serving.Server, hostile: Path, page: Any, tmp_path: Path
) -> None:
    query = "model=hostile-model&data=hostile"
    visits.open_page(page, f"{server.url}/?{query}", whole=True)
    for name in PAGES:  # after the first by the sidebar, which loads no app anew
        if name != PAGES[0]:
            link = page.locator('[data-testid="stSidebar"]').get_by_role("link", name=name)
            link.first.click()
            page.wait_for_selector(f"h1:has-text('{name}')")
            visits.still(page, whole=True)
        for tab in ("Errors", "Quality", "Entanglement") if name == "Cohorts" else ():
            hover(page)
            assert_clean(page, name)
            page.get_by_role("tab", name=tab).click()
            visits.still(page, whole=True)
        if (
            name == "Cohorts" and page.locator(".st-key-cuts label").count()
        ):  # else they are cut at once
            page.locator(".st-key-cuts label").first.click()
            page.wait_for_function("() => location.search.includes('cuts=')")
            visits.still(page, whole=True)
        if name != "Data":
            assert browser.chosen(page, "data") == "hostile"
            assert browser.chosen(page, "model") == "hostile-model"
        hover(page)
        assert_clean(page, name)
        assert page.locator('[data-testid="stException"]').count() == 0, name
        if name == "Samples":
            assert "onerror" in page.inner_text("body")  # it is shown, as text
    no_file_name_runs(page, tmp_path)


def no_file_name_runs(page: Any, folder: Path) -> None:
    """On Data, where the walk ends."""
    bad = folder / "<img src=x onerror=window.hacked=1>.csv"
    bad.write_text("id,a\n<svg onload=window.hacked=2>,1\n")
    page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(str(bad))
    page.get_by_role("button", name="Examine").click()
    page.locator('[data-testid^="stAlertContent"]').first.wait_for()
    assert_clean(page, "file name")


def test_no_address_and_no_field_runs(server: serving.Server, page: Any) -> None:
    payload = quote(PAYLOADS[0] + PAYLOADS[1])
    for address in (
        f"/cohorts?model=qj-parity&filter={payload}&cohort={payload}:error%3E1&pin={payload}/{payload}/{payload}",
        f"/dynamics?model={payload}&data={payload}&sample={payload}&H.{payload}=1&view={payload}&{payload}=1",
        f"/glossary?find={payload}",
        f"/samples?model=qj-parity&find={payload}&x={payload}",
    ):
        # where a cohort has a name is far below
        visits.open_page(page, server.url + address, whole=address.startswith("/cohorts"))
        if address.startswith("/dynamics"):
            words = page.locator(".st-key-notices").inner_text()
            for name in ("model", "data", "sample", "H.<img", "view", "<img"):
                assert f"In the link, {name}" in words
        assert_clean(page, address)
    field = page.get_by_role("textbox", name="Search ids and words")
    field.fill("")
    field.press("Enter")
    page.get_by_text("No sample passes these filters").wait_for(state="detached")
    field.fill(PAYLOADS[0])
    field.press("Enter")
    page.get_by_text("No sample passes these filters").wait_for()
    assert_clean(page, "search")


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_no_saved_figure_runs(
    ending: str, hostile: Path, server: serving.Server, page: Any, tmp_path: Path
) -> None:
    """Opened by itself: a policy of the server does not protect it."""
    out = tmp_path / f"figure.{ending}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IMPORTED", "MODELS"):
            patch.setenv(f"QFUSION_{name}", str(server.log.parent / name.lower()))
        with pytest.raises(SystemExit) as ended:
            cli.main(
                [
                    "figure",
                    "--link",
                    f"{server.url}/samples?model=hostile-model&data=hostile",
                    "--panel",
                    "waterfall",
                    "--out",
                    str(out),
                ]
            )
        assert not ended.value.code
    assert "onerror" in out.read_text() or "script" in out.read_text()  # the names are in it
    page.goto(out.as_uri())
    page.wait_for_timeout(500)
    assert_clean(page, ending)
