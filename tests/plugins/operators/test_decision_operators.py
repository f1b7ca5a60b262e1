"""Decision operators: expectation equals the coalition value, spectral laws, brute force."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import InputSpec, QuantumJump, build
from qfusion.models.network import mass_algebra
from qfusion.plugins.operators.decision_operator import group_states, operator, operator_groups
from tests.support.coalition_problems import problem
from tests.support.entangled import model_of

KINDS = ("joint", "product", "mixed", "zero")


def network(n: int, M: int, N: int = 7) -> tuple:
    model = model_of(n, M)
    return (
        model,
        {name: torch.randn(4, 3, dtype=torch.float64) for name in model.modalities},
        {name: torch.randn(N, 3, dtype=torch.float64) for name in model.modalities},
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "make",
    [
        lambda: problem(2),
        lambda: problem(3),
        lambda: network(3, 2),
        lambda: network(4, 3),
        lambda: network(3, 4),
        lambda: network(2, 5),
    ],
    ids=["qj2", "qj3", "qcnn2", "qcnn3", "qcnn4", "qcnn5"],
)
def test_expectation_equals_the_coalition_value(make, kind: str) -> None:
    model, x, rows = make()
    background = explain.background(model, rows, kind)
    found = explain.explain(model, x, background)
    for name in operator_groups(model):
        for output in (0, len(model.outputs) - 1):
            O = operator(model, background, name, output)
            assert (O.output, O.background, O.background_size) == (
                model.outputs[output],
                background.name,
                background.size,
            )
            states = group_states(model, x, name)
            place = found.coalitions.index(name)
            assert O.scores(states) == pytest.approx(found.values[:, place, output], abs=1e-10)
            assert O.baseline == pytest.approx(found.values[0, 0, output], abs=1e-10)
            weights = np.stack([O.overlap(states, k) for k in range(len(O.values))], 1)
            assert weights.sum(1) == pytest.approx(np.ones(len(weights)), abs=1e-10)
            assert O.weights(states) == pytest.approx(weights.mean(0), abs=1e-12)
            assert weights @ O.values == pytest.approx(found.values[:, place, output], abs=1e-10)
            assert (np.diff(O.values) >= 0).all()
            assert O.votes == pytest.approx(O.values - O.baseline)


def test_eigenvectors_and_trace_of_the_marginal_observable() -> None:
    model, _, rows = problem(3)
    background = explain.background(model, rows, "joint")
    marginals = explain.marginal_observables(
        model.observables().detach().to(torch.complex128), background
    )
    for S, name in (((1,), "audio"), ((0, 2), "text+vision"), ((0, 1, 2), "text+audio+vision")):
        own = marginals[S][1].numpy()
        O = operator(model, background, name, 1)
        bias = float(model.bias[1].detach())
        assert own @ O.vectors == pytest.approx(O.vectors * (O.values - bias), abs=1e-10)
        assert np.trace(own).real == pytest.approx((O.values - bias).sum(), abs=1e-10)
        assert O.vectors.conj().T @ O.vectors == pytest.approx(np.eye(len(own)), abs=1e-10)
        top = O.amplitudes(-1)
        assert top[np.abs(top).argmax()] == pytest.approx(
            np.abs(top).max()
        )  # a global phase is gone
        assert np.linalg.norm(top) == pytest.approx(1)
        state = O.vectors[:, -1:].T
        assert (state.conj() @ own @ state.T).real.item() + bias == pytest.approx(
            O.values[-1], abs=1e-10
        )


def test_orthogonal_case_by_hand() -> None:
    """With a read-out of one projector on |0> of text and no evolution, |0> votes for with the weight, all else against
    alike."""
    inputs = {"text": InputSpec(2), "audio": InputSpec(2)}
    model = (
        QuantumJump(inputs, dims=(3, 2), measurements=2, evolution="none", readout="joint")
        .double()
        .eval()
    )
    with torch.no_grad():
        model.V.zero_()
        model.V[0, 0, 0] = model.V[1, 1, 0] = 1.0  # |00> and |01>
        model.W.fill_(2.0)
        model.bias.fill_(0.5)
    rows = {name: torch.randn(5, 2, dtype=torch.float64) for name in model.modalities}
    O = operator(model, explain.background(model, rows, "joint"), "text")
    assert O.values == pytest.approx([0.5, 0.5, 2.5], abs=1e-12)
    assert np.abs(O.amplitudes(2)) == pytest.approx([1, 0, 0], abs=1e-12)
    audio = operator(model, explain.background(model, rows, "joint"), "audio")
    assert audio.values[0] == pytest.approx(audio.values[1], abs=1e-12)  # it does not ask audio


@pytest.mark.parametrize(
    ("n", "M", "S"),
    [
        *((3, 2, (0,)), (3, 2, (0, 1)), (2, 3, (1,)), (2, 3, (0, 2))),
        *((2, 4, (3,)), (2, 4, (0,)), (2, 4, (1, 2)), (3, 5, (1,))),
    ],
)
@pytest.mark.parametrize("kind", ["joint", "product"])
def test_every_pattern_by_brute_force(n: int, M: int, S: tuple[int, ...], kind: str) -> None:
    """Each outcome pattern as masses of 0 and 1, the rest from each row of the background, or each combination of its
    rows, through the model."""
    model, _, rows = network(n, M, N=3)
    background = explain.background(model, rows, kind)
    O = operator(model, background, "+".join(model.modalities[m] for m in S), 1)
    rank = np.argsort(O.basis)
    shown = background.masses
    if kind == "product":
        picks = itertools.product(range(3), repeat=M)
        shown = torch.stack(
            [torch.stack([shown[row, :, m] for m, row in enumerate(pick)], -1) for pick in picks]
        )
    for place, bits in enumerate(itertools.product([0.0, 1.0], repeat=n * len(S))):
        masses = shown.clone()
        for position, m in enumerate(S):
            masses[..., m] = torch.tensor(bits[position * n : (position + 1) * n])
        with torch.no_grad():
            brute = float(
                model.scores({name: masses[..., m] for m, name in enumerate(model.modalities)})[
                    :, 1
                ].mean()
            )
        assert O.values[rank[place]] == pytest.approx(brute, abs=1e-10)
        assert O.bits(int(rank[place])).ravel().tolist() == list(bits)


@pytest.mark.parametrize("kind", ["joint", "product", "mixed"])
def test_the_effect_of_an_element_by_brute_force(kind: str) -> None:
    model, _, rows = network(3, 3, N=4)
    background = explain.background(model, rows, kind)
    O = operator(model, background, "v1+v2", 2)
    N, values = len(background.masses), {}
    for bit in (0.0, 1.0):
        total = 0.0
        picks = (
            [(i, i, i) for i in range(N)]
            if kind != "product"
            else list(itertools.product(range(N), repeat=3))
        )
        for pick in picks:
            # The rest of S as one row shows it, the modality outside S by another: they are averaged apart.
            for other in range(N):
                masses = torch.stack(
                    [background.masses[row, :, m] for m, row in enumerate((other, *pick[1:]))], -1
                )[None].clone()
                masses[0, 1, 2] = bit
                with torch.no_grad():
                    total += float(
                        model.scores(
                            {name: masses[..., m] for m, name in enumerate(model.modalities)}
                        )[0, 2]
                    )
        values[bit] = total / len(picks) / N
    assert O.effects[1, 1] == pytest.approx(values[1.0] - values[0.0], abs=1e-10)


def test_pairs_are_offered_where_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator_groups(model_of(4, 2)) == ["v0", "v1", "v0+v1"]
    assert operator_groups(model_of(3, 3)) == ["v0", "v1", "v2", "v0+v1", "v0+v2", "v1+v2"]
    assert operator_groups(model_of(2, 5)) == [f"v{m}" for m in range(5)]
    assert operator_groups(problem(2)[0]) == ["text", "audio", "text+audio"]
    for most, pairs in ((4**3, 3), (4**3 - 1, 0)):  # a pair has 4^n patterns
        monkeypatch.setattr(mass_algebra, "MAX_PATTERNS", most)
        assert len(operator_groups(model_of(3, 3))) == 3 + pairs


def test_invalid_arguments_are_refused() -> None:
    model, _, rows = network(3, 2)
    background = explain.background(model, rows, "joint")
    jump, _, other = problem(2)
    with pytest.raises(NotFound, match="'smell' does not exist"):
        operator(model, background, "smell")
    with pytest.raises(InvalidInput, match=r"`output` must lie in 0\.\.2, but is 3"):
        operator(model, background, "v0", 3)
    with pytest.raises(InvalidInput, match="another kind of model"):
        operator(jump, background, "text")
    with pytest.raises(InvalidInput, match="another kind of model"):
        operator(model, explain.background(jump, other, "joint"), "v0")
    with pytest.raises(InvalidInput, match="has eigenvectors"):
        operator(jump, explain.background(jump, other, "joint"), "text").bits(0)
    with pytest.raises(InvalidInput, match="is diagonal"):
        operator(model, background, "v0").amplitudes(0)


INPUTS = {name: {"size": 3, "sequence": False} for name in ("text", "audio")}


def rows_of(count: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(count, 3, dtype=torch.float64, generator=generator) for name in INPUTS
    }


def test_operators_of_products_of_states_are_exact() -> None:
    torch.manual_seed(0)
    settings = {"dims": (2, 3), "rank": 2, "hidden": 4}
    model = build("state-linear", INPUTS, ("a", "b"), settings).double().eval()
    x, background = rows_of(1, 1), explain.background(model, rows_of(5, 2), "joint")
    values = explain.explain(model, x, background).values
    for place, S in enumerate(operator_groups(model), 1):
        scores = operator(model, background, S, 1).scores(group_states(model, x, S))
        assert scores == pytest.approx(values[:, place, 1], abs=1e-10)


def test_model_without_states_is_refused() -> None:
    model = build("late", INPUTS, ("a", "b"), {"hidden": 4}).double().eval()
    background = explain.background(model, rows_of(5, 1))
    with pytest.raises(InvalidInput, match="kind late, which has no modality states"):
        operator(model, background, "text")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("quantum-jump", {"dims": 2, "jumps": 1, "measurements": 2}),
        ("entangled-qcnn", {"elements": 4}),
    ],
)
def test_operators_accept_both_precisions(kind: str, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    single = build(kind, INPUTS, ("no", "yes"), settings).eval()
    rows = {name: values.float() for name, values in rows_of(6, 1).items()}
    double = copy.deepcopy(single).double()
    values = [
        operator(
            model, explain.background(model, {n: r.to(dtype) for n, r in rows.items()}), "text"
        )
        for model, dtype in ((single, torch.float32), (double, torch.float64))
    ]
    assert values[0].values == pytest.approx(values[1].values, abs=1e-4)
