"""Tables of features and labels, Parquet or CSV, read in pieces. `read_tables` makes a data set of them.

What is understood:

- Labels: `id`, a label (`label`, `score`, `class`, ...), and, where given, `split` (train, valid, test), `text`,
  targets of single modalities (`label_text`, or `label_T`, `label_A`, `label_V`); any other column is kept to show and
  filter by. MMSA's `label.csv` fits: `video_id` and `clip_id` stand for `id`, `mode` for `split`.
- A modality: `id` and a column a feature, or `id` and one column of lists; with a `step` column (rising within an id)
  its rows are the steps of sequences, and so are lists of lists of numbers. A .npy file has the samples in the order of
  the labels, and no ids.

Numbers of rows, targets and parts of the split are no features, see `table_columns`. They are left out, with a warning.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from qfusion._checks import check
from qfusion.data import set_digest, signatures, table_columns
from qfusion.data.array_files import scatter_array
from qfusion.data.file_words import numbered_features, word_array
from qfusion.data.label_table import LabelReader
from qfusion.data.padding import last_steps
from qfusion.data.row_numbers import find_row_numbers, read_column
from qfusion.data.sample_ids import count_decomposed, normalize_ids
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.table_columns import quote_columns
from qfusion.data.table_files import IDS, SPLIT, STEP, TEXT, Table, is_list, open_table
from qfusion.errors import InvalidInput, translate_errors

COLUMN_SUFFIXES = (".csv", ".tsv", ".parquet")
SUFFIXES = (*COLUMN_SUFFIXES, ".npy")


def read_tables(
    modalities: Mapping[str, Path], labels: Path, folder: Path, target: str = "auto"
) -> StagedSet:
    """Return the set that tables make up, its arrays written to `folder`.

    Args:
        modalities: the file of each, in their order. labels: the table of labels.
        target: "regression", "classification", "labels" (several a sample, words with ; between them), or "auto":
            classes where labels are words or few whole numbers.

    Raises:
        NotFound: when a file is not there.
        InvalidInput: when a column is missing or a table cannot be read.
    """
    check(
        len(modalities) > 0,
        "Argument `--modality` must name at least one table of features, but names none. Add --modality text=FILE.",
    )
    reader = TableReader(folder, open_table(labels), tuple(modalities))
    return reader.stage(
        [reader.modality(name, path) for name, path in modalities.items()],
        target,
        labels.name,
        "tables",
    )


class TableReader(LabelReader):
    """Joins tables of features to a table of labels, see `read_tables`."""

    def modality(self, name: str, path: Path) -> Part:
        """Write a modality to the folder and return it."""
        if path.suffix.lower() == ".npy":
            return self._read_npy(name, path)
        table = open_table(path)
        key = table.column(IDS)
        check(
            key is not None,
            f"Table `{path.name}` must have a column `id`, but has {list(table.columns)[:12]}. Rename one.",
        )
        step = self._step_column(name, table, str(key))
        rows = self._places(str(key), table, sequences=step is not None)
        features = self._features(name, table, str(key), step)
        return self.write_modality(name, table, features, rows, step)

    def write_modality(
        self,
        name: str,
        table: Table,
        features: list[str],
        rows: np.ndarray,
        step: str | None = None,
    ) -> Part:
        """Write columns of a table to the folder as a modality and return it.

        Args:
            name: of the modality.
            table: of features.
            features: names of columns of numbers, or of one column of lists.
            rows: the row of the sample of each row of the table, -1 for none.
            step: the column that numbers the steps of sequences; None if rows are vectors.
        """
        lists = [column for column in features if is_list(table.kinds.get(column))]
        others = [column for column in features if column not in lists]
        verb = "holds" if len(lists) == 1 else "hold"
        single = f" and {quote_columns(others)} single values" if others else ""
        check(
            not lists or len(features) == 1,
            f"Table `{table.path.name}` must hold a modality as columns of numbers or as one column of lists, but "
            f"{quote_columns(lists)} {verb} lists{single}. Keep one of them.",
        )
        is_nested = bool(lists) and is_list(table.kinds[lists[0]].value_type)
        check(
            not is_nested or step is None,
            f"Column `{features[0]}` of `{table.path.name}` must hold a list of numbers for every step, but holds "
            f"lists of lists, which are whole sequences. Drop the column `{step}`, or write a row for every step.",
        )
        size = len(features)
        names = tuple(features)
        if lists:  # one column holds all features
            size = self._list_size(table, lists[0], is_nested)
            names = numbered_features(name, size)
        if is_nested:
            return self._nested_sequences(name, table, lists[0], names, rows)
        if step is not None:
            return self._sequences(name, table, step, features, names, rows)
        shape = (len(self.ids), size)
        pieces = self._values(table, features, size, rows)
        if np.array_equal(rows, np.arange(len(self.ids))):
            return self.write_part(name, shape, (values for _, values in pieces), names)
        return self.write_part(name, shape, pieces, names, write=scatter_array)

    def _step_column(self, modality: str, table: Table, key: str) -> str | None:
        """Return the column that numbers the steps of sequences; None if rows are vectors.

        A time is a feature if every sample has one row; `step` always numbers steps.
        """
        column = table.column(STEP)
        if column is None or column.strip().lower() == STEP[0]:
            return column
        ids = [
            word
            for batch in table.batches([key], (key,))
            for word in normalize_ids(batch.column(0).fill_null("").to_pylist())
        ]
        is_sequences = len(set(ids)) < len(ids) and ids != self.ids.tolist()
        if is_sequences:
            sentence = (
                f"Column `{column}` of `{table.path.name}` orders the steps of sequences, since ids repeat, and "
                "is no feature."
            )
        else:
            sentence = (
                f"Column `{column}` of `{table.path.name}` is a feature, since every id has one row. Call it `step` if "
                "it numbers the steps of sequences."
            )
        self.add_finding("step-column", sentence, where=modality)
        return column if is_sequences else None

    def _features(self, modality: str, table: Table, key: str, step: str | None) -> list[str]:
        """Return the columns that are features by their names, and note the others."""
        others = [name for name in table.columns if name not in (key, step)]
        of_labels = [self.label, *filter(None, map(self.header.column, (SPLIT, TEXT)))]
        targets = table_columns.no_features(others, of_labels, self.names)
        if targets:
            self.add_finding(
                "target-column",
                f"Left out of the features in `{table.path.name}`, since they are called like ids, targets or parts of "
                f"the split: {quote_columns(targets)}.",
                "warning",
                modality,
            )
        numbering = find_row_numbers(table, (key, step, *targets))
        self.note_row_numbers(table, numbering, modality)
        features = [name for name in others if name not in {*targets, *numbering}]
        self._check_features(table, features)
        return features

    def _check_features(self, table: Table, features: Sequence[str]) -> None:
        check(
            len(features) > 0,
            f"Table `{table.path.name}` must have a column a feature, but has only {list(table.columns)[:12]}, and "
            "ids, steps, targets and numbers of rows are none. Add features.",
        )

    def _list_size(self, table: Table, column: str, is_nested: bool) -> int:
        """Return the number of features in a column of lists, or of lists of lists: the length of its first list."""
        for batch in table.batches([column]):
            lists = batch.column(0)
            if is_nested:
                lists = lists.drop_null().flatten()
            sizes = pa.compute.list_value_length(lists.drop_null())
            if len(sizes) and sizes[0].as_py() > 0:
                return int(sizes[0].as_py())
        raise InvalidInput(
            f"Column `{column}` of `{table.path.name}` must hold lists of numbers, but its first list is empty. "
            "Mend or drop it."
        )

    def _read_npy(self, name: str, path: Path) -> Part:
        signatures.require(path, "a .npy file")
        with translate_errors(
            f"File `{path.name}` cannot be read as a NumPy array of numbers",
            "Save it again by `numpy.save`.",
            Exception,  # a damaged file raises whatever its bytes lead to
            why="{kind}: {words:.160}",
        ):
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        shape = values.shape
        kind = values.dtype
        check(
            kind.kind in "biuf"
            and len(shape) in (2, 3)
            and shape[0] == len(self.ids)
            and min(shape) > 0,
            f"File `{path.name}` must hold numbers of shape ({len(self.ids)}, F) or ({len(self.ids)}, T, F), a row "
            f"for every label, but has type {kind} and shape {shape}. Save it in that shape.",
        )
        lengths = None
        if len(shape) == 3:
            lengths = np.maximum(1, last_steps(set_digest.pieces(values)))
            if (lengths < shape[1]).any():
                why = "; steps of zeros at the end count as padding"
                self.note_sequences(name, lengths, shape[1], why)
        return self.write_part(
            name,
            shape,
            map(np.asarray, set_digest.pieces(values)),
            numbered_features(name, shape[-1]),
            lengths,
        )

    def _places(self, key: str, table: Table, sequences: bool) -> np.ndarray:
        """Return the row of the sample of each row of a table; -1 if the labels lack its id."""
        pieces = []
        index = pd.Index(self.ids)
        unknown_id = ""
        decomposed = 0
        for at, batch in set_digest.enumerate_pieces(table.batches([key], (key,))):
            written = batch.column(0).fill_null("").to_pylist()
            decomposed += count_decomposed(written)
            ids = word_array(normalize_ids(written), f"Ids in `{table.path.name}`")
            in_order = not sequences and np.array_equal(ids, self.ids[at : at + len(ids)])
            check(
                in_order or index.is_unique,
                f"Table `{table.path.name}` has its samples in another order than `{self.file}`, where ids repeat, "
                "so that they cannot be told apart. Make the ids unique.",
            )
            if in_order:
                pieces.append(np.arange(at, at + len(ids)))
                continue
            pieces.append(index.get_indexer(pd.Index(ids)))
            strange = ids[pieces[-1] < 0]
            if len(strange) and not unknown_id:
                unknown_id = str(strange[0])
        self.note_decomposed(table.path.name, decomposed)
        rows = np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
        check(
            len(rows) > 0,
            f"Table `{table.path.name}` must have a row a sample, but has none. Add samples, or leave out the table.",
        )
        check(
            bool((rows >= 0).any()),
            f"Table `{table.path.name}` must have ids that `{self.file}` has, but no id is in both: it has "
            f"{str(unknown_id)[:60]!r}, say, and `{self.file}` has {str(self.ids[0])[:60]!r}. Write them alike.",
        )
        once = np.bincount(rows[rows >= 0], minlength=len(self.ids))
        check(
            sequences or once.max(initial=0) <= 1,
            f"Table `{table.path.name}` must have one row a sample, but has {once.max(initial=0)} of "
            f"'{self.ids[once.argmax()][:60]}'. Drop the others, or number the steps of a sequence in a column "
            "`step`.",
        )
        if unknown := int((rows < 0).sum()):
            self.add_finding(
                "unknown-ids",
                f"{unknown:,} rows of `{table.path.name}` have an id that `{self.file}` does not have, such as "
                f"'{unknown_id[:60]}'. They are left out.",
                "warning",
            )
        absent = np.flatnonzero(once == 0)
        if len(absent):
            self.add_finding(
                "incomplete",
                f"{len(absent):,} of {len(self.ids):,} samples have no row in `{table.path.name}`, the first "
                f"'{self.ids[absent[0]][:60]}'.",
                "error",
                repairs=("drop-incomplete", "zero-incomplete"),
                rows=absent,
            )
        return rows

    def _values(
        self, table: Table, features: list[str], size: int, rows: np.ndarray, *steps: np.ndarray
    ) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray]]:
        """Yield the rows of samples, and `steps`, with pieces (n, size) of the table; skip rows without a sample."""
        for at, batch in set_digest.enumerate_pieces(table.batches(features)):
            if len(features) == 1 and is_list(batch.column(0).type):
                column = batch.column(0)
                _check_lists_given(column, features[0], table.path.name, at)
                lengths = pa.compute.list_value_length(column)
                check(
                    set(np.unique(lengths)) == {size},
                    f"Column `{features[0]}` of `{table.path.name}` must hold lists of {size} numbers, but not all "
                    "have that length. Number the steps of a sequence in a column `step`.",
                )
                values = (
                    column.flatten()
                    .cast(pa.float64())
                    .to_numpy(zero_copy_only=False)
                    .reshape(-1, size)
                )
            else:
                values = np.column_stack([c.to_numpy(zero_copy_only=False) for c in batch.columns])
            part = slice(at, at + len(values))
            real = rows[part] >= 0
            yield tuple(axis[part][real] for axis in (rows, *steps)), values[real]

    def _sequences(
        self,
        name: str,
        table: Table,
        step: str,
        features: list[str],
        names: tuple[str, ...],
        rows: np.ndarray,
    ) -> Part:
        lengths = np.bincount(rows[rows >= 0], minlength=len(self.ids))
        longest = int(lengths.max(initial=1))
        size = len(names)
        times = pd.Series(read_column(table, step))
        own = times.groupby(rows)
        bad = np.flatnonzero((rows >= 0) & ~(times > own.shift(fill_value=-np.inf)))
        check(
            len(bad) == 0,
            f"Column `{step}` of `{table.path.name}` must rise within every id, but does not for "
            f"'{self.ids[rows[bad[0]]][:60] if len(bad) else ''}'. Sort the table by id and step.",
        )
        part = self.write_part(
            name,
            (len(self.ids), longest, size),
            self._values(table, features, size, rows, own.cumcount().to_numpy()),
            names,
            np.maximum(lengths, 1).astype(np.int64),
            padded=True,
            write=scatter_array,
        )
        self.note_sequences(name, lengths, longest)
        return part

    def _nested_sequences(
        self, name: str, table: Table, column: str, names: tuple[str, ...], rows: np.ndarray
    ) -> Part:
        """Write a modality whose cells are sequences, lists of steps that are lists of numbers."""
        what = f"Column `{column}` of `{table.path.name}`"
        steps = np.zeros(len(rows), np.int64)
        for at, batch in set_digest.enumerate_pieces(table.batches([column])):
            sequences = batch.column(0)
            _check_lists_given(sequences, column, table.path.name, at)
            inner = sequences.flatten()
            sizes = pa.compute.list_value_length(inner.drop_null())
            check(
                inner.null_count == 0 and set(np.unique(sizes)) <= {len(names)},
                f"{what} must hold a list of steps for every sample, each a list of {len(names)} numbers, but some "
                "have another length or are missing. Mend or drop them.",
            )
            steps[at : at + len(sequences)] = pa.compute.list_value_length(sequences)
        lengths = np.zeros(len(self.ids), np.int64)
        lengths[rows[rows >= 0]] = steps[rows >= 0]
        longest = max(1, int(lengths.max()))

        def pieces() -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
            for at, batch in set_digest.enumerate_pieces(table.batches([column])):
                part = slice(at, at + len(batch))
                row = np.repeat(rows[part], steps[part])
                step = np.arange(len(row)) - np.repeat(
                    np.cumsum(steps[part]) - steps[part], steps[part]
                )
                numbers = batch.column(0).flatten().flatten().cast(pa.float64())
                values = numbers.to_numpy(zero_copy_only=False).reshape(-1, len(names))
                real = row >= 0
                yield (row[real], step[real]), values[real]

        part = self.write_part(
            name,
            (len(self.ids), longest, len(names)),
            pieces(),
            names,
            np.maximum(lengths, 1),
            padded=True,
            write=scatter_array,
        )
        self.note_sequences(name, lengths, longest)
        return part


def _check_lists_given(column: pa.Array, name: str, file: str, start: int) -> None:
    """Check that a column of lists has a list in every row. The first row of the column is row `start` of the file."""
    if column.null_count == 0:
        return
    missing = column.is_null().to_numpy(zero_copy_only=False)
    raise InvalidInput(
        f"Column `{name}` of `{file}` must hold a list in every row, but row {start + 1 + int(missing.argmax()):,} is "
        "empty (null). Drop such rows: a sample without a row lacks the modality, which a repair can mend."
    )
