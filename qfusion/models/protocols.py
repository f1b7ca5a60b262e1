"""Protocols of models, and what the part that a protocol stands for is called.

A model lists the protocols of its parts in `FusionModel.parts`, and is shown wherever they suffice. `FusionModel.part`
returns the model under one of them, or None; `FusionModel.require` raises an error that names the kinds of models that
have it.

Parts of models, such as an evolution in time: what they are called, and which kinds of models have them.

Pages, reports and commands ask a model for a part, `FusionModel.part`, to decide what they show. Code that cannot do
without one calls `FusionModel.require`, which names what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from torch import Tensor

from qfusion._lazy import load
from qfusion.errors import InvalidInput
from qfusion.models.inputs import Background, Features
from qfusion.models.network.qcnn import QCNN
from qfusion.models.terms import FlipSearch, Terms
from qfusion.models.tweak import CircuitChange, Tweak
from qfusion.quantum import decomposition, lindblad, statevector

TRAINED = "trained"  # role of a gate whose angles are trained


class ScoringModel(Protocol):
    """A model that encodes every modality, and scores the encodings; every `FusionModel` is one.

    Attributes:
        kind: name in the registry.
        modalities, outputs: names, M and C of them.
        bias: of the scores, (C,).
    """

    @property
    def kind(self) -> str: ...
    @property
    def modalities(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...
    @property
    def bias(self) -> Tensor: ...

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Return the encodings of every modality, by name."""

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of encodings."""


class StateModel(ScoringModel, Protocol):
    """A model whose scores are linear in the state of every modality. States are kets (B, d_m) complex or masses (B,
    n), and the scores are expectations of observables.
    """

    def observables(self) -> Tensor:
        """Return the observables whose expectations are the scores. For kets they have shape (C, D, D); for masses
        see the model.
        """

    def scores(self, states: Mapping[str, Any], observables: Tensor | None = None) -> Tensor:
        """Return the scores (B, C) of states; `observables` of this model need not be computed again."""

    def direct_scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of states by another way than `observables`: the reference."""


class KetStates(StateModel, Protocol):
    """A model whose modality states are kets, and whose observables are Hermitian matrices on their product.

    Attributes:
        dims: dimension d_m of every modality's state; D is their product.
    """

    @property
    def dims(self) -> tuple[int, ...]: ...

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Return |psi_1 x ... x psi_M>, (B, D)."""


class MassStates(StateModel, Protocol):
    """A model whose modality states are masses, from 0 to 1, for each of n elements.

    Attributes:
        elements: number n.
        phi: angles of the tables that fuse the masses, (n, stages, patterns).
    """

    @property
    def elements(self) -> int: ...
    @property
    def phi(self) -> Tensor: ...


class Evolution(KetStates, Protocol):
    """A model whose states evolve in time: a product of kets under a Lindblad generator, hbar = 1. It can be read out
    earlier.

    The joint state obeys d rho / dt = generator(rho) for a duration T; y_c = Tr[O_c(T) rho_0] + b_c.

    Attributes:
        duration, learned_duration: T with and without the model's tweak, in units of 1 / energy.
        tweak: changes to what was learned; None where there are none.
        has_evolution: whether anything evolves.
        jump_count: number of jump operators over all terms of the generator.
        subsystems: the modalities of every term of the generator.
        W: weights of the probabilities of measurement vectors in the scores, (C, all vectors).
    """

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
    def has_evolution(self) -> bool: ...
    @property
    def jump_count(self) -> int: ...
    @property
    def subsystems(self) -> list[decomposition.Subset]: ...

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

    def with_method(self, method: str) -> Self:
        """Return a model that shares this one's weights and computes scores by one of `time_model.METHODS`."""

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


class LayeredNetwork(ScoringModel, Protocol):
    """A model that is a network of layers, each of which can be the last."""

    def layer_names(self) -> tuple[str, ...]:
        """Return the names of the places where the network can be read out, T of them."""

    def layer_observables(self) -> Tensor:
        """Return the observables of the read-out at each of these places, (T, C, ...).

        Raises:
            InvalidInput: when the model cannot be read out between its layers.
        """


class TruthTables(MassStates, Protocol):
    """A model whose elements fuse by truth tables that can be read and edited, and whose qubits pass a network.

    Attributes:
        elements_are_classes: whether element i supports class i.
        network: the quantum convolutional network on the fused qubits.
    """

    @property
    def elements_are_classes(self) -> bool: ...
    @property
    def network(self) -> QCNN: ...

    def angles(self, inputs: Mapping[str, Features]) -> dict[str, Tensor]:
        """Return the angles theta_mi of every modality's qubits, (B, n) radians."""

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (B, n, 3), and the mass after each stage of fusion, (B, n, stages)."""

    def read(self, vectors: Tensor) -> Tensor:
        """Return the scores without bias of fused qubits, (B, n, 3) -> (B, C)."""

    def with_angles(self, phi: Tensor) -> Self:
        """Return a model that shares this one's weights with other truth tables."""

    def tweaked(self, tweak: str) -> Self:
        """Return a model that shares this one's weights with edited tables or angles of the network."""


class Circuit(ScoringModel, Protocol):
    """A model that can be drawn as gates with a sample in it: a step of its evolution, a fusion by truth tables, or
    unitary gates alone."""


class GateCircuit(Circuit, Protocol):
    """A model that is a circuit of unitary gates on |0...0> for each sample."""

    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, from its encodings (one row each)."""

    def elementary(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the same circuit, up to its global phase, of preparations and gates on at most two qubits."""

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return numbers on the circuit of one sample, for the sentence in `models.kind_texts`."""

    def gate_roles(self) -> tuple[str, ...]:
        """Return the role of every gate of a circuit of a user's own: `TRAINED`, the modalities that it encodes, joined
        by "+", or empty for a fixed one. Other models have none: their gates are described by their names.
        """

    def gate_layers(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return the layers of a circuit of a user's own: their names, and the places of their gates from 0."""


@dataclass(frozen=True)
class CircuitFacts:
    """What is known of a circuit besides its gates.

    Attributes:
        library: that it was written in, such as "PennyLane".
        angles: number of its trainable angles.
        calls: circuits that run for one sample; the one of `chosen` is shown, from 0.
        chosen: see `calls`.
        guessed: whether the modalities of its qubits were guessed.
        remarks: sentences on what the gates do not show.
    """

    library: str
    angles: int = 0
    calls: int = 1
    chosen: int = 0
    guessed: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CircuitOutput:
    """What a circuit gives to the classical part of a model behind it, for some rows of features.

    Attributes:
        numbers: all results of the circuit, expectation values or probabilities, (Q,).
        form: how they are arranged in its calls, as values that JSON can hold.
        columns: that the model makes of them, (B, K).
    """

    numbers: Tensor
    form: Any
    columns: Tensor


class CircuitSource(Protocol):
    """Where the circuit of a sample comes from.

    Attributes:
        facts: on the circuit, the same for every sample.
        roles, layers: see `GateCircuit.gate_roles` and `.gate_layers`.
    """

    @property
    def facts(self) -> CircuitFacts: ...
    @property
    def roles(self) -> tuple[str, ...]: ...
    @property
    def layers(self) -> tuple[tuple[str, tuple[int, ...]], ...]: ...

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""

    def gates(self, features: Mapping[str, Any], change: CircuitChange) -> list[statevector.Gate]:
        """Return the gates that act on |0...0> for one row of features, with edited angles."""

    def trainable(self) -> dict[int, tuple[str, ...]]:
        """Return the names of the trainable angles of each gate that has any, by its place from 0."""

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""

    def read(self, features: Mapping[str, Any], change: CircuitChange) -> CircuitOutput:
        """Return what the changed circuit gives, and the columns of the model."""

    def finish(self, features: Mapping[str, Any], numbers: Tensor, form: Any) -> Tensor:
        """Return the columns (B, K) of the model whose circuit gives these numbers (Q,); it is not run.

        Args:
            features: those of the reading. numbers, form: see `CircuitOutput`.
        """

    def angle_frequencies(self, gate: int, name: str) -> tuple[float, ...] | None:
        """Return the frequencies of expectation values in an angle of a gate, ascending; None where not known."""


class EditableCircuit(GateCircuit, Protocol):
    """A circuit of a user's own whose gates can be edited, left out and given noise.

    Attributes:
        source: where the circuit of a sample comes from.
        change: what is changed in it.
        holds: what the model's columns are, see `live_model.class_scores`.
        repeats: runs whose mean is taken, of a model that gives other scores for the same input.
    """

    @property
    def source(self) -> CircuitSource: ...
    @property
    def change(self) -> CircuitChange: ...
    @property
    def holds(self) -> str: ...
    @property
    def repeats(self) -> int: ...

    def with_change(self, change: CircuitChange) -> Self:
        """Return a model that shares this one's function with any change of its circuit."""


class Physics(Protocol):
    """A model of terms that can be weakened, removed or changed, see `models.terms`."""

    def entanglement_targets(self) -> tuple[str, ...]:
        """Return the names of entanglement measures that terms change, such as "entropy[text]"."""

    def terms(self, inputs: Mapping[str, Features], background: Background, output: int) -> Terms:
        """Return the terms with everything that slopes and knock-outs need.

        Args:
            inputs: features of B samples.
            background: of the same model.
            output: number of the score.
        """

    def nearest_changes(self, states: Mapping[str, Tensor], known: Any = None) -> FlipSearch:
        """Return, for every parameter, the smallest change that flips the decision on one sample, if there is one.

        Args:
            states: of the sample, one row each.
            known: numbers that do not depend on the sample, to use again; None computes them.
        """


PARTS: dict[type, str] = {
    StateModel: "states of its modalities that scores are linear in",
    KetStates: "modality states that are kets",
    MassStates: "masses of its modalities for elements",
    Evolution: "evolution in time",
    LayeredNetwork: "layers to be read out between",
    TruthTables: "fusion rules to read",
    Circuit: "circuit of gates",
    GateCircuit: "circuit of unitary gates alone",
    Physics: "terms of a physics to weaken or turn",
    EditableCircuit: "circuit of a user's own to change",
}


def missing_part(
    model: object, protocol: type, purpose: str = "", who: str = "Argument `model`"
) -> InvalidInput:
    """Return the error for a model that lacks a part. Its message names the kinds of models that have the part.

    Args:
        purpose: end of the first sentence, such as "that could build anything".
        who: beginning of the message.
    """
    kind = getattr(model, "kind", "") or type(model).__name__
    lacking = " ".join([PARTS[protocol], *([purpose] if purpose else [])])
    known = kinds(protocol)
    remedy = f"Choose {list_kinds(known)} model." if known else "Open one with `qfusion.open`."
    return InvalidInput(f"{who} is of kind {kind}, which has no {lacking}. {remedy}")


def kinds(protocol: type) -> list[str]:
    """Return the kinds of models that have a part."""
    registered = load("qfusion.models.registry").FUSION
    return [kind for kind, model in registered.items() if protocol in model.parts]


def list_kinds(names: list[str]) -> str:
    """Return kinds of models with their article: "a quantum-jump or state-linear"."""
    return f"{'an' if names[0][0] in 'aeiou' else 'a'} {' or '.join(names)}"
