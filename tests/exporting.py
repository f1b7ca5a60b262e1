"""Every figure of every page, taken from pages without a browser: what the export tests open, and what a second process
makes again.

    python -m tests.exporting JOBS.json OUT.json      digests of the recipes and files of the figures that JOBS names
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from pypdf import PdfReader

from qfusion.figures.recipe import RESOLUTIONS, SIZES, THEMES, ExportStyle, size_mm as size_of_svg
from scripts.visits import VISITS

# One address for what the others show as well, and for what has no figure.
LEFT_OUT = {
    "glossary",
    "tour",
    "tour-step",
    "compare-nothing",
    "faithfulness-methods",
    "circuit-network-export",
    "samples-similar",
    "cohorts-map",
}
MORE = (
    "/train?run=first&run=second",
    "/train?run=first&train.view=Inside+the+model",
    "/train?run=network&train.view=Inside+the+model",
    "/sweeps?sweep=first",
    "/sweeps?sweep=first&sweep.view=Settings+against+value",
    "/sweeps?sweep=first&sweep.view=All+settings+at+once",
    "/samples?inside=true&model=qj-planted",
    "/samples?inside=true&model=qcnn-digits",
    "/what_if?model=qj-planted&do.text=another+sample%27s",
    "/what_if?knobs=true&model=qcnn-digits",
    "/what_if?model=qcnn-digits&do.pixels=another+sample%27s",
    "/why_fuse?model=qj-parity&data=parity&why=The+quantum+part",
    "/why_fuse?model=qcnn-parity&data=parity&why=Which+piece&groups.of=loss",
    "/why_fuse?model=qcnn-parity&data=parity&why=Which+piece&groups.of=entanglement",
    "/leaderboard?board=planted",
    "/leaderboard?board=avparity",
    "/dynamics?model=qj-parity&view=H+and+L",
    "/data?set=digits",
    "/data?set=planted",
    "/cohorts?model=qj-planted",
    "/dynamics?model=qj-planted&fig.decision-over-time=hide%3Dtext%26x%3D0%2C0.6&H.text=0.5",
)


def size_mm(data: bytes) -> tuple[float, float]:
    """Width and height of a file in print: an SVG, PDF, PNG or tikzpicture."""
    if data.startswith(b"%PDF"):
        box = PdfReader(io.BytesIO(data)).pages[0].mediabox
        return float(box.width) * 25.4 / 72, float(box.height) * 25.4 / 72
    if data.startswith(b"\x89PNG"):
        image = Image.open(io.BytesIO(data))
        across, down = image.info["dpi"]
        return image.width * 25.4 / across, image.height * 25.4 / down
    tikz = re.search(rb"^%qfusion-size (\S+) (\S+)$", data, re.MULTILINE)
    return (float(tikz[1]), float(tikz[2])) if tikz else size_of_svg(data)


def addresses() -> list[str]:
    """Addresses that together show every figure."""
    return [
        *(
            one.address
            for one in VISITS
            if one.name not in LEFT_OUT and one.address not in ("/train", "/sweeps")
        ),
        *MORE,
    ]


def style(number: int, kind: str, theme: str = "") -> ExportStyle:
    """A style that changes from figure to figure, so that all sizes, themes and words come up; in one theme where it is
    said."""
    size, theme = list(SIZES)[number % len(SIZES)], theme or list(THEMES)[number % len(THEMES)]
    return ExportStyle(
        format=kind,
        size=size,
        theme=theme,
        title=number % 2 == 0,
        caption=number % 3 == 0,
        dpi=RESOLUTIONS[0],
    )


class Job(NamedTuple):
    """A figure that a second process makes again: its page's address, its panel, and what to draw it in."""

    address: str
    panel: str
    number: int
    kind: str
    theme: str

    @property
    def name(self) -> str:
        """What tells the file from the others."""
        return f"{self.address} {self.panel} {self.kind} {self.theme}"


def taken() -> Iterator[tuple[str, Any]]:
    """Every panel, with the page and the name that tell it from the others."""
    for address in addresses():
        for name, found in on(address).items():
            yield f"{address} {name}", found


def on(address: str) -> dict[str, Any]:
    """The panels of a page."""
    from qfusion.panels import pages as headless

    page, query = headless.of_link("http://here" + address)
    return {name: headless.take(page, name, query) for name in headless.figure_names(page, query)}


def jobs(panels: Mapping[str, Any], kinds: Sequence[str], every: bool = False) -> list[Job]:
    """One figure of each trace type, in each theme and in all formats by turns, from as few pages as it takes; or
    `every` figure, in one theme and all formats."""
    types: dict[tuple[str, str], set[str]] = {
        tuple(name.split(" ", 1)): {str(trace.type) for trace in panel.figure.data}  # type: ignore[misc]
        for name, panel in panels.items()
    }
    place = {name: number for number, name in enumerate(types)}
    if every:
        return [
            Job(*name, place[name], kind, style(place[name], kind).theme)
            for name in types
            for kind in kinds
        ]
    left, chosen = set().union(*types.values()), []
    while left:
        pages = {
            address: set().union(
                *(found for (there, _), found in types.items() if there == address)
            )
            for address, _ in types
        }
        address = max(pages, key=lambda page: len(pages[page] & left))
        for name, found in types.items():
            if name[0] == address and found & left:
                chosen.append(name)
                left -= found
    return [
        Job(*name, place[name], kinds[(turn + number) % len(kinds)], theme)
        for number, name in enumerate(chosen)
        for turn, theme in enumerate(THEMES)
    ]


def digests(wanted: Iterable[Job], panels: Mapping[str, Any] | None = None) -> dict[str, str]:
    """SHA-256 of each figure's recipe and file, of panels that are at hand or of pages opened now."""
    from qfusion.panels import pages as headless

    found, pages = {}, {} if panels is None else None
    for job in wanted:
        if pages is None:
            panel = panels[f"{job.address} {job.panel}"]  # type: ignore[index]
        else:
            if job.address not in pages:
                pages[job.address] = on(job.address)
            panel = pages[job.address][job.panel]
        content = headless.save(
            panel, replace(panel.recipe, style=style(job.number, job.kind, job.theme))
        )
        found[job.name] = f"{_hash(panel.recipe.text().encode())} {_hash(content)}"
    return found


def assert_legend(svg: bytes, figure: Any) -> None:
    """Every entry of a figure's legend stands in its drawing by Chrome."""
    from qfusion.figures import recipe as visible

    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    words = re.sub(r"\s+", "", " ".join("".join(each.itertext()) for each in texts))
    for entry in visible.legend_entries(figure):
        assert re.sub(r"\s+", "", visible.plain_entry(entry))[:12] in words, entry


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    asked = [Job(*each) for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))]
    Path(sys.argv[2]).write_text(json.dumps(digests(asked)), encoding="utf-8")
