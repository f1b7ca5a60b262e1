"""Ids of samples as files write them: surrounding marks and the normal form of Unicode."""

import unicodedata
from collections.abc import Iterable

_STRAY = "\ufeff\u200b"  # invisible marks around ids


def normalize_ids(words: Iterable[str]) -> list[str]:
    """Return ids without surrounding invisible marks, in the composed normal form NFC of Unicode."""
    return [unicodedata.normalize("NFC", word.strip().strip(_STRAY).strip()) for word in words]


def count_decomposed(words: Iterable[str]) -> int:
    """Return the number of ids in another normal form of Unicode, such as names of files from macOS."""
    return sum(not unicodedata.is_normalized("NFC", word) for word in words)
