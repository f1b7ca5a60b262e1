"""Links and session files of before the redesign (issue 13) open the same numbers: see tests/keeping.py and
scripts/keep.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import doors, keeping
from tests.keeping import KEPT

LINKS = keeping.read("links.json")
SESSIONS = keeping.read("sessions.json")


@pytest.fixture(scope="module", autouse=True)
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The runs and the sweep that links name; no models or imported sets of others."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copytree(KEPT / "runs", folder / "runs")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNS", "MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        yield


def check(page: doors.Page, kept: dict[str, Any]) -> None:
    """The tables of a page hold the numbers that are kept, and its titles still tell theirs."""
    tables = {name: each for name, each in kept["tables"].items() if not _lists_columns(each)}
    found = keeping.differences(tables, page.tables, kept.get("relative", keeping.RELATIVE))
    assert not found, "\n".join(found[:20])
    told = [number for title in kept["titles"] for number in keeping.numbers_in(title)]
    gone = keeping.unsaid(told, page.numbers)
    softmaxes = [share for title in kept["titles"] for share in keeping.softmaxes_in(title)]
    lost = [
        number
        for number in gone
        if number not in softmaxes
        or not any(abs(number / 100 - now) <= 0.0056 for now in page.numbers)
    ]
    assert not lost, (kept["titles"], page.titles)


def _lists_columns(table: Any) -> bool:
    """Whether a table lists the columns that a filter can name, which grow with every new one."""
    return isinstance(table, dict) and set(table.get("columns", ())) == {"column", "holds"}


@pytest.mark.parametrize("kept", LINKS, ids=[each["link"] for each in LINKS])
def test_a_link_opens_the_same_numbers(kept: dict[str, Any]) -> None:
    if kept["needs"] and not doors.available(kept["needs"]):
        pytest.skip(f"the data set {kept['needs']} is not on this machine")
    check(doors.visit(kept["link"]), kept)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_file_opens_the_same_pages(name: str) -> None:
    (first, kept), *others = SESSIONS[name].items()
    page = doors.load_session(Path(KEPT / "sessions" / f"{name}.json").read_bytes())
    assert page.link.startswith(f"/{first}?")
    check(page, kept)
    for path, kept in others:
        page = doors.turn(page.app, path)
        check(page, kept)
