"""Columns of a table that number its rows, by their names, and columns that are empty."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from qfusion.data import table_columns
from qfusion.data.table_files import Table, is_nested


def find_row_numbers(table: Table, own: Collection[str | None]) -> list[str]:
    """Return the columns of a table, except `own`, that are called like numbers of rows."""
    return [
        name
        for name in table.columns
        if name not in own
        and (
            table_columns.is_unnamed(name)
            or table_columns.is_called_index(name)
            or name in table.index
        )
    ]


def is_empty(table: Table, name: str) -> bool:
    """Return whether all cells of a column are empty or blank."""
    if is_nested(table.kinds.get(name)):
        return False
    batches = table.batches([name], (name,))
    return not any(word and word.strip() for b in batches for word in b.column(0).to_pylist())


def read_column(table: Table, name: str) -> np.ndarray:
    """Return a column of numbers, (n,)."""
    pieces = [batch.column(0) for batch in table.batches([name])]
    return np.asarray(pa.chunked_array(pieces, pa.float64()).to_numpy())
