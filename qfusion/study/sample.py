"""One sample, the model that decides on it, the output that is explained, and the background of its explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch

import qfusion
from qfusion import data as sources
from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.data.coalition_terms import split_term
from qfusion.errors import InvalidInput
from qfusion.explain import Explanation, coalitions, explain, verdicts
from qfusion.models import FusionModel, base, protocols
from qfusion.models.base import with_observables
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.study import evolution
from qfusion.study.study import Study


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample, the model that decides on it, and the background that the decision is compared with.

    Attributes:
        study: the model on its data, with the background.
        row: of the sample.
        output: number of the score that is explained.
        tweak: what the reader has changed in the model, a `Tweak` or edits of its rules, as text or as `parse_tweak`
            gives it.
    """

    study: Study
    row: int
    output: int = 0
    tweak: Any = ""

    def __post_init__(self) -> None:
        if isinstance(self.tweak, str):
            object.__setattr__(self, "tweak", self.study.model.parse_tweak(self.tweak))

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """Return a key that identifies this sample and what is asked about it, see `Study.memo_key`."""
        return (
            *self.study.memo_key(background),
            self.name,
            str(self.row),
            str(self.output),
            self.tweak_text,
        )

    @property
    def id(self) -> str:
        """The sample's id."""
        return str(self.dataset.ids[self.row])

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.study.name

    @cached_property
    def model(self) -> Any:
        """The model under the tweak."""
        return self.study.model.tweaked(self.tweak) if self.tweak_text else self.study.model

    @property
    def tweak_text(self) -> str:
        """The tweak as text; empty for as trained."""
        return str(self.tweak)

    @property
    def dataset(self) -> sources.DataSet:
        """Data set that the sample is a row of."""
        return self.study.dataset

    @property
    def background(self) -> Any:
        """Background that stands in for absent modalities. It has only some of the rows if all would take long."""
        return self.study.sample_background

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the model's order."""
        return self.study.modalities

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, or none for a regression."""
        return self.study.classes

    @property
    def quantity(self) -> str:
        """Name of the explained quantity: "log-odds" or "score"."""
        return self.study.quantity

    @property
    def unit(self) -> str:
        """Axis name of the explained score."""
        return self.study.score_unit(self.output)

    @property
    def term_errors(self) -> dict[str, float]:
        """Standard errors of the terms, by coalition, where they are measured or sampled; else empty."""
        explanation = self.explanation
        if explanation.errors is None or explanation.is_exact:
            return {}
        errors = explanation.errors[0, :, self.output].tolist()
        return dict(zip(explanation.coalitions, errors, strict=True))

    @property
    def is_own(self) -> bool:
        """Whether a visitor made it, so that no truth is known of it."""
        return self.dataset.is_own(self.row)

    @property
    def has_truth(self) -> bool:
        """Whether its annotation is known."""
        return self.dataset.has_truth(self.row)

    @property
    def truth(self) -> float | str | None:
        """Annotation of the sample: a number or a class, or None where it is not known."""
        return self.target if self.true_class is None else self.classes[self.true_class]

    @property
    def target(self) -> float | None:
        """The annotated value of a regression; scores of classes have none, nor has a visitor's own sample."""
        return float(self.dataset.y[self.row]) if self.has_truth and not self.classes else None

    @property
    def true_class(self) -> int | None:
        """The number of the annotated class; None of a regression, and of a visitor's own sample."""
        return int(self.dataset.y[self.row]) if self.classes and self.has_truth else None

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Features of the sample, in double precision."""
        return self.dataset.inputs([self.row], dtype=torch.float64)

    @cached_property
    def explanation(self) -> Explanation:
        """Contributions, under the tweak."""
        if not self.tweak_text:
            return self.study.explained(self.row)
        return _explain(self)

    @property
    def places(self) -> Any:
        """Times (41,) from 0 to T, or names of the places between the network's layers."""
        points = self._points
        return np.array(points.positions) if points.kind == "time" else list(points.names)

    @property
    def _points(self) -> base.Points:
        points: base.Points | None = self.model.points(evolution.TIMES)
        if points is None:
            raise InvalidInput(
                f"Model '{self.name}' is of kind {self.model.kind}, which is read out at its end only: nothing can be "
                "followed on the way. Choose "
                f"{protocols.list_kinds([*protocols.kinds(Evolution), *protocols.kinds(LayeredNetwork)])} model."
            )
        return points

    @property
    @memo(64)
    def path_explanation(self) -> Explanation:
        """Contributions as if the system were read out at each of `places`."""
        model, points = self.model, self._points
        if points.kind == "time":
            model = with_observables(model, evolution.observables(self.study, self.tweak))
        return coalitions.explain_points(model, self.inputs, self.background, points)

    @property
    def path_dividends(self) -> dict[str, np.ndarray]:
        """Baseline and dividends at each of `places`, by coalition."""
        return dict(
            zip(
                self.path_explanation.coalitions,
                self.path_explanation.dividends[:, 0, :, self.output].T,
                strict=True,
            )
        )

    @property
    def path_shapley(self) -> dict[str, np.ndarray]:
        """Shapley values at each of `places`, by modality."""
        return dict(
            zip(self.modalities, self.path_explanation.shapley[:, 0, :, self.output].T, strict=True)
        )

    @property
    def scores(self) -> np.ndarray:
        """Scores of all outputs, (C,)."""
        return self.explanation.prediction[0]

    @property
    def score(self) -> float:
        """The explained one."""
        return float(self.scores[self.output])

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores, (C,)."""
        return self.study.softmax(self.scores)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the test rows, under the tweak."""
        return evolution.tweaked_metrics(self.study, self.tweak)

    @cached_property
    def entropies(self) -> dict[str, float]:
        """Entropies in nats, by modality (at T, and of all together) or by fused qubit. Other models have none."""
        return self.study.backend.sample_entropies(self.row, self.tweak)

    @property
    def dividends(self) -> dict[str, float]:
        """Baseline (the empty coalition) and dividends, by coalition."""
        return dict(
            zip(
                self.explanation.coalitions,
                self.explanation.dividends[0, :, self.output].tolist(),
                strict=True,
            )
        )

    @property
    def true_dividends(self) -> dict[str, float] | None:
        """True baseline and terms, by coalition, or None if the data set does not know them. For classes, they are
        those of the explained class, whose score is then 1 if it is right and -1 if not.
        """
        truth = self.dataset.truth
        if truth is None or self.is_own or self.dataset.names != self.modalities:
            return None
        sign = -1 if self.classes and self.output else 1
        return {term: sign * float(truth.iloc[self.row][term]) for term in self.dividends}

    @property
    def shapley(self) -> dict[str, float]:
        """Shapley values, by modality."""
        return dict(
            zip(self.modalities, self.explanation.shapley[0, :, self.output].tolist(), strict=True)
        )

    @property
    def shares(self) -> dict[str, float]:
        """MM-SHAP shares, by modality."""
        return dict(
            zip(
                self.modalities,
                coalitions.shares(self.explanation)[0, :, self.output].tolist(),
                strict=True,
            )
        )

    @property
    def verdict(self) -> verdicts.Verdict:
        """How its modalities relate and which leads, under the tweak."""
        boundary = self.study.boundary
        return verdicts.verdict(self.explanation, 0, self.output, self.seed_uncertainty, boundary)

    @property
    def seed_uncertainty(self) -> verdicts.Doubt | None:
        """Uncertainty of the explained output over training seeds, see `Study.seed_uncertainty`.

        None under a tweak, for which it was not measured.
        """
        return (
            None
            if self.tweak_text
            else self.study.seed_uncertainty(np.array([self.row]), np.array([self.output]))
        )

    @property
    def untweaked(self) -> Sample:
        """Same sample under the model as trained."""
        return replace(self, tweak="") if self.tweak_text else self

    @property
    def reading(self) -> Any:
        """Evidence that the fusion reads, under the tweak, see `explain.fusion.FusionEvidence`. Only models with rules
        have it.
        """
        return cast("Any", self.study.backend).reading(self.row, self.model)

    def __repr__(self) -> str:
        tweak = f", tweak {self.tweak_text!r}" if self.tweak_text else ""
        return f"Sample({self.id!r} of {self.dataset.name!r}, {self.name!r}, output {self.output}{tweak})"

    def show(self, view: str = "waterfall", **choices: Any) -> qfusion.views.view.View:
        """Return a view of the sample as the pages draw it, with `figure`, `title` and `numbers`; a notebook displays
        it.

            sample.show("decision-over-time", above="entanglement").figure.show()

        Args:
            view: the name of a view that fits the model, or one of its study.
            choices: of the view, with values as in a link.

        Raises:
            NotFound: when there is no such view, choice or option; the message names some that there are.
            InvalidInput: when a choice does not fit.
        """
        return qfusion.views.pages.catalogue.show(self, view, choices)

    def _repr_html_(self) -> str:
        """How a notebook shows it: drawn above, by `views.pages.notebook`."""
        return qfusion.views.pages.notebook.sample_html(self)

    def track(self, *, negativity: bool = False, runs: int = 0) -> Any:
        """QuTiP's track of the sample under the tweak, see `simulate.track`, with `runs` quantum-jump trajectories.

        Raises:
            InvalidInput: when the model has no evolution in time.
        """
        self.study.model.require(Evolution, "to track", "The model of the sample")
        return evolution.track(self.study, self.row, self.tweak, negativity=negativity, runs=runs)


@memo(64)
def _explain(sample: Sample) -> Explanation:
    if sample.model.part(Evolution):
        return sample.path_explanation.at(-1)  # the last one along its evolution
    return explain(sample.model, sample.inputs, sample.background)


def build_sample(
    study: Study, row: int, output: str | int | None = None, tweak: Any = ""
) -> Sample:
    """Return a sample.

    Args:
        study: a model on its data. row: of the sample.
        output: what is explained, as text of `outputs.parse` or number of a class; the class decided for under the
            tweak unless given.
        tweak: what to change in the model.

    Raises:
        NotFound, InvalidInput: when output or tweak do not fit the model.
    """
    if isinstance(output, str):
        wanted = parse(output, study.classes)
        study, output = study.with_reference(wanted.reference), wanted.number
    sample = Sample(study, row, 0, study.model.parse_tweak(tweak))
    if output is None:
        output = int(np.argmax(sample.scores))
    return replace(sample, output=output) if output else sample


SEPARATOR = ":"


@dataclass(frozen=True)
class Output:
    """Choice of the model output that is explained.

    Attributes:
        number: of the class; None for the class decided for, and for a regression.
        reference: number of the class to compare with; None for all others.
        classes: names of the classes.
    """

    number: int | None = None
    reference: int | None = None
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The text by which `parse` finds it."""
        if self.number is None:
            return ""
        name = self.classes[self.number]
        if self.reference is None:
            return name
        return f"{name}{SEPARATOR}{self.classes[self.reference]}"

    def explained_model(self, model: FusionModel) -> FusionModel:
        """Return the model with the explained scores, given a `model` whose scores are log-odds against all others."""
        return (
            model if self.reference is None else base.log_odds_against_class(model, self.reference)
        )

    def numbers(self, explanation: Explanation) -> np.ndarray:
        """Return the number of the explained output of each of B samples, (B,)."""
        prediction: Any = explanation.prediction
        if self.number is None:
            return np.asarray(prediction.argmax(1))
        return np.full(len(prediction), self.number)


DECIDED = Output()  # the class decided for, or the score of a regression


def parse(text: str, classes: Sequence[str]) -> Output:
    """Return the output that a text names.

    Args:
        text: "", a class, or two classes with a colon between them.
        classes: names of the classes; empty for a regression.

    Raises:
        NotFound: when there is no such class, or both are the same.
    """
    names = tuple(classes)
    if not text:
        return Output(classes=names)
    if text in names:
        return Output(names.index(text), None, names)
    for place, character in enumerate(text):
        first, second = text[:place], text[place + 1 :]
        if character == SEPARATOR and first in names and second in names and first != second:
            return Output(names.index(first), names.index(second), names)
    choose("Output", text, names or ("score",))
    return Output(classes=names)


MAX_JOINT = 11  # joint terms that are shown one by one: all of them up to four modalities


def select_shown_terms(
    dividends: Sequence[Mapping[str, float]],
) -> tuple[list[str], list[str]]:
    """Return the terms to show one by one, and the smallest joint terms, which are shown as their sum.

    Args:
        dividends: contribution of each term in each of some decisions; joint terms are ranked by the sum of their
            sizes.

    Returns:
        Names of the shown terms, by size of the coalition, and of all others in alphabetical order.
    """

    def total_size(term: str) -> float:
        return sum(abs(contributions[term]) for contributions in dividends)

    terms = sorted((term for term in dividends[0] if term), key=lambda term: len(split_term(term)))
    joint = [term for term in terms if len(split_term(term)) > 1]
    if len(joint) <= MAX_JOINT + 1:
        return terms, []
    largest_first = sorted(joint, key=total_size, reverse=True)
    others = sorted(largest_first[MAX_JOINT:])
    return [term for term in terms if term not in set(others)], others
