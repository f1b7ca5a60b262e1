"""The Circuit page of models with plain gates: numbers and files of every kind on digits and planted data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pennylane as qml
import pytest
import streamlit as st
import torch

from qfusion import data, report
from qfusion.models import base
from qfusion.models.protocols import GateCircuit, kinds
from qfusion.study import circuits
from qfusion.study.backends import evaluated
from qfusion.study.opening import open_sample
from qfusion.study.sample import Sample
from qfusion.training import Options, checkpoint, checkpoint_cards, train
from qfusion.views import circuit as circuit_views
from qfusion.views.pages import catalogue, rendering
from tests.plugins.papers.published_models import SMALL
from tests.support.app import plain, said, visit
from tests.support.third_model import command

CIRCUITS = kinds(GateCircuit)
WITHOUT = ("unitary-fusion", "concatenation")
DATA = ("digits", "planted")
ON = dict(zip((*CIRCUITS, *WITHOUT), itertools.cycle(DATA)))  # in turn
SAYS = {
    "qfl": "polynomials of degree at most 4",
    "cross-attention-q": "is a token",
    "vqc-mlpnet": "Samples do not pass",
    "quantum-lego": "frozen classical block",
    "reservoir": "second-order steps",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A test sample of each data set; all kinds, each of one of them, are among the user's models."""
    folder, samples = tmp_path_factory.mktemp("models"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_MODELS", str(folder))
        patch.setattr(evaluated, "BUDGET", 1.0)  # no page looks for an example
        for name in DATA:
            dataset = data.load(name)
            samples[name] = str(dataset.ids[dataset.rows("test")[0]])
        for kind, name in ON.items():
            dataset = data.load(name)
            loss = "cross_entropy" if dataset.target.kind == "classification" else "l1"
            # its report runs it often
            small = {"qubits": 1, "duration": 0.25} if kind == "reservoir" else {}
            # its circuit is learned after its classical part
            epochs = 2 if kind == "quantum-lego" else 1
            result = train(
                kind,
                dataset,
                SMALL.get(kind, {}) | {"hidden": 4} | small,
                Options(epochs=epochs, batch=512, loss=loss),
            )
            card = checkpoint_cards.make_card(
                result.model,
                dataset,
                name=kind,
                title=kind,
                seed=0,
                training=result.settings(),
                metrics={},
                this_seed={},
                seeds=[0],
            )
            checkpoint.save(folder / kind, result.model, card)
        st.cache_resource.clear()
        yield samples
    st.cache_resource.clear()


def address(kind: str, trained: dict[str, str], **more: str) -> dict[str, str]:
    return {"model": kind, "data": ON[kind], "sample": trained[ON[kind]], **more}


def opened(kind: str, trained: dict[str, str]) -> Sample:
    return open_sample(kind, trained[ON[kind]], ON[kind])


@pytest.mark.parametrize("kind", CIRCUITS)
def test_the_circuit_opens(kind: str, trained: dict[str, str]) -> None:
    app = visit("Circuit", **address(kind, trained, **{"table.program": "true"}))
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    assert SAYS[kind] in words
    replay = circuit_views.replay(opened(kind, trained))
    assert f"Gate {replay.count} of {replay.count}" in words
    assert "OpenQASM 3," in words
    assert ("share most at the end" in words or "share nothing" in words) == (kind != "vqc-mlpnet")
    app.slider(key="gate").set_value(0).run()
    assert "Before the first gate" in said(app)
    app.button(key="_on").click().run()
    assert not app.error
    assert app.slider(key="gate").value == replay.boxes[0].last


@pytest.mark.parametrize("kind", WITHOUT)
def test_model_without_a_circuit_shows_a_notice(kind: str, trained: dict[str, str]) -> None:
    app = visit("Circuit", **address(kind, trained))
    assert not app.error
    assert "no circuit of gates" in plain(said(app))


@pytest.mark.parametrize("kind", CIRCUITS)
def test_panels_equal_pennylane(kind: str, trained: dict[str, str]) -> None:
    link, sample = address(kind, trained), opened(kind, trained)
    built = circuits.circuit_drawing(sample.study, sample.row)
    wires, half = built.wires, len(built.gates) // 2
    paulis = [letter(wire) for wire in wires for letter in (qml.PauliX, qml.PauliY, qml.PauliZ)]

    @qml.qnode(qml.device("default.qubit", wires=wires))
    def circuit(operations: Any) -> Any:
        for operation in operations:
            qml.apply(operation)
        return [*(qml.expval(P) for P in paulis), *(qml.vn_entropy(wires=[wire]) for wire in wires)]

    operations = built.tape().operations
    for gate in (half, len(built.gates)):
        theirs = np.array(circuit(operations[:gate]), dtype=float)
        for panel in ("circuit", "qubits"):
            table = catalogue.build_panel("Circuit", panel, link | {"gate": str(gate)}).numbers
            assert list(table["qubit"]) == list(wires)
            assert (
                np.abs(table[["X", "Y", "Z"]].to_numpy().ravel() - theirs[: 3 * len(wires)]).max()
                < 1e-8
            )
            assert np.abs(table["entropy"].to_numpy() - theirs[3 * len(wires) :]).max() < 1e-8
        lines = catalogue.build_panel("Circuit", "entropy-gates", link).numbers
        assert (
            np.abs(
                lines.loc[gate, list(wires)].to_numpy(dtype=float) - theirs[3 * len(wires) :]
            ).max()
            < 1e-8
        )
    assert (
        f"{len(built.gates)} gates on {len(wires)} qubits"
        in catalogue.build_panel("Circuit", "circuit", link).title
    )


@pytest.mark.parametrize("kind", CIRCUITS)
def test_scores_are_read_from_the_displayed_state(kind: str, trained: dict[str, str]) -> None:
    sample = opened(kind, trained)
    psi = torch.as_tensor(np.asarray(circuits.circuit_drawing(sample.study, sample.row).state()()))[
        None
    ]
    found, model = sample.study.scores[sample.row], sample.study.trained
    C = len(found)
    to_log_odds = base.others_matrix(C).numpy() if C > 1 else np.eye(1)
    states = circuits.encoded_states(sample.study, sample.row)
    if kind in ("qfl", "quantum-lego"):
        from qfusion.quantum import statevector

        scores = model.head(4 * statevector.expectations(psi, model.words)) + model.bias
        assert np.abs(to_log_odds @ scores.detach().numpy()[0] - found).max() < 1e-8
    else:
        assert np.abs(to_log_odds @ model.scores(states).detach().numpy()[0] - found).max() < 1e-8


def test_headless_figures_programs_reports_and_files(
    trained: dict[str, str], tmp_path: Path
) -> None:
    link = f"/circuit?model=qfl&data=digits&sample={trained['digits']}&gate=30"
    for panel in (
        "circuit",
        "qubits",
        "before-after",
        "matrix-after",
        "entropy-gates",
        "mutual-gates",
    ):
        assert catalogue.build_panel(
            "Circuit", panel, address("qfl", trained, gate="30")
        ).figure.data
    out = tmp_path / "circuit.svg"
    assert command("figure", "--link", link, "--panel", "circuit", "--out", str(out))[0] == 0
    assert b"<svg" in out.read_bytes()
    view = catalogue.open_page("circuit", address("qfl", trained)).view
    assert list(catalogue.visible_panels(view)) == [
        "circuit",
        "qubits",
        "before-after",
        "matrix-after",
        "entropy-gates",
        "mutual-gates",
    ]
    assert "qubits.mutual_gates(sample)" in rendering.program(
        "Circuit", "mutual-gates", view.values
    )
    table = catalogue.build_panel("Circuit", "mutual-gates", view.values).numbers
    assert table.columns[0] == "gates_done"
    assert table.iloc[0, 1:].abs().max() == 0
    assert pd.Series(table.iloc[-1, 1:]).max() > 1e-3
    alone = catalogue.open_page("circuit", address("vqc-mlpnet", trained)).view
    assert "mutual-gates" not in list(catalogue.visible_panels(alone))

    words = report.sample(opened("reservoir", trained)).html().decode()
    assert "The circuit" in words
    assert "second-order steps" in words
    about = ("--model", "qfl", "--sample", trained["digits"])
    for version in (2, 3):
        out = tmp_path / f"{version}.qasm"
        assert (
            command("export", *about, "--format", f"openqasm{version}", "--out", str(out))[0] == 0
        )
        assert out.read_text().startswith(f"OPENQASM {version}.0;")
    about = ("--model", "unitary-fusion", "--sample", trained[ON["unitary-fusion"]])
    code, _, err = command(
        "export", *about, "--format", "openqasm3", "--out", str(tmp_path / "no.qasm")
    )
    assert code == 1
    assert "Take torch or numpy instead" in err


def test_invalid_link_values_show_a_notice(trained: dict[str, str]) -> None:
    app = visit("Circuit", whole=False, **address("qfl", trained, gate="-1"))
    assert "gate" in plain(app.warning[0].value)
    app = visit("Circuit", whole=False, **address("qfl", trained, **{"table.program": "perhaps"}))
    assert len(app.warning) == 1
