"""Models whose modality states are kets, and whose scores are linear in each of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.backgrounds import Background
from qfusion.models.base import FusionModel
from qfusion.models.encoding.encoders import DropoutShare, EncoderSettings, make_encoder
from qfusion.models.encoding.input_features import Features
from qfusion.models.jump.ket_algebra import KetAlgebra
from qfusion.models.protocols import KetStates, StateModel
from qfusion.quantum import states
from qfusion.quantum.states import expectation


def _split_numbers(value: Any) -> Any:
    """Return the parts of "4,4,2" or "[4,4,2]"; anything else as it is."""
    is_list = isinstance(value, str) and ("," in value or value.startswith("["))
    return [part.strip() for part in value.strip("[] ").split(",")] if is_list else value


Dims = Annotated[
    int | list[int],
    BeforeValidator(_split_numbers),
    Field(
        title="State dimensions",
        description="Levels of each modality's state: one number for all, or one each, such as 4,4,2; time and memory "
        "grow with their product.",
    ),
]


class KetSettings(EncoderSettings):
    """Settings of a model whose modality states are kets."""

    dims: Dims = 4
    dropout: DropoutShare = 0.3


class KetModel(FusionModel):
    """Model whose modality states are kets psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||, for encoders h_m with 2 d_m
    outputs.

    Attributes:
        dims: dimension d_m of every modality state; D is their product.
    """

    parts = frozenset({StateModel, KetStates})
    family = "kets"

    @abstractmethod
    def observables(self) -> Tensor:
        """Return the observables whose expectations are the scores, (C, D, D)."""

    @abstractmethod
    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, C) of given kets by another way than `observables`: the reference."""

    def init_encoders(self, most: int, held: str) -> None:
        """Set the dimension of every modality state, and make encoders that give 2 d_m numbers.

        Args:
            most: of the product of all dimensions.
            held: why, for the message.

        Raises:
            InvalidInput: where dimensions are impossible, or their product is too large for what is held.
        """
        M = len(self.modalities)
        dims = self.settings["dims"]
        sizes = (dims,) * M if isinstance(dims, int) else tuple(dims)
        check(
            len(sizes) == M and all(d >= 2 for d in sizes),
            f"Argument `dims` must hold {M} dimensions of at least 2, but is {dims}.",
        )
        D = math.prod(sizes)
        check(
            most >= D,
            f"Argument `dims` must give a joint dimension of at most {most}, but {sizes} gives {D:,}: {held}. Lower "
            "`dims`, join modalities, or take a model that grows with their number, such as entangled-qcnn.",
        )
        self.dims = sizes
        self.settings["dims"] = list(sizes)
        self.encoders = nn.ModuleDict(
            {
                name: make_encoder(spec, 2 * d, self.settings)
                for (name, spec), d in zip(self.input_specs.items(), sizes, strict=True)
            }
        )

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Return the unit kets of one modality, (B, d_m) complex; `inputs` need not hold the other modalities."""
        d = self.dims[self.modalities.index(name)]
        real, imaginary = self._encoded(inputs, name).split(d, -1)
        ket = torch.complex(real, imaginary)
        # The reference amplitude keeps the magnitude of h, which plain normalisation would throw away.
        ket = ket + torch.eye(d, dtype=ket.dtype, device=ket.device)[0]
        return ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True).clamp_min(1e-6)

    @property
    def algebra(self) -> KetAlgebra:
        """The algebra of coalitions by marginal observables."""
        return KetAlgebra(self)

    def mean_state(self, background: Background) -> Tensor:
        """Return the mean state sigma of a background of this model, (D, D) complex128."""
        return self.algebra.check_background(background).sigma

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Return |psi_1 x ... x psi_M>, (B, D)."""
        return states.product([kets[name] for name in self.modalities])

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return <psi|O_c|psi> + b_c of given kets, (B, C)."""
        psi = self.product_state(states)
        O = self.observables() if observables is None else observables
        return expectation(O.to(psi.dtype), psi) + self.bias

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Return the scores, (B, C)."""
        return self.direct_scores(self.encode(inputs))
