"""All that the pages say of three samples, compared with the files in tests/golden.

With QFUSION_REWRITE=1 the files are written anew: read their difference before you commit them. Alternative texts are
left out, as they list the numbers of the figures.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from qfusion import plugin
from qfusion._sentences import true_minus
from qfusion.errors import QFusionError
from qfusion.study.opening import open_sample
from qfusion.views.pages import catalogue, page_state
from qfusion.views.pages.page_state import PageState, Pin
from qfusion.views.pages.panel import Panel
from qfusion.views.view import View
from qfusion.views.words import answers
from tests.support import plugin_panels

GOLDEN = Path(__file__).parent / "golden"
# model, data set, sample, and the sample that is compared with it
SAMPLES = [
    ("qcnn-parity", "parity", "pair-6601", "pair-0003"),
    pytest.param("qj-planted", "planted", "p0031", "p1671", marks=pytest.mark.slow),
    pytest.param("qj-scenes", "scenes", "scene-6338", "scene-6479", marks=pytest.mark.slow),
]
# Pages that are not about a sample, or that compute for half a minute as the panels of a reviewer do; a panel of times.
LEFT_OUT_PAGES = {"data", "train", "why fuse"}
LEFT_OUT_PANELS = ("referee-", "estimators")


def build_pictures(view: PageState) -> Iterator[tuple[str, View]]:
    """All panels of a page that fit its sample, with their names."""
    opened: dict[str, Any] = {}
    parts = catalogue.page_parts(view.page)
    panels: dict[str, Panel] = {**parts.panels, **parts.families}
    for start, panel in panels.items():
        if start.startswith(LEFT_OUT_PANELS) or plugin_panels.is_of_plugin(panel):
            continue
        scope = page_state.open_scope(view, panel.scope, opened)
        with suppress(QFusionError):  # a family without members
            for end in panel.endings(view, scope):
                arguments = panel.arguments(view, end)
                if panel.fits(scope, **arguments):
                    yield start + end, panel.build(scope, **arguments)


def write_sentences(model: str, data: str, sample: str, other: str) -> Iterator[str]:
    """Lines with the answers about a sample, and with the texts of every panel of every page."""
    opened = open_sample(model, sample, data)
    for question, answer in answers.QUESTIONS.items():
        yield f"{question} {true_minus(answer(opened))}"
    address = {"model": model, "data": data, "sample": sample, "pin": str(Pin(model, data, other))}
    for page in catalogue.PAGES:
        if page in LEFT_OUT_PAGES | {one.title.lower() for one in plugin.entries("pages")}:
            continue
        yield f"\n# {page}"
        for name, picture in build_pictures(catalogue.open_page(page, address).view):
            yield f"\n## {name}"
            yield picture.full_title
            for label, words in (
                ("lead", picture.lead),
                ("shows", picture.caption),
                ("limits", picture.limits),
            ):
                if words:
                    yield f"{label}: {' '.join(words.split())}"


@pytest.mark.parametrize(("model", "data", "sample", "other"), SAMPLES)
def test_pages_say_the_same_of_a_sample(model: str, data: str, sample: str, other: str) -> None:
    path = GOLDEN / f"{model}.txt"
    lines = "\n".join(write_sentences(model, data, sample, other)).splitlines()
    if os.environ.get("QFUSION_REWRITE") == "1":
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    before = path.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(before, lines, path.name, "now", n=1, lineterm=""))
    assert not changes, "\n".join(changes)
