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

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from qfusion._checks import check
from qfusion.data import file_words, files, set_digest
from qfusion.data.arrays import normalize_ids, numbered_ids
from qfusion.data.clusters import VIDEO_MARK
from qfusion.data.column_names import (
    LABEL_NAMES,
    SPLIT_NAMES,
    STEP_NAMES,
    TEXT_NAMES,
    find_ids,
    find_name,
    no_features,
    plain,
    quote_columns,
)
from qfusion.data.column_roles import ColumnChoice, ColumnRoles, choose_roles
from qfusion.data.file_words import numbered_features, word_array
from qfusion.data.raw import Pieces, Raw, RawModality, in_order, whole_array
from qfusion.data.readers.padding import last_steps
from qfusion.data.readers.pictures import read_pictures
from qfusion.data.readers.table import (
    Table,
    can_be_feature,
    describe_columns,
    is_list,
    is_picture,
    open_table,
)
from qfusion.errors import InvalidInput, translate_errors

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
        column = find_name(table.columns, (f"label{plain(name)}", f"label{plain(name)[:1]}"))
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
    targets = no_features(others, of_labels, list(modalities))
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


def read_features(
    raw: Raw,
    name: str,
    table: Table,
    features: list[str],
    rows: np.ndarray,
    step: str | None = None,
) -> RawModality:
    """Return columns of a table as a modality.

    Args:
        raw: with the ids of the samples.
        name: of the modality.
        table: of features.
        features: names of columns of numbers, or of one column of lists.
        rows: the row of the sample of each row of the table, -1 for none.
        step: the column that numbers the steps of sequences; None if rows are vectors.
    """
    check(
        len(features) > 0,
        f"Table `{table.name}` must have a column a feature, but has only {table.columns[:12]}, and ids, steps, "
        "targets and numbers of rows are none. Add features.",
    )
    if len(features) == 1 and is_picture(table.kinds[features[0]]):
        return read_pictures(raw, name, table, features[0])
    lists = [column for column in features if is_list(table.kinds[column])]
    others = [column for column in features if column not in lists]
    verb = "holds" if len(lists) == 1 else "hold"
    single = f" and {quote_columns(others)} single values" if others else ""
    check(
        not lists or len(features) == 1,
        f"Table `{table.name}` must hold a modality as columns of numbers or as one column of lists, but "
        f"{quote_columns(lists)} {verb} lists{single}. Keep one of them.",
    )
    if not lists:
        pieces = partial(_feature_pieces, name, table, features)
        return _place_rows(raw, name, table, pieces, features, rows, step)
    (column,) = lists
    is_nested = is_list(table.kinds[column].value_type)
    check(
        can_be_feature(table.kinds[column]),
        f"Column `{column}` of `{table.name}` must hold lists of numbers, or lists of such lists, but holds "
        f"{str(table.kinds[column])[:60]}. Convert or drop it.",
    )
    check(
        not is_nested or step is None,
        f"Column `{column}` of `{table.name}` must hold a list of numbers for every step, but holds lists of lists, "
        f"which are whole sequences. Drop the column `{step}`, or write a row for every step.",
    )
    if is_nested:
        return _read_nested(raw, name, table, column, rows)
    size = _list_size(table, column)
    names = numbered_features(name, size)
    return _place_rows(
        raw, name, table, partial(_flat_lists, table, column, size), names, rows, step
    )


def _feature_pieces(name: str, table: Table, features: list[str]) -> Iterator[np.ndarray]:
    """Yield columns of numbers in pieces (n, F); if they hold words, the message names these columns."""
    try:
        yield from table.numbers(features)
    except InvalidInput as error:
        words = _find_words(table, features) if table.is_text else {}
        if not words:
            raise
        raise InvalidInput(
            f"Modality '{name}' must have columns of numbers, but these hold words: {quote_columns(list(words))}, "
            f"such as {next(iter(words.values()))[:40]!r}. Correct them, or leave them out of the modality."
        ) from error


def _find_words(table: Table, features: Sequence[str]) -> dict[str, str]:
    """Return the columns of a CSV file that do not hold numbers alone, each with the first word that is none."""
    first_words = {}
    for column in features:
        written = list(filter(None, table.words([column])[0]))
        numbers = file_words.parse_numbers(written, decimal_comma=table.decimal_comma)
        is_word = np.isnan(numbers) & ~file_words.are_unknown(written)
        is_word &= ~np.isin(np.char.lower(np.array(written, dtype=str)), ("true", "false"))
        if is_word.any():
            first_words[column] = written[int(is_word.argmax())]
    return first_words


def _place_rows(
    raw: Raw,
    name: str,
    table: Table,
    read: Any,
    names: Sequence[str],
    rows: np.ndarray,
    step: str | None,
) -> RawModality:
    """Return a modality whose rows, which `read` yields in pieces (n, F), are samples or steps of samples."""
    count = len(raw.ids)
    if step is None:
        in_rows = np.array_equal(rows, np.arange(count))
        pieces = (lambda: in_order(read())) if in_rows else (lambda: _scatter(read(), (rows,)))
        return RawModality(name, (count, len(names)), pieces, names)
    times = pd.Series(np.concatenate([piece[:, 0] for piece in table.numbers([step])]))
    own = times.groupby(rows)
    falling = np.flatnonzero((rows >= 0) & ~(times > own.shift(fill_value=-np.inf)))
    example = raw.ids[rows[falling[0]]][:60] if len(falling) else ""
    check(
        len(falling) == 0,
        f"Column `{step}` of `{table.name}` must rise within every id, but does not for '{example}'. Sort the table "
        "by id and step.",
    )
    lengths = np.bincount(rows[rows >= 0], minlength=count)
    steps = own.cumcount().to_numpy()
    return _sequence(raw, name, names, lengths, lambda: _scatter(read(), (rows, steps)))


def _scatter(pieces: Iterator[np.ndarray], places: tuple[np.ndarray, ...]) -> Pieces:
    """Yield pieces (n, F) with their places; what belongs to no sample is left out."""
    for at, piece in set_digest.enumerate_pieces(pieces):
        here = [axis[at : at + len(piece)] for axis in places]
        known = here[0] >= 0
        yield tuple(axis[known] for axis in here), piece[known]


def _sequence(
    raw: Raw, name: str, names: Sequence[str], lengths: np.ndarray, pieces: Any
) -> RawModality:
    """Return a modality of sequences that are padded to the longest."""
    longest = max(1, int(lengths.max(initial=1)))
    raw.note_sequences(name, lengths, longest)
    shape = (len(lengths), longest, len(names))
    return RawModality(name, shape, pieces, names, np.maximum(lengths, 1), padded=True)


def _list_size(table: Table, column: str, depth: int = 1) -> int:
    """Return the length of the first list of numbers in a column of lists, or of lists of lists."""
    for lists in table.lists(column):
        inner = lists.flatten().drop_null() if depth == 2 else lists
        sizes = pa.compute.list_value_length(inner)
        if len(sizes) and sizes[0].as_py() > 0:
            return int(sizes[0].as_py())
    raise InvalidInput(
        f"Column `{column}` of `{table.name}` must hold lists of numbers, but its first list is empty. Mend or drop "
        "it."
    )


def _flat_lists(table: Table, column: str, size: int) -> Iterator[np.ndarray]:
    """Yield a column of lists of one length in pieces (n, F)."""
    for lists in table.lists(column):
        check(
            set(np.unique(pa.compute.list_value_length(lists))) <= {size},
            f"Column `{column}` of `{table.name}` must hold lists of {size} numbers, but not all have that length. "
            "Number the steps of a sequence in a column `step`.",
        )
        yield _numbers(lists.flatten(), size)


def _numbers(flat: pa.Array, size: int) -> np.ndarray:
    numbers = flat.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers).reshape(-1, size)


def _read_nested(raw: Raw, name: str, table: Table, column: str, rows: np.ndarray) -> RawModality:
    """Return a modality whose cells are sequences, lists of steps that are lists of numbers."""
    size = _list_size(table, column, depth=2)
    counts = []
    for sequences in table.lists(column):
        inner = sequences.flatten()
        sizes = pa.compute.list_value_length(inner.drop_null())
        check(
            inner.null_count == 0 and set(np.unique(sizes)) <= {size},
            f"Column `{column}` of `{table.name}` must hold a list of steps for every sample, each a list of {size} "
            "numbers, but some have another length or are missing. Mend or drop them.",
        )
        counts.append(np.asarray(pa.compute.list_value_length(sequences)))
    steps = np.concatenate(counts)
    lengths = np.zeros(len(raw.ids), np.int64)
    lengths[rows[rows >= 0]] = steps[rows >= 0]

    def pieces() -> Pieces:
        row = np.repeat(rows, steps)
        step = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
        flat = (_numbers(lists.flatten().flatten(), size) for lists in table.lists(column))
        yield from _scatter(flat, (row, step))

    return _sequence(raw, name, numbered_features(name, size), lengths, pieces)


def read_npy(raw: Raw, name: str, path: Path) -> RawModality:
    """Return the modality in a .npy file, which is mapped."""
    files.require_signature(path, "a .npy file")
    with translate_errors(
        f"File `{path.name}` cannot be read as a NumPy array of numbers",
        "Save it again by `numpy.save`.",
        Exception,  # a damaged file raises whatever its bytes lead to
        why="{kind}: {words:.160}",
    ):
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    shape = values.shape
    count = len(raw.ids)
    is_fit = len(shape) in (2, 3) and shape[0] == count and min(shape) > 0
    check(
        values.dtype.kind in "biuf" and is_fit,
        f"File `{path.name}` must hold numbers of shape ({count}, F) or ({count}, T, F), a row for every label, but "
        f"has type {values.dtype} and shape {shape}. Save it in that shape.",
    )
    lengths = None
    if len(shape) == 3:
        lengths = np.maximum(1, last_steps(set_digest.pieces(values)))
        if (lengths < shape[1]).any():
            raw.note_sequences(
                name, lengths, shape[1], "; steps of zeros at the end count as padding"
            )
    return whole_array(name, values, numbered_features(name, shape[-1]), lengths=lengths)
