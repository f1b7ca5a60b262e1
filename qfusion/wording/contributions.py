"""Contributions in sentences: a number, and which of them are the largest."""

from collections.abc import Mapping

import numpy as np

from qfusion._sentences import capitalise, listed, sizes, top
from qfusion.wording.markup import PLAIN, Markup

NOTHING_CHANGES = "No modality changes the decision"
LARGEST_ONE = "{names} {contribute} most ({values})"
LARGEST_SEVERAL = "{names} contribute most, equal in size ({values})"
MORE = "{names} and {more} more"
MAX_NAMED = 3  # contributions that a sentence names


def format_contribution(value: float) -> str:
    """Return a contribution with two decimal places, or with one significant digit where these would be zeros."""
    return f"{value:+.2f}" if value == 0 or abs(value) >= 0.005 else f"{value:+.0e}"


def largest_terms(dividends: Mapping[str, float]) -> list[str]:
    """Return the coalitions with the largest dividends in size as written, or an empty list if all are 0."""
    terms = sizes({term: value for term, value in dividends.items() if term})
    largest = max(terms.values(), default=0.0)
    if not largest:
        return []
    places = max(2, 1 - int(np.floor(np.log10(largest))))
    return top(terms, places)


def describe_largest(
    dividends: Mapping[str, float], markup: Markup = PLAIN, towards: str = ""
) -> str:
    """Return the largest contribution as a title, or all that are equal as written.

    Args:
        dividends: by coalition, the baseline under "".
        towards: text after the values, such as " for ‘yes’".
    """
    largest = largest_terms(dividends)
    if not largest:
        return NOTHING_CHANGES
    named = largest[:MAX_NAMED]
    values = listed(list(dict.fromkeys(format_contribution(dividends[term]) for term in named)))
    members = [[markup.escape(name) for name in term.split("+")] for term in named]
    if len(largest) == 1:
        together = len(members[0]) > 1
        return LARGEST_ONE.format(
            names=capitalise(listed(members[0]) + (" together" if together else "")),
            contribute="contribute" if together else "contributes",
            values=values + towards,
        )
    names = listed(
        [f"{listed(part)} {'together' if len(part) > 1 else 'alone'}" for part in members]
    )
    if len(largest) > MAX_NAMED:
        names = MORE.format(names=names, more=len(largest) - MAX_NAMED)
    return LARGEST_SEVERAL.format(names=capitalise(names), values=values + towards)
