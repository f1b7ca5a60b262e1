"""Titles about interventions on states: removed correlations, and a modality's state from another sample."""

from collections.abc import Callable

import numpy as np

from qfusion._sentences import share, size
from qfusion.explain.cut_losses import CutMetrics
from qfusion.explain.cut_summaries import Change, Dependence, dependence, largest_cut
from qfusion.explain.state_cuts import Cuts
from qfusion.explain.state_patching import PATCH_DEFAULT, Patches, PatchOutcome, summarise_patches
from qfusion.wording.numbers import format_estimate, name_metric

# The largest cut of one sample.
SMALL_CUT = (
    "Removing the correlations of one modality at one time changes the {quantity} by at most {change} (from "
    "{before:z.2f}{notes})"
)
LARGEST_CUT = "Removing all correlations with {modality} at t = {time:.2f} {moves}{notes}"
LEAVES = "leaves the {quantity} at {before}"
RAISES = "raises the {quantity} from {before} to {after}"
LOWERS = "lowers the {quantity} from {before} to {after}"
CLASSICAL_KEPT = "{value:z.2f} if classical correlations are kept"
NEVER_CORRELATED = "{value:z.2f} if {modality} is never correlated"

# Cuts half way, over many samples.
DEPENDENCE_TITLES: dict[Dependence, str] = {
    Dependence.UNKNOWN: (
        "Too few samples: without {correlations} {metric} changes by {change}{classical} (n = {n:,}){never}"
    ),
    Dependence.NONE: (
        "No: without {correlations} {metric} changes by less than 0.001 ({change}, n = {n:,}){never}"
    ),
    Dependence.NOT_SHOWN: (
        "No significant loss: without {correlations} {metric} changes by {change} (n = {n:,}); a loss of more than "
        "{largest_loss:.3f} is excluded{never}"
    ),
    Dependence.SLIGHT: (
        "Slightly: without {correlations} {metric} changes by {change}{classical} (n = {n:,}){never}"
    ),
    Dependence.NEEDED: (
        "Yes: without {correlations} {metric} changes by {change}{classical} (n = {n:,}){never}"
    ),
}
CORRELATIONS = "the correlations of {modality} at t = {time:.2f}"
CLASSICAL_CHANGE = "; with their classical part kept {change}"
NEVER_CHANGE = ". If never correlated: {change}"

# Patches of one modality's state from another sample.
PATCH_TITLES: dict[PatchOutcome, str] = {
    PatchOutcome.SAME_OUTPUT: "Both samples give the same output: there is no difference to restore",
    PatchOutcome.NO_FLIP: (
        "No single modality's state from {donor} flips the decision; {nearest} restores most, {restored} of the "
        "difference at t = {time:.2f}"
    ),
    PatchOutcome.FLIPS: "Patching in {flips} from {donor} flips the decision",
}
ALWAYS = "at any time"
ONCE = "at t = {first:.2f}"
SOMETIMES = "at {count} of {all} times"
UNTIL = "until t = {last:.2f}"
BETWEEN = "from t = {first:.2f} to {last:.2f}"
PATCH_DESCRIPTIONS = {
    "local": "The modality's own state is exchanged; its correlation with the rest stays.",
    "product": "The modality's own state is exchanged, and its correlation with the rest is removed.",
}
OTHER_SAMPLE = "the other sample"


def describe_cut(result: Cuts, output: int, quantity: str = "score") -> str:
    """Return whether the decision on a sample needs the correlations, and when most, as a title.

    Args:
        result: cuts of one sample.
        output: number of the explained output.
        quantity: the explained quantity, "log-odds" or "score".
    """
    cut = largest_cut(result, output)
    notes = []
    if cut.classical is not None:
        notes.append(CLASSICAL_KEPT.format(value=cut.classical))
    if cut.uncorrelated is not None:
        notes.append(NEVER_CORRELATED.format(value=cut.uncorrelated, modality=cut.modality))
    if cut.small:
        return SMALL_CUT.format(
            quantity=quantity,
            change=size(abs(cut.after - cut.before)),
            before=cut.before,
            notes="".join(f"; {note}" for note in notes),
        )
    before, after = f"{cut.before:z.2f}", f"{cut.after:z.2f}"
    moves = RAISES if cut.after > cut.before else LOWERS
    if before == after:
        moves = LEAVES
    return LARGEST_CUT.format(
        modality=cut.modality,
        time=cut.time,
        moves=moves.format(quantity=quantity, before=before, after=after),
        notes=f" ({'; '.join(notes)})" if notes else "",
    )


def describe_cuts(result: CutMetrics, metric: str | None = None) -> str:
    """Return whether a model needs the correlations half way, over many samples, as a title."""
    summary = dependence(result, metric)
    classical = never = ""
    if summary.classical is not None:
        classical = CLASSICAL_CHANGE.format(change=format_change(summary.classical))
    if summary.uncorrelated is not None:
        never = NEVER_CHANGE.format(change=format_change(summary.uncorrelated))
    return DEPENDENCE_TITLES[summary.kind].format(
        correlations=CORRELATIONS.format(modality=summary.modality, time=summary.time),
        metric=name_metric(summary.metric),
        change=format_change(summary.change),
        n=summary.n,
        largest_loss=summary.largest_loss,
        classical=classical,
        never=never,
    )


def format_change(change: Change) -> str:
    """Return a change of a metric with its interval."""
    return format_estimate(change.value, change.low, change.high, "+z.3f")


def describe_patches(
    result: Patches,
    row: int = 0,
    kind: str = PATCH_DEFAULT,
    donor: str = OTHER_SAMPLE,
    name: Callable[[str], str] = str,
) -> str:
    """Return which modality's state flips a decision, and when, as a title.

    Args:
        result: from `state_patching.patch_states`.
        row: number of the pair.
        kind: one of `PATCH_KINDS`.
        donor: name of the other sample.
        name: writes a modality.

    Raises:
        NotFound: when there is no such kind.
    """
    summary = summarise_patches(result, row, kind)
    flips = [
        f"{name(modality)} {_describe_times(flipped, summary.times)}"
        for modality, flipped in summary.flips.items()
    ]
    restored = share(summary.restored) if np.isfinite(summary.restored) else ""
    return PATCH_TITLES[summary.outcome].format(
        donor=donor,
        nearest=name(summary.modality),
        restored=restored,
        time=summary.time,
        flips=" or ".join(flips),
    )


def _describe_times(flipped: np.ndarray, times: np.ndarray) -> str:
    """Return at which times a patch flips the decision."""
    first, last = times[flipped][0], times[flipped][-1]
    if flipped.all():
        template = ALWAYS
    elif first == last:
        template = ONCE
    elif (np.diff(np.flatnonzero(flipped)) > 1).any():
        template = SOMETIMES
    else:
        template = UNTIL if flipped[0] else BETWEEN
    return template.format(first=first, last=last, count=flipped.sum(), all=len(times))
