"""Captions of the figures that attribute contributions to terms of the generator."""

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
}
