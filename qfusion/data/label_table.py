"""The table of labels of an imported set: ids, targets, split, and columns to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from qfusion._checks import check
from qfusion.data import files, number_words
from qfusion.data.file_words import parse_split, word_array
from qfusion.data.row_numbers import find_row_numbers, is_empty
from qfusion.data.sample_ids import count_decomposed, normalize_ids
from qfusion.data.set_reader import SetReader
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.table_columns import quote_columns
from qfusion.data.table_files import IDS, LABELS, SPLIT, TEXT, Table, is_numeric
from qfusion.data.target_classes import (
    NO_LABEL,
    SEPARATOR,
    Targets,
    encode_classes,
    encode_label_sets,
)
from qfusion.errors import InvalidInput

_SHOWN = 6  # words in a sentence


@dataclass(frozen=True)
class LabelColumns:
    """Columns of a table of labels, by what they are for.

    Attributes:
        label: the target.
        ids: together the id of a sample. If there are none, samples are numbered.
        split: the part of the split, or None.
        features: columns of the modalities, which are not read with the labels.
    """

    label: str
    ids: tuple[str, ...]
    split: str | None = None
    features: frozenset[str] = frozenset()


class LabelReader(SetReader):
    """Reads a table of labels; modalities are added by subclasses or by the caller.

    Attributes:
        ids: of the samples, (N,).
        header: of the table of labels.
        file: the name of its file.
        label, split: columns of the target and of the part of the split, which may be None.
        columns_read: names of the columns in `table`.
    """

    def __init__(
        self,
        folder: Path,
        labels: Table,
        names: tuple[str, ...],
        keys: tuple[str, ...] = IDS,
        written: tuple[str, ...] = (),
        columns: LabelColumns | None = None,
    ):
        """Read the table of labels.

        Args:
            folder: for the arrays.
            labels: the table.
            names: of the modalities.
            keys: accepted names of the column of ids.
            written: columns that are read as text in any case.
            columns: what the columns are for; None to tell by their names.
        """
        super().__init__(folder)
        self.file = labels.path.name
        self.names = names
        files.check_size(self.file, files.file_size(labels.path))
        columns = columns or find_label_columns(labels, keys)
        self.label = columns.label
        self.split = columns.split
        batches = []
        size = 0
        roles = (*columns.ids, columns.label, columns.split, *columns.features)
        self.left_out = find_row_numbers(labels, roles)
        self.note_row_numbers(labels, self.left_out)
        words = (*columns.ids, columns.split, *map(labels.column, (TEXT, written)))
        unread = {*self.left_out, *columns.features}
        self.columns_read = [name for name in labels.columns if name not in unread]
        for batch in labels.batches(self.columns_read, words, numbers=False):
            batches.append(batch)
            size += batch.nbytes
            files.check_size(self.file, size)
        check(
            sum(len(b) for b in batches) > 0,
            f"Table `{self.file}` must have a row a sample, but has none. Add samples.",
        )
        self.table = pa.Table.from_batches(batches)
        self.header = labels
        self.ids = self._read_ids(columns.ids)
        self.people = {}
        for name in self.names:
            column = labels.column((f"label_{name}", f"label_{name[0]}"))
            self.people[name] = column if column in self.columns_read else None
        self.used = {*columns.ids, self.label, self.split, *self.people.values()}

    def _read_ids(self, columns: tuple[str, ...]) -> np.ndarray:
        """Return the ids of the samples (N,): the words of some columns, or numbers of rows."""
        if not columns:
            return np.array([f"row-{row + 1}" for row in range(len(self.table))])
        written = [self._strings(column) for column in columns]
        self.note_decomposed(self.file, sum(map(count_decomposed, written)))
        ids = ["$_$".join(row) for row in zip(*map(normalize_ids, written), strict=True)]
        return word_array(ids, f"Ids in `{self.file}`")

    def _strings(self, column: str) -> list[str]:
        return [word or "" for word in self._words_or_none(column)]

    def _words_or_none(self, column: str) -> list[str | None]:
        """Return a column as text (N,), None for empty cells; truth values are "True" and "False"."""
        values = self.table.column(column)
        check(
            not pa.types.is_nested(values.type),
            f"Column `{column[:60]}` of `{self.file}` must hold one word or number in every row, but holds lists "
            f"({str(values.type)[:60]}). {self._list_remedy(column)}",
        )
        if pa.types.is_boolean(values.type):
            return [None if value is None else str(value) for value in values.to_pylist()]
        return list(values.cast(pa.string()).to_pylist())

    def _list_remedy(self, column: str) -> str:
        if column != self.label:
            return "Write one in each row."
        return (
            "Keep one label a sample; or, if it may have several, write them as text with "
            f"'{SEPARATOR}' between them and import the set with --target labels."
        )

    def note_row_numbers(self, table: Table, names: Sequence[str], where: str = "") -> None:
        """Note which columns of a table are left out since they are empty, or called like numbers of its rows."""
        empty = [name for name in names if is_empty(table, name)]
        counting = [name for name in names if name not in empty]
        if empty:
            self.add_finding(
                "empty-column",
                f"Left out of `{table.path.name}`, as all cells are empty: {quote_columns(empty)}.",
                where=where,
            )
        if counting:
            self.add_finding(
                "row-number",
                f"Left out of `{table.path.name}`, as numbers or names of its rows: {quote_columns(counting)}. Rows "
                "are often sorted by the target, so that their number predicts it. Rename one that is a feature.",
                "warning",
                where,
            )

    def note_decomposed(self, file: str, number: int) -> None:
        """Note how many ids of a file were converted to another normal form, if any."""
        if number:
            self.add_finding(
                "unicode-ids",
                f"{number:,} ids in `{file}` are written with separate accents (Unicode's form NFD, as macOS "
                "names files). They are read in form NFC, so that they join.",
            )

    def words(self, known: tuple[str, ...]) -> list[str] | None:
        """Return the column with one of the `known` names as text (N,); None if there is none."""
        column = self.header.column(known)
        return None if column is None else self._strings(column)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all other rows."""
        self.table = self.table.take(list(rows))
        self.ids = self.ids[list(rows)]

    def stage(self, parts: list[Part], target: str, title: str, kind: str) -> StagedSet:
        """Return the set of these modalities; `title` and `kind` describe the source."""
        targets = self.label_sets() if target == "labels" else self.targets(target)
        unimodal = self.unimodal()
        split = [""] * len(self.ids) if self.split is None else self._strings(self.split)
        if targets.labels:
            name = "labels"
        else:
            name = "class" if targets.classes else self.label
        return StagedSet(
            folder=self.folder,
            title=title,
            kind=kind,
            parts=parts,
            ids=self.ids,
            split=parse_split(split, f"Column `{self.split}` of `{self.file}`"),
            target=name,
            columns=self.columns(),
            unimodal=unimodal,
            findings=self.findings,
            **vars(targets),
        )

    def targets(self, target: str) -> Targets:
        """Return the targets, numbers or classes."""
        words = pd.Series(self._strings(self.label), dtype=object).str.strip()
        if target == "classification":
            numbers = pd.to_numeric(words, errors="coerce").to_numpy(np.float64)
            is_number = bool((~np.isnan(numbers) | number_words.are_unknown(words)).all())
        else:
            numbers, is_number = self._numbers(self.label, words, must=target == "regression")
        finite = numbers[np.isfinite(numbers)]
        # so few whole numbers are taken for classes
        few = (
            is_number and len(np.unique(finite)) <= 20 and bool((finite == np.round(finite)).all())
        )
        if target == "regression" or (target == "auto" and is_number and not few):
            return Targets(numbers)
        if not is_number:
            sentence = f"Labels are words, taken for the names of classes: column `{self.label}`."
            if words.str.contains(SEPARATOR, regex=False).any():
                sentence += (
                    f" Some hold '{SEPARATOR}': import the set with --target labels if a sample may "
                    "have several."
                )
            self.add_finding("classes", sentence)
            return Targets(*encode_classes(words.where(words != "", None)))
        y, classes = encode_classes(number_words.exact_numbers(words, numbers))
        if target == "auto":
            self.add_finding(
                "classes",
                f"Labels are {len(classes)} different whole numbers, taken for classes. Import the set with --target "
                "regression if they are amounts.",
            )
        return Targets(y, classes)

    def _numbers(
        self, column: str, words: Sequence[str], must: bool = False
    ) -> tuple[np.ndarray, bool]:
        """Return the numbers in a column of words (N,), NaN where unknown; and whether the words are numbers.

        Raises:
            InvalidInput: when at least half of the words are numbers, or all `must` be, and others are not.
        """
        numbers = number_words.parse_numbers(words, decimal_comma=self.header.delimiter != ",")
        unknown = number_words.are_unknown(words)
        strange = np.isnan(numbers) & ~unknown
        given = int((~unknown).sum())
        if not strange.any():
            return numbers, True
        alike = number_words.are_like_numbers(words) & ~unknown
        if not must and max((~np.isnan(numbers) & ~unknown).sum(), alike.sum()) < given / 2:
            return numbers, False
        places = np.flatnonzero(strange)
        shown = ", ".join(f"{str(words[at])[:40]!r} (row {at + 1:,})" for at in places[:_SHOWN])
        more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
        raise InvalidInput(
            f"Column `{column[:60]}` of `{self.file}` must hold numbers for a regression, but {len(places):,} of "
            f"{given:,} cannot be read: {shown}{more}. "
            "Write them as 1234.5, leave a cell empty where the number is not known, or import the set with --target "
            "classification if they are names of classes."
        )

    def label_sets(self) -> Targets:
        """Return the labels of samples that may have several."""
        words = self._words_or_none(self.label)
        targets = encode_label_sets(
            [None if word is None else _split_labels(word) for word in words]
        )
        self.add_finding(
            "labels",
            f"A sample may have several of {len(targets.labels)} labels: {', '.join(targets.labels)[:300]}.",
        )
        return targets

    def unimodal(self) -> dict[str, np.ndarray]:
        """Return the targets of single modalities."""
        values = {}
        for name, column in self.people.items():
            if column is None:
                continue
            numbers, is_number = self._numbers(column, self._strings(column))
            if is_number:
                values[name] = numbers
            else:  # words to show, such as the name of the class
                self.used.discard(column)
        self.note_unimodal(values)
        return values

    def columns(self) -> pd.DataFrame:
        """Return the other columns, to show and to filter by; the transcript is named `text`."""
        text = self.header.column(TEXT)
        rest = [name for name in self.columns_read if name not in self.used]
        columns = {}
        for name in rest:
            values = _displayable(self.table.column(name))
            if values is not None:
                columns["text" if name == text else name[:60]] = values
        if len(columns) < len(rest):
            self.add_finding(
                "left-out",
                f"{len(rest) - len(columns)} columns of `{self.file}` hold neither numbers, words nor dates, or "
                "repeat a name. They are left out.",
            )
        return pa.table(columns).to_pandas() if columns else pd.DataFrame()


def find_label_columns(table: Table, keys: tuple[str, ...] = IDS) -> LabelColumns:
    """Return the columns of a table of labels by their names.

    Args:
        table: of labels.
        keys: accepted names of the column of ids.

    Raises:
        InvalidInput: when there is no label or no id.
    """
    label = table.column(LABELS)
    shown = list(table.columns)[:12]
    if label is None:
        raise InvalidInput(
            f"Table `{table.path.name}` must have a column `label`, but has {shown}. Rename one."
        )
    single = table.column(keys)
    joined = tuple(name for name in ("video_id", "clip_id") if name in table.columns)
    check(
        single is not None or len(joined) == 2,
        f"Table `{table.path.name}` must have a column `id`, but has {shown}. Rename one.",
    )
    ids = joined if single is None else (single,)
    return LabelColumns(label, ids, table.column(SPLIT))


def _split_labels(word: str) -> list[str]:
    """Return the labels in a cell."""
    return [
        label
        for label in map(str.strip, word.split(SEPARATOR))
        if label.lower() not in ("", NO_LABEL)
    ]


def _displayable(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column that a table can show; None for nested or binary columns."""
    kind = column.type
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if is_numeric(kind):
        return column
    nested = (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
    return None if nested else column.cast(pa.string())
