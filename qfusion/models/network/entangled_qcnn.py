"""Feature-entanglement fusion with a quantum convolutional network (arXiv 2601.07856).

    theta_mi = e_mi(x_m) + pi / 2          a classical module per modality gives n angles
    p_mi = sin^2(theta_mi / 2)             mass that modality m gives element i: qubit RY(theta_mi)|0>
    fused qubit i                          turned by RY(phi_ib) for outcome b of its modality qubits: `truth_tables`
    y = HEAD_SCALE W f + b                 quantum convolution and pooling on the n fused qubits: `qcnn`

Only the paper's abstract is public; element-wise fusion by soft truth tables and the head that also reads the measured
qubits are our reading. The group's follow-up (arXiv 2608.10464) pools by controlled rotations and reads the retained
qubits alone: `circuit_pooling="controlled"`, `head="retained"`. The modality qubits are left out after fusion, so the
fused qubits are in a real product state and every score is the expectation of one effective observable with 3^n real
coefficients.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import base, inputs
from qfusion.models.inputs import Background
from qfusion.models.network import network_model, qcnn, truth_tables
from qfusion.models.network.gate_angles import NETWORK, apply_edits, network_edits, table_shape
from qfusion.models.network.mass_algebra import MassAlgebra
from qfusion.models.network.network_model import NetworkModel, NetworkSettings, read_classes
from qfusion.models.network.network_terms import NetworkTerms
from qfusion.models.network.truth_tables import (
    fuse,
    fused_entropy,
    named_angles,
    nearest_turns,
    separate_angles,
)
from qfusion.models.protocols import (
    Circuit,
    LayeredNetwork,
    MassStates,
    Physics,
    StateModel,
    TruthTables,
)
from qfusion.models.terms import FlipSearch


class QCNNSettings(NetworkSettings):
    """Settings of the feature-entanglement fusion network."""

    rule: Literal["mean", "and", "or", "random"] = Field(
        "mean",
        title="Initial fusion rule",
        description="The truth table that initialises every fusion gate.",
    )
    freeze_rule: bool = Field(
        False,
        title="Freeze the fusion rule",
        description="The truth tables are not trained.",
    )
    # "separate": phi_ib = pi / 2 + a_i0 + sum_m b_m a_im, an ablation; of a chain, by stage.
    tables: Literal["joint", "separate"] = Field(
        "joint",
        title="Truth tables",
        description="joint trains an entry for every pattern of the modalities; separate lets each modality rotate the "
        "fused qubit independently.",
    )

    @model_validator(mode="after")
    def _check_rule(self) -> Self:
        check(
            not (self.freeze_rule and self.tables == "separate"),
            "Argument `tables` must be 'joint' with `freeze_rule`, but is 'separate': a frozen rule learns neither. "
            "Drop one of them.",
        )
        check(
            not (self.freeze_rule and self.rule == "random"),
            "Argument `freeze_rule` needs a named rule, but `rule` is 'random'. Name a rule.",
        )
        return self


class EntangledQCNN(NetworkModel):
    """The feature-entanglement fusion network.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `QCNNSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "entangled-qcnn"
    title = "Entangled fusion + QCNN"
    settings_type = QCNNSettings
    parts = frozenset({StateModel, MassStates, LayeredNetwork, TruthTables, Circuit, Physics})
    family = "masses"

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.init_encoders()
        rule = self.settings["rule"]
        n = self.elements
        M = len(self.modalities)
        C = len(self.outputs)
        self.elements_are_classes = n == C
        named = named_angles("mean" if rule == "random" else rule, M).to(torch.get_default_dtype())
        angles = (
            torch.rand(n, *named.shape) * torch.pi
            if rule == "random"
            else named.expand(n, *named.shape).clone()
        )
        if self.settings["freeze_rule"]:
            self.register_buffer("phi", angles)
        elif self.settings["tables"] == "separate":
            turns = nearest_turns(angles)
            self.turns = nn.Parameter(turns + 0.1 * torch.randn_like(turns))
        else:
            self.phi = nn.Parameter(angles + 0.1 * torch.randn_like(angles))
        self.bias = nn.Parameter(torch.zeros(C))
        if (
            self.settings["start"] == "classes"
        ):  # full mass on element i, others undecided, raises score i alone
            masses = torch.full((n + 1, n, M), 0.5)
            masses[torch.arange(n), torch.arange(n)] = 1.0
            read_classes(self.network, fuse(masses, self.phi.detach())[0])

    def __getattr__(self, name: str) -> Any:
        """Return an attribute. The tables `phi` of separate rotations are computed from `turns` on each access."""
        if name == "phi" and "phi" not in self._buffers and "turns" in self._parameters:
            return separate_angles(self.turns)
        return super().__getattr__(name)

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the angles of the truth tables, which say nothing at pi / 2 (mass 1/2), and of the circuit, which do
        nothing at 0."""
        known = [(self._parameters.get("phi"), torch.pi / 2), (self._parameters.get("turns"), 0.0)]
        return [
            *((parameter, nothing) for parameter, nothing in known if parameter is not None),
            *super().couplings(),
        ]

    def angles(self, inputs: Mapping[str, inputs.Features]) -> dict[str, Tensor]:
        """Return the angles theta_mi of every modality's qubits, (B, n) radians.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self._encoded(inputs, name) + torch.pi / 2 for name in self.modalities}

    def encode_one(self, inputs: Mapping[str, inputs.Features], name: str) -> Tensor:
        """Return the masses p_mi = sin^2(theta_mi / 2) of one modality, (B, n). They are all of its state that the
        fusion depends on. `inputs` need not hold the other modalities.
        """
        return torch.sin((self._encoded(inputs, name) + torch.pi / 2) / 2).square()

    @property
    def algebra(self) -> MassAlgebra:
        """The algebra of coalitions by contractions of the fused qubits' factors."""
        return MassAlgebra(self)

    def parameter_norms(self) -> dict[str, float]:
        """Return the root mean square angles of the tables, from undecided, and of the network, in radians."""
        if TruthTables not in self.parts:
            return {}
        angles = torch.cat([self.network.convolution.flatten(), self.network.pooling.flatten()])
        return {
            "norm.tables": float((self.phi - torch.pi / 2).square().mean().sqrt()),
            "norm.circuit": float(angles.square().mean().sqrt()),
        }

    def entanglement(self, encodings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean entropy of the fused qubits, (B,) nats."""
        if TruthTables not in self.parts:
            return {}
        return {"fused": fused_entropy(self.fuse(encodings)[0]).mean(1)}

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (1, <X>, <Z>), (B, n, 3), and the mass after each stage of fusion, (B, n,
        stages)."""
        return fuse(torch.stack([masses[name] for name in self.modalities], -1), self.phi)

    def observables(self) -> Tensor:
        """Return the effective observables of the fused qubits, coefficients (C, 3, ..., 3) of words in {I, X, Z}."""
        return self.network.observables()

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return the scores of given masses, (B, C); multilinear in them."""
        vectors = self.fuse(states)[0]
        return (
            self.read(vectors) if observables is None else qcnn.evaluate(observables, vectors)
        ) + self.bias

    def read(self, vectors: Tensor) -> Tensor:
        """Return the scores without bias of fused qubits (1, <X>, <Z>), (B, n, 3) -> (B, C)."""
        return network_model.network_scores(self.network, vectors)

    def with_angles(self, phi: Tensor) -> Self:
        """Return a model that shares this one's weights but fuses by other truth tables, phi of shape (n, stages,
        patterns).

        Raises:
            InvalidInput: when the shape differs or an angle is not a number.
        """
        check(
            phi.shape == self.phi.shape,
            f"Argument `phi` must have shape {tuple(self.phi.shape)}, but has shape {tuple(phi.shape)}.",
        )
        check(
            bool(torch.isfinite(phi).all()),
            "Argument `phi` must be finite, but an angle is not a number. Give angles in radians.",
        )
        other = copy.copy(self)
        other._parameters = {
            name: p for name, p in self._parameters.items() if name not in ("phi", "turns")
        }
        other._buffers = {**self._buffers, "phi": phi.detach().to(self.phi)}
        return other

    def parse_tweak(self, tweak: object) -> str:
        """Return the text of edits of this model's truth tables, see `edits`, without surrounding spaces and commas.

        Raises:
            InvalidInput, NotFound: when it is no text, or a part of it does not fit the tables.
        """
        check(
            isinstance(tweak, str),
            f"Argument `tweak` must be text for an {self.kind}, such as 'all:and', but is a {type(tweak).__name__}.",
        )
        words = str(tweak).strip(" ,")
        apply_edits(words, self.phi, table_shape(self))
        network_edits(words, self.network)
        return words

    def tweaked(self, tweak: str) -> Self:
        """Return a model that shares this one's weights but has edited tables or angles of the network, see `edits`;
        the model itself where nothing is edited.

        Raises:
            InvalidInput, NotFound: as for `parse_tweak`.
        """
        words = self.parse_tweak(tweak)
        if not words:
            return self
        other = self.with_angles(apply_edits(words, self.phi, table_shape(self)))
        edited = network_edits(words, self.network)
        if not edited:
            return other
        other.__dict__.pop("observables", None)  # of a study they are kept: those as learned
        network = copy.copy(self.network)
        network._parameters = network._parameters | {
            name: nn.Parameter(angles, requires_grad=False) for name, angles in edited.items()
        }
        other._modules = {**self._modules, "network": network}
        return other

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores by evolving the fused qubits' density matrices gate by gate, (B, C): the reference path,
        for small n."""
        return (
            qcnn.density_scores(
                self.network, qcnn.density_states(self.network, self.fuse(states)[0])[-1]
            )
            + self.bias
        )

    def entanglement_targets(self) -> tuple[str, ...]:
        """Return the entropy of every fused qubit."""
        return tuple(f"entropy[{i}]" for i in range(self.elements))

    def terms(
        self, inputs: Mapping[str, inputs.Features], background: Background, output: int
    ) -> NetworkTerms:
        """Return the terms of the fusion and of the network after it, with everything that slopes and knock-outs
        need.
        """
        return NetworkTerms.of(self, inputs, self.algebra.check_background(background), output)

    def nearest_changes(self, states: Mapping[str, Tensor], known: Any = None) -> FlipSearch:
        """Return the smallest changes of the angles of the truth tables."""
        return truth_tables.nearest_changes(self, states)

    def points(self, count: int = 2) -> base.Points:
        """Return the places between the network's layers, `QCNN.moments`, whatever the `count`."""
        names = self.layer_names()
        return base.Points("layers", tuple(map(float, range(len(names)))), names)

    def layer_names(self) -> tuple[str, ...]:
        """Return the names of the places between the network's layers, T of them."""
        return tuple(name for name, _ in self.network.moments())

    def layer_observables(self) -> Tensor:
        """Return the observables of the network that stops at each of these places, (T, C, 3, ..., 3).

        Later gates are left out, convolution blocks and the rotations that pooling conditions. Every qubit is still
        measured, and the head is the same.
        """
        whole = len(self.network.steps)
        observables = [
            self.observables() if steps == whole else self.network.observables(last=steps)
            for _, steps in self.network.moments()
        ]
        return torch.stack(observables)

    def merge_tweak(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return weights and settings in which the tables are those of this model: an edited one need be neither a
        named rule nor one of separate rotations."""
        if not words:
            return state, settings
        state = {key: value for key, value in state.items() if key != "turns"}
        own = {f"network.{name}": getattr(self.network, name).detach() for name in NETWORK}
        return state | own | {"phi": self.phi}, {
            **settings,
            "tables": "joint",
            "freeze_rule": False,
        }
