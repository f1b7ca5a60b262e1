"""The gates of an EntangledQCNN's circuit for one sample, and their noise, as data. No PennyLane.

Every modality m has a qubit `m[i]` for element i, and every element a fused qubit `fused[i]`; where fusion is chained
(more than three modalities), `fused[i,k]` are the fused qubits of the stages k before the last. Layers, elements and
stages count from 0.

Noise of the entangled-fusion circuit: its effect on the effective observables, and where it acts.

Three channels, each with a strength from 0 (none) to 1:

    depolarising s:  rho -> (1 - s) rho + s 1/2
    damping g:       |1> decays to |0> with probability g (amplitude damping)
    readout r:       the bit is flipped with probability r / 2 before a qubit is measured, so that at 1 the outcome is
                     a coin toss

Depolarising, then damping, act on every qubit after each operation on several qubits: on the fused qubit after its
fusion gate, on both qubits after a convolution block, and on the qubit that stays after pooling. (The modality qubits
are left out after fusion, and the measured qubit is a classical record after pooling.) Read-out noise acts before every
measurement, of pooling and at the end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion.errors import InvalidInput
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn
from qfusion.models.network.truth_tables import fuse, stage_sizes
from qfusion.quantum import circuits, decomposition

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
        takes: where its angles stand: names of `circuit_angles` and indices in them.
        element, layer, step: which element, network layer and step of `QCNN.steps` it belongs to; -1 for none.
        outcome: 0 or 1 for a gate that acts only when the measured qubit read that.
    """

    gate: str
    takes: tuple[Reference, ...] = ()
    element: int = -1
    layer: int = -1
    step: int = -1
    outcome: int | None = None


def circuit_angles(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all angles of the circuit in double precision: theta (n, M), phi, convolution, pooling.

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


def wire_names(
    model: EntangledQCNN,
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return for every element the names of its modality qubits, and of its fused qubits by stage, last one last: they
    are called "fused", unless a modality has that name."""
    alike = [len(name) for name in model.modalities if name.startswith("fused")]
    word = "fused" + "_" * max(alike, default=0)
    stages = len(stage_sizes(len(model.modalities)))
    first = tuple(tuple(f"{name}[{i}]" for name in model.modalities) for i in range(model.elements))
    fused = tuple(
        (*(f"{word}[{i},{k}]" for k in range(stages - 1)), f"{word}[{i}]")
        for i in range(model.elements)
    )
    return first, fused


def _fusion(model: EntangledQCNN, values: Mapping[str, Tensor]) -> Iterator[FusionGate]:
    first, fused = wire_names(model)
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
    wires, network = [stages[-1] for stages in wire_names(model)[1]], model.network
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
                    _name_values(gate, takes, values),
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
                f"Measures {a}; the outcome chooses the rotation of {b}"
                + (" and is read by the head." if network.read_singly else "."),
                gate="measure",
                **where,
            )
            for outcome, name in enumerate(network.pooling_gates):
                takes = tuple(("pooling", (step.layer, k)) for k in network.pooling_angles(outcome))
                yield FusionGate(
                    "pool",
                    f"{name} if {outcome}",
                    (a, b),
                    _name_values(name, takes, values),
                    f"Turns {b} if {a} read {outcome}.",
                    gate=name,
                    takes=takes,
                    outcome=outcome,
                    **where,
                )


def _name_values(
    gate: str, takes: Sequence[Reference], values: Mapping[str, Tensor]
) -> dict[str, float]:
    names = ("theta", "phi", "delta") if gate == "U3" else ("angle",)
    return {name: float(values[of][index]) for name, (of, index) in zip(names, takes, strict=False)}


def assign_columns(gates: Sequence[G], wires: Iterable[str]) -> tuple[G, ...]:
    """Return the gates moved as far left as the wires that they span in a drawing are free."""
    rows = {wire: row for row, wire in enumerate(dict.fromkeys(wires))}
    free, placed = [0] * len(rows), []
    for gate in gates:
        touched = [rows[wire] for wire in gate.wires]
        low = min(touched)
        high = max(touched) + 1
        column = max(free[low:high])
        free[low:high] = [column + 1] * (high - low)
        placed.append(replace(gate, column=column))
    return tuple(placed)


def lay_out_gates(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...], tuple[FusionGate, ...]]:
    """Return a sample's angles, the last fused qubit of every element, all wires by element, and the gates in columns.

    Args and errors as for `circuit_angles`.
    """
    values = circuit_angles(model, theta)
    first, fused = wire_names(model)
    wires = tuple(wire for i in range(model.elements) for wire in (*first[i], *fused[i]))
    gates = assign_columns([*_fusion(model, values), *_network(model, values)], wires)
    return values, tuple(stages[-1] for stages in fused), wires, gates


def qubit_count(model: EntangledQCNN) -> int:
    """Return the number of qubits of the whole circuit; n (2 M - 1) when chained, else n (M + 1)."""
    return sum(len(names) for part in wire_names(model) for names in part)


def outcome_scores(model: EntangledQCNN) -> Tensor:
    """Return the scores that the head gives each joint outcome of fused qubits, (2^n, C): scores are their mean."""
    certain = torch.eye(2**model.elements, dtype=torch.float64)
    return (qcnn.outcome_scores(model.network, certain) + model.bias.double()).detach()


@dataclass(frozen=True)
class Noise:
    """Strengths of the three channels, each in [0, 1].

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
    def flip_probability(self) -> float:
        """Probability that a read-out is wrong."""
        return self.readout / 2

    def gate_kraus(self) -> Tensor:
        """Return the Kraus operators of depolarising and then damping on one qubit, (8, 2, 2) complex128."""
        s, g = self.depolarising, self.damping
        weights = torch.tensor([1 - 0.75 * s, s / 4, s / 4, s / 4], dtype=torch.float64).sqrt()
        decay = torch.tensor(
            [[[1, 0], [0, (1 - g) ** 0.5]], [[0, g**0.5], [0, 0]]], dtype=torch.complex128
        )
        return (decay[:, None] @ (weights[:, None, None] * decomposition.PAULIS)).flatten(0, 1)

    def readout_kraus(self) -> Tensor:
        """Return the Kraus operators of the flip before a measurement, (2, 2, 2) complex128."""
        p = torch.tensor([1 - self.flip_probability, self.flip_probability], dtype=torch.float64)
        return p.sqrt()[:, None, None] * decomposition.PAULIS[:2]


def noise_channel(model: EntangledQCNN, noise: Noise) -> qcnn.Channel:
    """Return the channel that follows every step of the network, for `QCNN.observables` and `density.states`: Kraus
    operators (K, 4, 4).

    The flip before a measurement follows the last step in which the qubit takes part before it.
    """
    if not noise:
        return lambda _: None
    last_step: dict[int, qcnn.Step] = {}
    for step in model.network.steps:
        # The first qubit of a pooling step is measured before it.
        staying = step.wires if step.kind == "conv" else step.wires[1:]
        last_step.update(dict.fromkeys(staying, step))
    identity = torch.eye(2, dtype=torch.complex128)[None]
    noisy = _reduce_kraus(noise.gate_kraus())
    read = _reduce_kraus((noise.readout_kraus()[:, None] @ noise.gate_kraus()).flatten(0, 1))

    def noise_after(step: qcnn.Step) -> Tensor:
        left, right = (read if last_step[q] is step else noisy for q in step.wires)
        if step.kind == "pool":
            left = identity
        kraus = torch.einsum("aij,bkl->abikjl", left, right).reshape(-1, 4, 4)
        return kraus.to(model.network.head.dtype.to_complex())

    return noise_after


def _reduce_kraus(kraus: Tensor) -> Tensor:
    """Return at most four Kraus operators of the same channel on one qubit: eigenvectors of its Choi matrix."""
    flat = kraus.flatten(1)
    weights, vectors = torch.linalg.eigh(flat.mT @ flat.conj())
    matches = weights > 1e-15
    return (vectors[:, matches] * weights[matches].sqrt()).mT.conj().reshape(-1, 2, 2)


class NoisyQCNN(EntangledQCNN):
    """A model whose scores are those of its noisy circuit, see `with_noise`."""

    noise: Noise

    def observables(self) -> Tensor:
        """Return the effective observables of the fused qubits before their own noise, (C, 3, ..., 3), words in {I, X,
        Z}."""
        O = self.network.observables(channel=noise_channel(self, self.noise))
        return qcnn.multiply_legs(O, _noise_matrix(self.noise).to(O))

    def read(self, vectors: Tensor) -> Tensor:
        """Return the scores without bias of fused qubits, (B, n, 3) -> (B, C)."""
        return qcnn.evaluate(self.observables(), vectors)

    def layer_observables(self) -> Tensor:
        """Raise InvalidInput: read-out errors are not defined between the layers."""
        raise InvalidInput(
            "Argument `model` must be a model without noise: its read-out errors have no place between the layers. Use "
            "the bare model."
        )

    def direct_scores(self, masses: Mapping[str, Tensor]) -> Tensor:
        """Return the scores by evolving density matrices gate by gate, (B, C): the reference path, for small n."""
        rho = qcnn.density_states(
            self.network,
            noisy_vectors(self.fuse(masses)[0], self.noise),
            noise_channel(self, self.noise),
        )[-1]
        return qcnn.density_scores(self.network, rho) + self.bias


def with_noise(model: EntangledQCNN, noise: Noise) -> EntangledQCNN:
    """Return a model with the same weights whose scores are exactly those of its noisy circuit. `explain` takes it like
    any other model.

    Noise on the fused qubits and in the network is part of the observables. Where fusion is chained, noise on a fused
    qubit that controls the next one turns its mass p into a p + c, as do other angles of its table.
    """
    if not noise:
        return model
    phi = model.phi.detach().clone()
    z = _noise_matrix(noise)[2]
    bloch = z[0] + z[2] * torch.cos(phi[:, :-1].double())
    phi[:, :-1] = torch.acos(bloch.clamp(-1, 1)).to(phi)
    other = NoisyQCNN.__new__(NoisyQCNN)
    other.__dict__.update(model.with_angles(phi).__dict__)
    other.noise = noise
    return other


def noisy_vectors(vectors: Tensor, noise: Noise) -> Tensor:
    """Return fused qubits' vectors (1, <X>, <Z>), (..., 3), after the noise that follows their fusion gate."""
    return vectors @ _noise_matrix(noise).to(vectors).mT


def _noise_matrix(noise: Noise) -> Tensor:
    return decomposition.transfer_matrix(noise.gate_kraus())[qcnn.IXZ][:, qcnn.IXZ]
