"""Protocols of features that only some models have; explanations, analyses and exports use these.

`FusionModel.evolution`, `.layered_network`, `.truth_tables` and `.gate_circuit` return the model under its protocol,
or raise an error that names the kinds of models that have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from torch import Tensor

from qfusion.models.backgrounds import Background
from qfusion.models.encoding.input_features import Features
from qfusion.models.jump.ket_algebra import KetAlgebra
from qfusion.models.network.mass_algebra import MassAlgebra
from qfusion.models.network.qcnn import QCNN
from qfusion.models.tweak import Tweak
from qfusion.quantum import decomposition, lindblad, statevector

TRAINED = "trained"  # role of a gate whose angles are trained


class Evolution(Protocol):
    """A model with the ability "time": a product of kets evolves under a Lindblad generator, hbar = 1.

    The joint state obeys d rho / dt = generator(rho) for a duration T; y_c = Tr[O_c(T) rho_0] + b_c.

    Attributes:
        modalities, outputs: names, M and C of them.
        dims: dimension of every modality's state; D is their product.
        duration, learned_duration: T with and without the model's tweak, in units of 1 / energy.
        tweak: changes to what was learned; None where there are none.
        still: whether the evolution is the identity.
        jump_count: number of jump operators over all terms of the generator.
        subsystems: the modalities of every term of the generator.
        W: weights of the probabilities of measurement vectors in the scores, (C, all vectors).
    """

    @property
    def modalities(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...
    @property
    def dims(self) -> tuple[int, ...]: ...
    @property
    def bias(self) -> Tensor: ...
    @property
    def algebra(self) -> KetAlgebra: ...
    @property
    def W(self) -> Tensor: ...
    @property
    def duration(self) -> float: ...
    @property
    def learned_duration(self) -> float: ...
    @property
    def tweak(self) -> Tweak | None: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def still(self) -> bool: ...
    @property
    def jump_count(self) -> int: ...
    @property
    def subsystems(self) -> list[decomposition.Subset]: ...

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Return the kets of every modality, (B, d_m) complex, by name."""

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Return |psi_1 x ... x psi_M>, (B, D)."""

    def generator(self) -> lindblad.Generator:
        """Return the generator with the model's Hamiltonian and jump operators, differentiable."""

    def system(self) -> lindblad.System:
        """Return the physics in the form that no gauge of the learned operators changes, detached."""

    def readout(self) -> Tensor:
        """Return O_c before evolution, (C, D, D)."""

    def weighted_readout(self, weights: Tensor) -> Tensor:
        """Return sum_j weights_cj |v_j><v_j| x 1, (C, D, D), for weights (C, all measurement vectors)."""

    def measurement_vectors(self) -> dict[decomposition.Subset, Tensor]:
        """Return the unit vectors (J, d) of each state that is read, by its modalities."""

    def observables(self, times: Sequence[float] | None = None) -> Tensor:
        """Return O_c(T), (C, D, D), or O_c(t) at the given times, (nT, C, D, D)."""

    def evolve_states(self, rho: Tensor, times: Sequence[float]) -> Tensor:
        """Return rho(t), (nT, ..., D, D), of operators (..., D, D)."""

    def tweaked(self, tweak: Tweak | str) -> Self:
        """Return a model that shares this one's weights with a tweak."""

    def untweaked(self) -> Self:
        """Return a model that shares this one's weights, as learned."""

    def term_subsets(
        self,
    ) -> tuple[tuple[decomposition.Subset, ...], tuple[decomposition.Subset, ...]]:
        """Return the couplings H_S and the dissipation that the model has, by subset of its modalities."""

    def mean_state(self, background: Background) -> Tensor:
        """Return the mean state of a background of this model, (D, D) complex128."""


class LayeredNetwork(Protocol):
    """Protocol of a model with the ability "layers": a network of layers, each of which can be the last."""

    @property
    def modalities(self) -> tuple[str, ...]: ...
    @property
    def bias(self) -> Tensor: ...

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Return the encodings of every modality, by name."""

    def layer_names(self) -> tuple[str, ...]:
        """Return the names of the places where the network can be read out, T of them."""

    def layer_observables(self) -> Tensor:
        """Return the observables of the read-out at each of these places, (T, C, ...).

        Raises:
            InvalidInput: when the model cannot be read out between its layers.
        """


class TruthTables(Protocol):
    """A model with the ability "rules": elements fuse by truth tables, and their qubits pass a network.

    Attributes:
        modalities, outputs: names, M and C of them.
        elements: number n of fused qubits.
        elements_are_classes: whether element i supports class i.
        phi: angles of the tables, (n, stages, patterns).
        network: the quantum convolutional network on the fused qubits.
    """

    @property
    def modalities(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...
    @property
    def bias(self) -> Tensor: ...
    @property
    def algebra(self) -> MassAlgebra: ...
    @property
    def elements(self) -> int: ...
    @property
    def elements_are_classes(self) -> bool: ...
    @property
    def phi(self) -> Tensor: ...
    @property
    def network(self) -> QCNN: ...

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Return the masses of every modality, (B, n), by name."""

    def angles(self, inputs: Mapping[str, Features]) -> dict[str, Tensor]:
        """Return the angles theta_mi of every modality's qubits, (B, n) radians."""

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (B, n, 3), and the mass after each stage of fusion, (B, n, stages)."""

    def read(self, vectors: Tensor) -> Tensor:
        """Return the scores without bias of fused qubits, (B, n, 3) -> (B, C)."""

    def observables(self) -> Tensor:
        """Return the effective observables of the fused qubits, (C, 3, ..., 3)."""

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores of given masses, (B, C)."""

    def with_angles(self, phi: Tensor) -> Self:
        """Return a model that shares this one's weights with other truth tables."""

    def tweaked(self, tweak: str) -> Self:
        """Return a model that shares this one's weights with edited tables or angles of the network."""


class GateCircuit(Protocol):
    """A model with the ability "gates": a circuit of unitary gates on |0...0> for each sample."""

    @property
    def modalities(self) -> tuple[str, ...]: ...

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Return the encodings of every modality, by name."""

    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, from its encodings (one row each)."""

    def elementary(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the same circuit, up to its global phase, of preparations and gates on at most two qubits."""

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return numbers on the circuit of one sample, for the sentence in `wording.circuit_remarks`."""

    def gate_roles(self) -> tuple[str, ...]:
        """Return the role of every gate of a circuit of a user's own: `TRAINED`, the modalities that it encodes, joined
        by "+", or empty for a fixed one. Other models have none: their gates are described by their names.
        """

    def gate_layers(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return the layers of a circuit of a user's own: their names, and the places of their gates from 0."""
