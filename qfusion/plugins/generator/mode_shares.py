"""Why the spectral gap misleads: the measured rate of a distance, split exactly by modes of the generator.

Let delta(t) = sum_b delta_b(t) be the difference of two states, or of a state and the steady state, split into bands of
modes by spectral projectors, so that every part evolves by itself. With the dual operator S(t) of the distance,

    |delta|_1 = Tr[S delta],   S = sign(delta)          (twice the trace distance)
    |delta|_2 = Tr[S delta],   S = delta / |delta|_2    (Hilbert and Schmidt)

the distance and its rate are sums over bands:

    share_b(t) = Tr[S delta_b] / |delta|,    sum_b share_b = 1
    -d/dt ln |delta| = -sum_b Tr[S L delta_b] / |delta|

A share can be negative or above 1 where modes are not orthogonal. The gap is the rate only once the slowest mode has
nearly all of the distance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.plugins.generator import real_generators
from qfusion.plugins.generator.generator_modes import Modes
from qfusion.quantum import decomposition, lindblad
from qfusion.quantum.states import check_times

NORMS = ("trace", "hilbert-schmidt")
NODES = 32  # of the integral of the rate over time
SAME = 1e-9  # difference of eigenvalues relative to the largest, below which they are the same
CLEAR = 1e-10  # part of a distance at 0 below which rounding decides what is left of it
COMPLETE = 1e-6  # part of a difference by which its parts may miss it
TINY = 1e-300  # in place of a norm of zero, by which nothing is divided
NONE = 1e-12  # part of a vector below which it has nothing of a mode


@dataclass(frozen=True, eq=False)
class Band:
    """Modes whose decay rates lie in a range.

    Attributes:
        low, high: decay rates, low <= rate < high. count: number of modes. rate: their mean rate.
        chosen: which modes, (n,), bool.
    """

    low: float
    high: float
    count: int
    rate: float
    chosen: np.ndarray


@dataclass(frozen=True, eq=False)
class ModeShares:
    """A distance and its rate by bands of modes, for P pairs and B bands.

    Attributes:
        times: (nT,). distances: norm of the differences, (P, nT).
        shares: of every band, (P, nT, B); they add up to 1.
        rates: part of the mean rate over [0, T], T the last of the times, that every band has, (P, B). They add up to
            `total` up to `error`.
        total: mean rates -ln(d(T) / d(0)) / T, (P,). error: of the integral, (P,).
    """

    times: np.ndarray
    distances: np.ndarray
    shares: np.ndarray
    rates: np.ndarray
    total: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Difference between the sum of `rates` and `total`, (P,), from the integral over time."""
        return np.abs(self.rates.sum(1) - self.total)


def rate_bands(modes: Modes, edges: Sequence[float]) -> tuple[Band, ...]:
    """Return the bands of decay rates: the modes of the smallest rate alone, and the others between edges. Bands
    without modes are left out.

    Args:
        modes: of a generator on traceless operators.
        edges: ascending factors of the gap that divide the bands of the other modes.

    Raises:
        InvalidInput: when edges do not ascend.
    """
    check(
        all(a < b for a, b in pairwise(edges)) and all(e > 1 for e in edges),
        f"Argument `edges` must ascend from above 1, but is {tuple(edges)}.",
    )
    rates = modes.rates
    gap = float(rates[0])
    slowest = slowest_modes(modes)
    bounds = [gap, *(gap * edge for edge in edges), np.inf]
    bands = [Band(gap, gap, int(slowest.sum()), gap, slowest)]
    of_groups = modes_rate(modes)
    for low, high in pairwise(bounds):
        chosen = (of_groups >= low) & (of_groups < high) & ~slowest
        if chosen.any():
            bands.append(Band(low, high, int(chosen.sum()), float(rates[chosen].mean()), chosen))
    return tuple(bands)


def modes_rate(modes: Modes) -> np.ndarray:
    """Return the decay rates (n,), with one number for equal eigenvalues and their conjugates."""
    means = np.bincount(modes.groups, modes.rates) / np.bincount(modes.groups)
    rates = means[modes.groups]
    step = SAME * max(float(np.abs(modes.values).max()), 1e-300)
    return np.where(rates <= modes.rates[0] + step, modes.rates[0], np.round(rates / step) * step)


def slowest_modes(modes: Modes) -> np.ndarray:
    """Return which modes decay at the smallest rate, of whatever frequency, (n,), bool."""
    near = SAME * float(np.abs(modes.values).max())
    groups = modes.groups[modes.rates <= modes.rates[0] + near]
    return np.isin(modes.groups, groups)


def split_rates(
    system: lindblad.System,
    modes: Modes,
    bands: Sequence[Band],
    differences: np.ndarray | Tensor,
    times: Sequence[float],
    norm: str = "trace",
) -> ModeShares:
    """Return how bands of modes share the distances of states and their rates.

    Args:
        system: H and jump operators.
        modes: of its generator on traceless operators, `find_modes(real_generator(H, jumps))`.
        bands: all modes, each in one band.
        differences: traceless Hermitian operators (P, D, D), of norm above 0.
        times: ascending, from 0 to T > 0, (nT,).
        norm: "trace" or "hilbert-schmidt".

    Raises:
        InvalidInput: when arguments do not fit, eigenvalues are so badly conditioned that the parts of a difference do
            not add up to it, or a distance falls so far that only rounding is left of it (see `clear_until`).
        NotFound: when there is no such norm.
    """
    choose("Norm", norm, NORMS)
    moments = np.array(check_times(times))
    check(
        len(moments) > 1 and moments[0] == 0 and moments[-1] > 0,
        f"Argument `times` must go from 0 to some time above 0, but is {moments[:6]}.",
    )
    check(
        bool(np.all(np.sum([band.chosen for band in bands], axis=0) == 1)),
        "Argument `bands` must hold every mode once. Use `rate_bands`.",
    )
    X = real_generators.to_coordinates(differences)
    check(
        X.ndim == 2 and bool((np.linalg.norm(X, axis=1) > 0).all()),
        "Argument `differences` must hold operators (P, D, D) of norm above 0.",
    )
    parts = np.stack([modes.project(X.T, band.chosen).T for band in bands], axis=1)  # (P, B, n)
    _check_complete(parts, X, modes)
    generator = decomposition.dense_traceless(system.H, system.jumps)
    nodes, weights = _graded_nodes(float(moments[-1]))
    both = np.unique(np.concatenate([moments, nodes]))
    start = torch.as_tensor(np.ascontiguousarray(real_generators.to_operators(parts)))
    evolved = lindblad.evolve(generator, start, both.tolist(), "states")
    change = lindblad.act(generator, evolved)
    distances, shares = _dual_products(evolved.numpy(), evolved.numpy(), norm)
    least = float((distances / distances[0]).min())
    check(
        least >= CLEAR,
        f"Argument `times` must end before distances fall to {CLEAR:.0e} of their size, where only rounding is left, "
        f"but at t = {moments[-1]:g} one has {least:.1g} of it. Use times up to `clear_until`.",
    )
    slopes = _dual_products(evolved.numpy(), change.numpy(), norm)[1]
    at = np.searchsorted(both, moments)
    of_nodes = np.searchsorted(both, nodes)
    rates = -np.einsum("t,tpb->pb", weights, slopes[of_nodes]) / moments[-1]
    total = -np.log(distances[at[-1]] / distances[at[0]]) / moments[-1]
    return ModeShares(moments, distances[at].T, shares[at].swapaxes(0, 1), rates, total)


def _check_complete(parts: np.ndarray, X: np.ndarray, modes: Modes) -> None:
    """Raise InvalidInput unless parts (P, B, n) add up to vectors (P, n)."""
    missing = np.linalg.norm(parts.sum(1) - X, axis=1) / np.linalg.norm(X, axis=1)
    worst = float(modes.condition[~modes.is_defective].max(initial=1.0))
    check(
        bool(missing.max() <= COMPLETE),
        "The generator is too far from normal to divide distances by its modes: the parts miss the whole by "
        f"{missing.max():.1g} of it, as eigenvalues have condition numbers up to {worst:.1g}.",
    )


def clear_until(
    system: lindblad.System, differences: np.ndarray | Tensor, times: Sequence[float]
) -> float:
    """Return the last of the times up to which every trace distance is well above `CLEAR` of its size at 0, also as a
    Hilbert-Schmidt distance. What is later may be rounding. If that is before the second of the times, return a time
    up to which it holds, by halving it.

    Args:
        system: H and jump operators. differences: traceless Hermitian operators (P, D, D), of norm above 0.
        times: ascending, from 0 to T > 0, (nT,).
    """
    generator = decomposition.dense_traceless(system.H, system.jumps)
    start = torch.as_tensor(np.ascontiguousarray(differences)).to(torch.complex128)

    def are_clear(moments: list[float]) -> np.ndarray:
        later = lindblad.evolve(generator, start, moments, "states")
        sizes = torch.linalg.matrix_norm(later, "nuc").numpy()
        return np.asarray((sizes >= 2 * math.sqrt(len(system.H)) * CLEAR * sizes[0]).all(1))

    moments = list(check_times(times))
    is_clear = np.logical_and.accumulate(are_clear(moments))
    last = moments[int(is_clear.sum()) - 1]
    if last > 0:
        return last
    end = moments[1]
    while not are_clear([0.0, end])[1]:
        end /= 2
    return end


def _graded_nodes(T: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the integral over [0, T], denser at 0, where the spectra of differences of pure
    states change quickly: Gauss and Legendre in u with t = T u^3."""
    u, w = np.polynomial.legendre.leggauss(NODES)
    u = (u + 1) / 2
    w = w / 2
    return T * u**3, T * 3 * u**2 * w


def _dual_products(
    whole: np.ndarray, parts: np.ndarray, norm: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the norms (nT, P) of sum_b delta_b, and Tr[S X_b] / norm, (nT, P, B), for operators (nT, P, B, D, D)."""
    delta = whole.sum(2)
    delta = (delta + delta.conj().swapaxes(-1, -2)) / 2
    if norm == "trace":
        values, vectors = np.linalg.eigh(delta)
        size = np.maximum(np.abs(values).sum(-1), TINY)
        # of an eigenvalue that is zero up to rounding, the sign is none
        signs = np.where(
            np.abs(values) > 1e-13 * np.abs(values).max(-1, keepdims=True), np.sign(values), 0.0
        )
        dual = (vectors * signs[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    else:
        size = np.maximum(np.linalg.norm(delta, axis=(-2, -1)), TINY)
        dual = delta / size[..., None, None]
    return size, np.einsum("tpab,tpkba->tpk", dual, parts).real / size[..., None]


def orthogonal_rate(modes: Modes, X: np.ndarray, T: float) -> np.ndarray:
    """Return the mean Hilbert-Schmidt rates over [0, T] that vectors X (n, P) would have if modes were orthogonal: of
    the same decay rates and sizes of parts, |delta|^2 = sum_k |part_k|^2 e^(-2 rate_k t), (P,). What the measured rate
    differs by is due to non-normality.

    Raises:
        InvalidInput: when an eigenvalue is defective, which has no eigenvectors to be orthogonal.
    """
    check(
        not modes.is_defective.any(),
        "The generator must have all eigenvectors, but a defective eigenvalue lacks some.",
    )
    numbers = np.abs(modes.overlaps(X)) ** 2 * (np.abs(modes.right) ** 2).sum(0)[:, None]
    for several in np.flatnonzero(np.bincount(modes.groups) > 1):
        same = modes.groups == several
        part = modes.project(X, same)
        numbers[same] = (np.abs(part) ** 2).sum(0) / same.sum()
    later = (numbers * np.exp(-2 * modes.rates * T)[:, None]).sum(0)
    return -np.log(later / numbers.sum(0)) / (2 * T)


def dominance_time(
    modes: Modes, X: np.ndarray, part: float = 0.5, longest: float = 1e9
) -> np.ndarray:
    """Return the time from which the slowest modes have at least `part` of the Hilbert-Schmidt norm of vectors
    X (n, P) as they evolve, (P,); infinite where they have not until `longest` times the inverse of their rate, or a
    vector has nothing of them.

    The norm of the other modes is bounded by the sum of the norms of their parts: the time is one at which the slowest
    surely dominate. Parts of defective eigenvalues do not decay at their rate alone: where there are any, no time is
    sure, and all are infinite.
    """
    if modes.is_defective.any():
        return np.full(X.shape[1], np.inf)
    slowest = slowest_modes(modes)
    rates = modes.rates
    sizes = _sizes_of_parts(modes, X)
    own = _least_size_of_slowest(modes, X, slowest)
    own[own <= NONE * modes.condition[0] * np.linalg.norm(X, axis=0)] = 0
    times = np.empty(X.shape[1])
    for p in range(X.shape[1]):

        def dominates(t: float, p: int = p) -> bool:
            others = (sizes[~slowest, p] * np.exp(-(rates[~slowest] - rates[0]) * t)).sum()
            return own[p] * (1 - part) >= part * others

        end = longest / max(rates[0], 1e-300)
        if own[p] <= 0 or not dominates(end):
            times[p] = np.inf
            continue
        low, high = 0.0, end
        while high - low > 1e-6 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if dominates(middle) else (middle, high)
        times[p] = 0.0 if dominates(0.0) else high
    return times


def _sizes_of_parts(modes: Modes, X: np.ndarray) -> np.ndarray:
    """Return the norms (n, P) of the parts of vectors X (n, P) in every mode. Of several equal eigenvalues, the first
    has the norm of their common part, and the others have zero."""
    sizes = np.abs(modes.overlaps(X)) * np.linalg.norm(modes.right, axis=0)[:, None]
    for several in np.flatnonzero(np.bincount(modes.groups) > 1):
        same = np.flatnonzero(modes.groups == several)
        common = np.linalg.norm(modes.project(X, modes.groups == several), axis=0)
        sizes[same] = 0
        sizes[same[0]] = common
    return sizes


def _least_size_of_slowest(modes: Modes, X: np.ndarray, slowest: np.ndarray) -> np.ndarray:
    """Return a bound from below of the norm (P,) that the parts of vectors in the slowest modes have, beside their
    decay. Modes of other frequencies turn against one another: the norm of R c is at least the smallest singular value
    of R times that of c, which does not change."""
    right = modes.right[:, slowest]
    numbers = np.linalg.lstsq(right, modes.project(X, slowest).astype(complex), rcond=None)[0]
    least = np.linalg.svd(right, compute_uv=False)[-1]
    return np.asarray(least * np.linalg.norm(numbers, axis=0))


def shares_frame(shares: ModeShares, bands: Sequence[Band]) -> pd.DataFrame:
    """Return one row per time: the mean distance over pairs, and the mean share of every band."""
    columns: dict[str, np.ndarray] = {"t": shares.times, "distance": shares.distances.mean(0)}
    for i, band in enumerate(bands):
        columns[f"share {band.low:.3g} to {band.high:.3g}"] = shares.shares[:, :, i].mean(0)
    return pd.DataFrame(columns)
