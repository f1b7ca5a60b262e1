"""Open tables: CSV files, Parquet files and frames of pandas; and their columns by names, types and first rows.

A CSV file is read by pyarrow; only its header and first lines are looked at before, which tell its notation.
"""

import contextlib
import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import array_chunks, files, parsing
from qfusion.data.column_roles import TablePreview
from qfusion.data.parsing import MAX_CHARACTERS, SPLIT_NAMES
from qfusion.data.readers.table import (
    Table,
    can_be_feature,
    decoded_kind,
    is_binary,
    is_picture,
    is_plain,
    is_word,
)
from qfusion.errors import InvalidInput

SHOWN_ROWS = 5


MAX_COLUMNS = 20_000


_MAX_CELL = 60  # characters of a cell that are shown


_PEEK = 1 << 16  # characters that tell how a file is written


_BLOCK = 1 << 23  # bytes of a CSV file that are parsed together


_CONVERT = (
    'Convert it once, which reads it in pieces: python -c "from pyarrow import dataset as d; d.write_dataset('
    "d.dataset('{path}', format='csv'), 'converted', format='parquet')\"; then give the file in `converted`."
)


def open_table(source: Path | pd.DataFrame) -> Table:
    """Return the table in a file or a frame; of a file only the beginning is read.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when its header cannot be read, or a CSV file is larger than the memory.
    """
    if isinstance(source, pd.DataFrame):
        return _open_frame(source)
    size = files.file_size(source)
    is_parquet = source.suffix.lower() == ".parquet"
    if is_parquet:
        files.require_signature(source, "a Parquet file")
    else:
        files.require_signature(source, "a table of text", "empty")
        files.check_size(source.name, size, _CONVERT.format(path=source.name))
    with files.misread(
        f"Table `{source.name}` cannot be read",
        "Save it as UTF-8 text with a header, or as Parquet.",
        *(pa.ArrowException, UnicodeError, csv.Error),
        why="{words:.160}",
    ):
        return _open_parquet(source) if is_parquet else _open_csv(source, size)


def _open_frame(frame: pd.DataFrame) -> Table:
    check(len(frame) > 0, "Argument `data` is a frame without rows.")
    names = [str(name) for name in frame.columns]
    _check_distinct("frame", names)
    columns = []
    classes = {}
    for name, (_, column) in zip(names, frame.items(), strict=True):
        columns.append(_arrow_column(column))
        if isinstance(column.dtype, pd.CategoricalDtype):
            classes[name] = list(map(str, column.cat.remove_unused_categories().cat.categories))
    table = pa.table(columns, names)

    def read(columns: list[str], _: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        yield from table.select(columns).combine_chunks().to_batches()

    kinds = dict(zip(names, table.schema.types, strict=True))
    return Table("frame", kinds, read, class_names=classes)


def _arrow_column(column: pd.Series) -> pa.Array:
    """Return a column of a frame as Arrow holds it; what it cannot hold becomes text."""
    first = next((cell for cell in column if cell is not None), None)
    if isinstance(first, (list, tuple, np.ndarray)):
        column = pd.Series([None if cell is None else np.asarray(cell).tolist() for cell in column])
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    try:
        return pa.array(column.to_numpy(), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(column.astype(str).to_numpy())


def _open_parquet(path: Path) -> Table:
    schema = pa.parquet.read_schema(path)
    _check_distinct(path.name, schema.names)
    saved: Any = None
    with contextlib.suppress(ValueError, RecursionError):  # it is JSON, whoever wrote it
        saved = schema.pandas_metadata
    index = saved.get("index_columns") if isinstance(saved, dict) else None
    kinds = dict(zip(schema.names, map(decoded_kind, schema.types), strict=True))

    def read(columns: list[str], _: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        file = pa.parquet.ParquetFile(path)
        # What is deeply nested cannot be read by some versions of Arrow, and is never used.
        readable = [name for name in columns if is_plain(kinds[name]) or is_picture(kinds[name])]
        for batch in file.iter_batches(_rows_at_once(file), columns=readable, use_threads=False):
            batch.validate(full=True)  # such as words that are not UTF-8
            arrays = []
            for name in columns:
                array = (
                    batch.column(name) if name in readable else pa.nulls(len(batch), kinds[name])
                )
                arrays.append(array.cast(kinds[name]))
            yield pa.RecordBatch.from_arrays(arrays, names=columns)

    known = frozenset(filter(index.count, schema.names)) if isinstance(index, list) else frozenset()
    classes = _huggingface_classes(schema.metadata)
    return Table(path.name, kinds, read, known, class_names=classes)


def _huggingface_classes(metadata: Any) -> dict[str, list[str]]:
    """Return the names of the classes that Hugging Face's `datasets` writes into a file, by column."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {
            key: list(map(str, value["names"]))
            for key, value in features.items()
            if value.get("names")
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _rows_at_once(file: pa.parquet.ParquetFile) -> int:
    """Return how many rows of a Parquet file make some 32 MiB."""
    size = 0
    for group in range(file.num_row_groups):
        for place in range(file.metadata.num_columns):
            chunk = file.metadata.row_group(group).column(place)
            size += chunk.num_values * max(8, file.schema.column(place).length)
    rows = array_chunks.BYTES * file.metadata.num_rows // max(1, size)
    return max(1, min(65_536, rows))


def _open_csv(path: Path, size: int) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline(1 << 24)
        beginning = file.read(_PEEK)
    delimiter = max(",;\t", key=line.count)
    header = next(csv.reader([line], delimiter=delimiter), [])
    rows = _first_rows(beginning, delimiter)
    _check_header(path.name, line, header)
    cells = list(map(str.strip, itertools.chain(*rows)))
    # Commas are no delimiters there, so that they can only be decimal ones.
    has_comma = delimiter != "," and parsing.has_decimal_comma(cells)
    decimal = "," if has_comma and not parsing.has_decimal_point(cells) else "."
    is_short = bool(rows) and len(rows[0]) == len(header) + 1
    if is_short:  # a delimiter ends every row, or the rows begin with names that have no header
        header = [*header, ""] if rows[0][-1] == "" else ["", *header]

    def stream(
        columns: list[str], types: dict[str, pa.DataType], block: int
    ) -> pa.csv.CSVStreamingReader:
        names = header if is_short else None
        return pa.csv.open_csv(
            path,
            pa.csv.ReadOptions(
                use_threads=False, column_names=names, skip_rows=int(is_short), block_size=block
            ),
            pa.csv.ParseOptions(delimiter=delimiter),
            pa.csv.ConvertOptions(
                column_types=types,
                include_columns=columns,
                strings_can_be_null=False,
                decimal_point=decimal,
            ),
        )

    def read(columns: list[str], types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        known = dict(types)
        for name, kind in types.items():  # truth values are read as such
            if pa.types.is_boolean(kinds[name]) and kind == pa.float64():
                known[name] = pa.bool_()
        # What a column holds is told by the bytes that are parsed together, all of them where nobody says it.
        is_said = set(columns) <= types.keys()
        yield from stream(columns, known, _BLOCK if is_said else min(size + 1, (1 << 31) - 1))

    first = stream(header, {}, _BLOCK).schema.types if rows else [pa.null()] * len(header)
    kinds = dict(zip(header, first, strict=True))
    return Table(path.name, kinds, read, decimal_comma=delimiter != ",", is_text=True)


def _first_rows(beginning: str, delimiter: str) -> list[list[str]]:
    """Return the cells of the first lines after the header, without the last one, which may be cut."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        lines = csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter)
        rows.extend(filter(None, itertools.islice(lines, 200)))
    return rows[:-1] if len(beginning) == _PEEK else rows


def _check_header(name: str, line: str, columns: Sequence[str]) -> None:
    is_number = ~np.isnan(parsing.parse_numbers(columns))
    roles = (
        *parsing.ID_NAMES,
        *parsing.LABEL_NAMES,
        *SPLIT_NAMES,
        *parsing.STEP_NAMES,
        *parsing.TEXT_NAMES,
    )
    check(
        not is_number.any() or parsing.find_name(columns, roles) is not None,
        f"Table `{name}` must begin with a line of column names, such as id,pitch,energy, but its first line holds "
        f"numbers ({line.strip()[:60]!r}): it seems to have no header. Add one; or save the array by numpy.save as "
        ".npy, which needs none.",
    )
    named = list(itertools.filterfalse(parsing.is_unnamed, columns))
    check(
        len(named) > 0,
        f"Table `{name}` must begin with a line of distinct column names, but "
        f"{f'begins {line[:60]!r}. Add a header' if line else 'the file is empty. Copy it again'}.",
    )
    _check_distinct(name, named)


def _check_distinct(file: str, names: Sequence[str]) -> None:
    """Check that no column has the name of one before it."""
    columns = pd.Series(names, dtype=object)
    repeated = columns[columns.duplicated()].unique().tolist()
    check(
        not repeated,
        f"Table `{file}` must have distinct column names, but repeats {parsing.quote_columns(repeated)}. Rename "
        "or drop the repeated ones.",
    )


def preview_table(path: Path) -> TablePreview:
    """Return a preview of a table in a file, with its first rows.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when its header or its first rows cannot be read.
    """
    _read_only.check_allowed("import data")
    table = open_table(path)
    columns = [name for name in table.columns if name not in table.row_numbers()]
    first = next(table.batches(columns, {}), None) if columns else None
    rows = {}
    if first is not None:
        for name in columns:
            rows[name] = list(map(_shorten, first.column(name)[:SHOWN_ROWS]))
    return describe_columns(table, pd.DataFrame(rows, columns=columns))


def describe_columns(table: Table, rows: pd.DataFrame | None = None) -> TablePreview:
    """Return what the names and types of a table's columns tell.

    Raises:
        InvalidInput: when there are too many columns, or the name of one is too long.
    """
    kinds = {
        name: kind
        for name, kind in table.kinds.items()
        if not parsing.is_unnamed(name) and name not in table.index
    }
    columns = tuple(kinds)
    check(
        len(columns) <= MAX_COLUMNS,
        f"Table `{table.name}` must have at most {MAX_COLUMNS:,} columns, but has {len(columns):,}. Save an array for "
        "each modality as .npy, and a table of labels.",
    )
    longest = max(columns, key=len, default="")
    check(
        len(longest) <= MAX_CHARACTERS,
        f"Columns of `{table.name}` must have names of at most {MAX_CHARACTERS} characters, but one has "
        f"{len(longest):,}, which begins {longest[:40]!r}. Shorten it.",
    )
    return TablePreview(
        table.name,
        columns,
        frozenset(compress(columns, map(can_be_feature, kinds.values()))),
        frozenset(compress(columns, map(pa.types.is_nested, kinds.values()))),
        _find_split(table),
        pd.DataFrame() if rows is None else rows,
    )


def _find_split(table: Table) -> str | None:
    """Return the column that is called like a split, if it holds nothing but parts of a split."""
    column = table.find(SPLIT_NAMES)
    if column is None or not is_word(table.kinds[column]):
        return None
    with contextlib.suppress(InvalidInput):
        if parsing.parse_split(table.words([column])[0], column).any():
            return column
    return None


def _shorten(value: pa.Scalar) -> str:
    """Return a cell in a few characters."""
    if not value.is_valid:
        return ""
    if pa.types.is_nested(value.type):
        return f"{len(value)} values" if hasattr(value, "__len__") else "values"
    if is_binary(value.type):
        return "bytes"
    if pa.types.is_floating(value.type):
        return f"{value.as_py():.5g}"
    words = str(value.as_py())
    return words if len(words) <= _MAX_CELL else words[: _MAX_CELL - 1] + "…"
