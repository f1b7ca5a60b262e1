"""Texts about the columns of one table that is imported."""

from collections.abc import Sequence

from qfusion._sentences import count

GUESSED = "Roles are guessed from the names of the columns."
GUESSED_FULL = (
    "Roles are guessed from the names of the columns. Change what is wrong, and press Examine. Columns of a modality "
    "must hold numbers. Columns without a role are kept to show and to filter by."
)
PATTERNS = (
    "The columns of each modality, separated by commas. `text_*` stands for every column whose name begins with "
    "`text_`. To move one column to another modality, write its full name there."
)
DRAWN_SPLIT = "A random split by a fixed seed, stratified by the label: 60 % train, 10 % validation, 30 % test."
_SHOWN = 3


def describe_features(columns: Sequence[str]) -> str:
    """Return how many columns a modality has, and the first ones."""
    return f"{count(len(columns), 'column')}: {_first_names(columns)}."


def describe_others(columns: Sequence[str]) -> str:
    """Return which columns have no role."""
    verb = "is" if len(columns) == 1 else "are"
    return (
        f"{count(len(columns), 'other column')} {verb} kept to show and to filter by: "
        f"{_first_names(columns)}."
    )


def _first_names(columns: Sequence[str]) -> str:
    shown = ", ".join(f"`{name[:40]}`" for name in columns[:_SHOWN])
    rest = len(columns) - _SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown
