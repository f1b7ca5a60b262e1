"""Twins of the quantum models: each lacks its resource, trains, and equals the full model where the resource is
absent."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from qfusion import data, explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import base, build, registry
from qfusion.models.protocols import KetStates
from qfusion.plugins.why import PLUGIN
from qfusion.plugins.why.audit import twins
from qfusion.quantum import lindblad, measures, states
from qfusion.training import Options, checkpoint, checkpoint_cards, train

SMALL: dict[str, Any] = dict(dims=2, jumps=2, hidden=4, measurements=3, duration=1.5)


RECORDED = ("jump-twin", "jump-mean-field", "qcnn-dephased", "qcnn-coherent")


def model_of(kind: str, M: int = 2, outputs: int = 2, seed: int = 0, **settings: Any) -> Any:
    torch.manual_seed(seed)
    inputs = {f"m{m}": {"size": 3, "sequence": False} for m in range(M)}
    network = "qcnn" in kind
    known = dict(elements=3, hidden=4) if network else SMALL
    return build(kind, inputs, tuple("ab"[:outputs]), known | settings).double().eval()


def rows_of(model: Any, count: int = 6) -> dict[str, Tensor]:
    torch.manual_seed(5)
    return {name: torch.randn(count, 3, dtype=torch.float64) for name in model.modalities}


def rho_of(model: Any) -> Tensor:
    return states.density(model.product_state(model.encode(rows_of(model))))


def turned(model: Any) -> Any:
    """A twin whose bases have been moved away from the product basis."""
    torch.manual_seed(7)
    for turn in model.turns:
        turn.data = torch.randn_like(turn)
    return model


def test_twins_have_the_settings_of_their_model() -> None:
    assert tuple(PLUGIN.models) == RECORDED
    full, twin = registry.settings("quantum-jump"), registry.settings("jump-twin")
    assert set(twin) == set(full) - {"dynamics", "trajectories"} | {"lacks"}
    assert registry.settings("qcnn-dephased") == registry.settings("entangled-qcnn")
    assert model_of("jump-twin").settings.keys() == twin.keys()
    assert model_of("qcnn-coherent").settings.keys() == registry.settings("qcnn-coherent").keys()
    with pytest.raises(NotFound, match="dynamics"):
        model_of("jump-twin", dynamics="jumps")
    with pytest.raises(NotFound, match="lacks"):
        model_of("jump-twin", lacks="nothing")
    with pytest.raises(NotFound, match="lacks"):
        model_of("qcnn-coherent", lacks="coherence")


@pytest.mark.parametrize("M", [1, 2, 3])
@pytest.mark.parametrize("kind", ["jump-twin", "jump-mean-field", "qcnn-dephased", "qcnn-coherent"])
def test_twins_have_gradients_and_round_trip(kind: str, M: int) -> None:
    model = model_of(kind, M)
    model(rows_of(model)).square().sum().backward()
    still = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    # angles of a head that begins at nothing move once it does
    assert still <= {"tilts"} | {name for name in still if name.startswith("encoders.")}
    again = registry.rebuild(
        kind, model.input_specs, model.outputs, model.settings, model.state_dict()
    )
    assert torch.equal(again.eval()(rows_of(model)), model(rows_of(model)))


@pytest.mark.parametrize("M", [2, 3])
def test_dephased_twin_has_diagonal_states_after_every_step(M: int) -> None:
    model = model_of("jump-twin", M, steps=4)
    followed = model.evolve_interrupted(rho_of(model))
    assert len(followed) == 2 + 2 * 4
    for rho in followed[1::2]:
        off = rho - torch.diag_embed(torch.diagonal(rho, dim1=-2, dim2=-1))
        assert off.abs().max() < 1e-14
        assert torch.allclose(
            torch.diagonal(rho, dim1=-2, dim2=-1).sum(-1).real, torch.ones(6).double()
        )
    assert (followed[2] - followed[3]).abs().max() > 1e-3  # there was coherence to take


def test_a_dephased_twin_is_a_markov_chain_on_populations() -> None:
    """Its scores are those of a stochastic matrix, steps times, on |psi|^2: brute force."""
    model, steps = model_of("jump-twin", steps=3), 3
    D = math.prod(model.dims)
    basis = torch.diag_embed(torch.eye(D)).to(torch.complex128)
    moved = lindblad.evolve(model.generator(), basis, [model.duration / steps])[0]
    P = torch.diagonal(moved, dim1=-2, dim2=-1).real  # row i: where basis state i goes
    assert torch.allclose(P.sum(1), torch.ones(D).double())
    psi = model.product_state(model.encode(rows_of(model)))
    end = psi.abs().square() @ torch.linalg.matrix_power(P, steps)
    read = torch.diagonal(model.readout(), dim1=-2, dim2=-1).real
    assert torch.allclose(model(rows_of(model)), end @ read.T + model.bias, atol=1e-10)


@pytest.mark.parametrize("M", [2, 3])
def test_entanglement_breaking_channel_keeps_correlation(M: int) -> None:
    model = turned(model_of("jump-twin", M, lacks="entanglement", steps=2))
    followed = model.evolve_interrupted(rho_of(model))
    assert len(followed) == 1 + 3 + 2
    before, behind = followed[1], followed[2]
    negativity = [
        torch.stack([measures.logarithmic_negativity(rho, model.dims, (m,)) for m in range(M)])
        for rho in (before, behind)
    ]
    assert negativity[0].max() > 1e-3
    assert negativity[1].max() < 1e-9
    assert measures.total_correlation(behind, model.dims).max() > 1e-4
    U = model.bases()
    assert torch.allclose(U.mH @ U, torch.eye(len(U)).to(U), atol=1e-12)


@pytest.mark.parametrize("lacks", ["coherence", "entanglement", "learning"])
@pytest.mark.parametrize("steps", [0, 3])
def test_observables_and_states_agree(lacks: str, steps: int) -> None:
    model = turned(model_of("jump-twin", 2, lacks=lacks, steps=steps))
    encoded = model.encode(rows_of(model))
    assert torch.allclose(model.scores(encoded), model.direct_scores(encoded), atol=1e-10)


@pytest.mark.parametrize("lacks", ["coherence", "entanglement", "learning"])
def test_twin_without_steps_equals_the_full_model(lacks: str) -> None:
    full, twin = model_of("quantum-jump"), model_of("jump-twin", lacks=lacks, steps=0)
    twin.load_state_dict(full.state_dict(), strict=False)
    assert torch.allclose(twin(rows_of(twin)), full(rows_of(full)), atol=1e-10)


def test_frozen_parameters_have_no_gradient() -> None:
    model = model_of("jump-twin", lacks="learning")
    assert not model.couplings()
    assert not any(p.requires_grad for p in (*model.A, *model.L))
    assert model_of("jump-twin").couplings()
    model(rows_of(model)).sum().backward()
    assert model.A[0].grad is None
    assert model.W.grad is not None


@pytest.mark.parametrize("M", [2, 3])
def test_the_mean_field_equals_a_loop_over_partial_traces(M: int) -> None:
    """Runge-Kutta steps on the states themselves, d rho_m / dt = Tr_rest[L(rho_1 x ... x rho_M)]: brute force."""
    model = model_of("jump-mean-field", M, steps=6)
    encoded = model.encode(rows_of(model))
    full = model_of("quantum-jump", M)
    parts = [states.density(ket) for ket in full.encode(rows_of(full)).values()]
    generator, dt = model.generator(), model.duration / 6

    def slope(rhos: list[Tensor]) -> list[Tensor]:
        whole = rhos[0]
        for rho in rhos[1:]:
            whole = torch.einsum("nab,ncd->nacbd", whole, rho).flatten(3, 4).flatten(1, 2)
        rate = lindblad.act(generator, whole)
        return [states.partial_trace(rate, model.dims, (m,)) for m in range(M)]

    def moved(rhos: list[Tensor], slopes: list[Tensor], by: float) -> list[Tensor]:
        return [rho + by * k for rho, k in zip(rhos, slopes, strict=True)]

    for _ in range(6):
        a = slope(parts)
        b = slope(moved(parts, a, dt / 2))
        c = slope(moved(parts, b, dt / 2))
        d = slope(moved(parts, c, dt))
        parts = [
            rho + dt / 6 * (w + 2 * x + 2 * y + z)
            for rho, w, x, y, z in zip(parts, a, b, c, d, strict=True)
        ]
    whole = parts[0]
    for rho in parts[1:]:
        whole = torch.einsum("nab,ncd->nacbd", whole, rho).flatten(3, 4).flatten(1, 2)
    expected = torch.einsum("cab,nba->nc", model.readout(), whole).real + model.bias
    assert torch.allclose(model.scores(encoded), expected, atol=1e-10)
    assert measures.total_correlation(whole, model.dims).abs().max() < 1e-9


def test_mean_field_without_coupling_equals_the_full_model() -> None:
    full = model_of("quantum-jump", 3, coupling="local", body=1)
    twin = model_of("jump-mean-field", 3, coupling="local", body=1, steps=200)
    twin.load_state_dict(full.state_dict())
    assert torch.allclose(twin(rows_of(twin)), full(rows_of(full)), atol=1e-8)


def test_mean_field_keeps_states_and_differs_with_coupling() -> None:
    full, twin = model_of("quantum-jump"), model_of("jump-mean-field", steps=12)
    twin.load_state_dict(full.state_dict())
    assert (twin(rows_of(twin)) - full(rows_of(full))).abs().max() > 1e-3
    with torch.no_grad():
        for r in twin.integrate(twin.encode(rows_of(twin))):
            assert torch.allclose(r[:, ::4], torch.ones(6, 2).double())  # traces
            assert bool((r.unflatten(1, (2, 4))[..., 1:].norm(dim=-1) < 1 + 1e-6).all())
    with pytest.raises(InvalidInput, match="Lower `dims`"):
        model_of("jump-mean-field", 3, dims=8)


def test_dephasing_removes_only_coherence_of_fused_qubits() -> None:
    full, twin = model_of("entangled-qcnn", 3), model_of("qcnn-dephased", 3)
    twin.load_state_dict(full.state_dict())
    one, other = (model.fuse(model.encode(rows_of(model)))[0] for model in (full, twin))
    assert one[..., 1].abs().max() > 1e-2
    assert not other[..., 1].any()
    assert torch.equal(one[..., ::2], other[..., ::2])
    # where tables are Boolean, fused qubits have no coherence to lose
    phi = math.pi * torch.randint(0, 2, full.phi.shape).double()
    a, b = (model.with_angles(phi)(rows_of(model)) for model in (full, twin))
    assert torch.allclose(a, b, atol=1e-12)


def test_local_block_creates_no_entanglement() -> None:
    model = model_of("entangled-qcnn", block="local")
    torch.manual_seed(1)
    model.network.convolution.data = torch.randn_like(model.network.convolution)
    for step in model.network.steps:
        if step.kind == "conv":
            U = model.network.matrix(step).view(2, 2, 2, 2).permute(0, 2, 1, 3).reshape(4, 4)
            assert torch.linalg.svdvals(U)[1] < 1e-10  # a product of two gates


def _vector(theta: Tensor, phi: Tensor) -> Tensor:
    """|psi> of one element's modality qubits and fused qubits, in that order, amplitude by amplitude."""
    M, stages = len(theta), len(phi)
    psi = torch.zeros((2,) * (M + stages), dtype=torch.float64)
    for bits in product((0, 1), repeat=M + stages):
        own, fused = bits[:M], bits[M:]
        amplitude = math.prod(
            (math.sin if b else math.cos)(float(t) / 2) for b, t in zip(own, theta, strict=True)
        )
        for s in range(stages):
            controls = own if stages == 1 else (own[0] if s == 0 else fused[s - 1], own[s + 1])
            place = int("".join(map(str, controls)), 2)
            angle = float(phi[s, place]) / 2
            amplitude *= math.sin(angle) if fused[s] else math.cos(angle)
        psi[bits] = amplitude
    return psi


@pytest.mark.parametrize("M", [1, 2, 3, 4, 5])
def test_modality_qubits_after_the_fusion_equal_state_vectors(M: int) -> None:
    model = model_of("qcnn-coherent", M, rule="random")
    theta = torch.rand(2, model.elements, M, dtype=torch.float64) * 6 - 3
    left = model.remaining_coherence(theta)
    for row, i, m in product(range(2), range(model.elements), range(M)):
        psi = _vector(theta[row, i], model.phi[i].detach()).movedim(m, 0).flatten(1)
        assert math.isclose(
            float(2 * psi[0] @ psi[1]),
            float(theta[row, i, m].sin() * left[row, i, m].detach()),
            abs_tol=1e-12,
        )
        assert math.isclose(
            float(psi[0] @ psi[0] - psi[1] @ psi[1]), float(theta[row, i, m].cos()), abs_tol=1e-12
        )


def test_coherent_network_equals_the_network_before_read_out() -> None:
    full, twin = model_of("entangled-qcnn"), model_of("qcnn-coherent")
    twin.load_state_dict(full.state_dict(), strict=False)
    assert torch.allclose(twin(rows_of(twin)), full(rows_of(full)), atol=1e-12)
    twin.own_head.data = torch.randn_like(twin.own_head)
    assert not torch.allclose(twin(rows_of(twin)), full(rows_of(full)), atol=1e-3)
    # what reads Z alone says nothing jointly beyond what the network does: dividends are those of the network
    plain = twins.cut_resource(twin, "fused entanglement")
    x, rows = rows_of(twin), {name: part.flip(0) for name, part in rows_of(twin).items()}
    joint = {
        name: explain.explain(one, x, explain.background(one, rows, "joint")).dividends[:, -1]
        for name, one in (("full", full), ("coherent", twin), ("Z", plain))
    }
    assert abs(joint["Z"] - joint["full"]).max() < 1e-10
    assert abs(joint["coherent"] - joint["full"]).max() > 1e-4


def test_cutting_a_resource_does_not_change_the_model() -> None:
    model = model_of("quantum-jump")
    before, scores = {k: v.clone() for k, v in model.state_dict().items()}, model(rows_of(model))
    random = torch.get_rng_state()
    others = {
        resource: twins.cut_resource(model, resource) for resource in twins.CUTS["quantum-jump"]
    }
    assert torch.equal(torch.get_rng_state(), random)
    for resource, other in others.items():
        assert (other(rows_of(other)) - scores).abs().max() > 1e-4, resource
    assert all(torch.equal(value, before[k]) for k, value in model.state_dict().items())
    assert torch.equal(model(rows_of(model)), scores)
    assert torch.allclose(
        twins.cut_resource(model, "coherence", steps=0)(rows_of(model)), scores, atol=1e-10
    )
    unitary = model_of("quantum-jump", evolution="unitary")
    same = twins.cut_resource(unitary, "dissipation")
    assert torch.allclose(same(rows_of(same)), unitary(rows_of(unitary)), atol=1e-12)
    for without, evolution in (
        ("dissipative", "none"),
        ("none", "none"),
    ):  # none gets an H that it had not
        damped = model_of("quantum-jump", evolution=without)
        free = twins.cut_resource(damped, "dissipation")
        assert free.settings["evolution"] == evolution
        assert torch.equal(
            free(rows_of(free)), twins.cut_resource(damped, "dissipation")(rows_of(free))
        )
    with pytest.raises(InvalidInput, match="no resource can be cut"):
        twins.cut_resource(model_of("qcnn-dephased"), "coherence")
    with pytest.raises(NotFound, match="Resource"):
        twins.cut_resource(model, "magic")


@pytest.mark.parametrize("kind", RECORDED)
def test_twin_contributions_equal_evaluation(kind: str) -> None:
    model = model_of(kind)
    x, rows = rows_of(model, 3), {name: part[:4] for name, part in rows_of(model, 9).items()}
    result = explain.explain(model, x, explain.background(model, rows, "joint"))
    names = model.modalities
    with torch.no_grad():
        mixed = model(
            {names[0]: x[names[0]].repeat_interleave(4, 0), names[1]: rows[names[1]].repeat(3, 1)}
        )
        expected = mixed.unflatten(0, (3, 4)).mean(1).numpy()
    assert abs(result.values[:, 1] - expected).max() < 1e-10
    assert abs(result.dividends.sum(1) - model(x).detach().numpy()).max() < 1e-10


def test_trained_twin_round_trips(tmp_path: Any) -> None:
    dataset = data.load("parity")
    options = Options(loss="cross_entropy", epochs=1, batch=1024)
    for kind in RECORDED:
        settings = dict(elements=2, hidden=4) if "qcnn" in kind else SMALL | dict(steps=4)
        result = train(kind, dataset, settings, options, 0)
        card = checkpoint_cards.make_card(
            result.model,
            dataset,
            name="twin",
            title="twin",
            seed=0,
            training=result.settings(),
            metrics={},
            this_seed={},
            seeds=[0],
        )
        checkpoint.save(tmp_path / f"{kind}.json", result.model, card)
        again = checkpoint.load(tmp_path / f"{kind}.json").model
        rows = dataset.inputs(dataset.rows("test")[:5], torch.float64)
        assert torch.allclose(again(rows), result.model.double().eval()(rows))
        assert (again.part(KetStates) is not None) == (kind == "jump-twin")


FOLLOW_UP = {"circuit_pooling": "controlled", "head": "retained"}


@pytest.mark.parametrize("kind", ["qcnn-dephased", "qcnn-coherent"])
def test_networks_have_the_settings_of_the_full_one(kind: str) -> None:
    """10 elements: two layers of 2 pooling angles in place of 6, and 8 features in place of 15."""
    model = model_of(kind, elements=10, **FOLLOW_UP)
    assert model.network.pooling.shape == (2, 2)
    assert model.network.head.shape == (2, 8)
    inputs = {name: {"size": 3, "sequence": False} for name in model.modalities}
    again = registry.rebuild(kind, inputs, ("a", "b"), model.settings, model.state_dict())
    rows = rows_of(model)
    assert torch.equal(model(rows), again.double().eval()(rows))


def test_a_cut_twin_keeps_the_settings() -> None:
    model = model_of("entangled-qcnn", outputs=1, **FOLLOW_UP)
    twin = twins.cut_resource(model, "fused coherence")
    assert (twin.network.circuit_pooling, twin.network.reads) == ("controlled", "retained")


def test_log_odds_of_the_coherent_network_are_split_exactly() -> None:
    model = base.log_odds_against_others(model_of("qcnn-coherent"))
    rows = rows_of(model)
    one = {name: values[:1] for name, values in rows.items()}
    found = explain.explain(model, one, explain.background(model, rows, "joint"))
    first, second = model.modalities
    alone = {first: one[first].expand(6, -1), second: rows[second]}
    with torch.no_grad():
        expected = model(alone).mean(0)
    assert found.values[0, found.coalitions.index(first)] == pytest.approx(
        expected.numpy(), abs=1e-10
    )
