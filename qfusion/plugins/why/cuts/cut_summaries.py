"""Summaries of correlation cuts: whether a decision, or a model, needs the correlations of a modality."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from qfusion._checks import choose
from qfusion.plugins.why.cuts.cut_losses import CutMetrics, Estimates
from qfusion.plugins.why.cuts.state_cuts import HELD, Cuts
from qfusion.training import metrics

# Summaries of cuts.

SHARE = 0.1  # of the gain over one answer for all: a smaller loss is slight
SMALL = 0.02  # of the undisturbed score's size: a smaller change is negligible
SAME = 5e-4  # of a metric: an interval within it around 0 is no change


def most_moved(result: Cuts, output: int) -> str:
    """Return the modality whose cut changes the explained output most."""
    changes = result.changes[_place(result), :, :, 0, output]
    return result.modalities[_first_largest(np.abs(changes).max(1))]


@dataclass(frozen=True)
class LargestCut:
    """The cut that changes the explained output of a sample most.

    Attributes:
        modality: that is cut. time: of the cut. before, after: the output.
        small: whether the change is negligible.
        classical: the output with classical correlations kept; None where they were not measured or it is small.
        uncorrelated: the output if the modality is never correlated; None where it was not measured.
    """

    modality: str
    time: float
    before: float
    after: float
    small: bool
    classical: float | None
    uncorrelated: float | None

    @property
    def is_loss(self) -> bool:
        """Whether cuts of every kind take a part of a positive output, and at most all of it."""
        left = (self.after, self.classical, self.uncorrelated)
        return all(0 <= value <= self.before for value in left if value is not None)


def largest_cut(result: Cuts, output: int) -> LargestCut:
    """Return the cut that changes an output of the first sample most."""
    changes = result.changes[_place(result), :, :, 0, output]
    m, i = np.unravel_index(_first_largest(np.abs(changes)), changes.shape)
    before = float(result.before[0, output])
    change = float(changes[m, i])
    small = abs(change) <= max(SMALL * abs(before), 1e-9)
    classical = uncorrelated = None
    if "dephased" in result.kinds and not small:
        classical = float(result.scores[result.kinds.index("dephased"), m, i, 0, output])
    if HELD in result.kinds:
        uncorrelated = float(result.scores[result.kinds.index(HELD), m, -1, 0, output])
    return LargestCut(
        result.modalities[m],
        float(result.times[i]),
        before,
        before + change,
        small,
        classical,
        uncorrelated,
    )


def _first_largest(values: np.ndarray) -> int:
    """Place of the largest value, of equal ones (but for rounding) the first: of two modalities, a cut of either leaves
    the same state."""
    return int((values >= values.max() - 1e-9 * np.abs(values).max()).argmax())


def _place(result: Cuts | CutMetrics) -> int:
    """Return the position of plain cuts among the kinds."""
    return result.kinds.index(choose("Kind of cut", "cut", result.kinds))


class Dependence(StrEnum):
    """Whether a model needs the correlations of a modality half way through its evolution."""

    UNKNOWN = "too few samples"
    NONE = "no change"  # the whole interval is within `SAME` of 0
    NOT_SHOWN = "no significant loss"
    SLIGHT = "slight loss"  # below `SHARE` of the gain over one answer for all
    NEEDED = "needed"


@dataclass(frozen=True)
class Change:
    """A change of a metric with its interval, None where there are too few samples."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DependenceSummary:
    """Modality whose cut half way costs a metric most, and the conclusion from it.

    Attributes:
        kind: of dependence. metric: of `METRICS`. modality: that is cut. time: of the cut. n: samples.
        change: of the metric. classical: the change with classical correlations kept. uncorrelated: if the modality is
            never correlated; both None where they were not measured.
        largest_loss: upper end of the interval of the loss, at least 0.
    """

    kind: Dependence
    metric: str
    modality: str
    time: float
    n: int
    change: Change
    classical: Change | None
    uncorrelated: Change | None
    largest_loss: float


def dependence(result: CutMetrics, metric: str | None = None) -> DependenceSummary:
    """Return whether a model needs the correlations half way, over many samples.

    The time is fixed and of the modalities the one is named that costs most, so that hardly anything is selected by its
    size.
    """
    metric = metric or next(iter(result.after))
    loss = result.losses[metric]
    i = len(result.times) // 2
    cut = _place(result)
    sign = -1 if metrics.LABELS[metric].higher_is_better else 1
    m = _first_largest(sign * loss.value[cut, :, i])
    change = _change(loss, cut, m, i)
    classical = uncorrelated = None
    if "dephased" in result.kinds:
        classical = _change(loss, result.kinds.index("dephased"), m, i)
    if HELD in result.kinds:
        uncorrelated = _change(loss, result.kinds.index(HELD), m, len(result.times) - 1)
    kind, largest_loss = Dependence.UNKNOWN, 0.0
    if change.low is not None and change.high is not None:
        least, most = sorted((sign * change.low, sign * change.high))
        largest_loss = max(most, 0.0)
        gain = abs(float(result.before[metric].value) - result.chance[metric])
        if max(abs(least), abs(most)) < SAME:
            kind = Dependence.NONE
        elif least <= 0:
            kind = Dependence.NOT_SHOWN
        elif abs(change.value) >= SHARE * gain:
            kind = Dependence.NEEDED
        else:
            kind = Dependence.SLIGHT
    return DependenceSummary(
        kind,
        metric,
        result.modalities[m],
        float(result.times[i]),
        result.n,
        change,
        classical,
        uncorrelated,
        largest_loss,
    )


def _change(loss: Estimates, *place: int) -> Change:
    """Return a change at a place of its arrays."""
    if loss.low is None or loss.high is None:
        return Change(float(loss.value[place]), None, None)
    return Change(float(loss.value[place]), float(loss.low[place]), float(loss.high[place]))
