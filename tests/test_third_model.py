"""The linear model in states, a third system from one file and its registration, on every page that supports it."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qfusion import explain, model_export, report
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain import counterfactual, sensitivity
from qfusion.models import FUSION, build
from qfusion.models.kind_texts import describe_kind
from qfusion.models.protocols import (
    PARTS,
    Circuit,
    Evolution,
    GateCircuit,
    KetStates,
    Physics,
    TruthTables,
    kinds,
)
from qfusion.quantum.decomposition import subsets
from qfusion.simulate import master_equation
from qfusion.study import opening
from qfusion.study.opening import open_sample
from qfusion.training import checkpoint
from qfusion.views import circuit
from qfusion.views.words import systems
from tests.support.app import plain, said, visit
from tests.support.third_model import DATA, KIND, PAGES, among_the_users, command

MODELS = {"sum": 0, "products": 2}  # by rank
DIMS = (2, 3, 2)


def model_of(M: int, rank: int, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    inputs = {f"v{m}": {"size": 3, "sequence": False} for m in range(M)}
    return (
        build(KIND, inputs, ("a", "b"), {"dims": DIMS[:M], "rank": rank, "hidden": 4})
        .double()
        .eval()
    )


def rows_of(model: Any, count: int, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(count, 3, dtype=torch.float64, generator=generator)
        for name in model.modalities
    }


def hermitian(entries: Tensor) -> Tensor:
    """Real parts from the diagonal on upwards, imaginary parts below it."""
    numbers = entries.detach()
    H = torch.zeros(numbers.shape, dtype=numbers.dtype.to_complex())
    for i in range(H.shape[-1]):
        H[..., i, i] = numbers[..., i, i].to(H.dtype)
        for j in range(i + 1, H.shape[-1]):
            H[..., i, j] = torch.complex(numbers[..., i, j], numbers[..., j, i])
            H[..., j, i] = H[..., i, j].conj()
    return H


def score(model: Any, states: list[Tensor]) -> np.ndarray:
    """Scores (C,) of one density matrix a modality, by the formula in the model's docstring."""
    total = sum(
        torch.einsum("cij,ji->c", hermitian(A), rho).real
        for A, rho in zip(model.single, states, strict=True)
    )
    if model.settings["rank"]:
        each = [
            torch.einsum("rij,ji->r", hermitian(B), rho).real
            for B, rho in zip(model.factors, states, strict=True)
        ]
        total = total + model.weights.detach() @ torch.stack(each).prod(0)
    return np.asarray((total + model.bias.detach()).numpy())


def brute_force(model: Any, x: dict[str, Tensor], rows: dict[str, Tensor], kind: str) -> np.ndarray:
    """v(S), (B, 2^M, C): the mean score over every way of filling in the absent modalities."""

    def densities(inputs: dict[str, Tensor]) -> list[Tensor]:
        with torch.no_grad():
            return [
                torch.einsum("ba,bc->bac", ket, ket.conj()) for ket in model.encode(inputs).values()
            ]

    own, M = densities(x), len(model.modalities)
    if kind in ("mixed", "zero"):
        eye = [torch.eye(d, dtype=torch.complex128) for d in model.dims]
        behind = [
            (each / len(each) if kind == "mixed" else torch.outer(each[0], each[0]))[None]
            for each in eye
        ]
    else:
        behind = densities(rows)
    N = len(behind[0])
    picks = (
        list(itertools.product(range(N), repeat=M))
        if kind == "product"
        else [(row,) * M for row in range(N)]
    )
    return np.array(
        [
            [
                np.mean(
                    [
                        score(
                            model, [own[m][i] if m in S else behind[m][pick[m]] for m in range(M)]
                        )
                        for pick in picks
                    ],
                    0,
                )
                for S in subsets(M)
            ]
            for i in range(len(own[0]))
        ]
    )


@pytest.mark.parametrize("kind", list(explain.KINDS))
@pytest.mark.parametrize("rank", MODELS.values())
@pytest.mark.parametrize("M", [1, 2, 3])
def test_exact_values_equal_brute_force(M: int, rank: int, kind: str) -> None:
    model = model_of(M, rank)
    x, rows = rows_of(model, 2, seed=1), rows_of(model, 1 if kind == "contrast" else 3, seed=2)
    found = explain.explain(model, x, explain.background(model, rows, kind))
    assert found.values == pytest.approx(brute_force(model, x, rows, kind), abs=1e-12)
    with torch.no_grad():
        assert found.prediction == pytest.approx(model(x).numpy(), abs=1e-12)


@pytest.mark.parametrize("kind", list(explain.KINDS))
def test_additive_model_has_no_joint_terms(kind: str) -> None:
    plainly, products = model_of(3, 0), model_of(3, 2)
    joint = [len(S) > 1 for S in subsets(3)]
    for model, nothing in ((plainly, True), (products, False)):
        rows = rows_of(model, 1 if kind == "contrast" else 4, seed=2)
        found = explain.explain(
            model, rows_of(model, 2, seed=1), explain.background(model, rows, kind)
        )
        assert (np.abs(found.dividends[:, joint]).max() < 1e-12) == nothing


def test_flips_are_exact() -> None:
    model = model_of(2, 2)
    x = rows_of(model, 1, seed=1)
    own = counterfactual.encode_samples(model, x)
    changes = [counterfactual.nearest_state(model, own, name) for name in model.modalities]
    assert any(change.possible for change in changes)
    assert all(change.verified and change.exact for change in changes if change.possible)


def test_unsupported_methods_are_refused() -> None:
    model = model_of(2, 0)
    x = rows_of(model, 1)
    background = explain.background(model, kind="mixed")
    for protocol, call in {
        Evolution: lambda: model.require(Evolution),
        Physics: lambda: sensitivity.sensitivity(model, x, background),
        TruthTables: lambda: model.require(TruthTables),
        Circuit: lambda: model.require(Circuit),
    }.items():
        with pytest.raises(
            InvalidInput,
            match=f"kind state-linear, which has no {PARTS[protocol]}.*Choose a "
            "quantum-jump|entangled",
        ):
            call()
    with pytest.raises(InvalidInput, match="no terms of a physics"):
        sensitivity.nearest_parameters(model, counterfactual.encode_samples(model, x))
    with pytest.raises(InvalidInput, match="nothing to tweak"):
        model.tweaked("H.v0=2")
    assert model.tweaked("") is model


def is_of_core(kind: str) -> bool:
    """Whether no plugin adds a kind of models."""
    return FUSION[kind].__module__.startswith("qfusion.models.")


def test_models_declare_their_methods() -> None:
    assert [kind for kind in kinds(KetStates) if is_of_core(kind)] == [
        "quantum-jump",
        KIND,
    ]
    assert kinds(Physics) == ["quantum-jump", "entangled-qcnn"]
    assert kinds(Circuit) == [*kinds(Physics), *kinds(GateCircuit)]
    assert not any(map(is_of_core, kinds(GateCircuit)))
    assert all(model.parts <= set(PARTS) for model in FUSION.values())
    assert not build("late", {"v": {"size": 2, "sequence": False}}, ("a",), {}).part(KetStates)
    assert describe_kind(KIND).title == FUSION[KIND].title


@pytest.mark.parametrize("kind", FUSION)
def test_a_model_has_all_members_of_the_protocols_of_its_parts(kind: str) -> None:
    inputs = {name: {"size": 3, "sequence": False} for name in ("v", "w")}
    model = build(kind, inputs, ("a", "b"), {})
    for protocol in PARTS:
        part = model.part(protocol)
        assert part is (model if protocol in model.parts else None)
        members = {
            name
            for base in protocol.__mro__
            if base.__module__ == protocol.__module__
            for name in vars(base)
        }
        missing = [name for name in members if part and name[0] != "_" and not hasattr(part, name)]
        assert not missing, protocol


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """The data set; models of both ranks are among the user's."""
    wanted = {name: (KIND, {"dims": 2, "rank": rank, "hidden": 8}) for name, rank in MODELS.items()}
    with among_the_users(tmp_path_factory.mktemp("models"), wanted) as dataset:
        yield dataset


@pytest.fixture
def sample(trained: DataSet) -> str:
    return str(trained.ids[trained.rows("test")[0]])


def test_checkpoint_round_trips(trained: DataSet, sample: str) -> None:
    for name, rank in MODELS.items():
        found = checkpoint.load(name)
        assert (found.model.kind, found.model.settings["rank"]) == (KIND, rank)
        study = opening.build_study(name, found.card, found.model, trained)
        with torch.no_grad():
            z = found.model(trained.inputs(dtype=torch.float64)).numpy()
        others = (z.sum(1, keepdims=True) - z) / (z.shape[1] - 1)
        assert study.scores == pytest.approx(z - others, abs=1e-10)
        assert f"{sum(study.dividends(0, 0).values()):.8f}" == f"{study.scores[0, 0]:.8f}"
        assert "{" not in systems.describe_system(study)
        chosen = open_sample(name, sample, background="zero")
        assert chosen.dividends[""] == pytest.approx(
            float(chosen.explanation.baseline[chosen.output])
        )
        with pytest.raises(InvalidInput, match="read out at its end only"):
            _ = chosen.path_explanation
        with pytest.raises(InvalidInput, match="no evolution in time"):
            master_equation.track_sample(chosen)
        with pytest.raises(InvalidInput, match="no circuit of gates"):
            circuit.replay(chosen)


def test_model_is_exported_in_every_supported_format(
    trained: DataSet, sample: str, tmp_path: Path
) -> None:
    found = checkpoint.load("products")
    able = [
        name
        for name, form in model_export.FORMATS.items()
        if not form.write and not model_export.unsupported_reason(name, found)
    ]
    assert able == ["checkpoint", "numpy"]
    assert all(
        model_export.file_bytes(name, found, trained, sample=sample, model_name="again")
        for name in able
    )
    assert "It has no evolution in time" in model_export.unsupported_reason("qutip", found)
    arrays = np.load(io.BytesIO(model_export.file_bytes("numpy", found, trained, sample=sample)))
    quadratic = np.einsum(
        "i,cij,j->c", arrays["psi"].conj(), arrays["observables"], arrays["psi"]
    ).real
    assert quadratic + arrays["bias"] == pytest.approx(arrays["scores"], abs=1e-10)


def test_the_report_of_a_sample(trained: DataSet, sample: str) -> None:
    words = report.sample(open_sample("products", sample)).html().decode()
    assert "trained observables of their product" in words
    assert "When it was decided" not in words


def test_the_command_line(trained: DataSet, sample: str, tmp_path: Path) -> None:
    about = ("--model", "products", "--sample", sample)
    code, out, _ = command("explain", *about, "--json")
    assert code == 0
    assert json.loads(out)
    for view in ("waterfall", "shapley"):
        assert (
            command("figure", *about, "--view", view, "--out", str(tmp_path / f"{view}.svg"))[0]
            == 0
        )
        assert (tmp_path / f"{view}.svg").stat().st_size > 1000
    code, _, err = command("track", *about, "--out", str(tmp_path / "track.csv"))
    assert code == 1
    assert (
        "kind state-linear, which has no evolution in time to track. Choose a quantum-jump model."
        in err
    )


WHY = {
    "Dynamics": "no evolution in time",
    "Circuit": "no circuit of gates",
    "What if": "no physical parameters",
    "Cohorts": "entangles nothing",
    "Samples": "no entropies",
    "Overview": "read out at its end only",
}


# how it is compared, and how its explanations are proved, is asked below
@pytest.mark.parametrize(
    "title", [page for page in PAGES if page not in ("Compare", "Faithfulness")]
)
def test_every_page_shows_the_model_or_a_reason(title: str, trained: DataSet) -> None:
    view = {"cohorts.view": "Entanglement"} if title == "Cohorts" else {}
    app = visit(title, model="products", data=DATA, **view)
    assert app.selectbox(key="model").value == "products"
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    assert WHY.get(title, "") in words
    assert title in ("Dynamics", "Circuit") or "**Shows**" in words


@pytest.mark.parametrize("proof", ["Deletion", "Other methods", "Truth", "Training seeds"])
def test_explanations_pass_the_faithfulness_checks(proof: str, trained: DataSet) -> None:
    app = visit("Faithfulness", model="products", data=DATA, proof=proof)
    assert not app.error


def test_model_is_compared_with_another(trained: DataSet, sample: str) -> None:
    app = visit("Compare", model="products", data=DATA, sample=sample, pin=f"sum/{DATA}/{sample}")
    assert not app.error
    assert not app.warning
    assert "cannot be tweaked" in said(app)
    assert "**Shows**" in said(app)


def test_additive_model_opens(trained: DataSet) -> None:
    app = visit("Overview", model="sum", data=DATA)
    assert not app.error
    assert not app.warning
