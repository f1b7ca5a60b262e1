"""What both systems share: named modalities with an encoder each, and named scores."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.encoders import Encoded, Encoder, Features, InputSpec, admitted, split

M = TypeVar("M", bound=Any)


def in_double(model: M) -> M:
    """Returns a model whose weights are in double precision: the model itself where they are, else a copy of it.

    Args:
        model: any of ours.
    """
    return model if model.bias.dtype == torch.float64 else copy.deepcopy(model).double()


class FusionModule(nn.Module):
    """Base of the fusion models; a subclass fills `encoders` and `settings`.

    Features come in any floating-point precision; a model calculates in that of its own weights.

    Attributes:
        kind: name in the registry.
        modalities: names, in the order of fusion.
        outputs: names of the scores.
        input_specs: form of each modality's features.
        settings: what it was built with, JSON-able.
        encoders: one `Encoder` per modality.
        bias: of the scores, (C,).
        projects: whether it has what `project` fits.
        staged: whether parts of it are trained one after another, see `advance`.
        preparing: whether training is at a part before the last: what is measured then is no result yet.
        encodes: whether its encoders make a row of numbers of each modality, and nothing else looks at features: then
            it takes `Encoded` in their place.
    """

    kind: str
    settings: dict[str, Any]
    encoders: nn.ModuleDict
    bias: Tensor
    projects: bool = False
    staged: bool = False
    preparing: bool = False
    encodes: bool = True

    def __init__(self, inputs: Mapping[str, InputSpec | Mapping[str, Any]], outputs: Sequence[str]):
        super().__init__()
        check(len(inputs) >= 1, "Argument `inputs` must name at least one modality, but is empty.")
        check(len(outputs) >= 1, "Argument `outputs` must name at least one score, but is empty.")
        self.modalities, self.outputs = tuple(inputs), tuple(outputs)
        self.input_specs = {name: InputSpec.of(spec) for name, spec in inputs.items()}

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the trained parameters by which modalities meet, each with the value at which it does nothing."""
        raise NotImplementedError

    @torch.no_grad()
    def standardise(self, inputs: Mapping[str, Features]) -> None:
        """Fits the encoders' standardisation to the training rows."""
        for name in self.modalities:
            self._encoder(name).standardise.fit(*split(self._features(inputs, name)))

    def project(self, inputs: Mapping[str, Features]) -> None:
        """Fits what is neither trained nor a standardisation to training rows, many of them but perhaps not all."""

    def advance(self, share: float) -> bool:
        """Goes on to the next part that is trained, once such a share of the epochs is over; returns whether it did."""
        return False

    def _encoded(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the encoder's numbers for one modality, (B, outputs of the encoder); those of `Encoded` as they are.

        Raises:
            InvalidInput: when the modality is missing, has the wrong form, or is not of finite floating-point numbers.
        """
        found = inputs.get(name)
        if isinstance(found, Encoded):
            return found.values.to(self.bias.dtype)
        return self._encoder(name)(self._features(inputs, name))

    def _encoder(self, name: str) -> Encoder:
        return cast(Encoder, self.encoders[name])

    def _features(self, inputs: Mapping[str, Features], name: str) -> Features:
        check(
            name in inputs,
            f"Argument `inputs` must hold modality `{name}`, but holds {sorted(inputs)}.",
        )
        return admitted(name, inputs[name], self.input_specs[name], self.bias.dtype)
