"""When which operator of the canonical unravelling jumped in sampled trajectories, and how often it does by the master
equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion.analysis.sample import Sample

RUNS = 200  # trajectories whose jumps are shown
BINS = 10  # spans of time in which jumps are counted
UNRAVELLING = (
    "This is one unravelling of the master equation, chosen by convention: its jump operators are traceless "
    "and orthogonal, numbered by their rates. Another gauge has the same master equation, but other "
    "operators, jumps and single runs."
)


@dataclass(frozen=True, eq=False)
class Records:
    """The jumps of trajectories and their rates; K jump operators.

    Attributes:
        runs: of each trajectory, sorted by its first jump, its number among all (from 0 on), the times of its jumps,
            and which operators jumped (from 0 on).
        edges: of the spans of time in which jumps are counted, (B + 1,).
        found: jumps per trajectory and time in each span, (K, B).
        error: standard errors of these (those of a Poisson count), (K, B); NaN where none was counted, which does not
            say that the rate is 0 without error.
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
    """

    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    edges: np.ndarray
    found: np.ndarray
    error: np.ndarray
    times: np.ndarray
    exact: np.ndarray

    @property
    def jumps(self) -> int:
        """How many there are in all trajectories."""
        return sum(len(times) for _, times, _ in self.runs)

    @property
    def expected(self) -> float:
        """Jumps per trajectory by the master equation: the integral of all rates."""
        return float(np.trapezoid(self.exact.sum(0), self.times))


def records(sample: Sample, runs: int = RUNS) -> Records:
    """Returns the jumps of so many trajectories of a sample of a model with time and jump operators, by the canonical
    ones."""
    track, L = sample.track(runs=runs), sample.model.system().jumps.numpy()
    K, end = len(L), float(track.times[-1])
    order = sorted(range(runs), key=lambda i: (*track.trajectories[i].jump_times[:1], np.inf)[0])
    found = tuple(
        (i, track.trajectories[i].jump_times, track.trajectories[i].jump_operators) for i in order
    )
    edges = np.linspace(0, end or 1.0, BINS + 1)
    counts = np.zeros((K, BINS))
    for _, times, which in found:
        for k in range(K):
            counts[k] += np.histogram(times[which == k], edges)[0]
    per = runs * (edges[1] - edges[0])
    exact = np.einsum("kba,kbc,tca->kt", L.conj(), L, track.rho, optimize=True).real
    return Records(
        found,
        edges,
        counts / per,
        np.where(counts > 0, np.sqrt(counts), np.nan) / per,
        track.times,
        exact,
    )
