"""Smooth functions of one number, from a few evaluations at Chebyshev points.

A function that is smooth on an interval is given there by its values at n Chebyshev-Lobatto points, with an error that
falls geometrically in n (Trefethen 2019, Approximation Theory and Approximation Practice, chapter 8). The points of
n = 5, 9, 17, ... are nested, so a function is evaluated at more of them only until its last coefficients are small.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

COUNTS = (5, 9, 17, 33, 65)  # points that are tried in turn
TOLERANCE = 2e-3  # of the largest value of a quantity: 0.4 pixels of a plot 200 pixels high

_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class Stopped(Exception):
    """The evaluations were stopped, since nobody waits for them any more."""


@contextmanager
def stopped_by(event: threading.Event) -> Iterator[None]:
    """Let interpolations of this thread raise `Stopped` once an event is set, which is checked before evaluations."""
    token = _stop.set(event)
    try:
        yield
    finally:
        _stop.reset(token)


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Quantities as polynomials of one number x.

    Attributes:
        low, high: interval of x.
        coefficients: of the Chebyshev polynomials of u, see `unit_place`, by quantity, (n, ...).
        error: estimate of the largest error, relative to the largest value of the quantity that it is of: the largest
            of the last quarter of the coefficients, times their number. It is about right for coefficients that fall
            like 1 / n^2, as those of a function with a kink do, and too large for those that fall faster.
        evaluations: n.
        of_root: whether they are polynomials of the square root of x - low.
    """

    low: float
    high: float
    coefficients: Mapping[str, np.ndarray]
    error: float
    evaluations: int
    of_root: bool = False

    def values(self, x: float | np.ndarray) -> dict[str, np.ndarray]:
        """Return the quantities at one or more points, (...) or (..., len(x))."""
        u = unit_place(x, self.low, self.high, self.of_root)
        return {name: chebyshev.chebval(u, entry) for name, entry in self.coefficients.items()}


def interpolate(
    evaluate: Callable[[float], Mapping[str, np.ndarray]],
    low: float,
    high: float,
    *,
    tolerance: float = TOLERANCE,
    counts: tuple[int, ...] = COUNTS,
    of_root: bool = False,
) -> Interpolation:
    """Return quantities on an interval, from as few evaluations as the tolerance needs.

    Args:
        evaluate: returns arrays by the name of the quantity, of the same shapes for every x.
        low, high: ends of the interval, low < high.
        tolerance: of the error, see `Interpolation.error`. With the most evaluations it may stay above it, as for a
            function with a kink.
        counts: numbers of points to try, each one more than a multiple of the one before less one.
        of_root: interpolate in the square root of x - low. It suits a function that goes like x log x at the low end,
            as an entropy does when a pure state begins to mix.

    Raises:
        Stopped: when the event of `stopped_by` is set.
    """
    results: dict[float, Mapping[str, np.ndarray]] = {}
    for n in counts:
        places = lobatto_points(n)
        for u in places.tolist():
            if u not in results:
                raise_if_stopped()
                share = (u + 1) / 2
                results[u] = evaluate(low + (high - low) * (share**2 if of_root else share))
        fit = _fit([results[u] for u in places.tolist()], places, low, high, of_root)
        if fit.error <= tolerance:
            break
    return fit


def lobatto_points(n: int) -> np.ndarray:
    """Return the n Chebyshev-Lobatto points of [-1, 1], descending. Equal points of nested sets are equal numbers."""
    return np.round(np.cos(np.pi * np.arange(n) / (n - 1)), 15) + 0.0


def unit_place(
    x: float | np.ndarray, low: float, high: float, of_root: bool = False
) -> float | np.ndarray:
    """Return u in [-1, 1] for x in [low, high]: 2 s - 1 with the share s = (x - low) / (high - low), or its root."""
    share = (np.asarray(x) - low) / (high - low)
    return 2 * (np.sqrt(share.clip(0.0)) if of_root else share) - 1


def raise_if_stopped() -> None:
    """Raise `Stopped` when the event of `stopped_by` is set; for long steps of an evaluation."""
    event = _stop.get()
    if event is not None and event.is_set():
        raise Stopped


def _fit(
    values: list[Mapping[str, np.ndarray]],
    places: np.ndarray,
    low: float,
    high: float,
    of_root: bool,
) -> Interpolation:
    """Return the polynomials through values at Chebyshev-Lobatto points."""
    n = len(places)
    matrix = np.linalg.inv(chebyshev.chebvander(places, n - 1))
    coefficients = {}
    errors = [0.0]
    for name in values[0]:
        stacked = np.stack([np.asarray(entry[name]) for entry in values])
        fitted = np.tensordot(matrix, stacked, 1)
        coefficients[name] = fitted
        largest = float(np.abs(stacked).max(initial=0.0))
        if largest > 1e-12:
            count = max(2, n // 4)
            errors.append(count * float(np.abs(fitted[-count:]).max(initial=0.0)) / largest)
    return Interpolation(low, high, coefficients, max(errors), n, of_root)
