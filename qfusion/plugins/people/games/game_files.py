"""Read the table of a measured game from a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from qfusion._checks import check
from qfusion.data import files, parsing
from qfusion.data.readers.table import is_numeric
from qfusion.data.readers.table_files import open_table

TABLES = (".csv", ".tsv", ".parquet")
MAX_ROWS = 2**22  # of a table
NUMBERS = ("value", "error", "contribution_error")


def is_unnamed(name: str) -> bool:
    """Return whether a column has no name, or the name that pandas gives to a column without one."""
    return parsing.is_unnamed(name)


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
            not pa.types.is_nested(table.kinds[name]),
            f"Column `{name[:60]}` of `{path.name}` must hold one number or word in every row, but holds lists.",
        )
    count = table.count_rows()
    check(
        count <= MAX_ROWS,
        f"Table `{path.name}` must have at most {MAX_ROWS:,} rows, but has {count:,}. Import fewer samples.",
    )
    if count == 0:
        return pd.DataFrame(columns=names)
    # the cells of a CSV file stay as they are written
    frame = pd.DataFrame(
        {
            name: table.frame([name])[name]
            if not table.is_text and is_numeric(table.kinds[name])
            else table.words([name])[0]
            for name in names
        }
    )
    if table.decimal_comma:
        for name in NUMBERS:
            if name in frame:
                frame[name] = frame[name].str.replace(",", ".", regex=False)
    return frame
