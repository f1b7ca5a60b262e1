"""What the gates of a user's circuit do for a model, which qubits belong to which modality, and how it is read.

Gates encode modalities, are trained, or neither. Plugins name openers for the circuits of other libraries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from qfusion import plugin
from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.models.protocols import TRAINED, CircuitSource
from qfusion.models.tweak import CircuitChange
from qfusion.quantum.statevector import Gate
from qfusion.study.study import Study

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


REST = "other"  # register of the qubits of no modality
ALL = "qubits"  # register of all, where nothing is known
MAX_QUBITS = 16  # whose states are held gate by gate


def arrange_wires(
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
        owners = assign_wires(roles, places, modalities, len(labels))
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


DTYPES = {"float64": torch.float64, "float32": torch.float32}


def flatten(results: Sequence[Any]) -> tuple[Tensor, list[Any]]:
    """Return the results of some calls as numbers (Q,) in double precision, and their arrangement.

    Args:
        results: of each call: a real array or tensor, or a list or tuple of such.

    Returns:
        Numbers, and an arrangement that JSON can hold; `arrange` takes both.

    Raises:
        InvalidInput: when a result is complex, as a state, or no array of numbers.
    """
    parts: list[Tensor] = []
    form = [_describe(result, parts) for result in results]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64), form


def unflatten(numbers: Tensor, form: Sequence[Any]) -> list[Any]:
    """Return numbers (Q,) in an arrangement of `flatten`: one result a call.

    Raises:
        InvalidInput: when the arrangement takes another number of numbers.
    """
    flat = numbers.detach().double().reshape(-1)
    expected = sum(map(_size, form))
    check(
        len(flat) == expected,
        f"Argument `numbers` must hold {expected} numbers, but holds {len(flat)}.",
    )
    values = iter(flat.split([_size(leaf) for leaf in _leaves(form)]))
    return [_rebuild(part, values) for part in form]


def _describe(result: Any, parts: list[Tensor]) -> list[Any]:
    """Return the arrangement of a result, and append its numbers to `parts`."""
    if isinstance(result, (list, tuple)):
        kind = "list" if isinstance(result, list) else "tuple"
        return [kind, [_describe(part, parts) for part in result]]
    is_tensor = isinstance(result, Tensor)
    tensor = result.detach().cpu() if is_tensor else torch.as_tensor(np.array(result))
    check(
        not tensor.is_complex(),
        "The circuit gives complex numbers, such as a state, which are not followed over an angle. Measure "
        "expectation values or probabilities.",
    )
    parts.append(tensor.double().reshape(-1))
    dtype = str(tensor.dtype).removeprefix("torch.")
    dtype = dtype if dtype in DTYPES else "float64"
    return ["tensor" if is_tensor else "array", list(tensor.shape), dtype]


def _rebuild(form: Any, values: Iterator[Tensor]) -> Any:
    kind, inner = form[:2]
    if kind in ("list", "tuple"):
        parts = [_rebuild(part, values) for part in inner]
        return parts if kind == "list" else tuple(parts)
    tensor = next(values).reshape(tuple(inner)).to(DTYPES[form[2]])
    return tensor if kind == "tensor" else tensor.numpy()


def _leaves(form: Sequence[Any]) -> Iterator[Any]:
    for part in form:
        if part[0] in ("list", "tuple"):
            yield from _leaves(part[1])
        else:
            yield part


def _size(form: Any) -> int:
    if form[0] in ("list", "tuple"):
        return sum(map(_size, form[1]))
    return int(np.prod(form[1], dtype=int))


class Opener:
    """What is done with models and circuits of one library. A plugin overrides what its library needs.

    Every opener is asked about every model, so it imports its library only where the model may use it.
    """

    def open_model(self, model: Any, dataset: DataSet | None, name: str) -> Study | None:
        """Return a model of the library as a study, where it is not called as a function; None of any other.

        Args:
            model: the user's object.
            dataset: None where no data are given.
            name: that the study goes by; empty for a default.
        """
        return None

    def as_function(self, model: Any) -> Any:
        """Return a model of the library as a function or a module; any other as it is."""
        return model

    def make_exact(self, module: nn.Module) -> None:
        """Let what the library adds to a copy of a module give double precision, without noise."""

    def circuit_class(self) -> Callable[..., CircuitSource] | None:
        """Return what finds a circuit of the library in a call, as `pennylane_circuits.PennyLaneCircuit` does; None
        where the library is not loaded, so that no model uses it.
        """
        return None

    def open_circuit(
        self, circuit: Any, read: Any, weights: Any, name: str, rows: int
    ) -> Study | None:
        """Return a circuit of the library as a study, see `circuit_walks.open_circuit`; None of any other."""
        return None

    def measure_on_device(
        self,
        gates: Sequence[Sequence[Gate]],
        measurements: Sequence[Any],
        labels: Sequence[Any],
        change: CircuitChange,
    ) -> tuple[np.ndarray, ...] | None:
        """Return what a QNode measures under the noise of `change.device`; None where it simulates no devices.

        Args:
            gates: of each row. measurements: of PennyLane, the same for all rows.
            labels: of all qubits. change: with a device, and shots or none.

        Returns:
            One array (B, ...) for each measurement.
        """
        return None


def openers() -> Iterator[Opener]:
    """Yield the openers of all plugins."""
    for name in plugin.entries("openers"):
        yield plugin.load_name(name)()


T = TypeVar("T")


class ObservedMethod(Generic[T]):
    """A method with an observer, which is known to the calls of this thread.

    Args:
        owner: class that has the method. name: of the method.

    Attributes:
        original: the method as its library has it.
    """

    def __init__(self, owner: Any, name: str):
        self._owner, self._name = owner, name
        self.original: Callable[..., Any] = getattr(owner, name)
        self._observer: ContextVar[T | None] = ContextVar(name, default=None)
        self._lock = threading.Lock()
        self._users = 0

    @property
    def observer(self) -> T | None:
        """The observer of this thread, or None."""
        return self._observer.get()

    @contextmanager
    def replaced(self, replacement: Callable[..., Any], observer: T) -> Iterator[T]:
        """Context manager in which a replacement is called instead, and finds this observer; it yields the observer."""
        with self._lock:
            self._users += 1
            setattr(self._owner, self._name, replacement)
        token = self._observer.set(observer)
        try:
            yield observer
        finally:
            self._observer.reset(token)
            with self._lock:
                self._users -= 1
                if not self._users:
                    setattr(self._owner, self._name, self.original)
