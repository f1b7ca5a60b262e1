"""PennyLane tapes as OpenQASM 2 and 3, and as Quantikz circuits for LaTeX.

PennyLane tapes as Quantikz circuits for LaTeX (Kay 2018, arXiv 1809.03842): each gate is a cell, each wire a row.

The commands are those of quantikz 0.9.6 (2020), which later versions still read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.errors import translate_import_errors

with translate_import_errors():
    import pennylane as qml


# PennyLane's names -> those of stdgates.inc.
_QASM_GATES = {
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
        tape: gates in `_QASM_GATES`, gates that decompose into these, measurements, and gates that are conditioned
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
    elif op.name in _QASM_GATES:
        gate = _QASM_GATES[op.name]
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


latex: Any = Library("plotly_print.latex")  # of the extra `figures`, as matplotlib

NEEDS = r"\usepackage{tikz} \usetikzlibrary{quantikz}"
MAX_CELLS = 60_000  # LaTeX does not typeset more
_LATEX_GATES = {
    "RX": "R_X",
    "RY": "R_Y",
    "RZ": "R_Z",
    "U3": "U_3",
    "Hadamard": "H",
    "PauliX": "X",
    "PauliY": "Y",
    "PauliZ": "Z",
    "S": "S",
    "T": "T",
    "Adjoint(S)": r"S^\dagger",
    "IsingXX": "R_{XX}",
    "IsingYY": "R_{YY}",
    "IsingZZ": "R_{ZZ}",
    "IsingXY": "R_{XY}",
    "PhaseShift": "P",
    "Rot": r"\mathrm{Rot}",
}

# Symbols of targets that have no box.
_TARGETS = {
    **dict.fromkeys(("CNOT", "Toffoli", "MultiControlledX"), r"\targ{}"),
    "CZ": r"\control{}",
}


Cells = dict[int, str]  # the cells of one operation, by row


def to_quantikz(
    tape: qml.tape.QuantumScript,
    wires: Sequence[str],
    read: Sequence[str] = (),
    *,
    per_line: int = 0,
    comment: str = "",
) -> str:
    """Return the tape as LaTeX: one `quantikz` environment, or several below each other.

    Args:
        tape: gates, state preparations, channels, measurements, and gates that are conditioned on one outcome.
        wires: all qubits, top to bottom.
        read: qubits measured at the end.
        per_line: columns of an environment; 0 puts all into one.
        comment: plain text for a comment at the top.

    Raises:
        InvalidInput: when the circuit is too large for LaTeX.
    """
    table = _lay_out(tape, wires, read)
    check(
        len(wires) * table.columns <= MAX_CELLS,
        f"The circuit has {len(wires)} wires and {table.columns:,} columns, more than LaTeX sets. Export it as SVG.",
    )
    columns = max(table.columns, 1)
    step = per_line if 0 < per_line < table.columns else columns
    environments = [
        _environment(table, wires, start, min(start + step, table.columns))
        for start in range(0, columns, step)
    ]
    lines = [f"% {' '.join(comment.split())}"] if comment else []
    lines += [
        f"% In the preamble: {NEEDS}",
        *table.notes,
        "\n\n\\medskip\\noindent\n".join(environments),
    ]
    return "\n".join(lines) + "\n"


@dataclass
class _Table:
    """A circuit as a table of cells.

    Attributes:
        cells: the cells of each row, by column.
        measured: column of the measurement of each measured row.
        columns: number of columns.
        notes: comments with numbers that do not fit into a box.
    """

    cells: list[Cells]
    measured: dict[int, int] = field(default_factory=dict)
    columns: int = 0
    notes: list[str] = field(default_factory=list)


def _lay_out(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> _Table:
    """Return the operations of a tape as a table, each in the first column in which its rows are free."""
    place = {wire: row for row, wire in enumerate(wires)}
    table = _Table([{} for _ in wires])
    free = [0] * len(wires)  # the first free column of each row; all later ones are free, too
    outcomes: dict[Any, int] = {}  # the row of each measurement
    for op in tape.operations:
        cells, note = _draw_operation(op, place, outcomes, len(table.notes) + 1)
        if note:
            table.notes.append(note)
        span = slice(min(cells), max(cells) + 1)
        column = max(free[span])
        free[span] = [column + 1] * len(free[span])
        for row, cell in cells.items():
            table.cells[row][column] = cell
        if isinstance(op, qml.ops.MidMeasure):
            row = place[op.wires[0]]
            outcomes[op.meas_uid] = row
            table.measured[row] = column
    last = max(free, default=0)
    for row in (place[wire] for wire in read):
        if row not in table.measured:
            table.cells[row][last] = r"\meter{}"
            table.measured[row] = last
    table.columns = last + bool(read)
    return table


def _environment(table: _Table, wires: Sequence[str], start: int, stop: int) -> str:
    """Return a `quantikz` environment of the columns from `start` to `stop`. Measured wires are classical."""
    lines = []
    for row, wire in enumerate(wires):
        measured = table.measured.get(row, stop)
        line = [
            table.cells[row].get(column, r"\cw" if column > measured else r"\qw")
            for column in range(start, stop)
        ]
        end = r"\cw" if measured < stop else r"\qw"
        lines.append(" & ".join([rf"\lstick{{{latex.escape(wire)}}}", *line, end]))
    return (
        "\\begin{quantikz}[row sep=0.25cm, column sep=0.3cm]\n"
        + " \\\\\n".join(lines)
        + "\n\\end{quantikz}"
    )


def _draw_operation(
    op: Any, place: Mapping[str, int], outcomes: Mapping[Any, int], number: int
) -> tuple[Cells, str]:
    """Return the cells of an operation, and a comment with the numbers that do not fit into its box."""
    rows = [place[wire] for wire in op.wires]
    if isinstance(op, qml.ops.MidMeasure):
        return {rows[0]: r"\meter{}"}, ""
    if isinstance(op, qml.ops.Conditional):
        return _draw_conditional(op, place, outcomes), ""
    if isinstance(op, qml.SelectPauliRot):
        return _draw_multiplexed(op, rows, number)
    if op.name == "SWAP":
        return {rows[0]: rf"\swap{{{rows[1] - rows[0]}}}", rows[1]: r"\targX{}"}, ""
    if isinstance(op, qml.ops.Controlled):
        return _draw_controlled(op, place), ""
    return _box(rows, _label(op), rounded=isinstance(op, qml.operation.Channel)), ""


def _draw_conditional(op: Any, place: Mapping[str, int], outcomes: Mapping[Any, int]) -> Cells:
    """Return the cells of a gate that is conditioned on one outcome."""
    (measurement,) = op.meas_val.measurements
    row = outcomes[measurement.meas_uid]
    # The condition is "== 1" or "== 0".
    dot = "phase" if op.meas_val.processing_fn(1) else "ophase"
    cells = _box([place[wire] for wire in op.base.wires], _label(op.base))
    return cells | {row: rf"|[{dot}]| {{}} \cw \vcw{{{_distance(row, cells)}}}"}


def _draw_multiplexed(op: Any, rows: list[int], number: int) -> tuple[Cells, str]:
    """Return the cells of a multiplexed rotation, and a comment with its angles."""
    *controls, target = rows
    angles = " ".join(repr(float(angle)) for angle in op.data[0])
    note = f"% alpha_{number} (for outcomes 0...0 to 1...1 of the grey controls): {angles}"
    label = rf"R_{op.hyperparameters['rot_axis']}(\vec{{\alpha}}_{{{number}}})"
    cells = _box([target], label)
    for row in controls:
        cells[row] = rf"|[ophase,fill=black!40]| {{}} \qw \vqw{{{target - row}}}"
    return cells, note


def _draw_controlled(op: Any, place: Mapping[str, int]) -> Cells:
    """Return the cells of a controlled gate."""
    controls = [place[wire] for wire in op.control_wires]
    targets = [place[wire] for wire in op.wires][len(controls) :]
    symbol = _TARGETS.get(op.name)
    target = {targets[0]: symbol} if symbol else _box(targets, _label(op.base))
    values = list(getattr(op, "control_values", [1] * len(controls)))
    cells = dict(target)
    for row, value in zip(controls, values, strict=True):
        command = "ctrl" if value else "octrl"
        cells[row] = rf"\{command}{{{_distance(row, target)}}}"
    return cells


def _distance(row: int, cells: Mapping[int, str]) -> int:
    """Return the signed number of rows from a row to the nearest of a gate's cells."""
    return min((other - row for other in cells), key=abs)


def _box(rows: list[int], label: str, rounded: bool = False) -> Cells:
    """Return a box over all rows of a gate. Wires of other qubits between them pass through it."""
    top = min(rows)
    bottom = max(rows)
    passing = [row for row in range(top, bottom) if row not in rows]
    styles = []
    if passing:
        styles.append("fill=none")
    if rounded:
        styles.append("rounded corners")
    options = []
    if bottom > top:
        options.append(f"wires={bottom - top + 1}")
    if styles:
        options.append(f"style={{{','.join(styles)}}}")
    gate = rf"\gate[{','.join(options)}]" if options else r"\gate"
    cells = {top: f"{gate}{{{label}}}"}
    for row in range(top + 1, bottom + 1):
        cells[row] = r"\linethrough" if row in passing else ""
    return cells


def _label(op: Any) -> str:
    """Return the label of a gate's box as a LaTeX formula."""
    text = getattr(op, "text", None)
    if text is not None:
        ket = re.fullmatch(r"\|(.*)>", text)
        if ket:
            return rf"\lvert\text{{{latex.escape(ket[1])}}}\rangle"
        return rf"\text{{{latex.escape(text)}}}"
    if op.name == "StatePrep":
        return r"\lvert\psi\rangle"
    name = _LATEX_GATES.get(op.name, rf"\text{{{latex.escape(op.name)}}}")
    numbers = [f"{float(value):.2f}" for value in op.parameters if getattr(value, "ndim", 0) == 0]
    return f"{name}({','.join(numbers)})" if numbers else name
