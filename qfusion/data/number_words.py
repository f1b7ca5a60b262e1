"""Numbers as text, in the notations of spreadsheets of many countries."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

UNKNOWN = ("", "nan", "na", "null", "none", "<na>", "inf", "+inf", "-inf")  # of a number
MINUS = "\u2212"  # the minus sign of typesetters, which is no hyphen
_COMMA = re.compile(
    r"[-+]?(\d{1,3}(\.\d{3})+|\d{1,3}([ \u00a0\u202f]\d{3})+|\d*),\d+([eE][-+]?\d+)?"
)
_THOUSANDS_COMMA = re.compile(r"[-+]?\d{1,3}(,\d{3})*,\d{3}\.\d*")
_POINT = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}(\.\d{3})+")
_LIKE_A_NUMBER = re.compile(  # without turning back at blanks
    r"[-+(]?\s*+[$€£¥]?\s*+[-+]?\d[\d.,'’ \u00a0\u202f]*+([eE][-+]?\d+)?\s*+[%‰$€£¥]?\)?"
)
_LONG = re.compile(r"[-+]?\d{16,308}")


def parse_numbers(words: Sequence[str], decimal_comma: bool = False) -> np.ndarray:
    """Return the numbers that words represent, float64 (N,), with NaN for a word that represents none.

    Args:
        words: (N,). The typographic minus counts as a minus.
        decimal_comma: whether "1,5" and "1.234,5" may be numbers; they are not where another word, such as "1,234.5",
            has commas between thousands.
    """
    plain = pd.Series(list(words), dtype=object).str.strip().str.replace(MINUS, "-", regex=False)
    if decimal_comma and has_decimal_comma(plain.tolist()):
        plain = _replace_decimal_commas(plain)
    return pd.to_numeric(plain, errors="coerce").to_numpy(np.float64)


def exact_numbers(words: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    """Return the finite numbers (N,) of words as objects, None for others. Whole numbers keep all their digits, also
    those beyond 2^53.
    """
    exact = numbers.astype(object)
    exact[~np.isfinite(numbers)] = None
    for row, (word, number) in enumerate(zip(words, numbers, strict=True)):
        if abs(number) >= 2**53 and _LONG.fullmatch(word):
            exact[row] = int(word)
    return exact


def has_decimal_comma(words: Sequence[str]) -> bool:
    """Whether some words are numbers with a decimal comma, and none has commas between thousands."""
    return any(map(_COMMA.fullmatch, words)) and not any(map(_THOUSANDS_COMMA.fullmatch, words))


def has_decimal_point(words: Sequence[str]) -> bool:
    """Whether some words are numbers with a decimal point."""
    return any(map(_POINT.fullmatch, words))


def _replace_decimal_commas(words: pd.Series) -> pd.Series:
    """Return words (N,) with a decimal comma as words with a decimal point."""
    with_comma = words.str.fullmatch(_COMMA)
    # Points stand between thousands everywhere if they do so beside a comma.
    if (with_comma & words.str.contains(".", regex=False)).any():
        thousands = words.str.fullmatch(_THOUSANDS_POINT)
        words = words.where(~thousands, words.str.replace(".", "", regex=False))
    bare = words.str.replace(r"[. \u00a0\u202f]", "", regex=True)
    return words.where(~with_comma, bare.str.replace(",", ".", regex=False))


def are_unknown(words: Sequence[str]) -> np.ndarray:
    """Return which words denote an unknown number, bool (N,)."""
    return pd.Series(list(words), dtype=object).str.strip().str.lower().isin(UNKNOWN).to_numpy(bool)


def are_like_numbers(words: Sequence[str]) -> np.ndarray:
    """Return which words look like numbers, even if they cannot be parsed: "1,153", "12%", "1,234.00". Bool (N,)."""
    plain = pd.Series(list(words), dtype=object).str.strip().str.replace(MINUS, "-", regex=False)
    return plain.str.fullmatch(_LIKE_A_NUMBER).to_numpy(bool)
