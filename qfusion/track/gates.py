"""The gates of one step of the evolution as data: what they do, on which qubits, with which numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.decomposition import subset_name
from qfusion.quantum.lindblad import System
from qfusion.track import channel
from qfusion.track.states import checked_ket, dimension


@dataclass(frozen=True)
class Gate:
    """One box of the drawing.

    Attributes:
        kind: "prepare", "unitary", "jump" (two Kraus operators) or "channel" (the whole step).
        label: short text for the box.
        column: position along the circuit; boxes of one column share no wire.
        wires: names of the qubits, most significant first.
        modalities: names of the modalities it acts on.
        operators: the ket (d,), or unitaries and Kraus operators (R, d, d) on `wires`.
        values: numbers worth showing, name -> value.
        sentence: what it does.
    """

    kind: str
    label: str
    column: int
    wires: tuple[str, ...]
    modalities: tuple[str, ...]
    operators: np.ndarray
    values: dict[str, float]
    sentence: str


Wires = dict[str, tuple[str, ...]]


def gates_of_step(
    system: System,
    psi: np.ndarray,
    states: Sequence[np.ndarray],
    dt: float,
    form: str,
    split: str,
    wires: Wires,
) -> tuple[Gate, ...]:
    """Returns the gates of `circuit.step_circuit`, with its arguments, in the order they act and with columns."""
    gates = [
        _preparation(name, wires[name], state)
        for name, state in zip(system.names, states, strict=True)
    ]
    # A term or jump operator that is zero, as after a tweak, has no gate.
    gates += (
        [_whole_step(system, dt, wires)]
        if form == "exact"
        else _split_step(system, psi, dt, split, wires)
    )
    return _in_columns(gates)


def wires_of(system: System) -> Wires:
    """Returns the qubits of each modality.

    Raises:
        InvalidInput: when a modality's dimension is no power of two.
    """
    for name, d in zip(system.names, system.dims, strict=True):
        check(
            d >= 2 and d & (d - 1) == 0,
            "Argument `system` must have modalities whose dimensions are powers of two to run on qubits, but "
            f"{name!r} has {d}. Train a model with dimension {2 ** max(1, round(math.log2(max(d, 2))))}.",
        )
    return {
        name: tuple(f"{name}{q}" for q in range(d.bit_length() - 1))
        for name, d in zip(system.names, system.dims, strict=True)
    }


def checked_kets(system: System, kets: Mapping[str, Tensor] | Sequence[Tensor]) -> list[np.ndarray]:
    """Returns one unit ket per modality, in order.

    Raises:
        InvalidInput: when one is missing, does not fit, or is not normalised.
    """
    given = dict(kets) if isinstance(kets, Mapping) else dict(zip(system.names, kets, strict=False))
    check(
        set(given) == set(system.names) and len(kets) == len(system.names),
        f"Argument `kets` must hold one ket for each of {list(system.names)}, but has {len(kets)}"
        f"{f': {list(kets)[:8]}' if isinstance(kets, Mapping) else ''}. Use `model.encode`.",
    )
    return [
        checked_ket(f"kets[{name}]", given[name], d)
        for name, d in zip(system.names, system.dims, strict=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"


def _preparation(name: str, wires: tuple[str, ...], ket: np.ndarray) -> Gate:
    weights = np.abs(ket) ** 2
    top = int(weights.argmax())
    basis = [format(i, f"0{len(wires)}b") for i in range(len(ket))]
    qubits = "1 qubit" if len(wires) == 1 else f"{len(wires)} qubits"
    return Gate(
        "prepare",
        f"|{name}>",
        0,
        wires,
        (name,),
        ket,
        {f"|{b}>": float(w) for b, w in zip(basis, weights, strict=True)},
        f"Puts the {qubits} of {name} into this sample's state; its largest part, {_percent(weights[top])}, is "
        f"|{basis[top]}>.",
    )


def _split_step(system: System, psi: np.ndarray, dt: float, split: str, wires: Wires) -> list[Gate]:
    part = channel.shares(system.H, system.dims)
    gates = []
    for subset, U in channel.unitaries_of_step(system, dt, split).items():
        names = tuple(system.names[m] for m in subset)
        angle = float(np.abs(np.angle(np.linalg.eigvals(U))).max())
        who, what = _who_and_what(names)
        share = part[subset] if split == "terms" else 1.0
        what = f"{what}, {_percent(share)} of it" if split == "terms" else "all of H"
        gates.append(
            Gate(
                "unitary",
                f"H[{subset_name(subset, system.names)}]" if split == "terms" else "H",
                0,
                tuple(w for name in names for w in wires[name]),
                names,
                U[None],
                {"share of H": share, "largest phase (rad)": angle},
                f"Turns {who} for dt = {dt:.3g} by {what}; phases up to {angle:.2g} rad.",
            )
        )
    return gates + [_jump(system, k, psi, dt, wires) for k, L in enumerate(system.jumps) if L.any()]


def _who_and_what(names: tuple[str, ...]) -> tuple[str, str]:
    if len(names) == 1:
        return names[0], "the part of H that acts on it alone"
    return (
        f"{', '.join(names[:-1])} and {names[-1]} together",
        "the part of H that acts on exactly these",
    )


def _jump(system: System, k: int, psi: np.ndarray, dt: float, wires: Wires) -> Gate:
    kraus = channel.jump_channel(system.jumps[k], dt)
    here = float(np.linalg.norm(kraus[1] @ psi) ** 2)
    most = float(np.linalg.norm(kraus[1], 2) ** 2)
    part = channel.shares(system.jumps[k], system.dims)
    top = max(part, key=lambda subset: part[subset])
    acts = (
        f"its largest part, {_percent(part[top])}, acts on exactly {subset_name(top, system.names)}"
        if part[top]
        else "it is a multiple of the identity and changes nothing"
    )
    return Gate(
        "jump",
        f"L{k + 1}",
        0,
        tuple(w for name in system.names for w in wires[name]),
        tuple(system.names),
        kraus,
        {
            "jump probability at the start": here,
            "largest jump probability": most,
            **{
                f"share on {subset_name(subset, system.names)}": share
                for subset, share in part.items()
            },
        },
        f"Jumps by L{k + 1} with probability {here:.2g} from this sample's first state (at most {most:.2g} from any), "
        f"to first order in dt; {acts}.",
    )


def _whole_step(system: System, dt: float, wires: Wires) -> Gate:
    kraus = channel.kraus_of_step(system, dt)
    D = dimension(system)
    weights = (np.abs(kraus) ** 2).sum((1, 2)) / D
    return Gate(
        "channel",
        "exp(dt L)",
        0,
        tuple(w for name in system.names for w in wires[name]),
        tuple(system.names),
        kraus,
        {"Kraus operators": float(len(kraus)), "weight of the largest": float(weights[0])},
        f"The whole step of dt = {dt:.3g}, H and jumps, exactly: a channel of {len(kraus)} Kraus operators from its "
        f"Choi matrix; the largest carries {_percent(weights[0])}.",
    )


def _in_columns(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Moves every gate as far left as the wires it spans in the drawing are free; preparations share the first
    column."""
    order = list(dict.fromkeys(wire for gate in gates for wire in gate.wires))
    free = dict.fromkeys(order, 0)
    placed = []
    for gate in gates:
        rows = [order.index(wire) for wire in gate.wires]
        spanned = order[min(rows) : max(rows) + 1]
        column = max(free[wire] for wire in spanned)
        free.update(dict.fromkeys(spanned, column + 1))
        placed.append(replace(gate, column=column))
    return tuple(placed)
