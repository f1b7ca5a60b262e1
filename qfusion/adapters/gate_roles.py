"""What the gates of a circuit do for a model: encode modalities, be trained, or neither; and their layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qfusion.models.protocols import TRAINED

MAX_LAYERS = 8  # groups whose coalitions are all computed
FIXED = ""

Layer = tuple[str, tuple[int, ...]]  # name, and places of its gates from 0


def find_layers(roles: Sequence[str], wires: Sequence[tuple[int, ...]]) -> tuple[Layer, ...]:
    """Return the layers of a circuit, every gate in one of them.

    A layer ends where encoding begins or ends, and where an angle acts on a qubit that an angle and then a gate on
    several qubits have acted on. Of many layers, neighbours of one kind are joined until there are at most
    `MAX_LAYERS`.

    Args:
        roles: of G gates: `TRAINED`, `FIXED`, or the modalities that it encodes.
        wires: qubits of each gate.
    """
    parts: list[tuple[str, list[int]]] = []
    turned: set[int] = set()
    entangled: set[int] = set()
    for gate, (role, on) in enumerate(zip(roles, wires, strict=True)):
        kind = {FIXED: "", TRAINED: "layer"}.get(role, "encoding")
        begins = kind and (not parts or parts[-1][0] != kind or bool(entangled & set(on)))
        if not parts or begins:
            if parts and not parts[-1][0] and len(parts) == 1 and kind:
                parts[-1] = ("preparation", parts[-1][1])
            parts.append((kind, []))
            turned = set()
            entangled = set()
        parts[-1][1].append(gate)
        if kind:
            turned |= set(on)
        if len(on) > 1:
            entangled |= turned & set(on)
    return _name_layers(_join(parts))


def _join(parts: list[tuple[str, list[int]]]) -> list[tuple[str, list[int]]]:
    """Return at most MAX_LAYERS parts: the two neighbours with the fewest gates, of one kind where possible, are joined
    first.
    """
    joined = list(parts)
    while len(joined) > MAX_LAYERS:
        costs = []
        for place, (layer, following) in enumerate(pairwise(joined)):
            differs = layer[0] != following[0]
            gates = len(layer[1]) + len(following[1])
            costs.append((differs, gates, place))
        *_, place = min(costs)
        kind = joined[place][0] or joined[place + 1][0]
        joined[place : place + 2] = [(kind, joined[place][1] + joined[place + 1][1])]
    return joined


def _name_layers(parts: list[tuple[str, list[int]]]) -> tuple[Layer, ...]:
    kinds = [kind or "gates" for kind, _ in parts]
    counts: dict[str, int] = {}
    layers = []
    for kind, (_, gates) in zip(kinds, parts, strict=True):
        counts[kind] = counts.get(kind, 0) + 1
        number = f" {counts[kind]}" if kinds.count(kind) > 1 else ""
        layers.append((f"{kind}{number}", tuple(gates)))
    return tuple(layers)


def assign_wires(
    roles: Sequence[str], wires: Sequence[tuple[int, ...]], modalities: Sequence[str], count: int
) -> dict[str, tuple[int, ...]]:
    """Return the qubits of each modality where the encoding makes that plain; else an empty dictionary.

    It is plain where no two gates on a qubit depend on one modality each that are not the same, and every modality has
    a qubit. Gates that depend on several modalities, such as products of their features, decide nothing.

    Args:
        roles, wires: see `find_layers`; a gate of several modalities has them joined by "+".
        modalities: names of all.
        count: of the qubits.
    """
    owner: dict[int, str] = {}
    for role, on in zip(roles, wires, strict=True):
        if role in modalities:
            for qubit in on:
                if owner.setdefault(qubit, role) != role:
                    return {}
    if set(owner.values()) != set(modalities):
        return {}
    return {
        name: tuple(qubit for qubit in range(count) if owner.get(qubit) == name)
        for name in modalities
    }
