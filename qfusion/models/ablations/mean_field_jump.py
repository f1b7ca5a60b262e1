"""Twin of QiNN-QJ in the mean field, without correlation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from qfusion._checks import check
from qfusion.models import base
from qfusion.models.encoding import encoders
from qfusion.models.jump.quantum_jump import JumpSettings, QuantumJump, Steps
from qfusion.quantum import lindblad, operator_basis, states
from qfusion.quantum.states import expectation

MAX_TABLE = 2**24  # numbers of the mean field's equation


class MeanFieldSettings(JumpSettings):
    """Settings of QiNN-QJ in the mean field."""

    steps: Steps = Field(16, ge=1, le=1000)


class MeanFieldJump(QuantumJump):
    """QiNN-QJ in the mean field: each modality evolves in the mean of the others, so that the modalities are never
    correlated.

        d rho_m / dt = Tr_rest[L(rho_1 x ... x rho_M)]

    The states are represented by r_ma = Tr[B_a rho_m], with the Hermitian bases of `quantum.operator_basis`. Their
    derivatives are r_ma' = sum_w c_w prod_m r_m,w_m, where c are the coefficients of L^+(B_a x 1): products of real
    vectors with one table, integrated by the Runge-Kutta method of fourth order. The scores are not linear in the
    states, so decisions are split by evaluation.

    Args:
        inputs, outputs: as of `QuantumJump`.
        settings: of `QuantumJump`, except those of sampled trajectories, and `steps` of the integration.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown, or dimensions are too large for the table.
    """

    kind = "jump-mean-field"
    title = "Twin: QiNN-QJ in the mean field"
    settings_type = MeanFieldSettings
    parts = frozenset()
    family = "evaluated"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        numbers = sum(d**2 for d in self.dims) * math.prod(self.dims) ** 2
        check(
            numbers <= MAX_TABLE,
            f"Argument `dims` is {self.dims}: the mean field's equation would hold {numbers:,} numbers, and at most "
            f"{MAX_TABLE:,} are held. Lower `dims`.",
        )

    # By evaluation: scores are not linear in states.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Return Tr[B_a rho_m] of one modality's kets, (B, d_m^2) real."""
        ket = super().encode_one(inputs, name)
        return expectation(self._letters(ket.shape[-1]), ket)

    def _letters(self, d: int) -> Tensor:
        return operator_basis.basis(d)[1].to(self.W.device, self.W.dtype.to_complex())

    def _coefficients(self, X: Tensor) -> Tensor:
        """Return the coefficients of Hermitian operators (N, D, D) in the product basis, (N, prod d_m^2) real."""
        return operator_basis.expand(X, self.dims).flatten(1).real

    def equation(self) -> Tensor:
        """Return the coefficients of L^+(B_a x 1) for the letters of every modality, (sum d_m^2, prod d_m^2)."""
        X = torch.cat(
            [states.embed(self._letters(d), self.dims, (m,)) for m, d in enumerate(self.dims)]
        )
        return self._coefficients(lindblad.act(self._whole(), X, "observables"))

    def integrate(self, states: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the coefficients of all modalities' states side by side, (B, sum d_m^2), at the beginning and after
        every step.
        """
        r = torch.cat([states[name] for name in self.modalities], -1)
        count = 0 if self.still else int(self.settings["steps"])
        table = self.equation().T
        dt = self.duration / max(count, 1)
        result = [r]

        def slope(r: Tensor) -> Tensor:
            return self._products(r) @ table

        for _ in range(count):
            a = slope(r)
            b = slope(r + dt / 2 * a)
            c = slope(r + dt / 2 * b)
            r = r + dt / 6 * (a + 2 * b + 2 * c + slope(r + dt * c))
            result.append(r)
        return result

    def _products(self, r: Tensor) -> Tensor:
        return states.product(r.split([d**2 for d in self.dims], -1))

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return the scores (B, C) of the numbers of modality states, as of `encode`; `observables` are not used."""
        letters = self._products(self.integrate(states)[-1])
        return letters @ self._coefficients(self.readout()).T + self.bias

    forward = base.FusionModel.forward  # through `scores`, in the mean field
