"""Mpemba-like crossings: states that start farther from the steady state and are nearer to it later.

Mpemba and Osborne (1969) saw hot water freeze before cold water. In a Markovian system it happens where the farther
state has less of the slow modes (Lu and Raz 2017, PNAS 114, 5083; Carollo, Lasanta, Lesanovsky 2021, Phys. Rev. Lett.
127, 060401).
"""

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, require_finite

CLEAR = (
    1e-6  # difference of distances, relative to the larger, below which neither state is farther
)


@dataclass(frozen=True)
class Crossing:
    """A pair of states whose order of distances is reversed.

    Attributes:
        ahead: number of the state that starts farther and ends nearer. behind: of the other one.
        at: index of the first time at which the order is reversed.
    """

    ahead: int
    behind: int
    at: int


def find_crossings(distances: np.ndarray) -> tuple[Crossing, ...]:
    """Return all pairs whose distances are in another order at the last time than at the first.

    Args:
        distances: to the steady state, (P, nT), not negative.

    Raises:
        InvalidInput: when there are not several times, or a distance is negative or not finite.
    """
    check(
        distances.ndim == 2 and distances.shape[1] > 1,
        f"Argument `distances` must have shape (P, nT) with several times, but has shape {distances.shape}.",
    )
    require_finite("distances", distances)
    check(
        bool((distances >= 0).all()),
        "Argument `distances` must not be negative, but has negative entries.",
    )
    crossings = []
    for i, first in enumerate(distances):
        for j, second in enumerate(distances):
            margin = CLEAR * np.maximum(first, second)
            starts_farther = first[0] - second[0] > margin[0]
            if starts_farther and second[-1] - first[-1] > margin[-1]:
                reversed_at = np.flatnonzero(second - first > margin)
                crossings.append(Crossing(i, j, int(reversed_at[0])))
    return tuple(crossings)
