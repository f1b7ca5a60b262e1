"""Words from data, files and links, shown as they are: never as markup, emoji, formulas or spreadsheet formulas.

Samples get their own words beside their ids, wherever they are listed."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from qfusion._memory_cache import memo
from qfusion.data import DataSet, Text
from qfusion.data.coalition_terms import split_term
from qfusion.data.sample_content import Content
from qfusion.data.target_spec import CONFLICT_COLUMN, LABEL_PREFIX
from qfusion.errors import default_on_error

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$&^=\-])")
_DIRECTIVE = re.compile(r":(?!\s)")  # a colon that may begin `:smile:` or `:red[...]`
# What a spreadsheet takes for a formula where it begins a cell. Where semicolons or tabs divide cells, as in many
# countries, one begins after each of them, and quotes of a table with commas hold nothing together.
_FORMULA = re.compile(r"^(?=[\t\n])|(^|[;\t\n]\"*)(?=[=+\-@＝＋－＠])")


def escape_markdown(text: object, limit: int = 400) -> str:
    """Markdown that shows `text` literally, on one line, shortened to `limit` characters.

    A colon is followed by a zero-width space unless a space follows: `:smile:` and `:material/...:` are replaced after
    markdown is parsed, so a backslash would not stop them.
    """
    words = " ".join(str(text).split())
    short = words if len(words) <= limit else words[: limit - 1] + "…"
    return _DIRECTIVE.sub(":\u200b", _PUNCTUATION.sub(r"\\\1", short))


def term(name: str) -> str:
    """Markdown that shows a term of a decision: its modalities with plus signs between them; empty for the baseline."""
    return escape_markdown(" + ".join(split_term(name)))


def with_unit(what: str, unit: str) -> str:
    """Return a quantity with its unit: "prediction (sentiment score)". If the unit itself has parentheses, the
    result is "prediction, log-odds of ‘yes’ (nats)".
    """
    return f"{what}, {unit}" if "(" in unit else f"{what} ({unit})"


def message(text: object) -> str:
    """An error's message as markdown: literal, except that `names` in backticks become code."""
    parts = str(text)[:1500].split("`")
    if len(parts) % 2 == 0:
        return escape_markdown(text, 1500)
    return "".join(f"`{part}`" if i % 2 else _escape_part(part) for i, part in enumerate(parts))


def _escape_part(part: str) -> str:
    lead = part[: len(part) - len(part.lstrip())]
    tail = part[len(part.rstrip()) :] if part.strip() else ""
    return (" " if lead else "") + escape_markdown(part, 1500) + (" " if tail else "")


def quote_names(keys: Sequence[str]) -> str:
    """Return names from a link or a file as code for `message`: the first few, shortened."""
    text = ", ".join(f"`{key[:40].replace('`', chr(39))}`" for key in keys[:5])
    return text + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def csv(table: pd.DataFrame, header: bool = True) -> bytes:
    """A table as UTF-8 CSV for programs and spreadsheets, the only writer of tables that leave.

    Where a text cell, or the name of a column, begins as a spreadsheet's formula, an apostrophe comes before it; so too
    after a semicolon, tab or line feed, where the spreadsheets of some countries begin a cell. A lone carriage return
    becomes a line feed: pandas writes it without quotes, and what follows it would begin a row.

    Args:
        table: its index is not written. header: whether the names of the columns are the first row.
    """
    safe = table.copy()
    for place, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, [_escape_formula(cell) for cell in safe.iloc[:, place]])
    safe.columns = pd.Index([_escape_formula(name) for name in safe.columns])
    return safe.to_csv(index=False, header=header).encode()


def _escape_formula(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    words = cell.replace("\r\n", "\n").replace("\r", "\n")
    return _FORMULA.sub(r"\1'", words)


_COLUMNS = {
    "score_clean": "score without noise",
    "regime": "planted type",
    "dominant": "largest term",
    CONFLICT_COLUMN: "signs of people's labels conflict",
}


def column(name: str) -> str:
    """A column of a data set's table as a reader says it: `latent_text` -> "hidden score of text"."""
    if name.startswith("latent_"):
        return f"hidden score of {name.removeprefix('latent_')}"
    if name.startswith(LABEL_PREFIX) and name != CONFLICT_COLUMN:
        return f"people's label of {name.removeprefix(LABEL_PREFIX)}"
    return _COLUMNS.get(name, name.replace("_", " "))


def find_column(words: str, columns: Iterable[str]) -> str:
    """Return the column with a name, or else the one with that name under `column`. If there is neither, return the
    name itself.
    """
    known = list(columns)
    return (
        words if words in known else next((name for name in known if column(name) == words), words)
    )


def strip_markup(markdown: str) -> str:
    """Our own markdown, with texts of `escape_markdown` in it, as plain text: for captions in files."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown.replace(":\u200b", ":"))
    words = re.sub(r"(?<!\\)(\*\*|`)", "", words).replace("  \n", " ")
    return re.sub(r"\\([\\`*_{}\[\]()#+.!|<>~$&^=\-])", r"\1", words)


def file_name(name: str, most: int = 60) -> str:
    """Return a name that every file system accepts: letters, digits, dots and dashes, not hidden, in no folder.

    Args:
        name: any text.
        most: the largest number of characters.
    """
    bare = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    bare = re.sub(r"[^A-Za-z0-9._-]+", "-", bare)
    bare = re.sub(r"\.{2,}", ".", bare)
    return bare.strip(".-_")[:most].strip(".-_") or "unnamed"


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
