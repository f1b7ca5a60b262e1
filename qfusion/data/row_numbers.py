"""Columns of a table that number its rows or its samples, by their names and by their values."""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from qfusion.data import table_columns
from qfusion.data.table_files import Table, is_nested


def find_named_row_numbers(table: Table, own: Collection[str | None]) -> list[str]:
    """Return the columns of a table, except `own`, that are numbers of rows by their names."""
    numbering = []
    for name in table.columns:
        if name in own:
            continue
        if table_columns.is_unnamed(name) or name in table.index:
            numbering.append(name)
        elif table_columns.is_called_index(name) and not is_nested(table.kinds.get(name)):
            words = [
                word for b in table.batches([name], (name,)) for word in b.column(0).to_pylist()
            ]
            if table_columns.names_rows([word or "" for word in words]):
                numbering.append(name)
    return numbering


def is_empty(table: Table, name: str) -> bool:
    """Return whether all cells of a column are empty or blank."""
    if is_nested(table.kinds.get(name)):
        return False
    batches = table.batches([name], (name,))
    return not any(word and word.strip() for b in batches for word in b.column(0).to_pylist())


def find_counting_columns(table: Table, names: Sequence[str], rows: np.ndarray) -> list[str]:
    """Return the columns that count the rows of the file, or the samples.

    Args:
        table: of features.
        names: of the columns.
        rows: the row of the sample of each row of the table, -1 for none.
    """
    single = [name for name in names if not is_nested(table.kinds.get(name))]
    first = next(table.batches(single), None) if single else None
    if first is None or len(rows) < table_columns.FEW:
        return []
    values = np.column_stack([column.to_numpy(zero_copy_only=False) for column in first.columns])
    may_count = _count_rows(values, rows[: len(values)])
    return [
        name
        for name, may in zip(single, may_count, strict=True)
        if may and _count_rows(read_column(table, name)[:, None], rows).all()
    ]


def _count_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which columns count the rows, or the samples at `rows`, bool (F,)."""
    real = rows >= 0
    of_file = table_columns.counts(values, np.arange(len(values)))
    return of_file | table_columns.counts(values[real], rows[real])


def read_column(table: Table, name: str) -> np.ndarray:
    """Return a column of numbers, (n,)."""
    pieces = [batch.column(0) for batch in table.batches([name])]
    return np.asarray(pa.chunked_array(pieces, pa.float64()).to_numpy())
