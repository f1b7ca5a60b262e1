"""What cuts say, in a sentence each."""

from __future__ import annotations

import numpy as np

from qfusion._sentences import size
from qfusion.explain.changes.cut_metrics import CutMetrics, Estimates
from qfusion.explain.changes.cuts import Cuts
from qfusion.training import metrics

SHARE = 0.1  # of what a model is better than one answer for all: less is lost "hardly"
SMALL = 0.02  # of the undisturbed score's size: a change below it is none to speak of


def most_moved(found: Cuts, output: int) -> str:
    """The modality whose cut moves the score most."""
    return found.modalities[_first_largest(np.abs(found.changes[0, :, :, 0, output]).max(1))]


def answer(found: Cuts, output: int) -> str:
    """Whether the score of a sample needs the correlations, and when most, as a title."""
    changes = found.changes[:, :, :, 0, output]  # the first kind is "cut"
    m, i = np.unravel_index(_first_largest(np.abs(changes[0])), changes[0].shape)
    before, largest = float(found.before[0, output]), float(changes[0, m, i])
    never = ""
    if "held" in found.kinds:
        never = (
            f"; if {found.modalities[m]} were never correlated, "
            f"{found.scores[found.kinds.index('held'), m, -1, 0, output]:z.2f}"
        )
    if abs(largest) <= max(SMALL * abs(before), 1e-9):
        return (
            f"A cut of the correlations of one modality at one time moves the score by {size(abs(largest))} at "
            f"most, from {before:z.2f}{never}"
        )
    kept = ""
    if "dephased" in found.kinds:
        classical = found.scores[found.kinds.index("dephased"), m, i, 0, output]
        kept = f" ({classical:z.2f} if their classical part is kept)"
    return (
        f"Without the correlations of {found.modalities[m]} at t = {found.times[i]:.2f} the score would be "
        f"{before + largest:z.2f} instead of {before:z.2f}{kept}{never}"
    )


def answer_for_many(found: CutMetrics, metric: str | None = None) -> str:
    """Whether a model needs the correlations half way, over many samples, with 95 % intervals, as a title.

    The time is fixed and of the modalities the one is named that costs most, so that hardly anything is picked by its
    size.
    """
    metric = metric or next(iter(found.after))
    about, loss = metrics.describe[metric], found.losses[metric]
    sign, i = -1 if about.higher_is_better else 1, len(found.times) // 2
    m = _first_largest(sign * loss.value[0, :, i])
    where = f"the correlations of {found.modalities[m]} at t = {found.times[i]:.2f}"
    never = kept = ""
    if "held" in found.kinds:
        never = f". If never correlated: {_change(loss, found.kinds.index('held'), m, len(found.times) - 1)}"
    if "dephased" in found.kinds:
        kept = (
            f"; with their classical part kept {_change(loss, found.kinds.index('dephased'), m, i)}"
        )
    if loss.low is None or loss.high is None:
        return (
            f"Too few samples to tell: without {where} {about.short} changes by {_change(loss, 0, m, i)}{kept} "
            f"(n = {found.n:,}){never}"
        )
    if max(abs(float(end[0, m, i])) for end in (loss.low, loss.high)) < 5e-4:
        return (
            f"No: without {where} {about.short} changes by less than 0.001 ({_change(loss, 0, m, i)}, n = "
            f"{found.n:,}){never}"
        )
    least, most = sorted((sign * float(loss.low[0, m, i]), sign * float(loss.high[0, m, i])))
    if least <= 0:
        return (
            f"Not shown: without {where} {about.short} is not worse beyond chance ({_change(loss, 0, m, i)}, n = "
            f"{found.n:,}); a loss of more than {max(most, 0.0):.3f} can be excluded{never}"
        )
    gain = abs(float(found.before[metric].value) - found.chance[metric])
    head = "Yes" if abs(float(loss.value[0, m, i])) >= SHARE * gain else "Hardly"
    return f"{head}: without {where} {about.short} changes by {_change(loss, 0, m, i)}{kept} (n = {found.n:,}){never}"


def _first_largest(values: np.ndarray) -> int:
    """Place of the largest value, of equal ones (but for rounding) the first: of two modalities, a cut of either leaves
    the same state."""
    return int((values >= values.max() - 1e-9 * np.abs(values).max()).argmax())


def _change(loss: Estimates, *place: int) -> str:
    ends = (
        ""
        if loss.low is None or loss.high is None
        else f" [{loss.low[place]:+z.3f}, {loss.high[place]:+z.3f}]"
    )
    return f"{loss.value[place]:+z.3f}{ends}"
