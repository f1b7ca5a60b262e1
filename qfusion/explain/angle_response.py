"""Scores and contributions as an exact function of one angle of a circuit, from a few evaluations of the model.

Expectation values are trigonometric polynomials in the angle, see `quantum.circuits`, and so is every number that
is linear in them: the scores of an entangled-fusion network, the values of coalitions, which are means of scores, and
their dividends. The same evaluations cover all. A nonlinear function behind the circuit (a softmax, a dense layer with
a bend, log-odds of probabilities) is not interpolated: the numbers that the circuit gives it are, and it is applied to
them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models import Features, FusionModel, base, coalition_algebra
from qfusion.models.inputs import Background
from qfusion.models.network import gate_angles
from qfusion.models.protocols import CircuitOutput, EditableCircuit
from qfusion.models.terms import decisions
from qfusion.models.tweak import CircuitChange
from qfusion.quantum.circuits import TrigonometricPolynomial, fit_polynomial

LINEAR_COLUMNS = ("scores", "regression")  # columns of a function that scores are linear in
_PROBES = 8  # random numbers at which a function behind a circuit is tested for being affine
_GRID = 721  # angles of a period between which decisions are followed
_HALVINGS = 45  # of the interval around a flip

Program = Callable[
    [FusionModel], np.ndarray
]  # from a model to values, by the same calls every time


@dataclass(frozen=True, eq=False)
class AngleResponse:
    """Scores of B samples, and values of coalitions, as functions of one angle.

    Attributes:
        name: of the angle, of `angle_names`.
        present: the angle as it stands in the model, radians.
        frequencies: of expectation values in the angle, ascending, (R,), per radian.
        evaluations: of the model with another angle, each on all samples and rows of the background.
        is_linear: whether scores are linear in expectation values, so that they are polynomials themselves; else a
            function of the model's own is applied to interpolated expectation values.
        modalities, outputs: names, M and C of them.
        coefficients: of 1, cosines and sines for the scores, (1 + 2 R, B, C); None where not `is_linear`.
    """

    name: str
    present: float
    frequencies: tuple[float, ...]
    evaluations: int
    is_linear: bool
    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    coefficients: np.ndarray | None
    _scores: Callable[[np.ndarray], np.ndarray]
    _coalitions: Callable[[np.ndarray], np.ndarray] | None

    @property
    def period(self) -> float:
        """Period in radians: 2 pi for whole frequencies, 4 pi for multiples of 1/2; infinite for others."""
        doubled = 2 * np.asarray(self.frequencies)
        if not np.allclose(doubled, np.round(doubled), atol=1e-9):
            return math.inf
        return 2 * math.pi if np.all(np.round(doubled) % 2 == 0) else 4 * math.pi

    def values(self, angles: Any) -> np.ndarray:
        """Return the scores at angles (A,) in radians, (A, B, C).

        Raises:
            InvalidInput: when angles are not finite numbers in one row.
        """
        return self._scores(_check_angles(angles))

    def coalition_values(self, angles: Any) -> np.ndarray:
        """Return the values of all coalitions, as of `Explanation.values`, at angles (A,), (A, B, 2^M, C).

        Raises:
            InvalidInput: when the response has no background, or angles are not finite numbers in one row.
        """
        check(
            self._coalitions is not None,
            "Contributions need a background. Give one to `angle_response`.",
        )
        return cast(Any, self._coalitions)(_check_angles(angles))

    def dividends(self, angles: Any) -> np.ndarray:
        """Return the Harsanyi dividends of all coalitions at angles (A,), (A, B, 2^M, C); see `coalition_values`."""
        return coalition_algebra.dividends(self.coalition_values(angles), len(self.modalities))

    def flips(self, sample: int = 0, grid: int = _GRID) -> np.ndarray:
        """Return the angles of one period around 0 at which the decision on a sample changes, ascending, in radians.

        A decision that changes and changes back between two neighbours of the grid is not seen. A function without a
        period is followed from -2 pi to 2 pi.

        Args:
            sample: number of the sample. grid: angles at which decisions are compared.

        Raises:
            InvalidInput: when there is no such sample, or `grid` is below 2.
        """
        check(grid >= 2, f"Argument `grid` must be at least 2, but is {grid}.")
        reach = min(self.period, 4 * math.pi) / 2
        angles = np.linspace(-reach, reach, grid)
        decided = self._decisions(angles, sample)
        at = np.flatnonzero(decided[1:] != decided[:-1])
        low, high, held = angles[at], angles[at + 1], decided[at]
        for _ in range(_HALVINGS if len(at) else 0):
            middle = (low + high) / 2
            same = self._decisions(middle, sample) == held
            low = np.where(same, middle, low)
            high = np.where(same, high, middle)
        return np.asarray((low + high) / 2)

    def _decisions(self, angles: np.ndarray, sample: int) -> np.ndarray:
        scores = self.values(angles)
        check(
            0 <= sample < scores.shape[1],
            f"Argument `sample` must number one of {scores.shape[1]} samples from 0, but is {sample}.",
        )
        return decisions(scores[:, sample])


def angle_names(model: FusionModel) -> tuple[str, ...]:
    """Return the names of the angles that a model offers, as edits name them; see `models.network.gate_angles`."""
    return gate_angles.angle_names(model)


@torch.no_grad()
def angle_response(
    model: FusionModel,
    inputs: Mapping[str, Features],
    name: str,
    background: Background | None = None,
) -> AngleResponse:
    """Return the scores of samples as an exact function of one angle of the model's circuit.

    R frequencies take 2 R + 1 evaluations of the model: 3 for a rotation about a Pauli word, 5 for a controlled
    rotation, and 2 r + 1 for a rotation that r gates of a network share. Where the frequencies are not known, their
    number is found by doubling, see `circuits.fit_polynomial`.

    Args:
        model: in eval mode; all other edits stay as they are.
        inputs: features of B samples.
        name: of the angle, of `angle_names`.
        background: of the same model; coalitions have values with one only.

    Raises:
        InvalidInput: when the model has no angles, is run with shots, or depends on the angle in another way.
        NotFound: when it has no such angle.
    """
    model = base.to_double(model)
    gate_angles.check_angle(model, name)
    _check_exact(model)
    states = model.encode(inputs)
    programs: list[Program] = [lambda other: other.scores(states).double().numpy()]
    if background is not None:
        programs.append(lambda other: other.algebra.coalition_values(states, background)[0])
    one = {key: _first_row(value) for key, value in states.items()}
    present = gate_angles.angle_value(model, one, name)
    frequencies = gate_angles.angle_frequencies(model, name)
    evaluator = _Evaluator(model, name, programs)
    polynomial, evaluations = fit_polynomial(evaluator.evaluate, frequencies)
    parts = evaluator.separate(polynomial.coefficients)
    polynomials = [TrigonometricPolynomial(polynomial.frequencies, part) for part in parts]
    if evaluator.is_linear:
        functions: list[Callable[[np.ndarray], np.ndarray]] = [*polynomials]
    else:
        functions = [
            _Replay(evaluator, place, own).__call__ for place, own in enumerate(polynomials)
        ]
    return AngleResponse(
        name,
        present,
        polynomial.frequencies,
        evaluations,
        evaluator.is_linear,
        tuple(model.modalities),
        tuple(model.outputs),
        parts[0] if evaluator.is_linear else None,
        functions[0],
        functions[1] if background is not None else None,
    )


class _Evaluator:
    """Evaluates programs with an angle set, as numbers that are linear in expectation values.

    Attributes:
        is_linear: whether these numbers are the values of the programs; else those that the circuit gives.
        forms: of a model that is not linear, the arrangement of numbers of every call of each program.
    """

    def __init__(self, model: FusionModel, name: str, programs: list[Program]):
        self.model, self.name, self.programs = model, name, programs
        self.is_linear = model.part(EditableCircuit) is None
        self.forms: list[list[Any]] = [[] for _ in programs]
        self._shapes: list[tuple[int, ...]] = []
        self._is_first = True

    def evaluate(self, angle: float) -> np.ndarray:
        """Return the numbers of all programs, one after another."""
        other = gate_angles.with_angle(self.model, self.name, angle)
        circuit = other.part(EditableCircuit)
        if circuit is None:
            return self._joined([program(other) for program in self.programs])
        recorder = _Recorder(circuit)
        values, numbers = [], []
        for place, program in enumerate(self.programs):
            values.append(program(recorder.model))
            readings = recorder.take()
            self.forms[place] = [reading.form for reading in readings]
            numbers.append(torch.cat([reading.numbers for reading in readings]).numpy())
        if self._is_first:
            self.is_linear = circuit.holds in LINEAR_COLUMNS and recorder.is_affine
        return self._joined(values if self.is_linear else numbers)

    def _joined(self, arrays: list[np.ndarray]) -> np.ndarray:
        shapes = [array.shape for array in arrays]
        check(
            self._is_first or shapes == self._shapes,
            "The circuit gives another number of results for another angle. Its structure must not depend on it.",
        )
        self._is_first, self._shapes = False, shapes
        return np.concatenate([array.reshape(-1) for array in arrays])

    def separate(self, coefficients: np.ndarray) -> list[np.ndarray]:
        """Return coefficients (1 + 2 R, numbers) of each program, in the shapes of its numbers."""
        sizes = [math.prod(shape) for shape in self._shapes]
        parts = np.split(coefficients, np.cumsum(sizes)[:-1], axis=1)
        return [
            part.reshape(len(part), *shape) for part, shape in zip(parts, self._shapes, strict=True)
        ]


class _Recorder:
    """A model of a circuit whose readings are kept, and tested for what is behind the circuit.

    Attributes:
        model: that shares the function of the given one.
        is_affine: whether what is behind the circuit was affine at random numbers, in every call.
    """

    def __init__(self, model: EditableCircuit):
        self._source, self._readings = model.source, cast("list[CircuitOutput]", [])
        self.is_affine = True
        self.model = _with_columns(model, self._columns)

    def take(self) -> list[CircuitOutput]:
        """Return the readings since the last time."""
        taken, self._readings = self._readings, []
        return taken

    def _columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        reading = self._source.read(features, change)
        if self.is_affine:
            self.is_affine = self._test(features, reading)
        self._readings.append(reading)
        return reading.columns

    def _test(self, features: Mapping[str, Any], reading: CircuitOutput) -> bool:
        """Test f(s x + (1 - s) y) = s f(x) + (1 - s) f(y) at random numbers in the range of the circuit's."""
        random = np.random.default_rng(0)
        reach = max(1.0, float(reading.numbers.abs().max())) if len(reading.numbers) else 1.0
        for _ in range(_PROBES):
            x, y = reach * random.uniform(-1, 1, (2, len(reading.numbers)))
            share = random.uniform()
            try:
                ends = [
                    self._source.finish(features, torch.from_numpy(numbers), reading.form)
                    for numbers in (x, y, share * x + (1 - share) * y)
                ]
            except Exception:  # a user's function, at numbers that no circuit gives
                return False
            expected = share * ends[0] + (1 - share) * ends[1]
            size = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
            if not bool(((expected - ends[2]).abs() <= 1e-12 * size).all()):
                return False
        return True


class _Replay:
    """Values of a program at other angles, by interpolated results of the circuit, which is not run.

    Args:
        evaluator: of all programs. place: of this one. polynomial: of its numbers.
    """

    def __init__(self, evaluator: _Evaluator, place: int, polynomial: TrigonometricPolynomial):
        self._evaluator, self._polynomial = evaluator, polynomial
        self._program, self._forms = evaluator.programs[place], evaluator.forms[place]
        model = gate_angles.with_angle(evaluator.model, evaluator.name, 0.0)
        self._model = model.require(EditableCircuit)

    @torch.no_grad()
    def __call__(self, angles: np.ndarray) -> np.ndarray:
        """Return the values at angles (A,), (A, ...)."""
        return np.stack([self._at(float(angle)) for angle in angles])

    def _at(self, angle: float) -> np.ndarray:
        numbers = torch.from_numpy(self._polynomial(np.array([angle]))[0])
        calls = self._pieces(numbers)
        source = self._model.source

        def columns(features: Mapping[str, Any], change: CircuitChange) -> Tensor:
            own, form = next(calls)
            return source.finish(features, own, form)

        return self._program(_with_columns(self._model, columns))

    def _pieces(self, numbers: Tensor) -> Iterator[tuple[Tensor, Any]]:
        """Yield the numbers of every call and their arrangement."""
        start = 0
        for form in self._forms:
            count = _count(form)
            yield numbers[start : start + count], form
            start += count


def _with_columns(model: EditableCircuit, columns: Callable[..., Tensor]) -> Any:
    """Return a model that shares this one's function, but makes the columns behind its circuit in another way."""
    other: Any = copy.copy(model)
    other.source = copy.copy(model.source)
    other.source.columns = columns
    return other


def _count(form: Any) -> int:
    """Return how many numbers an arrangement of `adapters.gates` takes."""
    if form and isinstance(form[0], str):
        kind, inner = form[:2]
        return _count(inner) if kind in ("list", "tuple") else math.prod(inner)
    return sum(map(_count, form))


def _check_exact(model: FusionModel) -> None:
    circuit = model.part(EditableCircuit)
    check(
        circuit is None or (not circuit.change.shots and circuit.repeats == 1),
        "The model's scores scatter from run to run, so they are no exact function of an angle. Set its shots to 0, or "
        "its device to an exact one.",
    )


def _check_angles(angles: Any) -> np.ndarray:
    try:
        values = np.asarray(angles, dtype=float)
    except (TypeError, ValueError):
        values = np.array(math.nan)
    check(
        values.ndim == 1 and bool(np.isfinite(values).all()),
        "Argument `angles` must be a row of finite numbers in radians, such as [0.0, 1.57], but is "
        f"{str(angles)[:60]!r}.",
    )
    return values


def _first_row(value: Any) -> Any:
    return tuple(part[:1] for part in value) if isinstance(value, tuple) else value[:1]
