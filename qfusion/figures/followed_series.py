"""Names of the series that traces draw, kept in the `meta` of a trace.

A page moves such traces in the browser while a slider is dragged, see `assets/follow.js`. Nothing else reads them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qfusion.figures.style import label

# Groups of series.
UPPER = "upper"  # measures of the states over time
TERMS = "terms"  # contributions or Shapley values over time
FINAL = "final"  # contributions at T
BUILT = "built"  # what each term of the dynamics built
STATES = "states"  # Bloch vectors of qubits after a gate and before it
ENDS = "ends"  # probabilities that qubits read 1 at the end of a circuit
OUTCOMES = "outcomes"  # of the qubits of a gate: `before` and `after` it
ENTROPIES = "entropies"  # of qubits after every gate
SHARED = "shared"  # mutual information after every gate


def series_names(names: Iterable[str]) -> list[str]:
    """Return names from data, of qubits or registers, as the names of their series: without markup."""
    return [label(name) for name in names]


def line_meta(group: str, names: Sequence[str], equal: bool = False) -> dict[str, Any]:
    """Return the `meta` of a line.

    Args:
        group: of the series. names: of the series that the line draws.
        equal: whether the line draws each of them, since they are equal; else it draws their sum.
    """
    return {"group": group, "names": list(names), "equal": equal}


def bars_meta(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the `meta` of the bars of a waterfall: the terms that each bar adds, without the total."""
    return {"group": FINAL, "rows": [list(names) for names in rows]}


def classes_meta(classes: Sequence[int]) -> dict[str, Any]:
    """Return the `meta` of the bars of some classes' probabilities."""
    return {"classes": list(classes)}


def part_meta(part: str) -> dict[str, Any]:
    """Return the `meta` of another part of a waterfall, `connectors`, or of a matrix: `cells`, `texts`, `start` or
    `end`.
    """
    return {"group": FINAL if part == "connectors" else BUILT, "part": part}


def discs_meta(names: Sequence[str], hues: Sequence[str], before: bool = False) -> dict[str, Any]:
    """Return the `meta` of discs of qubits with needles.

    Args:
        names: of the qubits. hues: of needles whose <Y> is about 0, above, and below it.
        before: whether thin needles show the state before the gate.
    """
    return {"group": STATES, "discs": series_names(names), "colors": list(hues), "before": before}


def ends_meta(names: Sequence[str], height: float) -> dict[str, Any]:
    """Return the `meta` of the filled parts of frames, of this height, at the ends of the wires of qubits."""
    return {"group": ENDS, "ends": series_names(names), "height": height}


def decision_meta(classes: Sequence[str]) -> dict[str, Any]:
    """Return the `meta` of the box of a decision, with what it calls the classes; without any it shows the score."""
    return {"group": ENDS, "decision": list(classes)}


def now_meta(angle: str) -> dict[str, Any]:
    """Return the `meta` of the mark of the present score on its curve against an angle."""
    return {"angle": angle}
