"""Tables of features and labels, Parquet or CSV, read in pieces and never whole. `joined` makes a data set of them.

What is understood:

- Labels: `id`, a label (`label`, `score`, `class`, ...), and, where given, `split` (train, valid, test), `text`,
  targets of single modalities (`label_text`, or `label_T`, `label_A`, `label_V`); any other column is kept to show and
  filter by. MMSA's `label.csv` fits: `video_id` and `clip_id` stand for `id`, `mode` for `split`.
- A modality: `id` and a column a feature, or `id` and one column of lists; with a `step` column (rising within an id)
  its rows are the steps of sequences. A .npy file has the samples in the order of the labels, and no ids.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from qfusion._checks import check
from qfusion.data import _digest, files
from qfusion.errors import InvalidInput

SUFFIXES = (".csv", ".tsv", ".parquet", ".npy")
IDS = ("id", "ids", "sample", "sample_id", "segment", "key")
LABELS = ("label", "labels", "y", "target", "score", "sentiment", "class", "annotation")
SPLIT, STEP, TEXT = (
    ("split", "mode", "part"),
    ("step", "time", "frame"),
    ("text", "raw_text", "transcript"),
)
PARTS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
    "": "",
}
MAX_CLASSES = 20  # distinct whole numbers that are taken for classes
_BLOCK = 1 << 23  # bytes of a CSV file that are parsed together


@dataclass(frozen=True)
class Table:
    """A CSV or Parquet file: its columns, and its rows in pieces."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str = ","

    @property
    def is_csv(self) -> bool:
        """Whether it is text."""
        return self.path.suffix.lower() != ".parquet"

    def column(self, known: tuple[str, ...]) -> str | None:
        """Returns the first column called one of `known`, whatever its capitals."""
        lower = {name.strip().lower(): name for name in reversed(self.columns)}
        return next((lower[name] for name in known if name in lower), None)

    def batches(
        self, columns: list[str], words: tuple[str, ...] = (), numbers: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Yields some columns, a piece at a time; those in `words` as text, the others as numbers if wanted."""
        try:
            if self.is_csv:
                kinds = {
                    name: pa.string() if name in words else pa.float64()
                    for name in columns
                    if name in words or numbers
                }
                yield from pa.csv.open_csv(
                    self.path,
                    pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
                    pa.csv.ParseOptions(delimiter=self.delimiter),
                    pa.csv.ConvertOptions(
                        column_types=kinds, include_columns=columns, strings_can_be_null=False
                    ),
                )
            else:
                whole = pa.parquet.ParquetFile(self.path)
                files.check_unpacked(
                    self.path.name,
                    8 * whole.metadata.num_columns * whole.metadata.num_rows,
                    self.path.stat().st_size,
                )
                rows = max(1, min(65_536, _digest.BYTES // (8 * len(columns))))
                for batch in whole.iter_batches(rows, columns=columns, use_threads=False):
                    batch.validate(full=True)  # such as words that are not UTF-8
                    yield pa.RecordBatch.from_arrays(
                        [
                            _cast(batch.column(name), name, self.path.name, name in words, numbers)
                            for name in columns
                        ],
                        names=columns,
                    )
        except (pa.ArrowException, OSError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            said = " ".join(str(error).split())
            raise InvalidInput(
                f"Table `{self.path.name}` cannot be read ({said[:200]}). Every column but the id must hold numbers; "
                "mend or drop the column."
            ) from error


def _cast(column: pa.Array, name: str, file: str, word: bool, numbers: bool) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if word:
        return column.cast(pa.string())
    listed = (
        pa.types.is_list(column.type)
        or pa.types.is_large_list(column.type)
        or pa.types.is_fixed_size_list(column.type)
    )
    if not numbers or listed:
        return column
    fits = (
        pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
        or pa.types.is_boolean(column.type)
    )
    check(
        fits or pa.types.is_null(column.type),
        f"Column `{name[:60]}` of `{file}` must hold numbers, but has type {column.type}. Drop it "
        "or convert it.",
    )
    return column.cast(pa.float64(), safe=False)


def open_table(path: Path) -> Table:
    """Returns a table; InvalidInput when its header cannot be read."""
    files.size_of(path)
    try:
        if path.suffix.lower() == ".parquet":
            return Table(path, tuple(pa.parquet.read_schema(path).names))
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(1 << 24)
        delimiter = max(",;\t", key=line.count)
        columns = tuple(next(csv.reader([line], delimiter=delimiter), []))
    except (pa.ArrowException, OSError, UnicodeError, csv.Error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InvalidInput(
            f"Table `{path.name}` cannot be read ({' '.join(str(error).split())[:160]}). Save it as UTF-8 text with a "
            "header, or as Parquet."
        ) from error
    check(
        len(columns) > 0 and len(set(columns)) == len(columns),
        f"Table `{path.name}` must begin with a line of distinct column names, but begins {line[:60]!r}. Add a "
        "header.",
    )
    return Table(path, columns, delimiter)
