"""Circuits of Qiskit as flat lists of gates in the convention of `quantum.statevector`, for any values of parameters.

Qubit 0 of Qiskit is our qubit 0, which is the most significant here and the least significant there: matrices are
reordered. Gates of Qiskit's standard library stay as they are; all others are replaced by their definitions. Global
phases, which no result depends on, are left out.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput, translate_import_errors
from qfusion.quantum.statevector import Gate

with translate_import_errors():
    from qiskit import circuit as library
    from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

MAX_GATES = 20_000  # of one circuit
STEPS = 5  # that are followed for each gate: barriers, rounds of loops, definitions
MAX_DEPTH = 50  # of definitions within definitions
LARGEST_GATE = 6  # qubits of a gate without a definition
SILENT = ("barrier", "delay", "id", "global_phase", "snapshot")
NAMES = {  # PennyLane's, of equal matrices
    "x": "PauliX",
    "y": "PauliY",
    "z": "PauliZ",
    "h": "Hadamard",
    "s": "S",
    "sdg": "Adjoint(S)",
    "t": "T",
    "tdg": "Adjoint(T)",
    "sx": "SX",
    "sxdg": "Adjoint(SX)",
    "rx": "RX",
    "ry": "RY",
    "rz": "RZ",
    "p": "PhaseShift",
    "u1": "PhaseShift",
    "u2": "U2",
    "u": "U3",
    "u3": "U3",
    "cx": "CNOT",
    "cy": "CY",
    "cz": "CZ",
    "ch": "CH",
    "ccx": "Toffoli",
    "ccz": "CCZ",
    "swap": "SWAP",
    "iswap": "ISWAP",
    "cswap": "CSWAP",
    "ecr": "ECR",
    "crx": "CRX",
    "cry": "CRY",
    "crz": "CRZ",
    "cp": "ControlledPhaseShift",
    "cu1": "ControlledPhaseShift",
    "rxx": "IsingXX",
    "ryy": "IsingYY",
    "rzz": "IsingZZ",
}
ANGLES = {"u2": ("phi", "delta"), "u": ("theta", "phi", "delta"), "u3": ("theta", "phi", "delta")}
_X = np.array([[0, 1], [1, 0]], complex)
_Y = np.array([[0, -1j], [1j, 0]], complex)
_Z = np.diag([1, -1]).astype(complex)
_ROTATIONS = {  # exp(-i angle / 2 P), the first qubit of P most significant
    "rx": _X,
    "ry": _Y,
    "rz": _Z,
    "rxx": np.kron(_X, _X),
    "ryy": np.kron(_Y, _Y),
    "rzz": np.kron(_Z, _Z),
    "rzx": np.kron(_Z, _X),
}
_OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "sign": np.sign,
}
_PHASES = {"p": 2, "u1": 2, "cp": 4, "cu1": 4}  # whose last basis state gets a phase: dimensions


@dataclass(frozen=True, eq=False)
class FlatGate:
    """One gate of a flat circuit.

    Attributes:
        operation: of Qiskit.
        wires: qubits it acts on, in Qiskit's order of them.
        parameters: of the circuit that its angles depend on, by their places among all.
    """

    operation: Any
    wires: tuple[int, ...]
    parameters: frozenset[int]

    @property
    def name(self) -> str:
        """PennyLane's name of it, where it has one; else that of Qiskit in capital letters."""
        own = self.operation.name if is_standard(self.operation) else "unitary"
        return NAMES.get(own, own.upper() if own != "unitary" else "Unitary")

    @property
    def angle_names(self) -> tuple[str, ...]:
        """Names of its angles; none of a gate that is given by a matrix."""
        if not is_standard(self.operation):
            return ()
        count = len(self.operation.params)
        names = ANGLES.get(self.operation.name, ())
        if len(names) == count:
            return names
        return ("angle",) if count == 1 else tuple(f"angle_{k + 1}" for k in range(count))


@dataclass(frozen=True, eq=False)
class FlatCircuit:
    """A circuit as a flat list of gates.

    Attributes:
        gates: in their order, on |0...0>.
        qubits: number of them.
        parameters: of the circuit, as Qiskit orders them.
        measured: the qubit that each classical bit reads at the end, by the bit.
        labels: of the qubits, such as "q[0]".
    """

    gates: tuple[FlatGate, ...]
    qubits: int
    parameters: tuple[Any, ...]
    measured: Mapping[int, int]
    labels: tuple[str, ...]


def is_standard(operation: Any) -> bool:
    """Return whether an operation is a gate of Qiskit's standard library, as it stands there."""
    known = _standard().get(operation.name)
    return (
        known is not None
        and isinstance(operation, library.Gate)
        and operation.base_class is known.base_class
        and operation.num_qubits == known.num_qubits
        and getattr(operation, "ctrl_state", None) == getattr(known, "ctrl_state", None)
    )


@memo(1)
def _standard() -> dict[str, Any]:
    return dict(get_standard_gate_name_mapping())


def flatten(circuit: Any, most: int = MAX_GATES) -> FlatCircuit:
    """Return a circuit of Qiskit as a flat list of gates.

    Measurements at the end are listed apart; resets of qubits that nothing has acted on are left out.

    Args:
        circuit: a `QuantumCircuit`. most: gates.

    Raises:
        InvalidInput: when it holds measurements or resets between gates, classical control, channels, gates without a
            definition, or too many gates.
    """
    parameters = tuple(circuit.parameters)
    places = {parameter: place for place, parameter in enumerate(parameters)}
    gates: list[FlatGate] = []
    measured: dict[int, int] = {}
    touched: set[int] = set()
    ended: set[int] = set()
    steps = iter(range(STEPS * most))
    for operation, wires, bits in _operations(circuit, tuple(range(circuit.num_qubits)), 0, steps):
        if operation.name == "measure":
            measured = {bit: wire for bit, wire in measured.items() if bit != bits[0]}
            measured[bits[0]] = wires[0]
            ended.add(wires[0])
            continue
        check(
            not ended & set(wires),
            f"qubit {min(ended & set(wires), default=0)} is measured before its gate {operation.name}. Measurements "
            "inside a circuit are not followed: measure at the end, and replace control by outcomes by controlled "
            "gates (deferred measurement)",
        )
        if operation.name == "reset":
            check(
                not touched & set(wires),
                f"qubit {wires[0]} is reset after gates have acted on it, which is not unitary. Use another qubit for "
                "what follows",
            )
            continue
        touched |= set(wires)
        check(
            len(gates) < most,
            f"it has more than {most:,} gates, once its blocks are decomposed. Explain a part of it",
        )
        gates.append(FlatGate(operation, wires, _parameters(operation, places)))
    labels = tuple(_label(circuit, qubit) for qubit in circuit.qubits)
    return FlatCircuit(tuple(gates), circuit.num_qubits, parameters, measured, labels)


def _label(circuit: Any, qubit: Any) -> str:
    registers = circuit.find_bit(qubit).registers
    if not registers:
        return f"q[{circuit.find_bit(qubit).index}]"
    register, place = registers[0]
    return f"{register.name}[{place}]"


def _parameters(operation: Any, places: Mapping[Any, int]) -> frozenset[int]:
    return frozenset(
        places[parameter]
        for value in operation.params
        for parameter in getattr(value, "parameters", ())
    )


def _operations(
    circuit: Any, wires: Sequence[int], depth: int, steps: Iterator[int]
) -> Iterator[tuple[Any, tuple[int, ...], tuple[int, ...]]]:
    """Yield standard gates, gates with a small matrix, measurements and resets of a circuit, definitions expanded. Each
    circuit and instruction takes one of the `steps`.
    """
    check(depth <= MAX_DEPTH, f"its gates are defined by one another more than {MAX_DEPTH} deep")
    for instruction in (None, *circuit.data):
        check(
            next(steps, None) is not None,
            "its definitions, loops and barriers take too many steps to follow. Explain a part of it",
        )
        if instruction is None:
            continue
        operation = instruction.operation
        on = tuple(wires[circuit.find_bit(qubit).index] for qubit in instruction.qubits)
        bits = tuple(circuit.find_bit(bit).index for bit in instruction.clbits)
        if operation.name in SILENT and not isinstance(operation, library.ControlledGate):
            continue
        if operation.name in ("measure", "reset") or is_standard(operation):
            yield operation, on, bits
            continue
        if isinstance(operation, library.ForLoopOp):
            yield from _loop(operation, on, depth, steps)
            continue
        check(
            not isinstance(operation, library.ControlFlowOp),
            f"it holds classical control ({operation.name}), so its gates depend on outcomes. Replace it by controlled "
            "gates",
        )
        check(
            not bits or operation.name == "initialize",
            f"its operation {operation.name} acts on classical bits",
        )
        definition = _definition(operation)
        if definition is not None and not _is_matrix(operation):
            yield from _operations(definition, on, depth + 1, steps)
            continue
        check(
            _has_matrix(operation) and len(on) <= LARGEST_GATE,
            f"its operation {operation.name} on {len(on)} qubits is not a unitary gate, or has neither a small matrix "
            "nor a definition",
        )
        yield operation, on, bits


def _loop(
    operation: Any, wires: tuple[int, ...], depth: int, steps: Iterator[int]
) -> Iterator[tuple[Any, tuple[int, ...], tuple[int, ...]]]:
    """Yield the operations of a loop over known numbers."""
    numbers, parameter, body = operation.params
    check(
        len(numbers) <= MAX_GATES,
        f"it has a loop of {len(numbers):,} rounds. Explain a part of it",
    )
    for number in numbers:
        bound = parameter is not None and parameter in body.parameters
        yield from _operations(
            body.assign_parameters({parameter: number}) if bound else body, wires, depth + 1, steps
        )


def _is_matrix(operation: Any) -> bool:
    return operation.name == "unitary" and operation.num_qubits <= LARGEST_GATE


def _definition(operation: Any) -> Any:
    try:
        return operation.definition
    except Exception as error:  # whatever a user's gate raises
        raise InvalidInput(
            f"its gate {operation.name} cannot be decomposed ({type(error).__name__}: {error})"[
                :300
            ]
        ) from error


def _has_matrix(operation: Any) -> bool:
    try:
        return operation.to_matrix() is not None
    except Exception:  # whatever Qiskit or a user's gate raises
        return False


class BoundCircuit:
    """A flat circuit with values of its parameters.

    Args:
        circuit: that is bound.
        values: of its parameters, (B, P).
        edits: values of angles that replace those of the circuit, by gate and name.

    Raises:
        InvalidInput: when an angle is not a finite real number.
    """

    def __init__(
        self,
        circuit: FlatCircuit,
        values: np.ndarray,
        edits: Sequence[tuple[int, str, float]] = (),
    ):
        self.circuit, self._values = circuit, values
        self._edits: dict[int, dict[str, float]] = {}
        for place, name, value in edits:
            self._edits.setdefault(place, {})[name] = value

    def angles(self, place: int) -> np.ndarray:
        """Return the angles of a gate, (B, A), or (1, A) where they are the same for all rows."""
        gate = self.circuit.gates[place]
        edits = self._edits.get(place, {})
        columns = []
        for name, parameter in zip(gate.angle_names, gate.operation.params, strict=True):
            if name in edits:
                columns.append(np.array([edits[name]]))
            else:
                columns.append(evaluate(parameter, self.circuit.parameters, self._values))
        rows = max((len(column) for column in columns), default=1)
        angles = np.stack([np.broadcast_to(column, rows) for column in columns], 1)
        check(
            bool(np.isfinite(angles).all()),
            f"An angle of gate {place + 1} ({gate.name}) is not finite. Check the features and weights.",
        )
        return angles

    def matrices(self, place: int) -> Tensor:
        """Return the matrices of a gate, (B, 2^w, 2^w), or (1, 2^w, 2^w) where all rows have the same."""
        gate = self.circuit.gates[place]
        if not gate.angle_names:
            return torch.from_numpy(reorder(gate.operation.to_matrix())[None])
        return torch.from_numpy(gate_matrices(gate.operation, self.angles(place)))

    def gates(self) -> list[Gate]:
        """Return the gates of the first row."""
        result = []
        for place, gate in enumerate(self.circuit.gates):
            names = gate.angle_names
            values = {}
            if names:
                values = dict(zip(names, map(float, self.angles(place)[0]), strict=True))
            result.append(Gate(gate.name, gate.wires, self.matrices(place)[0], values))
        return result


def reorder(matrix: Any) -> np.ndarray:
    """Return a matrix of Qiskit, whose first qubit is the least significant, with that qubit the most significant."""
    array = np.asarray(matrix, dtype=complex)
    k = array.shape[0].bit_length() - 1
    axes = [*range(k - 1, -1, -1), *range(2 * k - 1, k - 1, -1)]
    return array.reshape((2,) * (2 * k)).transpose(axes).reshape(2**k, 2**k).copy()


def gate_matrices(operation: Any, angles: np.ndarray) -> np.ndarray:
    """Return the matrices (B, 2^w, 2^w) of a standard gate of Qiskit with angles (B, A), its first qubit the most
    significant.
    """
    name = operation.name
    if name in _ROTATIONS:
        half = angles[:, :1, None] / 2
        word = _ROTATIONS[name]
        return np.cos(half) * np.eye(len(word)) - 1j * np.sin(half) * word
    if name in _PHASES:
        size = _PHASES[name]
        matrices = np.broadcast_to(np.eye(size, dtype=complex), (len(angles), size, size)).copy()
        matrices[:, -1, -1] = np.exp(1j * angles[:, 0])
        return matrices
    rows, where = np.unique(angles, axis=0, return_inverse=True)
    unique = [reorder(operation.base_class(*row).to_matrix()) for row in rows.tolist()]
    return np.stack(unique)[where.reshape(-1)]


def evaluate(expression: Any, parameters: Sequence[Any], values: np.ndarray) -> np.ndarray:
    """Return the values (B,) of an angle, or (1,) where it depends on no parameter."""
    if not getattr(expression, "parameters", None):
        return np.array([_real(expression)])
    places = [k for k, parameter in enumerate(parameters) if parameter in expression.parameters]
    columns = values[:, places]
    rows, where = np.unique(columns, axis=0, return_inverse=True)
    if isinstance(expression, library.Parameter):
        result = rows[:, 0]
    else:
        result = _evaluate_rows(expression, [parameters[k] for k in places], rows)
    return result if len(rows) == 1 else result[where.reshape(-1)]


def _evaluate_rows(expression: Any, parameters: Sequence[Any], rows: np.ndarray) -> np.ndarray:
    """Return the values (R,) of an expression of some parameters, for rows of their values (R, P)."""
    if len(rows) > 8:  # a compiled function pays
        result = _compiled(expression, parameters, rows)
        if result is not None:
            return result
    return np.array([_bound(expression, parameters, row) for row in rows])


def _bound(expression: Any, parameters: Sequence[Any], row: np.ndarray) -> float:
    return _real(expression.bind(dict(zip(parameters, map(float, row), strict=True))))


def _compiled(expression: Any, parameters: Sequence[Any], rows: np.ndarray) -> np.ndarray | None:
    """Return the values of an expression by arrays; None where that does not give those of Qiskit."""
    names = [f"v{place}" for place in range(len(parameters))]
    with suppress(Exception):  # of an expression in a form that is not known
        plain = expression.subs(
            {p: library.Parameter(name) for p, name in zip(parameters, names, strict=True)}
        )
        tree = ast.parse(str(plain), mode="eval").body
        columns = dict(zip(names, rows.T, strict=True))
        result = np.broadcast_to(np.asarray(_compute(tree, columns), dtype=float), len(rows)).copy()
        probes = [(result[k], _bound(expression, parameters, rows[k])) for k in (0, len(rows) - 1)]
        if all(abs(own - known) <= 1e-15 * (1 + abs(known)) for own, known in probes):
            return result
    return None


def _compute(node: ast.AST, columns: Mapping[str, np.ndarray]) -> Any:
    """Return the value of an arithmetic expression of columns.

    Raises:
        KeyError: when it holds anything else.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name):
        return columns[node.id]
    if isinstance(node, ast.UnaryOp):
        return _OPERATIONS[type(node.op)](_compute(node.operand, columns))
    if isinstance(node, ast.BinOp):
        left = _compute(node.left, columns)
        right = _compute(node.right, columns)
        return _OPERATIONS[type(node.op)](left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _FUNCTIONS[node.func.id](*(_compute(entry, columns) for entry in node.args))
    raise KeyError(type(node).__name__)


def _real(value: Any) -> float:
    number = complex(value)
    check(abs(number.imag) < 1e-12, f"An angle of the circuit is the complex number {number:.3g}.")
    return number.real
