"""Calls of QNodes inside a user's model: recorded as tapes, or run with a changed circuit.

The user's code is not changed: while a model runs, `qml.QNode.__call__` also serves this module. That finds QNodes that
are called as functions and those inside `qml.qnn.TorchLayer` alike. Only the thread that records is concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pennylane as qml
import torch

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.live.observed_method import ObservedMethod

LARGEST_GATE = 6  # qubits of a gate that is drawn whole


@dataclass(frozen=True, eq=False)
class QNodeCall:
    """One call of a QNode.

    Attributes:
        qnode: that was called.
        tape: its gates and measurements, templates being expanded; None where they cannot be listed.
        problem: why they cannot be listed; else empty.
        wires: labels of all qubits, in the order of the device, or else of the circuit.
    """

    qnode: Any
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


def _record(qnode: Any, args: Any, kwargs: Any) -> QNodeCall:
    try:
        tape = qml.workflow.construct_tape(qnode, level="user")(*args, **kwargs)
        tape, problem = expand_tape(_first_of_batch(tape)), ""
    except InvalidInput as error:
        tape, problem = None, str(error)
    except Exception as error:  # whatever a user's circuit raises
        tape, problem = None, f"its gates cannot be listed ({type(error).__name__}: {error})"[:300]
    known = getattr(qnode.device, "wires", None)
    if known is not None:
        wires = tuple(known.labels)
    else:
        wires = () if tape is None else _ordered(tape.wires.labels)
    if tape is not None:
        wires += tuple(label for label in tape.wires.labels if label not in wires)
    return QNodeCall(qnode, tape, problem, wires)


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


def is_gate(operation: Any) -> bool:
    """Return whether an operation is drawn as one gate: it prepares a state, or has a matrix that is not too large."""
    if isinstance(operation, qml.operation.StatePrepBase):
        return True
    has_matrix = operation.has_matrix or isinstance(operation, qml.SelectPauliRot)
    return bool(has_matrix) and len(operation.wires) <= LARGEST_GATE


def expand_tape(tape: Any) -> Any:
    """Return a tape whose operations are preparations of states and gates with a matrix.

    Measurements inside the circuit are deferred to its end, with one more qubit each, which changes no outcome.

    Raises:
        InvalidInput: when an operation is not unitary.
    """
    if any(isinstance(operation, qml.ops.MidMeasure) for operation in tape.operations):
        (tape,), _ = qml.defer_measurements(tape)
    operations: list[Any] = []
    for operation in tape.operations:
        operations += _expand(operation)
    return qml.tape.QuantumScript(
        operations,
        tape.measurements,
        shots=tape.shots,
        trainable_params=None,
    )


def _expand(operation: Any, depth: int = 0) -> list[Any]:
    if isinstance(operation, (qml.Barrier, qml.Snapshot, qml.GlobalPhase, qml.Identity)):
        return []
    if is_gate(operation):
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
        parts += _expand(part, depth + 1)
    return parts
