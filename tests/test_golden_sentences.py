"""All that the pages say of three samples, compared with the files in tests/golden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qfusion import plugin
from qfusion._sentences import true_minus
from qfusion.study.opening import open_sample
from qfusion.views import overview
from qfusion.views.pages import catalogue
from qfusion.views.pages.page_state import Pin
from qfusion.views.pages.panel import Panel
from tests.support import plugin_panels
from tests.support.golden_sentences import check_sentences, page_sentences

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


def is_of_core(name: str, panel: Panel) -> bool:
    """Whether the core adds a panel, and does not compute for half a minute."""
    return not (name.startswith(LEFT_OUT_PANELS) or plugin_panels.is_of_plugin(panel))


def write_sentences(model: str, data: str, sample: str, other: str) -> Iterator[str]:
    """Lines with the answers about a sample, and with the texts of every panel of every page."""
    opened = open_sample(model, sample, data)
    for question, answer in overview.QUESTIONS.items():
        yield f"{question} {true_minus(answer(opened))}"
    address = {"model": model, "data": data, "sample": sample, "pin": str(Pin(model, data, other))}
    for page in catalogue.PAGES:
        if page in LEFT_OUT_PAGES | {one.title.lower() for one in plugin.entries("pages")}:
            continue
        yield from page_sentences(catalogue.open_page(page, address).view, is_of_core)


@pytest.mark.parametrize(("model", "data", "sample", "other"), SAMPLES)
def test_pages_say_the_same_of_a_sample(model: str, data: str, sample: str, other: str) -> None:
    check_sentences(GOLDEN / f"{model}.txt", write_sentences(model, data, sample, other))
