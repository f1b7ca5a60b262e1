"""Times and operators of the jumps in sampled trajectories, and jump rates by the master equation.

The operators are those of the canonical unravelling.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from qfusion.analysis.sample import Sample

RUNS = 200  # trajectories whose jumps are shown
BINS = 10  # spans of time in which jumps are counted


@dataclass(frozen=True, eq=False)
class Records:
    """The jumps of trajectories and their rates; K jump operators.

    Attributes:
        runs: of each trajectory, sorted by its first jump, its number among all (from 0 on), the times of its jumps,
            and which operators jumped (from 0 on).
        edges: of the spans of time in which jumps are counted, (B + 1,).
        counts: jumps per trajectory and time in each span, (K, B).
        count_errors: standard errors of `counts` over the trajectories, (K, B).
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
    """

    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    edges: np.ndarray
    counts: np.ndarray
    count_errors: np.ndarray
    times: np.ndarray
    exact: np.ndarray

    @property
    def jumps(self) -> int:
        """How many there are in all trajectories."""
        return sum(len(times) for _, times, _ in self.runs)

    def jumps_per_run(self, operator: int | None = None) -> tuple[float, float]:
        """Return the mean number of jumps per trajectory, of all operators or one, with its standard error."""
        numbers = [
            len(which) if operator is None else int((which == operator).sum())
            for *_, which in self.runs
        ]
        return float(np.mean(numbers)), float(scipy.stats.sem(numbers))

    @property
    def expected_jumps(self) -> float:
        """Jumps per trajectory by the master equation: the integral of all rates."""
        return float(np.trapezoid(self.exact.sum(0), self.times))


def records(sample: Sample, runs: int = RUNS) -> Records:
    """Return the jumps of so many trajectories of a sample of a model with time and jump operators, by the canonical
    ones."""
    track = sample.track(runs=runs)
    L = sample.model.system().jumps.numpy()
    every = [(i, run.jump_times, run.jump_operators) for i, run in enumerate(track.trajectories)]
    edges = np.linspace(0, float(track.times[-1]) or 1.0, BINS + 1)
    counts = np.array(
        [
            [np.histogram(times[which == k], edges)[0] for k in range(len(L))]
            for _, times, which in every
        ],
        dtype=float,
    )  # (runs, K, B)
    rates = counts / (edges[1] - edges[0])
    by_first_jump = sorted(every, key=lambda run: (*run[1][:1], np.inf)[0])
    expected = np.einsum("kba,kbc,tca->kt", L.conj(), L, track.rho, optimize=True).real
    return Records(
        tuple(by_first_jump),
        edges,
        rates.mean(0),
        scipy.stats.sem(rates),
        track.times,
        expected,
    )
