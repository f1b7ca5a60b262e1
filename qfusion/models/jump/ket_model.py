"""Models whose modality states are kets, and whose scores are linear in each of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.backgrounds import Background
from qfusion.models.base import FusionModel
from qfusion.models.encoding.encoders import Encoder, check_encoder
from qfusion.models.encoding.input_features import Features
from qfusion.models.jump.ket_algebra import KetAlgebra
from qfusion.models.protocols import KetStates, StateModel
from qfusion.quantum import states
from qfusion.quantum.states import expectation


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

    def init_encoders(
        self,
        dims: int | Sequence[int],
        most: int,
        held: str,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        lowest: float = 0.0,
        **more: Any,
    ) -> None:
        """Set the settings and the dimension of every modality state, and make encoders that give 2 d_m numbers.

        Args:
            dims: of each, or one for all. most: of their product. held: why, for the message.
            encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`; `input_dropout` may be as
                low as `lowest`, and is as `dropout` below 0.
            more: settings of a subclass, kept with the others.

        Raises:
            InvalidInput: where dimensions are impossible, or their product is too large for what is held.
        """
        M = len(self.modalities)
        sizes = (dims,) * M if isinstance(dims, int) else tuple(int(d) for d in dims)
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
        check_encoder(hidden, dropout, input_dropout, lowest)
        self.dims = sizes
        self.settings = dict(
            dims=list(sizes),
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
            **more,
        )
        dropped = dropout if input_dropout < 0 else input_dropout
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(spec, 2 * d, hidden, dropout, pooling, encoder, dropped)
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
