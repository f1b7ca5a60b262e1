"""Rows in chunks, with the progress of the task that goes through them."""

from collections.abc import Iterator

import numpy as np

from qfusion import _sentences


def iterate_chunks(rows: np.ndarray, most: int, task: str) -> Iterator[np.ndarray]:
    """Yield rows, at most so many at a time, and report the progress of the task, see `progress_over`."""
    chunks = np.array_split(rows, range(most, len(rows), most))
    return _sentences.progress_over(chunks, task, len(rows), len)
