"""One sample replayed through a circuit gate by gate: Bloch vectors, entropies, states before and after each gate.

`replay_gates` computes the full state vector of a circuit of unitary gates. `replay_fusion` replays an entangled-fusion
circuit, where no gate needs more than the state of its own qubits, or of the two qubits of its step in the network. So
modality qubits are replayed without the state of all qubits, whose number would forbid it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, combinations, islice, pairwise
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn
from qfusion.models.network.truth_tables import fuse
from qfusion.quantum import circuits, decomposition, measures, states, statevector
from qfusion.simulate.fusion_gates import FusionGate, G, lay_out_gates

LARGEST = 4  # qubits of a gate whose joint state is kept


@dataclass(frozen=True)
class Moment:
    """Effect of one gate.

    Attributes:
        wires: the qubits that `before` and `after` are states of, first most significant: those of the gate; in the
            network both qubits of its step. None for a gate on more than LARGEST qubits.
        before, after: density matrices (d, d).
        mutual: mutual information in nats between the last of these qubits and the others, before and after; zero for
            one qubit.
    """

    wires: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    mutual: tuple[float, float]


@dataclass(frozen=True)
class Replay(Generic[G]):
    """The whole replay; G gates, Q qubits.

    Attributes:
        gates: as of `fusion_gates`, or of a `CircuitModel`.
        wires: all qubits, in its order.
        bloch: (<X>, <Y>, <Z>) of every qubit before the first and after every gate, (G + 1, Q, 3).
        entropy: of every qubit, nats, (G + 1, Q).
        moments: one for each gate.
    """

    gates: tuple[G, ...]
    wires: tuple[str, ...]
    bloch: np.ndarray
    entropy: np.ndarray
    moments: tuple[Moment, ...]


@torch.no_grad()
def replay_fusion(
    model: EntangledQCNN, theta: Mapping[str, Tensor], count: int | None = None
) -> Replay[FusionGate]:
    """Return the replay of one sample.

    Args:
        model: whose circuit it is.
        theta: the sample's angles per modality, (n,) radians each.
        count: of the gates that are done; all by default.

    Raises:
        InvalidInput: when a modality is missing, or its angles have another number or are not finite.
    """
    values, fused, wires, gates = lay_out_gates(model, theta)
    changes = (
        (on, before, after, [wires.index(wire) for wire in on], bloch_vectors(after))
        for on, before, after in chain(
            _fusion_changes(gates, values), _network_changes(model, gates, values, fused)
        )
    )
    return _replay(gates, wires, islice(changes, count))


def bloch_vectors(rho: Tensor) -> np.ndarray:
    """Return the Bloch vectors of the qubits of a state (2^k, 2^k), (k, 3)."""
    count = len(rho).bit_length() - 1
    alone = torch.stack([states.partial_trace(rho, (2,) * count, (k,)) for k in range(count)])
    return torch.einsum("aij,kji->ka", decomposition.PAULIS[1:], alone).real.numpy()


def _replay(
    gates: tuple[G, ...],
    wires: tuple[str, ...],
    changes: Iterable[tuple[tuple[str, ...], Tensor, Tensor, list[int], np.ndarray]],
) -> Replay[G]:
    """The replay of gates.

    Args:
        changes: of each gate the qubits and their states before and after it, and the places of the qubits that it
            changes with their Bloch vectors after it, (k, 3); all others stay as they are.
    """
    bloch, moments = [np.tile([0.0, 0.0, 1.0], (len(wires), 1))], []
    for on, before, after, places, vectors in changes:
        bloch.append(bloch[-1].copy())
        bloch[-1][places] = vectors
        moments.append(Moment(on, before.numpy(), after.numpy(), (_mutual(before), _mutual(after))))
    along = np.stack(bloch)
    return Replay(gates, wires, along, measures.qubit_entropy(along), tuple(moments))


def qubit_names(registers: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the qubits of registers, of so many qubits each: `name[i]`.

    Example:
        >>> from qfusion.simulate.gate_replay import qubit_names
        >>> qubit_names({"text": 2, "audio": 1})
        ('text[0]', 'text[1]', 'audio[0]')
    """
    return tuple(f"{name}[{i}]" for name, size in registers.items() for i in range(size))


@torch.no_grad()
def replay_gates(
    gates: Sequence[statevector.Gate], registers: Mapping[str, int]
) -> Replay[statevector.Gate]:
    """Return the replay of gates on |0...0>, by exact state vector; its wires are `name[i]`, of each register.

    Args:
        gates: in their order. registers: name and number of qubits of each register, in the order of the qubits.

    Raises:
        InvalidInput: when a gate acts on a qubit that is in no register.
    """
    wires = qubit_names(registers)
    _require_held(gates, len(wires))
    shown = [gate.wires if len(gate.wires) <= LARGEST else () for gate in gates]
    changes = (
        (
            tuple(wires[q] for q in on),
            _qubit_state(before, on),
            _qubit_state(after, on),
            list(gate.wires),
            statevector.bloch_vectors(after[None], gate.wires)[0].numpy(),
        )
        for gate, on, (before, after) in zip(
            gates, shown, pairwise(statevector.apply_circuit(gates, len(wires))), strict=True
        )
    )
    return _replay(tuple(gates), wires, changes)


def _require_held(gates: Sequence[statevector.Gate], n: int) -> None:
    highest = max((q for gate in gates for q in gate.wires), default=-1)
    check(
        highest < n,
        f"Argument `registers` must hold every qubit of the gates, but holds {n} and a gate acts on "
        f"qubit {highest}, the first being 0. Give the registers of the same model.",
    )


def _qubit_state(psi: Tensor, qubits: Sequence[int]) -> Tensor:
    """The density matrix (2^k, 2^k) of k qubits of a state, in their order."""
    A = states.apart(psi, (2,) * (psi.shape[-1].bit_length() - 1), qubits)
    return A @ A.mH


@torch.no_grad()
def register_information(
    gates: Sequence[statevector.Gate], registers: Mapping[str, int]
) -> dict[tuple[str, ...], np.ndarray]:
    """Return the mutual information of every two registers, (G + 1,) nats by their names, before the first and after
    each of G gates on |0...0>; of more than two registers also the total correlation, by the names of all.

    Args and errors as of `replay_gates`.
    """
    names = tuple(registers)
    dims = tuple(2**size for size in registers.values())
    _require_held(gates, sum(registers.values()))
    owner = [m for m, size in enumerate(registers.values()) for _ in range(size)]
    pairs = list(combinations(range(len(dims)), 2))
    rows = [[0.0] * (len(pairs) + 1)]
    for gate, psi in zip(
        gates, islice(statevector.apply_circuit(gates, len(owner)), 1, None), strict=True
    ):
        rows.append(rows[-1])  # a unitary inside a register changes none of this
        if len({owner[q] for q in gate.wires}) > 1:
            S = [float(measures.entanglement_entropy(psi, dims, m)) for m in range(len(dims))]
            shared = [
                S[a] + S[b] - float(measures.entanglement_entropy(psi, dims, (a, b)))
                for a, b in pairs
            ]
            rows[-1] = [max(0.0, part) for part in (*shared, sum(S))]
    groups = [(names[a], names[b]) for a, b in pairs] + [names] * (len(names) > 2)
    return dict(zip(groups, np.array(rows).T, strict=False))


@torch.no_grad()
def register_entropies(
    gates: Sequence[statevector.Gate], registers: Mapping[str, int]
) -> dict[str, float]:
    """Return the von Neumann entropy of every register at the end of gates on |0...0>, in nats.

    Args and errors as of `replay_gates`.
    """
    _require_held(gates, sum(registers.values()))
    *_, psi = statevector.apply_circuit(gates, sum(registers.values()))
    dims = tuple(2**size for size in registers.values())
    return {
        name: float(measures.entanglement_entropy(psi, dims, m)) for m, name in enumerate(registers)
    }


Change = tuple[tuple[str, ...], Tensor, Tensor]


def _fusion_changes(
    gates: tuple[FusionGate, ...], values: Mapping[str, Tensor]
) -> Iterator[Change]:
    """Qubits that control a gate are independent of each other, so their own states are enough."""
    alone: dict[str, Tensor] = {}
    zero = torch.diag(torch.tensor([1, 0], dtype=torch.complex128))
    for gate in (gate for gate in gates if gate.kind in ("encode", "fuse")):
        ((name, index),) = gate.takes
        angles = values[name][index].reshape(-1)
        before = reduce(torch.kron, [alone.get(wire, zero) for wire in gate.wires])
        U = torch.block_diag(*(circuits.rotation("RY", angle[None]) for angle in angles))
        after = U @ before @ U.mH
        for k, wire in enumerate(gate.wires):
            alone[wire] = states.partial_trace(after, (2,) * len(gate.wires), (k,))
        yield gate.wires, before, after


def _network_changes(
    model: EntangledQCNN,
    gates: tuple[FusionGate, ...],
    values: Mapping[str, Tensor],
    fused: Sequence[str],
) -> Iterator[Change]:
    n, steps = model.elements, model.network.steps
    masses = torch.sin(values["theta"] / 2).square()
    rhos = qcnn.density_states(model.network, fuse(masses, values["phi"])[0])
    for index, step in enumerate(steps):
        pair = states.partial_trace(rhos[index], (2,) * n, step.wires)
        if step.wires[0] > step.wires[1]:  # the trace keeps the order of the qubits
            pair = circuits.swap_wires(pair)
        on = tuple(fused[q] for q in step.wires)
        for gate in (gate for gate in gates if gate.step == index):
            after = _apply_gate(gate, step, pair, values, on)
            yield on, pair, after
            pair = after


def _apply_gate(
    gate: FusionGate,
    step: qcnn.Step,
    pair: Tensor,
    values: Mapping[str, Tensor],
    on: tuple[str, ...],
) -> Tensor:
    if gate.gate == "measure":
        return pair * torch.kron(torch.eye(2), torch.ones(2, 2))
    angles = torch.tensor([values[name][at] for name, at in gate.takes], dtype=torch.float64)
    if step.kind == "conv":
        U = circuits.operation_matrix(
            gate.gate, angles, tuple(on.index(wire) for wire in gate.wires)
        )
    else:
        choices = [torch.eye(2, dtype=torch.complex128), circuits.rotation(gate.gate, angles)]
        U = torch.block_diag(*(choices if gate.outcome else choices[::-1]))
    return U @ pair @ U.mH


def _mutual(rho: Tensor) -> float:
    count = len(rho).bit_length() - 1
    if count < 2:
        return 0.0
    *others, last = range(count)
    return max(0.0, float(measures.mutual_information(rho, (2,) * count, others, (last,))))
