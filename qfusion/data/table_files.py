"""A CSV or Parquet file: its columns, its format, and its rows in pieces."""

import contextlib
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from qfusion._checks import check
from qfusion.data import files, number_words, set_digest, signatures, table_columns

IDS = ("id", "ids", "sample", "sample_id", "segment", "key")
LABELS = ("label", "labels", "y", "target", "score", "sentiment", "class", "annotation")
SPLIT, STEP, TEXT = (
    ("split", "mode", "part"),
    ("step", "time", "frame"),
    ("text", "raw_text", "transcript"),
)
_PEEK = 1 << 16  # characters that tell how a file is written
_BLOCK = 1 << 23  # bytes of a CSV file that are parsed together


@dataclass(frozen=True)
class Table:
    """A CSV or Parquet file: its columns, and its rows in pieces.

    Attributes:
        path: of the file.
        columns: their names; several may have none.
        delimiter, decimal: between the cells of a CSV file, and before the decimals.
        header_is_short: whether the first line has a cell less than the others, which then is one without a name.
        truths: columns of a CSV file that hold True and False.
        index: columns of a Parquet file that pandas has saved as its index.
        kinds: types of the columns of a Parquet file.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str = ","
    decimal: str = "."
    header_is_short: bool = False
    truths: frozenset[str] = frozenset()
    index: tuple[str, ...] = ()
    kinds: Mapping[str, pa.DataType] = field(default_factory=dict)

    def column(self, known: tuple[str, ...]) -> str | None:
        """Return the first column called one of `known`, whatever its capitals."""
        lower = {name.strip().lower(): name for name in reversed(self.columns)}
        return next((lower[name] for name in known if name in lower), None)

    def _column_type(self, name: str, words: tuple[str | None, ...]) -> pa.DataType:
        """Return the type of a column of a CSV file: text, truth values or numbers."""
        if name in words:
            return pa.string()
        return pa.bool_() if name in self.truths else pa.float64()

    def batches(
        self, columns: list[str], words: tuple[str | None, ...] = (), numbers: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns in batches. Columns in `words` are read as text, the others as numbers if
        `numbers` is set.
        """
        with files.misread(
            f"Table `{self.path.name}` cannot be read",
            "Every line must have as many cells as the others, and every column but the id must hold numbers: mend the "
            "line, or mend or drop the column.",
            *(pa.ArrowException, UnicodeError),
        ):
            if self.path.suffix.lower() != ".parquet":
                types = {
                    name: self._column_type(name, words)
                    for name in columns
                    if name in words or numbers
                }
                # What a column holds is told by the bytes that are parsed together, so that these have to be all where
                # nobody says it.
                whole_file = min(files.file_size(self.path) + 1, (1 << 31) - 1)
                for batch in self._open_csv(columns, types, _BLOCK if numbers else whole_file):
                    yield _cast_truth_values(batch) if numbers else batch
            else:
                whole = pa.parquet.ParquetFile(self.path)
                chunks = [
                    (whole.schema.column(i), whole.metadata.row_group(group).column(i))
                    for group in range(whole.num_row_groups)
                    for i in range(whole.metadata.num_columns)
                ]
                size = sum(chunk.num_values * max(8, leaf.length) for leaf, chunk in chunks)
                rows = min(65_536, set_digest.BYTES * whole.metadata.num_rows // max(1, size))
                kinds = {name: whole.schema_arrow.field(name).type for name in columns}
                for batch in whole.iter_batches(
                    max(1, rows),
                    columns=[name for name in columns if is_plain(kinds[name])],
                    use_threads=False,
                ):
                    batch.validate(full=True)  # such as words that are not UTF-8
                    yield pa.RecordBatch.from_arrays(
                        [
                            _cast(
                                batch.column(name)
                                if is_plain(kind)
                                else pa.nulls(len(batch), kind),
                                name,
                                self.path,
                                name in words,
                                numbers,
                            )
                            for name, kind in kinds.items()
                        ],
                        names=columns,
                    )

    def read_first_rows(self, columns: list[str]) -> pa.RecordBatch | None:
        """Return the first rows of some columns, with the types that the values suggest; None if there are no rows."""
        if self.path.suffix.lower() == ".parquet":
            return next(self.batches(columns, numbers=False), None)
        with files.misread(
            f"Table `{self.path.name}` cannot be read",
            "Every line must have as many cells as the others: mend the line.",
            *(pa.ArrowException, UnicodeError),
        ):
            return next(iter(self._open_csv(columns, {}, _BLOCK)), None)

    def _open_csv(
        self, columns: list[str], types: Mapping[str, pa.DataType], block: int
    ) -> pa.csv.CSVStreamingReader:
        """Open a CSV file that is parsed in blocks of so many bytes."""
        return pa.csv.open_csv(
            self.path,
            pa.csv.ReadOptions(
                use_threads=False,
                column_names=list(self.columns) if self.header_is_short else None,
                skip_rows=1 if self.header_is_short else 0,
                block_size=block,
            ),
            pa.csv.ParseOptions(delimiter=self.delimiter),
            pa.csv.ConvertOptions(
                column_types=types,
                include_columns=columns,
                strings_can_be_null=False,
                decimal_point=self.decimal,
            ),
        )


def _cast_truth_values(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows with Boolean columns converted to numbers, 1 and 0."""
    columns = [
        column.cast(pa.float64()) if pa.types.is_boolean(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _cast(column: pa.Array, name: str, path: Path, word: bool, numbers: bool) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if word:
        check(
            not pa.types.is_nested(column.type),
            f"Column `{name[:60]}` of `{path.name}` must hold one word or number in every row, but holds lists "
            f"({str(column.type)[:60]}). Write one in each row.",
        )
        return _cast_to_words(column)
    if not numbers or (pa.types.is_nested(column.type) and is_plain(column.type)):
        return column
    check(
        is_numeric(column.type) or pa.types.is_null(column.type),
        f"Column `{name[:60]}` of `{path.name}` must hold numbers, but has type {column.type}. Drop it "
        "or convert it.",
    )
    return column.cast(pa.float64(), safe=False)


def _cast_to_words(column: pa.Array) -> pa.Array:
    """A column as text; whole numbers that were saved as floats or decimals are written without a point."""
    if pa.types.is_decimal(column.type):
        return pa.compute.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")
    if not pa.types.is_floating(column.type):
        return column.cast(pa.string())
    column = column.cast(pa.float64())
    known = pa.compute.if_else(pa.compute.is_nan(column), None, column)
    numbers = known.drop_null().to_numpy(zero_copy_only=False)
    if (numbers == np.round(numbers)).all() and (np.abs(numbers) < 2**63).all():
        known = known.cast(pa.int64())
    return known.cast(pa.string())


def open_table(path: Path) -> Table:
    """Return a table; InvalidInput when its header cannot be read."""
    files.file_size(path)
    if path.suffix.lower() == ".parquet":
        signatures.require(path, "a Parquet file")
    else:
        signatures.require(path, "a table of text", "empty")
    with files.misread(
        f"Table `{path.name}` cannot be read",
        "Save it as UTF-8 text with a header, or as Parquet.",
        *(pa.ArrowException, UnicodeError, csv.Error),
        why="{words:.160}",
    ):
        if path.suffix.lower() == ".parquet":
            return _open_parquet(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(1 << 24)
            beginning = file.read(_PEEK)
        delimiter = max(",;\t", key=line.count)
        columns = tuple(next(csv.reader([line], delimiter=delimiter), []))
    rows = _first_rows(beginning, delimiter)
    _check_header(path.name, line, columns)
    cells = [cell.strip() for row in rows for cell in row]
    # Commas are no delimiters there, so that they can only be decimal ones.
    has_comma = delimiter != "," and number_words.has_decimal_comma(cells)
    decimal = "," if has_comma and not number_words.has_decimal_point(cells) else "."
    is_short = bool(rows) and len(rows[0]) == len(columns) + 1
    if is_short:  # a delimiter ends every row, or the rows begin with names that have no header
        columns = (*columns, "") if rows[0][-1] == "" else ("", *columns)
    return Table(path, columns, delimiter, decimal, is_short, _truths(columns, rows))


def _truths(columns: tuple[str, ...], rows: list[list[str]]) -> frozenset[str]:
    """Return the columns whose first cells are True, False or empty, but not all empty."""
    truths = set()
    for place, name in enumerate(columns):
        cells = {row[place].lower() for row in rows if place < len(row)} - {""}
        if cells and cells <= {"true", "false"}:
            truths.add(name)
    return frozenset(truths)


def _first_rows(beginning: str, delimiter: str) -> list[list[str]]:
    """The cells of the first lines after the header, without the last one, which may be cut."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        lines = csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter)
        rows.extend(row for row in itertools.islice(lines, 200) if row)
    return rows[:-1] if len(beginning) == _PEEK else rows


def _open_parquet(path: Path) -> Table:
    schema = pa.parquet.read_schema(path)
    _check_distinct(path.name, schema.names)
    saved: Any = None
    with contextlib.suppress(ValueError, RecursionError):  # it is JSON, whoever wrote it
        saved = schema.pandas_metadata
    index = saved.get("index_columns") if isinstance(saved, dict) else None
    named = [name for name in index if name in schema.names] if isinstance(index, list) else []
    return Table(
        path,
        tuple(schema.names),
        index=tuple(named),
        kinds=dict(zip(schema.names, schema.types, strict=True)),
    )


def _check_header(name: str, line: str, columns: tuple[str, ...]) -> None:
    numbers = ~np.isnan(number_words.parse_numbers(columns))
    lower = {column.strip().lower() for column in columns}
    check(
        not numbers.any() or bool(lower & {*IDS, *LABELS, *SPLIT, *STEP, *TEXT}),
        f"Table `{name}` must begin with a line of column names, such as id,pitch,energy, but its first line holds "
        f"numbers ({line.strip()[:60]!r}): it seems to have no header. Add one; or save the array by numpy.save as "
        ".npy, which needs none.",
    )
    named = [column for column in columns if not table_columns.is_unnamed(column)]
    check(
        len(named) > 0,
        f"Table `{name}` must begin with a line of distinct column names, but "
        f"{f'begins {line[:60]!r}. Add a header' if line else 'the file is empty. Copy it again'}.",
    )
    _check_distinct(name, named)


def _check_distinct(file: str, names: Sequence[str]) -> None:
    """Check that no column has the name of one before it."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    shown = ", ".join(f"`{name[:40]}`" for name in repeated[:6])
    check(
        not repeated,
        f"Table `{file}` must have distinct column names, but repeats {shown}. Rename or drop the repeated ones.",
    )


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column holds one thing a row, or lists of numbers, or lists of such lists."""
    if not pa.types.is_nested(kind):
        return True
    if not is_list(kind):
        return False
    inner = kind.value_type
    return is_numeric(inner.value_type if is_list(inner) else inner)


def is_list(kind: pa.DataType | None) -> bool:
    """Whether a column holds a list in every row."""
    return kind is not None and (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def is_nested(kind: pa.DataType | None) -> bool:
    """Whether a column holds lists, structures or the like."""
    return kind is not None and pa.types.is_nested(kind)


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, also of type decimal, or truth values."""
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )
