"""Titles about removed correlations."""

from qfusion._sentences import size
from qfusion.plugins.why.cuts.cut_losses import CutMetrics
from qfusion.plugins.why.cuts.cut_summaries import (
    Change,
    Dependence,
    LargestCut,
    dependence,
    largest_cut,
)
from qfusion.plugins.why.cuts.state_cuts import Cuts
from qfusion.views.words.rules import format_estimate, name_metric

# The largest cut of one sample.
SMALL_CUT = (
    "Removing the correlations of one modality at one time changes the {quantity} by at most {change} (from "
    "{before:z.2f}{notes})"
)
COSTS = (
    "Cutting the correlations with {modality} at t = {time:.2f} costs {lost} of {before:.2f} nats"
)
CLASSICAL_COSTS = "{lost} if classical ones are kept"
NEVER_COSTS = "{lost} if {modality} is never correlated"
LARGEST_CUT = "Removing all correlations with {modality} at t = {time:.2f} {moves}{notes}"
LEAVES = "leaves the {quantity} at {before}"
RAISES = "raises the {quantity} from {before} to {after}"
LOWERS = "lowers the {quantity} from {before} to {after}"
CLASSICAL_KEPT = "{value:z.2f} if classical correlations are kept"
NEVER_CORRELATED = "{value:z.2f} if {modality} is never correlated"

# Cuts half way, over many samples.
DEPENDENCE_TITLES: dict[Dependence, str] = {
    Dependence.UNKNOWN: (
        "Too few samples to tell whether correlations of {where} matter: without them {metric} changes by {change}"
    ),
    Dependence.NONE: (
        "Correlations of {where} do not matter: without them {metric} changes by less than 0.001 ({change})"
    ),
    Dependence.NOT_SHOWN: (
        "No significant loss without the correlations of {where}: {metric} changes by {change}; a loss of more than "
        "{largest_loss:.3f} is excluded"
    ),
    Dependence.SLIGHT: "Correlations of {where} matter little: without them {metric} changes by {change}",
    Dependence.NEEDED: "Correlations of {where} matter: without them {metric} changes by {change}",
}
WHERE = "{modality} at t = {time:.2f}"
CLASSICAL_CHANGE = (
    "With the classical part of these correlations kept {metric} changes by {change}."
)
NEVER_CHANGE = "Without any from the start: {change}."


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
    if quantity == "log-odds" and before != after and cut.is_loss:
        return _describe_loss(cut)
    moves = RAISES if cut.after > cut.before else LOWERS
    if before == after:
        moves = LEAVES
    return LARGEST_CUT.format(
        modality=cut.modality,
        time=cut.time,
        moves=moves.format(quantity=quantity, before=before, after=after),
        notes=f" ({'; '.join(notes)})" if notes else "",
    )


def _describe_loss(cut: LargestCut) -> str:
    """Return what a cut takes of the log-odds, and what is taken by cuts of other kinds, as a title."""

    def lost(left: float) -> str:
        return f"{cut.before - left:z.2f}"

    title = COSTS.format(
        modality=cut.modality, time=cut.time, lost=lost(cut.after), before=cut.before
    )
    others = []
    if cut.classical is not None:
        others.append(CLASSICAL_COSTS.format(lost=lost(cut.classical)))
    if cut.uncorrelated is not None:
        others.append(NEVER_COSTS.format(lost=lost(cut.uncorrelated), modality=cut.modality))
    return "; ".join([title, *others])


def describe_cuts(result: CutMetrics, metric: str | None = None) -> str:
    """Return whether a model needs the correlations half way, over many samples, as a title."""
    summary = dependence(result, metric)
    return DEPENDENCE_TITLES[summary.kind].format(
        where=WHERE.format(modality=summary.modality, time=summary.time),
        metric=name_metric(summary.metric),
        change=format_change(summary.change),
        largest_loss=summary.largest_loss,
    )


def describe_kept_correlations(result: CutMetrics, metric: str | None = None) -> str:
    """Return what the same model loses where part of the correlations is kept, or none is made, as sentences."""
    summary = dependence(result, metric)
    sentences = []
    if summary.classical is not None:
        sentences.append(
            CLASSICAL_CHANGE.format(
                metric=name_metric(summary.metric), change=format_change(summary.classical)
            )
        )
    if summary.uncorrelated is not None:
        sentences.append(NEVER_CHANGE.format(change=format_change(summary.uncorrelated)))
    return " ".join(sentences)


def format_change(change: Change) -> str:
    """Return a change of a metric with its interval."""
    return format_estimate(change.value, change.low, change.high, "+z.3f")
