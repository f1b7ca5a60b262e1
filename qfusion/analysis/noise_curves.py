"""What a noisy circuit gives for a sample, as functions of the strength of one channel.

Scores, contributions and the squares of single runs are linear in the state, and the state is a polynomial of each
strength; of amplitude damping g, it is one of g and of the square root of 1 - g. The degree is the number of places
where the channel acts, but the coefficients fall fast: nine Chebyshev points mostly do, see `interpolation`. The other
two channels stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qfusion import explain, track
from qfusion._checks import check, choose
from qfusion.analysis import circuit_changes, sample_circuits
from qfusion.analysis.interpolation import (
    COUNTS,
    Interpolation,
    interpolate,
    lobatto_points,
    raise_if_stopped,
)
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.models import games, qcnn
from qfusion.models.abilities import can
from qfusion.models.fixed_observables import recompute_observables
from qfusion.track.circuit_noise import Noise

CHANNELS = ("depolarising", "damping", "readout")
STEPS = 100  # of a slider from 0 to 1
TOLERANCE = 5e-4  # of the largest value; the error was measured to be a tenth of its estimate
_SQUARES_TOLERANCE = 1e-4  # of squares and means, whose difference is the variance

Strengths = tuple[float, float, float]  # of the channels, in their order
Nodes = Sequence[Strengths]
Values = list[dict[str, np.ndarray]]  # of quantities, at each node
Evaluate = Callable[[Sample, Nodes], Values]


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of a number of runs, at every value of a slider.

    Attributes:
        scores: (P, C). dividends: of all coalitions and scores, (P, 2^M, C).
        error: of the interpolation, see `Interpolation`.
    """

    scores: np.ndarray
    dividends: np.ndarray
    error: float


def score_curves(
    sample: Sample, strengths: Strengths, channel: str, *, tolerance: float = TOLERANCE
) -> Interpolation:
    """Return the noisy `scores` of a sample, (C,), against the strength of one channel.

    Args:
        sample: of a model whose circuit can be noisy.
        strengths: of all channels. That of `channel` does not matter.
        channel: one of `CHANNELS`.
        tolerance: of the estimated error, see `interpolate`.

    Raises:
        NotFound: when there is no such channel.
        InvalidInput: when a strength is not in [0, 1].
    """
    return _score_curves(sample, _others(strengths, channel), channel, tolerance)


def term_curves(sample: Sample, strengths: Strengths, channel: str) -> Interpolation:
    """Return the noisy `dividends` of the explained score, (2^M,), against the strength of one channel; see
    `score_curves`.
    """
    return _term_curves(sample, _others(strengths, channel), channel)


def metric_table(sample: Sample, strengths: Strengths, channel: str) -> dict[str, np.ndarray]:
    """Return the metrics of the noisy test scores at every value of a slider, (P,) by name; see `score_curves`. A
    circuit of a user's own is measured on `circuit_changes.TEST_ROWS` rows.
    """
    return _metric_table(sample, _others(strengths, channel), channel)


def error_table(sample: Sample, strengths: Strengths, channel: str, shots: int) -> Errors:
    """Return the standard errors at every value of a slider; see `score_curves`.

    Args:
        shots: number of runs of each circuit.

    Raises:
        InvalidInput: when the errors are estimated from simulated runs, see `has_exact_errors`, or there is no run.
    """
    check(shots >= 1, f"Argument `shots` must be at least 1, but is {shots}.")
    check(
        has_exact_errors(sample),
        f"The errors of model {sample.name!r} are estimated from simulated runs, so they are no smooth function of "
        "the noise. Use `device_noise.noisy_outcome` at one strength.",
    )
    curves = _square_curves(sample, _others(strengths, channel), channel)
    values = curves.values(slider_values())  # (2^M, C, P)
    variances = np.maximum(values["squares"] - values["means"] ** 2, 0) / shots
    variances = np.moveaxis(variances, -1, 0)
    # coalitions are run on their own: the variances of all that are in a dividend add up
    of_terms = games.sums(variances, len(sample.modalities))
    return Errors(np.sqrt(variances[:, -1]), np.sqrt(of_terms), curves.error)


def has_exact_errors(sample: Sample) -> bool:
    """Return whether standard errors follow from the state: those of a user's own circuit are estimated from runs."""
    return not can(sample.study.model, "changes")


def slider_values() -> np.ndarray:
    """Return all values of the slider of a strength, (P,)."""
    return np.linspace(0.0, 1.0, STEPS + 1)


def _others(strengths: Strengths, channel: str) -> Strengths:
    """Return valid strengths, with that of a channel as 0."""
    place = CHANNELS.index(choose("Channel", channel, CHANNELS))
    noise = Noise(*strengths)
    checked = [noise.depolarising, noise.damping, noise.readout]
    checked[place] = 0.0
    return checked[0], checked[1], checked[2]


def _with_strength(strengths: Strengths, channel: str, value: float) -> Strengths:
    numbers = list(strengths)
    numbers[CHANNELS.index(channel)] = value
    return numbers[0], numbers[1], numbers[2]


def _along(
    sample: Sample,
    strengths: Strengths,
    channel: str,
    evaluate: Evaluate,
    tolerance: float = TOLERANCE,
) -> Interpolation:
    """Return the quantities against the strength of a channel. They are evaluated at many strengths at once."""
    values: dict[float, dict[str, np.ndarray]] = {}
    with torch.no_grad():
        for count in COUNTS:
            points = ((lobatto_points(count) + 1) / 2).tolist()
            fresh = [point for point in points if point not in values]
            nodes = [_with_strength(strengths, channel, point) for point in fresh]
            values.update(zip(fresh, evaluate(sample, nodes), strict=True))
            curves = interpolate(values.__getitem__, 0.0, 1.0, counts=(count,))
            if curves.error <= tolerance:
                break
    return curves


@memo(48, background=False)
def _score_curves(
    sample: Sample, strengths: Strengths, channel: str, tolerance: float
) -> Interpolation:
    def evaluate(sample: Sample, nodes: Nodes) -> Values:
        scores = _row_scores(sample, nodes, np.array([sample.row]))
        return [{"scores": own[0]} for own in scores]

    return _along(sample, strengths, channel, evaluate, tolerance)


@memo(48)
def _term_curves(sample: Sample, strengths: Strengths, channel: str) -> Interpolation:
    is_own = can(sample.study.model, "changes")
    evaluate = _own_dividends if is_own else _network_dividends
    return _along(sample, strengths, channel, evaluate)


@memo(48, background=False)
def _metric_table(sample: Sample, strengths: Strengths, channel: str) -> dict[str, np.ndarray]:
    study = sample.study
    rows = study.dataset.rows("test")
    if can(study.model, "changes"):
        rows = rows[: circuit_changes.TEST_ROWS]
    if study.dataset.target.known and not study.has_truth:
        return {}

    def evaluate(sample: Sample, nodes: Nodes) -> Values:
        return [{"scores": own} for own in _row_scores(sample, nodes, rows)]

    curves = _along(sample, strengths, channel, evaluate)
    along = [curves.values(float(x))["scores"] for x in slider_values()]
    results = [study.row_metrics(rows, scores) for scores in along]
    return {name: np.array([entry[name] for entry in results]) for name in results[0]}


@memo(48)
def _square_curves(sample: Sample, strengths: Strengths, channel: str) -> Interpolation:
    """Return `means` of single runs and of their `squares`, both (2^M, C), without the bias."""
    return _along(sample, strengths, channel, _network_squares, _SQUARES_TOLERANCE)


def _row_scores(sample: Sample, nodes: Nodes, rows: np.ndarray) -> list[np.ndarray]:
    """Return the scores of rows, (n, C), for each of some strengths."""
    study: Any = sample.study
    results = []
    for strengths in nodes:
        raise_if_stopped()
        if can(study.model, "changes"):
            model = _own_circuit(sample, strengths)
            scores = model.scores(model.encode(study.inputs(rows))).double()
        else:
            model = _noisy_network(sample, strengths)
            observables = _observables(study, sample.tweak_text, strengths)
            fused = model.fuse(study.space.named_masses(torch.as_tensor(rows)))[0]
            scores = qcnn.evaluate(torch.as_tensor(observables).double(), fused) + model.bias
        results.append(scores.numpy())
    return results


def _network_dividends(sample: Sample, nodes: Nodes) -> Values:
    M = len(sample.modalities)
    dividends = games.dividends(_coalition_values(sample, nodes, _observables), M)
    return [{"dividends": own[:, sample.output]} for own in dividends]


def _network_squares(sample: Sample, nodes: Nodes) -> Values:
    bias = sample.study.model.bias.detach().double().numpy()
    means, squares = (
        _coalition_values(sample, nodes, of) - bias for of in (_observables, _squares)
    )
    return [{"means": a, "squares": b} for a, b in zip(means, squares, strict=True)]


def _coalition_values(
    sample: Sample, nodes: Nodes, make: Callable[[Any, str, Strengths], np.ndarray]
) -> np.ndarray:
    """Return the values of coalitions for each of some strengths, (nodes, 2^M, C).

    Args:
        sample: explained. nodes: strengths.
        make: returns observables, (C, 3, ..., 3).
    """
    study: Any = sample.study
    observables = []
    for strengths in nodes:
        raise_if_stopped()
        observables.append(torch.as_tensor(make(study, sample.tweak_text, strengths)).double())
    inputs = study.inputs([sample.row])

    def values(model: Any, read: Sequence[torch.Tensor]) -> np.ndarray:
        states, background = model.encode(inputs), study.background
        return np.asarray(model.algebra.values_along(states, background, torch.stack(list(read))))

    models = [_noisy_network(sample, strengths) for strengths in nodes]
    if models[0].phi.shape[1] == 1:  # noise changes no table, so that one pass serves all strengths
        return values(models[0], observables)[:, 0]
    parts = [values(model, [own]) for model, own in zip(models, observables, strict=True)]
    return np.concatenate(parts)[:, 0]


def _noisy_network(sample: Sample, strengths: Strengths) -> Any:
    tables = sample_circuits.edit_tables(sample.study, sample.tweak_text)
    return track.circuit_noise.with_noise(tables, Noise(*strengths))


@memo(48, background=False)
def _observables(study: Any, words: str, strengths: Strengths) -> np.ndarray:
    """Return the observables of scores under noise, (C, 3, ..., 3) in single precision, in half the time of double."""
    model = _single_network(study, words, strengths)
    return np.asarray(recompute_observables(model).float().numpy())


@memo(48, background=False)
def _squares(study: Any, words: str, strengths: Strengths) -> np.ndarray:
    """Return the observables of squared scores of single runs, without the bias, as `_observables` does."""
    model = _single_network(study, words, strengths)
    single = track.fusion_gates.outcome_scores(model) - model.bias.double()
    squares = sample_circuits.value_observables(model, single.square().to(model.bias.dtype))
    return np.asarray(squares.float().numpy())


def _single_network(study: Any, words: str, strengths: Strengths) -> Any:
    tables = copy.deepcopy(sample_circuits.edit_tables(study, words)).float()
    return track.circuit_noise.with_noise(tables, Noise(*strengths))


def _own_circuit(sample: Sample, strengths: Strengths) -> Any:
    tweak: Any = sample.tweak
    change = replace(tweak, **dict(zip(CHANNELS, strengths, strict=True)))
    return sample.study.model.with_change(change)


def _own_dividends(sample: Sample, nodes: Nodes) -> Values:
    """Return what `circuit_changes.with_noise` does: the change through noise is that against some rows."""
    study: Any = sample.study
    inputs = study.inputs([sample.row])
    few = study.sample_background.subsample(circuit_changes.ROWS)

    def explained(strengths: Strengths) -> np.ndarray:
        raise_if_stopped()
        result = explain.explain(_own_circuit(sample, strengths), inputs, few)
        return np.asarray(result.dividends[0, :, sample.output])

    exact = explained((0.0, 0.0, 0.0))
    whole = np.array(list(sample.dividends.values()))
    return [{"dividends": whole + explained(strengths) - exact} for strengths in nodes]
