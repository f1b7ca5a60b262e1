"""Read the table of a measured game from a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from qfusion._checks import check
from qfusion.data import files, table_columns
from qfusion.data.table_files import is_nested, is_numeric, open_table

TABLES = (".csv", ".tsv", ".parquet")
MAX_ROWS = 2**22  # of a table
NUMBERS = ("value", "error", "contribution_error")


def is_unnamed(name: str) -> bool:
    """Return whether a column has no name, or the name that pandas gives to a column without one."""
    return table_columns.is_unnamed(name)


def read_frame(path: Path) -> pd.DataFrame:
    """Return a table as a data frame, the cells of a CSV file as text.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it cannot be read, or has too many rows.
    """
    files.check_size(path.name, files.file_size(path))
    table = open_table(path)
    names = [name for name in table.columns if not is_unnamed(name)]
    for name in names:
        check(
            not is_nested(table.kinds.get(name)),
            f"Column `{name[:60]}` of `{path.name}` must hold one number or word in every row, but holds lists.",
        )
    words = tuple(name for name in names if not is_numeric(table.kinds.get(name, pa.string())))
    batches, rows = [], 0
    for batch in table.batches(names, words, numbers=not table.kinds):
        rows += len(batch)
        check(
            rows <= MAX_ROWS,
            f"Table `{path.name}` must have at most {MAX_ROWS:,} rows, but has more. Import fewer samples.",
        )
        batches.append(batch)
    if not batches:
        return pd.DataFrame(columns=names)
    frame = pa.Table.from_batches(batches).to_pandas()
    if table.decimal == ",":
        for name in NUMBERS:
            if name in frame:
                frame[name] = frame[name].str.replace(",", ".", regex=False)
    return frame
