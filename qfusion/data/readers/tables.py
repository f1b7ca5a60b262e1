"""Tables of features and labels: CSV, Parquet, frames of pandas, and arrays in .npy files.

What is understood:

- Labels: `id`, a label (`label`, `score`, `class`, ...), and, where given, `split` (train, valid, test), `text`,
  targets of single modalities (`label_text`, or `label_T`, `label_A`, `label_V`); any other column is kept to show and
  filter by. MMSA's `label.csv` fits: `video_id` and `clip_id` stand for `id`, `mode` for `split`.
- A modality: `id` and a column a feature, or `id` and one column of lists; with a `step` column (rising within an id)
  its rows are the steps of sequences, and so are lists of lists of numbers. A .npy file has the samples in the order of
  the labels, and no ids.
- One table of both: each row is a sample, and the columns are divided into modalities, see `qfusion.data.column_roles`.

Numbers of rows, targets and parts of the split are no features, see `column_names`. They are left out, with a warning.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import normalize_ids, numbered_ids
from qfusion.data.column_roles import ColumnChoice, ColumnRoles, choose_roles
from qfusion.data.parsing import (
    LABEL_NAMES,
    SPLIT_NAMES,
    STEP_NAMES,
    TEXT_NAMES,
    find_ids,
    find_name,
    non_feature_columns,
    normalize_name,
    quote_columns,
    word_array,
)
from qfusion.data.raw import Raw, RawModality
from qfusion.data.readers.table import Table
from qfusion.data.readers.table_features import read_features, read_npy
from qfusion.data.readers.table_files import describe_columns, open_table
from qfusion.data.row_splits import VIDEO_MARK
from qfusion.errors import InvalidInput

COLUMN_SUFFIXES = (".csv", ".tsv", ".parquet")
SUFFIXES = (*COLUMN_SUFFIXES, ".npy")
KIND = "tables"
_SHOWN = 3  # columns of a modality in a sentence


def read_tables(modalities: Mapping[str, Path], labels: Path) -> Raw:
    """Return the samples of a table of labels, with a modality from each other table or array.

    Args:
        modalities: the file of each, in their order.
        labels: the table of labels.

    Raises:
        NotFound: when a file is not there.
        InvalidInput: when a column is missing or a table cannot be read.
    """
    check(
        len(modalities) > 0,
        "Argument `--modality` must name at least one table of features, but names none. Add --modality text=FILE.",
    )
    table = open_table(labels)
    raw = read_rows(table, find_roles(table), tuple(modalities))
    of_labels = [raw.label, *filter(None, map(table.find, (SPLIT_NAMES, TEXT_NAMES)))]
    for name, path in modalities.items():
        if path.suffix.lower() == ".npy":
            raw.modalities.append(read_npy(raw, name, path))
        else:
            raw.modalities.append(_read_joined(raw, name, open_table(path), of_labels, modalities))
    return raw


def read_single_table(source: Path | pd.DataFrame, choice: ColumnChoice) -> Raw:
    """Return the samples of one table, whose columns are divided into roles and modalities.

    Args:
        source: the file, or a frame.
        choice: of the columns' roles; what is not chosen is guessed.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when roles are missing, or the table cannot be read.
    """
    table = open_table(source)
    roles = choose_roles(describe_columns(table), choice)
    raw = read_rows(table, roles, tuple(roles.modalities))
    step = table.find(STEP_NAMES[:1])
    check(
        step is None or len(set(raw.ids)) == len(raw.ids),
        f"Table `{table.name}` must have one row a sample, but has a column `{step}` and repeats ids, so that its "
        "rows are steps of sequences. Save a table for each modality and one of labels.",
    )
    raw.note("columns", describe_roles(roles))
    if len(roles.modalities) == 1:
        raw.note(
            "one-modality",
            f"All features are read as one modality, {next(iter(roles.modalities))}. To fuse several, name the columns "
            "of each, such as --modality 'text=text_*' --modality 'audio=audio_*'.",
            "warning",
        )
    rows = np.arange(len(raw.ids))
    for name, features in roles.modalities.items():
        if name in roles.skipped:
            raw.note(
                "no-feature",
                "Left out of the features, since they hold no numbers or are called like ids or targets: "
                f"{quote_columns(roles.skipped[name])}. They are kept to show and to filter by.",
                "warning",
                name,
            )
        raw.modalities.append(read_features(raw, name, table, list(features), rows))
    return raw


def describe_roles(roles: ColumnRoles) -> str:
    """Return a sentence on what the columns of a table are for."""
    ids = quote_columns(roles.ids) if roles.ids else "numbers of the rows"
    split = quote_columns([roles.split]) if roles.split else "none"
    modalities = []
    for name, columns in roles.modalities.items():
        shown = ", ".join(map("`{:.40}`".format, columns[:_SHOWN]))
        rest = len(columns) - _SHOWN
        more = f" and {rest:,} more" if rest > 0 else ""
        modalities.append(f"{name}: {shown}{more}")
    return (
        f"Columns are read as label: {quote_columns([roles.label])}; id: {ids}; split: {split}; "
        f"{'; '.join(modalities)}. Any other column is kept to show and to filter by."
    )


def find_roles(table: Table, ids: tuple[str, ...] | None = None) -> ColumnRoles:
    """Return the columns of a table of labels by their names.

    Args:
        table: of labels.
        ids: columns of the id; None to tell by their names.

    Raises:
        InvalidInput: when there is no label or no id.
    """
    label = table.find(LABEL_NAMES)
    shown = table.columns[:12]
    if label is None:
        raise InvalidInput(
            f"Table `{table.name}` must have a column `label`, but has {shown}. Rename one."
        )
    ids = find_ids(table.columns) if ids is None else ids
    check(
        len(ids) > 0, f"Table `{table.name}` must have a column `id`, but has {shown}. Rename one."
    )
    return ColumnRoles(label, ids, table.find(SPLIT_NAMES))


def read_rows(table: Table, roles: ColumnRoles, modalities: Sequence[str]) -> Raw:
    """Return the samples of a table without their features: ids, labels, split, targets of single modalities, and the
    columns to show, of which the transcript is named `text`.

    Args:
        table: with a row a sample.
        roles: of its columns.
        modalities: names of all modalities.

    Raises:
        InvalidInput: when there is no row, or a role is that of a column of lists.
    """
    split = [roles.split] if roles.split else []
    used = [roles.label, *roles.ids, *split, *roles.features]
    numbering = table.row_numbers(used)
    used += numbering
    unimodal = {}
    for name in modalities:
        column = find_name(
            table.columns, (f"label{normalize_name(name)}", f"label{normalize_name(name)[:1]}")
        )
        if column is not None and column not in used:
            unimodal[name] = column
            used.append(column)
    written = table.words([roles.label, *split, *unimodal.values(), *roles.ids])
    labels = written.pop(0)
    check(
        len(labels) > 0,
        f"Table `{table.name}` must have a row a sample, but has none. Add samples.",
    )
    raw = Raw(
        title=table.name,
        kind=KIND,
        modalities=[],
        ids=numbered_ids("sample", len(labels)),
        labels=labels,
        label=roles.label,
        classes=table.class_names.get(roles.label),
        decimal_comma=table.decimal_comma,
        split=written.pop(0) if split else None,
        split_name=f"Column `{roles.split}` of `{table.name}`",
    )
    _note_row_numbers(raw, table, numbering)
    for name in unimodal:
        raw.unimodal[name] = written.pop(0)
    if roles.ids:
        raw.ids = _join_ids(raw, table, written)
    rest = [name for name in table.columns if name not in used]
    text = table.find(TEXT_NAMES)
    if text in rest:
        table.require_single_values(text)
    shown = table.frame(rest) if rest else pd.DataFrame(index=range(len(labels)))
    shown.columns = ["text" if name == text else name[:60] for name in shown.columns]
    raw.columns = shown.loc[:, ~shown.columns.duplicated()]
    left_out = len(rest) - len(raw.columns.columns)
    if left_out:
        raw.note(
            "left-out",
            f"{left_out} columns of `{table.name}` hold neither numbers, words nor dates, or repeat a name. They are "
            "left out.",
        )
    return raw


def _join_ids(raw: Raw, table: Table, columns: Sequence[Sequence[str | None]]) -> np.ndarray:
    """Return the ids (N,) of the words of one or more columns, and note how many were converted to another form."""
    parts, decomposed = zip(*map(normalize_ids, columns), strict=True)
    if sum(decomposed):
        raw.note(
            "unicode-ids",
            f"{sum(decomposed):,} ids in `{table.name}` are written with separate accents (Unicode's form NFD, as "
            "macOS names files). They are read in form NFC, so that they join.",
        )
    ids = list(map(VIDEO_MARK.join, zip(*parts, strict=True)))
    return word_array(ids, f"Ids in `{table.name}`")


def _note_row_numbers(raw: Raw, table: Table, names: Sequence[str], where: str = "") -> None:
    """Note which columns of a table are left out since they are empty, or called like numbers of its rows."""
    empty = table.empty_columns(names)
    counting = [name for name in names if name not in empty]
    if empty:
        raw.note(
            "empty-column",
            f"Left out of `{table.name}`, as all cells are empty: {quote_columns(empty)}.",
            where=where,
        )
    if counting:
        raw.note(
            "row-number",
            f"Left out of `{table.name}`, as numbers or names of its rows: {quote_columns(counting)}. Rows are often "
            "sorted by the target, so that their number predicts it. Rename one that is a feature.",
            "warning",
            where,
        )


def _read_joined(
    raw: Raw, name: str, table: Table, of_labels: Sequence[str], modalities: Mapping[str, Any]
) -> RawModality:
    """Return the modality in a table of its own, whose rows are joined to the samples by their ids."""
    ids = find_ids(table.columns)
    check(
        len(ids) == 1,
        f"Table `{table.name}` must have a column `id`, but has {table.columns[:12]}. Rename one.",
    )
    key = ids[0]
    own_ids = _join_ids(raw, table, table.words([key]))
    step = _find_steps(raw, name, table, own_ids)
    rows = _join_rows(raw, table, own_ids, is_sequence=step is not None)
    others = [column for column in table.columns if column not in (key, step)]
    targets = non_feature_columns(others, of_labels, list(modalities))
    if targets:
        raw.note(
            "target-column",
            f"Left out of the features in `{table.name}`, since they are called like ids, targets or parts of the "
            f"split: {quote_columns(targets)}.",
            "warning",
            name,
        )
    numbering = table.row_numbers((key, step, *targets))
    _note_row_numbers(raw, table, numbering, name)
    features = [column for column in others if column not in {*targets, *numbering}]
    return read_features(raw, name, table, features, rows, step)


def _find_steps(raw: Raw, modality: str, table: Table, ids: np.ndarray) -> str | None:
    """Return the column that numbers the steps of sequences; None if rows are vectors.

    A time is a feature if every sample has one row; `step` always numbers steps.
    """
    column = table.find(STEP_NAMES)
    if column is None or column.strip().lower() == STEP_NAMES[0]:
        return column
    is_sequences = len(set(ids)) < len(ids) and not np.array_equal(ids, raw.ids)
    if is_sequences:
        role = "orders the steps of sequences, since ids repeat, and is no feature."
    else:
        role = "is a feature, since every id has one row. Call it `step` if it numbers the steps of sequences."
    raw.note("step-column", f"Column `{column}` of `{table.name}` {role}", where=modality)
    return column if is_sequences else None


def _join_rows(raw: Raw, table: Table, ids: np.ndarray, is_sequence: bool) -> np.ndarray:
    """Return the row of the sample of each row of a table, (n,); -1 if the labels lack its id."""
    own = raw.ids
    check(
        len(ids) > 0,
        f"Table `{table.name}` must have a row a sample, but has none. Add samples, or leave out the table.",
    )
    if not is_sequence and np.array_equal(ids, own):
        return np.arange(len(ids))
    index = pd.Index(own)
    check(
        index.is_unique,
        f"Table `{table.name}` has its samples in another order than `{raw.title}`, where ids repeat, so that they "
        "cannot be told apart. Make the ids unique.",
    )
    rows = index.get_indexer(pd.Index(ids))
    strange = ids[rows < 0]
    example = str(strange[0])[:60] if len(strange) else ""
    check(
        len(strange) < len(ids),
        f"Table `{table.name}` must have ids that `{raw.title}` has, but no id is in both: it has {example!r}, say, "
        f"and `{raw.title}` has {str(own[0])[:60]!r}. Write them alike.",
    )
    times = np.bincount(rows[rows >= 0], minlength=len(own))
    check(
        is_sequence or times.max(initial=0) <= 1,
        f"Table `{table.name}` must have one row a sample, but has {times.max(initial=0)} of "
        f"'{own[times.argmax()][:60]}'. Drop the others, or number the steps of a sequence in a column `step`.",
    )
    if len(strange):
        raw.note(
            "unknown-ids",
            f"{len(strange):,} rows of `{table.name}` have an id that `{raw.title}` does not have, such as "
            f"'{example}'. They are left out.",
            "warning",
        )
    absent = np.flatnonzero(times == 0)
    if len(absent):
        raw.note_incomplete(
            absent,
            f"{len(absent):,} of {len(own):,} samples have no row in `{table.name}`, the first "
            f"'{own[absent[0]][:60]}'.",
        )
    return rows
