"""Draws the gallery: docs/gallery/*.svg. Its page in the site shows each with the command that makes it.

    python scripts/gallery.py [NAME ...]

Everything is of the embedded data, and a figure here is the one on the screen; the files are the same, byte for byte,
when they are made again with the same versions.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
FOLDER = ROOT / "docs" / "gallery"
APP = "http://localhost:8501"
SARCASM = "model=qj-planted&sample=p2924"
PAIR = "model=qj-parity&data=parity&sample=pair-6611"
DIGIT = "model=qcnn-digits&data=digits&sample=digit-0003"


@dataclass(frozen=True)
class Picture:
    """A figure of the gallery.

    Attributes:
        name: of the file. title, words: heading and caption. address: of the page. panel: of the page.
        size: of the export.
    """

    name: str
    title: str
    words: str
    address: str
    panel: str
    size: str = "double"

    @property
    def call(self) -> str:
        """Return the command that writes the figure."""
        return (
            f'python -m qfusion figure --link "{APP}{self.address}" \\\n'
            f"    --panel {self.panel} --size {self.size} --out {self.name}.svg"
        )


PICTURES = (
    Picture(
        "contributions",
        "A sarcastic sample, term by term",
        "Kind words, a cold voice. The text alone raises the score and the voice lowers it. The hatched bar is their "
        "joint contribution.",
        f"/samples?{SARCASM}",
        "waterfall",
    ),
    Picture(
        "over-time",
        "Log-negativity and contributions over time",
        "The same sample: log-negativity of each modality with the rest (above), and the decision for a read-out at "
        "each time (below).",
        f"/dynamics?{SARCASM}&above=entanglement",
        "decision-over-time",
    ),
    Picture(
        "parity",
        "A joint term created by the evolution",
        "Is the sum of two digits odd? Neither digit alone is informative. At t = 0 there is no joint term; at T it is "
        "nearly the whole decision.",
        f"/dynamics?{PAIR}",
        "decision-over-time",
    ),
    Picture(
        "built",
        "Which coupling built which contribution",
        "The share of every coupling and dissipation: from an additive decision at t = 0 to a joint one at T.",
        f"/dynamics?{PAIR}",
        "built",
    ),
    Picture(
        "cut",
        "Need for correlations over time",
        "The score if the correlations of a modality are removed at a time, all of them or all but the classical part.",
        f"/dynamics?{SARCASM}",
        "cut",
    ),
    Picture(
        "trajectories",
        "Quantum jumps",
        "Single trajectories of the same state, with their jumps, beside their mean and the master equation.",
        f"/dynamics?{SARCASM}&view=Trajectories",
        "trajectories",
    ),
    Picture(
        "density-matrix",
        "A density matrix",
        "Moduli of the joint state's entries at the end of the evolution.",
        f"/dynamics?{SARCASM}&view=State",
        "matrix-modulus",
    ),
    Picture(
        "tornado",
        "Sensitivity",
        "The effect on the score of removing a coupling, a dissipation or a measurement vector, beside the slope.",
        f"/dynamics?{SARCASM}&view=Sensitivity",
        "tornado",
    ),
    Picture(
        "circuit",
        "One step as a quantum circuit",
        "The learned couplings and jumps as gates, with the sample's qubits at the end.",
        f"/circuit?{SARCASM}",
        "circuit",
    ),
    Picture(
        "qubits",
        "Qubits of the fusion network",
        "A digit in three views after fusion, convolution and pooling: one Bloch vector per qubit.",
        f"/circuit?{DIGIT}",
        "qubits",
    ),
    Picture(
        "rules",
        "Fusion rules",
        "The truth table of each fused qubit: rules that can be read and edited.",
        f"/circuit?{DIGIT}&part=Fusion%20rules",
        "tables",
    ),
    Picture(
        "masses",
        "Masses",
        "The support of each view for each class, and the result of the fusion.",
        f"/samples?{DIGIT}",
        "masses",
    ),
    Picture(
        "operator",
        "States that raise and lower the score",
        "The extreme eigenvalues of the decision operator of one modality.",
        f"/operators?{SARCASM}",
        "spectrum",
    ),
    Picture(
        "cohort",
        "All samples, term by term",
        "Distributions of the terms: all test samples, those whose modalities conflict, and this sample.",
        f"/cohorts?{SARCASM}&filter=relation%3Dconflict",
        "dividends",
    ),
    Picture(
        "deletion",
        "Deletion against random orders",
        "The change of the score when important parts are removed first.",
        f"/faithfulness?{SARCASM}",
        "deletion-modalities",
    ),
    Picture(
        "flips",
        "What would flip it",
        "The smallest changes that flip the decision, each verified by running the model.",
        f"/what_if?{SARCASM}",
        "flips",
    ),
    Picture(
        "leaderboard",
        "Both systems beside baselines",
        "Test rows, intervals over training seeds.",
        "/leaderboard",
        "board",
    ),
)


def draw(picture: Picture) -> bytes:
    """Return the SVG file of a figure, as its command writes it."""
    from dataclasses import replace

    from qfusion.figures.files.export_style import ExportStyle
    from qfusion.figures.files.recipe import Recipe
    from qfusion.views.pages import rendering

    page, address = rendering.parse_link(APP + picture.address)
    wanted = replace(
        Recipe(page, picture.panel, address),
        style=ExportStyle.parse({"format": "svg", "size": picture.size}),
    )
    return rendering.save_panel(rendering.reproduce(wanted), wanted)


def main(names: list[str]) -> None:
    """Draw the figures with these names (all by default)."""
    FOLDER.mkdir(exist_ok=True)
    for one in PICTURES:
        if not names or one.name in names:
            content = draw(one)
            (FOLDER / f"{one.name}.svg").write_bytes(content)
            print(f"{one.name}.svg: {len(content) / 1000:.1f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
