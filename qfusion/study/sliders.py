"""What the Dynamics page shows of a sample as functions of one slider, interpolated from a few exact evaluations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.polynomial import chebyshev

from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.explain import coalitions, path_attribution
from qfusion.models.base import with_observables
from qfusion.models.jump import flips
from qfusion.models.tweak import DURATION, Tweak, learned_values
from qfusion.quantum import measures, states
from qfusion.study import evolution
from qfusion.study.sample import Sample

STEPS = 100  # of a slider from 0 to its learned value
MEASURES = ("entropy", "negativity", "mutual_information")


def decision_curves(sample: Sample, key: str) -> Interpolation:
    """Return the decision on a sample over time against one slider.

    Args:
        sample: of a model with time. Its tweak says where the other sliders stand.
        key: of the slider, as in `Tweak`.

    Returns:
        `dividends` and `shapley` at each of the times shown, (S, nT) and (M, nT), in the order of the coalitions and of
        the modalities; `scores` at T of all outputs, (C,). For the duration, the times are shares of it.

    Raises:
        NotFound: when the model has no such slider.
    """
    return _decision_curves(_without(sample, key), key)


def final_curves(sample: Sample, key: str) -> Interpolation:
    """Return the decision on a sample at T against one slider. It costs no evolution if `observable_curves` of the
    study have been computed.

    Args:
        sample, key: see `decision_curves`.

    Returns:
        `dividends` (S,) in the order of the coalitions, and `scores` of all outputs, (C,).
    """
    return _final_curves(_without(sample, key), key)


def measure_curves(sample: Sample, key: str, kind: str, parts: Sequence[str]) -> Interpolation:
    """Return a measure of the states over time against one slider.

    Args:
        sample, key: see `decision_curves`.
        kind: one of `MEASURES`.
        parts: groups of modalities, such as "text" or "text+audio"; "" for all together. Mutual information is that of
            pairs, log-negativity that of a modality and the rest.

    Returns:
        `values` of each part at each of the times shown, (len(parts), nT), in nats or, for the negativity, in bits.
    """
    choose("Measure", kind, MEASURES)
    return _measure_curves(_without(sample, key), key, kind, tuple(parts))


def attribution_curves(sample: Sample, key: str) -> Interpolation:
    """Return the part of each contribution that each term of the dynamics built, against one slider.

    Args:
        sample, key: see `decision_curves`.

    Returns:
        `parts` (S, G), `start` (S,) and `end` (S,), see `explain.path_attribution`. Terms that a factor of 0 takes away
        count 0.
    """
    return _attribution_curves(_without(sample, key), key)


def score_curves(sample: Sample, key: str) -> Interpolation:
    """Return the `scores` at T, (C,), of a sample against one slider. It costs no evolution if `observable_curves` of
    the study have been computed.
    """
    tweak = _without(sample, key).tweak
    return _row_curves(sample.study, tweak, key, np.array([sample.row]), single=True)


def metric_curves(study: Any, tweak: Tweak, key: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return all values that a slider takes, (P,), and the test metrics at each of them, (P,) by name. The scores of
    every test row are interpolated, and the metrics are those of these scores.
    """
    return _metric_curves(study, _without_key(tweak, key, study.model), key)


def decision_changes(sample: Sample, key: str) -> list[float]:
    """Return the values of a slider at which the decision on a sample changes, ascending: another class has the largest
    score, or the score changes its sign where the sign decides.
    """
    curves = score_curves(sample, key)
    factors = np.linspace(curves.low, curves.high, 401)

    def decide(x: np.ndarray) -> np.ndarray:
        scores = curves.values(x)["scores"]
        return np.asarray(scores.argmax(0) if len(scores) > 1 else scores[0] > 0)

    if not sample.study.decides_by_sign:
        return []
    decided = decide(factors)
    changes = []
    for place in np.flatnonzero(decided[1:] != decided[:-1]):
        low, high = factors[place], factors[place + 1]
        for _ in range(30):
            middle = (low + high) / 2
            if decide(np.array([middle]))[0] == decided[place]:
                low = middle
            else:
                high = middle
        changes.append(float((low + high) / 2))
    return changes


def slider_range(model: Any, key: str) -> tuple[float, float]:
    """Return the lowest and highest value of a slider.

    Raises:
        NotFound: when the model has no such slider.
    """
    learned = learned_values(model)
    choose("Slider", key, tuple(learned))
    top = flips.TOP_DURATION if key == DURATION else flips.TOP_FACTOR
    return 0.0, top * learned[key]


def _without_key(tweak: Tweak, key: str, model: Any) -> Tweak:
    """Return a tweak in which one slider is as learned: curves along it do not depend on where it stands."""
    return Tweak.of(
        [(name, value) for name, value in tweak.numbers().items() if name != key], model
    )


def _without(sample: Sample, key: str) -> Sample:
    slider_range(sample.study.model, key)
    return replace(sample, tweak=_without_key(sample.tweak, key, sample.study.model))


def _turned(tweak: Tweak, key: str, value: float, model: Any) -> Tweak:
    return Tweak.of([*tweak.numbers().items(), (key, value)], model)


@memo(48)
@torch.no_grad()
def _decision_curves(sample: Sample, key: str) -> Interpolation:
    def evaluate(value: float) -> dict[str, np.ndarray]:
        model = sample.study.model.tweaked(_turned(sample.tweak, key, value, sample.study.model))
        times = evolution.time_grid(float(model.duration)).tolist()
        model = with_observables(model, model.observables(times))
        result = coalitions.explain_times(model, sample.inputs, sample.background, times)
        return {
            "dividends": result.dividends[:, 0, :, sample.output].T,
            "shapley": result.shapley[:, 0, :, sample.output].T,
            "scores": result.prediction[-1, 0],
        }

    return interpolate(evaluate, *slider_range(sample.study.model, key))


@memo(48, background=False)
@torch.no_grad()
def _final_curves(sample: Sample, key: str) -> Interpolation:
    """Contributions and scores are linear in the observables, and so are their coefficients."""
    curves = observable_curves(sample.study, sample.tweak, key)
    model = sample.study.model
    observables = torch.as_tensor(curves.coefficients["observables"]).to(torch.complex128)
    states = model.encode(sample.inputs)
    values = model.algebra.values_along(states, sample.background, observables)
    values[1:] -= model.bias.detach().double().numpy()  # which is a constant
    result = coalitions.explanation_of_values(model, values, sample.background)
    coefficients = {
        "dividends": result.dividends[:, 0, :, sample.output],
        "scores": result.prediction[:, 0],
    }
    return replace(curves, coefficients=coefficients)


@memo(48, background=False)
@torch.no_grad()
def _measure_curves(sample: Sample, key: str, kind: str, parts: tuple[str, ...]) -> Interpolation:
    study: Any = sample.study
    dims = study.model.dims
    rho = states.density(study.backend.ket(sample.row).to(torch.complex128))
    places = [
        tuple(study.modalities.index(name) for name in part.split("+") if name) for part in parts
    ]

    def measure(along: torch.Tensor, where: tuple[int, ...]) -> torch.Tensor:
        if kind == "entropy":
            if where:
                along = states.partial_trace(along, dims, where)
            return measures.von_neumann_entropy(along)
        if kind == "negativity":
            return measures.logarithmic_negativity(along, dims, where)
        return measures.mutual_information(along, dims, where[:1], where[1:])

    def evaluate(value: float) -> dict[str, np.ndarray]:
        model = study.model.tweaked(_turned(sample.tweak, key, value, study.model))
        times = evolution.time_grid(float(model.duration)).tolist()
        along = model.evolve_states(rho, times)
        return {"values": torch.stack([measure(along, where) for where in places]).numpy()}

    return interpolate(evaluate, *slider_range(study.model, key), of_root=key == DURATION)


@memo(48)
@torch.no_grad()
def _attribution_curves(sample: Sample, key: str) -> Interpolation:
    study = sample.study
    names: list[str] = []

    def evaluate(value: float) -> dict[str, np.ndarray]:
        model = study.model.tweaked(_turned(sample.tweak, key, value, study.model))
        result = path_attribution.aumann_shapley(
            model, sample.inputs, sample.background, sample.output
        )
        own = [parameter.key for parameter in result.terms]
        if not names:
            names.extend(own)
        parts = np.zeros((len(result.dividends), len(names)))
        for column, name in enumerate(own):
            parts[:, names.index(name)] = result.parts[:, column]
        return {"parts": parts, "start": result.start, "end": result.end}

    return interpolate(evaluate, *slider_range(study.model, key))


@memo(16, background=False)  # the sliders of one model of three modalities
@torch.no_grad()
def observable_curves(study: Any, tweak: Tweak, key: str) -> Interpolation:
    """Return the `observables` at T, (C, D, D) in single precision, against one slider. They serve all samples."""

    def evaluate(value: float) -> dict[str, np.ndarray]:
        model = study.model.tweaked(_turned(tweak, key, value, study.model))
        return {"observables": model.observables().numpy()}

    curves = interpolate(evaluate, *slider_range(study.model, key))
    observables = curves.coefficients["observables"].astype(np.complex64)
    return replace(curves, coefficients={"observables": observables})


def _row_curves(
    study: Any, tweak: Tweak, key: str, rows: np.ndarray, *, single: bool = False
) -> Interpolation:
    """Return the `scores` of rows against one slider, (n, C), or (C,) of a `single` one."""
    curves = observable_curves(study, tweak, key)
    bias = study.model.bias.detach()
    coefficients = []
    for n, part in enumerate(curves.coefficients["observables"]):
        own = bias if n == 0 else torch.zeros_like(bias)
        observables = torch.as_tensor(part).to(torch.complex128)
        scores = study.backend.observable_scores(rows, observables, own)
        coefficients.append(scores[0] if single else scores)
    return replace(curves, coefficients={"scores": np.stack(coefficients)})


@memo(48, background=False)
def _metric_curves(study: Any, tweak: Tweak, key: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    curves = _row_curves(study, tweak, key, study.dataset.rows("test"))
    steps = round(STEPS * curves.high / learned_values(study.model)[key])
    places = np.linspace(curves.low, curves.high, steps + 1)
    results = [study.split_metrics(curves.values(float(x))["scores"]) for x in places]
    return places, {name: np.array([entry[name] for entry in results]) for name in results[0]}


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
