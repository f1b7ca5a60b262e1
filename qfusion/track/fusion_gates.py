"""The gates of an EntangledQCNN's circuit for one sample, as data: their operations, qubits and angles. No PennyLane.

Every modality m has a qubit `m[i]` for element i, and every element a fused qubit `fused[i]`; where fusion is chained
(more than three modalities), `fused[i,k]` are the fused qubits of the stages k before the last. Layers, elements and
stages count from 0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn_density
from qfusion.models.network.truth_tables import fuse, stage_sizes
from qfusion.quantum import circuits

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
    return (qcnn_density.outcome_scores(model.network, certain) + model.bias.double()).detach()
