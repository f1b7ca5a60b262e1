"""Draws the gallery: docs/gallery/*.svg and the page docs/gallery.md with the command that makes each.

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
HEAD = """# Gallery

Figures of the pages, drawn by `python scripts/gallery.py` from the embedded data sets and the models that come with the
repository. Each call makes the file above it; `.pdf`, `.png` or `.html` in place of `.svg` gives the others
([figures](figures.md)). Every file holds its recipe, so `figure --recipe over-time.svg --out over-time.pdf` works as
well. What each panel shows and does not: [panels](panels.md).
"""


@dataclass(frozen=True)
class Picture:
    """One figure: `name` of the file, `title` and `words` around it, `address` of the page that shows it, its `panel`,
    its `size`."""

    name: str
    title: str
    words: str
    address: str
    panel: str
    size: str = "double"

    @property
    def call(self) -> str:
        """The command that makes it."""
        return (
            f'python -m qfusion figure --link "{APP}{self.address}" \\\n'
            f"    --panel {self.panel} --size {self.size} --out {self.name}.svg"
        )


PICTURES = (
    Picture(
        "contributions",
        "A sarcastic sample, term by term",
        "Kind words, a cold voice. The text alone speaks for it, the voice against it; hatched, what they say only "
        "together.",
        f"/samples?{SARCASM}",
        "waterfall",
    ),
    Picture(
        "over-time",
        "Entanglement and contributions over time",
        "The same sample: entanglement of each modality with the rest above; below, the decision had it been read "
        "out at that time.",
        f"/dynamics?{SARCASM}&above=entanglement",
        "decision-over-time",
    ),
    Picture(
        "parity",
        "A joint term that the evolution makes",
        "Is the sum of two digits odd? Neither says anything alone: at t = 0 there is no joint term, at T it is "
        "nearly everything.",
        f"/dynamics?{PAIR}",
        "decision-over-time",
    ),
    Picture(
        "built",
        "Which coupling built which contribution",
        "What every coupling and dissipation added on the way: from a sum over modalities to a decision that is "
        "made jointly.",
        f"/dynamics?{PAIR}",
        "built",
    ),
    Picture(
        "cut",
        "Are the correlations needed, and when?",
        "The score if the correlations of a modality are taken away at a time, all of them or all but the "
        "classical part.",
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
        "What removing a coupling, a dissipation or a measurement vector does to the score, beside the slope.",
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
        "A digit in three views behind fusion, convolution and pooling: one Bloch vector a qubit.",
        f"/circuit?{DIGIT}",
        "qubits",
    ),
    Picture(
        "rules",
        "Fusion rules",
        "What each fused qubit makes of what the modality qubits read: rules that can be read and edited.",
        f"/circuit?{DIGIT}&part=Fusion%20rules",
        "tables",
    ),
    Picture(
        "masses",
        "Masses",
        "How strongly each view supports each class, and what the fusion makes of it.",
        f"/samples?{DIGIT}",
        "masses",
    ),
    Picture(
        "operator",
        "What votes for and against",
        "Eigenvalues of the decision operator of one modality: its strongest votes.",
        f"/operators?{SARCASM}",
        "spectrum",
    ),
    Picture(
        "cohort",
        "All samples, term by term",
        "How the terms are spread: all test samples, those whose modalities conflict, and where this one lies.",
        f"/cohorts?{SARCASM}&filter=relation%3Dconflict",
        "dividends",
    ),
    Picture(
        "deletion",
        "Deletion against random orders",
        "How fast the score moves when what is called important is taken away first.",
        f"/faithfulness?{SARCASM}",
        "deletion-modalities",
    ),
    Picture(
        "flips",
        "What would flip it",
        "The smallest changes after which the model decides otherwise, each verified by running it.",
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
    """The file of one picture, as its call makes it."""
    from dataclasses import replace

    from qfusion.figures.export_style import ExportStyle
    from qfusion.figures.recipe import Recipe
    from qfusion.panels import rendering, reproduction

    page, address = rendering.parse_link(APP + picture.address)
    wanted = replace(
        Recipe(page, picture.panel, address),
        style=ExportStyle.parse({"format": "svg", "size": picture.size}),
    )
    return reproduction.save_panel(reproduction.reproduce(wanted), wanted)


def page() -> str:
    """The page docs/gallery.md."""
    return HEAD + "".join(
        f"\n## {one.title}\n\n{one.words}\n\n![{one.title}](gallery/{one.name}.svg)\n\n```bash\n{one.call}\n```\n"
        for one in PICTURES
    )


def main(names: list[str]) -> None:
    """Draws the pictures of these names, all without any, and writes the page."""
    FOLDER.mkdir(exist_ok=True)
    for one in PICTURES:
        if not names or one.name in names:
            content = draw(one)
            (FOLDER / f"{one.name}.svg").write_bytes(content)
            print(f"{one.name}.svg: {len(content) / 1000:.1f} kB")
    (FOLDER.parent / "gallery.md").write_text(page())


if __name__ == "__main__":
    main(sys.argv[1:])
