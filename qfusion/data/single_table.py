"""One table with features and labels: each row is a sample, and the columns are divided into modalities."""

from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import number_words
from qfusion.data.column_roles import ColumnChoice, ColumnRoles, choose_roles
from qfusion.data.label_table import LabelColumns
from qfusion.data.staged_set import Part, StagedSet
from qfusion.data.table_columns import quote_columns
from qfusion.data.table_files import STEP, Table, open_table
from qfusion.data.table_preview import preview_columns
from qfusion.data.tables import TableReader
from qfusion.errors import InvalidInput

_SHOWN = 3  # columns of a modality in a sentence


def read_single_table(
    path: Path, choice: ColumnChoice, folder: Path, target: str = "auto"
) -> StagedSet:
    """Return the set that one table makes up, its arrays written to a folder.

    Args:
        path: of the table.
        choice: of the columns' roles; what is not chosen is guessed.
        folder: for the arrays.
        target: see `tables.read_tables`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when roles are missing, or the table cannot be read.
    """
    table = open_table(path)
    roles = choose_roles(preview_columns(table), choice)
    columns = LabelColumns(roles.label, roles.ids, roles.split, roles.features)
    reader = TableReader(folder, table, tuple(roles.modalities), columns=columns)
    _check_no_sequences(reader, table)
    reader.add_finding("columns", describe_roles(roles))
    for name, skipped in roles.skipped.items():
        reader.add_finding(
            "no-feature",
            f"Left out of the features, since they hold no numbers or are called like ids or targets: "
            f"{quote_columns(skipped)}. They are kept to show and to filter by.",
            "warning",
            name,
        )
    rows = np.arange(len(reader.ids))
    parts = [
        _write_modality(reader, table, name, list(features), rows)
        for name, features in roles.modalities.items()
    ]
    return reader.stage(parts, target, path.name, "tables")


def describe_roles(roles: ColumnRoles) -> str:
    """Return a sentence on what the columns of a table are for."""
    ids = quote_columns(roles.ids) if roles.ids else "numbers of the rows"
    split = quote_columns([roles.split]) if roles.split else "none"
    modalities = []
    for name, columns in roles.modalities.items():
        shown = ", ".join(f"`{column[:40]}`" for column in columns[:_SHOWN])
        rest = len(columns) - _SHOWN
        more = f" and {rest:,} more" if rest > 0 else ""
        modalities.append(f"{name}: {shown}{more}")
    return (
        f"Columns are read as label: {quote_columns([roles.label])}; id: {ids}; split: {split}; "
        f"{'; '.join(modalities)}. Any other column is kept to show and to filter by."
    )


def _check_no_sequences(reader: TableReader, table: Table) -> None:
    """Check that rows are samples and not steps of sequences."""
    step = table.column((STEP[0],))
    check(
        step is None or len(np.unique(reader.ids)) == len(reader.ids),
        f"Table `{table.path.name}` must have one row a sample, but has a column `{step}` and repeats ids, so that its "
        "rows are steps of sequences. Save a table for each modality and one of labels.",
    )


def _write_modality(
    reader: TableReader, table: Table, name: str, features: list[str], rows: np.ndarray
) -> Part:
    """Write a modality; if that fails since columns hold words, the message names these columns."""
    try:
        return reader.write_modality(name, table, features, rows)
    except InvalidInput as error:
        words = _find_words(table, features)
        if not words:
            raise
        first = next(iter(words))
        raise InvalidInput(
            f"Modality '{name}' must have columns of numbers, but these hold words: "
            f"{quote_columns(list(words))}, such as {words[first][:40]!r}. Correct them, or leave them out of the "
            "modality."
        ) from error


def _find_words(table: Table, features: list[str]) -> dict[str, str]:
    """Return the columns of a CSV file that do not hold numbers alone, each with the first word that is none."""
    if table.path.suffix.lower() == ".parquet":
        return {}
    first_words: dict[str, str] = {}
    for batch in table.batches(features, tuple(features)):
        for name, column in zip(features, batch.columns, strict=True):
            if name in first_words:
                continue
            written = [word for word in column.to_pylist() if word]
            numbers = number_words.parse_numbers(written, decimal_comma=table.decimal == ",")
            is_word = np.isnan(numbers) & ~number_words.are_unknown(written)
            is_word &= ~np.isin(np.char.lower(np.array(written, dtype=str)), ("true", "false"))
            if is_word.any():
                first_words[name] = written[int(is_word.argmax())]
    return first_words
