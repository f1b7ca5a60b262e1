"""The gates of an EntangledQCNN's circuit for one sample, as data: what they do, on which qubits, by which angles.

Every modality m has a qubit `m[i]` for element i, and every element a fused qubit `fused[i]`; where fusion is chained
(more than three modalities), `fused[i,k]` are the fused qubits of the stages k before the last. Layers, elements and
stages count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.models import EntangledQCNN
from qfusion.models.fusion import fuse, stage_sizes
from qfusion.quantum.gates import BLOCKS

STAGES = ("encode", "fuse", "convolve", "pool")
Reference = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class FusionGate:
    """One gate.

    Attributes:
        kind: of STAGES.
        gate: PennyLane's name, "measure", or "H" for the Hadamard gate.
        label: short text for the box.
        wires: names of the qubits, controls first; for a gate that an outcome chooses, the measured qubit and the one
            that is turned.
        takes: where its angles stand: names of `parameters` and indices in them.
        values: its angles in radians, by name.
        sentence: what it does.
        modalities: whose qubits it acts on; empty in the network.
        element, layer, step: which element, network layer and step of `QCNN.steps` it belongs to; -1 for none.
        outcome: 0 or 1 for a gate that acts only when the measured qubit read that.
        column: position along the circuit; boxes of one column share no wire.
    """

    kind: str
    gate: str
    label: str
    wires: tuple[str, ...]
    takes: tuple[Reference, ...]
    values: dict[str, float]
    sentence: str
    modalities: tuple[str, ...] = ()
    element: int = -1
    layer: int = -1
    step: int = -1
    outcome: int | None = None
    column: int = field(default=0, compare=False)


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
    found = {
        "theta": torch.stack([theta[name] for name in model.modalities], -1),
        "phi": model.phi,
        "convolution": model.network.convolution,
        "pooling": model.network.pooling,
    }
    return {name: values.detach().double() for name, values in found.items()}


def prefix(modalities: Sequence[str]) -> str:
    """Returns what the fused qubits are called: "fused", unless a modality has that name."""
    return "fused" + "_" * max(
        (len(name) for name in modalities if name.startswith("fused")), default=0
    )


def wires_of(
    model: EntangledQCNN,
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Returns for every element the names of its modality qubits, and of its fused qubits by stage, last one last."""
    word, stages = prefix(model.modalities), len(stage_sizes(len(model.modalities)))
    first = tuple(tuple(f"{name}[{i}]" for name in model.modalities) for i in range(model.elements))
    fused = tuple(
        (*(f"{word}[{i},{k}]" for k in range(stages - 1)), f"{word}[{i}]")
        for i in range(model.elements)
    )
    return first, fused


def gates_of(model: EntangledQCNN, values: Mapping[str, Tensor]) -> tuple[FusionGate, ...]:
    """Returns all gates in the order they act, with the angles of `parameters`."""
    return (*_fusion(model, values), *_network(model, values))


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
                "RY",
                (first[i][m],),
                (("theta", (i, m)),),
                {"theta": float(values["theta"][i, m])},
                f"Turns the qubit of {name}: it gives {what} the mass {masses[i, m]:.3f}.",
                (name,),
                i,
            )
        for k in range(len(fused[i])):
            controls = (
                (fused[i][k - 1], first[i][k + 1]) if k else first[i][:2] if chained else first[i]
            )
            names = model.modalities[: k + 2] if chained else model.modalities
            angles = values["phi"][i, k].tolist()
            table = {format(b, f"0{len(controls)}b"): angle for b, angle in enumerate(angles)}
            yield FusionGate(
                "fuse",
                "SelectPauliRot",
                "RY(b)",
                (*controls, fused[i][k]),
                (("phi", (i, k)),),
                table,
                f"Turns the fused qubit of {what} by the angle that the table names for what the "
                f"{len(controls)} qubits above it read; its mass becomes {after[i, k]:.3f}.",
                tuple(names),
                i,
            )


def _network(model: EntangledQCNN, values: Mapping[str, Tensor]) -> Iterator[FusionGate]:
    wires, network = [stages[-1] for stages in wires_of(model)[1]], model.network
    for index, step in enumerate(network.steps):
        a, b = (wires[q] for q in step.wires)
        where: dict[str, Any] = {"layer": step.layer, "step": index}
        if step.kind == "conv":
            for gate, taken, on in BLOCKS[network.block].operations:
                yield _block_gate(
                    gate,
                    [("convolution", (step.layer, k)) for k in taken],
                    tuple((a, b)[w] for w in on),
                    values,
                    f"part of block {network.block} on {a} and {b}, which layer {step.layer} shares",
                    where,
                )
            continue
        yield FusionGate(
            "pool",
            "measure",
            "measure",
            (a,),
            (),
            {},
            f"Measures {a}; the head reads the outcome, and so does {b}.",
            **where,
        )
        for outcome in (0, 1):
            takes = tuple(("pooling", (step.layer, 3 * outcome + k)) for k in range(3))
            yield FusionGate(
                "pool",
                "U3",
                f"U3 if {outcome}",
                (a, b),
                takes,
                _named("U3", takes, values),
                f"Turns {b} if {a} read {outcome}.",
                outcome=outcome,
                **where,
            )


def _block_gate(
    gate: str,
    takes: Sequence[Reference],
    wires: tuple[str, ...],
    values: Mapping[str, Tensor],
    part: str,
    where: dict[str, Any],
) -> FusionGate:
    acts = f"Turns {wires[-1]}" if len(wires) == 1 else f"Acts on {wires[1]} where {wires[0]} is 1"
    return FusionGate(
        "convolve",
        gate,
        gate,
        wires,
        tuple(takes),
        _named(gate, takes, values),
        f"{acts}: {part}.",
        **where,
    )


def _named(gate: str, takes: Sequence[Reference], values: Mapping[str, Tensor]) -> dict[str, float]:
    names = ("theta", "phi", "delta") if gate == "U3" else ("angle",)
    return {name: float(values[of][index]) for name, (of, index) in zip(names, takes, strict=False)}


def in_columns(gates: Sequence[FusionGate], wires: Sequence[str]) -> tuple[FusionGate, ...]:
    """Returns the gates moved as far left as the wires that they span in a drawing are free."""
    rows, free, placed = {wire: row for row, wire in enumerate(wires)}, [0] * len(wires), []
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
    return (
        values,
        tuple(stages[-1] for stages in fused),
        wires,
        in_columns(gates_of(model, values), wires),
    )


def width(model: EntangledQCNN) -> int:
    """Returns the number of qubits of the whole circuit; n (2 M - 1) when chained, else n (M + 1)."""
    M = len(model.modalities)
    return model.elements * (M + len(stage_sizes(M)))


def purification(vector: Tensor) -> tuple[float, float]:
    """Returns angles (a, b) so that RY(a) on a spare qubit, CNOT to the fused one and RY(b) on that give it the vector
    (1, <X>, <Z>)."""
    _, x, z = vector.tolist()
    return math.acos(min(1.0, math.hypot(x, z))), math.atan2(x, z)
