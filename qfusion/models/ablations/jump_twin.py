"""Twin of QiNN-QJ without coherence, entanglement or learned dynamics."""

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import base
from qfusion.models.ablations.twin_settings import (
    COHERENCE,
    ENTANGLEMENT,
    LACKS,
    LEARNING,
)
from qfusion.models.encoding import encoders
from qfusion.models.jump import hermitian, ket_model
from qfusion.models.jump.quantum_jump import JumpSettings, QuantumJump, Steps
from qfusion.quantum import lindblad


class JumpTwinSettings(JumpSettings):
    """Settings of the twins of QiNN-QJ by a channel."""

    lacks: Annotated[Literal["coherence", "entanglement", "learning"], LACKS] = COHERENCE
    # 0 leaves the model as it is.
    steps: Steps = Field(8, ge=0, le=1000)


class JumpTwin(QuantumJump):
    """QiNN-QJ whose evolution is interrupted by a channel that removes a resource, or whose generator keeps its random
    initial values.

    The channel reads every modality in an orthonormal basis U_m and leaves it in the state that was read:
    rho -> sum_b P_b rho P_b with P_b = U |b><b| U^+, U = U_1 x ... x U_M. Scores are expectations of observables still:
    the channel is its own adjoint.

    Args:
        inputs, outputs: as of `QuantumJump`.
        settings: of `QuantumJump`, except those of sampled trajectories, `steps` of the channel, and what it `lacks`.
            "coherence": U = 1, and the channel acts at the beginning and after each of `steps` equal parts of T.
            "entanglement": U is learned, and the channel acts between `steps` + 1 equal parts of T. Encoded kets and
            read-out vectors are then as free as in the full model, and entanglement lasts at most T / (steps + 1).
            "learning": there is no channel; H and L_k are not trained.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "jump-twin"
    title = "Twin: QiNN-QJ without a resource"
    settings_type = JumpTwinSettings
    parts = ket_model.KetModel.parts
    family = "kets"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        lacks = self.lacks = self.settings["lacks"]
        self.turns = nn.ParameterList(
            [nn.Parameter(torch.zeros(d, d)) for d in self.dims if lacks == ENTANGLEMENT]
        )
        for drawn in (*self.A, *self.L):
            drawn.requires_grad_(lacks != LEARNING)

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return H's and the L_k's parameters, where they are learned."""
        return [] if self.lacks == LEARNING else super().couplings()

    def bases(self) -> Tensor:
        """Return U = U_1 x ... x U_M, (D, D), whose columns are the states that the channel reads and leaves."""
        one = torch.eye(math.prod(self.dims), dtype=self.W.dtype.to_complex(), device=self.W.device)
        turns = [torch.matrix_exp(1j * hermitian.compose(turn)) for turn in self.turns]
        return reduce(torch.kron, turns) if turns else one

    def channel(self, X: Tensor, U: Tensor) -> Tensor:
        """Return sum_b P_b X P_b of operators (..., D, D), for U of `bases`."""
        return (U * torch.diagonal(U.mH @ X @ U, dim1=-2, dim2=-1)[..., None, :]) @ U.mH

    def evolve_interrupted(self, operators: Tensor, picture: str = "states") -> list[Tensor]:
        """Return operators (..., D, D) at the beginning, before and after every channel, and at the end. In the picture
        of "observables" the beginning is T.

        Args:
            picture: "states" or "observables".
        """
        steps = 0 if self.lacks == LEARNING else int(self.settings["steps"])
        whole = self.lacks == COHERENCE and steps > 0  # begins and ends with the channel
        generator = self._whole()
        U = self.bases()
        parts = steps if whole else steps + 1
        result = [operators]
        if whole:
            result.append(self.channel(operators, U))
        for part in range(parts):
            if not self.still:
                result.append(
                    lindblad.evolve(generator, result[-1], [self.duration / parts], picture)[0]
                )
            if whole or part < parts - 1:
                result.append(self.channel(result[-1], U))
        return result

    def observables(self, times: Sequence[float] | None = None) -> Tensor:
        """Return O_c, (C, D, D), pulled back through evolution and channels to t = 0.

        Raises:
            InvalidInput: when other times are asked for.
        """
        check(times is None, "A twin is read out at T alone. Leave out `times`.")
        return self.evolve_interrupted(self.readout(), "observables")[-1]

    forward = base.FusionModel.forward  # through `scores`, which apply the channel

    def evolve_states(self, rho: Tensor, times: Sequence[float]) -> Tensor:
        """Return operators (..., D, D) at T, (1, ..., D, D), the one time that a twin is read out at."""
        return self.evolve_interrupted(rho)[-1][None]
