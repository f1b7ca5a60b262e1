"""Titles about single pieces of a model: states from another sample, gate groups, and the smallest generator."""

from collections.abc import Callable

import numpy as np

from qfusion._sentences import listed, share
from qfusion.plugins.why.pieces.gate_shapley import (
    DECISION,
    LOSS,
    GateGroups,
    largest_group,
    significant_groups,
)
from qfusion.plugins.why.pieces.generator_pruning import Pruning, PruningOutcome
from qfusion.plugins.why.pieces.state_patching import (
    PATCH_DEFAULT,
    Patches,
    PatchOutcome,
    summarise_patches,
)
from qfusion.views.words.rules import format_estimate, name_metric

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

# Titles of gate groups.
NO_GROUP = "No gate group changes the {quantity}"
LARGEST_GROUP = (
    "{group} contributes most to the {quantity}: {value:+z.2f} ({share} of the summed sizes; all groups together "
    "{total:+z.2f})"
)
NO_LOSS = "No gate group changes the loss significantly ({rows:,} rows)"
LOWERS = "{groups} {lower} the loss"
RAISES = "{groups} {raise_} the loss"
RAISES_TOO = "{groups} {raise_} it"
MORE = " and {count} more"
OUTPUT, ENTROPY = "{quantity} of {output}", "entropy of the qubits"
MAX_NAMED = 3  # groups that a title names

# Number of generator terms that suffice.
PRUNING_TITLES: dict[PruningOutcome, str] = {
    PruningOutcome.NO_GAIN: "No significant effect of the generator on {metric}: {gain}, {samples}",
    PruningOutcome.NO_TERMS: (
        "No generator term is kept: none improves {metric} on the selection rows ({samples})"
    ),
    PruningOutcome.KEEPS: (
        "{size} of {all} generator terms {keep} {share} of the gain in {metric} (95% CI {low} to {high}, {samples}): "
        "{terms}"
    ),
}
SAMPLES = "{count:,} test samples"


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


def describe_gate_groups(
    result: GateGroups,
    target: str = DECISION,
    name: Callable[[str], str] = str,
    quantity: str = "score",
) -> str:
    """Return which gate group contributes most to a target, as a title; of the loss, which change it significantly.

    Args:
        target: one of `TARGETS`.
        name: writes a name.
        quantity: the explained quantity, "log-odds" or "score".

    Raises:
        NotFound: when there is no such target.
    """
    first, part = largest_group(result, target)
    if target == LOSS:
        return _describe_loss(result, name)
    output = OUTPUT.format(quantity=quantity, output=name(result.output))
    explained = output if target == DECISION else ENTROPY
    if np.isnan(part):
        return NO_GROUP.format(quantity=explained)
    return LARGEST_GROUP.format(
        group=name(result.groups[first].title),
        quantity=explained,
        value=result.shapley[target][first],
        share=share(part),
        total=result.whole[target] - result.empty[target],
    )


def _describe_loss(result: GateGroups, name: Callable[[str], str]) -> str:
    lowering, raising = significant_groups(result)
    parts = []
    if lowering:
        groups = _list_groups(result, lowering, name)
        parts.append(LOWERS.format(groups=groups, lower=_verb("lower", lowering)))
    if raising:
        template = RAISES_TOO if lowering else RAISES
        groups = _list_groups(result, raising, name)
        parts.append(template.format(groups=groups, raise_=_verb("raise", raising)))
    return "; ".join(parts) or NO_LOSS.format(rows=result.rows)


def _verb(verb: str, groups: list[int]) -> str:
    return verb + "s" if len(groups) == 1 else verb


def _list_groups(result: GateGroups, groups: list[int], name: Callable[[str], str]) -> str:
    values = result.shapley[LOSS]
    named = [f"{name(result.groups[i].title)} ({values[i]:+z.3f})" for i in groups[:MAX_NAMED]]
    if len(groups) > MAX_NAMED:
        return ", ".join(named) + MORE.format(count=len(groups) - MAX_NAMED)
    return listed(named)


def describe_pruning(result: Pruning, name: Callable[[str], str] = str) -> str:
    """Return the number of terms kept and the share of the generator's contribution that they keep, as a title.

    Args:
        result: a pruning; its number of terms was chosen on other rows.
        name: writes the key of a term.
    """
    k, shares, gain = result.size, result.shares, result.gain
    low = high = ""
    if shares.low is not None and shares.high is not None:
        low = share(float(shares.low[k]))
        high = share(float(shares.high[k]))
    gain_low = gain_high = None
    if gain.low is not None and gain.high is not None:
        gain_low = float(gain.low[0])
        gain_high = float(gain.high[0])
    return PRUNING_TITLES[result.outcome].format(
        metric=name_metric(result.metric),
        gain=format_estimate(float(gain.value[0]), gain_low, gain_high, "+z.3f"),
        samples=SAMPLES.format(count=result.showing),
        size=k,
        all=len(result.terms),
        keep="keeps" if k == 1 else "keep",
        share=share(float(shares.value[k])),
        low=low,
        high=high,
        terms=listed([name(key) for key in result.left(k)]),
    )
