"""Two decisions side by side: what a model, as learned or tweaked, says of a sample, beside what one says of another.

sides = beside(open_sample("qj-planted", "p0031"), "qj-planted", "p0007", tweak="H.text=0.5")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion.analysis import backgrounds
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.dynamics import circuit_evolution
from qfusion.analysis.sample import Sample, open_work
from qfusion.analysis.subject import Workspace, softmax
from qfusion.analysis.systems import jump_subject
from qfusion.explain import cohorts


@dataclass(frozen=True, eq=False)
class Side:
    """One decision.

    Attributes:
        sample: before its model, with what is tweaked, and the output whose score is split.
        scores: (C,). dividends: by coalition, the baseline under "". shapley: by modality. metrics: of the test rows.
        entropies: by modality (at T, and of all together) or by fused qubit, nats.
    """

    sample: Sample
    scores: np.ndarray
    dividends: dict[str, float]
    shapley: dict[str, float]
    metrics: dict[str, float]
    entropies: dict[str, float]

    @property
    def work(self) -> Workspace:
        """The model on its data."""
        return self.sample.work

    @property
    def shares(self) -> dict[str, float]:
        """Part of every modality in the sum of |Shapley values|; equal parts where all are zero."""
        total = sum(abs(value) for value in self.shapley.values())
        return {
            name: abs(value) / total if total else 1 / len(self.shapley)
            for name, value in self.shapley.items()
        }

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


@dataclass(frozen=True, eq=False)
class Sides:
    """Two decisions, A and B."""

    a: Side
    b: Side

    @property
    def by_letter(self) -> dict[str, Side]:
        """Both by what they are called."""
        return {"A": self.a, "B": self.b}

    @property
    def same_terms(self) -> bool:
        """Whether both decisions are sums of the same terms."""
        return self.a.work.coalitions == self.b.work.coalitions

    @property
    def same_target(self) -> bool:
        """Whether both explain a score that means the same."""
        mine, other = self.a.work.dataset.target, self.b.work.dataset.target
        return self.a.sample.unit == self.b.sample.unit and mine.kind == other.kind


def beside(
    b: Sample, model: str, sample: str, data: str = "", *, tweak: str = "", members: str = ""
) -> Sides:
    """Returns a decision, given by names, as A beside one as B: with the background of B, as far as A's data have it.

    The score that is split is the same class where both models know it, else that of A's own predicted class.

    Args:
        b: the other decision.
        model, sample, data, tweak: of A, as for `open_sample`.
        members: the cohort that B is compared with, where it is one, as for `open_sample`.

    Raises:
        NotFound, InvalidInput: when one of them does not exist or does not fit.
    """
    rows = (
        cohort_measures.members(
            open_work(b.work.name, b.work.dataset.name), cohorts.parse_saved(members).parts
        )
        if members
        else None
    )
    work = like(open_work(model, data), b.work, rows)
    row = work.dataset.row(sample)
    output = b.output if work.classes == b.work.classes else int(work.predicted[row])
    return Sides(side(Sample(work, row, output, work.model.parse_tweak(tweak))), side(b))


def like(work: Workspace, other: Workspace, members: np.ndarray | None = None) -> Workspace:
    """A workspace of `open_work` with the background that another one has, as far as its data have it.

    Args:
        work, other: the two.
        members: rows of the cohort that the other one is compared with, where it is one.
    """
    kind, label = other.background.kind, other.background.label
    if kind in ("product", "mixed", "zero"):
        return backgrounds.applied(work, kind)
    if kind == "contrast" and label in work.dataset.ids:
        return backgrounds.applied(work, kind, label)
    if kind == "cohort" and members is not None and work.dataset.digest == other.dataset.digest:
        return backgrounds.applied(work, kind, label, members)
    return work


def side(sample: Sample) -> Side:
    """Works one side out."""
    if sample.work.can("time"):
        return _in_time(sample)
    return (_in_circuit if sample.work.can("rules") else _at_once)(sample)


def _at_once(sample: Sample) -> Side:
    """Of a model that is read out at once and has nothing to tweak."""
    work, row, output = sample.work, sample.row, sample.output
    return Side(
        sample,
        work.scores[row],
        work.dividends(row, output),
        work.shapley(row, output)[0],
        work.of_split(work.scores[work.dataset.rows("test")]),
        {},
    )


def _in_time(sample: Sample) -> Side:
    work: Any = sample.work
    row, found = sample.row, sample.decision
    scores = work.scores[row] if not str(sample.tweak) else np.array([found.prediction])
    if str(sample.tweak) and len(work.scores[row]) > 1:
        with torch.no_grad():
            scores = jump_subject.predict(
                work, np.array([row]), sample.model.observables(), sample.model.bias
            )[0]
    series = sample.track().measures.single("entropy")
    entropies = {name or "all together": float(values[-1]) for name, values in series.items()}
    shapley = {name: float(values[-1]) for name, values in found.shapley.items()}
    return Side(sample, scores, found.final(), shapley, found.metrics, entropies)


def _in_circuit(sample: Sample) -> Side:
    work: Any = sample.work
    tweak = str(sample.tweak)
    found = circuit_evolution.answer(work, sample.row, tweak)
    dividends = found.terms(work, sample.output)
    shapley = {
        name: sum(
            value / len(term.split("+"))
            for term, value in dividends.items()
            if name in term.split("+")
        )
        for name in work.modalities
    }
    read = sample.reading
    entropies = {
        name: float(value) for name, value in zip(read.elements, read.entropy, strict=True)
    }
    return Side(sample, found.scores, dividends, shapley, found.metrics, entropies)
