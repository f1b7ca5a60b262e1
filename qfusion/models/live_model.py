"""Models of a user's own process: any function from modalities to scores, with or without a circuit of gates.

`LiveModel` explains a function as it stands, by evaluation. `LiveCircuit` also has the circuit that the function ran
for a sample, of a `CircuitSource`: of PennyLane, Qiskit, or a process elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qfusion._checks import check
from qfusion.models import base, coalition_algebra, encoders, evaluation, inputs, kind_files
from qfusion.models.coalition_algebra import CoalitionAlgebra
from qfusion.models.inputs import Background
from qfusion.models.protocols import (
    Circuit,
    CircuitSource,
    EditableCircuit,
    GateCircuit,
    ScoringModel,
)
from qfusion.models.tweak import UNCHANGED, CircuitChange, parse_edits
from qfusion.quantum.statevector import Gate

KIND = kind_files.LIVE
CIRCUIT_KIND = kind_files.LIVE_CIRCUIT
ROWS_AT_ONCE = 4096  # rows in one call of a function
PART_SECONDS = 5.0  # of one call of a slow function
MAX_DIFFERENCES = 4096  # features of a modality of a function without gradients
OPERATIONS_PER_SECOND = 4e9  # by which the time of a row is counted as floating-point operations

Call = Callable[[Mapping[str, Any]], Tensor]  # features by modality, B rows -> columns (B, K)
Slopes = Callable[[Mapping[str, Any], Tensor], dict[str, Tensor]]


class LiveModel(base.FusionModel):
    """A function of a user's own.

    Args:
        inputs, outputs: as of every model: those of the data set.
        call: takes features by modality, (B, F) or (values (B, T, F), mask (B, T)) in double precision, and returns
            columns (B, K).
        holds: what the columns are, see `class_scores`; "regression" for a number.
        means: of every feature of a modality over the training rows; zero unless given.
        seconds: that one row takes.
        repeats: calls whose mean is taken, of a function that gives other scores for the same input.

    Attributes:
        notes: sentences on how it was opened.
    """

    kind = KIND
    encodes = False
    takes_missing = True
    title = "Model of your own"
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        call: Call,
        holds: str,
        *,
        means: Mapping[str, Sequence[float]] | None = None,
        seconds: float = 0.0,
        repeats: int = 1,
    ):
        super().__init__(inputs, outputs)
        self.call, self.holds, self.repeats = call, holds, repeats
        self._score_map: Tensor | None = None
        self._seconds = seconds
        self.settings = {"holds": holds, "repeats": repeats}
        self.unseen_operations = round(seconds * OPERATIONS_PER_SECOND)
        self.encoders = encoders.mean_pools(
            self.input_specs, means, "Open the model again with `qfusion.show`."
        )
        self.bias = nn.Parameter(
            torch.zeros(len(self.outputs), dtype=torch.float64), requires_grad=False
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> LiveModel:
        return self  # its weights are the user's, and never written to

    @property
    def algebra(self) -> CoalitionAlgebra[Any, Any]:
        """The algebra of evaluation, repeated for a function whose scores scatter."""
        return RepeatedAlgebra(self) if self.repeats > 1 else evaluation.EvaluationAlgebra(self)

    def encode_one(self, inputs: Mapping[str, inputs.Features], name: str) -> inputs.Features:
        """Return the features of one modality in double precision; `inputs` need not hold the other modalities."""
        return self._features(inputs, name)

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of features.

        Raises:
            InvalidInput: when the function fails on them, or gives no finite scores.
        """
        scores = columns_to_scores(self.columns(states), self.holds, len(self.outputs))
        return scores if self._score_map is None else scores @ self._score_map.T

    def map_scores(self, matrix: Tensor) -> None:
        """Multiply the scores by a matrix (C, C) from now on, also those of models with another circuit."""
        before = torch.eye(len(matrix)).to(matrix) if self._score_map is None else self._score_map
        self._score_map = matrix @ before

    def columns(self, states: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of the function. Gradients flow through it once."""
        names = tuple(states)
        values = [inputs.values_and_mask(states[name])[0] for name in names]
        if torch.is_grad_enabled() and any(value.requires_grad for value in values):
            result: Tensor = _Columns.apply(self, dict(states), names, *values)
            return result
        return self.plain_columns(states)

    def slopes(self, states: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality: of the function where it
        tells them, else by central differences.
        """
        known: Slopes | None = getattr(self.call, "slopes", None)
        if known is not None:
            slopes = known(states, weights)
            if slopes:
                return slopes
        return central_differences(self.plain_columns, states, weights)

    def plain_columns(self, states: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of the function, without gradients."""
        return self._in_parts(self.call, states)

    def _in_parts(self, compute: Call, states: Mapping[str, Any]) -> Tensor:
        """Return columns (B, K), computed for at most `ROWS_AT_ONCE` rows, or some seconds, at a time: a server waits
        only so long for an answer of a user's process.
        """
        rows = evaluation.nested_length(states[self.modalities[0]])
        step = ROWS_AT_ONCE
        if self._seconds:
            step = max(1, min(step, round(PART_SECONDS / self._seconds)))
        parts = []
        for start in range(0, max(rows, 1), step):
            some = slice(start, start + step)
            parts.append(
                compute(
                    {name: evaluation.nested_part(value, some) for name, value in states.items()}
                )
            )
        return torch.cat(parts)


class _Columns(torch.autograd.Function):
    """Columns of a function whose gradients are those of `LiveModel.slopes`."""

    @staticmethod
    def forward(ctx: Any, model: LiveModel, states: Any, names: Any, *values: Tensor) -> Tensor:
        ctx.model, ctx.states, ctx.names = (
            model,
            evaluation.nested_mapped(Tensor.detach, states),
            names,
        )
        return model.plain_columns(ctx.states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        slopes = ctx.model.slopes(ctx.states, arriving[0])
        return (None, None, None, *(slopes[name] for name in ctx.names))


def central_differences(
    columns: Callable[[Mapping[str, Any]], Tensor], states: Mapping[str, Any], weights: Tensor
) -> dict[str, Tensor]:
    """Return gradients of the sum of columns times weights, by two calls for every feature; rows are independent.

    Args:
        columns: features by modality -> (B, K).
        states: features by modality. weights: (B, K).

    Raises:
        InvalidInput: when a modality has more than `MAX_DIFFERENCES` features.
    """
    step = torch.finfo(torch.float64).eps ** (1 / 3)
    result = {}
    for name, features in states.items():
        values, mask = inputs.values_and_mask(features)
        flat = values.flatten(1)
        check(
            flat.shape[1] <= MAX_DIFFERENCES,
            f"The model has no gradients, and differences over the {flat.shape[1]:,} features of `{name}` take too "
            "long. Write it in torch.",
        )
        slopes = torch.zeros_like(flat)
        for k in range(flat.shape[1]):
            width = step * flat[:, k].abs().clamp_min(1)
            ends = []
            for sign in (1, -1):
                moved = flat.clone()
                moved[:, k] += sign * width
                shifted = moved.view_as(values)
                ends.append(columns({**states, name: shifted if mask is None else (shifted, mask)}))
            slopes[:, k] = ((ends[0] - ends[1]) * weights).sum(1) / (2 * width)
        result[name] = slopes.view_as(values)
    return result


def columns_to_scores(columns: Tensor, holds: str, count: int) -> Tensor:
    """Return the scores (B, C) of columns (B, K).

    Args:
        columns: output of a function.
        holds: what they are, see `class_scores`; "regression" for a number.
        count: C, of the data set's target.

    Raises:
        InvalidInput: when K is not C (nor 1, of two classes), or numbers are not finite.
    """
    finite = columns.isfinite()
    if holds == "log-probabilities":
        finite |= columns.isneginf()  # of a class whose probability is 0
    if not bool(finite.all()):
        row = int((~finite).any(1).nonzero()[0])
        check(
            False,
            f"The model gives {float(columns[row][~finite[row]][0])} for row {row} of a batch of {len(columns)}. Its "
            "scores must be finite for every combination of modalities.",
        )
    check(
        columns.shape[1] == count or (columns.shape[1] == 1 and count == 2),
        f"The model gives {columns.shape[1]} numbers a row, but the target has {count}. Return one score for each "
        "class, one for two classes, or one number for a regression.",
    )
    return columns if holds == "regression" else class_scores(columns, holds)


class RepeatedAlgebra(evaluation.EvaluationAlgebra):
    """The algebra of a function whose scores scatter: means over repeated evaluations, with their standard errors.

    The error of the background's rows, where they are a sample, and that of the repetitions add in squares.
    """

    def __init__(self, model: ScoringModel):
        super().__init__(model)
        self.repeats = int(getattr(model, "repeats", 2))

    def is_exact(self, background: Background) -> bool:
        """Return False: scores scatter."""
        return False

    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return v(S), (B, 2^M, C), and the standard errors of its dividends, of the same shape."""
        rows = self.check_background(background)
        runs = [evaluation.evaluated_values(self.model, states, rows) for _ in range(self.repeats)]
        values = np.stack([value for value, _ in runs])
        by_run = coalition_algebra.dividends(values, len(self.model.modalities))
        scatter = by_run.std(0, ddof=1) / np.sqrt(self.repeats)
        rows_error = np.mean([error for _, error in runs], 0)
        return values.mean(0), np.hypot(scatter, rows_error)


class LiveCircuit(LiveModel):
    """A function of a user's own whose circuit of unitary gates is known.

    Args:
        source: of the circuit. Others: see `LiveModel`.
    """

    kind = CIRCUIT_KIND
    family = "gates"
    title = "Circuit of your own"
    parts = frozenset({Circuit, GateCircuit, EditableCircuit})
    change: CircuitChange = UNCHANGED

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        call: Call,
        holds: str,
        source: CircuitSource,
        *,
        means: Mapping[str, Sequence[float]] | None = None,
        seconds: float = 0.0,
        repeats: int = 1,
    ):
        super().__init__(
            inputs, outputs, call, holds, means=means, seconds=seconds, repeats=repeats
        )
        self.source = source

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""
        return self.source.registers()

    def gates(self, states: Mapping[str, Any]) -> list[Gate]:
        """Return the circuit of one sample, edited, from its features (one row each).

        Raises:
            InvalidInput: when there are several rows.
        """
        rows = evaluation.nested_length(states[self.modalities[0]])
        check(
            rows == 1,
            f"Argument `states` must hold one row, but holds {rows}: a circuit is drawn for one sample.",
        )
        return self.source.gates(states, self.change)

    def elementary(self, states: Mapping[str, Any]) -> list[Gate]:
        """Return the same gates."""
        return self.gates(states)

    def gate_roles(self) -> tuple[str, ...]:
        """Return the role of every gate: trained, the modalities that it encodes, or empty for a fixed one."""
        return self.source.roles

    def gate_layers(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return the layers of the circuit: their names, and the places of their gates from 0."""
        return self.source.layers

    def circuit_facts(self, states: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return facts on the circuit, the same for every sample."""
        facts = self.source.facts
        return {
            "library": facts.library,
            "remarks": facts.remarks,
            "guessed": facts.guessed,
            "angles": facts.angles,
        }

    def plain_columns(self, states: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of the function, with what is changed in its circuit, without gradients."""
        if not self.change:
            return super().plain_columns(states)
        return self._in_parts(lambda some: self.source.columns(some, self.change), states)

    def slopes(self, states: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return gradients, see `LiveModel.slopes`; of a changed circuit by central differences."""
        if not self.change:
            return super().slopes(states, weights)
        return central_differences(self.plain_columns, states, weights)

    def parse_tweak(self, tweak: Any) -> Any:
        """Return edits of gates, see `tweak.parse_edits`."""
        return parse_edits(tweak, self.source.trainable())

    def tweaked(self, tweak: Any) -> Self:
        """Return a model that shares this one's function with a changed circuit."""
        return self.with_change(self.parse_tweak(tweak))

    def with_change(self, change: CircuitChange) -> Self:
        """Return a model that shares this one's function with any change of its circuit."""
        other = copy.copy(self)
        other.change = change
        return other


SMALLEST = 1e-12  # probability; smaller ones are raised to it before a logarithm is taken
TOLERANCE = 1e-3  # by which probabilities may leave [0, 1], and their sum 1


def class_scores(columns: Tensor, holds: str) -> Tensor:
    """Return scores whose softmax is the probability of each class.

    Args:
        columns: of B rows: (B, C) with one column for each class, or (B, 1) for the second of two.
        holds: what they are: "scores", "log-probabilities" or "probabilities".

    Returns:
        (B, C), or (B, 2) with 0 for the first class and the log-odds of the second.
    """
    if columns.shape[1] == 1:
        return torch.cat([torch.zeros_like(columns), _log_odds(columns, holds)], 1)
    if holds == "probabilities":
        return _clipped_logarithm(columns)
    return _clip_infinite_rows(columns) if holds == "log-probabilities" else columns


def _log_odds(columns: Tensor, holds: str) -> Tensor:
    """The log-odds of one class against its absence."""
    if holds == "scores":
        return columns
    if holds == "probabilities":
        return _clipped_logarithm(columns) - _clipped_logarithm(1 - columns)
    return _clip_infinite_rows(columns) - _clipped_logarithm(-torch.expm1(columns))


def _clipped_logarithm(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(SMALLEST, 1).log()


def _clip_infinite_rows(logarithms: Tensor) -> Tensor:
    """Return log-probabilities unchanged, except that rows with minus infinity are clipped in the same way as
    probabilities.
    """
    has_infinity = logarithms.isneginf().any(1, keepdim=True)
    return torch.where(has_infinity, logarithms.clamp_min(log(SMALLEST)), logarithms)


def looks_like(output: Tensor, apart: bool) -> str:
    """Return the apparent kind of an output for classes: "probabilities", "log-probabilities" or "scores".

    Args:
        output: of some rows, (B, K). apart: whether each column is of a class of its own, so that no sum is known.
    """
    if fits(output, "probabilities", apart):
        return "probabilities"
    if not apart and fits(output, "log-probabilities", apart):
        return "log-probabilities"
    return "scores"


def fits(output: Tensor, holds: str, apart: bool) -> bool:
    """Return whether an output (B, K) for classes can be of the kind stated by a card."""
    if holds == "scores":
        return True
    probabilities = output.exp() if holds == "log-probabilities" else output
    inside = bool(((probabilities >= -TOLERANCE) & (probabilities <= 1 + TOLERANCE)).all())
    return inside and (apart or bool(((probabilities.sum(1) - 1).abs() < TOLERANCE).all()))
