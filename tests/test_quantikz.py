"""Circuits as Quantikz: wires, gates and columns against PennyLane's tape and drawer; compiled by LaTeX where
available."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pennylane as qml
import pytest
from pennylane.drawer.drawable_layers import drawable_layers
from pypdf import PdfReader

from qfusion.errors import InvalidInput
from qfusion.simulate import circuit_export
from qfusion.simulate.step_circuit import step_circuit
from tests.support import typesetting
from tests.support.entangled import model_of as network_of
from tests.support.fusion_circuits import circuit_of
from tests.support.random_systems import random_kets, random_system

WIRE = {"", r"\qw", r"\cw", r"\linethrough"}


def rows_of(tex: str) -> list[list[list[str]]]:
    """For every environment its rows of cells."""
    found = re.findall(r"\\begin\{quantikz\}\[.*?\]\n(.*?)\n\\end\{quantikz\}", tex, re.DOTALL)
    return [
        [[cell.strip() for cell in line.split(" & ")] for line in body.split(" \\\\\n")]
        for body in found
    ]


def spans(cells: list[list[str]]) -> list[Counter[tuple[int, ...]]]:
    """For each column the rows that its gates lie on: boxes with all below them, controls with their targets."""
    found = []
    for column in range(1, len(cells[0]) - 1):
        here: Counter[tuple[int, ...]] = Counter()
        joined: dict[int, set[int]] = {}
        for row, line in enumerate(cells):
            cell = line[column]
            if cell in WIRE:
                continue
            tall = re.search(r"wires=(\d+)", cell)
            own = set(range(row, row + (int(tall[1]) if tall else 1)))
            way = re.search(r"\\(?:o?ctrl|vqw|vcw|swap)\{(-?\d+)\}", cell)
            own |= {row + int(way[1])} if way else set()
            for other in [key for key, rows in joined.items() if rows & own]:
                own |= joined.pop(other)
            joined[row] = own
        for rows in joined.values():
            here[tuple(range(min(rows), max(rows) + 1))] += 1
        found.append(here)
    return found


def pennylane_columns(
    operations: list[Any], wires: tuple[str, ...]
) -> list[Counter[tuple[int, ...]]]:
    """The same from the columns of PennyLane's drawer."""
    place = {wire: row for row, wire in enumerate(wires)}
    layers = drawable_layers(operations, wire_map=place)
    return [
        Counter(
            tuple(range(min(rows), max(rows) + 1))
            for op in layer
            for rows in [[place[wire] for wire in op.wires]]
        )
        for layer in layers
    ]


@pytest.mark.parametrize("form", ["exact", "trotter"])
@pytest.mark.parametrize("dims", [(2, 2, 2), (2, 4)])
def test_evolution_step_equals_the_pennylane_drawing(form: str, dims: tuple[int, ...]) -> None:
    built = step_circuit(random_system(dims), random_kets(dims), 0.1, form=form)
    tex = built.to_quantikz()
    (cells,) = rows_of(tex)
    assert spans(cells) == pennylane_columns(built.labelled_tape().operations, built.wires)
    assert len(cells) == len(built.wires)
    assert tex.count(r"\rangle") == len(dims)
    assert tex.count("rounded corners") == sum(
        gate.kind in ("jump", "channel") for gate in built.gates
    )


@pytest.mark.parametrize("M", [2, 3])
def test_fusion_equals_the_pennylane_drawing(M: int) -> None:
    part = circuit_of(network_of(4, M)).part("fusion")
    tex = part.to_quantikz()
    (cells,) = rows_of(tex)
    *gates, read = spans(cells)
    assert gates == pennylane_columns(part.tape().operations, part.wires)
    assert sum(read.values()) == len(part.fused)
    tables = [op for op in part.tape().operations if isinstance(op, qml.SelectPauliRot)]
    said = [
        [float(each) for each in line.rpartition(":")[2].split()]
        for line in tex.splitlines()
        if line.startswith("% alpha_")
    ]
    assert said == [[float(angle) for angle in op.data[0]] for op in tables]


def test_pooling_has_measurement_and_classical_control() -> None:
    whole = circuit_of(network_of(4, 2))
    (cells,) = rows_of(whole.to_quantikz())
    operations = whole.tape().operations
    place = {wire: row for row, wire in enumerate(whole.wires)}
    inside = [line[1:-2] for line in cells]
    middle = [op for op in operations if isinstance(op, qml.ops.MidMeasure)]
    chosen = [op for op in operations if isinstance(op, qml.ops.Conditional)]
    assert sum(line.count(r"\meter{}") for line in inside) == len(middle) > 0
    for outcome, dot in ((1, "phase"), (0, "ophase")):
        wanted = [op for op in chosen if bool(op.meas_val.processing_fn(1)) == bool(outcome)]
        assert (
            sum(cell.startswith(f"|[{dot}]|") for line in inside for cell in line)
            == len(wanted)
            > 0
        )
    for op in middle:  # a wire is classical from its measurement on, and quantum before
        line = cells[place[op.wires[0]]][1:]
        at = line.index(r"\meter{}")
        assert all(r"\cw" in cell for cell in line[at + 1 :])
        assert not any(r"\cw" in cell for cell in line[:at])
    each = Counter(
        place[wire]
        for op in operations
        for wire in (op.base.wires if isinstance(op, qml.ops.Conditional) else op.wires[-1:])
    )
    boxes = {
        row: sum(cell.startswith((r"\gate", r"\meter", r"\targ", r"\control{}")) for cell in line)
        for row, line in enumerate(inside)
    }
    assert boxes == {row: each[row] for row in boxes}


def test_gates_of_every_form() -> None:
    with qml.queuing.AnnotatedQueue() as queue:
        qml.Toffoli(["a", "b", "c"])
        qml.SWAP(["a", "c"])
        qml.CZ(["c", "a"])
        qml.ctrl(qml.RX(0.5, "a"), control=["c"], control_values=[0])
        qml.QubitUnitary(qml.matrix(qml.CNOT([0, 1])), wires=["a", "c"])
        qml.adjoint(qml.S("b"))
    tape = qml.tape.QuantumScript.from_queue(queue)
    (cells,) = rows_of(circuit_export.to_quantikz(tape, ("a", "b", "c")))
    assert [line[1] for line in cells] == [r"\ctrl{2}", r"\ctrl{1}", r"\targ{}"]
    assert [line[2] for line in cells] == [r"\swap{2}", r"\qw", r"\targX{}"]
    assert [line[3] for line in cells] == [r"\control{}", r"\qw", r"\ctrl{-2}"]
    assert [line[4] for line in cells] == [r"\gate{R_X(0.50)}", r"\qw", r"\octrl{-2}"]
    assert cells[0][5].startswith(r"\gate[wires=3,style={fill=none}]")
    assert cells[1][5] == r"\linethrough"
    assert cells[1][6] == r"\gate{S^\dagger}"


def test_long_circuits_are_wrapped_and_too_long_ones_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = circuit_of(network_of(4, 2))
    (one,) = rows_of(whole.to_quantikz())
    parts = rows_of(whole.to_quantikz(per_line=7))
    assert len(parts) == -(-(len(one[0]) - 2) // 7)
    assert [cell for part in parts for cell in part[5][1:-1]] == one[5][1:-1]
    monkeypatch.setattr(circuit_export, "MAX_CELLS", 10)
    with pytest.raises(InvalidInput, match="Export it as SVG"):
        whole.to_quantikz()


def test_latex_compiles_the_circuits(tmp_path: Path) -> None:
    dims = (2, 4)
    circuits = [
        circuit_of(network_of(4, 2)),
        step_circuit(random_system(dims), random_kets(dims), 0.1, form="trotter"),
    ]
    body = "\n\n".join(
        "\\noindent\\resizebox{\\linewidth}{!}{%\n" + circuit.to_quantikz() + "}"
        for circuit in circuits
    )
    pdf = typesetting.compiled(body, tmp_path, r"\usetikzlibrary{quantikz}")
    words = "".join(page.extract_text() for page in PdfReader(pdf).pages)
    assert "fused" in words
    assert words.count("H[") == sum(gate.kind == "unitary" for gate in circuits[1].gates)
