"""The measures of states over time: the texts of their panels on the Dynamics page, and their glossary entries.

Titles and units, as axes write them, are in `quantum.measure_kinds`.
"""

from typing import NamedTuple

from qfusion.quantum.measure_kinds import KINDS


class MeasureText(NamedTuple):
    """The texts of a measure.

    Attributes:
        question: title of its panel.
        shows, not_shown: of its panel.
        source: its authors, for the glossary; empty if the glossary has an entry of its own.
    """

    question: str
    shows: str
    not_shown: str
    source: str = ""


# By kind of measure; a kind that is missing here has no panel.
MEASURE_TEXTS: dict[str, MeasureText] = {
    "negativity": MeasureText(
        question="Is it entangled? (log-negativity)",
        shows="logarithmic negativity of each modality with the rest, in bits: zero for every separable state, and an "
        "upper bound of the distillable entanglement. For a pure state it is at least the entanglement entropy.",
        not_shown="a share of the mutual information: the two are different measures in different units, so that "
        "their ratio has no meaning. Nor entanglement within the rest, nor bound entanglement.",
    ),
    "mutual_information": MeasureText(
        question="How strongly are pairs correlated? (mutual information)",
        shows="the mutual information of each pair, from classical and quantum correlation, and the total correlation "
        "of all modalities.",
        not_shown="whether correlations are classical or quantum: a positive log-negativity, below, shows "
        "entanglement.",
    ),
    "purity": MeasureText(
        question="How pure do the states stay?",
        shows="purity of each modality's state and of the joint state; 1/d for a maximally mixed state of dimension d.",
        not_shown="whether entanglement or jumps made a state mixed.",
    ),
}


def measures_with_panels() -> tuple[str, ...]:
    """Return the kinds of measures that are drawn over time, in the order of their columns."""
    return tuple(kind for kind in KINDS if kind in MEASURE_TEXTS)


def measures_with_entries() -> dict[str, MeasureText]:
    """Return the texts of the kinds of measures that name their source for the glossary."""
    return {
        kind: MEASURE_TEXTS[kind] for kind in measures_with_panels() if MEASURE_TEXTS[kind].source
    }
