"""Twins of the quantum models: the same encoders, state spaces and read-outs, trained the same way, without one
resource. What a twin loses against the full model, over training seeds, is what the resource is worth; what the trained
model loses when the resource is cut from it without another training (`cut`) is another question, shown beside it.

    resource            twin                                  what it lacks
    coherence           `JumpTwin` lacks="coherence"          superpositions of product basis states, at every step: a
                                                              Markov chain on the D basis states is left
    entanglement        `JumpTwin` lacks="entanglement"       what does not pass a measurement of every modality, in a
                                                              basis that is learned: classical correlation passes
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
of these is what Bowles, Ahmed and Schuld (2024, "Better than classical?", arXiv 2403.07059) saw in single modalities.
"""

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose, require_whole
from qfusion.models import base, encoders, hermitian, qcnn, truth_tables
from qfusion.models.entangled_qcnn import EntangledQCNN
from qfusion.models.quantum_jump import QuantumJump
from qfusion.quantum import lindblad, operator_basis, states
from qfusion.quantum.states import expectation

COHERENCE, ENTANGLEMENT, LEARNING, NOTHING = "coherence", "entanglement", "learning", "nothing"
LACKS = (COHERENCE, ENTANGLEMENT, LEARNING, NOTHING)  # as a setting says it
SAMPLING = ("dynamics", "trajectories", "steps")  # settings of QuantumJump that a twin has not
MAX_TABLE = 2**24  # numbers of the mean field's equation
T = TypeVar("T", bound=type[base.FusionModel])


def settings_of(parent: type[base.FusionModel], *without: str) -> Callable[[T], T]:
    """Return a decorator for models that take the settings of another model, except for some, in addition to their
    own.
    """

    def decorate(model: T) -> T:
        own = inspect.signature(model.__init__).parameters
        known = dict(inspect.signature(parent).parameters) | {
            name: one for name, one in own.items() if one.kind is not one.VAR_KEYWORD
        }
        model.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [one for name, one in known.items() if name not in ("self", *(set(without) - set(own)))]
        )
        return model

    return decorate


# Twins of QiNN-QJ.


@settings_of(QuantumJump, *SAMPLING)
class JumpTwin(QuantumJump):
    """QiNN-QJ whose evolution is interrupted by a channel that removes a resource, or whose generator is left as it was
    drawn.

    The channel reads every modality in an orthonormal basis U_m and leaves it in the state that was read:
    rho -> sum_b P_b rho P_b with P_b = U |b><b| U^+, U = U_1 x ... x U_M. Scores are expectations of observables still:
    the channel is its own adjoint.

    Args:
        inputs, outputs: as of `QuantumJump`.
        lacks: "coherence": U = 1, at the beginning and after each of `steps` equal parts of T, the last one, too.
            "entanglement": U is learned, between the `steps` + 1 equal parts of T, so that kets that are encoded, and
            vectors that are read, are as free as the model's, and entanglement lasts T / (steps + 1) at most.
            "learning": no channel; H and L_k are not trained.
        steps: of the channel; 0 leaves the model as it is.
        settings: of `QuantumJump`, but those of sampled trajectories.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "jump-twin"
    title = "Twin: QiNN-QJ without a resource"
    abilities = frozenset({"states", "kets"})
    family = "kets"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        lacks: str = COHERENCE,
        steps: int = 8,
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.lacks = choose("Resource in `lacks`", lacks, LACKS[:3])
        require_whole("steps", steps, 0, 1000)
        self.settings = drop_sampling(self.settings) | dict(lacks=lacks, steps=steps)
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

    def interrupted(self, operators: Tensor, picture: str = "states") -> list[Tensor]:
        """Return operators (..., D, D) at the beginning, before every channel and behind it, and at the end; of
        "observables" the beginning is T.

        Args:
            picture: "states" or "observables".
        """
        steps = 0 if self.lacks == LEARNING else int(self.settings["steps"])
        whole = self.lacks == COHERENCE and steps > 0  # begins and ends with the channel
        generator, U = self._whole(), self.bases()
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
        return self.interrupted(self.readout(), "observables")[-1]

    forward = base.FusionModel.forward  # by `scores`, which know what is lacking

    def evolve_states(self, rho: Tensor, times: Sequence[float]) -> Tensor:
        """Return operators (..., D, D) at T, (1, ..., D, D), the one time that a twin is read out at."""
        return self.interrupted(rho)[-1][None]


@settings_of(QuantumJump, *SAMPLING)
class MeanFieldJump(QuantumJump):
    """QiNN-QJ in the mean field: each modality evolves in the mean of the others, so that the modalities are never
    correlated.

        d rho_m / dt = Tr_rest[L(rho_1 x ... x rho_M)]

    Numbers r_ma = Tr[B_a rho_m], of the Hermitian bases of `quantum.decomposition`, stand for the states. Their slopes
    are r_ma' = sum_w c_w prod_m r_m,w_m, where c are the coefficients of L^+(B_a x 1): products of real vectors with
    one table, in steps of Runge and Kutta (fourth order). Not linear in the states, so decisions are split by
    evaluation.

    Args:
        inputs, outputs: as of `QuantumJump`.
        steps: of the integration.
        settings: of `QuantumJump`, but those of sampled trajectories.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown, or dimensions are too large for the table.
    """

    kind = "jump-mean-field"
    title = "Twin: QiNN-QJ in the mean field"
    abilities = frozenset()
    family = "evaluated"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        steps: int = 16,
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        require_whole("steps", steps, 1, 1000)
        self.settings = drop_sampling(self.settings) | dict(steps=steps)
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
        """Those of Hermitian operators (N, D, D) in the product basis, (N, prod d_m^2) real."""
        return operator_basis.expand(X, self.dims).flatten(1).real

    def equation(self) -> Tensor:
        """Return the coefficients of L^+(B_a x 1) for the letters of every modality, (sum d_m^2, prod d_m^2)."""
        X = torch.cat(
            [states.embed(self._letters(d), self.dims, (m,)) for m, d in enumerate(self.dims)]
        )
        return self._coefficients(lindblad.act(self._whole(), X, "observables"))

    def followed(self, states: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the numbers of all modalities' states side by side, (B, sum d_m^2), at the beginning and after every
        step."""
        r = torch.cat([states[name] for name in self.modalities], -1)
        count = 0 if self.still else int(self.settings["steps"])
        table = self.equation().T
        dt, result = self.duration / max(count, 1), [r]

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
        letters = self._products(self.followed(states)[-1])
        return letters @ self._coefficients(self.readout()).T + self.bias

    forward = base.FusionModel.forward  # by `scores`, which know what is lacking


def drop_sampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a QiNN-QJ but those of sampled trajectories.

    Raises:
        InvalidInput: when trajectories are sampled.
    """
    check(
        settings.get("dynamics", "master") == "master",
        "Argument `dynamics` must be 'master' for a twin, whose scores are exact, but is 'jumps'.",
    )
    return {key: value for key, value in settings.items() if key not in SAMPLING}


# Twins of the network.


class DephasedQCNN(EntangledQCNN):
    """Entangled QCNN whose fused qubits are dephased before the convolutions: <X> = 0, one classical bit each.
    Settings and errors are those of `EntangledQCNN`.
    """

    kind = "qcnn-dephased"
    title = "Twin: QCNN, fused qubits dephased"
    abilities = frozenset()
    family = "evaluated"

    # By evaluation: the observables are those of undephased qubits.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (1, 0, <Z>), (B, n, 3), and the mass after each stage."""
        vectors, fused = super().fuse(masses)
        return vectors * vectors.new_tensor([1.0, 0.0, 1.0]), fused


@settings_of(EntangledQCNN)
class CoherentQCNN(EntangledQCNN):
    """Entangled QCNN whose modality qubits are also read after the fusion. The fusion's entanglement acts on them.

        y = scores of `EntangledQCNN` + HEAD_SCALE sum_im w_im (cos a_im <Z_mi> + sin a_im <X_mi>)

    <Z> of a modality qubit is what it was before the fusion. <X> is less by how far the fused qubit tells the two
    values apart: <X_mi> = sin theta_mi sum_b P(b) cos((phi_i,b1 - phi_i,b0) / 2), over outcomes b of the other qubits
    that control with it. So a modality says jointly with the others what entanglement took from it.

    Args:
        inputs, outputs: as of `EntangledQCNN`.
        lacks: "nothing", or "entanglement": Z alone is read (a = 0), as if they had been measured before the fusion.
        settings: of `EntangledQCNN`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qcnn-coherent"
    title = "Variant: QCNN that reads the modality qubits"
    abilities = frozenset()
    family = "evaluated"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        lacks: str = NOTHING,
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.settings["lacks"] = choose("Resource in `lacks`", lacks, (NOTHING, ENTANGLEMENT))
        shape = self.elements, len(self.modalities)
        self.own_head = nn.Parameter(torch.zeros(len(self.outputs), *shape))
        free = lacks == NOTHING
        self.tilts = nn.Parameter(torch.full(shape, torch.pi / 4 if free else 0.0), free)

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return (*super().head_parameters(), "own_head")

    # By evaluation: scores are not linear in masses.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Return the angles theta_mi of one modality's qubits, (B, n)."""
        return self._encoded(inputs, name) + torch.pi / 2

    def left(self, theta: Tensor) -> Tensor:
        """Return which part of <X_mi> = sin theta_mi the fusion leaves, (B, n, M), of angles (B, n, M)."""
        masses, phi = torch.sin(theta / 2).square(), self.phi
        stages = truth_tables.fuse(masses, phi)[1]
        M, parts = masses.shape[-1], []
        controls = phi.shape[-1].bit_length() - 1  # of a stage: all modalities, or two of a chain
        for m in range(M):
            stage = max(0, m + 1 - controls)
            tables = phi[:, stage].unflatten(-1, (2,) * controls)
            if stage:  # behind the fused qubit of the stage before
                place, known = 1, stages[..., stage - 1 : stage]
            else:
                place, known = m, masses[..., [k for k in range(controls) if k != m]]
            overlap = torch.cos((tables.select(1 + place, 1) - tables.select(1 + place, 0)) / 2)
            weights = truth_tables.probabilities(known) if M > 1 else masses.new_ones(1)
            parts.append((weights * overlap.reshape(len(phi), -1)).sum(-1).expand_as(theta[..., m]))
        return torch.stack(parts, -1)

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return the scores of given angles, (B, C); `observables` are not used."""
        theta = torch.stack([states[name] for name in self.modalities], -1)
        masses = torch.sin(theta / 2).square()
        fused = truth_tables.fuse(masses, self.phi)[0]
        read = self.tilts.cos() * theta.cos() + self.tilts.sin() * theta.sin() * self.left(theta)
        own = qcnn.HEAD_SCALE * torch.einsum("bnm,cnm->bc", read, self.own_head)
        return self.read(fused) + own + self.bias

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores, as `scores` does. The tests check the part that this variant adds against state
        vectors.
        """
        return self.scores(states)


# The same resources cut from a model that was trained with them.

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
def cut(model: Any, resource: str, **settings: Any) -> Any:
    """Return a model with the weights of a trained one, which is not changed, without a resource: not trained again.

    A basis that a twin would learn is the product basis.

    Args:
        model: a QiNN-QJ, an entangled QCNN or its coherent variant.
        resource: of `CUTS` of its kind. settings: of the twin, such as `steps`.

    Raises:
        InvalidInput: when nothing can be cut from models of its kind. NotFound: when the resource is unknown.
    """
    known = CUTS.get(getattr(model, "kind", ""), {})
    check(
        bool(known),
        f"Argument `model` is of kind {getattr(model, 'kind', type(model).__name__)}, from which no resource can be "
        f"cut. Choose a model of kind {', '.join(CUTS)}.",
    )
    build, differs = known[choose("Resource", resource, known)]
    if resource == "dissipation":
        differs = {"evolution": drop_jumps(model.settings["evolution"])}
    allowed = inspect.signature(build).parameters
    chosen = {key: value for key, value in model.settings.items() if key in allowed}
    with torch.random.fork_rng():
        twin: Any = build(model.input_specs, model.outputs, **{**chosen, **differs, **settings})
    state = copy.deepcopy(model.state_dict())
    if "tilts" in state:
        state["tilts"] = twin.tilts.to(state["tilts"])
    twin.to(model.bias.dtype).load_state_dict(state, strict=False)
    twin.duration = getattr(model, "duration", 0.0)
    return twin.eval().requires_grad_(False)
