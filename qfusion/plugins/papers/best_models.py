"""What the best models on the leaderboard have, in a title."""

import pandas as pd

from qfusion.study import text

JOINT_SHARE = "a joint share of {amount} over all outputs"


def describe_best(table: pd.DataFrame, metric: str, column: str, one: str, unit: str = "") -> str:
    """Return what the model with the best result has, or those with results written alike, and the range over all.

    Args:
        table: a row a model with `label`, `mean` and the column, the best result first.
        metric: what the result is.
        column: of the table, of numbers.
        one: what they are, with a field `{amount}`.
        unit: written after a number.
    """
    numbers = table[column]
    written = table["mean"].map("{:.3f}".format)
    best = table[written == written.iloc[0]]
    if len(best) == 1:
        first = f"{text.escape_markdown(best['label'].iloc[0])} is"
    else:
        first = f"{len(best)} models are"
    words = f"{first} the best by {metric}, with {one.format(amount=_range(best[column], unit))}"
    if len(table) == 1:
        return words
    return f"{words}; all models {_range(numbers, unit)}"


def _range(numbers: pd.Series, unit: str) -> str:
    """Return the lowest and the highest of some numbers; one number where they are written alike."""
    low = f"{numbers.min():,.0f}"
    high = f"{numbers.max():,.0f}"
    return f"{high}{unit}" if low == high else f"{low} to {high}{unit}"
