"""Lengths of sequences that are padded with steps of zeros."""

from collections.abc import Callable, Iterable

import numpy as np


def find_padded_lengths(pieces: Callable[[], Iterable[np.ndarray]]) -> np.ndarray | None:
    """Return the lengths (N,), at least 1, of sequences padded with zeros; None if the array does not look padded.

    Pictures with black rows have them at the top as well. So an array does not look padded if any sample begins with
    a step of zeros, or if all samples have the same length.

    Args:
        pieces: returns the samples in pieces (n, T, F), each time from the first.
    """
    for piece in pieces():
        values = np.asarray(piece)
        first_is_zero = (values[:, 0] == 0).all(-1)
        has_values = (values != 0).any((1, 2))
        if (first_is_zero & has_values).any():
            return None
    lengths = np.maximum(1, last_steps(pieces()))
    return lengths if len(np.unique(lengths)) > 1 else None


def last_steps(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Return the numbers of steps (N,) up to the last one that is not all zeros, of pieces (n, T, F)."""
    lasts = [np.zeros(0, np.int64)]
    for piece in pieces:
        numbers = np.arange(1, piece.shape[1] + 1)
        has_values = (np.asarray(piece) != 0).any(-1)
        lasts.append((has_values * numbers).max(1, initial=0))
    return np.concatenate(lasts)
