"""What the first rows of a table tell about its columns, before anything else is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import table_columns
from qfusion.data.file_words import MAX_CHARACTERS, SPLIT_WORDS
from qfusion.data.table_files import SPLIT, Table, is_list, is_numeric, is_plain, open_table

SHOWN_ROWS = 5
MAX_COLUMNS = 20_000
_MAX_ROWS = 1000  # that are looked at
_MAX_CELL = 60  # characters of a cell that are shown


@dataclass(frozen=True, eq=False)
class TablePreview:
    """The columns of a table by their names and first rows.

    Attributes:
        file: name of the file.
        columns: names of the columns, in order, without numbers of rows.
        numeric: columns of numbers, truth values or lists of numbers, which can be features.
        lists: those that hold lists.
        split: the column that is called like a split and holds its parts, or None.
        rows: the first rows as text, every column of `columns`.
    """

    file: str
    columns: tuple[str, ...]
    numeric: frozenset[str]
    lists: frozenset[str]
    split: str | None
    rows: pd.DataFrame


def preview_table(path: Path) -> TablePreview:
    """Return a preview of a table.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when its header or its first rows cannot be read.
    """
    _read_only.check_allowed("import data")
    return preview_columns(open_table(path))


def preview_columns(table: Table) -> TablePreview:
    """Return a preview of a table whose header has been read."""
    columns = tuple(
        name
        for name in table.columns
        if not table_columns.is_unnamed(name) and name not in table.index
    )
    _check_columns(table.path.name, columns)
    batch = table.read_first_rows(list(columns)) if columns else None
    first = {}
    if batch is not None:
        first = {name: batch.column(place)[:_MAX_ROWS] for place, name in enumerate(columns)}
    return TablePreview(
        table.path.name,
        columns,
        frozenset(name for name, values in first.items() if _may_be_feature(values.type)),
        frozenset(name for name, values in first.items() if is_list(values.type)),
        _find_split(table, first),
        pd.DataFrame(
            {name: _show_cells(values[:SHOWN_ROWS]) for name, values in first.items()},
            columns=columns,
        ),
    )


def _check_columns(file: str, columns: tuple[str, ...]) -> None:
    """Check that the columns can be chosen by their names."""
    check(
        len(columns) <= MAX_COLUMNS,
        f"Table `{file}` must have at most {MAX_COLUMNS:,} columns, but has {len(columns):,}. Save an array for each "
        "modality as .npy, and a table of labels.",
    )
    longest = max(columns, key=len, default="")
    check(
        len(longest) <= MAX_CHARACTERS,
        f"Columns of `{file}` must have names of at most {MAX_CHARACTERS} characters, but one has {len(longest):,}, "
        f"which begins {longest[:40]!r}. Shorten it.",
    )


def _may_be_feature(kind: pa.DataType) -> bool:
    """Whether a column of this type can be features; a column without any value can."""
    if pa.types.is_nested(kind):
        return is_plain(kind)
    return is_numeric(kind) or pa.types.is_null(kind)


def _find_split(table: Table, first: dict[str, pa.Array]) -> str | None:
    """Return the column that is called like a split, if its first rows hold only parts of a split."""
    column = table.column(SPLIT)
    if column not in first or not pa.types.is_string(first[column].type):
        return None
    words = {str(word or "").strip().lower() for word in first[column].to_pylist()}
    return column if words <= SPLIT_WORDS.keys() and words != {""} else None


def _show_cells(values: pa.Array) -> Sequence[str]:
    """Return cells as short words."""
    return [_shorten(value) for value in values]


def _shorten(value: pa.Scalar) -> str:
    if not value.is_valid:
        return ""
    if pa.types.is_nested(value.type):
        return f"{len(value)} values" if hasattr(value, "__len__") else "values"
    if isinstance(value, pa.StringScalar | pa.LargeStringScalar):
        words = value.as_py()
        return words if len(words) <= _MAX_CELL else words[: _MAX_CELL - 1] + "…"
    if isinstance(value, pa.BinaryScalar | pa.LargeBinaryScalar | pa.FixedSizeBinaryScalar):
        return "bytes"
    if pa.types.is_floating(value.type):
        return f"{value.as_py():.5g}"
    return str(value.as_py())[:_MAX_CELL]
