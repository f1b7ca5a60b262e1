"""Cohorts: a name and a filter over the columns of a table with one row a sample.

    relation=conflict; error>1            what holds for each sample; all parts must hold
    split=train; truth=3|5                one of several values; without a part on `split`, the test split is meant
    text~awful; video!="a;b"              contains (upper or lower case); quotes around what holds `;`, `|` or spaces
                                          at an end
    pca[states]@0,0|1,1                   lies in a region of two columns, `pca[states].1` and `pca[states].2`: a box
                                          between two corners, or a polygon of several

A filter is text, so that it can stand in an address. It is taken apart by hand and only ever compared with columns:
nothing in it runs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_number
from qfusion.explain.coalitions import RELATIONS

MAX_TEXT, MAX_PARTS, MAX_VALUES, MAX_NAME, MAX_SAVED = 500, 12, 30, 40, 8
OPERATORS = ("!=", "<=", ">=", "=", "<", ">", "~", "@")  # the longer ones first
REGION = "@"
_COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
SPLIT, EVERYTHING, DEFAULT_SPLIT = "split", "all", "test"
_KNOWN_VALUES = 200  # columns with more distinct values than this may be asked for any value
_HUGE = 1e12


@dataclass(frozen=True)
class Condition:
    """One condition of a filter: a column, an operator of `OPERATORS`, and the values, of which one must match."""

    column: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{'|'.join(map(_quote, self.values))}"


@dataclass(frozen=True)
class Cohort:
    """A name and its filter."""

    name: str
    parts: tuple[Condition, ...]

    @property
    def filter(self) -> str:
        """The filter as text; `parse` reads it back."""
        return format_conditions(self.parts)

    def __str__(self) -> str:
        return f"{self.name}:{self.filter}"


def format_conditions(parts: Sequence[Condition]) -> str:
    """Return conditions as text.

    Example:
        >>> from qfusion.explain.cohort_filters import format_conditions, parse
        >>> format_conditions(parse("relation=conflict; error>1"))
        'relation=conflict; error>1'
    """
    return "; ".join(map(str, parts))


def parse(text: str) -> tuple[Condition, ...]:
    """Return the conditions of a filter; none for an empty text.

    Raises:
        InvalidInput: when the text is too long, or a part is no condition; the message names the part.

    Example:
        >>> [str(part) for part in parse('relation=conflict; error >= 1; text~"a; b"')]
        ['relation=conflict', 'error>=1', 'text~"a; b"']
    """
    check(
        len(text) <= MAX_TEXT,
        f"The filter has {len(text):,} characters, and at most {MAX_TEXT} are read. Use fewer conditions.",
    )
    check(text.isprintable(), "The filter holds characters that cannot be printed. Remove them.")
    parts = tuple(_parse_part(piece) for piece in _split_outside_quotes(text, ";") if piece.strip())
    check(
        len(parts) <= MAX_PARTS,
        f"The filter has {len(parts)} conditions, and at most {MAX_PARTS} are read. Use fewer.",
    )
    return parts


def parse_saved(text: str) -> Cohort:
    """Return a cohort from `NAME:FILTER`.

    Raises:
        InvalidInput: when the name or the filter does not fit.

    Example:
        >>> from qfusion.explain.cohort_filters import parse_saved
        >>> parse_saved("sarcasm:relation=conflict").name
        'sarcasm'
    """
    name, colon, rest = text[: MAX_TEXT + MAX_NAME + 2].partition(":")
    check(
        bool(colon),
        f"Cohort `{text[:60]}` must look like `NAME:FILTER`, such as `hard:error>1`. It has no colon.",
    )
    parts = parse(rest)
    check(
        bool(parts),
        f"Cohort `{name[:60]}` has no filter. Write one behind the colon, such as `hard:error>1`.",
    )
    return Cohort(cohort_name(name), parts)


def cohort_name(name: str) -> str:
    """Return the name of a cohort without spaces around it.

    Raises:
        InvalidInput: when it is empty or too long, or holds more than letters, digits, spaces, `_`, `-` and `.`.
    """
    bare = name.strip()
    check(
        0 < len(bare) <= MAX_NAME and all(c.isalnum() or c in " _-." for c in bare),
        f"A cohort's name must be 1 to {MAX_NAME} letters, digits, spaces, `_`, `-` or `.`, but is {bare[:60]!r}. "
        "Choose another.",
    )
    return bare


def split_conditions(parts: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return the conditions on the split, or the condition for the test split if there are none."""
    return tuple(part for part in parts if part.column == SPLIT) or (
        Condition(SPLIT, "=", (DEFAULT_SPLIT,)),
    )


def rows_in_split(parts: Sequence[Condition], frame: pd.DataFrame) -> np.ndarray:
    """Return which rows lie in the split (N,): the cohort's own when it names one, else the test split."""
    return _rows_where(split_conditions(parts), frame)


def select_rows(parts: Sequence[Condition], frame: pd.DataFrame) -> np.ndarray:
    """Return which rows belong to the cohort (N,), within its split.

    A row whose value is missing passes no condition on it.

    Args:
        frame: one row a sample; its index can be asked for as `id`.

    Raises:
        NotFound: when there is no such column or value.
        InvalidInput: when a value is no number, or the operator does not fit the column.
    """
    return _rows_where(
        [*split_conditions(parts), *(part for part in parts if part.column != SPLIT)], frame
    )


def _rows_where(parts: Sequence[Condition], frame: pd.DataFrame) -> np.ndarray:
    keep = np.ones(len(frame), dtype=bool)
    for part in parts:
        if part.column == SPLIT and EVERYTHING in part.values:
            continue
        if part.operator == REGION:
            keep &= _rows_in_region(part, frame)
        else:
            values = find_column(part.column, frame)
            keep &= (_compare_numbers if pd.api.types.is_numeric_dtype(values) else _compare_texts)(
                part, values
            )
    return keep


def find_column(name: str, frame: pd.DataFrame) -> pd.Series:
    """Return a column by name, `id` for the index; a plus sign that an address has made a space is put back.

    Raises:
        NotFound: when there is none.
    """
    if name == "id":
        return pd.Series(frame.index.astype(str), index=frame.index)
    mended = name.replace(" ", "+")
    return frame[
        mended
        if mended in frame.columns
        else choose("Column", name, ["id", *map(str, frame.columns)])
    ]


def _rows_in_region(part: Condition, frame: pd.DataFrame) -> np.ndarray:
    """Whether the two columns of a region lie in it; rows that have no place do not."""
    axes = [f"{part.column}.{i}" for i in (1, 2)]
    check(
        all(axis in frame.columns for axis in axes),
        f"Condition `{str(part)[:80]}`: `{REGION}` asks for a region of a map, such as `pca[states]@0,0|1,1`, and "
        f"`{part.column[:40]}` is none of this model.",
    )
    check(
        len(part.values) >= 2,
        f"Condition `{str(part)[:80]}` must name two corners of a box, or those of a polygon.",
    )
    return points_in_region(
        np.array([_parse_corner(value) for value in part.values]), frame[axes].to_numpy(dtype=float)
    )


def _parse_corner(value: str) -> tuple[float, float]:
    x, comma, y = value.partition(",")
    check(bool(comma), f"A corner of a region must look like `0.5,-1`, but is `{value[:40]}`.")
    return require_number("corner", x, -_HUGE, _HUGE), require_number("corner", y, -_HUGE, _HUGE)


def points_in_region(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which points (N, 2) lie in the box between two corners, edges included, or in a polygon of more (K, 2),
    by how many of its edges lie to their right (even-odd rule); points that are not finite do not.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.cohort_filters import points_in_region
        >>> corners = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> points_in_region(corners, np.array([[0.5, 0.5], [2.0, 0.5]])).tolist()
        [True, False]
    """
    from skimage.measure import points_in_poly  # on demand, as few filters name a region

    known = np.isfinite(points).all(1)
    if len(corners) == 2:
        with np.errstate(invalid="ignore"):
            return known & ((points >= corners.min(0)) & (points <= corners.max(0))).all(1)
    return known & points_in_poly(np.where(known[:, None], points, 0.0), corners)


def _compare_numbers(part: Condition, column: pd.Series) -> np.ndarray:
    check(
        part.operator != "~",
        f"Condition `{str(part)[:80]}`: `~` looks for words, `{part.column}` holds numbers. Use `=`, `<` or `>`.",
    )
    numbers = [require_number(part.column, value, -_HUGE, _HUGE) for value in part.values]
    check(
        part.operator not in _COMPARISONS or len(numbers) == 1,
        f"Condition `{str(part)[:80]}` must name one number after `{part.operator}`.",
    )
    values = column.to_numpy(dtype=float)
    if part.operator in _COMPARISONS:
        with np.errstate(invalid="ignore"):
            return np.asarray(_COMPARISONS[part.operator](values, numbers[0]))
    equal = np.any([np.isclose(values, one, rtol=1e-9, atol=1e-12) for one in numbers], axis=0)
    return (equal if part.operator == "=" else ~equal) & ~np.isnan(values)


def _compare_texts(part: Condition, column: pd.Series) -> np.ndarray:
    check(
        part.operator in ("=", "!=", "~"),
        f"Condition `{str(part)[:80]}`: `{part.operator}` compares numbers, and `{part.column}` holds words. Use "
        "`=`, `!=` or `~`.",
    )
    words = column.astype(str)
    known = column.notna().to_numpy()
    if part.operator == "~":
        texts = words.str.casefold().str
        return known & np.any(
            [texts.contains(value.casefold(), regex=False) for value in part.values], axis=0
        )
    distinct = words.unique()
    if len(distinct) <= _KNOWN_VALUES:
        options = [*filter(None, distinct), *(RELATIONS if part.column == "relation" else ())]
        for value in part.values:
            choose(f"In column '{part.column}', value", value, dict.fromkeys(options))
    inside = words.isin(part.values).to_numpy()
    return np.asarray(inside if part.operator == "=" else ~inside) & known


def _parse_part(piece: str) -> Condition:
    place, operator = next(
        ((at, op) for at in range(len(piece)) for op in OPERATORS if piece.startswith(op, at)),
        (0, ""),
    )
    column = piece[:place].strip()
    check(
        bool(operator) and bool(column),
        f"Condition `{piece.strip()[:80]}` must look like `relation=conflict`, `error>1` or `text~word`. Remove or "
        "mend it.",
    )
    values = tuple(
        _unquote(value) for value in _split_outside_quotes(piece[place + len(operator) :], "|")
    )
    check(
        all(values),
        f"Condition `{piece.strip()[:80]}` must name a value after `{operator}`. Write one.",
    )
    check(
        len(values) <= MAX_VALUES,
        f"Condition on `{column[:40]}` names {len(values)} values, and at most {MAX_VALUES} are read.",
    )
    return Condition(column, operator, values)


def _split_outside_quotes(text: str, mark: str) -> list[str]:
    """Split at marks that stand outside double quotes: an even number of these follows."""
    check(text.count('"') % 2 == 0, f"A quote is opened and not closed in `{text[:80]}`. Close it.")
    return re.split(rf'{re.escape(mark)}(?=[^"]*(?:"[^"]*"[^"]*)*$)', text)


def _unquote(value: str) -> str:
    bare = value.strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        return bare[1:-1].replace('""', '"')
    return bare


def _quote(value: str) -> str:
    plain = value == value.strip() and not any(mark in value for mark in ';|"')
    return value if plain else '"' + value.replace('"', '""') + '"'
