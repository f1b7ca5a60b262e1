"""Every figure of every page, taken from pages without a browser: what the export tests open, and what a second process
makes again.

    python -m tests.support.exporting JOBS.json OUT.json  digests of recipes and files of the figures that JOBS names
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from pypdf import PdfReader

from qfusion.explain import backgrounds
from qfusion.figures.files.export import size_mm as size_of_svg
from qfusion.figures.files.export_style import FORMATS, RESOLUTIONS, SIZES, THEMES, ExportStyle

# Every figure once with each kind of model that has it, of the smallest models: two modalities and a target of classes
# (parity), three and a number (planted), and pictures and ten classes (digits) for what only these have.
JUMP, NETWORK = "model=qj-planted", "model=qcnn-parity&data=parity"
OF_CLASSES, PICTURES = (
    "model=qj-parity&data=parity",
    # with a sample: which one is shown unless told is asked of the usual background, which takes as long again
    "model=qcnn-digits&data=digits&background=reference%20state&sample=digit-0003",
)
ADDRESSES = (
    f"/?{JUMP}",
    f"/?{NETWORK}",
    f"/samples?inside=true&{JUMP}",
    f"/samples?inside=true&{PICTURES}",
    f"/dynamics?{JUMP}",
    f"/dynamics?{JUMP}&builtas=over%20time",
    f"/dynamics?{JUMP}&builtas=flow",
    *(
        f"/dynamics?{JUMP}&view={view}"
        for view in ("Correlations", "Trajectories", "State", "Steady%20state", "Sensitivity")
    ),
    f"/dynamics?{JUMP}&view=State&matrixas=Hinton%20diagram&t=0.5&of=text",
    f"/dynamics?{OF_CLASSES}&view=H+and+L",
    f"/dynamics?{JUMP}&fig.decision-over-time=hide%3Dtext%26x%3D0%2C0.6&H.text=0.5",
    f"/dynamics?{NETWORK}",
    f"/circuit?{JUMP}",
    f"/circuit?{NETWORK}",
    f"/circuit?{NETWORK}&cone=fused%5B0%5D&gate=4&display=probability%20of%201"
    "&qubitsas=Bloch%20balls",
    *(
        f"/circuit?{NETWORK}&part={part}"
        for part in ("Fusion%20rules", "Noise%20and%20shots", "Entropies", "Sensitivity")
    ),
    f"/what_if?{JUMP}&do.text=another+sample%27s",
    f"/what_if?{NETWORK}&do.left=another+sample%27s&knobs=true",
    f"/operators?{JUMP}",
    f"/operators?{NETWORK}",
    *(
        f"/cohorts?{of}&cohorts.view={part}"
        for of in (OF_CLASSES, JUMP)
        for part in ("Contributions", "Errors", "Quality", "Entanglement")
    ),
    f"/compare?{JUMP}&sample=p0031&pin=qj-planted/planted/p1671&H.text=0.3",
    f"/compare?{NETWORK}&pin=qj-parity/parity/pair-0001/H.left=0.5",
    f"/compare?{JUMP}&compare.view=Several%20samples",
    f"/compare?{PICTURES}&compare.view=Several%20samples",
    f"/faithfulness?{JUMP}",
    *(
        f"/faithfulness?{JUMP}&proof={proof}"
        for proof in ("Truth", "Training%20seeds", "Students", "Referee&proof.check=true")
    ),
    "/data?set=digits",
    "/data?set=planted",
    "/train?run=first&run=second",
    "/train?run=first&train.view=Inside+the+model",
    "/train?run=network&train.view=Inside+the+model",
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


def few_rows(patch: Any) -> None:
    """Slow measures use few resamples and steps, where nobody asks how precisely; for these tests alone: other
    processes do not share it.

    Args:
        patch: pytest's, which takes it back.
    """
    # of the metrics, which few ask how precise they are
    patch.setattr(backgrounds, "gains", functools.partial(backgrounds.gains, resamples=50))


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
    """Every panel, once a page and kind of model, with the address and the name that tell it from the others."""
    seen: set[tuple[str, ...]] = set()
    for address in ADDRESSES:
        new = None if "&fig." in address else seen
        for name, found in on(address, new).items():
            yield f"{address} {name}", found


def on(address: str, seen: set[tuple[str, ...]] | None = None) -> dict[str, Any]:
    """The panels of a page, without those that were `seen`."""
    from qfusion.views.pages import rendering

    page, query = rendering.parse_link("http://here" + address)
    keys = {
        name: (page, name, query.get("model", [""])[0].split("-")[0])
        for name in rendering.figure_names(page, query)
    }
    new = [name for name, key in keys.items() if seen is None or key not in seen]
    if seen is not None:
        seen.update(keys.values())
    return {name: rendering.render_panel(page, name, query) for name in new}


def jobs(panels: Mapping[str, Any], kinds: Sequence[str], every: bool = False) -> list[Job]:
    """One figure of each trace type, in themes and formats by turns, from as few pages as it takes; or `every` figure,
    in one theme and all formats."""
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
    themes = list(THEMES)
    return [
        Job(
            *name,
            place[name],
            kinds[number % len(kinds)],
            themes[(number + number // len(kinds)) % len(themes)],
        )
        for number, name in enumerate(chosen)
    ]


def digests(wanted: Iterable[Job], panels: Mapping[str, Any] | None = None) -> dict[str, str]:
    """SHA-256 of each figure's recipe and file, of panels that are at hand or of pages opened now."""
    from qfusion.views.pages import rendering

    found, pages = {}, {} if panels is None else None
    for job in wanted:
        if pages is None:
            panel = panels[f"{job.address} {job.panel}"]  # type: ignore[index]
        else:
            if (job.address, job.panel) not in pages:
                page, query = rendering.parse_link("http://here" + job.address)
                pages[job.address, job.panel] = rendering.render_panel(page, job.panel, query)
            panel = pages[job.address, job.panel]
        content = rendering.save_panel(
            panel, replace(panel.recipe, style=style(job.number, job.kind, job.theme))
        )
        found[job.name] = f"{_hash(panel.recipe.text().encode())} {_hash(content)}"
    return found


def in_every_format(
    terms: Mapping[str, float], modalities: Sequence[str], recipe: str
) -> dict[str, str]:
    """SHA-256 of the file of a waterfall in every format, with nothing loaded that figures do not need."""
    from qfusion.figures import decision_charts
    from qfusion.figures.files import export

    chosen = {"title": True, "caption": True, "theme": "dark"}
    found = {
        kind: export.save(
            decision_charts.waterfall(terms, modalities, truth=0.3),
            ExportStyle(format=kind, **chosen),
            title="a",
            caption="b",
            recipe=recipe,
        )
        for kind in FORMATS
    }
    return {kind: _hash(data) for kind, data in found.items()}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    asked = [Job(*each) for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))]
    Path(sys.argv[2]).write_text(json.dumps(digests(asked)), encoding="utf-8")
