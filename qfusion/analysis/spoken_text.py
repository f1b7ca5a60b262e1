"""Columns of a table of samples that contain the spoken text."""

import pandas as pd

SPOKEN = ("text", "transcript")


def spoken_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns of a table of samples that contain the spoken text."""
    return [name for name in SPOKEN if name in rows.columns]
