"""A sample in a few words: its text beside its id, wherever samples are listed."""

from collections.abc import Iterable, Mapping

import pandas as pd

from qfusion._memory_cache import memo
from qfusion.data import DataSet, Text
from qfusion.data.sample_content import Content
from qfusion.errors import default_on_error

SHORT = 60  # characters of a text in a list
BESIDE = " · "  # between an id and its text


def describe_sample(dataset: DataSet, row: int, limit: int = SHORT) -> str:
    """Return the text of a sample on one line, shortened to `limit` characters; empty if it has none.

    It comes from the data as it is. Escape it where markup is read.
    """
    column = text_column(dataset)
    entry = dataset.table[column].iloc[row] if column else None
    if not isinstance(entry, str):
        contents = read_content(dataset, row).values()
        entry = BESIDE.join(part.text for part in contents if isinstance(part, Text))
    return shorten(entry, limit)


def name_sample(dataset: DataSet, row: int, limit: int = SHORT) -> str:
    """Return the id of a sample and its text: `scene-6479 · is the blue shape left of the circle?`."""
    return _join(str(dataset.ids[row]), describe_sample(dataset, row, limit))


def describe_samples(dataset: DataSet, rows: Iterable[int], limit: int = SHORT) -> list[str]:
    """Return the texts of some samples, as `describe_sample` does."""
    return [describe_sample(dataset, int(row), limit) for row in rows]


@memo(8)
def name_all_samples(dataset: DataSet, limit: int = SHORT) -> Mapping[str, str]:
    """Return the names of all samples by id, as `name_sample` does. They are computed once for a data set."""
    return name_samples(dataset, map(str, dataset.ids), limit)


def name_samples(dataset: DataSet, ids: Iterable[str], limit: int = SHORT) -> dict[str, str]:
    """Return the names of samples by id. Of the data set's own samples only the table is read, as there may be many.

    Where two samples would have the same name, the names are the ids.
    """
    ids = list(ids)
    if not text_column(dataset):
        return {name: name for name in ids}
    entries = dataset.table[text_column(dataset)].to_numpy()
    names = {}
    for name, row in zip(ids, dataset.find_rows(ids).tolist(), strict=True):
        entry = entries[row]
        if dataset.is_own(row):
            names[name] = name_sample(dataset, row, limit)
        else:
            names[name] = _join(name, shorten(entry, limit) if isinstance(entry, str) else "")
    if len(set(names.values())) < len(names):
        return {name: name for name in ids}
    return names


def table_texts(dataset: DataSet, rows: pd.DataFrame) -> list[str]:
    """Return the text of each row of a table of samples; empty where the table has no texts."""
    column = text_column(dataset)
    if column not in rows.columns:
        return []
    return [shorten(entry) if isinstance(entry, str) else "" for entry in rows[column]]


@memo(16)
def text_column(dataset: DataSet) -> str:
    """Return the column of a data set's table that holds the text of its samples; empty if there is none."""
    spoken = spoken_columns(dataset.table)
    if spoken:
        return spoken[0]
    modalities = [name for name in dataset.names if name in dataset.table.columns]
    first = read_content(dataset, 0) if modalities else {}
    for name in modalities:
        part = first.get(name)
        if isinstance(part, Text) and part.text == dataset.table[name].iloc[0]:
            return name
    return ""


@default_on_error({})
def read_content(dataset: DataSet, row: int) -> dict[str, Content]:
    """Return the raw content of a sample; nothing where it cannot be read, which its own page explains."""
    return dataset.content(row)


def shorten(words: str, limit: int = SHORT) -> str:
    """Return a text on one line, shortened to `limit` characters."""
    line = " ".join(words[: 8 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _join(name: str, words: str) -> str:
    return f"{name}{BESIDE}{words}" if words else name


SPOKEN = ("text", "transcript")


def spoken_columns(rows: pd.DataFrame) -> list[str]:
    """Return the columns of a table of samples that contain the spoken text."""
    return [name for name in SPOKEN if name in rows.columns]
