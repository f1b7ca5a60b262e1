"""Write docs/panels.md: every panel of every page, with its texts in the app.

    python scripts/panel_pages.py

The panels are built as the pages build them, with both systems, a circuit of plain gates, a short training and a sweep.
Terms and formulas come from the glossary (qfusion/assets/glossary.toml).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from scripts import glossary_page, serving  # noqa: E402

OPENED = (
    "/samples?inside=true",
    "/samples?model=qcnn-digits&inside=true",
    "/dynamics?as=Shapley%20values",
    "/faithfulness?model=crowd&proof=People&crowd.by=kind",
    "/samples?model=crowd&sample=clip-0288",
    "/compare?model=qj-crowd&sample=clip-0288&pin=crowd/crowd/clip-0288&compare.view=People+and+model",
    "/what_if?model=qj-planted&sample=p0014&knobs=true&do.audio=another%20sample%27s",
    "/what_if?model=qcnn-digits&knobs=true&do.pixels=another%20sample%27s",
    "/dynamics?model=qj-parity&data=parity&view=H%20and%20L",
    "/dynamics?model=qj-parity&data=parity&view=Generator",
    "/leaderboard?board=parity",
    "/leaderboard?board=parity&board.view=Claims",
    "/leaderboard?board=parity&board.view=Papers",
    "/leaderboard?board=parity&board.view=Noise",
    "/circuit?model=third&data=digits",
    "/faithfulness?proof=Other%20methods&proof.run=true",
    "/faithfulness?proof=Referee&proof.check=true",
    "/faithfulness?model=qj-planted&proof=Students",
    "/cohorts?model=qj-planted&cohorts.view=Correlation%20cuts&cuts=true",
    "/why_fuse?why=The%20data",
    "/why_fuse?model=qj-parity&data=parity&why=The%20quantum%20part",
    "/why_fuse?why=Which%20piece",
    "/why_fuse?model=qcnn-digits&why=Which%20piece",
    *(
        f"/cohorts?model={model}&cohorts.view={part}"
        for model in ("qj-planted", "qcnn-digits")
        for part in ("Errors", "Quality", "Entanglement")
    ),
    "/compare?compare.view=Several%20samples",
    "/compare?model=qcnn-parity&data=parity&sample=pair-0003&pin=qj-parity/parity/pair-0003",
    "/compare?model=qcnn-digits&compare.view=Several%20samples",
    "/train?run=first&run=second",
    "/train?run=second",
    "/circuit?model=own&data=data&table.layers=true",
    "/circuit?model=qcnn-digits&data=digits&part=Sensitivity",
    "/circuit?model=own&data=data&table.angle=true",
    "/circuit?model=own&data=data&table.noise=true&noise.device=FakeManilaV2",
)
# Pages that are opened whole with both systems.
BOTH = ("samples", "dynamics", "circuit", "what if", "decision operators", "cohorts", "compare")
ONLY = {
    ("qj-planted",): "\nQuantum-jump models only.\n",
    ("qcnn-digits",): "\nEntangled-fusion networks only.\n",
    ("third",): "\nModels with plain gates only.\n",
    ("own",): "\nCircuits of your own only.\n",
}
OF_DATA = ("people", "residuals", "strip", "what-if-strip")  # which have them, not which model
HEAD = """# How to read each panel

!!! note "Reference"
    A list to look things up in, written by a script.

The (i) beside every figure of the app tells what the panel shows, what it does not tell, and the
terms it uses. This page lists them in the order of the pages. `python scripts/panel_pages.py` writes it by building
the panels, so titles in italics, numbers and names are those of an example. **Export** beside each figure opens [the
figure drawer](figures.md), **CSV** gives its numbers. The [glossary](glossary.md) defines all terms.
"""


@dataclass
class Panel:
    """The texts of one panel, and the models that have it."""

    name: str
    title: str
    caption: str
    limits: str
    models: list[str] = field(default_factory=list)


@dataclass
class PageOf:
    """A page: its question and its panels by name."""

    question: str = ""
    panels: dict[str, Panel] = field(default_factory=dict)


def hear(addresses: list[str]) -> dict[str, PageOf]:
    """Build the panels at these addresses, and return their texts by lower-case title of the page."""
    from qfusion.views.pages import catalogue as programs, rendering
    from qfusion.views.pages.catalogue import QUESTIONS

    found = {title: PageOf(question) for title, question in QUESTIONS.items()}
    for address in addresses:
        opened = programs.open_page(*rendering.parse_link(f"http://localhost{address}"))
        view, model = opened.view, opened.view.get("model", "qj-planted")
        names = list(programs.visible_panels(view))
        for picture in (programs.build_panel(view.page, name, view.address()) for name in names):
            if not picture.limits:
                continue  # explained by the surrounding page
            known = glossary_page.panel_of(picture.name)
            panel = found[view.page].panels.setdefault(
                known, Panel(known, picture.full_title, picture.caption, picture.limits)
            )
            panel.models += [model] if model not in panel.models else []
        print(f"{address}: {len(names)} panels", file=sys.stderr)
    return found


def written(pages: dict[str, PageOf]) -> str:
    """Return the text of docs/panels.md."""
    return "\n".join(
        [
            HEAD,
            *(part for title, page in pages.items() if page.panels for part in _page(title, page)),
        ]
    )


def _page(title: str, page: PageOf) -> Iterator[str]:
    yield f"## {title.capitalize()}\n\n{page.question}\n"
    for panel in page.panels.values():
        yield section(panel, both=title in BOTH)


def section(panel: Panel, both: bool = False) -> str:
    """Return the section of one panel; with `both`, also the systems that have it."""
    only = ONLY.get(tuple(panel.models), "") if both and panel.name not in OF_DATA else ""
    title = f"*{_clean(panel.title)}*\n\n" if panel.title else ""
    found = glossary_page.read()
    by_term = {one["term"]: one for one in found["entry"]}
    terms = [by_term[term] for term in found["panels"].get(panel.name, [])]
    words = ", ".join(
        f"[{one['term']}](glossary.md#{glossary_page.slug(one['term'])})" for one in terms
    )
    formulas = "".join(
        f"- {one['term']}: ${' '.join(one['formula'].split())}$\n"
        for one in terms
        if one.get("formula")
    )
    return (
        f"### {name_of(panel.name)}\n\n{title}**Shows** {_clean(panel.caption)}\n\n"
        f"{_clean(panel.limits)}\n{only}"
        + (f"\nTerms: {words}.\n" if words else "")
        + (f"\n{formulas}" if formulas else "")
    )


def name_of(panel: str) -> str:
    """Return the name of a panel as a heading."""
    words = panel.replace("-", " ")
    return words[:1].upper() + words[1:]


def _clean(markdown: str) -> str:
    return markdown.replace("\u200b", "").replace("**", "").strip()


def addresses() -> list[str]:
    """Return the addresses that are opened: the visits of the screenshots, and parts that these leave closed."""
    from qfusion.plugins.sweeps import panels as sweep_panels
    from qfusion.views.pages import train
    from scripts import visits

    bare = (
        "/train",
        "/sweeps",
        "/glossary",
        "/tour",
    )  # pages without panels, and those that are opened below
    learnt = [
        f"/train?run={run}&train.view={quote(view)}"
        for run in ("first", "second")
        for view in train.VIEWS[1:]
    ]
    searched = [f"/sweeps?sweep=search&sweep.view={quote(view)}" for view in sweep_panels.VIEWS]
    return [
        *(
            one.address
            for one in visits.VISITS
            if not one.address.startswith(bare) and "tour=" not in one.address
        ),
        *OPENED,
        *learnt,
        *searched,
    ]


def open_own_circuit(folder: Path, stack: contextlib.ExitStack) -> None:
    """Open a circuit of PennyLane by `qfusion.open`, as the model `own`, until the stack is closed."""
    import numpy as np
    import pennylane as qml
    import torch

    import qfusion
    from qfusion.adapters import showing

    random = np.random.default_rng(0)
    weights = torch.tensor(random.normal(size=(2, 2, 3)), requires_grad=True)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(left, right):
        qml.RY(left[..., 0], wires=0)
        qml.RY(right[..., 0], wires=1)
        qml.StronglyEntanglingLayers(weights, wires=[0, 1])
        return qml.probs(wires=1)

    rows = {name: random.normal(size=(60, 1)) for name in ("left", "right")}
    data = {**rows, "y": (rows["left"][:, 0] * rows["right"][:, 0] > 0).astype(int)}
    study = qfusion.open(lambda left, right: circuit(left, right), data, name="own")
    os.environ |= showing.place_variables(folder, "own")
    showing.place_study(study, folder, stack)


def main() -> None:
    """Run a short training and a short sweep, build the panels, and write the page."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        open_own_circuit(Path(folder) / "own", stack)
        os.environ |= serving.own_places(Path(folder), "RUNS", "MODELS", "IMPORTED")
        base = [sys.executable, "-m", "qfusion"]
        for call in (
            ["train", "--data", "planted", "--name", "first", "--set", "epochs=3"],
            [
                "train",
                "--data",
                "digits",
                "--model",
                "entangled-qcnn",
                "--name",
                "second",
                "--set",
                "epochs=2",
            ],
            ["train", "--data", "digits", "--model", "qfl", "--name", "third", "--set", "epochs=2"],
            [
                "sweep",
                "--data",
                "digits",
                "--model",
                "concatenation",
                "--name",
                "search",
                "--trials",
                "12",
                "--set",
                "epochs=2",
                "--range",
                "rate=1e-4:1e-2:log",
                "--range",
                "weight_decay=1e-5:1e-1:log",
            ],
        ):
            subprocess.run([*base, *call], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        text = written(hear(addresses()))
    (ROOT / "docs" / "panels.md").write_text(text)


if __name__ == "__main__":
    main()
