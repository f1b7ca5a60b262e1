"""PennyLane tapes as OpenQASM 3, which PennyLane does not write, and as OpenQASM 2, which it does."""

from collections.abc import Iterator, Sequence
from typing import Any

from qfusion._checks import check
from qfusion.errors import translate_import_errors

with translate_import_errors():
    import pennylane as qml

# PennyLane's names -> those of stdgates.inc.
_GATE_NAMES = {
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


def to_openqasm(
    version: int, tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]
) -> str:
    """Return the tape in a version of OpenQASM, 2 or 3.

    Args:
        version: 2 or 3.
        tape: gates and measurements; see `to_openqasm3` and `to_openqasm2`.
        wires: all qubits.
        read: qubits measured at the end; c[0] is the first.

    Raises:
        InvalidInput: when `version` is neither 2 nor 3.
    """
    check(
        version in (2, 3),
        f"Argument `version` must be 2 or 3, but is {version!r}. Most readers take 3.",
    )
    write = to_openqasm3 if version == 3 else to_openqasm2
    return write(tape, wires, read)


def to_openqasm3(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Return the tape in OpenQASM 3: qubits `q` in the order of `wires`, one bit for every mid-circuit measurement,
    and at the end bits `c` of the qubits in `read`.

    Args:
        tape: gates in `_GATE_NAMES`, gates that decompose into these, measurements, and gates that are conditioned
            on one outcome.
        wires: all qubits.
        read: qubits measured at the end; c[0] is the first.
    """
    place = {wire: index for index, wire in enumerate(wires)}
    measurements = [op for op in tape.operations if isinstance(op, qml.ops.MidMeasure)]
    bits = {op.meas_uid: f"m[{index}]" for index, op in enumerate(measurements)}
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    for wire, index in place.items():
        lines.append(f"// q[{index}] is {wire}")
    lines.append(f"qubit[{len(wires)}] q;")
    if bits:
        lines.append(f"bit[{len(bits)}] m;")
    lines.append(f"bit[{len(read)}] c;")
    for op in tape.operations:
        lines.extend(_statements(op, place, bits))
    for index, wire in enumerate(read):
        lines.append(f"c[{index}] = measure q[{place[wire]}];")
    return "\n".join(lines) + "\n"


def _statements(op: Any, place: dict[str, int], bits: dict[str, str]) -> Iterator[str]:
    """Yield the OpenQASM 3 statements of an operation."""
    if isinstance(op, qml.ops.MidMeasure):
        yield f"{bits[op.meas_uid]} = measure q[{place[op.wires[0]]}];"
    elif isinstance(op, qml.ops.Conditional):
        (measurement,) = op.meas_val.measurements
        # the condition is "== 1" or "== 0"
        outcome = "true" if op.meas_val.processing_fn(1) else "false"
        yield from (
            f"if ({bits[measurement.meas_uid]} == {outcome}) {{ {line} }}"
            for line in _statements(op.base, place, bits)
        )
    elif op.name in _GATE_NAMES:
        gate = _GATE_NAMES[op.name]
        if op.parameters:
            gate += f"({', '.join(repr(float(angle)) for angle in op.parameters)})"
        qubits = ", ".join(f"q[{place[wire]}]" for wire in op.wires)
        yield f"{gate} {qubits};"
    else:
        for inner in op.decomposition():
            yield from _statements(inner, place, bits)


def to_openqasm2(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Return PennyLane's OpenQASM 2 of a tape without mid-circuit measurements. The bits `c` read the qubits in `read`.

    CRX is decomposed, since the standard header does not have it. Lines of `gphase` are left out, since the language
    has no global phase.
    """
    operations: list[Any] = []
    for op in tape.operations:
        operations += op.decomposition() if op.name == "CRX" else [op]
    whole = qml.tape.QuantumScript(operations, [qml.probs(wires=list(read))])
    text = qml.to_openqasm(whole, wires=qml.wires.Wires(list(wires)), measure_all=False)
    return "\n".join(line for line in text.splitlines() if not line.startswith("gphase")) + "\n"
