"""Numbers of a figure in words, for its alternative text and for tables."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion.wording.extrema import describe_extremum

# Numbers of a figure in words, for its alternative text: what a reader who does not see it is told.

MAX_NUMBERS = 8  # numbers of one figure that are said


def list_numbers(names: Iterable[Any], numbers: Iterable[float], form: str = ".2f") -> str:
    """`"text 0.41, audio -0.69"`, the largest by size of more than `MAX_NUMBERS`; the empty name is the baseline."""
    pairs = [
        (str(name) or "baseline", float(number))
        for name, number in zip(names, numbers, strict=True)
    ]
    head = f"largest of {len(pairs)}: " if len(pairs) > MAX_NUMBERS else ""
    shown = sorted(pairs, key=lambda pair: -abs(pair[1]))[:MAX_NUMBERS] if head else pairs
    return head + ", ".join(f"{name} {value:{form}}" for name, value in shown)


def list_terms(result: Mapping[str, float], form: str = "+.2f") -> str:
    """`list_numbers`, of numbers by name, such as contributions by coalition with their signs."""
    return list_numbers(result, result.values(), form)


def list_curves(result: Mapping[str, np.ndarray], form: str = ".2f") -> str:
    """`"text from 0.00 to 0.41"` for each curve; the empty name is all together."""
    sentence = [
        f"{name or 'all together'} from {entry[0]:{form}} to {entry[-1]:{form}}"
        for name, entry in result.items()
    ][:MAX_NUMBERS]
    return ", ".join(sentence) + (
        f" and {len(result) - MAX_NUMBERS} more" if len(result) > MAX_NUMBERS else ""
    )


def list_pairs(names: Iterable[Any], before: Iterable[float], after: Iterable[float]) -> str:
    """Return text such as `"text 0.41 (before 0.39)"`, with the largest differences first."""
    return ", ".join(
        f"{name} {new:.2f} (before {old:.2f})"
        for name, old, new in sorted(
            zip(map(str, names), before, after, strict=True),
            key=lambda entry: -abs(entry[2] - entry[1]),
        )[:MAX_NUMBERS]
    )


def list_coherences(rho: np.ndarray, names: Iterable[str]) -> str:
    """Return the largest entries of a matrix off its diagonal, where one is 0.01 or more, and between which levels."""
    return describe_extremum(
        coherence_table(rho, list(names), "{} and {}"),
        none="{levels} by {levels} entries; all off the diagonal are below 0.01",
        one="{levels} by {levels} entries; the largest off the diagonal is {value:.2f}, between {names}",
        some="{levels} by {levels} entries; the largest off the diagonal is {value:.2f}, equal for "
        "{count} pairs of levels",
        name=str,
        levels=len(rho),
    )


def matrix_entries(names: Sequence[str], **matrices: np.ndarray) -> pd.DataFrame:
    """Return one row per entry of matrices (D, D) whose levels have these names."""
    return pd.DataFrame(
        {"row": np.repeat(names, len(names)), "column": np.tile(names, len(names))}
        | {name: matrix.ravel() for name, matrix in matrices.items()}
    )


def coherence_table(rho: np.ndarray, names: Sequence[str], pair: str) -> dict[str, float]:
    """Return the sizes of a matrix's entries off its diagonal, by the names of two levels in the template `pair`."""
    return {
        pair.format(names[i], names[j]): float(np.abs(rho[[i, j], [j, i]]).max())
        for i, j in itertools.combinations(range(len(names)), 2)
    }
