"""Calls of QNodes inside a user's model: recorded as tapes, run with a changed circuit, or for all rows at once.

A batch needs one call of PennyLane where a user's model or device runs its rows one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pennylane as qml
import torch

from qfusion._checks import check
from qfusion.adapters.gates import ObservedMethod
from qfusion.adapters.trial import QuickCall
from qfusion.errors import InvalidInput
from qfusion.models import evaluation

LARGEST_GATE = 6  # qubits of a gate that is drawn whole


@dataclass(frozen=True, eq=False)
class QNodeCall:
    """One call of a QNode.

    Attributes:
        qnode: that was called.
        written: its tape as the user wrote it, of the first row; None where it cannot be made.
        tape: its gates and measurements, templates being expanded; None where they cannot be listed.
        problem: why they cannot be listed; else empty.
        wires: labels of all qubits, in the order of the device, or else of the circuit.
    """

    qnode: Any
    written: Any
    tape: Any
    problem: str
    wires: tuple[Any, ...]


Run = Callable[[Any], Any]  # from a QNode to its results for the arguments of a call
Answer = Callable[[Any, int, Run], Any]


@dataclass
class _Observer:
    records: bool
    answer: Answer | None
    calls: list[QNodeCall] = field(default_factory=list)
    count: int = 0


_method: ObservedMethod[_Observer] = ObservedMethod(qml.QNode, "__call__")


@contextmanager
def recorded_calls() -> Iterator[list[QNodeCall]]:
    """Context manager that yields the list of the calls of QNodes inside its block, in their order."""
    with _method.replaced(_observed_call, _Observer(True, None)) as observer:
        yield observer.calls


def record(call: Callable[[Any], Any], features: Any) -> list[QNodeCall]:
    """Return the calls of QNodes of a model for some features, in their order."""
    with recorded_calls() as calls:
        call(features)
    return calls


@contextmanager
def changed_calls(change: Callable[[Any, int], Any]) -> Iterator[None]:
    """Context manager that runs other QNodes inside its block.

    Args:
        change: takes a QNode and the number of its call, from 0, and returns the QNode that is called instead.
    """
    with answered_calls(lambda qnode, number, run: run(change(qnode, number))):
        yield


@contextmanager
def answered_calls(answer: Answer) -> Iterator[None]:
    """Context manager that answers calls of QNodes inside its block.

    Args:
        answer: takes a QNode, the number of its call, from 0, and a function that runs a QNode with the call's
            arguments; and returns the results of the call.
    """
    with _method.replaced(_observed_call, _Observer(False, answer)):
        yield


def _observed_call(qnode: Any, *args: Any, **kwargs: Any) -> Any:
    observer = _method.observer
    if observer is None:
        return _method.original(qnode, *args, **kwargs)
    number = observer.count
    observer.count += 1
    if observer.records:
        observer.calls.append(_record(qnode, args, kwargs))
    if observer.answer is None:
        return _method.original(qnode, *args, **kwargs)

    def run(other: Any) -> Any:
        return _method.original(other, *args, **kwargs)

    result = observer.answer(qnode, number, run)
    given = (*args, *kwargs.values())
    # without any gate that holds a tensor, PennyLane returns NumPy's numbers
    return _to_torch(result) if any(isinstance(value, torch.Tensor) for value in given) else result


def _to_torch(result: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return type(result)(_to_torch(part) for part in result)
    return result if isinstance(result, torch.Tensor) else torch.as_tensor(np.asarray(result))


def device_states(
    call: QNodeCall, ends: Sequence[int], groups: Sequence[Sequence[Any]]
) -> list[list[np.ndarray]] | None:
    """Return the density matrices of groups of qubits that a device has after so many gates, and those at the end of
    the circuit as it was written; None of a device that tells no exact states.

    Args:
        call: whose circuit it is. ends: numbers of its gates. groups: labels of the qubits.
    """
    measured = [qml.density_matrix(wires=list(group)) for group in groups]
    parts = [call.tape.operations[:end] for end in ends]
    tapes = [qml.tape.QuantumScript(part, measured) for part in (*parts, call.written.operations)]
    try:
        results = qml.execute(tapes, call.qnode.device, diff_method=None)
    except Exception:  # whatever a device raises
        return None
    return [
        [np.asarray(qml.math.toarray(rho)) for rho in (result if len(groups) > 1 else [result])]
        for result in results
    ]


def _record(qnode: Any, args: Any, kwargs: Any) -> QNodeCall:
    written = tape = None
    problem = ""
    try:
        written = _first_of_batch(qml.workflow.construct_tape(qnode, level="user")(*args, **kwargs))
        tape = expand_tape(written)
    except InvalidInput as error:
        problem = str(error)
    except Exception as error:  # whatever a user's circuit raises
        problem = f"its gates cannot be listed ({type(error).__name__}: {error})"[:300]
    known = getattr(qnode.device, "wires", None)
    if known is not None:
        wires = tuple(known.labels)
    else:
        wires = () if tape is None else _ordered(tape.wires.labels)
    if tape is not None:
        wires += tuple(label for label in tape.wires.labels if label not in wires)
    return QNodeCall(qnode, written, tape, problem, wires)


def _ordered(labels: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return labels in their order: of a device without wires, PennyLane gives them as they are first used."""
    if all(isinstance(label, int) for label in labels):
        return tuple(sorted(labels))
    return labels


def _first_of_batch(tape: Any) -> Any:
    """Return the tape of the first row, of a circuit that was called with a batch."""
    if tape.batch_size is None:
        return tape
    tapes, _ = qml.transforms.broadcast_expand(tape)
    return tapes[0]


def expand_tape(tape: Any) -> Any:
    """Return a tape whose operations are preparations of states and gates with a matrix.

    Measurements inside the circuit are deferred to its end, with one more qubit each, which changes no outcome. Where
    gates have acted on qubits before, devices turn a preparation of their state into gates; so does this.

    Raises:
        InvalidInput: when an operation is not unitary.
    """
    measured = [one for one in tape.operations if isinstance(one, qml.ops.MidMeasure)]
    check(
        all(one.postselect is None for one in measured),
        "it keeps one outcome of a measurement alone (`postselect`), so no state vector follows the gates",
    )
    if measured:
        (tape,), _ = qml.defer_measurements(tape)
    operations: list[Any] = []
    used: set[Any] = set()
    for operation in tape.operations:
        operations += _expand(operation, used)
    return qml.tape.QuantumScript(
        operations,
        tape.measurements,
        shots=tape.shots,
        trainable_params=None,
    )


def expand_preparations(operations: Sequence[Any]) -> list[Any]:
    """Return operations whose preparations of states are gates, but for one that is first: devices do not take others,
    or not in batches.
    """
    result = list(operations[:1])
    for operation in operations[1:]:
        prepares = isinstance(operation, qml.operation.StatePrepBase)
        result += _expand(operation, set(operation.wires)) if prepares else [operation]
    return result


def _expand(operation: Any, used: set[Any], depth: int = 0) -> list[Any]:
    """Return the gates of an operation, and add its qubits to those that are used."""
    if isinstance(operation, (qml.Barrier, qml.Snapshot, qml.GlobalPhase, qml.Identity)):
        return []
    if _is_gate(operation, used):
        used.update(operation.wires)
        return [operation]
    check(
        not isinstance(operation, qml.operation.Channel)
        and not isinstance(operation, qml.QubitDensityMatrix),
        f"its operation {operation.name} is not unitary, so no state vector follows the gates",
    )
    check(
        depth < 20 and operation.has_decomposition,
        f"its operation {operation.name} on {len(operation.wires)} qubits has neither a small matrix nor a "
        "decomposition",
    )
    parts: list[Any] = []
    for part in operation.decomposition():
        parts += _expand(part, used, depth + 1)
    return parts


def _is_gate(operation: Any, used: set[Any]) -> bool:
    """Return whether an operation is drawn as one gate: it prepares a state of qubits that are not used yet, or has a
    matrix that is not too large.
    """
    if isinstance(operation, qml.operation.StatePrepBase):
        return used.isdisjoint(operation.wires)
    has_matrix = operation.has_matrix or isinstance(operation, qml.SelectPauliRot)
    return bool(has_matrix) and len(operation.wires) <= LARGEST_GATE


PLAIN = (
    str,
    int,
    float,
    type,
    type(None),
    qml.wires.Wires,
)  # settings of gates that can be compared


def batched_qnode(qnode: Any) -> Any:
    """Return a QNode on PennyLane's simulator that takes all rows of a batch at once; itself if it is, or has shots."""
    if qnode.device.name.startswith("default.") or qnode.shots:
        return qnode
    device = qml.device("default.qubit", wires=qnode.device.wires)
    return qnode.update(device=device, diff_method="backprop")


def quick_call(call: Any, rows: Mapping[str, Any]) -> QuickCall | None:
    """Return a call of a model whose circuits run for all rows at once; None where they do already.

    Args:
        call: of the model. rows: features of some rows.
    """
    count = evaluation.nested_length(next(iter(rows.values())))
    for_one = record(call, evaluation.nested_part(dict(rows), slice(0, 1)))
    for_all = record(call, rows)
    if len(for_all) == count * len(for_one):
        return QuickCall(call, lambda features: _answered_together(call, features))
    if all(batched_qnode(one.qnode) is one.qnode for one in for_all):
        return None
    return QuickCall(call, lambda _: changed_calls(lambda qnode, number: batched_qnode(qnode)))


@contextmanager
def _answered_together(call: Any, features: Mapping[str, Any]) -> Iterator[None]:
    """Context manager inside which a model gets the results of all circuits that it runs for these features."""
    listed: list[tuple[Any, Any]] = []

    def add(qnode: Any, number: int, run: Run) -> Any:
        tape, zeros = _list_gates(qnode, run)
        listed.append((tape, qnode.device))
        return zeros

    with answered_calls(add):
        call(features)
    known = _run_together(listed)

    def answer(qnode: Any, number: int, run: Run) -> Any:
        tape, zeros = _list_gates(qnode, run)
        if number >= len(listed) or not _are_equal(tape, listed[number][0]):
            return run(qnode)
        own = known[number]
        return type(zeros)(own) if isinstance(zeros, (list, tuple)) else own[0]

    with answered_calls(answer):
        yield


def _list_gates(qnode: Any, run: Run) -> tuple[Any, Any]:
    """Return the tape of a call of a QNode, which is not run, and results of 0 in the form in which it returns them."""
    tapes: list[Any] = []
    zeros = run(_keep_tape(qnode, tapes=tapes))
    return tapes[0], zeros


@qml.transform
def _keep_tape(tape: Any, tapes: list[Any]) -> tuple[list[Any], Any]:
    tapes.append(tape)
    zeros = [np.zeros(one.shape(None, len(tape.wires))) for one in tape.measurements]
    return [], lambda _: zeros[0] if len(zeros) == 1 else tuple(zeros)


def _run_together(listed: Sequence[tuple[Any, Any]]) -> list[tuple[Any, ...]]:
    """Return the results of tapes with their devices, one for each measurement; those of equal gates run as a batch."""
    groups: dict[Any, list[int]] = {}
    for number, (tape, _) in enumerate(listed):
        groups.setdefault(_structure(tape), []).append(number)
    results: list[tuple[Any, ...]] = [()] * len(listed)
    for numbers in groups.values():
        device = qml.device("default.qubit", wires=listed[numbers[0]][1].wires)
        stacked = _stack([listed[number][0] for number in numbers])
        (outcome,) = qml.execute([stacked], device, diff_method=None)
        arrays = outcome if len(stacked.measurements) > 1 else (outcome,)
        for place, number in enumerate(numbers):
            is_batch = stacked.batch_size is not None
            results[number] = tuple(array[place] if is_batch else array for array in arrays)
    return results


def _structure(tape: Any) -> Any:
    """Return what tapes have in common that differ in the parameters of their gates alone; of its own where unknown."""
    settings = [value for one in tape.operations for value in one.hyperparameters.values()]
    if tape.shots or tape.batch_size or not all(map(_is_plain, settings)):
        return object()
    gates = [
        (one.name, one.wires.labels, *(np.shape(parameter) for parameter in one.parameters))
        for one in tape.operations
    ]
    return repr((gates, settings, tape.measurements))


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN)


def _are_equal(first: Any, second: Any) -> bool:
    return _structure(first) == _structure(second) and all(
        _same(one, two)
        for gate, other in zip(first.operations, second.operations, strict=True)
        for one, two in zip(gate.parameters, other.parameters, strict=True)
    )


def _same(first: Any, second: Any) -> bool:
    return first is second or bool(
        np.array_equal(*(qml.math.toarray(qml.math.detach(value)) for value in (first, second)))
    )


def _stack(tapes: Sequence[Any]) -> Any:
    """Return tapes of one structure as one tape, whose parameters are batches where they differ."""
    operations = []
    for gates in zip(*(tape.operations for tape in tapes), strict=True):
        parameters = [
            values[0]
            if all(_same(value, values[0]) for value in values)
            else qml.math.stack(values)
            for values in zip(*(gate.parameters for gate in gates), strict=True)
        ]
        operations.append(qml.ops.functions.bind_new_parameters(gates[0], parameters))
    return tapes[0].copy(operations=operations)
