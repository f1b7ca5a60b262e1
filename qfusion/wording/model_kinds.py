"""The kinds of models: a title, a summary for the Train page and a sentence for the Overview page each.

A kind that is missing here is described by its class: `title`, and the first line of the docstring.
"""

import inspect
from typing import NamedTuple

from qfusion.models import FUSION

# One sentence on each kind of model that can be trained.
SUMMARIES: dict[str, str] = {
    "quantum-jump": (
        "Modality states evolve jointly under a learned Hamiltonian and jump operators. All pages are available."
    ),
    "entangled-qcnn": (
        "Readable truth tables fuse the modalities element by element, and a quantum convolutional network reads the "
        "result."
    ),
    "state-linear": "The states of QiNN-QJ are read out without evolution. Decision pages are available.",
    "product-qcnn": (
        "Adds the angles of the modalities: another class of functions than fusion by truth tables."
    ),
    "qfl": "A circuit encodes the modalities repeatedly between trained gates: polynomials of all of them.",
    "cross-attention-q": (
        "A classical branch attends to the qubits of a circuit that encodes the same modalities (at most nine qubits)."
    ),
    "vqc-mlpnet": (
        "A circuit generates the first weights of a network on all modalities; samples do not pass through the circuit."
    ),
    "quantum-lego": (
        "Encoders are trained with a classical head and frozen; a circuit is then trained on their outputs."
    ),
    "unitary-fusion": (
        "One learned unitary acts on all modality states together; they are then measured. Decision pages are "
        "available."
    ),
    "reservoir": "Features detune interacting atoms; only a linear read-out of measurements is trained.",
    "late": "One network per modality; their scores are added.",
    "concatenation": "One network on the concatenated encoder outputs.",
    "tensor": "A network on all products of the encoder outputs.",
    "low-rank": "Tensor fusion with low-rank factors.",
    "mult": "Every modality attends to every other one.",
    "linear": "Ridge or logistic regression on the features.",
    "jump-twin": (
        "QiNN-QJ with a modified evolution: coherence or entanglement is removed repeatedly, or the dynamics are not "
        "learned."
    ),
    "jump-mean-field": (
        "Every modality's state evolves in the mean field of the others: QiNN-QJ without any correlation."
    ),
    "qcnn-dephased": (
        "The fused qubits are dephased before the convolutions, so the network reads classical bits."
    ),
    "qcnn-coherent": (
        "Modality qubits are also read after the fusion, in a learned basis, so the fusion's entanglement affects the "
        "score."
    ),
}

# From the features to the score; each sentence follows the name of the model. The two systems are in `systems`.
SENTENCES: dict[str, str] = {
    "state-linear": (
        "turns {names} into quantum states ({dims} levels) and reads the {target} from them without evolution, by "
        "trained observables of each modality. Nothing is entangled. Every decision splits exactly into contributions "
        "of single modalities and joint contributions; without products of observables the joint ones are zero."
    ),
    "qfl": (
        "turns {names} into angles of a circuit that encodes them repeatedly between trained gates, and reads the "
        "{target} from Pauli expectations: polynomials of all modalities."
    ),
    "cross-attention-q": (
        "reads the {target} from a network on {names} that attends to the qubits of a small circuit, which encodes the "
        "same numbers."
    ),
    "vqc-mlpnet": (
        "reads the {target} from a network on {names}. A trained circuit generated the first weights of the network."
    ),
    "quantum-lego": (
        "turns {names} into numbers by a classical block that was trained first and then frozen, and reads the "
        "{target} from a circuit that was trained on these."
    ),
    "unitary-fusion": (
        "turns {names} into quantum states ({dims} levels), applies one learned unitary to all of them together, and "
        "reads the {target} from measurement outcomes. Every decision splits exactly into contributions of single "
        "modalities and joint contributions."
    ),
    "reservoir": (
        "uses {names} to detune a chain of atoms that evolve together without training, and reads the {target} "
        "linearly from measurements at several times."
    ),
    "jump-twin": (
        "turns {names} into quantum states ({dims} levels) whose joint evolution lacks a resource of QiNN-QJ, and "
        "reads the {target} from them: its loss against QiNN-QJ measures the value of the resource."
    ),
    "jump-mean-field": (
        "turns {names} into quantum states ({dims} levels) that each evolve in the mean field of the others, never "
        "correlated with them, and reads the {target} from them."
    ),
    "qcnn-dephased": (
        "fuses {names} by truth tables, dephases the fused qubits, and reads the {target} by convolutions."
    ),
    "qcnn-coherent": (
        "fuses {names} by qubits that they entangle with, and reads the {target} from the fused qubits, by a "
        "convolutional network, and from the modalities' own."
    ),
    "lindblad": (
        "prepares {names} as quantum states ({dims} levels), evolves them together under a Hamiltonian and jump "
        "operators that were given, and reads the {target} from the result. Nothing is trained. Since the read-out is "
        "linear, every value splits exactly into contributions of single subsystems and joint contributions."
    ),
    "imported": (
        "is an imported program that computes the {target} from features of {names}. Its structure is unknown, so its "
        "decisions are split by replacing every combination of modalities with those of other samples."
    ),
    "live": (
        "is a Python object that computes the {target} from features of {names}, in the process of its owner. Its "
        "decisions are split by replacing every combination of modalities with those of other samples."
    ),
    "live-circuit": (
        "is a Python object that computes the {target} from features of {names} with a quantum circuit, in the process "
        "of its owner. Its decisions are split by replacing every combination of modalities with those of other "
        "samples; the circuit is followed gate by gate."
    ),
}


class KindText(NamedTuple):
    """The texts of a kind of model.

    Attributes:
        title: name of the kind.
        summary: one sentence.
    """

    title: str
    summary: str


def describe_kind(kind: str) -> KindText:
    """Return title and summary of a kind of model that can be trained."""
    model = FUSION[kind]
    first_line = (inspect.getdoc(model) or "").partition("\n")[0]
    return KindText(model.title or kind, SUMMARIES.get(kind, first_line))
