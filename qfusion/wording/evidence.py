"""The evidence of the entangled QCNN and its gate groups, in sentences."""

from collections.abc import Callable

import numpy as np

from qfusion._sentences import listed, share
from qfusion.explain.gate_shapley import (
    DECISION,
    LOSS,
    GateGroups,
    largest_group,
    significant_groups,
)

# The modality qubits only control and are then left out, so a classical mixture over their outcomes gives the same
# fused qubits. It holds while the score is read from the fused qubits alone.
INERT = (
    "The entanglement made by the fusion does not affect the decision: measuring the modality qubits changes "
    "nothing."
)

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
