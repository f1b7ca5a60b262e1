"""Names of coalitions: the modalities of a subset, joined by "+"."""

from collections.abc import Sequence
from itertools import combinations

from qfusion._checks import MOST_MODALITIES, require_few_modalities

MANY_MODALITIES = 8  # with 256 coalitions, from which on their number is announced


def coalition_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all subsets of modalities, by size, then in their order: "", "text", ..., "text+audio", ...

    >>> coalition_names(["text", "audio"])
    ('', 'text', 'audio', 'text+audio')

    Raises:
        InvalidInput: when there are more than 12 modalities.
    """
    require_few_modalities("A model", len(names))
    subsets: list[tuple[str, ...]] = []
    for size in range(len(names) + 1):
        subsets += combinations(names, size)
    return tuple("+".join(subset) for subset in subsets)


def split_term(term: str) -> tuple[str, ...]:
    """Return the modalities of a coalition: `"text+audio"` -> `("text", "audio")`, `""` -> `()`.

    Example:
        >>> from qfusion.data.coalition_terms import split_term
        >>> split_term("text+audio")
        ('text', 'audio')
    """
    return tuple(part for part in term.split("+") if part)


def describe_coalition_count(count: int) -> str:
    """Return a sentence on the number of coalitions of `count` modalities if they are many, else an empty string."""
    if count < MANY_MODALITIES:
        return ""
    return (
        f"{count} modalities have {2**count:,} coalitions, and all of them are explained: every modality more doubles "
        f"their number and the time that explanations take (at most {MOST_MODALITIES} modalities)."
    )
