"""The two systems' neighbours: formulas, PennyLane's circuits, gates, any number of modalities, training in stages."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from qfusion import explain
from qfusion.data.data_set import DataSet
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import FUSION, InputSpec, build
from qfusion.models.jump import kets
from qfusion.models.kind_texts import describe_kind, kind_text
from qfusion.models.protocols import GateCircuit, kinds
from qfusion.plugins.papers import PLUGIN
from qfusion.plugins.papers.models import reservoir
from qfusion.plugins.papers.models.circuit_weights import prepared
from qfusion.quantum import statevector
from qfusion.quantum.decomposition import subsets
from qfusion.training import Options, loop, prepare, train
from tests.plugins.papers.published_models import SMALL, inputs_of, model_of, rows_of
from tests.support.annotated_sets import annotated
from tests.support.tiny_sets import tiny

KINDS = list(PLUGIN.models)
CIRCUITS = kinds(GateCircuit)


def picked(rows: dict[str, Any], where: Any) -> dict[str, Any]:
    return {
        name: tuple(t[where] for t in x) if isinstance(x, tuple) else x[where]
        for name, x in rows.items()
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("M", range(1, 7))
def test_any_number_of_modalities_of_any_form(kind: str, M: int) -> None:
    more = {"qubits": 0} if "qubits" in SMALL[kind] else {}
    outputs, rows = ("a", "b") if M % 2 else ("score",), rows_of(M, 5)
    model = model_of(kind, M, outputs, encoder="cnn" if M > 2 else "mlp", **more)
    model.standardise(rows)
    model.project(rows)
    with torch.no_grad():
        scores = model(rows)
        assert scores.shape == (5, len(model.outputs))
        for row in range(5):
            assert torch.allclose(
                model(picked(rows, slice(row, row + 1)))[0], scores[row], atol=1e-12
            )
        other = {
            name: (x[0] + 3.0 * ~x[1][..., None], x[1]) if isinstance(x, tuple) else x
            for name, x in rows.items()
        }
        assert torch.allclose(model(other), scores, atol=1e-12)  # padding
        assert torch.allclose(copy.deepcopy(model).float()(rows).double(), scores, atol=2e-5)
        assert torch.allclose(model.scores(model.encode(rows)), scores, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_have_a_gradient_and_training_lowers_the_loss(kind: str) -> None:
    model, rows = model_of(kind, 3, dropout=0.0), rows_of(3, 24)
    model.standardise(rows)
    model.project(rows)
    y = (rows["view 0"][:, 0] * rows["view 2"][:, 0] > 0).long()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    found = []
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(model(rows), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.9 * found[0]
    idle = {
        name
        for name, p in model.named_parameters()
        if p.grad is None or not bool(p.grad.abs().sum())
    }
    assert {name.split(".")[0] for name in idle} <= {
        "first_head"
    }  # that of a classical block, which is done with


def layers(model: Any, first: int = 0, count: int | None = None) -> None:
    """The trained layers as PennyLane has them."""
    angles = model.layers.angles[first:][:count]
    wide = [1 + (first + layer) % max(1, model.n - 1) for layer in range(len(angles))]
    qml.StronglyEntanglingLayers(
        angles, wires=range(model.n), ranges=wide if model.n > 1 else [0] * len(wide)
    )


def paulis(words: list[tuple[int, ...]]) -> list[Any]:
    return [qml.expval(qml.prod(*(qml.PauliZ(q) for q in word))) for word in words]


def read(n: int) -> list[Any]:
    """Z on each qubit, and on neighbours around the ring."""
    pairs = [(0, 1)] if n == 2 else [(i, i + 1) for i in range(n - 1)] + [(0, n - 1)]
    return paulis([(q,) for q in range(n)] + sorted(pairs))


def of_fusion_layer(model: Any, h: Tensor) -> Tensor:
    @qml.qnode(qml.device("default.qubit", wires=model.n))
    def circuit() -> Any:
        layers(model, 0, 1)
        for use in range(2 * model.settings["degree"]):  # signals 1 and 2, signal 3, and once more
            for m in range(model.n // 2):
                for k in (0, 1):
                    if 2 * (use % 2) + k < 3:
                        qml.RZ(h[3 * m + 2 * (use % 2) + k], wires=2 * m + k)
            layers(model, use + 1, 1)
        return read(model.n)

    return model.head(4 * torch.stack(circuit()))


def of_lego(model: Any, h: Tensor) -> Tensor:
    @qml.qnode(qml.device("default.qubit", wires=model.n))
    def circuit() -> Any:
        for q in range(model.n):
            qml.RY(torch.pi / 2 * (1 + torch.tanh(h[q])), wires=q)
        layers(model)
        return read(model.n)

    return model.head(4 * torch.stack(circuit()))


def of_attention(model: Any, h: Tensor) -> Tensor:
    M, n, width = len(model.modalities), model.n, model.settings["width"]
    own = [linear(part) for linear, part in zip(model.maps, h.chunk(M), strict=True)]

    @qml.qnode(qml.device("default.qubit", wires=n))
    def circuit() -> Any:
        for q, angle in enumerate(model.scales * torch.cat(own)):
            qml.RY(angle, wires=q)
        layers(model)
        return [
            qml.expval(letter(q))
            for q in range(n)
            for letter in (qml.PauliX, qml.PauliY, qml.PauliZ)
        ]

    tokens = model.tokens(torch.stack(circuit()).view(n, 3)) + model.places
    asks, block, told = model.classical(h.relu()), model.block, model.block.before_other(tokens)
    q, (k, v) = block.query(block.before(asks)), block.key_value(told).chunk(2, -1)
    seen = []
    for part in torch.arange(width).chunk(block.heads):
        weights = (k[:, part] @ q[part] / len(part) ** 0.5).softmax(0)
        seen.append(weights @ v[:, part])
    asks = asks + block.out(torch.cat(seen))
    return model.head(asks + block.net(block.before_net(asks)))


def of_weights(model: Any, h: Tensor) -> Tensor:
    @qml.qnode(qml.device("default.qubit", wires=model.n))
    def circuit(row: Tensor) -> Any:
        qml.AmplitudeEmbedding(row / row.norm(), wires=range(model.n))
        layers(model)
        return qml.probs(wires=range(model.n))

    D, H = model.rows.shape
    W = (
        torch.stack([row.norm() * model.scales * (H * circuit(row) - 1) for row in model.rows])
        / D**0.5
    )
    return model.head((h @ W + model.offset).relu())


def of_reservoir(model: Any, h: Tensor) -> Tensor:
    n, K = model.n, model.settings["readouts"]
    pairs, between = list(itertools.combinations(range(n), 2)), model.settings["duration"] / K
    count = math.ceil(between * 40)
    bits = np.array(list(itertools.product((0, 1), repeat=n)))
    strength = torch.tensor(
        [sum(5.42 / (j - i) ** 6 * b[i] * b[j] for i, j in pairs) for b in bits]
    ).double()
    energy = strength - torch.tensor(bits).double() @ (model.settings["detuning"] * h.tanh())
    half = torch.exp(-0.5j * between / count * energy)

    @qml.qnode(qml.device("default.qubit", wires=n))
    def circuit(times: int) -> Any:
        for _ in range(times * count):
            qml.DiagonalQubitUnitary(half, wires=range(n))
            for q in range(n):
                qml.RX(2 * math.pi * between / count, wires=q)
            qml.DiagonalQubitUnitary(half, wires=range(n))
        return paulis([*((q,) for q in range(n)), *pairs])

    return model.head(torch.cat([torch.stack(circuit(k + 1)) for k in range(K)]))


BY_PENNYLANE = {
    "qfl": of_fusion_layer,
    "cross-attention-q": of_attention,
    "vqc-mlpnet": of_weights,
    "quantum-lego": of_lego,
    "reservoir": of_reservoir,
}


@pytest.mark.parametrize("kind", CIRCUITS)
@pytest.mark.parametrize("M", [1, 2])
def test_scores_and_gradients_equal_pennylane(kind: str, M: int) -> None:
    model = model_of(kind, M, **({"duration": 0.1, "readouts": 2} if kind == "reservoir" else {}))
    rows = rows_of(M, 2)
    parameters = [
        p for name, p in model.named_parameters() if not name.startswith(("encoders", "first_head"))
    ]
    for row in range(2):
        with torch.no_grad():
            h = torch.cat(list(model.encode(picked(rows, slice(row, row + 1))).values()), -1)[0]
        found = []
        for way in (
            lambda h: model.fuse(list(h[None].chunk(M, -1)))[0],
            lambda h: BY_PENNYLANE[kind](model, h),
        ):
            own = h.clone().requires_grad_()
            scores = way(own)
            total = scores @ torch.tensor([1.0, -0.3]).double()
            found.append([scores, *torch.autograd.grad(total, [own, *parameters])])
        for ours, theirs in zip(*found, strict=True):
            assert torch.allclose(ours, theirs.to(ours), atol=1e-8)


@pytest.mark.parametrize("kind", CIRCUITS)
@pytest.mark.parametrize("M", [1, 3])
def test_gates_applied_one_by_one_give_the_scores(kind: str, M: int) -> None:
    model = model_of(kind, M)
    states = model.encode(rows_of(M, 1))
    gates = model.gates(states)
    psi = [*statevector.apply_circuit(gates, model.n)][-1]
    encoded = list(states.values())
    if kind == "cross-attention-q":
        assert torch.allclose(
            statevector.bloch_vectors(psi[None]), model.expectations(encoded), atol=1e-10
        )
    elif kind == "vqc-mlpnet":
        d = int(torch.cat(encoded, -1).abs().argmax())
        weights = (
            model.norms()[d]
            * model.scales
            * (len(psi) * psi.abs() ** 2 - 1)
            / len(model.rows) ** 0.5
        )
        assert torch.allclose(weights, model.first_layer()[d], atol=1e-10)
    elif kind == "reservoir":
        each = [psi.abs() ** 2 for psi in [*statevector.apply_circuit(gates, model.n)][1:]]
        signs = statevector.signs(model.n, model.words, each[0])
        assert torch.allclose(
            torch.cat([signs @ p for p in each])[None],
            model.measured(torch.cat(encoded, -1)),
            atol=1e-10,
        )
    else:
        read = statevector.expectations(psi[None], model.words)[0]
        assert torch.allclose(model.head(4 * read), model.fuse(encoded)[0], atol=1e-10)
    for gate in gates:
        assert gate.matrix.shape == (2 ** len(gate.wires),) * 2
        assert torch.allclose(
            gate.matrix @ gate.matrix.mH, torch.eye(len(gate.matrix)).to(gate.matrix), atol=1e-10
        )
        if gate.name in ("Rot", "RY", "RZ", "CNOT"):
            known = getattr(qml, gate.name)
            theirs = known(*list(gate.values.values())[: known.num_params], wires=gate.wires)
            assert np.allclose(
                qml.matrix(theirs, wire_order=gate.wires), gate.matrix.detach().numpy(), atol=1e-12
            )
    named = {
        name.rpartition(" ")[0] for gate in gates for name in gate.values if name.startswith("view")
    }
    assert named == set(model.modalities) or (
        kind == "vqc-mlpnet" and named <= set(model.modalities)
    )
    with pytest.raises(InvalidInput, match="one row, but holds 2"):
        model.gates(model.encode(rows_of(M, 2)))


def test_state_is_prepared_by_a_reflection() -> None:
    for state in (
        torch.tensor([1.0, 0, 0, 0]),
        torch.tensor([-1.0, 0, 0, 0]),
        torch.tensor([0.5, -0.5, 0.5, 0.5]),
    ):
        U = prepared(state.double())
        assert torch.allclose(U[:, 0].real, state.double())
        assert torch.allclose(U @ U.mH, torch.eye(4).to(U))


def test_scores_of_the_fusion_layer_are_polynomials_of_its_degree() -> None:
    model, P = model_of("qfl", 2, degree=3), 3
    theta = torch.arange(16, dtype=torch.float64) * 2 * torch.pi / 16
    numbers = torch.randn(1, 2, 3, dtype=torch.float64).repeat(16, 1, 1)
    numbers[:, 1, 2] = theta  # one signal through its whole circle
    waves = (
        np.abs(np.fft.rfft(model.fuse(list(numbers.unbind(1))).detach().numpy(), axis=0)).max(1)
        / 16
    )
    assert waves[P] > 1e-4
    assert waves[P + 1 :].max() < 1e-12
    counts = [
        sum(p.numel() for part in (model.layers, model.head) for p in part.parameters())
        for model in (model_of("qfl", M) for M in range(2, 7))
    ]
    assert len(set(np.diff(counts))) == 1  # in proportion to the modalities


def test_reservoir_equals_the_evolution_of_its_hamiltonian() -> None:
    model = model_of("reservoir", 2, duration=4.0)
    h = torch.randn(1, 4, dtype=torch.float64)
    X, n, I = np.array([[0, 1], [1, 0]]), np.diag([0, 1]), np.eye(2)

    def on(*places: tuple[int, Any]) -> np.ndarray:
        total = np.eye(1)
        for q in range(4):
            total = np.kron(total, dict(places).get(q, I))
        return total

    delta = 6.0 * np.tanh(h[0].numpy())
    H = sum(math.pi * on((i, X)) - delta[i] * on((i, n)) for i in range(4))
    H = H + sum(
        5.42 / (j - i) ** 6 * on((i, n), (j, n)) for i, j in itertools.combinations(range(4), 2)
    )
    psi = torch.as_tensor(np.stack([expm(-1j * t * H)[:, 0] for t in (2.0, 4.0)]))
    expected = statevector.expectations(psi, model.words).numpy()
    assert np.abs(model.measured(h).numpy()[0] - expected.ravel()).max() < 3e-2
    assert [name for name, _ in model.named_parameters()] == ["head.weight", "head.bias"]
    trained = model_of("reservoir", 2, projection="trained")
    assert any(name.startswith("encoders") for name, _ in trained.named_parameters())


def test_components_are_principal_components() -> None:
    spec = InputSpec(5)
    part, x = (
        reservoir.Components(spec, 3).double(),
        (torch.randn(200, 5) @ torch.randn(5, 5)).double(),
    )
    part.standardise.fit(x, None)
    part.fit(x)
    z = part(x)
    assert torch.allclose(torch.cov(z.T), torch.eye(3).double(), atol=1e-6)
    values = np.linalg.svd(((x - x.mean(0)) / x.std(0, correction=0)).numpy(), compute_uv=False)
    kept = part.directions.norm(dim=1) ** -1  # a direction is its axis over the deviation
    assert np.allclose(kept.numpy(), values[:3] / 199**0.5, atol=1e-6)
    flat = reservoir.Components(InputSpec(2), 3).double()
    flat.fit(torch.stack([torch.arange(5.0), torch.zeros(5)], 1).double())
    assert bool((flat.directions[1:] == 0).all())  # nothing varies there


@pytest.mark.parametrize("M", [1, 2, 3])
def test_unitary_fusion_follows_its_formula_and_is_explained_exactly(M: int) -> None:
    model, x, rows = (
        model_of("unitary-fusion", M, dims=[2, 3, 2][:M]),
        rows_of(M, 2),
        rows_of(M, 3, seed=1),
    )
    U = expm(1j * kets.compose_hermitian(model.H.detach()).numpy())
    with torch.no_grad():
        psi = model.product_state(model.encode(x)).numpy()
        scores = (np.abs(psi @ U.T) ** 2) @ model.W.numpy().T + model.bias.numpy()
        assert np.allclose(model(x).numpy(), scores, atol=1e-10)
        assert np.allclose(
            model.scores(model.encode(x)).numpy(), scores, atol=1e-10
        )  # by observables
        found = explain.explain(model, x, explain.background(model, rows, "joint"))
        for place, S in enumerate(subsets(M)):
            for i in range(2):
                own = picked(x, [i, i, i])
                mixed = {
                    name: (own if m in S else rows)[name] for m, name in enumerate(model.modalities)
                }
                assert np.allclose(found.values[i, place], model(mixed).mean(0).numpy(), atol=1e-10)


def test_invalid_settings_are_refused() -> None:
    for kind, settings, words in (
        (
            "qfl",
            {"qubits": 5},
            "`qubits` must give at most 12 qubits in all, but 5 for each of 3 modalities are 15",
        ),
        ("qfl", {"degree": 0}, "`degree` must be a whole number from 1 to 64, but is 0"),
        ("cross-attention-q", {"qubits": 4}, "at most 9 qubits"),
        ("cross-attention-q", {"layers": 0}, "`layers`"),
        ("cross-attention-q", {"width": 5}, "`width` must be a multiple of `heads`"),
        ("vqc-mlpnet", {"width": 24}, "a power of two.*Take 16 or 32"),
        ("vqc-mlpnet", {"features": 0}, "`features`"),
        ("quantum-lego", {"pretraining": 1.5}, "`pretraining` must lie between 0 and 1"),
        ("quantum-lego", {"layers": "two"}, "`layers`"),
        ("quantum-lego", {"qubits": -1}, "`qubits`"),
        ("reservoir", {"duration": 0}, "`duration`"),
        ("reservoir", {"readouts": 0}, "`readouts`"),
        ("reservoir", {"detuning": "x"}, "`detuning`"),
        ("unitary-fusion", {"dims": [2, 2]}, "`dims` must hold 3"),
        ("unitary-fusion", {"dims": 16}, "joint dimension of at most 1024.*Lower `dims`"),
        ("unitary-fusion", {"dropout": 1.0}, "`dropout`"),
    ):
        with pytest.raises(InvalidInput, match=words):
            build(kind, inputs_of(3), ("a",), settings)
    with pytest.raises(NotFound, match="Value of `projection` 'pcb' does not exist"):
        build("reservoir", inputs_of(1), ("a",), {"projection": "pcb"})
    with pytest.raises(InvalidInput, match="10 modalities are 10"):
        build("reservoir", {f"v{i}": {"size": 2, "sequence": False} for i in range(10)}, ("a",), {})


def encoders(model: Any) -> dict[str, Tensor]:
    return {
        name: p.clone() for name, p in model.state_dict().items() if name.startswith("encoders")
    }


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_classical_block_is_trained_and_then_frozen(average: float) -> None:
    dataset = tiny("classification")
    options = Options(
        epochs=6, batch=16, rate=1e-2, patience=2, loss="cross_entropy", average=average
    )
    settings = {**SMALL["quantum-lego"], "pretraining": 0.5, "encoder": "cnn-norm"}
    fit = prepare("quantum-lego", dataset, settings, options)
    fit.best_loss = -1.0  # no epoch is better: before the last part, nobody waits for that
    start = encoders(fit.model)
    first = [fit.epoch() for _ in range(3)]
    assert not fit.done
    assert fit.model.preparing
    assert any(not torch.equal(start[name], p) for name, p in encoders(fit.model).items())
    assert not any(p.best for p in first)
    held = encoders(fit.average.model)
    circuit = fit.model.layers.angles.detach().clone()
    last = fit.epoch()
    assert last.best
    assert (fit.best_epoch, fit.model.preparing) == (4, False)
    fit.epoch()
    frozen = encoders(fit.model)
    assert all(torch.equal(held[name], p) for name, p in frozen.items())
    assert not torch.equal(circuit, fit.model.layers.angles)
    state = copy.deepcopy(fit.state())
    again = prepare("quantum-lego", dataset, settings, options)
    again.restore(state)
    assert not again.model.preparing
    fit.epoch()
    again.epoch()
    other = again.model.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in fit.model.state_dict().items())
    assert not fit.best_model().preparing
    assert not fit.result().model.preparing


def test_unfrozen_block_decides_by_itself() -> None:
    result = train(
        "quantum-lego",
        tiny("regression"),
        SMALL["quantum-lego"],
        {"epochs": 4, "batch": 32},
        on_epoch=lambda progress: progress.epoch < 1,
    )
    assert result.model.preparing
    with torch.no_grad():
        rows = result.dataset.inputs([0, 1])
        states = result.model.encode(rows)
        a = torch.cat([states[name] for name in result.model.modalities], -1).tanh()
        assert torch.allclose(result.model(rows), result.model.first_head(a) + result.model.bias)


def test_projections_of_large_sets_are_fitted_to_training_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset: DataSet = tiny("classification")
    small = prepare("reservoir", dataset, {"qubits": 2}).model
    monkeypatch.setattr(loop, "is_small", lambda *_: False)
    large = prepare("reservoir", dataset, {"qubits": 2}).model
    for name in small.modalities:
        assert torch.allclose(
            small.encoders[name].directions, large.encoders[name].directions, atol=1e-5
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changed",
    [{"precision": "mixed"}, {"unimodal": 0.5}, {"coupling_decay": 0.5}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_training_option_works(kind: str, changed: dict[str, Any]) -> None:
    dataset = annotated(3)
    fit = prepare(kind, dataset, SMALL[kind], {"epochs": 2, "batch": 64, **changed})
    fit.epoch()
    assert math.isfinite(fit.epoch().train_loss)


def test_neighbours_are_registered_and_described() -> None:

    for kind in KINDS:
        model = FUSION[kind]
        assert describe_kind(kind).title == model.title
        assert {"{names}", "{target}"} <= {
            word.strip(",.:;") for word in kind_text(kind).sentence.split()
        }
        above = (
            Path(str(inspect.getsourcefile(model))).read_text().split(f"class {model.__name__}(")[0]
        )
        own = max(
            above.rfind(f"class {other.__name__}(") for other in map(FUSION.__getitem__, KINDS)
        )
        assert "arXiv" in above[max(own, 0) :], "its own source stands above it"
