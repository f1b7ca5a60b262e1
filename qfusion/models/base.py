"""The base class of models that can be explained, and the forms of a model that share its weights: with log-odds as
scores, or with fixed observables.

What a modality comes to, `encode_one`, is a tensor, or tuples of tensors, with one row a sample, of that modality
alone; `scores` fuses. That is enough to ask what a score would be with some modalities of another sample, so
contributions are exact by evaluation, see `explain.coalitions`. Of models whose scores are linear in states,
`protocols.StateModel`, they follow from observables at once.

Classifiers whose scores are log-odds, so that what is explained is the decision.

Softmax does not change when one number is added to the scores of all classes, so a single raw score says nothing about
the decision. For C classes with raw scores z the functions here return a model with the same probabilities whose
scores are

    s_c = z_c - mean of z_k over k != c        log-odds of class c against the others (for two classes: the log-odds)
    s_c = z_c - z_b                            log-odds of class c against class b

in nats. Both are linear in z. Where a model has a linear head the map is applied to its weights, so observables,
coalitions, slopes and circuits follow without other code; elsewhere it is applied to the scores.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion._settings import Settings
from qfusion.models.coalition_algebra import CoalitionAlgebra
from qfusion.models.encoders import Encoder
from qfusion.models.evaluation import EvaluationAlgebra
from qfusion.models.inputs import Encoded, Features, InputSpec, validate_features, values_and_mask
from qfusion.models.protocols import missing_part

M = TypeVar("M", bound=Any)
P = TypeVar("P")


def to_double(model: M) -> M:
    """Return a model with weights in double precision: the model itself if its weights are, or else a copy of it.

    Args:
        model: any of ours.
    """
    return model if model.bias.dtype == torch.float64 else copy.deepcopy(model).double()


@dataclass(frozen=True, eq=False)
class Points:
    """Points at which a model can be read out. The last one is the end of the model.

    Attributes:
        kind: "time" or "layers". positions: times, or places by number. names: of each.
    """

    kind: Literal["time", "layers"]
    positions: tuple[float, ...]
    names: tuple[str, ...]


class FusionModel(nn.Module, ABC):
    """A model that can be explored, of named modalities with an encoder each and named scores; a subclass fills
    `encoders` and `settings`.

    Features come in any floating-point precision; a model calculates in that of its own weights.

    Attributes:
        kind: name in the registry.
        parts: protocols of `models.protocols` that it implements, see `part`.
        family: name under which `study.backends` registers how samples of a study are represented.
        title: name of the kind; its sentences are in `models.kind_texts`.
        modalities: names, in the order of fusion.
        outputs: names of the scores.
        input_specs: form of each modality's features.
        settings_type: the settings of the kind; a subclass names its own.
        settings: what it was built with, of `settings_type`, JSON-able.
        encoders: one `Encoder` per modality.
        bias: of the scores, (C,).
        projects: whether it has what `project` fits.
        staged: whether parts of it are trained one after another, see `advance`.
        convex: whether its loss is convex in all its parameters: then an epoch minimises the loss over all rows at
            once, without a learning rate, in the place of steps on batches.
        encodes: whether its encoders make a row of numbers of each modality, and nothing else looks at features: then
            it takes `Encoded` in their place.
        takes_missing: whether features may be missing, as NaN.
        reads_features: whether scores depend on features; False of a game, whose values are in a table.
        unseen_operations: floating-point operations a row that torch does not see: those of programs of another
            runtime.
        entanglement_is_slow: whether `entanglement` evolves every row.
        samples: whether scores are means over sampled trajectories while it is trained.
        logit_scale: factor by which scores are multiplied before a softmax; 1 unless scores are log-odds.
        is_given: whether its numbers were given, not trained; its checkpoints hold them in double precision.
        score_kind: what the scores of a classifier are, where they are not those it was trained with; see `log_odds`.
    """

    kind: str
    parts: ClassVar[frozenset[type]] = frozenset()
    family: ClassVar[str] = "evaluated"
    title: ClassVar[str] = ""
    settings_type: ClassVar[type[Settings]] = Settings
    settings: dict[str, Any]
    encoders: nn.ModuleDict
    bias: Tensor
    projects: bool = False
    staged: bool = False
    convex: bool = False
    encodes: bool = True
    takes_missing: ClassVar[bool] = False
    reads_features: ClassVar[bool] = True
    unseen_operations: int = 0
    entanglement_is_slow: ClassVar[bool] = False
    samples: bool = False
    is_given: ClassVar[bool] = False
    logit_scale: float = 1.0
    score_kind: str = ""

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__()
        check(len(inputs) >= 1, "Argument `inputs` must name at least one modality, but is empty.")
        check(len(outputs) >= 1, "Argument `outputs` must name at least one score, but is empty.")
        self.modalities = tuple(inputs)
        self.outputs = tuple(outputs)
        self.input_specs = {name: InputSpec.from_mapping(spec) for name, spec in inputs.items()}
        self.settings = self.settings_type(**settings).model_dump()

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the trained parameters that couple the modalities, each with the value at which it has no effect.
        The list is empty if no parameter has a value that removes the coupling of modalities and nothing else.
        """
        return []

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of all parameters in which the scores are linear, with one row per output. The result is
        empty if the model has no such head.
        """
        return ()

    def map_scores(self, matrix: Tensor) -> None:
        """Multiply the scores of this model, which has no linear head, by a matrix (C, C) from now on."""
        evaluate: Any = self.scores
        mapping = matrix.to(self.bias.dtype)
        self.scores = lambda states: evaluate(states) @ mapping.T  # type: ignore[method-assign]

    def check_trainable(self) -> None:
        """Raise InvalidInput where an epoch of a training would take hours, whatever the data."""

    @torch.no_grad()
    def rescale(self, factor: float) -> bool:
        """Multiply all scores by a factor, in the weights.

        Returns:
            Whether that was done; False where the model has no linear head (see `head_parameters`), and is unchanged.
        """
        paths = self.head_parameters()
        for path in paths:
            self.get_parameter(path).mul_(factor)
        return bool(paths)

    @torch.no_grad()
    def standardise(self, inputs: Mapping[str, Features]) -> None:
        """Fit the encoders' standardisation to the training rows."""
        for name in self.modalities:
            cast(Encoder, self.encoders[name]).standardise.fit(
                *values_and_mask(self._features(inputs, name))
            )

    def project(self, inputs: Mapping[str, Features]) -> None:
        """Fit the parts that are neither trained nor a standardisation to training rows. These are many rows but
        perhaps not all.
        """

    @property
    def preparing(self) -> bool:
        """Whether training is in a part before the last one. Measurements in such a part are not final results."""
        return False

    def advance(self, share: float) -> bool:
        """Go on to the next part that is trained, once such a share of the epochs is over; return whether it did."""
        return False

    def _encoded(self, inputs: Mapping[str, Features], name: str) -> Any:
        """Return the encoder's outputs for one modality, (B, outputs of the encoder). The values of `Encoded` are
        returned unchanged.

        Raises:
            InvalidInput: when the modality is missing, has the wrong form, or is not of finite floating-point numbers.
        """
        value = inputs.get(name)
        return (
            value.values.to(self.bias.dtype)
            if isinstance(value, Encoded)
            else self.encoders[name](self._features(inputs, name))
        )

    def _features(self, inputs: Mapping[str, Features], name: str) -> Features:
        check(
            name in inputs,
            f"Argument `inputs` must hold modality `{name}`, but holds {sorted(inputs)}.",
        )
        spec = self.input_specs[name]
        return validate_features(name, inputs[name], spec, self.bias.dtype, self.takes_missing)

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Any:
        """Encode one modality. The result is the output of its encoder unless a model processes it further. `inputs`
        need not hold the other modalities.
        """
        return self._encoded(inputs, name)

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Encode every modality and return the results by name.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self.encode_one(inputs, name) for name in self.modalities}

    @abstractmethod
    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of encoded modalities, as returned by `encode`. The scores of a row depend on
        that row alone.
        """

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Return the scores (logits), (B, C)."""
        return self.scores(self.encode(inputs))

    def part(self, protocol: type[P]) -> P | None:
        """Return this model under a protocol of `models.protocols`, or None where it has no such part."""
        return cast(P, self) if protocol in self.parts else None

    def require(self, protocol: type[P], purpose: str = "", who: str = "Argument `model`") -> P:
        """Return this model under a protocol, see `part`; `purpose` and `who` are of the error, see `missing_part`.

        Raises:
            InvalidInput: when it has no such part. The message names the kinds of models that have it.
        """
        part = self.part(protocol)
        if part is None:
            raise missing_part(self, protocol, purpose, who)
        return part

    def parameter_norms(self) -> dict[str, float]:
        """Return sizes of the parameters of the fusion, by name, to watch during training; none for most models."""
        return {}

    def entanglement(self, encodings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the entanglement of every part of the system for encodings of B rows, (B,) each; often none."""
        return {}

    @property
    def algebra(self) -> CoalitionAlgebra[Any, Any]:
        """The algebra of the model's coalitions: by evaluation, unless a family has exact formulas and overrides it."""
        return EvaluationAlgebra(self)

    def points(self, count: int = 2) -> Points | None:
        """Return where the model can be read out, so many times of an evolution; None where only its end can."""
        return None

    def parse_tweak(self, tweak: Any) -> Any:
        """Return a tweak of this model in the one form that equal tweaks have; its `str` is its text, empty for none.

        Raises:
            InvalidInput, NotFound: when it does not fit the model.
        """
        check(
            not str(tweak).strip(" ,"),
            f"A model of kind {self.kind} has nothing to tweak, but the tweak is {str(tweak)[:60]!r}. "
            "Leave it out.",
        )
        return ""

    def tweaked(self, tweak: Any) -> FusionModel:
        """Return a model that shares this one's weights with a tweak; see `parse_tweak`."""
        self.parse_tweak(tweak)
        return self

    def merge_tweak(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return weights and settings in which this model's tweak is part of the weights.

        Args:
            state, settings: of the model before it was tweaked. words: the tweak as text, empty for none.
        """
        return state, settings


Model = TypeVar("Model", bound=FusionModel)

AGAINST_OTHERS = "log-odds against the other classes"


def log_odds_against_others(model: Model) -> Model:
    """Return a classifier whose scores are the log-odds of each class against the mean of the others.

    Args:
        model: of C outputs. A model of one output is returned as it is, as is one whose scores are log-odds already.

    Returns:
        A model that shares the weights of `model` except its head. Multiply its scores by `logit_scale` before a
        softmax.
    """
    C = len(model.outputs)
    if C < 2 or model.score_kind:
        return model
    return _map_scores(model, others_matrix(C), (C - 1) / C, AGAINST_OTHERS)


def log_odds_against_class(model: Model, reference: int) -> Model:
    """Return a classifier whose scores are the log-odds of each class against one class.

    Args:
        model: of C >= 2 outputs; its scores may be raw or log-odds against the others.
        reference: number of the class to compare with.

    Raises:
        InvalidInput: when there is no such class.
    """
    C = len(model.outputs)
    check(
        C >= 2 and 0 <= reference < C,
        f"Argument `reference` must number one of the {C} classes from 0, but is {reference}.",
    )
    difference = torch.eye(C, dtype=torch.float64)
    difference[:, reference] -= 1
    matrix = model.logit_scale * difference
    return _map_scores(model, matrix, 1.0, f"log-odds against class {reference}")


def centre_scores(model: Model) -> Model:
    """Return a classifier with the same probabilities whose raw scores add up to 0.

    What all classes share, the mean of their weights, is subtracted from its head.

    Args:
        model: of C >= 2 outputs, with a linear head.

    Raises:
        InvalidInput: when it has one output, or no such head.
    """
    C = len(model.outputs)
    check(
        C >= 2,
        "A model of one output has no classes that share a part of their scores. Leave `centre_scores` out.",
    )
    check(
        bool(model.head_parameters()),
        f"A model of kind {model.kind} has no linear head from which a part that all classes share can be "
        "subtracted. Leave `centre_scores` out.",
    )
    matrix = torch.eye(C, dtype=torch.float64) - 1 / C
    return _map_scores(model, matrix, model.logit_scale, model.score_kind)


def others_matrix(C: int) -> Tensor:
    """Return the matrix (C, C) from raw scores to the log-odds of each class against the others.

    Example:
        >>> from qfusion.models.base import others_matrix
        >>> others_matrix(3)
        tensor([[ 1.0000, -0.5000, -0.5000],
                [-0.5000,  1.0000, -0.5000],
                [-0.5000, -0.5000,  1.0000]], dtype=torch.float64)
    """
    return (C * torch.eye(C, dtype=torch.float64) - 1) / (C - 1)


@torch.no_grad()
def _map_scores(model: Model, matrix: Tensor, logit_scale: float, kind: str) -> Model:
    """Return a model whose scores are matrix @ scores of the given model."""
    other = copy.copy(model)
    other.logit_scale = logit_scale
    other.score_kind = kind
    paths = model.head_parameters()
    if not paths:
        other.map_scores(matrix)
        return other
    for path in paths:
        _replace_parameter(other, path.split("."), matrix)
    return other


def _replace_parameter(module: nn.Module, path: list[str], matrix: Tensor) -> None:
    """Replace a parameter by its product with a matrix along the first axis, in copies of the modules on its path."""
    name = path[0]
    if len(path) > 1:
        child = copy.copy(module._modules[name])
        assert child is not None
        module._modules = {**module._modules, name: child}
        _replace_parameter(child, path[1:], matrix)
        return
    weights = module._parameters[name]
    assert weights is not None
    mapped = torch.tensordot(matrix.to(weights), weights, 1)
    module._parameters = {**module._parameters, name: nn.Parameter(mapped, requires_grad=False)}


def with_observables(model: Any, observables: torch.Tensor) -> Any:
    """Return a copy of a model with fixed observables, which are the same at any time and are not computed. The copy
    shares the weights of the model.
    """
    other = copy.copy(model)
    other.observables = lambda times=None: observables
    return other


@torch.no_grad()
def recompute_observables(model: Any) -> torch.Tensor:
    """Return the observables of a model, also where it is a copy with fixed observables, see `with_observables`."""
    return type(model).observables(model).double()
