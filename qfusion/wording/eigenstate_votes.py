"""Texts about decision operators: votes of eigenstates, weights of samples, effects of single elements."""

from collections.abc import Sequence

import numpy as np

from qfusion._sentences import capitalise, count, listed, share
from qfusion.analysis import text
from qfusion.explain.sensitivity import Operator
from qfusion.wording import extrema

NEAR = 0.5  # smallest weight on an eigenstate of a sample that is called near to it; it is then the likeliest of all
WRITTEN = 0.005  # smallest vote that is written as 0.01
_SIGN = {"for": 1, "against": -1}


def describe_modalities(operator: Operator) -> str:
    """Return the modalities of an operator, as markdown."""
    return listed([text.escape_markdown(name) for name in operator.modalities])


def format_share(value: float) -> str:
    """Return a share of a sample."""
    if value >= 0.095:
        return share(value)
    return "less than 0.1%" if 1e-9 < value < 0.0005 else f"{abs(value):.1%}"


def nearest_heading(side: str, weights: Sequence[float]) -> str:
    """Return a heading for the samples with the most weight on an extreme eigenstate, given the weights of all
    samples, 0 to 1.
    """
    best = max(weights, default=0.0)
    if best < NEAR:
        return f"No sample is close to the state with the largest vote {side} (best {format_share(best)})"
    return f"Nearest to the state with the largest vote {side}"


def describe_votes(
    who: str, votes: np.ndarray, kind: str, moved: float, quantity: str = "score"
) -> str:
    """Describe how many eigenstates vote for and against, at the displayed precision, and the contribution of a sample.

    Args:
        who: the modalities, as Markdown.
        votes: votes of the eigenstates, (K,).
        kind: name of an eigenstate, such as "pattern".
        moved: contribution of the sample to the baseline.
        quantity: the explained quantity, "log-odds" or "score".
    """
    favour = int((votes >= WRITTEN).sum())
    against = int((votes <= -WRITTEN).sum())
    idle = len(votes) - favour - against
    raises = "raises" if favour == 1 else "raise"
    lowers = "lowers" if against == 1 else "lower"
    sentence = f"{count(favour, kind)} of {who} {raises}, {against:,} {lowers} the {quantity}"
    if idle:
        sentence += f", {idle:,} neither"
    return f"{sentence}; this sample adds {moved:+z.2f}"


def describe_extreme_vote(side: str, vote: float, state: str) -> str:
    """Describe the eigenstate with the extreme vote, and whether that vote is for, or against, at all."""
    if round(vote, 2) * _SIGN[side] <= 0:
        return f"No state votes {side}; the nearest to it, at {vote:+z.2f}: {state}"
    return f"Votes most {side} ({vote:+.2f}): {state}"


def describe_largest_effect(
    effects: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    quantity: str = "score",
) -> str:
    """Describe the element whose reading changes the explained quantity most, given effects (M, n)."""
    named = {}
    for m, i in np.ndindex(*effects.shape):
        element = text.escape_markdown(elements[i])
        modality = text.escape_markdown(modalities[m])
        named[f"element {element} of {modality}"] = float(effects[m, i])
    sentence = extrema.describe_extremum(
        named,
        by_size=True,
        none=f"No element changes the {quantity} by 0.01 or more on its own",
        one="{names} counts most ({value:+.2f})",
        some="{count} elements count most, equally (by {amount:.2f} each), {names} among them",
        name=str,
        join=lambda names: names[0],
    )
    return capitalise(sentence)
