"""Numbers as text, as reports print them."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion.analysis.shown_terms import select_shown_terms
from qfusion.figures import decision_charts

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def list_terms(numbers: Mapping[str, float], form: str = "+.2f") -> str:
    """Return names with their numbers: "text +0.41, baseline -0.69". The empty name is the baseline, and the
    smallest of many joint terms are summed.
    """
    shown, rest = select_shown_terms([numbers])
    listed = {name: value for name, value in numbers.items() if name in {"", *shown}}
    if rest:
        listed[decision_charts.rest_title(len(rest))] = sum(numbers[name] for name in rest)
    return ", ".join(f"{name or 'baseline'} {value:{form}}" for name, value in listed.items())


def format_signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign and a typographic minus. A value that rounds to zero gets a plus."""
    return f"{_round(value, digits):+.{digits}f}".replace("-", "−")


def format_number(value: Any, digits: int = 3) -> str:
    """Return a number as text, or "–" if there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{_round(value, digits):.{digits}f}".replace("-", "−")


def _round(value: float, digits: int) -> float:
    """Return a rounded number. Adding 0.0 turns -0.0 into 0.0."""
    return round(float(value), digits) + 0.0


def format_power(value: float) -> str:
    """Return a small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


MAX_TEXT = 20_000  # characters of a text
MAX_TITLE = 240  # characters of a title
# Persian, the languages of India and emoji need the two joiners.
ALLOWED = "\n\u200c\u200d"
# Control, format (such as those that turn the direction), surrogate, private, not assigned.
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn")
# Lines end within Chinese, Japanese and Korean anyway.
LONG_WORD = re.compile("[^ \n\u2e80-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{41,}")


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text that can be printed. Line breaks stay, control and direction characters become U+FFFD, and texts
    longer than `limit` are cut.
    """
    words = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    if len(words) > limit:
        words = words[: limit - 1] + "…"
    odd = [
        letter
        for letter in set(words)
        if letter not in ALLOWED and unicodedata.category(letter) in UNPRINTABLE
    ]
    return words.translate(dict.fromkeys(map(ord, odd), "\ufffd"))


def break_long_words(text: object) -> str:
    """Return a cleaned text whose very long words can break across lines. A zero-width space is inserted after every
    30 letters of such a word.
    """

    def break_word(match: re.Match[str]) -> str:
        word = match[0]
        return "\u200b".join(word[start : start + 30] for start in range(0, len(word), 30))

    return LONG_WORD.sub(break_word, clean(text))
