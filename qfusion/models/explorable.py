"""Models that can be explored: each makes something of every modality, and fuses it to scores.

What a modality comes to, `encode_one`, is a tensor, or tuples of tensors, with one row a sample, of that modality
alone; `scores` fuses. That is enough to ask what a score would be with some modalities of another sample, so
contributions are exact by evaluation, see `explain.contributions.evaluation`. Of models whose scores are linear in
states, `StateModel`, they follow from observables at once.

An ability is a name of ABILITIES. Pages, reports, commands and explanations ask for the one that they need with
`abilities.can`, or `abilities.require` it, which names what is missing; none asks of which class a model is. A new
model says its own abilities, and is shown wherever these suffice:

    states    `StateModel`: scores are linear in a state of each modality
    kets      `KetModel`: unit vectors of each modality and Hermitian observables of their product
    masses    numbers from 0 to 1 of each modality for each element, as of `EntangledQCNN`
    time      can be read out earlier in time: `system`, `duration`, `observables(times)`, `evolve_states`; sliders
              change its physics
    layers    can be read out between the layers of a network
    rules     fuses by truth tables that can be read and edited
    circuit   can be drawn as gates with a sample in it
    gates     its circuit is a list of unitary gates on |0...0>, as of `neighbours.circuits.CircuitModel`
    terms     consists of terms that `explain.sensitivity` weakens and removes and `flips` turns; those of `time` or of
              `rules`
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.base import FusionModule
from qfusion.models.encoders import Encoder, Features
from qfusion.quantum import states

Ability = Literal[
    "states", "kets", "masses", "time", "layers", "rules", "circuit", "gates", "terms"
]
ABILITIES: dict[Ability, str] = {
    "states": "states of its modalities that scores are linear in",
    "kets": "modality states that are kets",
    "masses": "masses of its modalities for elements",
    "time": "evolution in time",
    "layers": "layers to be read out between",
    "rules": "fusion rules to read",
    "circuit": "circuit of gates",
    "gates": "circuit of unitary gates alone",
    "terms": "terms of a physics to weaken or turn",
}


@dataclass(frozen=True, eq=False)
class Points:
    """Where a model can be read out, the last being its end.

    Attributes:
        kind: "time" or "layers". positions: times, or places by number. names: of each.
    """

    kind: Literal["time", "layers"]
    positions: tuple[float, ...]
    names: tuple[str, ...]


class FusionModel(FusionModule, ABC):
    """A model that can be explored; see the head of this module.

    Attributes:
        abilities: what it can do, of ABILITIES.
        title, says: what people call the kind, and a plain sentence on it for the Train page; those of old stand in
            `runs.settings`.
        about: one sentence on what it does between features and score, for the Overview page, with {names}, {dims} and
            {target} to be filled in; of old ones in `analysis.describe`.
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset()
    title: ClassVar[str] = ""
    says: ClassVar[str] = ""
    about: ClassVar[str] = ""

    @property
    def unseen_operations(self) -> int:
        """Floating-point operations a row that torch does not see: those of programs of another runtime."""
        return 0

    @abstractmethod
    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Any:
        """Returns what one modality comes to; `inputs` need not hold the others."""

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Returns what every modality comes to, by name.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self.encode_one(inputs, name) for name in self.modalities}

    @abstractmethod
    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Returns the scores (B, C) of what modalities come to, as of `encode`; a row's scores depend on that row
        alone."""

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Returns the scores (logits), (B, C)."""
        return self.scores(self.encode(inputs))

    def points(self, count: int = 2) -> Points | None:
        """Returns where the model can be read out, so many times of an evolution; None where only its end can."""
        return None

    def parse_tweak(self, tweak: Any) -> Any:
        """Returns a tweak of this model in the one form that equal tweaks have; its `str` is its text, empty for none.

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
        """Returns a model that shares this one's weights with a tweak; see `parse_tweak`."""
        self.parse_tweak(tweak)
        return self

    def baked(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns weights and settings in which this model's tweak is part of the weights.

        Args:
            state, settings: of the model before it was tweaked. words: the tweak as text, empty for none.
        """
        return state, settings


class StateModel(FusionModel):
    """A model whose scores are linear in every modality's state: expectations of observables."""

    @abstractmethod
    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the states of one modality, kets (B, d_m) complex or masses (B, n); `inputs` need not hold the
        others."""

    @abstractmethod
    def observables(self) -> Tensor:
        """Returns what scores are expectations of: of kets (C, D, D), of masses see the model."""

    @abstractmethod
    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Returns the scores (B, C) of given modality states; linear in each.

        Args:
            states: as of `encode`. observables: of this model, where they are worked out already.
        """

    @abstractmethod
    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores (B, C) of given modality states by another way than `observables`: the reference."""


class KetModel(StateModel):
    """A model whose modality states are kets psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||, for encoders h_m with 2 d_m
    outputs.

    Attributes:
        dims: dimension d_m of every modality state; D is their product.
    """

    abilities = frozenset({"states", "kets"})
    dims: tuple[int, ...]

    def _sizes(self, dims: int | Sequence[int], most: int, held: str) -> tuple[int, ...]:
        """Returns the dimension of every modality state; InvalidInput where they are impossible or too large for what
        is held."""
        M = len(self.modalities)
        sizes = (dims,) * M if isinstance(dims, int) else tuple(int(d) for d in dims)
        check(
            len(sizes) == M and all(d >= 2 for d in sizes),
            f"Argument `dims` must hold {M} dimensions of at least 2, but is {dims}.",
        )
        D = math.prod(sizes)
        check(
            most >= D,
            f"Argument `dims` must give a joint dimension of at most {most}, but {sizes} gives {D}: {held}. Lower "
            "`dims`.",
        )
        return sizes

    def _ket_encoders(
        self, hidden: int, dropout: float, pooling: str, encoder: str, input_dropout: float | None
    ) -> nn.ModuleDict:
        """Returns an encoder for every modality that gives 2 d_m numbers; settings as of `Encoder`."""
        return nn.ModuleDict(
            {
                name: Encoder(spec, 2 * d, hidden, dropout, pooling, encoder, input_dropout)
                for (name, spec), d in zip(self.input_specs.items(), self.dims, strict=True)
            }
        )

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the unit kets of one modality, (B, d_m) complex; `inputs` need not hold the others."""
        d = self.dims[self.modalities.index(name)]
        real, imaginary = self._encoded(inputs, name).split(d, -1)
        ket = torch.complex(real, imaginary)
        # The reference amplitude keeps the magnitude of h, which plain normalisation would throw away.
        ket = ket + torch.eye(d, dtype=ket.dtype, device=ket.device)[0]
        return ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True).clamp_min(1e-6)

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Returns |psi_1 x ... x psi_M>, (B, D)."""
        return states.product([kets[name] for name in self.modalities])

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Returns <psi|O_c|psi> + b_c of given kets, (B, C)."""
        psi = self.product_state(states)
        return (
            expectation(
                (self.observables() if observables is None else observables).to(psi.dtype), psi
            )
            + self.bias
        )


def expectation(observables: Tensor, psi: Tensor) -> Tensor:
    """Returns <psi|O_c|psi>, (B, C), for observables (C, D, D) and kets (B, D)."""
    return torch.einsum("cnb,nb->nc", psi.conj() @ observables, psi).real
