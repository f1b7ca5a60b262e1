"""Every figure of every page stands in a panel with one sentence on what it shows and one on what it does not, naming
its samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests import charts
from tests.charts import key_of
from tests.test_app_pages import plain, visit

PINS = {"planted": "qj-planted/planted/p0031", "parity": "qcnn-parity/parity/pair-0004"}
FIRST = {"planted": "text", "parity": "left"}
# The views of a page whose figures differ; of a page that is not named, the one it opens with.
VIEWS = {
    ("Samples", "planted"): [{"inside": "true"}],
    ("Samples", "parity"): [{"inside": "true"}],
    ("Dynamics", "planted"): [
        {"view": name}
        for name in (
            "Decision",
            "Correlations",
            "Trajectories",
            "State",
            "Steady state",
            "Sensitivity",
            "H and L",
        )
    ],
    ("Circuit", "parity"): [
        {"part": name}
        for name in ("Walk", "Fusion rules", "Noise and shots", "Entropies", "Sensitivity")
    ],
    ("Faithfulness", "planted"): [
        {"proof": name} for name in ("Deletion", "Truth", "Training seeds")
    ],
    ("Why fuse", "qj-parity"): [{"why": name} for name in ("The model", "Which piece")],
    ("Why fuse", "parity"): [{"why": "Which piece"}],
    **{("What if", source): [{f"do.{name}": "another sample's"}] for source, name in FIRST.items()},
    **{("Compare", source): [{"pin": pin}] for source, pin in PINS.items()},
}
# The Dynamics page of a network shows what its Circuit page does; the Overview and Faithfulness pages are the same for
# both systems.
CASES = [
    *(
        (title, "planted")
        for title in (
            "Overview",
            "Samples",
            "Dynamics",
            "Circuit",
            "What if",
            "Decision operators",
            "Cohorts",
            "Compare",
            "Faithfulness",
        )
    ),
    ("Why fuse", "qj-parity"),  # the smallest of its kind: each term of the dynamics is taken out
    *(
        (title, "parity")
        for title in (
            "Samples",
            "Circuit",
            "What if",
            "Decision operators",
            "Compare",
            "Why fuse",
        )
    ),
]
# what a sample holds, and the small figures of the Overview, which say theirs below
RAW = re.compile(r"figure-(content|telling)-")
SPLIT_UP = re.compile(
    "waterfall|shapley|dividend|decision|shares|differences|spectrum|effects|panel-state-|patterns|noisy-terms"
)


def panels(block: Any, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Every element below a block with the key of the panel or box around it."""
    for child in block.children.values():
        found = re.search(r"-((panel|box)-[^$]+)$", str(getattr(child.proto, "id", "")))
        here = found.group(1) if found else inside
        if hasattr(child, "children"):
            yield from panels(child, here)
        else:
            yield here, child


@pytest.mark.parametrize(("title", "source"), CASES)
def test_every_panel_says_what_it_shows_what_not_and_of_which_samples(
    title: str, source: str
) -> None:
    for query in VIEWS.get((title, source), [{}]):
        app = visit(title, **{"model" if source.startswith("qj-") else "data": source}, **query)
        assert not app.error
        assert not app.warning
        figures, words = {}, {}
        for panel, element in panels(app.main):
            if key_of(element) and not RAW.search(key_of(element)):
                figures[key_of(element)] = panel
                words.setdefault(panel, plain(charts.words(element).replace("*", "")))
            if element.type == "caption" and "**Shows**" in element.value:
                words[panel] = plain(element.value.replace("*", ""))
        assert all(figures.values()), f"{title} {query}: a figure without a panel"
        assert figures or title == "Overview"
        for panel in {*figures.values(), *words}:
            said = re.search(
                r"^Shows (\S.+?\.)\s*\nDoes not show (\S.+?\.)$",
                words.get(panel, ""),
                re.DOTALL | re.MULTILINE,
            )
            assert said, f"{title} {query}: {panel} says {words.get(panel)!r}"
            assert "sample" in said.group(1), (
                f"{title} {query}: {panel} does not name its samples: {said.group(1)}"
            )
            if SPLIT_UP.search(panel):
                assert re.search(
                    r"Baseline: the mean over the [\d,]+ training|Compared with the [\d,]+ training",
                    said.group(1),
                ), panel
