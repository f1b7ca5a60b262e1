"""What a model's generator does beyond its gap: spectrum, shares of modes, simpler generators, entropy production.

All of it holds for the generator under a tweak, which is given as text ("" as learned). What needs all modes takes two
minutes at D = 64; results of shipped models come with the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion import simulate
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.explain import backgrounds
from qfusion.models.protocols import Evolution
from qfusion.plugins.generator import (
    crossings,
    entropy_production,
    generator_modes,
    mode_shares,
    nearest_generators,
    non_normality,
    real_generators,
    symmetries,
)
from qfusion.quantum import lindblad, states
from qfusion.simulate.steady_state import Attractor
from qfusion.study import jobs, metric_gains
from qfusion.study.cache import shipped
from qfusion.study.jobs import Task
from qfusion.study.study import Study

DIAGONALISING = "Computing all modes of the generator (seconds; at D = 64 two minutes) …"
SIMPLIFYING = "Searching for the nearest simpler generators …"
LIVE_DIMENSION = 36  # largest D whose modes are computed for a page, in some seconds
SAMPLES = 12  # test samples whose distances are split by modes
STEPS = 24  # per T, at which shares are measured
REACH = 5  # of the curves that are drawn, times T
DRAWN = 10  # times per T on these curves
AT_STEADY = 1e-9  # trace distance below which a sample starts in the steady state
EDGES = (2.0, 5.0, 10.0, 20.0)  # factors of the gap that divide bands of modes
WINDOW = (-4.0, 2.0, 6.0)  # of the pseudospectra, in gaps: from Re, to Re, to Im
GRID = (11, 7)  # points of it along Re and Im
MOST_ROWS = 2000  # test rows on which simpler generators are measured
EARLY = 1e-3  # of T, from which the integral of the entropy production checks its total
EVOLVED = 512  # largest D whose simpler generators are measured
DIGITS = 6  # significant digits of what ships

LEARNED, LOCAL, HAMILTONIAN, NONE = "learned", "local", "Hamiltonian", "none"


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a generator on traceless operators, and how far it is from normal.

    Attributes:
        dimension: D. side: D^2 - 1, number of modes.
        real, imag: eigenvalues of Im >= 0, the slowest first. gap: smallest decay rate; 0 where a mode does not decay,
            within rounding.
        conditions: condition numbers of these eigenvalues; infinite ones as -1.
        defective: eigenvalues without all eigenvectors.
        norm: Hilbert-Schmidt norm of the generator. departure: Henrici's departure from normality.
        abscissa: rate at which Hilbert-Schmidt distances can grow at most.
        radius: spectral norm of the smallest change of the matrix, to any other, that ends the decay of a mode; the gap
            where the matrix is normal.
        kreiss: bound of the Kreiss constant from below. kreiss_upper: e n times it.
        growth_times, growth: |exp(tL)| on traceless operators.
        range_real, range_imag: corners of a polygon within the numerical range, around all eigenvalues.
        grid_real, grid_imag, resolvent: log10 |(z - L)^-1| around the slow modes, (ny, nx).
        conserved: independent conserved quantities beside the trace. symmetries: strong symmetries beside the identity.
    """

    dimension: int
    side: int
    real: np.ndarray
    imag: np.ndarray
    gap: float
    conditions: np.ndarray
    defective: int
    norm: float
    departure: float
    abscissa: float
    radius: float
    kreiss: float
    kreiss_upper: float
    growth_times: np.ndarray
    growth: np.ndarray
    range_real: np.ndarray
    range_imag: np.ndarray
    grid_real: np.ndarray
    grid_imag: np.ndarray
    resolvent: np.ndarray
    conserved: int
    symmetries: int


@dataclass(frozen=True, eq=False)
class BandShares:
    """Share of modes in the distance of test samples to the steady state, and in the rate at which it falls.

    Attributes:
        samples: how many, without those that start in the steady state.
        duration: T, or an earlier time where some distance falls so far until T that only rounding is left of it.
        low, high: ends of the bands of decay rates (the slowest mode alone first; the last has no end, -1).
        counts: modes. rates: their mean rates.
        times, distance: trace distance, mean over samples. shares: mean share of each band in it, (nT, B).
        parts: part of the mean rate over [0, T] that each band has, mean over samples.
        rate, lowest, highest: mean rate over [0, T]: its mean over samples, and their range. error: of its parts.
        slow_start, slow_end: absolute share of the slowest mode at 0 and T, mean over samples.
        dominance: earliest time from which the slowest mode surely has half of a Hilbert-Schmidt distance; -1 if never,
            or for defective generators.
        square_rate: mean rate of the Hilbert-Schmidt distance. orthogonal_rate: what it would be if modes were
            orthogonal; -1 for defective generators.
        crossings: pairs of samples of which the one that starts farther is nearer after `reach`.
        pairs: pairs of samples.
        example: ids of such a pair, the one that starts farther first; empty where there is none.
        reach: last of the times.
    """

    samples: int
    duration: float
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    rates: np.ndarray
    times: np.ndarray
    distance: np.ndarray
    shares: np.ndarray
    parts: np.ndarray
    rate: float
    lowest: float
    highest: float
    error: float
    slow_start: float
    slow_end: float
    dominance: float
    square_rate: float
    orthogonal_rate: float
    crossings: int
    pairs: int
    example: tuple[str, ...]
    reach: float

    @property
    def is_cut(self) -> bool:
        """Whether `duration` is before T, since distances fall to rounding."""
        return self.reach <= self.duration * (1 + 1e-9)

    @property
    def shares_at_end(self) -> np.ndarray:
        """Mean share of each band at `duration`, (B,)."""
        return np.array([np.interp(self.duration, self.times, share) for share in self.shares.T])


@dataclass(frozen=True, eq=False)
class Simpler:
    """The model with a simpler generator.

    Attributes:
        name: of the generator. distance: to the learned one, relative to its norm.
        change: root mean square change of the output on the test rows.
        metric, loss: of the test rows, and what is lost of it, with 95 % intervals (value, low, high); empty without
            truth.
    """

    name: str
    distance: float
    change: float
    metric: tuple[float, ...]
    loss: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Simplifications:
    """What simpler generators cost, and how many jump operators the dissipator needs.

    Attributes:
        metric: name of the metric; "" without truth. rows: test rows.
        generators: learned, nearest local, nearest Hamiltonian, and none.
        ranks: of the jump operators. given: number of jump operators of the model.
        symmetries: strong symmetries beside the identity; None where they are too many to be counted.
    """

    metric: str
    rows: int
    generators: tuple[Simpler, ...]
    ranks: nearest_generators.JumpRanks
    given: int
    symmetries: int | None


@dataclass(frozen=True, eq=False)
class SampleEntropy:
    """Entropy production along the evolution of one sample.

    Attributes:
        reason: why there is none; "" where there is.
        production: as `entropy_production` gives it, of one state; None where there is none.
        integral: of sigma over time from `EARLY` T to T. closed: the same by the relative entropies, which it equals.
    """

    reason: str
    production: entropy_production.EntropyProduction | None
    integral: float
    closed: float


def evolves(study: Study) -> bool:
    """Return whether the states of a study's model evolve in time by a Lindblad generator."""
    return study.model.part(Evolution) is not None


def tweaked_model(study: Study, tweak: str) -> Any:
    """Return the study's model with a tweak, which must evolve.

    Raises:
        InvalidInput: when its states do not evolve, or the tweak is none of its.
    """
    model = study.model.require(Evolution, "to study its generator")
    return model.tweaked(tweak) if tweak else model


@memo(1, background=False, task=DIAGONALISING)
def find_modes(study: Study, tweak: str = "") -> generator_modes.Modes:
    """Return all modes of the generator.

    Raises:
        InvalidInput: when its dimension is 1 or above `real_generators.MAX_DIMENSION`.
    """
    system = tweaked_model(study, tweak).system()
    return generator_modes.find_modes(real_generators.real_generator(system.H, system.jumps))


@memo(16, background=False, task=Task.FIND_STEADY_STATE)
@torch.no_grad()
def find_attractor(study: Study, tweak: str = "") -> Attractor:
    """Return the steady state of the generator and its gap."""
    return simulate.attractor(tweaked_model(study, tweak).system())


@memo(4, background=False, task=DIAGONALISING, ready=shipped(Spectrum))
@torch.no_grad()
def describe_spectrum(study: Study, tweak: str = "") -> Spectrum:
    """Return eigenvalues and measures of non-normality of the generator; see `find_modes` for limits."""
    system = tweaked_model(study, tweak).system()
    modes = find_modes(study, tweak)
    A = real_generators.real_generator(system.H, system.jumps)
    form = non_normality.schur_form(A)
    kreiss = non_normality.kreiss_constant(form)
    gap = float(modes.rates[0])
    if gap <= symmetries.SAME * float(np.abs(modes.values).max()):
        gap = 0.0
    unit = gap if gap > 0 else max(float(np.linalg.norm(A)) / len(A), 1e-6)
    left, right, top = WINDOW
    grid_real = unit * np.linspace(left, right, GRID[0])
    grid_imag = unit * np.linspace(0, top, GRID[1])
    with np.errstate(divide="ignore"):
        smallest = non_normality.pseudospectrum(form, grid_real.tolist(), grid_imag.tolist())
        resolvent = np.log10(smallest)
    boundary = non_normality.enclose(non_normality.numerical_range(A, 32), modes.values)
    T = max(system.duration, 1e-6)
    growth_times = np.linspace(0, REACH * T, 11)
    growth = non_normality.propagator_norms(system.H, system.jumps, growth_times.tolist())
    conserved = symmetries.conserved_quantities(system.H, system.jumps, modes)
    strong = symmetries.strong_symmetries(system.H, system.jumps)
    radius = 0.0
    if gap > 0:
        radius = non_normality.stability_radius(form)
    upper = modes.values.imag >= 0
    conditions = np.where(modes.is_defective, -1.0, modes.condition)[upper]
    return Spectrum(
        dimension=len(system.H),
        side=len(A),
        real=_rounded(modes.values.real[upper]),
        imag=_rounded(modes.values.imag[upper]),
        gap=gap,
        conditions=_rounded(conditions),
        defective=int(modes.is_defective.sum()),
        norm=float(np.linalg.norm(A)),
        departure=form.departure,
        abscissa=non_normality.numerical_abscissa(A),
        radius=radius,
        kreiss=kreiss.constant,
        kreiss_upper=kreiss.upper,
        growth_times=growth_times,
        growth=_rounded(growth),
        range_real=_rounded(boundary.real),
        range_imag=_rounded(boundary.imag),
        grid_real=_rounded(grid_real),
        grid_imag=_rounded(grid_imag),
        resolvent=_rounded(np.minimum(resolvent, 16.0)),
        conserved=conserved.count,
        symmetries=strong.count,
    )


@memo(4, background=False, task=DIAGONALISING, ready=shipped(BandShares))
@torch.no_grad()
def share_modes(study: Study, tweak: str = "") -> BandShares:
    """Return how modes share the distances of test samples to the steady state.

    Raises:
        InvalidInput: when there is no unique steady state; see `find_modes` for limits.
    """
    rows = study.dataset.rows("test")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int))]
    return share_modes_of(study, rows, tweak)


def share_modes_of(study: Study, rows: np.ndarray, tweak: str = "") -> BandShares:
    """Return the same for given rows.

    Raises:
        InvalidInput: when there are no rows, or `share_modes` has none.
    """
    check(len(rows) > 0, "There must be one sample at least, but there is none.")
    system = tweaked_model(study, tweak).system()
    differences = _steady_differences(study, rows, tweak)
    away = np.abs(np.linalg.eigvalsh(differences)).sum(1) / 2 > AT_STEADY
    check(
        bool(away.any()),
        "Distances to the steady state must be above 0 to fall, but the samples start in the steady state.",
    )
    rows, differences = rows[away], differences[away]
    modes = find_modes(study, tweak)
    bands = mode_shares.rate_bands(modes, EDGES)
    T, times = _clear_times(system, differences)
    within = mode_shares.split_rates(
        system, modes, bands, differences, np.linspace(0, T, STEPS + 1).tolist()
    )
    longer = mode_shares.split_rates(system, modes, bands, differences, times.tolist())
    square = mode_shares.split_rates(system, modes, bands, differences, [0.0, T], "hilbert-schmidt")
    vectors = real_generators.to_coordinates(differences).T
    dominance = float(mode_shares.dominance_time(modes, vectors).min())
    crossed = crossings.find_crossings(longer.distances)
    ids = study.dataset.ids[rows]
    example: tuple[str, ...] = ()
    if crossed:
        example = (str(ids[crossed[0].ahead]), str(ids[crossed[0].behind]))
    if not np.isfinite(dominance):
        dominance = -1.0
    orthogonal_rate = -1.0
    if not modes.is_defective.any():
        orthogonal_rate = float(mode_shares.orthogonal_rate(modes, vectors, T).mean())
    upper_edges = [band.high if np.isfinite(band.high) else -1 for band in bands]
    return BandShares(
        samples=len(rows),
        duration=T,
        low=_rounded([band.low for band in bands]),
        high=_rounded(upper_edges),
        counts=np.array([float(band.count) for band in bands]),
        rates=_rounded([band.rate for band in bands]),
        times=times,
        distance=_rounded(longer.distances.mean(0) / 2),
        shares=_rounded(longer.shares.mean(0)),
        parts=_rounded(within.rates.mean(0)),
        rate=float(within.total.mean()),
        lowest=float(within.total.min()),
        highest=float(within.total.max()),
        error=float(within.error.max()),
        slow_start=float(np.abs(within.shares[:, 0, 0]).mean()),
        slow_end=float(np.abs(within.shares[:, -1, 0]).mean()),
        dominance=dominance,
        square_rate=float(square.total.mean()),
        orthogonal_rate=orthogonal_rate,
        crossings=len(crossed),
        pairs=len(rows) * (len(rows) - 1) // 2,
        example=example,
        reach=float(times[-1]),
    )


def _clear_times(system: lindblad.System, differences: np.ndarray) -> tuple[float, np.ndarray]:
    """Return T and the times at which distances are drawn, up to `REACH` T; or an earlier time for both, where only
    rounding is left of distances later."""
    T = float(system.duration)
    times = T * np.arange(REACH * DRAWN + 1) / DRAWN
    last = mode_shares.clear_until(system, differences, times.tolist())
    if last >= T:
        return T, times[times <= last]
    return last, np.linspace(0, last, DRAWN + 1)


def _steady_differences(study: Study, rows: np.ndarray, tweak: str) -> np.ndarray:
    """Return the initial states of rows less the steady state, (n, D, D)."""
    model = tweaked_model(study, tweak)
    real_generators.check_dimension(int(np.prod(model.dims)))
    attractor = find_attractor(study, tweak)
    check(
        attractor.steady is not None and attractor.unique,
        "The generator must have a unique steady state, from which distances are measured, but it has none: "
        + (
            "nothing dissipates."
            if attractor.steady is None
            else "some deviations do not decay, within rounding."
        ),
    )
    check(
        model.duration > 0,
        f"The model must evolve for some time, but its duration is {model.duration:g}.",
    )
    backend: Any = study.backend
    kets = backend.kets(rows).to(torch.complex128)
    return states.density(kets).numpy() - attractor.steady


@memo(8, background=False, task=SIMPLIFYING)
@torch.no_grad()
def simplify(study: Study, tweak: str = "") -> Simplifications:
    """Return what the nearest local and the nearest Hamiltonian generator cost on test rows, beside none.

    Raises:
        InvalidInput: when the model does not evolve, or its dimension is above `EVOLVED`.
    """
    model = tweaked_model(study, tweak)
    system = model.system()
    dims = tuple(model.dims)
    D = len(system.H)
    check(
        D <= EVOLVED,
        f"The system must have at most dimension {EVOLVED} to find simpler generators, but has {D:,}.",
    )
    H, jumps = system.H, system.jumps
    local = nearest_generators.nearest_local(H, jumps, dims)
    hamiltonian = nearest_generators.nearest_hamiltonian(H, jumps)
    nothing = np.zeros((D, D), dtype=complex), np.zeros((0, D, D), dtype=complex)
    rows = study.dataset.rows("test")
    rows = rows[jobs.drawn_places(len(rows), MOST_ROWS, MOST_ROWS)]
    learned = _scores(study, model, rows, H, jumps)
    local_scores = _scores(study, model, rows, local.H, local.jumps)
    hamiltonian_scores = _scores(study, model, rows, hamiltonian.H, hamiltonian.jumps)
    no_scores = _scores(study, model, rows, *nothing)
    generators = [
        (LEARNED, 0.0, learned),
        (LOCAL, local.relative, local_scores),
        (HAMILTONIAN, hamiltonian.relative, hamiltonian_scores),
        (NONE, 1.0 if local.norm > 0 else 0.0, no_scores),
    ]
    has_truth = study.dataset.target.known and study.has_truth
    metric = ""
    if has_truth:
        metric = next(iter(metric_gains.metric_labels(study.dataset)))
    measured = [
        _measure(study, rows, name, distance, learned, scores, has_truth)
        for name, distance, scores in generators
    ]
    return Simplifications(
        metric=metric,
        rows=len(rows),
        generators=tuple(measured),
        ranks=nearest_generators.jump_ranks(jumps),
        given=len(jumps),
        symmetries=_count_symmetries(H, jumps),
    )


def _count_symmetries(H: Any, jumps: Any) -> int | None:
    """Return the number of strong symmetries beside the identity; None where they are too many to be counted."""
    try:
        return symmetries.strong_symmetries(H, jumps).count
    except InvalidInput:
        return None


def _scores(study: Study, model: Any, rows: np.ndarray, H: Any, jumps: Any) -> np.ndarray:
    """Return the scores (n, C) of rows with another generator."""
    H, jumps = (torch.as_tensor(X).to(torch.complex128) for X in (H, jumps))
    readout = model.readout().to(torch.complex128)
    observables = lindblad.evolve_observables(H, jumps, readout, [float(model.duration)])[0]
    backend: Any = study.backend
    return np.asarray(backend.observable_scores(rows, observables, model.bias))


def _measure(
    study: Study,
    rows: np.ndarray,
    name: str,
    distance: float,
    learned: np.ndarray,
    scores: np.ndarray,
    has_truth: bool,
) -> Simpler:
    change = float(np.sqrt(((scores - learned) ** 2).mean()))
    if not has_truth:
        return Simpler(name, distance, change, (), ())
    metric, label = next(iter(metric_gains.metric_labels(study.dataset).items()))
    without = backgrounds.Additive(len(study.modalities), learned, scores, None, len(rows))
    parts = metric_gains.measure_gains(study, rows, without, {metric: label})
    value, loss = parts["additive"][metric], parts["gain"][metric]
    return Simpler(
        name,
        distance,
        change,
        (value.value, value.low, value.high),
        (loss.value, loss.low, loss.high),
    )


@memo(32, background=False)
@torch.no_grad()
def produce_entropy(study: Study, row: int, tweak: str = "") -> SampleEntropy:
    """Return the entropy production of one sample from 0 to T, denser at 0, where it diverges for pure states."""
    model = tweaked_model(study, tweak)
    system = model.system()
    T = float(system.duration)
    attractor = find_attractor(study, tweak)
    reason = _no_entropy(attractor, T)
    if reason or attractor.steady is None:
        return SampleEntropy(reason, None, 0.0, 0.0)
    u, w = np.polynomial.legendre.leggauss(64)
    u = (u + 1) / 2
    nodes = T * (EARLY + (1 - EARLY) * u**4)
    weights = T * (1 - EARLY) * 4 * u**3 * w / 2
    drawn = T * np.linspace(0, 1, 61) ** 2
    times = np.unique(np.concatenate([drawn, nodes, [EARLY * T]]))
    backend: Any = study.backend
    rho = states.density(backend.ket(row).to(torch.complex128))
    all_times = entropy_production.entropy_production(
        system.H, system.jumps, rho, attractor.steady, times.tolist()
    )
    sigma = all_times.rates[0][np.searchsorted(times, nodes)]
    places = np.searchsorted(times, drawn)
    production = entropy_production.EntropyProduction(
        drawn, all_times.rates[:, places], all_times.relative[:, places]
    )
    relative = all_times.relative[0]
    closed = float(relative[np.searchsorted(times, EARLY * T)] - relative[-1])
    return SampleEntropy("", production, float((sigma * weights).sum()), closed)


def _no_entropy(attractor: Attractor, T: float) -> str:
    """Return why entropy production does not apply; "" where it does."""
    if attractor.steady is None:
        return "Nothing dissipates: the entropy of the whole state stays as it is, and none is produced."
    if not attractor.unique:
        return (
            "Some deviations do not decay, within rounding: there are several steady states, and the production "
            "depends on which one it is measured from."
        )
    if T <= 0:
        return "Nothing evolves: the duration is 0."
    return entropy_production.lacks_full_rank(attractor.steady)


def _rounded(values: Any) -> np.ndarray:
    """Return numbers with as many significant digits as ship."""
    array = np.asarray(values, dtype=float)
    sizes = np.where(
        array == 0, 1.0, 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(array) + (array == 0))))
    )
    return np.round(array * sizes) / sizes
