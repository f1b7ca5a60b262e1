"""Which terms of a decision are shown one by one: of many joint terms only the largest."""

from collections.abc import Mapping, Sequence

from qfusion.data.coalition_terms import split_term

MAX_JOINT = 11  # joint terms that are shown one by one: all of them up to four modalities


def select_shown_terms(
    dividends: Sequence[Mapping[str, float]],
) -> tuple[list[str], list[str]]:
    """Return the terms to show one by one, and the smallest joint terms, which are shown as their sum.

    Args:
        dividends: contribution of each term in each of some decisions; joint terms are ranked by the sum of their
            sizes.

    Returns:
        Names of the shown terms, by size of the coalition, and of all others in alphabetical order.
    """

    def total_size(term: str) -> float:
        return sum(abs(contributions[term]) for contributions in dividends)

    terms = sorted((term for term in dividends[0] if term), key=lambda term: len(split_term(term)))
    joint = [term for term in terms if len(split_term(term)) > 1]
    if len(joint) <= MAX_JOINT + 1:
        return terms, []
    largest_first = sorted(joint, key=total_size, reverse=True)
    others = sorted(largest_first[MAX_JOINT:])
    return [term for term in terms if term not in set(others)], others
