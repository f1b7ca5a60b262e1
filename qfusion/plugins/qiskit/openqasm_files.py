"""OpenQASM 2 and 3, text or file, as circuits of Qiskit. No other file is read; sizes are limited before parsing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qfusion._checks import check
from qfusion.errors import NotFound, QFusionError, translate_errors, translate_import_errors

with translate_import_errors():
    from qiskit import QuantumCircuit, qasm2

MAX_BYTES = 8 << 20
MAX_STATEMENTS = {2: 100_000, 3: 10_000}  # OpenQASM 3 is parsed at about 800 statements a second
MAX_REGISTER = 1000  # qubits or bits of all registers of a kind
MAX_BROADCAST = 40  # qubits and bits of registers, where there are the most statements
MAX_NESTING = 100
MAX_CALLS = 20_000  # of gates, those in the definitions of called gates included
MAX_INTEGER = 1 << 53
MAX_POWER = 6  # qubits of a gate that is raised to a power, which takes its whole matrix
HEADERS = {2: "qelib1.inc", 3: "stdgates.inc"}
_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_HEADER = re.compile(r"\s*OPENQASM\s+([23])(?:\.\d+)?\s*;")
_INCLUDE = re.compile(r"\binclude\b\s*([^;]*);?")
_HARDWARE_QUBIT = re.compile(r"\$(\d+)")
_REGISTER = re.compile(r"\b(?:qreg|creg)\s+\w+\s*\[([^\]]*)\]|\b(?:qubit|bit)\s*\[([^\]]*)\]")


def read_circuit(source: Any) -> Any:
    """Return a circuit of Qiskit.

    Args:
        source: a `QuantumCircuit`, which is returned; a text in OpenQASM 2 or 3, as its header says; or the path of a
            file with one.

    Raises:
        NotFound: when there is no such file.
        InvalidInput: when it is none of these, is too large, includes other files, or cannot be parsed; the message
            names the line.
        MissingPackage: when OpenQASM 3 is read without `qiskit_qasm3_import`.
    """
    if isinstance(source, QuantumCircuit):
        return source
    check(
        isinstance(source, (str, Path)),
        "Argument `circuit` must be a QuantumCircuit of Qiskit, a text in OpenQASM, or the path of a file with one, "
        f"but is a {type(source).__name__}.",
    )
    text = source if _is_text(source) else _read_file(Path(source))
    return _parse(text)


def _is_text(source: Any) -> bool:
    return isinstance(source, str) and ("\n" in source or ";" in source or "OPENQASM" in source)


def _read_file(path: Path) -> str:
    check(path.is_file(), f"File {path} does not exist.", NotFound)
    check(
        path.stat().st_size <= MAX_BYTES,
        f"File {path.name} has {path.stat().st_size:,} bytes; OpenQASM is read up to {MAX_BYTES:,}. Explain a part of "
        "the circuit.",
    )
    with translate_errors(
        f"File {path.name} cannot be read as text",
        "Write it in UTF-8.",
        OSError,
        UnicodeDecodeError,
        why="{kind}",
    ):
        return path.read_text("utf-8")


def _parse(text: str) -> Any:
    check(
        len(text) <= MAX_BYTES,
        f"The OpenQASM text has {len(text):,} characters; up to {MAX_BYTES:,} are read. Explain a part of the circuit.",
    )
    plain = _COMMENTS.sub(" ", text)
    header = _HEADER.match(plain)
    check(
        header is not None,
        "OpenQASM must begin with its version, `OPENQASM 2.0;` or `OPENQASM 3.0;`, but this text begins with "
        f"{plain.strip()[:40]!r}.",
    )
    assert header is not None
    version = int(header[1])
    _check_size(plain, version)
    problem = f"The OpenQASM {version} text cannot be parsed"
    with translate_errors(
        problem,
        "Correct it, or write it with Qiskit.",
        Exception,  # parsers raise many kinds
        why="{words:.300}",
        passing=(QFusionError,),
    ):
        if version == 3:
            with translate_import_errors():
                import openqasm3
                import qiskit_qasm3_import
            program = openqasm3.parse(text)
            _check_calls(program)
            return qiskit_qasm3_import.convert(program)
        return qasm2.loads(
            text,
            include_path=(),
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )


def _check_size(plain: str, version: int) -> None:
    """Check what a text without comments holds, before it is parsed."""
    most = MAX_STATEMENTS[version]
    statements = plain.count(";")
    check(
        statements <= most,
        f"The circuit has {statements:,} statements; OpenQASM {version} is read up to {most:,}. Explain a part of it.",
    )
    for name in _INCLUDE.findall(plain):
        check(
            name.strip().strip("\"'") == HEADERS[version],
            f"The OpenQASM text includes {name.strip()[:60]}, and no other files are read. Put its gates into the "
            f'text; only `include "{HEADERS[version]}";` is known.',
        )
    sizes = [first or second for first, second in _REGISTER.findall(plain)]
    for size in sizes:
        check(
            size.strip().isascii() and size.strip().isdecimal() and len(size.strip()) <= 4,
            f"The size of a register must be a whole number up to {MAX_REGISTER}, but is {size.strip()[:40]!r}.",
        )
    for place in _HARDWARE_QUBIT.findall(plain):
        check(
            len(place) <= 4 and int(place) < MAX_REGISTER,
            f"The circuit uses qubit ${place[:40]}; qubits up to ${MAX_REGISTER - 1} are read.",
        )
    total = sum(int(size) for size in sizes)
    check(
        total <= 2 * MAX_REGISTER,
        f"The registers have {total:,} qubits and bits; up to {2 * MAX_REGISTER:,} are read.",
    )
    check(
        statements * total <= most * MAX_BROADCAST,
        f"The circuit has {statements:,} statements on registers of {total:,} qubits and bits, each of which may act "
        "on all of them. Explain a part of it, without idle qubits.",
    )
    depth = deepest = 0
    for letter in re.findall(r"[(){}\[\]]", plain):
        depth += 1 if letter in "({[" else -1
        deepest = max(deepest, depth)
    check(
        deepest <= MAX_NESTING,
        f"Brackets are nested {deepest:,} deep; OpenQASM is read up to {MAX_NESTING}.",
    )


def _check_calls(program: Any) -> None:
    """Check what a program in OpenQASM 3 makes of its gates, before it is converted: each call of a gate copies its
    whole definition, and each control writes it anew.
    """
    from openqasm3 import ast, visitor

    defined: dict[str, int] = {}  # calls that the call of a gate leads to
    wires: dict[str, int] = {}
    total, within = 0, False

    class Calls(visitor.QASMVisitor[None]):
        def visit_IntegerLiteral(self, node: Any) -> None:
            check(
                node.value <= MAX_INTEGER,
                f"A number in line {_line(node)} is above {MAX_INTEGER:,}. Write a smaller one.",
            )

        def visit_QuantumGateDefinition(self, node: Any) -> None:
            nonlocal within
            before, within = total, True
            self.generic_visit(node)
            within = False
            defined[node.name.name] = total - before
            wires[node.name.name] = len(node.qubits)

        def visit_QuantumPhase(self, node: Any) -> None:
            self._call(node, "", 0)

        def visit_QuantumGate(self, node: Any) -> None:
            self._call(node, node.name.name, len(node.qubits))

        def _call(self, node: Any, name: str, qubits: int) -> None:
            nonlocal total
            self.generic_visit(node)
            controls, powers = [], False
            for modifier in node.modifiers:
                kind, argument = modifier.modifier, modifier.argument
                if kind is ast.GateModifierName.pow:
                    powers = True
                elif kind is not ast.GateModifierName.inv:
                    is_whole = argument is None or isinstance(argument, ast.IntegerLiteral)
                    controls.append(getattr(argument, "value", 1) if is_whole else MAX_INTEGER)
            acted = max(wires.get(name, 0), qubits, sum(controls))
            check(
                not controls or acted <= MAX_BROADCAST,
                f"The gate in line {_line(node)} has too many controls, or their number is not written as a number. "
                f"Gates on up to {MAX_BROADCAST} qubits are read.",
            )
            check(
                not powers or acted <= MAX_POWER,
                f"The gate in line {_line(node)} is raised to a power and acts on {acted} qubits. Powers are read of "
                f"gates on up to {MAX_POWER}.",
            )
            calls = defined.get(name, 0)
            if calls or within or len(node.modifiers) > 1:
                for number in controls:  # about the number of gates of a controlled one
                    calls = 10 * max(calls, 1) * number**2
            total += 1 + calls
            check(
                total <= MAX_CALLS,
                f"The gates up to line {_line(node)} call more than {MAX_CALLS:,} gates, those in their definitions "
                "and controls included. Explain a part of the circuit, or write it without nested definitions.",
            )

    Calls().visit(program)


def _line(node: Any) -> int:
    return node.span.start_line if node.span else 0
