"""Drawings of circuits as text and SVG, and exports as OpenQASM and LaTeX (quantikz)."""

import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.errors import translate_import_errors

with translate_import_errors():
    import pennylane as qml

latex: Any = Library("plotly_print.latex")  # of the extra `figures`, as matplotlib

# pyplot keeps global state, and a server draws in several threads.
_DRAWING = threading.Lock()


class Labelled:
    """An operation that carries its own label. It is for drawings only, since devices know operations by name and
    refuse a subclass.
    """

    text = ""

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        """Return `text`, whatever the arguments."""
        return self.text


class LabelledUnitary(Labelled, qml.QubitUnitary):
    """A unitary with a label."""


class Drawn:
    """A circuit that can be drawn. It has `wires`, all qubits from top to bottom, and `drawn`."""

    wires: tuple[str, ...]
    decimals: int | None = 2  # of the angles in a drawing

    def drawn(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the operations as a tape with the labels of the drawing, on one line or on several."""
        raise NotImplementedError

    def draw_text(self) -> str:
        """Return the circuit in characters, one line a wire."""
        return qml.drawer.tape_text(
            self.drawn(),
            wire_order=self.wires,
            show_all_wires=True,
            decimals=self.decimals,
            max_length=10**6,
        )

    def draw_svg(self) -> bytes:
        """Return the circuit as an SVG file; equal circuits give equal bytes."""
        with translate_import_errors():
            import matplotlib
            from matplotlib import pyplot as plt

        style: Any = {"svg.fonttype": "none", "svg.hashsalt": "qfusion"}
        with _DRAWING, matplotlib.rc_context(style):
            before = plt.get_backend()
            plt.switch_backend("agg")  # a window toolkit would fail outside the main thread
            try:
                figure, _ = qml.drawer.tape_mpl(
                    self.drawn(one_line=False),
                    wire_order=self.wires,
                    show_all_wires=True,
                    style="black_white",
                    decimals=self.decimals,
                )
                target = io.BytesIO()
                figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
                plt.close(figure)
            finally:
                plt.switch_backend(before)
        return target.getvalue()


# PennyLane tapes as OpenQASM 3, which PennyLane does not write, and as OpenQASM 2, which it does.

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


def to_openqasm(
    version: int, tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]
) -> str:
    """Return the tape in a version of OpenQASM, 2 or 3.

    Args:
        tape, wires, read: as of `openqasm` and `by_pennylane`.

    Raises:
        InvalidInput: when it is another version.
    """
    check(
        version in (2, 3),
        f"Argument `version` must be 2 or 3, but is {version!r}. Most readers take 3.",
    )
    return (openqasm if version == 3 else by_pennylane)(tape, wires, read)


def openqasm(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Return the tape in OpenQASM 3: qubits `q` in the order of `wires`, one bit for every mid-circuit measurement,
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
        *(line for op in tape.operations for line in _statements(op, place, bits)),
        *(f"c[{index}] = measure q[{place[wire]}];" for index, wire in enumerate(read)),
    ]
    return "\n".join(lines) + "\n"


def _statements(op: Any, place: dict[str, int], bits: dict[str, str]) -> Iterator[str]:
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
    elif op.name in _NAMES:
        angles = (
            f"({', '.join(repr(float(angle)) for angle in op.parameters)})" if op.parameters else ""
        )
        yield f"{_NAMES[op.name]}{angles} {', '.join(f'q[{place[wire]}]' for wire in op.wires)};"
    else:
        for inner in op.decomposition():
            yield from _statements(inner, place, bits)


def by_pennylane(tape: qml.tape.QuantumScript, wires: Sequence[str], read: Sequence[str]) -> str:
    """Return PennyLane's OpenQASM 2 of a tape without mid-circuit measurements. The bits `c` read the qubits in `read`.

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


# PennyLane tapes as Quantikz circuits for LaTeX (Kay 2018, arXiv 1809.03842): every gate a cell, every wire a row.
#
# Written with commands that quantikz 0.9.6 (2020) has and later ones still read. Import it where a circuit is wanted.

NEEDS = r"\usepackage{tikz} \usetikzlibrary{quantikz}"
MAX_CELLS = 60_000
_NAMES_QUANTIKZ = {
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

# What stands at the target where it is no box.
_TARGETS = {
    **dict.fromkeys(("CNOT", "Toffoli", "MultiControlledX"), r"\targ{}"),
    "CZ": r"\control{}",
}


def quantikz(
    tape: qml.tape.QuantumScript,
    wires: Sequence[str],
    read: Sequence[str] = (),
    *,
    per_line: int = 0,
    says: str = "",
) -> str:
    """Return the tape as LaTeX: one `quantikz` environment, or several below each other.

    Args:
        tape: of gates, state preparations, channels, measurements, and gates that one outcome chooses.
        wires: all qubits, top to bottom.
        read: qubits measured at the end.
        per_line: columns of an environment; 0 puts all into one.
        says: a comment, as words.

    Raises:
        InvalidInput: when the circuit is larger than LaTeX takes.
    """
    place = {wire: row for row, wire in enumerate(wires)}
    table: list[dict[int, str]] = [{} for _ in wires]  # the cells of each row, by column
    free = [0] * len(wires)  # the first column without a gate, and behind it all are
    measured: dict[int, int] = {}  # the column of a row's measurement
    outcomes: dict[Any, int] = {}
    notes: list[str] = []
    for op in tape.operations:
        cells, note = _gate(op, place, outcomes, len(notes) + 1)
        notes += [note] if note else []
        span = slice(min(cells), max(cells) + 1)
        column = max(free[span])
        free[span] = [column + 1] * len(free[span])
        for row, cell in cells.items():
            table[row][column] = cell
        if isinstance(op, qml.ops.MidMeasure):
            outcomes[op.meas_uid] = place[op.wires[0]]
            measured[place[op.wires[0]]] = column
    last = max(free, default=0)
    for row in (place[wire] for wire in read):
        if row not in measured:
            table[row][last], measured[row] = r"\meter{}", last
    total = last + bool(read)
    check(
        len(wires) * total <= MAX_CELLS,
        f"The circuit has {len(wires)} wires and {total:,} columns, more than LaTeX sets. Export it as SVG.",
    )
    step = per_line if 0 < per_line < total else max(total, 1)
    blocks = []
    for start in range(0, max(total, 1), step):
        stop = min(start + step, total)
        lines = []
        for row, wire in enumerate(wires):
            line = [
                table[row].get(column, r"\cw" if column > measured.get(row, column) else r"\qw")
                for column in range(start, stop)
            ]
            end = r"\cw" if measured.get(row, stop) < stop else r"\qw"
            lines.append(" & ".join([rf"\lstick{{{latex.escape(wire)}}}", *line, end]))
        blocks.append(
            "\\begin{quantikz}[row sep=0.25cm, column sep=0.3cm]\n"
            + " \\\\\n".join(lines)
            + "\n\\end{quantikz}"
        )
    lines = [
        *([f"% {' '.join(says.split())}"] if says else []),
        f"% In the preamble: {NEEDS}",
        *notes,
        "\n\n\\medskip\\noindent\n".join(blocks),
    ]
    return "\n".join(lines) + "\n"


def _gate(
    op: Any, place: Mapping[str, int], outcomes: Mapping[Any, int], number: int
) -> tuple[dict[int, str], str]:
    """The cells of one operation by row, and a comment with the numbers that have no room in its box."""
    rows = [place[wire] for wire in op.wires]
    if isinstance(op, qml.ops.MidMeasure):
        return {rows[0]: r"\meter{}"}, ""
    if isinstance(op, qml.ops.Conditional):
        (measurement,) = op.meas_val.measurements
        row = outcomes[measurement.meas_uid]
        # the condition is "== 1" or "== 0"
        dot = "phase" if op.meas_val.processing_fn(1) else "ophase"
        cells = _box([place[wire] for wire in op.base.wires], _label(op.base))
        return cells | {row: rf"|[{dot}]| {{}} \cw \vcw{{{_way(row, cells)}}}"}, ""
    if isinstance(op, qml.SelectPauliRot):
        *controls, target = rows
        angles = " ".join(repr(float(angle)) for angle in op.data[0])
        note = f"% alpha_{number} (for outcomes 0...0 to 1...1 of the grey controls): {angles}"
        cells = {
            row: rf"|[ophase,fill=black!40]| {{}} \qw \vqw{{{target - row}}}" for row in controls
        }
        label = rf"R_{op.hyperparameters['rot_axis']}(\vec{{\alpha}}_{{{number}}})"
        return _box([target], label) | cells, note
    if op.name == "SWAP":
        return {rows[0]: rf"\swap{{{rows[1] - rows[0]}}}", rows[1]: r"\targX{}"}, ""
    if not isinstance(op, qml.ops.Controlled):
        return _box(rows, _label(op), rounded=isinstance(op, qml.operation.Channel)), ""
    controls = [place[wire] for wire in op.control_wires]
    targets = rows[len(controls) :]
    bare = _TARGETS.get(op.name)
    cells = {targets[0]: bare} if bare else _box(targets, _label(op.base))
    values = list(getattr(op, "control_values", [1] * len(controls)))
    return cells | {
        row: rf"\{'' if value else 'o'}ctrl{{{_way(row, cells)}}}"
        for row, value in zip(controls, values, strict=True)
    }, ""


def _way(row: int, cells: Mapping[int, str]) -> int:
    """How many rows it is from one to the next of a gate's cells."""
    return min((other - row for other in cells), key=abs)


def _box(rows: list[int], label: str, rounded: bool = False) -> dict[int, str]:
    """A box over all rows between; wires of other qubits go through it."""
    top, bottom = min(rows), max(rows)
    through = [row for row in range(top, bottom) if row not in rows]
    options = ([f"wires={bottom - top + 1}"] if bottom > top else []) + (
        [f"style={{{','.join(['fill=none'] * bool(through) + ['rounded corners'] * rounded)}}}"]
        if through or rounded
        else []
    )
    first = rf"\gate[{','.join(options)}]{{{label}}}" if options else rf"\gate{{{label}}}"
    return {top: first} | {
        row: r"\linethrough" if row in through else "" for row in range(top + 1, bottom + 1)
    }


def _label(op: Any) -> str:
    """Return the label of a gate's box as a LaTeX formula."""
    text = getattr(op, "text", None)
    if text is not None:
        ket = re.fullmatch(r"\|(.*)>", text)
        return (
            rf"\lvert\text{{{latex.escape(ket[1])}}}\rangle"
            if ket
            else rf"\text{{{latex.escape(text)}}}"
        )
    if op.name == "StatePrep":
        return r"\lvert\psi\rangle"
    name = _NAMES_QUANTIKZ.get(op.name, rf"\text{{{latex.escape(op.name)}}}")
    numbers = [f"{float(value):.2f}" for value in op.parameters if getattr(value, "ndim", 0) == 0]
    return f"{name}({','.join(numbers)})" if numbers else name
