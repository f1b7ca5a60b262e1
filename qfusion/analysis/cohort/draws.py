"""Samples drawn at random where a measurement takes long on all of them: by a fixed seed, the same for all who ask.

`measured=all` in a link asks for all; pages then work them out behind the page, see `systems.behind`.
"""

from __future__ import annotations

import numpy as np

from qfusion._sentences import count

SAMPLES = DRAWN, ALL = ("drawn", "all")
SEED = 0


def places(n: int, most: int, few: int, everyone: bool = False) -> np.ndarray:
    """Returns which of n samples are measured, ascending: all, or `few` drawn at random where there are more than
    `most` and not `everyone` is asked for."""
    if everyone or n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, min(few, n), replace=False))


def words(some: int, whole: int, what: str = "sample") -> str:
    """Returns of how many samples it is: "400 samples drawn at random of 4,659"; "600 samples" where these are all."""
    return count(some, what) + (f" drawn at random of {whole:,}" if some < whole else "")
