"""Ids of samples as files write them: surrounding marks and the normal form of Unicode."""

import unicodedata
from collections.abc import Iterable

_STRAY = "\ufeff\u200b"  # invisible marks around ids


def normalize_ids(words: Iterable[str]) -> list[str]:
    """Ids without what nobody sees around them, in Unicode's composed normal form: "é" is one letter."""
    return [unicodedata.normalize("NFC", word.strip().strip(_STRAY).strip()) for word in words]


def count_decomposed(words: Iterable[str]) -> int:
    """How many ids are in another normal form of Unicode, as macOS writes the names of files."""
    return sum(not unicodedata.is_normalized("NFC", word) for word in words)
