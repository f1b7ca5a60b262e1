"""One sample before a trained model: what figures, numbers and reports of a decision start from.

    case("qj-planted", "p0031")                                     as trained, against its training rows
    case("qj-planted", "p0031", background="mixed")                 against another background
    case("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")     couplings, jump rates (`rate.1`) and duration changed
    case("qcnn-digits", "digit-1600", tweak="all:and")              fusion rules edited, see `qfusion.models.edits`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qfusion import data as sources
from qfusion._checks import check, choose, require_number
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain.background import KINDS, Background, RowBackground, background
from qfusion.explain.coalitions import Explanation, explain, through_layers, through_time
from qfusion.explain.streaming import background_of
from qfusion.explain.summaries import shares
from qfusion.models import EntangledQCNN, FusionModel, QuantumJump, Tweak, edits
from qfusion.quantum.decomposition import subset_name, subsets
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
    background: Background | RowBackground
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
        """Whether the system evolves in time; else it has layers."""
        return not isinstance(self.model, EntangledQCNN)

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
        if self.has_time:
            return np.linspace(0.0, max(float(self.model.duration), 1e-6), TIMES)
        return [name for name, _ in self.model.network.moments()]

    @cached_property
    def through(self) -> Explanation:
        """Contributions as if the system were read out at each of `places`."""
        if self.has_time:
            return through_time(self.model, self.inputs, self.background, self.places.tolist())
        return through_layers(self.model, self.inputs, self.background)

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
    row, (changed, words) = dataset.row(sample), tweaked(found.fusion, tweak)
    choose("Background", background, [kind for kind in KINDS if kind not in ("cohort", "contrast")])
    check(not contrast or background == "joint", "Give either `contrast` or `background`: a contrast is a background.")
    behind = (of_contrast(found.fusion, dataset, contrast) if contrast else
              background_of(found.fusion, dataset, dataset.rows(checkpoint.training_split(found.card)), background))
    return of(found, changed, words, dataset, row, behind, output)


def of_contrast(model: FusionModel, dataset: DataSet, sample: str) -> Background | RowBackground:
    """Returns the background that one other sample makes."""
    return background(model, dataset.inputs([dataset.row(sample)], torch.float64), "contrast", label=sample)


def of(found: Checkpoint, model: FusionModel, tweak: str, dataset: DataSet, row: int, behind: Background | RowBackground,
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
    if not isinstance(model, QuantumJump):
        check(isinstance(tweak, str), "Argument `tweak` must be text for an entangled-qcnn, such as 'all:and', but is a Tweak.")
        words = str(tweak).strip(" ,")
        return (model.with_angles(edits.apply(words, model.phi, edits.shape_of(model))), words) if words else (model, "")
    asked = _parsed(tweak, model) if isinstance(tweak, str) else tweak
    asked.validate(model.modalities, model.jump_count)
    words = _written(asked, model.duration)
    return (model.tweaked(asked), words) if words else (model, "")


def _parsed(text: str, model: QuantumJump) -> Tweak:
    keys = {f"H.{_coalition(s, model).replace('+', '-')}": _coalition(s, model) for s in subsets(len(model.modalities)) if s}
    names = [*keys, *(f"rate.{k + 1}" for k in range(model.jump_count)), "T"]
    said = assigned(text, dict.fromkeys(names, (-1e6, 1e6)), "What can be tweaked:")
    rates = tuple(said.get(f"rate.{k + 1}", 1.0) for k in range(model.jump_count))
    return Tweak({term: said[key] for key, term in keys.items() if key in said}, rates, said.get("T"))


def assigned(text: str, ranges: Mapping[str, tuple[float, float]], what: str) -> dict[str, float]:
    """Returns the numbers that a tweak assigns, by key: `H.text=0.5,T=1`.

    Args:
        ranges: lowest and highest value of each key that can be assigned; what: name of the keys in messages.

    Raises:
        InvalidInput, NotFound: when a part is no assignment, there is no such key, or a number is out of range.
    """
    said: dict[str, float] = {}
    for part in (piece.strip() for piece in text.split(",")):
        if part:
            name, mark, value = part.partition("=")
            check(bool(mark), f"Tweak `{part[:60]}` must look like `H.text=0.5`, `rate.1=2` or `T=1`. Remove or mend it.")
            key = choose(what, name.strip(), ranges)
            said[key] = require_number(key, value.strip(), *ranges[key])
    return said


def _coalition(places: tuple[int, ...], model: QuantumJump) -> str:
    return subset_name(places, model.modalities)


def _written(tweak: Tweak, duration: float) -> str:
    """What differs from the model as trained, in the form that `case` reads."""
    factors: Mapping[str, float] = tweak.couplings
    parts = [f"H.{term.replace('+', '-')}={factor:g}" for term, factor in factors.items() if factor != 1]
    parts += [f"rate.{k + 1}={rate:g}" for k, rate in enumerate(tweak.rates) if rate != 1]
    return ",".join(parts + ([f"T={tweak.duration:g}"] if tweak.duration not in (None, duration) else []))


def require_time(case: Case, what: str) -> None:
    """Raises InvalidInput unless the model evolves in time."""
    if not case.has_time:
        raise InvalidInput(f"Model '{case.name}' is an entangled-qcnn, which has no {what}. Choose a quantum-jump model.")


def require_network(case: Case, what: str) -> None:
    """Raises InvalidInput unless the model is an entangled-fusion network."""
    if case.has_time:
        raise InvalidInput(f"Model '{case.name}' is a quantum-jump model, which has no {what}. Choose an entangled-qcnn.")
