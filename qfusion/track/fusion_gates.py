"""The gates of an EntangledQCNN's circuit for one sample, as data: what they do, on which qubits, by which angles; and
the noise between them; and samples replayed through circuits gate by gate. No PennyLane.

Every modality m has a qubit `m[i]` for element i, and every element a fused qubit `fused[i]`; where fusion is chained
(more than three modalities), `fused[i,k]` are the fused qubits of the stages k before the last. Layers, elements and
stages count from 0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import combinations, islice, pairwise
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion.models import EntangledQCNN, qcnn
from qfusion.models.entangled_qcnn import fuse, stage_sizes
from qfusion.quantum import circuits, decomposition, states

STAGES = ("encode", "fuse", "convolve", "pool")
Reference = tuple[str, tuple[int, ...]]
G = TypeVar("G", bound=Any)


@dataclass(frozen=True)
class Box:
    """One box of a drawing.

    Attributes:
        kind: what sort of gate it is.
        label: short text for the box.
        wires: names of the qubits.
        values: numbers worth showing, by name.
        sentence: what it does.
        modalities: whose qubits it acts on.
        column: position along the circuit; boxes of one column share no wire.
    """

    kind: str
    label: str
    wires: tuple[str, ...]
    values: dict[str, float]
    sentence: str
    modalities: tuple[str, ...] = ()
    column: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, kw_only=True)
class FusionGate(Box):
    """One gate.

    Attributes:
        kind: of STAGES.
        wires: controls first; for a gate that an outcome chooses, the measured qubit and the one that is turned.
        values: its angles in radians, by name.
        modalities: empty in the network.
        gate: PennyLane's name, "measure", or "H" for the Hadamard gate.
        takes: where its angles stand: names of `parameters` and indices in them.
        element, layer, step: which element, network layer and step of `QCNN.steps` it belongs to; -1 for none.
        outcome: 0 or 1 for a gate that acts only when the measured qubit read that.
    """

    gate: str
    takes: tuple[Reference, ...] = ()
    element: int = -1
    layer: int = -1
    step: int = -1
    outcome: int | None = None


def parameters(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns all angles of the circuit in double precision: theta (n, M), phi, convolution, pooling.

    Args:
        model: whose circuit it is.
        theta: the sample's angles per modality, (n,) radians each, as of `model.angles`.

    Raises:
        InvalidInput: when a modality is missing, or its angles have another number or are not finite.
    """
    n = model.elements
    check(
        set(theta) == set(model.modalities),
        f"Argument `theta` must hold the angles of {list(model.modalities)}, but holds {list(theta)[:8]}. Use "
        "`model.angles` of one sample.",
    )
    for name in model.modalities:
        check(
            theta[name].shape == (n,),
            f"Argument `theta[{name}]` must have shape ({n},), but has shape {tuple(theta[name].shape)}. "
            "Give the angles of one sample.",
        )
        require_finite(f"theta[{name}]", theta[name].detach().numpy())
    angles = {
        "theta": torch.stack([theta[name] for name in model.modalities], -1),
        "phi": model.phi,
        "convolution": model.network.convolution,
        "pooling": model.network.pooling,
    }
    return {name: values.detach().double() for name, values in angles.items()}


def wires_of(
    model: EntangledQCNN,
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Returns for every element the names of its modality qubits, and of its fused qubits by stage, last one last: they
    are called "fused", unless a modality has that name."""
    alike = [len(name) for name in model.modalities if name.startswith("fused")]
    word, stages = "fused" + "_" * max(alike, default=0), len(stage_sizes(len(model.modalities)))
    first = tuple(tuple(f"{name}[{i}]" for name in model.modalities) for i in range(model.elements))
    fused = tuple(
        (*(f"{word}[{i},{k}]" for k in range(stages - 1)), f"{word}[{i}]")
        for i in range(model.elements)
    )
    return first, fused


def _fusion(model: EntangledQCNN, values: Mapping[str, Tensor]) -> Iterator[FusionGate]:
    first, fused = wires_of(model)
    masses = torch.sin(values["theta"] / 2).square()
    after = fuse(masses, values["phi"])[1]
    chained = len(stage_sizes(len(model.modalities))) > 1
    for i in range(model.elements):
        what = f"'{model.outputs[i]}'" if model.elements_are_classes else f"element {i}"
        for m, name in enumerate(model.modalities):
            yield FusionGate(
                "encode",
                "RY",
                (first[i][m],),
                {"theta": float(values["theta"][i, m])},
                f"Turns the qubit of {name}: it gives {what} the mass {masses[i, m]:.3f}.",
                (name,),
                gate="RY",
                takes=(("theta", (i, m)),),
                element=i,
            )
        for k in range(len(fused[i])):
            controls = (
                (fused[i][k - 1], first[i][k + 1]) if k else first[i][: 2 if chained else None]
            )
            names = model.modalities[: k + 2] if chained else model.modalities
            table = {
                format(b, f"0{len(controls)}b"): angle
                for b, angle in enumerate(values["phi"][i, k].tolist())
            }
            yield FusionGate(
                "fuse",
                "RY(b)",
                (*controls, fused[i][k]),
                table,
                f"Turns the fused qubit of {what} by the angle that the table names for what the "
                f"{len(controls)} qubits above it read; its mass becomes {after[i, k]:.3f}.",
                tuple(names),
                gate="SelectPauliRot",
                takes=(("phi", (i, k)),),
                element=i,
            )


def _network(model: EntangledQCNN, values: Mapping[str, Tensor]) -> Iterator[FusionGate]:
    wires, network = [stages[-1] for stages in wires_of(model)[1]], model.network
    for index, step in enumerate(network.steps):
        a, b = (wires[q] for q in step.wires)
        where: dict[str, Any] = {"layer": step.layer, "step": index}
        if step.kind == "conv":
            for gate, taken, on in circuits.BLOCKS[network.block].operations:
                takes = tuple(("convolution", (step.layer, k)) for k in taken)
                touched = tuple((a, b)[w] for w in on)
                acts = (
                    f"Acts on {touched[1]} where {touched[0]} is 1"
                    if len(touched) > 1
                    else f"Turns {touched[0]}"
                )
                yield FusionGate(
                    "convolve",
                    gate,
                    touched,
                    _named(gate, takes, values),
                    f"{acts}: part of block {network.block} on {a} and {b}, which layer {step.layer} shares.",
                    gate=gate,
                    takes=takes,
                    **where,
                )
        else:
            yield FusionGate(
                "pool",
                "measure",
                (a,),
                {},
                f"Measures {a}; the head reads the outcome, and so does {b}.",
                gate="measure",
                **where,
            )
            for outcome in (0, 1):
                takes = tuple(("pooling", (step.layer, 3 * outcome + k)) for k in range(3))
                yield FusionGate(
                    "pool",
                    f"U3 if {outcome}",
                    (a, b),
                    _named("U3", takes, values),
                    f"Turns {b} if {a} read {outcome}.",
                    gate="U3",
                    takes=takes,
                    outcome=outcome,
                    **where,
                )


def _named(gate: str, takes: Sequence[Reference], values: Mapping[str, Tensor]) -> dict[str, float]:
    names = ("theta", "phi", "delta") if gate == "U3" else ("angle",)
    return {name: float(values[of][index]) for name, (of, index) in zip(names, takes, strict=False)}


def in_columns(gates: Sequence[G], wires: Iterable[str]) -> tuple[G, ...]:
    """Returns the gates moved as far left as the wires that they span in a drawing are free."""
    rows = {wire: row for row, wire in enumerate(dict.fromkeys(wires))}
    free, placed = [0] * len(rows), []
    for gate in gates:
        touched = [rows[wire] for wire in gate.wires]
        low, high = min(touched), max(touched) + 1
        column = max(free[low:high])
        free[low:high] = [column + 1] * (high - low)
        placed.append(replace(gate, column=column))
    return tuple(placed)


def laid_out(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...], tuple[FusionGate, ...]]:
    """Returns a sample's angles, the last fused qubit of every element, all wires by element, and the gates in columns.

    Args and errors as for `parameters`.
    """
    values = parameters(model, theta)
    first, fused = wires_of(model)
    wires = tuple(wire for i in range(model.elements) for wire in (*first[i], *fused[i]))
    gates = in_columns([*_fusion(model, values), *_network(model, values)], wires)
    return values, tuple(stages[-1] for stages in fused), wires, gates


def width(model: EntangledQCNN) -> int:
    """Returns the number of qubits of the whole circuit; n (2 M - 1) when chained, else n (M + 1)."""
    return sum(len(names) for part in wires_of(model) for names in part)


def outcome_scores(model: EntangledQCNN) -> Tensor:
    """Returns the scores that the head gives each joint outcome of fused qubits, (2^n, C): scores are their mean."""
    certain = torch.eye(2**model.elements, dtype=torch.float64)
    return (qcnn.outcome_scores(model.network, certain) + model.bias.double()).detach()


# Noise of the entangled-fusion circuit: what it does to the effective observables, and where it acts.
#
# Three channels, each with a strength from 0 (none) to 1:
#
#     depolarising s:  rho -> (1 - s) rho + s 1/2
#     damping g:       |1> decays to |0> with probability g (amplitude damping)
#     readout r:       the bit is flipped with probability r / 2 before a qubit is measured, so that at 1 the outcome is
#                      a coin toss
#
# Depolarising, then damping, act on every qubit after each operation on several qubits: on the fused qubit after its
# fusion gate, on both qubits after a convolution block, and on the qubit that stays after pooling. (The modality qubits
# are left out after fusion, and the measured qubit is a classical record after pooling.) Read-out
# noise acts before every measurement, of pooling and at the end.


@dataclass(frozen=True)
class Noise:
    """Strengths, each in [0, 1]; see the module.

    Raises:
        InvalidInput: when one is out of range or not a number.
    """

    depolarising: float = 0.0
    damping: float = 0.0
    readout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("depolarising", "damping", "readout"):
            object.__setattr__(self, name, require_number(name, getattr(self, name), 0, 1))

    def __bool__(self) -> bool:
        return any((self.depolarising, self.damping, self.readout))

    @property
    def flip(self) -> float:
        """Probability that a read-out is wrong."""
        return self.readout / 2

    def gate(self) -> Tensor:
        """Returns the Kraus operators of depolarising and then damping on one qubit, (8, 2, 2) complex128."""
        s, g = self.depolarising, self.damping
        weights = torch.tensor([1 - 0.75 * s, s / 4, s / 4, s / 4], dtype=torch.float64).sqrt()
        decay = torch.tensor(
            [[[1, 0], [0, (1 - g) ** 0.5]], [[0, g**0.5], [0, 0]]], dtype=torch.complex128
        )
        return (decay[:, None] @ (weights[:, None, None] * decomposition.PAULIS)).flatten(0, 1)

    def wrong(self) -> Tensor:
        """Returns the Kraus operators of the flip before a measurement, (2, 2, 2) complex128."""
        p = torch.tensor([1 - self.flip, self.flip], dtype=torch.float64)
        return p.sqrt()[:, None, None] * decomposition.PAULIS[:2]


def channel(model: EntangledQCNN, noise: Noise) -> qcnn.Channel:
    """Returns what follows every step of the network, for `QCNN.observables` and `density.states`: Kraus operators (K,
    4, 4).

    The flip before a measurement follows the last step in which the qubit takes part before it.
    """
    if not noise:
        return lambda _: None
    last = {
        q: step
        for step in model.network.steps
        for q in (step.wires if step.kind == "conv" else step.wires[1:])
    }
    still, noisy = torch.eye(2, dtype=torch.complex128)[None], _fewest(noise.gate())
    read = _fewest((noise.wrong()[:, None] @ noise.gate()).flatten(0, 1))

    def after(step: qcnn.Step) -> Tensor:
        left, right = (read if last[q] is step else noisy for q in step.wires)
        left = still if step.kind == "pool" else left
        kraus = torch.einsum("aij,bkl->abikjl", left, right).reshape(-1, 4, 4)
        return kraus.to(model.network.head.dtype.to_complex())

    return after


def _fewest(kraus: Tensor) -> Tensor:
    """Returns at most four Kraus operators of the same channel on one qubit: eigenvectors of its Choi matrix."""
    flat = kraus.flatten(1)
    weights, vectors = torch.linalg.eigh(flat.mT @ flat.conj())
    matches = weights > 1e-15
    return (vectors[:, matches] * weights[matches].sqrt()).mT.conj().reshape(-1, 2, 2)


class NoisyQCNN(EntangledQCNN):
    """A model whose scores are those of its noisy circuit; made by `noisy`."""

    noise: Noise

    def observables(self) -> Tensor:
        """Returns the effective observables of the fused qubits before their own noise, (C, 3, ..., 3), words in {I, X,
        Z}."""
        O = self.network.observables(channel=channel(self, self.noise))
        return qcnn.on_each_leg(O, _on_vectors(self.noise).to(O))

    def read(self, vectors: Tensor) -> Tensor:
        """Returns the scores without bias of fused qubits, (B, n, 3) -> (B, C)."""
        return qcnn.evaluate(self.observables(), vectors)

    def direct_scores(self, masses: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores by evolving density matrices gate by gate, (B, C): the reference path, for small n."""
        rho = qcnn.density_states(
            self.network, noisy_vectors(self.fuse(masses)[0], self.noise), channel(self, self.noise)
        )[-1]
        return qcnn.density_scores(self.network, rho) + self.bias


def noisy(model: EntangledQCNN, noise: Noise) -> EntangledQCNN:
    """Returns a model that shares this one's weights and answers as its noisy circuit does, exactly; `explain` takes it
    as any other.

    Noise on the fused qubits and in the network is part of the observables. Where fusion is chained, noise on a fused
    qubit that controls the next one turns its mass p into a p + c, as do other angles of its table.
    """
    if not noise:
        return model
    phi = model.phi.detach().clone()
    z = _on_vectors(noise)[2]
    bloch = z[0] + z[2] * torch.cos(phi[:, :-1].double())
    phi[:, :-1] = torch.acos(bloch.clamp(-1, 1)).to(phi)
    other = NoisyQCNN.__new__(NoisyQCNN)
    other.__dict__.update(model.with_angles(phi).__dict__)
    other.noise = noise
    return other


def noisy_vectors(vectors: Tensor, noise: Noise) -> Tensor:
    """Returns fused qubits' vectors (1, <X>, <Z>), (..., 3), after the noise that follows their fusion gate."""
    return vectors @ _on_vectors(noise).to(vectors).mT


def _on_vectors(noise: Noise) -> Tensor:
    return decomposition.transfer_matrix(noise.gate())[qcnn.IXZ][:, qcnn.IXZ]


# Replays one sample through a circuit gate by gate: Bloch vectors, entropies, states before and after each gate.
#
# `of_gates` follows the whole state of a circuit of unitary gates, `progress` an entangled-fusion circuit. There no
# gate needs more than the state of the qubits it acts on, or of the two qubits of its step in the network: others are
# not touched. So modality qubits are followed without the state of all qubits, whose number would forbid it.


LARGEST = 4  # qubits of a gate whose joint state is kept


@dataclass(frozen=True)
class Moment:
    """What one gate does.

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
class Progress(Generic[G]):
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
def progress(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> Progress[FusionGate]:
    """Returns the replay of one sample.

    Args:
        model: whose circuit it is.
        theta: the sample's angles per modality, (n,) radians each.

    Raises:
        InvalidInput: when a modality is missing, or its angles have another number or are not finite.
    """
    values, fused, wires, gates = laid_out(model, theta)
    changes = (
        (on, before, after, [wires.index(wire) for wire in on], vectors_of(after))
        for on, before, after in (
            *_fusion_changes(gates, values),
            *_network_changes(model, gates, values, fused),
        )
    )
    return _replayed(gates, wires, changes)


def vectors_of(rho: Tensor) -> np.ndarray:
    """Returns the Bloch vectors of the qubits of a state (2^k, 2^k), (k, 3)."""
    count = len(rho).bit_length() - 1
    alone = torch.stack([states.partial_trace(rho, (2,) * count, (k,)) for k in range(count)])
    return torch.einsum("aij,kji->ka", decomposition.PAULIS[1:], alone).real.numpy()


def _replayed(
    gates: tuple[G, ...],
    wires: tuple[str, ...],
    changes: Iterable[tuple[tuple[str, ...], Tensor, Tensor, list[int], np.ndarray]],
) -> Progress[G]:
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
    return Progress(gates, wires, along, states.qubit_entropy(along), tuple(moments))


def qubits_of(registers: Mapping[str, int]) -> tuple[str, ...]:
    """Returns the names of the qubits of registers, of so many qubits each: `name[i]`."""
    return tuple(f"{name}[{i}]" for name, size in registers.items() for i in range(size))


@torch.no_grad()
def of_gates(
    gates: Sequence[circuits.Gate], registers: Mapping[str, int]
) -> Progress[circuits.Gate]:
    """Returns the replay of gates on |0...0>, by exact state vector; its wires are `name[i]`, of each register.

    Args:
        gates: in their order. registers: name and number of qubits of each register, in the order of the qubits.

    Raises:
        InvalidInput: when a gate acts on a qubit that is in no register.
    """
    wires = qubits_of(registers)
    _require_held(gates, len(wires))
    shown = [gate.wires if len(gate.wires) <= LARGEST else () for gate in gates]
    changes = (
        (
            tuple(wires[q] for q in on),
            _of_qubits(before, on),
            _of_qubits(after, on),
            list(gate.wires),
            circuits.bloch_vectors(after[None], gate.wires)[0].numpy(),
        )
        for gate, on, (before, after) in zip(
            gates, shown, pairwise(circuits.walk(gates, len(wires))), strict=True
        )
    )
    return _replayed(tuple(gates), wires, changes)


def _require_held(gates: Sequence[circuits.Gate], n: int) -> None:
    highest = max((q for gate in gates for q in gate.wires), default=-1)
    check(
        highest < n,
        f"Argument `registers` must hold every qubit of the gates, but holds {n} and a gate acts on "
        f"qubit {highest}, the first being 0. Give the registers of the same model.",
    )


def _of_qubits(psi: Tensor, qubits: Sequence[int]) -> Tensor:
    """The density matrix (2^k, 2^k) of k qubits of a state, in their order."""
    A = states.apart(psi, (2,) * (psi.shape[-1].bit_length() - 1), qubits)
    return A @ A.mH


@torch.no_grad()
def information(
    gates: Sequence[circuits.Gate], registers: Mapping[str, int]
) -> dict[tuple[str, ...], np.ndarray]:
    """Returns the mutual information of every two registers, (G + 1,) nats by their names, before the first and after
    each of G gates on |0...0>; of more than two registers also the total correlation, by the names of all.

    Args and errors as of `of_gates`.
    """
    names, dims = tuple(registers), tuple(2**size for size in registers.values())
    _require_held(gates, sum(registers.values()))
    owner = [m for m, size in enumerate(registers.values()) for _ in range(size)]
    pairs = list(combinations(range(len(dims)), 2))
    rows = [[0.0] * (len(pairs) + 1)]
    for gate, psi in zip(gates, islice(circuits.walk(gates, len(owner)), 1, None), strict=True):
        rows.append(rows[-1])  # a unitary inside a register changes none of this
        if len({owner[q] for q in gate.wires}) > 1:
            S = [float(states.entanglement_entropy(psi, dims, m)) for m in range(len(dims))]
            shared = [
                S[a] + S[b] - float(states.entanglement_entropy(psi, dims, (a, b)))
                for a, b in pairs
            ]
            rows[-1] = [max(0.0, part) for part in (*shared, sum(S))]
    groups = [(names[a], names[b]) for a, b in pairs] + [names] * (len(names) > 2)
    return dict(zip(groups, np.array(rows).T, strict=False))


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
            after = _applied(gate, step, pair, values, on)
            yield on, pair, after
            pair = after


def _applied(
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
        choices = [torch.eye(2, dtype=torch.complex128), circuits.rotation("U3", angles)]
        U = torch.block_diag(*(choices if gate.outcome else choices[::-1]))
    return U @ pair @ U.mH


def _mutual(rho: Tensor) -> float:
    count = len(rho).bit_length() - 1
    if count < 2:
        return 0.0
    *others, last = range(count)
    return max(0.0, float(states.mutual_information(rho, (2,) * count, others, (last,))))
