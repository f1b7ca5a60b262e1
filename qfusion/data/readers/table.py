"""A table: a CSV file, a Parquet file or a frame of pandas; its columns, and its rows in chunks.

A CSV file is read by pyarrow; only its header and first lines are looked at before, which tell its notation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from qfusion._checks import check
from qfusion.data import files, parsing

_MAX_ROWS = 1000  # that are looked at
# Yields rows of some columns, with the types that these columns are to have where they are named.
Read = Callable[[list[str], dict[str, pa.DataType]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, eq=False)
class Table:
    """A table: its columns, and its rows in chunks.

    Attributes:
        name: of the file, or "frame".
        kinds: types of the columns by their names, in order. Of a CSV file these are the types of its first rows.
        read: see `Read`.
        index: columns that pandas has saved as the index of a Parquet file.
        decimal_comma: whether cells may hold numbers with a decimal comma.
        is_text: whether it is a CSV file, whose cells are words until they are read.
        class_names: names of the classes of columns of labels, in their order, where the table knows them.
    """

    name: str
    kinds: dict[str, pa.DataType]
    read: Read
    index: frozenset[str] = frozenset()
    decimal_comma: bool = False
    is_text: bool = False
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.kinds)

    def find(self, known: Sequence[str]) -> str | None:
        """Return the first column that is called like one of `known`, see `column_names.find_name`."""
        return parsing.find_name(self.kinds, known)

    def row_numbers(self, own: Sequence[str | None] = ()) -> list[str]:
        """Return the columns, except `own`, that are called like numbers of rows."""
        return [
            name
            for name in self.kinds
            if name not in own and (parsing.is_row_number(name) or name in self.index)
        ]

    def words(self, columns: Sequence[str]) -> list[list[str | None]]:
        """Return columns as text, None for empty cells, (N,) each. Whole numbers are written without a point.

        Raises:
            InvalidInput: when one holds lists.
        """
        for name in columns:
            self.require_single_values(name)
        types = dict.fromkeys(columns, pa.string()) if self.is_text else {}
        return list(map(_as_words, self._whole(columns, types).columns))

    def require_single_values(self, column: str) -> None:
        """Raise InvalidInput when a column holds lists."""
        kind = self.kinds[column]
        check(
            not pa.types.is_nested(kind),
            f"Column `{column[:60]}` of `{self.name}` must hold one word or number in every row, but holds lists "
            f"({str(kind)[:60]}). Write one in each row; or, if a sample may have several labels, write them as text "
            "with ';' between them and import the set with --target labels.",
        )

    def numbers(self, columns: list[str]) -> Iterator[np.ndarray]:
        """Yield columns of numbers, of truth values or without any value, in chunks (n, F).

        Raises:
            InvalidInput: when one holds something else.
        """
        for name in columns:
            check(
                can_be_number(self.kinds[name]),
                f"Column `{name[:60]}` of `{self.name}` must hold numbers, but has type {self.kinds[name]}. Drop it "
                "or convert it.",
            )
        types = dict.fromkeys(columns, pa.float64())
        for batch in self.batches(columns, types):
            numbers = batch.cast(pa.schema(types), safe=False)
            yield numbers.to_tensor(null_to_nan=True).to_numpy()

    def lists(self, column: str) -> Iterator[pa.Array]:
        """Yield a column of lists in chunks.

        Raises:
            InvalidInput: when a row has no list.
        """
        at = 0
        for batch in self.batches([column], {}):
            lists = batch.column(0)
            missing = lists.is_null().to_numpy(zero_copy_only=False)
            check(
                not missing.any(),
                f"Column `{column}` of `{self.name}` must hold a list in every row, but row "
                f"{at + 1 + int(missing.argmax()):,} is empty (null). Drop such rows: a sample without a row lacks "
                "the modality, which a repair can mend.",
            )
            at += len(lists)
            yield lists

    def cells(self, column: str) -> list[Any]:
        """Return a column as objects of Python, (N,)."""
        return list(self._whole([column]).column(0).to_pylist())

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns as pandas shows them. Columns that no table can show, such as lists, are left out."""
        whole = self._whole(columns)
        for place, kind in enumerate(whole.schema.types):
            if not is_numeric(kind) and not is_binary(kind):
                whole = _cast(whole, place, pa.string())
            elif pa.types.is_decimal(kind):
                whole = _cast(whole, place, pa.float64())
        binary = list(compress(whole.column_names, map(is_binary, whole.schema.types)))
        return whole.drop_columns(binary).to_pandas()

    def count_rows(self) -> int:
        """Return the number of rows."""
        return len(self._whole(self.columns[:1]))

    def empty_columns(self, columns: Sequence[str]) -> list[str]:
        """Return those of some columns whose cells are all empty or blank."""
        return [
            name
            for name in columns
            if not pa.types.is_nested(self.kinds[name])
            and not any(word and word.strip() for word in self.words([name])[0])
        ]

    def _whole(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType] | None = None
    ) -> pa.Table:
        """Return some columns, all rows."""
        batches = list(self.batches(list(columns), dict(types or {})))
        if not batches:
            return pa.table([pa.nulls(0)] * len(columns), names=list(columns))
        return pa.Table.from_batches(batches)

    def batches(
        self, columns: list[str], types: dict[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows of some columns, see `Read`; what cannot be read becomes an error that says what to mend."""
        with files.misread(
            f"Table `{self.name}` cannot be read",
            "Every line must have as many cells as the others, and every column but the id must hold numbers: mend the "
            "line, or mend or drop the column.",
            *(pa.ArrowException, UnicodeError),
        ):
            yield from self.read(columns, types)


def is_list(kind: pa.DataType) -> bool:
    """Whether a column holds a list in every row."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def is_picture(kind: pa.DataType) -> bool:
    """Whether a column holds encoded pictures, as Hugging Face's `datasets` writes them."""
    return bool(pa.types.is_struct(kind)) and kind.get_field_index("bytes") >= 0


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column holds one thing a row, or lists of numbers, or lists of such lists."""
    if not pa.types.is_nested(kind):
        return True
    if not is_list(kind):
        return False
    inner = kind.value_type
    return is_numeric(inner.value_type if is_list(inner) else inner)


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, also of type decimal, or truth values."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def can_be_number(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, or no value at all."""
    return is_numeric(kind) or bool(pa.types.is_null(kind))


def can_be_feature(kind: pa.DataType) -> bool:
    """Whether a column holds numbers, lists of numbers or pictures, or no value at all."""
    if pa.types.is_nested(kind):
        return is_plain(kind) or is_picture(kind)
    return can_be_number(kind)


def is_word(kind: pa.DataType) -> bool:
    """Whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column holds what no table can show."""
    return bool(
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def decoded_kind(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a column that is stored as codes and their values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _cast(table: pa.Table, place: int, kind: pa.DataType) -> pa.Table:
    """Return a table with the type of a column changed."""
    return table.set_column(place, table.column_names[place], table.column(place).cast(kind))


def _as_words(column: pa.ChunkedArray) -> list[str | None]:
    """Return cells as text; whole numbers that were saved as floats or decimals are written without a point."""
    if pa.types.is_boolean(column.type):
        column = pa.compute.utf8_capitalize(column.cast(pa.string()))
    if pa.types.is_decimal(column.type):
        column = pa.compute.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        column = pa.compute.if_else(pa.compute.is_nan(column), None, column)
        numbers = column.drop_null().to_numpy()
        if (numbers == np.round(numbers)).all() and (np.abs(numbers) < 2**63).all():
            column = column.cast(pa.int64())
    return list(column.cast(pa.string()).to_pylist())
