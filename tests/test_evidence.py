"""Fusion readings: evidence theory against all subsets, rules and conflict; entropies against circuit states."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pennylane as qml
import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from qfusion.errors import InvalidInput
from qfusion.explain import fusion
from qfusion.explain.fusion import (
    beliefs,
    conflict,
    contradiction,
    disagreement,
    fusion_evidence,
    layer_entropies,
)
from qfusion.models.network import truth_tables
from qfusion.models.network.qcnn import fused_state
from qfusion.models.network.truth_tables import fused_entropy
from qfusion.simulate.fusion_circuit import fusion_circuit
from tests.support.entangled import angles_of, masses_of, model_of

Sets = dict[frozenset[int], float]


def mass_function(p: Tensor) -> Sets:
    """All 2^n masses of sets."""
    n = len(p)
    every = (frozenset(c) for k in range(n + 1) for c in itertools.combinations(range(n), k))
    return {
        A: math.prod(float(p[i]) if i in A else 1 - float(p[i]) for i in range(n)) for A in every
    }


def combined(functions: list[Sets], how: str) -> Sets:
    """Brute force over all choices of one set per modality: intersections or unions."""
    total: Sets = dict.fromkeys(functions[0], 0.0)
    for choice in itertools.product(*(f.items() for f in functions)):
        sets = [A for A, _ in choice]
        A = frozenset.intersection(*sets) if how == "and" else frozenset.union(*sets)
        total[A] += math.prod(mass for _, mass in choice)
    return total


def plausibilities(m: Sets, n: int) -> list[float]:
    return [sum(mass for A, mass in m.items() if i in A) for i in range(n)]


def random_masses(n: int, M: int, seed: int = 0) -> Tensor:
    return torch.rand(n, M, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_beliefs_equal_sums_over_subsets(values: list[float]) -> None:
    p = torch.tensor(values, dtype=torch.float64)
    m, found, n = mass_function(p), beliefs(p), len(p)
    assert sum(m.values()) == pytest.approx(1)
    assert found.plausibility == pytest.approx(plausibilities(m, n), abs=1e-12)
    assert found.belief == pytest.approx([m[frozenset([i])] for i in range(n)], abs=1e-12)
    assert found.empty == pytest.approx(m[frozenset()], abs=1e-12)
    if found.empty < 1 - 1e-6:
        bets = [
            sum(mass / len(A) for A, mass in m.items() if i in A) / (1 - m[frozenset()])
            for i in range(n)
        ]
        assert found.pignistic == pytest.approx(bets, abs=1e-9)
        assert found.pignistic.sum() == pytest.approx(1)


def test_beliefs_of_a_batch_and_of_ten_classes() -> None:
    p = random_masses(10, 4).mT
    together = beliefs(p)
    for row, one in zip(range(4), map(beliefs, p), strict=True):
        assert together.pignistic[row] == pytest.approx(one.pignistic, abs=1e-15)
    m = mass_function(p[0])
    bets = [
        sum(mass / len(A) for A, mass in m.items() if i in A) / (1 - m[frozenset()])
        for i in range(10)
    ]
    assert together.pignistic[0] == pytest.approx(bets, abs=1e-13)


def test_beliefs_by_hand() -> None:
    """Certain of class 0, half open about class 1: {0} and {0, 1} have mass 1/2 each."""
    found = beliefs(torch.tensor([1.0, 0.5], dtype=torch.float64))
    assert found.belief.tolist() == [0.5, 0]
    assert found.plausibility.tolist() == [1, 0.5]
    assert found.pignistic == pytest.approx([0.75, 0.25])
    assert found.empty == 0
    assert np.isnan(beliefs(torch.zeros(2)).pignistic).all()


@pytest.mark.parametrize(("n", "M"), [(2, 2), (3, 2), (4, 2), (3, 3), (2, 4)])
@pytest.mark.parametrize("rule", ["and", "or"])
def test_a_frozen_rule_combines_evidence(n: int, M: int, rule: str) -> None:
    """AND is Dempster's conjunctive combination on plausibilities, OR the disjunctive one, over all subsets; chains
    too."""
    model = model_of(n, M, rule=rule, freeze_rule=True)
    p = random_masses(n, M)
    fused = model.fuse({name: p[:, m] for m, name in enumerate(model.modalities)})[1][:, -1]
    brute = plausibilities(combined([mass_function(p[:, m]) for m in range(M)], rule), n)
    assert fused.numpy() == pytest.approx(brute, abs=1e-12)
    rule_of = fusion.conjunctive if rule == "and" else fusion.disjunctive
    assert fused.numpy() == pytest.approx(rule_of(p).numpy(), abs=1e-12)
    assert torch.equal(rule_of(torch.stack([p, p / 2]))[0], rule_of(p))
    for nearest, distance in fusion_evidence(
        model, {name: p[:, m] for m, name in enumerate(model.modalities)}
    ).rules:
        assert (nearest, distance) == (rule, pytest.approx(0, abs=1e-12))


@pytest.mark.parametrize(("n", "M"), [(2, 2), (4, 2), (3, 3)])
def test_conflict_equals_dempsters_k(n: int, M: int) -> None:
    p = random_masses(n, M)
    functions = [mass_function(p[:, m]) for m in range(M)]
    assert float(contradiction(p)) == pytest.approx(
        combined(functions, "and")[frozenset()], abs=1e-12
    )
    normal = [
        {A: 0.0 if not A else mass / (1 - f[frozenset()]) for A, mass in f.items()}
        for f in functions
    ]
    assert float(conflict(p)) == pytest.approx(combined(normal, "and")[frozenset()], abs=1e-12)


def test_conflict_by_hand() -> None:
    sure = torch.tensor(
        [[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64
    )  # each modality is sure of its own class
    assert float(conflict(sure)) == float(contradiction(sure)) == 1
    assert disagreement(sure).tolist() == [1, 1]
    open_minded = torch.tensor(
        [[1.0, 0.3], [1.0, 0.9]], dtype=torch.float64
    )  # the first holds everything possible
    assert float(conflict(open_minded)) == pytest.approx(0, abs=1e-15)
    one = disagreement(torch.tensor([[0.2, 0.7]], dtype=torch.float64))
    assert float(one) == pytest.approx(0.2 * 0.3 + 0.8 * 0.7)


@pytest.mark.parametrize("M", [1, 2, 3, 5])
def test_fusion_reading_of_a_sample(M: int) -> None:
    model = model_of(4, M, 4)
    masses = {name: p[0] for name, p in masses_of(angles_of(model)).items()}
    found = fusion_evidence(model, masses)
    assert found.elements == model.outputs
    assert (found.weights * found.tables).sum(-1) == pytest.approx(found.stages, abs=1e-14)
    assert found.weights.sum(-1) == pytest.approx(np.ones((4, found.stages.shape[1])))
    assert found.fused == pytest.approx((1 - found.vectors[:, 2]) / 2, abs=1e-14)
    assert len(found.controls) == (1 if M <= 3 else M - 1)
    assert found.patterns[1] == "1".rjust(len(found.controls[0]), "0")
    assert found.by_modality is not None
    assert found.by_modality.plausibility == pytest.approx(found.masses.T)
    frame = found.frame()
    assert frame.loc["c1", "mass[v0]"] == pytest.approx(float(masses["v0"][1]))
    assert frame[[c for c in frame if c.startswith("pignistic")]].sum().to_numpy() == pytest.approx(
        np.ones(M + 1)
    )
    if M == 3:
        assert found.pairwise is not None
        assert found.pairwise[0, 2] == pytest.approx(
            float(conflict(torch.stack([masses["v0"], masses["v2"]], -1)))
        )


def test_elements_that_are_no_classes_have_no_beliefs() -> None:
    model = model_of(4, 2, 3)
    found = fusion_evidence(model, {name: p[0] for name, p in masses_of(angles_of(model)).items()})
    assert found.elements[0] == "element 0"
    assert (
        found.conflict,
        found.pairwise,
        found.by_modality,
        found.by_fusion,
    ) == (None,) * 4
    assert not any(name.startswith("belief") for name in found.frame())


def test_invalid_masses_are_refused() -> None:
    model = model_of(2)
    for masses, message in (
        ({"v0": torch.zeros(2)}, r"must hold \['v0', 'v1'\]"),
        ({"v0": torch.zeros(2), "v1": torch.zeros(1, 2)}, r"`masses\[v1\]` must have shape \(2,\)"),
        (
            {"v0": torch.zeros(2), "v1": torch.tensor([0.0, 1.5])},
            r"`masses\[v1\]` must lie in \[0, 1\]",
        ),
    ):
        with pytest.raises(InvalidInput, match=message):
            fusion_evidence(model, masses)
    edges = fusion_evidence(model, {"v0": torch.tensor([0.0, 1.0]), "v1": torch.tensor([1.0, 0.0])})
    assert edges.masses.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(InvalidInput, match=r"`vectors` must have shape \(2, 3\)"):
        layer_entropies(model, torch.zeros(3, 3))


@pytest.mark.parametrize("M", [2, 3, 4])
def test_entropy_of_a_fused_qubit_equals_its_entanglement(M: int) -> None:
    """In the pure state of PennyLane's circuit of one element."""
    model = model_of(2, M)
    part = fusion_circuit(model, angles_of(model)).part("fusion", 1)

    @qml.qnode(qml.device("default.qubit", wires=part.wires))
    def circuit() -> object:
        part.queue()
        return qml.vn_entropy(wires=list(part.fused)), qml.vn_entropy(
            wires=[w for w in part.wires if w not in part.fused]
        )

    inside, outside = circuit()
    ours = float(fused_entropy(model.fuse(masses_of(angles_of(model)))[0].detach())[0, 1])
    assert ours == pytest.approx(float(inside), abs=1e-10)
    assert ours == pytest.approx(float(outside), abs=1e-10)
    assert ours > 0.01


def test_layer_entropies_equal_pennylane() -> None:
    model = model_of(5)
    vectors = model.fuse(masses_of(angles_of(model)))[0][0].detach()
    found = layer_entropies(model, vectors)
    assert found.moments == ("input", "layer 0 convolved", "layer 0 pooled")
    assert found.active == ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (0, 2, 4))
    circuit = fusion_circuit(model, angles_of(model)).part("network")
    convolved = [gate for gate in circuit.gates if gate.kind == "convolve"]
    wires = circuit.wires
    for t, gates, active in (
        (1, convolved, wires),
        (2, circuit.gates, (wires[0], wires[2], wires[4])),
    ):
        part = replace(circuit, gates=tuple(gates))
        for k in range(1, len(active)):

            @qml.qnode(qml.device("default.mixed", wires=wires))
            def node(part=part, active=active, k=k) -> object:  # type: ignore[no-untyped-def]
                qml.QubitDensityMatrix(fused_state(vectors).numpy(), wires=list(wires))
                part.queue()
                return (
                    qml.vn_entropy(wires=active[:k]),
                    qml.mutual_info(active[:k], active[k:]),
                    qml.vn_entropy(wires=active),
                    qml.vn_entropy(wires=active[k]),
                )

            cut, mutual, joint, single = (float(x) for x in node())
            assert found.cuts[t][k - 1] == pytest.approx(cut, abs=1e-9)
            assert found.mutual[t][k - 1] == pytest.approx(mutual, abs=1e-9)
            assert found.joint[t] == pytest.approx(joint, abs=1e-9)
            assert found.single[t, wires.index(active[k])] == pytest.approx(single, abs=1e-9)


def test_entropies_satisfy_their_laws() -> None:
    model = model_of(6)
    vectors = model.fuse(masses_of(angles_of(model)))[0][0].detach()
    found = layer_entropies(model, vectors)
    start = fused_entropy(vectors).numpy()
    assert found.single[0] == pytest.approx(start, abs=1e-10)
    assert found.joint[0] == pytest.approx(start.sum(), abs=1e-9)  # a product state
    assert found.mutual[0] == pytest.approx(np.zeros(5), abs=1e-9)
    assert found.joint[1] == pytest.approx(found.joint[0], abs=1e-9)  # a unitary
    assert (
        found.whole[1:] >= found.whole[:-1] - 1e-9
    ).all()  # measuring and forgetting the phase cannot lower it
    (pooling,) = found.poolings().itertuples()
    assert (pooling.before, pooling.after) == (found.joint[1], found.joint[2])
    assert pooling.outcomes == pytest.approx(found.single[2, [1, 3, 5]].sum())
    assert pooling.after <= found.whole[2] + 1e-9


def test_nearest_rules() -> None:
    phi = torch.stack(
        [truth_tables.named_angles(rule, 3) for rule in ("and", "or", "mean", "majority")]
    )
    assert [rule for rule, _ in truth_tables.nearest_rule(phi + 0.05, 3)] == [
        "and",
        "or",
        "mean",
        "majority",
    ]
    assert all(distance == 0 for _, distance in truth_tables.nearest_rule(phi, 3))
