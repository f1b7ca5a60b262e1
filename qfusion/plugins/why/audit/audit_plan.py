"""The plan of the audit of quantum resources: for each resource the twin that is compared, and the twins that must
agree with it. The plan is fixed before any training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qfusion._checks import check


@dataclass(frozen=True)
class Variant:
    """Model to train: the kind of model that provides the terms, its own kind, and the settings that differ from
    these terms.
    """

    system: str
    kind: str
    settings: tuple[tuple[str, Any], ...] = ()


QJ, QCNN, QFL = "quantum-jump", "entangled-qcnn", "qfl"
VARIANTS = {
    "qj": Variant(QJ, "quantum-jump"),
    "qj-dephased": Variant(QJ, "jump-twin", (("lacks", "coherence"),)),
    "qj-unentangled": Variant(QJ, "jump-twin", (("lacks", "entanglement"),)),
    "qj-mean-field": Variant(QJ, "jump-mean-field"),
    "qj-unitary": Variant(QJ, "quantum-jump", (("evolution", "unitary"),)),
    "qj-frozen": Variant(QJ, "jump-twin", (("lacks", "learning"),)),
    "qj-none": Variant(QJ, "quantum-jump", (("evolution", "none"),)),
    "bilinear": Variant(QJ, "state-linear"),
    "qcnn": Variant(QCNN, "entangled-qcnn"),
    "qcnn-dephased": Variant(QCNN, "qcnn-dephased"),
    "qcnn-local": Variant(QCNN, "entangled-qcnn", (("block", "local"),)),
    "coherent": Variant(QCNN, "qcnn-coherent"),
    "coherent-z": Variant(QCNN, "qcnn-coherent", (("lacks", "entanglement"),)),
    "qfl": Variant(QFL, "qfl"),
    "qfl-product": Variant(QFL, "qfl", (("entangling", False),)),
    "qfl-frozen": Variant(QFL, "qfl", (("freeze_gates", True),)),
}


@dataclass(frozen=True)
class Resource:
    """A row of the audit.

    Attributes:
        title: what is asked about.
        full, twin: names of the variants that have it and that lack it. This pair is tested, whatever others reach.
        cut: the resource of `twins.CUTS` that is cut from the trained model; "" where none is.
        controls: further twins that lack it and more. It counts as needed or of help only where these are worse, too:
            where one of them is not, the twin misses something else.
    """

    title: str
    full: str
    twin: str
    cut: str = ""
    controls: tuple[str, ...] = ()


# The twin without entanglement is measured between its steps, so it loses coherence in the basis of the measurements,
# too. What is cut under that name from a trained model works in the product basis and takes local coherence first; it
# says nothing of entanglement and stands in no row.
RESOURCES = (
    Resource("coherence (local basis)", "qj", "qj-dephased", "coherence"),
    Resource("entanglement", "qj", "qj-unentangled", "", ("qj-mean-field", "qj-none")),
    Resource("any correlation (mean field)", "qj", "qj-mean-field", "correlation", ("qj-none",)),
    Resource("dissipation", "qj", "qj-unitary", "dissipation", ("qj-none",)),
    Resource("learned dynamics (frozen at random)", "qj", "qj-frozen", "", ("qj-none",)),
    Resource("any evolution", "qj", "qj-none"),
    Resource("a quantum form (bilinear head, as many parameters)", "qj", "bilinear"),
    Resource("coherence of the fused qubits", "qcnn", "qcnn-dephased", "fused coherence"),
    Resource("entangling convolutions", "qcnn", "qcnn-local"),
    Resource("reading the modality qubits", "coherent", "qcnn"),
    Resource("entanglement of the fusion", "coherent", "coherent-z", "fused entanglement"),
    Resource("entangling gates", "qfl", "qfl-product"),
    Resource("trained gates", "qfl", "qfl-frozen"),
)


def require_distinct(resources: Sequence[Resource]) -> None:
    """Check that no two rows test the same pair of models, which would count one result twice.

    Raises:
        InvalidInput: when two do.
    """
    titles: dict[tuple[str, str], str] = {}
    for row in resources:
        other = titles.setdefault((row.full, row.twin), row.title)
        check(
            other == row.title and list(resources).count(row) == 1,
            f"Argument `resources` must test each pair of models once, but '{other}' and '{row.title}' both test "
            f"{row.full} against {row.twin}. Give each a twin of its own.",
        )
