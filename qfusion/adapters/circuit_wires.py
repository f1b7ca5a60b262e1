"""Which qubits of a circuit belong to which modality: as the user says, or as the encoding makes plain."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from qfusion._checks import check
from qfusion.adapters import gate_roles

REST = "other"  # register of the qubits of no modality
ALL = "qubits"  # register of all, where nothing is known
MAX_QUBITS = 16  # whose states are held gate by gate


def arrange(
    labels: Sequence[Any],
    roles: Sequence[str],
    places: Sequence[tuple[int, ...]],
    modalities: Sequence[str],
    wires: Mapping[str, Any] | None,
) -> tuple[dict[str, int], tuple[int, ...], bool]:
    """Return the registers with their numbers of qubits, the qubits in the order of the registers, and whether their
    modalities were guessed.

    Registers are in the order of their first qubits, so that qubits keep the order of the circuit wherever those of
    each modality are neighbours.

    Args:
        labels: of all qubits, in the order of the circuit.
        roles, places: of the gates, see `gate_roles.find_layers`.
        modalities: names, in the order of the model.
        wires: labels of the qubits of each modality, or the label of one; guessed unless given.

    Raises:
        InvalidInput: when `wires` names another modality or qubit, or a qubit twice.
    """
    if wires is None:
        owners = gate_roles.assign_wires(roles, places, modalities, len(labels))
    else:
        owners = _parse_wires(labels, modalities, wires)
    owned = {place for mine in owners.values() for place in mine}
    rest = tuple(place for place in range(len(labels)) if place not in owned)
    registers = {name: mine for name, mine in owners.items() if mine}
    if rest:
        name = REST if registers else ALL
        registers[name + "_" * (name in modalities)] = rest
    ordered = dict(sorted(registers.items(), key=lambda item: item[1][0]))
    order = tuple(place for mine in ordered.values() for place in mine)
    return {name: len(mine) for name, mine in ordered.items()}, order, wires is None and bool(owned)


def _parse_wires(
    labels: Sequence[Any], modalities: Sequence[str], wires: Mapping[str, Any]
) -> dict[str, tuple[int, ...]]:
    check(
        isinstance(wires, Mapping) and bool(wires),
        f"Argument `wires` must name the qubits of each modality, such as {{'{modalities[0]}': [0, 1]}}, but is "
        f"{wires!r:.100}.",
    )
    places = {label: place for place, label in enumerate(labels)}
    owners: dict[str, tuple[int, ...]] = {}
    seen: dict[Any, str] = {}
    for name, mine in wires.items():
        check(
            name in modalities,
            f"Argument `wires` names {name!r}, but the modalities are {', '.join(modalities)}.",
        )
        mine = [mine] if isinstance(mine, str) or not isinstance(mine, Iterable) else list(mine)
        for label in mine:
            check(
                isinstance(label, Hashable) and label in places,
                f"Argument `wires` gives qubit {label!r} to {name!r}, but the circuit has the qubits "
                f"{', '.join(map(repr, labels))}.",
            )
            check(
                label not in seen,
                f"Argument `wires` gives qubit {label!r} to {seen.get(label)!r} and to {name!r}. Give each qubit to "
                "one modality.",
            )
            seen[label] = name
        owners[name] = tuple(places[label] for label in mine)
    return owners
