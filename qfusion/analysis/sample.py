"""A sample before a model on a data set: what a panel is built from, without streamlit.

sample = open_sample("qj-planted", "p2924", "planted", background="mixed", tweak="H.text=0.5,T=1.2")
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from qfusion import data as sources
from qfusion import explain
from qfusion._checks import choose
from qfusion.analysis import backgrounds, subjects, text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.dynamics import evolution
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain import cohorts
from qfusion.explain.coalitions import Explanation, shares, through
from qfusion.explain.verdicts import Verdict
from qfusion.models import Ability
from qfusion.models.abilities import kinds, listed
from qfusion.models.explorable import Points
from qfusion.training import checkpoint
from qfusion.training.checkpoint import Checkpoint

TIMES = 41  # of an evolution: enough for a smooth line


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample, the model that decides on it, and what the decision is compared with.

    Attributes:
        work: the model on its data, with the background.
        row: of the sample.
        output: number of the score that is explained.
        tweak: what the reader has changed in the model, a `Tweak` or edits of its rules, as text or as `parse_tweak`
            gives it.
    """

    work: Workspace
    row: int
    output: int = 0
    tweak: Any = ""

    def __post_init__(self) -> None:
        if isinstance(self.tweak, str):
            object.__setattr__(self, "tweak", self.work.model.parse_tweak(self.tweak))

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """What tells this sample from others, and what is asked of it, see `Workspace.memo_key`."""
        return (
            *self.work.memo_key(background),
            self.name,
            str(self.row),
            str(self.output),
            self.changed,
        )

    @property
    def id(self) -> str:
        """The sample's id."""
        return str(self.dataset.ids[self.row])

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.work.name

    @cached_property
    def model(self) -> Any:
        """The model under the tweak."""
        return self.work.model.tweaked(self.tweak) if self.changed else self.work.model

    @property
    def changed(self) -> str:
        """The tweak as text; empty for as trained."""
        return str(self.tweak)

    @property
    def dataset(self) -> DataSet:
        """What the sample is a row of."""
        return self.work.dataset

    @property
    def background(self) -> Any:
        """What stands in for absent modalities; of the background some rows, where all would take long."""
        return self.work.sample_background

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return self.work.modalities

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none for a regression."""
        return self.work.classes

    @property
    def unit(self) -> str:
        """Axis name of the explained score."""
        return self.work.unit_of(self.output)

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.explorable`."""
        return self.work.can(ability)

    @property
    def truth(self) -> float | str:
        """What the sample was annotated with: a number or a class."""
        value = self.dataset.y[self.row]
        return self.classes[int(value)] if self.classes else float(value)

    @property
    def target(self) -> float | None:
        """The annotated value of a regression; scores of classes have none."""
        return None if self.classes else float(self.dataset.y[self.row])

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Features of the sample, in double precision."""
        return self.dataset.inputs([self.row], dtype=torch.float64)

    @cached_property
    def explanation(self) -> Explanation:
        """Exact contributions, under the tweak."""
        return (
            explain.explain(self.model, self.inputs, self.background)
            if self.changed
            else self.work.explained(self.row)
        )

    @property
    def places(self) -> Any:
        """Times (41,) from 0 to T, or names of the places between the network's layers."""
        points = self._points
        return np.array(points.positions) if points.kind == "time" else list(points.names)

    @property
    def _points(self) -> Points:
        found: Points | None = self.model.points(TIMES)
        if found is None:
            raise InvalidInput(
                f"Model '{self.name}' is of kind {self.model.kind}, which is read out at its end only: nothing can be "
                f"followed on the way. Choose {listed([*kinds('time'), *kinds('layers')])} model."
            )
        return found

    @cached_property
    def through(self) -> Explanation:
        """Contributions as if the system were read out at each of `places`."""
        return through(self.model, self.inputs, self.background, self._points)

    @property
    def scores(self) -> np.ndarray:
        """Of all outputs, (C,)."""
        return self.explanation.prediction[0]

    @property
    def score(self) -> float:
        """The explained one."""
        return float(self.scores[self.output])

    @property
    def dividends(self) -> dict[str, float]:
        """Baseline (the empty coalition) and dividends, by coalition."""
        found = self.explanation
        return dict(zip(found.coalitions, found.dividends[0, :, self.output].tolist(), strict=True))

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
            zip(self.modalities, shares(self.explanation)[0, :, self.output].tolist(), strict=True)
        )

    @property
    def verdict(self) -> Verdict:
        """How its modalities relate and which leads, under the tweak."""
        return self.work.verdict_of(self.explanation, self.row, self.output)

    @property
    def of(self) -> str:
        """Whose a panel's numbers are where they are of this sample alone, as markdown."""
        return f" Of sample {text.plain(self.id)}."

    @property
    def whose(self) -> str:
        """Which class's score is explained, as markdown; empty of a regression."""
        return f" for ‘{text.plain(self.work.classes[self.output])}’" if self.work.classes else ""

    @property
    def learned(self) -> Sample:
        """The same sample before the model as trained."""
        return replace(self, tweak="")

    @property
    def reading(self) -> Any:
        """What the fusion reads, under the tweak, see `explain.network.evidence.Reading`; of a model with rules."""
        work: Any = self.work
        return work.reading(self.row, self.model)

    @property
    def decision(self) -> evolution.Decision:
        """The decision through time, under the tweak."""
        return evolution.decide(self.work, self.row, self.tweak, self.output)

    def track(self, *, negativity: bool = False, runs: int = 0) -> Any:
        """QuTiP's track of the sample under the tweak, see `track.track`, with `runs` quantum-jump trajectories."""
        return evolution.follow(self.work, self.row, self.tweak, negativity=negativity, runs=runs)

    @property
    def followed(self) -> str:
        """Whose states are followed through time, and how exactly, as markdown."""
        return f"{self.of} {evolution.exactness(self.work, self.row, self.tweak)}"


def sample_of(
    work: Workspace, row: int, output: str | int | None = None, tweak: Any = ""
) -> Sample:
    """Returns a sample; `output` is a name or number of the score that is explained, the one decided for unless given.

    Raises:
        NotFound, InvalidInput: when output or tweak do not fit the model.
    """
    made = Sample(work, row, 0, work.model.parse_tweak(tweak))
    names = made.explanation.outputs
    if isinstance(output, str):
        output = names.index(choose("Output", output, names))
    chosen = replace(made, output=int(np.argmax(made.scores)) if output is None else output)
    chosen.__dict__["explanation"] = made.explanation
    return chosen


@memo(8)
def _loaded(name: str, when: str) -> Checkpoint:
    return checkpoint.load(name)


def loaded(name: str) -> Checkpoint:
    """Returns a checkpoint by name, shared; read anew when its files change."""
    return _loaded(name, checkpoint.stamp(name))


@memo(4, says="Applying the model to every sample …")
def _work(model: str, when: str, data: str, identity: str) -> Workspace:
    found = _loaded(model, when)
    return subjects.build(model, found.card, found.model, sources.load(data)).applied()


def open_work(model: str, data: str = "") -> Workspace:
    """Returns a model applied to a data set, by their names; the data it was trained on unless told.

    Raises:
        NotFound, DataUnavailable: when there is no such model or data.
        InvalidInput: when the model does not fit the data.
    """
    data = data or str(loaded(model).card["data"]["name"])
    return _work(model, checkpoint.stamp(model), data, sources.load(data).identity)


def open_sample(
    model: str,
    sample: str,
    data: str = "",
    *,
    output: str = "",
    background: str = "joint",
    contrast: str = "",
    members: str = "",
    rows: str = "",
    tweak: str = "",
) -> Sample:
    """Returns a sample before a model, by names.

    Args:
        model: of a checkpoint.
        sample: id.
        data: of a data set, the one that the model was trained on unless told.
        output: the class whose score is explained; the predicted one unless told.
        background: kind of the background, see `explain.background`.
        contrast: id of the other sample, for the background "contrast".
        members: who stands behind the decision, for the background "cohort": NAME:FILTER, such as "hard:error>1".
        rows: "all" of the background are to be used also where some of them would do, see `Workspace.is_sampled`.
        tweak: what is changed in the model, such as "H.text-audio=0.5,T=1.2", or "all:and" of one with fusion rules.

    Raises:
        NotFound, InvalidInput: when one of them does not exist or does not fit.
    """
    work = open_work(model, data)
    row = work.dataset.row(sample)
    choose("Background", background, dict.fromkeys(backgrounds.OFFERED.values()))
    if background == "cohort":
        found = cohorts.parse_saved(members)
        work = backgrounds.applied(
            work, background, found.name, cohort_measures.members(work, found.parts)
        )
    else:
        work = backgrounds.applied(work, background, contrast)
    if rows:
        choose("Rows", rows, (backgrounds.ALL_ROWS,))
        work = backgrounds.with_rows(work, rows)
    number = (
        work.classes.index(choose("Class", output, work.classes))
        if output
        else int(work.predicted[row])
    )
    return Sample(work, row, number, tweak)
