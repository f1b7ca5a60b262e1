"""Circuits of PennyLane for all rows of a batch at once, where a user's model or device runs them one by one.

On a device that takes a batch row by row, circuits run on PennyLane's own simulator instead. A model that loops over
rows runs twice: first to list its circuits, whose results it is then given. A circuit that then differs, since it
follows from the results of others, runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pennylane as qml

from qfusion.adapters import qnode_calls
from qfusion.adapters.quick_calls import QuickCall
from qfusion.models import evaluation

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
    for_one = qnode_calls.record(call, evaluation.nested_part(dict(rows), slice(0, 1)))
    for_all = qnode_calls.record(call, rows)
    if len(for_all) == count * len(for_one):
        return QuickCall(call, lambda features: _answered_together(call, features))
    if all(batched_qnode(one.qnode) is one.qnode for one in for_all):
        return None
    return QuickCall(
        call, lambda _: qnode_calls.changed_calls(lambda qnode, number: batched_qnode(qnode))
    )


@contextmanager
def _answered_together(call: Any, features: Mapping[str, Any]) -> Iterator[None]:
    """Context manager inside which a model gets the results of all circuits that it runs for these features."""
    listed: list[tuple[Any, Any]] = []

    def add(qnode: Any, number: int, run: qnode_calls.Run) -> Any:
        tape, zeros = _list_gates(qnode, run)
        listed.append((tape, qnode.device))
        return zeros

    with qnode_calls.answered_calls(add):
        call(features)
    known = _run_together(listed)

    def answer(qnode: Any, number: int, run: qnode_calls.Run) -> Any:
        tape, zeros = _list_gates(qnode, run)
        if number >= len(listed) or not _are_equal(tape, listed[number][0]):
            return run(qnode)
        own = known[number]
        return type(zeros)(own) if isinstance(zeros, (list, tuple)) else own[0]

    with qnode_calls.answered_calls(answer):
        yield


def _list_gates(qnode: Any, run: qnode_calls.Run) -> tuple[Any, Any]:
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
