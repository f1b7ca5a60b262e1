"""Captions of the figures that attribute contributions to terms of the generator and to correlations."""

from typing import NamedTuple


class Caption(NamedTuple):
    """The objects of "The figure shows ..." and "It does not show ..."."""

    shows: str
    not_shown: str


CAPTIONS: dict[str, Caption] = {
    "built": Caption(
        "the amount that each coupling (H) and each dissipation term adds to each contribution. A row begins at the "
        "contribution without evolution, and its numbers sum to the explained contribution.",
        "the predictions of a model trained without a coupling, nor the effect of removing a coupling from this model: "
        "two couplings that depend on each other share their effect.",
    ),
    "built-over-time": Caption(
        "one contribution through the evolution, split into the parts that each coupling (H) and dissipation has added "
        "(above the dotted start) and removed (below) so far; the line is their sum.",
        "the other contributions, to which the same couplings may have moved the missing part.",
    ),
    "built-flow": Caption(
        "the flow from modalities through the terms that act on them to the contributions and their sum; the width of "
        "a band is its size. The bands of a coupling are shared evenly among the modalities that it acts on.",
        "how much a modality contributes to a coupling: only the effect of the coupling is measured. Bands thinner "
        "than half a percent of all are left out.",
    ),
    "cut": Caption(
        "the explained output if at time t all correlations of one modality with the others are removed (solid), or "
        "all but the classical correlation of its populations (dashed: no entanglement is left), and the state then "
        "evolves to T. Dash-dot: the modality and the others are kept uncorrelated from the start to t, so that "
        "each evolves in the other's reduced state. With two modalities, cutting one also cuts the other.",
        "the output for other data: a cut is an intervention on the model's state, and possibly no input leads to the "
        "new state. Dashed lines do not separate entanglement from quantum correlation without entanglement.",
    ),
    "cut-terms": Caption(
        "the size of every term of the decision after a cut at time t. Lines begin at the sizes without a cut, since "
        "the initial state is uncorrelated.",
        "which coupling builds a term. The background of the terms is the mean state of every modality, so they differ "
        "from terms against another background.",
    ),
    "cut-test": Caption(
        "the metrics on many samples if the correlations of a modality are removed at time t in all of them. Bands are "
        "95% bootstrap intervals.",
        "whether a model trained without these correlations would be worse: this model was not trained on states after "
        "a cut.",
    ),
}
