"""Texts about joint shares of models on the leaderboard."""

import pandas as pd

from qfusion.study import text


def describe_joint_share(table: pd.DataFrame, metric: str) -> str:
    """Return how much of its decisions the model with the best result makes jointly, or those with results written
    alike, and the range over all.

    Args:
        table: a row a model with `label`, `mean` and `percent`, the best result first. metric: what the result is.
    """
    percent = table["percent"]
    written = table["mean"].map("{:.3f}".format)
    best = table[written == written.iloc[0]]
    if len(best) == 1:
        name = text.escape_markdown(best["label"].iloc[0])
        words = f"{name}, the best by {metric}, has a joint share of {percent.iloc[0]:.0f}%"
    else:
        words = (
            f"The {len(best)} models with the best {metric} have a joint share of "
            f"{_range(best['percent'])}"
        )
    if len(table) == 1:
        return words
    return f"{words}; all models {_range(percent)}"


def _range(percent: pd.Series) -> str:
    """Return the lowest and the highest of some shares in per cent; one number where they are written alike."""
    low = f"{percent.min():.0f}"
    high = f"{percent.max():.0f}"
    return f"{high}%" if low == high else f"{low} to {high}%"
