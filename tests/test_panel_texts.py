"""Texts of panels: log-odds and never the score of a class, and minus signs before negative numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.api.types import is_numeric_dtype

from qfusion._sentences import true_minus
from qfusion.analysis.opening import open_study
from qfusion.errors import QFusionError
from qfusion.panels import pages, scopes
from qfusion.panels.page_state import PageState
from qfusion.panels.panel import Panel, PanelFigure
from qfusion.panels.pins import Pin

PAGES = ("overview", "samples", "dynamics", "circuit", "what if", "compare")
SOFTMAX = "Softmax, not calibrated"  # how the calibration of a model begins
SCORE = re.compile(r"\bscores?\b", re.IGNORECASE)


def view_of(page: str, model: str, data: str) -> PageState:
    """A page about a test sample of a model; on Compare beside another one."""
    study = open_study(model, data)
    first, second = map(str, study.dataset.ids[study.dataset.rows("test")][[3, 5]])
    address: dict[str, Any] = {"model": model, "data": data, "sample": first}
    if page == "compare":
        address["pin"] = str(Pin(model, data, second))
    return pages.open_page(page, address).view


def pictures(view: PageState) -> Iterator[tuple[str, PanelFigure]]:
    """All panels of a page that can be built under an address, with their names."""
    opened: dict[str, Any] = {}
    every: dict[str, Panel] = {**pages.PAGES[view.page], **pages.PANEL_FAMILIES.get(view.page, {})}
    for start, panel in every.items():
        scope = scopes.open_scope(view, panel.scope, opened)
        with suppress(QFusionError):  # there are none
            for end in panel.endings(view, scope):
                with suppress(QFusionError):  # it does not fit this model or sample
                    arguments = panel.arguments(view, end)
                    if panel.fits(scope, **arguments):
                        yield start + end, panel.build(scope, "light", **arguments)


def texts(node: Any) -> Iterator[str]:
    """All texts in a tree of lists and dictionaries, except packed numbers."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            if key != "bdata":
                yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def words(picture: PanelFigure) -> Iterator[str]:
    """Everything that a reader may read of a panel: title, captions, axes, hover texts, alternative text, table."""
    yield from (picture.full_title, picture.caption, picture.alt, picture.lead)
    if picture.figure is not None:
        yield from texts(json.loads(picture.spec))
    table = picture.table()
    yield from map(str, table.columns)
    for column in table:
        if not is_numeric_dtype(table[column]):
            yield from map(str, table[column].unique())


def hyphenated(view: PageState) -> list[tuple[str, str]]:
    """The panels that write a negative number with a hyphen, each with the text."""
    return [
        (name, text)
        for name, picture in pictures(view)
        for text in seen(picture)
        if true_minus(text) != text
    ]


def seen(picture: PanelFigure) -> Iterator[str]:
    """What a reader sees of a panel: title, captions, alternative text, texts in the figure; no hover texts."""
    yield from (picture.full_title, picture.caption, picture.alt, picture.lead)
    if picture.figure is not None:
        layout = picture.figure.layout
        yield from (note.text or "" for note in layout.annotations)
        for trace in picture.figure.to_dict()["data"]:
            if "text" in trace.get("mode", "text"):
                yield from map(str, np.ravel(trace.get("text", "")))


def scored(view: PageState) -> list[tuple[str, str]]:
    """The panels that say "score", each with what says it."""
    return [
        (name, text)
        for name, picture in pictures(view)
        for text in words(picture)
        if SCORE.search(text.replace(SOFTMAX, ""))
    ]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("model", "data"), [("qj-scenes", "scenes"), ("qcnn-digits", "digits")])
def test_no_panel_says_score_of_a_class(model: str, data: str, page: str) -> None:
    view = view_of(page, model, data)
    assert scored(view) == []
    assert hyphenated(view) == []


def test_regression_panels_say_score() -> None:
    names = {name for name, _ in scored(view_of("samples", "qj-planted", "planted"))}
    assert {"waterfall", "shapley", "verdict"} <= names


def test_captions_of_files_do_not_speak_of_the_page() -> None:
    """What a click does is `usage` of a panel, which papers do not print."""
    folder = Path(pages.__file__).parent
    for file in folder.glob("*.py"):
        for call in re.findall(r"PanelFigure\((.*?)\n    \)", file.read_text("utf-8"), re.DOTALL):
            printed = re.sub(r"\n        usage=.*", "", call)
            assert not re.search(r"\b(?:[Cc]lick|[Pp]ress|[Pp]oint at|[Mm]ove the)\b", printed), (
                file.name
            )
    picture = PanelFigure("a", "b", None, "c.", "d.", "e", pd.DataFrame, usage="Click a bar.")
    assert picture.caption == "Shows c. Does not show d."
