"""PennyLane tapes as OpenQASM 3, which PennyLane does not write, and as OpenQASM 2, which it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pennylane as qml

# PennyLane's names -> those of stdgates.inc.
_NAMES = {
    "RX": "rx",
    "RY": "ry",
    "RZ": "rz",
    "U3": "u3",
    "Hadamard": "h",
    "S": "s",
    "Adjoint(S)": "sdg",
    "CNOT": "cx",
    "CZ": "cz",
    "CRX": "crx",
    "CRZ": "crz",
}


def write(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Returns the tape in OpenQASM 3: qubits `q` in the order of `wires`, one bit for every mid-circuit measurement,
    and at the end bits `c` of the qubits in `read`.

    Args:
        tape: of gates in `_NAMES`, gates that decompose into these, measurements, and gates that one outcome chooses.
        wires: all qubits.
        read: qubits measured at the end; c[0] is the first.
    """
    place = {wire: index for index, wire in enumerate(wires)}
    measurements = [op for op in tape.operations if isinstance(op, qml.ops.MidMeasure)]
    bits = {op.meas_uid: f"m[{index}]" for index, op in enumerate(measurements)}
    lines = [
        "OPENQASM 3.0;",
        'include "stdgates.inc";',
        *(f"// q[{i}] is {wire}" for wire, i in place.items()),
        f"qubit[{len(wires)}] q;",
        *([f"bit[{len(bits)}] m;"] if bits else []),
        f"bit[{len(read)}] c;",
    ]
    for op in tape.operations:
        lines += _statements(op, place, bits)
    lines += [f"c[{index}] = measure q[{place[wire]}];" for index, wire in enumerate(read)]
    return "\n".join(lines) + "\n"


def _statements(op: Any, place: dict[str, int], bits: dict[str, str]) -> Iterator[str]:
    if isinstance(op, qml.ops.MidMeasure):
        yield f"{bits[op.meas_uid]} = measure q[{place[op.wires[0]]}];"
    elif isinstance(op, qml.ops.Conditional):
        (measurement,) = op.meas_val.measurements
        wanted = (
            "true" if op.meas_val.processing_fn(1) else "false"
        )  # the condition is "== 1" or "== 0"
        yield from (
            f"if ({bits[measurement.meas_uid]} == {wanted}) {{ {line} }}"
            for line in _statements(op.base, place, bits)
        )
    elif op.name in _NAMES:
        angles = (
            f"({', '.join(repr(float(angle)) for angle in op.parameters)})" if op.parameters else ""
        )
        yield f"{_NAMES[op.name]}{angles} {', '.join(f'q[{place[wire]}]' for wire in op.wires)};"
    else:
        for inner in op.decomposition():
            yield from _statements(inner, place, bits)


def by_pennylane(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Returns PennyLane's OpenQASM 2 of a tape without mid-circuit measurements, whose bits `c` read the qubits in
    `read`.

    CRX is written as the gates it is made of, as the standard header does not have it; lines of `gphase`, a global
    phase that the language does not have, are left out.
    """
    known = [
        inner
        for op in tape.operations
        for inner in (op.decomposition() if op.name == "CRX" else [op])
    ]
    whole = qml.tape.QuantumScript(known, [qml.probs(wires=list(read))])
    text = qml.to_openqasm(whole, wires=qml.wires.Wires(list(wires)), measure_all=False)
    return "\n".join(line for line in text.splitlines() if not line.startswith("gphase")) + "\n"
