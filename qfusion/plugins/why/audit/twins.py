"""Twins of the quantum models, each without one quantum resource, and removal of a resource from a trained model.

One also reads the modality qubits after the fusion, with or without entanglement; one dephases the fused qubits.

Twins of the quantum models, and removal of a resource from a trained model.

A twin has the same encoders, state spaces and read-outs as the full model and is trained in the same way, without one
resource. The loss of a twin against the full model, over training seeds, is the worth of the resource. The loss of a
trained model from which `cut_resource` removes the resource without another training answers another question, and is
shown beside it.

    resource            twin                                  lacks
    coherence           `JumpTwin` lacks="coherence"          superpositions of product basis states, at every step: a
                                                              Markov chain on the D basis states is left
    entanglement        `JumpTwin` lacks="entanglement"       correlation that a measurement of every modality, in a
                                                              learned basis, destroys: classical correlation passes
    correlation         `MeanFieldJump`                       all correlation, at all times
    learned dynamics    `JumpTwin` lacks="learning"           H and L_k stay as they were drawn; encoders and read-out
                                                              learn to use them (a reservoir)
    dissipation         `QuantumJump` evolution="unitary"     the L_k
    fused coherence     `DephasedQCNN`                        <X> of the fused qubits
    entangling gates    `EntangledQCNN` block="local"         entangling convolutions; pooling is steered by outcomes
                                                              and entangles nothing
    fused entanglement  `CoherentQCNN` lacks="entanglement"   against "nothing": the modality qubits are read, too, by Z
                                                              alone, for which the fusion's entanglement makes no
                                                              difference, against Z and X, for which it does

A bilinear head with as many parameters is the linear model in states, with a rank. That quantum models often need none
of these was observed in single modalities by Bowles, Ahmed and Schuld (2024, "Better than classical?", arXiv
2403.07059).
"""

import copy
import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import base, encoders
from qfusion.models.jump import kets
from qfusion.models.jump.quantum_jump import JumpSettings, QuantumJump, Steps
from qfusion.models.network import qcnn, truth_tables
from qfusion.models.network.entangled_qcnn import EntangledQCNN, QCNNSettings
from qfusion.quantum import decomposition, lindblad, states
from qfusion.quantum.states import expectation

COHERENCE: Literal["coherence"] = "coherence"
ENTANGLEMENT: Literal["entanglement"] = "entanglement"
LEARNING: Literal["learning"] = "learning"
NOTHING: Literal["nothing"] = "nothing"
# title and description of the setting `lacks`
LACKS: Any = Field(
    title="Missing resource",
    description="The resource that a twin lacks: coherence, entanglement or learned dynamics; for the coherent QCNN "
    "entanglement, or nothing.",
)


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
    parts = kets.KetModel.parts
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
        turns = [torch.matrix_exp(1j * kets.compose_hermitian(turn)) for turn in self.turns]
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
            if self.has_evolution:
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


MAX_TABLE = 2**24  # numbers of the mean field's equation


class MeanFieldSettings(JumpSettings):
    """Settings of QiNN-QJ in the mean field."""

    steps: Steps = Field(16, ge=1, le=1000)


class MeanFieldJump(QuantumJump):
    """QiNN-QJ in the mean field: each modality evolves in the mean of the others, so that the modalities are never
    correlated.

        d rho_m / dt = Tr_rest[L(rho_1 x ... x rho_M)]

    The states are represented by r_ma = Tr[B_a rho_m], with the Hermitian bases of `quantum.decomposition`. Their
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
        return decomposition.basis(d)[1].to(self.W.device, self.W.dtype.to_complex())

    def _coefficients(self, X: Tensor) -> Tensor:
        """Return the coefficients of Hermitian operators (N, D, D) in the product basis, (N, prod d_m^2) real."""
        return decomposition.expand(X, self.dims).flatten(1).real

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
        count = int(self.settings["steps"]) if self.has_evolution else 0
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


class CoherentSettings(QCNNSettings):
    """Settings of the coherent QCNN."""

    lacks: Annotated[Literal["entanglement", "nothing"], LACKS] = NOTHING


class CoherentQCNN(EntangledQCNN):
    """Entangled QCNN whose modality qubits are also read after the fusion. The fusion's entanglement acts on them.

        y = scores of `EntangledQCNN` + HEAD_SCALE sum_im w_im (cos a_im <Z_mi> + sin a_im <X_mi>)

    The fusion does not change <Z> of a modality qubit. It reduces <X> as far as the fused qubit distinguishes the two
    values: <X_mi> = sin theta_mi sum_b P(b) cos((phi_i,b1 - phi_i,b0) / 2), over outcomes b of the other controls.
    This factor depends on all modalities, so <X> contributes jointly with them.

    Args:
        inputs, outputs: as of `EntangledQCNN`.
        settings: of `EntangledQCNN`, and what it `lacks`: "nothing", or "entanglement": Z alone is read (a = 0), as if
            they had been measured before the fusion.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qcnn-coherent"
    title = "Variant: QCNN that reads the modality qubits"
    settings_type = CoherentSettings
    parts = frozenset()
    family = "evaluated"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        shape = self.elements, len(self.modalities)
        self.own_head = nn.Parameter(torch.zeros(len(self.outputs), *shape))
        free = self.settings["lacks"] == NOTHING
        self.tilts = nn.Parameter(torch.full(shape, torch.pi / 4 if free else 0.0), free)

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return (*super().head_parameters(), "own_head")

    # By evaluation: scores are not linear in masses.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Return the angles theta_mi of one modality's qubits, (B, n)."""
        return self._encoded(inputs, name) + torch.pi / 2

    def remaining_coherence(self, theta: Tensor) -> Tensor:
        """Return the factor (B, n, M) by which the fusion reduces <X_mi> = sin theta_mi, of angles (B, n, M)."""
        masses = torch.sin(theta / 2).square()
        phi = self.phi
        stages = truth_tables.fuse(masses, phi)[1]
        M = masses.shape[-1]
        parts = []
        controls = phi.shape[-1].bit_length() - 1  # of a stage: all modalities, or two of a chain
        for m in range(M):
            stage = max(0, m + 1 - controls)
            tables = phi[:, stage].unflatten(-1, (2,) * controls)
            if stage:  # after the fused qubit of the previous stage
                place = 1
                known = stages[..., stage - 1 : stage]
            else:
                place = m
                known = masses[..., [k for k in range(controls) if k != m]]
            overlap = torch.cos((tables.select(1 + place, 1) - tables.select(1 + place, 0)) / 2)
            weights = truth_tables.probabilities(known) if M > 1 else masses.new_ones(1)
            parts.append((weights * overlap.reshape(len(phi), -1)).sum(-1).expand_as(theta[..., m]))
        return torch.stack(parts, -1)

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return the scores of given angles, (B, C); `observables` are not used."""
        theta = torch.stack([states[name] for name in self.modalities], -1)
        masses = torch.sin(theta / 2).square()
        fused = truth_tables.fuse(masses, self.phi)[0]
        read = (
            self.tilts.cos() * theta.cos()
            + self.tilts.sin() * theta.sin() * self.remaining_coherence(theta)
        )
        own = qcnn.HEAD_SCALE * torch.einsum("bnm,cnm->bc", read, self.own_head)
        return self.read(fused) + own + self.bias

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores, as `scores` does. The tests check the part that this variant adds against state
        vectors.
        """
        return self.scores(states)


class DephasedQCNN(EntangledQCNN):
    """Entangled QCNN whose fused qubits are dephased before the convolutions: <X> = 0, one classical bit each.
    Settings and errors are those of `EntangledQCNN`.
    """

    kind = "qcnn-dephased"
    title = "Twin: QCNN, fused qubits dephased"
    parts = frozenset()
    family = "evaluated"

    # By evaluation: the observables are those of undephased qubits.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (1, 0, <Z>), (B, n, 3), and the mass after each stage."""
        vectors, fused = super().fuse(masses)
        return vectors * vectors.new_tensor([1.0, 0.0, 1.0]), fused


CUTS: dict[str, dict[str, tuple[type[base.FusionModel], dict[str, Any]]]] = {
    QuantumJump.kind: {
        "coherence": (JumpTwin, {"lacks": COHERENCE}),
        "entanglement": (JumpTwin, {"lacks": ENTANGLEMENT}),
        "correlation": (MeanFieldJump, {}),
        "dissipation": (QuantumJump, {}),
    },
    EntangledQCNN.kind: {"fused coherence": (DephasedQCNN, {})},
    CoherentQCNN.kind: {"fused entanglement": (CoherentQCNN, {"lacks": ENTANGLEMENT})},
}


def drop_jumps(evolution: str) -> str:
    """Return the kind of an evolution without jump operators. If the original has no learned H, the result has none
    either.
    """
    return {"jump": "unitary", "dissipative": "none"}.get(evolution, evolution)


@torch.no_grad()
def cut_resource(model: Any, resource: str, **settings: Any) -> Any:
    """Return a copy of a trained model without a resource. The copy has the same weights and is not trained again.

    A basis that a twin would learn is the product basis.

    Args:
        model: a QiNN-QJ, an entangled QCNN or its coherent variant.
        resource: a resource that `CUTS` lists for the kind of the model.
        settings: settings of the twin, such as `steps`.

    Raises:
        InvalidInput: if nothing can be cut from models of this kind.
        NotFound: if the resource is unknown.
    """
    kind = getattr(model, "kind", type(model).__name__)
    cuts = CUTS.get(kind, {})
    check(
        bool(cuts),
        f"Argument `model` is of kind {kind}, from which no resource can be cut. Choose a model of kind "
        f"{', '.join(CUTS)}.",
    )
    twin_class, changes = cuts[choose("Resource", resource, cuts)]
    if resource == "dissipation":
        changes = {"evolution": drop_jumps(model.settings["evolution"])}
    allowed = twin_class.settings_type.model_fields
    common = {key: value for key, value in model.settings.items() if key in allowed}
    twin_settings = {**common, **changes, **settings}
    with torch.random.fork_rng():
        twin: Any = twin_class(model.input_specs, model.outputs, **twin_settings)
    state = copy.deepcopy(model.state_dict())
    if "tilts" in state:
        state["tilts"] = twin.tilts.to(state["tilts"])
    twin.to(model.bias.dtype).load_state_dict(state, strict=False)
    twin.duration = getattr(model, "duration", 0.0)
    return twin.eval().requires_grad_(False)
