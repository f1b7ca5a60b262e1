"""One sample before a trained model: what figures, numbers and reports of a decision start from.

    case("qj-planted", "p0031")                                     as trained, against its training rows
    case("qj-planted", "p0031", background="mixed")                 against another background
    case("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")     physics changed, see `qfusion.models.tweak`
    case("qcnn-digits", "digit-1600", tweak="all:and")              fusion rules edited, see `qfusion.models.edits`
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain.contributions.background import KINDS, AnyBackground, background
from qfusion.explain.contributions.coalitions import Explanation, explain, through
from qfusion.explain.contributions.streaming import background_of
from qfusion.explain.contributions.summaries import shares
from qfusion.models import Ability, FusionModel, Tweak, can, require
from qfusion.models.abilities import kinds, listed
from qfusion.models.explorable import Points
from qfusion.training import checkpoint
from qfusion.training.checkpoint import Checkpoint

TIMES = 41  # of an evolution: enough for a smooth line
CARD = "model.json"  # what `train` calls the card in the folder that it makes


def opened(model: str | Path | Checkpoint, data: str | DataSet | None = None) -> tuple[Checkpoint, DataSet]:
    """Returns a trained model and the data set to use it on, by default the one of its card.

    Args:
        model: a name, the path of a card or of the folder that `train` made, or a checkpoint that is loaded already.
        data: a name, the path of a file, or a data set that is loaded already.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    if isinstance(model, Checkpoint):
        found = model
    else:
        found = checkpoint.load(Path(model) / CARD if Path(model).is_dir() else model)
    if isinstance(data, DataSet):
        return found, data
    known = str(found.card["data"]["name"])
    check(data is not None or known in sources.names(),
          f"Model {name_of(found)} was trained on a file, '{known}', which is not found by its name. Add --data with its path.")
    return found, sources.load(data or known)


def name_of(found: Checkpoint) -> str:
    """Returns the name of a model by its card."""
    return str(found.card.get("name", "")) or "without a name"


def other_version(found: Checkpoint, dataset: DataSet) -> str:
    """Returns a warning where the data set is another version of the one that the model was trained on; else an empty text."""
    made_with = found.card["data"]
    if dataset.name != made_with["name"] or dataset.digest == made_with["digest"]:
        return ""
    return (f"model {name_of(found)} was trained on another version of data set {dataset.name} ({made_with['digest'][:12]}, here "
            f"{dataset.digest[:12]}): figures may differ.")


@dataclass(frozen=True, eq=False)
class Case:
    """A sample, the model that decides on it, and what the decision is compared with.

    Attributes:
        checkpoint: the trained model and its card.
        model: it, or a copy of it that is tweaked.
        tweak: what was changed, as text; empty for as trained.
        dataset, row: the sample.
        background: what stands in for absent modalities.
        output: number of the score that is explained.
    """

    checkpoint: Checkpoint
    model: Any
    tweak: str
    dataset: DataSet
    row: int
    background: AnyBackground
    output: int

    @property
    def name(self) -> str:
        """Name of the model."""
        return name_of(self.checkpoint)

    @property
    def sample(self) -> str:
        """Id of the sample."""
        return str(self.dataset.ids[self.row])

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return tuple(self.model.modalities)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none for a regression."""
        return self.dataset.target.classes if self.dataset.target.kind == "classification" else ()

    @property
    def unit(self) -> str:
        """Name of the explained score, for axes."""
        return unit_of(self.dataset, self.output)

    @property
    def has_time(self) -> bool:
        """Whether the system evolves in time."""
        return self.can("time")

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.explorable`."""
        return can(self.model, ability)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Features of the sample, in double precision."""
        return self.dataset.inputs([self.row], dtype=torch.float64)

    @cached_property
    def explanation(self) -> Explanation:
        """Exact contributions."""
        return explain(self.model, self.inputs, self.background)

    @property
    def places(self) -> Any:
        """Times (41,) from 0 to T, or names of the places between the network's layers."""
        points = self._points
        return np.array(points.positions) if points.kind == "time" else list(points.names)

    @property
    def _points(self) -> Points:
        found: Points | None = self.model.points(TIMES)
        if found is None:
            raise InvalidInput(f"Model '{self.name}' is of kind {self.model.kind}, which is read out at its end only: nothing can be "
                               f"followed on the way. Choose {listed([*kinds('time'), *kinds('layers')])} model.")
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
    def truth(self) -> float | str:
        """What the sample was annotated with: a number or a class."""
        value = self.dataset.y[self.row]
        return self.classes[int(value)] if self.classes else float(value)

    @property
    def dividends(self) -> dict[str, float]:
        """Baseline (the empty coalition) and dividends, by coalition."""
        found = self.explanation
        return dict(zip(found.coalitions, found.dividends[0, :, self.output].tolist(), strict=True))

    @property
    def shapley(self) -> dict[str, float]:
        """Shapley values, by modality."""
        return dict(zip(self.modalities, self.explanation.shapley[0, :, self.output].tolist(), strict=True))

    @property
    def shares(self) -> dict[str, float]:
        """MM-SHAP shares, by modality."""
        return dict(zip(self.modalities, shares(self.explanation)[0, :, self.output].tolist(), strict=True))


def unit_of(dataset: DataSet, output: int) -> str:
    """Returns the name of a score, for axes."""
    target = dataset.target
    if target.kind == "classification":
        return f"score of ‘{target.classes[output]}’"
    return target.name if target.name.endswith("score") else f"{target.name} score"


def case(model: str | Path | Checkpoint, sample: str, data: str | DataSet | None = None, *, output: str | None = None,
         background: str = "joint", contrast: str = "", tweak: Tweak | str = "") -> Case:
    """Returns one sample before a model.

    Args:
        model, data: see `opened`.
        sample: its id.
        output: which score; the one decided for unless given.
        background: of `KINDS` but "cohort" and "contrast", against the rows that the model was trained on.
        contrast: id of another sample that stands in for absent modalities, instead of a background.
        tweak: what to change in the model, see the head of this module, or a `Tweak`.

    Raises:
        NotFound, InvalidInput: naming the argument that does not fit.
    """
    found, dataset = opened(model, data)
    row, (changed, words) = dataset.row(sample), tweaked(found.model, tweak)
    choose("Background", background, [kind for kind in KINDS if kind not in ("cohort", "contrast")])
    check(not contrast or background == "joint", "Give either `contrast` or `background`: a contrast is a background.")
    behind = (of_contrast(found.model, dataset, contrast) if contrast else
              background_of(found.model, dataset, dataset.rows(checkpoint.training_split(found.card)), background))
    return of(found, changed, words, dataset, row, behind, output)


def of_contrast(model: FusionModel, dataset: DataSet, sample: str) -> AnyBackground:
    """Returns the background that one other sample makes."""
    return background(model, dataset.inputs([dataset.row(sample)], torch.float64), "contrast", label=sample)


def of(found: Checkpoint, model: FusionModel, tweak: str, dataset: DataSet, row: int, behind: AnyBackground,
       output: str | int | None = None) -> Case:
    """Returns a case from its parts; `output` is a name or number, the one decided for unless given."""
    made = Case(found, model, tweak, dataset, row, behind, 0)
    names = made.explanation.outputs
    if isinstance(output, str):
        index = names.index(choose("Output", output, names))
    else:
        index = int(np.argmax(made.scores)) if output is None else output
    chosen = Case(found, model, tweak, dataset, row, behind, index)
    chosen.__dict__["explanation"] = made.explanation
    return chosen


def tweaked(model: FusionModel, tweak: Tweak | str) -> tuple[FusionModel, str]:
    """Returns a model with a tweak and the tweak as text; the model itself stays as it is.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    asked: Any = model.parse_tweak(tweak)
    return (model.tweaked(asked), str(asked)) if str(asked) else (model, "")


def require_time(case: Case, what: str = "") -> None:
    """Raises InvalidInput unless the model evolves in time."""
    require(case.model, "time", what, f"Model '{case.name}'")


def require_network(case: Case, what: str = "") -> None:
    """Raises InvalidInput unless the model has fusion rules to read."""
    require(case.model, "rules", what, f"Model '{case.name}'")
