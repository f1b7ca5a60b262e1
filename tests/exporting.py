"""Every figure of every page, taken from pages without a browser: what the export tests open, and what a second process makes again.

    python -m tests.exporting OUT.json      digests of every figure's recipe, numbers and files
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from qfusion.figures.looks import RESOLUTIONS, SIZES, THEMES, Look
from scripts.visits import VISITS

# One address for what the others show as well, and for what has no figure.
LEFT_OUT = {"glossary", "tour", "tour-step", "compare-nothing", "faithfulness-methods", "circuit-network-export"}
MORE = (
    "/train?run=first&run=second", "/train?run=first&train.view=Inside+the+model", "/train?run=network&train.view=Inside+the+model",
    "/sweeps?sweep=first", "/sweeps?sweep=first&sweep.view=Settings+against+value", "/sweeps?sweep=first&sweep.view=All+settings+at+once",
    "/samples?inside=true", "/samples?inside=true&model=qcnn-digits", "/what_if?do.text=another+sample%27s",
    "/what_if?knobs=true&model=qcnn-digits", "/what_if?model=qcnn-digits&do.pixels=another+sample%27s", "/leaderboard?board=digits",
    "/data?set=digits", "/dynamics?fig.decision-over-time=hide%3Dtext%26x%3D0%2C0.6&H.text=0.5")


def addresses() -> list[str]:
    """Addresses that together show every figure."""
    return [*(one.address for one in VISITS if one.name not in LEFT_OUT and one.address not in ("/train", "/sweeps")), *MORE]


def look(number: int, kind: str) -> Look:
    """A look that changes from figure to figure, so that all sizes, themes and words come up."""
    size, theme = list(SIZES)[number % len(SIZES)], list(THEMES)[number % len(THEMES)]
    return Look(format=kind, size=size, theme=theme, title=number % 2 == 0, caption=number % 3 == 0, dpi=RESOLUTIONS[0])


def taken() -> Iterator[tuple[str, Any]]:
    """Every panel, with the page and the name that tell it from the others."""
    from qfusion.ui import headless

    for address in addresses():
        page, query = headless.of_link("http://here" + address)
        for name, found in headless.take_all(page, query).items():
            yield f"{address} {name}", found


def digests(kinds: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of each figure's recipe and of its files, by figure and format."""
    from qfusion.ui import headless

    found = {}
    for number, (name, panel) in enumerate(taken()):
        found[f"{name} recipe"] = hashlib.sha256(panel.recipe.text().encode()).hexdigest()
        for kind in kinds:
            content = headless.save(panel, replace(panel.recipe, look=look(number, kind)))
            found[f"{name} {kind}"] = hashlib.sha256(content).hexdigest()
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(digests(tuple(sys.argv[2:]))))
