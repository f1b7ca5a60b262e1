"""The two sides of the Compare page: what a model, as learned or tweaked, says of one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import choose
from qfusion.analysis import circuit_evolution, evolution, jump_subject
from qfusion.analysis.subject import Workspace, softmax
from qfusion.data.modality import coalitions
from qfusion.explain.network import evidence
from qfusion.ui.frame import cache, pickers, pins
from qfusion.ui.frame.pins import Pin


@dataclass(frozen=True, eq=False)
class Side:
    """One decision.

    Attributes:
        letter: "A" or "B". tweak: as text, empty for as learned. output: whose score is split.
        scores: (C,). dividends: by coalition, the baseline under "". shapley: by modality. metrics: of the test rows.
        entropies: by modality (at T, and of all together) or by fused qubit, nats.
    """

    letter: str
    work: Workspace
    row: int
    tweak: str
    output: int
    scores: np.ndarray
    dividends: dict[str, float]
    shapley: dict[str, float]
    metrics: dict[str, float]
    entropies: dict[str, float]

    @property
    def sample(self) -> str:
        """The sample's id."""
        return str(self.work.dataset.ids[self.row])

    @property
    def shares(self) -> dict[str, float]:
        """Part of every modality in the sum of |Shapley values|; equal parts where all are zero."""
        total = sum(abs(value) for value in self.shapley.values())
        return {name: abs(value) / total if total else 1 / len(self.shapley) for name, value in self.shapley.items()}

    @property
    def predicted(self) -> int:
        """The predicted class."""
        return int(self.scores.argmax())

    @property
    def probabilities(self) -> np.ndarray:
        """Of the classes, (C,)."""
        return softmax(self.scores)

    @property
    def tested(self) -> int:
        """Number of test samples behind `metrics`."""
        return len(self.work.dataset.rows("test"))


def resolve(pin: Pin) -> tuple[Workspace, int]:
    """Returns the model on its data and the row that a pin names.

    Raises:
        NotFound: when there is no such model, data set or sample here.
        InvalidInput: when the model does not take the data, or the tweak does not fit the model.
    """
    choose("Model", pin.model, pickers.models())
    choose("Data set", pin.data, pickers.sources())
    work: Any = cache.workspace_of(pin.model, pin.data)
    row = work.dataset.row(pin.sample)
    pins.tweak_of(work, pin.tweak)
    return work, row


def side(letter: str, work: Workspace, row: int, tweak: str, output: int) -> Side:
    """Works one side out."""
    if work.can("time"):
        return _in_time(letter, work, row, tweak, output)
    return (_in_circuit if work.can("rules") else _at_once)(letter, work, row, tweak, output)


def _at_once(letter: str, work: Workspace, row: int, tweak: str, output: int) -> Side:
    """Of a model that is read out at once and has nothing to tweak."""
    tests = work.dataset.rows("test")
    return Side(letter, work, row, tweak, output, work.scores[row], work.dividends(row, output), work.shapley(row, output)[0],
                work.of_split(work.scores[tests]), {})


def _in_time(letter: str, work: Any, row: int, tweak: str, output: int) -> Side:
    asked = pins.tweak_of(work, tweak)
    found = evolution.decide(work, row, asked, output)
    scores = work.scores[row] if not tweak else np.array([found.prediction])
    if tweak and len(work.scores[row]) > 1:
        with torch.no_grad():
            model = work.model.tweaked(asked)
            scores = jump_subject.predict(work, np.array([row]), model.observables(), model.bias)[0]
    series = evolution.follow(work, row, asked).measures.single("entropy")
    entropies = {name or "all together": float(values[-1]) for name, values in series.items()}
    shapley = {name: float(values[-1]) for name, values in found.shapley.items()}
    return Side(letter, work, row, tweak, output, scores, found.final(), shapley, found.metrics, entropies)


def _in_circuit(letter: str, work: Any, row: int, tweak: str, output: int) -> Side:
    found = circuit_evolution.answer(work, row, tweak)
    dividends = found.terms(work, output)
    shapley = {name: sum(value / len(term.split("+")) for term, value in dividends.items() if name in term.split("+"))
               for name in work.modalities}
    read = evidence.read(work.model.tweaked(tweak), work.by_name(row))
    entropies = {name: float(value) for name, value in zip(read.elements, read.entropy, strict=True)}
    return Side(letter, work, row, tweak, output, found.scores, dividends, shapley, found.metrics, entropies)


def same_terms(a: Side, b: Side) -> bool:
    """Whether both decisions are sums of the same terms."""
    return coalitions(a.work.modalities) == coalitions(b.work.modalities)


def same_target(a: Side, b: Side) -> bool:
    """Whether both explain a score that means the same."""
    mine, other = a.work.dataset.target, b.work.dataset.target
    return a.work.unit_of(a.output) == b.work.unit_of(b.output) and mine.kind == other.kind


def outputs(first: Workspace, row: int, second: Workspace, chosen: int) -> tuple[int, int]:
    """Whose score is split on either side: the same class where both know it, else A's own predicted class."""
    if first.classes == second.classes:
        return chosen, chosen
    return int(first.predicted[row]), chosen
