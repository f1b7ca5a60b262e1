"""Coalitions of a measured game that have no value: refused, or fitted by dividends up to an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfusion._checks import check
from qfusion._sentences import count
from qfusion.quantum import decomposition

MAX_SHOWN = 6  # coalitions, and samples, of a message


@dataclass(frozen=True, eq=False)
class Completed:
    """A game with all values.

    Attributes:
        values: (N, 2^M, C). errors: standard errors of the dividends, same shape, or None.
        residuals: largest difference of a given value from the fitted one, (N,); None where nothing was fitted.
        remarks: sentences on the fit.
    """

    values: np.ndarray
    errors: np.ndarray | None
    residuals: np.ndarray | None
    remarks: tuple[str, ...] = ()


def complete(
    values: np.ndarray,
    errors: np.ndarray | None,
    ids: Sequence[str],
    coalitions: tuple[str, ...],
    order: int | None,
    errors_of_values: bool = True,
) -> Completed:
    """Return the values of all coalitions.

    Args:
        values: (N, 2^M, C) in the order of `coalition_names`, NaN where there is none.
        errors: standard errors, same shape, or None.
        ids: of the samples.
        coalitions: names of the 2^M coalitions.
        order: dividends of up to so many players are fitted by least squares, and others are 0; None if every
            coalition must have a value.
        errors_of_values: whether the errors are those of values, not of dividends.

    Raises:
        InvalidInput: when the given values do not determine the others; the message lists the missing coalitions.
    """
    M = len(coalitions).bit_length() - 1
    if order is None:
        _check_complete(values, ids, coalitions)
        if errors is not None and errors_of_values:
            errors = np.sqrt(_inside(M).astype(float) @ errors**2)
        return Completed(values, errors, None)
    check(
        errors is None or errors_of_values,
        "Dividends are fitted to values, so a table to fit must have their errors (`error`), not those of "
        "contributions. Rename or drop the column.",
    )
    return _fit(values, errors, ids, coalitions, order, M)


def _check_complete(values: np.ndarray, ids: Sequence[str], coalitions: tuple[str, ...]) -> None:
    is_absent = np.isnan(values).any(2)
    rows = np.flatnonzero(is_absent.any(1))
    if not len(rows):
        return
    shown = "; ".join(
        _list_absent(is_absent[row], ids[row], coalitions) for row in rows[:MAX_SHOWN]
    )
    check(
        False,
        f"Every sample must have a value of each of the {len(coalitions)} coalitions, but "
        f"{count(len(rows), 'sample')} {'lacks' if len(rows) == 1 else 'lack'} some: {shown}"
        f"{'; ...' if len(rows) > MAX_SHOWN else ''}. Add them, or name the largest number of players that interact "
        "(--order), so that the others are fitted.",
    )


def _list_absent(is_absent: np.ndarray, name: str, coalitions: tuple[str, ...]) -> str:
    names = [coalitions[place] or "(none)" for place in np.flatnonzero(is_absent)]
    more = f" and {len(names) - MAX_SHOWN:,} more" if len(names) > MAX_SHOWN else ""
    return f"'{name[:60]}' lacks {', '.join(names[:MAX_SHOWN])}{more}"


def _fit(
    values: np.ndarray,
    errors: np.ndarray | None,
    ids: Sequence[str],
    coalitions: tuple[str, ...],
    order: int,
    M: int,
) -> Completed:
    sizes = np.array([len(subset) for subset in decomposition.subsets(M)])
    terms = np.flatnonzero(sizes <= order)
    design = _inside(M)[:, terms].astype(float)  # v(S) is the sum of the dividends inside S
    N, _, C = values.shape
    flat = values.swapaxes(1, 2).reshape(N * C, -1)
    given = ~np.isnan(flat)
    spread = None if errors is None else errors.swapaxes(1, 2).reshape(N * C, -1)
    dividends = np.zeros_like(flat)
    dividend_errors = None if spread is None else np.zeros_like(flat)
    patterns, inverse = np.unique(given, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows = np.flatnonzero(inverse.ravel() == number)
        some = design[pattern]
        if pattern.sum() < len(terms) or np.linalg.matrix_rank(some) < len(terms):
            is_absent = ~pattern & (sizes <= order)
            check(
                False,
                f"Values must determine the {len(terms)} contributions of up to {order} of the players, but those of "
                f"{count(len(rows) // C or 1, 'sample')} do not: "
                f"{_list_absent(is_absent, ids[rows[0] // C], coalitions)}. Add them, or lower the order.",
            )
        solution = np.linalg.pinv(some)
        dividends[np.ix_(rows, terms)] = flat[rows][:, pattern] @ solution.T
        if spread is not None and dividend_errors is not None:
            variance = spread[rows][:, pattern] ** 2 @ (solution**2).T
            dividend_errors[np.ix_(rows, terms)] = np.sqrt(variance)
    fitted = dividends[:, terms] @ design.T
    away = np.where(given, np.abs(fitted - np.where(given, flat, 0)), 0)
    residuals = away.reshape(N, C, -1).max((1, 2))
    rms = float(np.sqrt((away[given] ** 2).mean()))
    absent = int((~given).sum())
    remark = (
        f"Contributions of up to {count(order, 'player')} were fitted by least squares to {int(given.sum()):,} values"
        f"{f', {absent:,} are missing' if absent else ''}; residuals are {rms:.3g} (root mean square) and "
        f"{away.max():.3g} at most."
    )

    def shaped(table: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(table.reshape(N, C, -1).swapaxes(1, 2))

    return Completed(
        shaped(fitted),
        None if dividend_errors is None else shaped(dividend_errors),
        residuals,
        (remark,),
    )


def _inside(M: int) -> np.ndarray:
    """Return whether each coalition contains another, bool (2^M, 2^M): [S, R] where R is inside S."""
    masks = np.array([sum(1 << m for m in subset) for subset in decomposition.subsets(M)])
    return np.asarray((masks[:, None] & masks[None, :]) == masks[None, :])
