"""Exact values of both systems with every background and one to five modalities equal brute force; laws."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor

from qfusion import explain
from qfusion.errors import InvalidInput
from qfusion.models import InputSpec, QuantumJump
from qfusion.models.coalition_algebra import dividends, interaction, shapley
from qfusion.models.network import contractions, qcnn
from qfusion.quantum.decomposition import subsets
from qfusion.training import checkpoint
from tests.support.entangled import model_of

SYSTEMS = ("quantum-jump", "entangled-qcnn")
DIMS = (2, 3, 2, 2, 2)


def problem(
    system: str, M: int, *, B: int = 2, N: int = 3, n: int = 3, seed: int = 0
) -> tuple[Any, dict[str, Tensor], dict[str, Tensor]]:
    """A model on modalities `v0`, ..., inputs of B samples and of N background rows."""
    torch.manual_seed(seed)
    names = [f"v{m}" for m in range(M)]
    if system == "quantum-jump":
        model: Any = (
            QuantumJump({name: InputSpec(3) for name in names}, ("a", "b"), dims=DIMS[:M], hidden=4)
            .double()
            .eval()
        )
    else:
        model = model_of(n, M, 2, seed=seed)
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int) -> dict[str, Tensor]:
        return {
            name: torch.randn(count, 3, dtype=torch.float64, generator=generator) for name in names
        }

    return model, draw(B), draw(N)


def states_of(model: Any, inputs: dict[str, Tensor]) -> list[Tensor]:
    """What fusion sees of every modality: density matrices (B, d, d), or masses (B, n)."""
    encoded = model.encode(inputs)
    if isinstance(model, QuantumJump):
        return [
            torch.einsum("ba,bc->bac", encoded[name], encoded[name].conj())
            for name in model.modalities
        ]
    return [encoded[name] for name in model.modalities]


def score(model: Any, parts: list[Tensor]) -> Tensor:
    """Scores (R, C) of product states, worked out in the Schroedinger picture or gate by gate."""
    if isinstance(model, QuantumJump):
        rho = parts[0]
        for part in parts[1:]:
            rho = torch.einsum("rab,rcd->racbd", rho, part).reshape(
                len(rho), rho.shape[1] * part.shape[1], -1
            )
        final = model.evolve_states(rho.contiguous(), [model.duration])[0]
        return torch.einsum("cab,rba->rc", model.readout(), final).real + model.bias
    return model.direct_scores(dict(zip(model.modalities, parts, strict=True)))


def brute_force(model: Any, x: dict[str, Tensor], rows: dict[str, Tensor], kind: str) -> np.ndarray:
    """v(S), (B, 2^M, C): the mean score over every way of filling in the absent modalities."""
    samples, M = states_of(model, x), len(model.modalities)
    if kind in ("mixed", "zero"):
        behind = [reference(part, kind, model) for part in samples]
    else:
        behind = states_of(model, rows)
    N = len(behind[0])
    picks = (
        list(itertools.product(range(N), repeat=M))
        if kind == "product"
        else [(row,) * M for row in range(N)]
    )
    values = []
    for i in range(len(samples[0])):
        of_sample = []
        for S in subsets(M):
            filled = sorted(
                {tuple(-1 if m in S else pick[m] for m in range(M)) for pick in picks}
            )  # each is as likely
            parts = [
                torch.stack(
                    [samples[m][i] if pick[m] < 0 else behind[m][pick[m]] for pick in filled]
                )
                for m in range(M)
            ]
            of_sample.append(score(model, parts).mean(0).detach().numpy())
        values.append(of_sample)
    return np.array(values)


def reference(like: Tensor, kind: str, model: Any) -> Tensor:
    """One row that knows nothing, or the reference state."""
    if not isinstance(model, QuantumJump):
        return torch.full_like(like[:1], 0.5)
    d = like.shape[-1]
    weights = torch.ones(d).double() / d if kind == "mixed" else torch.eye(d)[0]
    return torch.diag(weights).to(like)[None]


@pytest.mark.parametrize("kind", list(explain.KINDS))
@pytest.mark.parametrize(
    ("system", "M"), [*itertools.product(SYSTEMS, (1, 2, 3, 4)), ("entangled-qcnn", 5)]
)
def test_exact_values_equal_brute_force(system: str, M: int, kind: str) -> None:
    model, x, rows = problem(system, M, N=1 if kind == "contrast" else 3 if M < 5 else 2)
    with torch.no_grad():
        found = explain.explain(model, x, explain.background(model, rows, kind))
        assert np.abs(found.values - brute_force(model, x, rows, kind)).max() < 1e-10


@pytest.mark.parametrize("M", [2, 3, 5])
def test_chunked_product_of_marginals(M: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, rows = problem("entangled-qcnn", M, B=7, n=4)
    background = explain.background(model, rows, "product")
    whole = explain.explain(model, x, background).values
    monkeypatch.setattr(contractions, "MAX_NUMBERS", 100)
    assert explain.explain(model, x, background).values == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("M", [3, 4])
def test_product_of_marginals_of_ten_elements_fits_into_memory(M: int) -> None:
    """At the largest network a coalition's value is the mean, over the rows of one absent modality, of its value when
    told that too."""
    model, x, rows = problem("entangled-qcnn", M, B=1, N=2, n=10)
    background = explain.background(model, rows, "product")
    last = model.modalities[-1]
    filled = {name: values.expand(3, 3) for name, values in x.items()}
    filled[last] = torch.cat((x[last], rows[last]))  # the sample first
    with torch.no_grad():
        values = explain.explain(model, filled, background).values
    for S in subsets(M - 1):
        without, with_last = (subsets(M).index(part) for part in (S, (*S, M - 1)))
        assert values[0, without] == pytest.approx(values[1:, with_last].mean(0), abs=1e-10)


@pytest.mark.parametrize("rows", [1, 4])
def test_legs_equal_the_kronecker_product(rows: int) -> None:
    T, G = (
        torch.randn(rows, 2, 2**3, dtype=torch.float64),
        torch.randn(rows, 3, 5, 2, dtype=torch.float64),
    )
    found = contractions.mode_product(T, G)
    for row in range(rows):
        whole = torch.kron(torch.kron(G[row, 0], G[row, 1]), G[row, 2])
        assert torch.allclose(found[row], T[row] @ whole.T, atol=1e-12)


@pytest.mark.parametrize("system", SYSTEMS)
def test_backgrounds_are_named(system: str) -> None:
    model, x, rows = problem(system, 2)
    one = {name: values[:1] for name, values in rows.items()}
    conflict = explain.background(model, rows, "cohort", label="conflict")
    found = explain.explain(model, x, conflict)
    assert (found.background, found.background_size) == ("cohort of 3 samples 'conflict'", 3)
    assert explain.background(model, rows, "cohort").name == "cohort of 3 samples"
    other = explain.explain(model, x, explain.background(model, one, "contrast", label="p7"))
    assert (other.background, other.background_size) == ("contrast sample p7", 1)
    assert explain.background(model, kind="mixed").name == "mixed"
    assert explain.explain(model, x, explain.background(model, rows, "joint")).background == "joint"
    keys = {explain.background(model, some, "cohort", label="a").key for some in (rows, one, x)}
    assert len(keys) == 3
    assert conflict.key == explain.background(model, rows, "cohort", label="conflict").key
    with pytest.raises(
        InvalidInput, match=r"must hold the one sample to contrast with, but holds 3\. Give one row"
    ):
        explain.background(model, rows, "contrast")
    with pytest.raises(InvalidInput, match="must hold at least one background sample"):
        explain.background(model, {name: values[:0] for name, values in rows.items()}, "cohort")


def test_empty_background_is_refused(planted: Any) -> None:
    model = checkpoint.load("qj-planted").model.double()
    with pytest.raises(InvalidInput, match="must hold at least one background sample"):
        explain.background(model, planted.inputs([], torch.float64), "joint")


@pytest.mark.parametrize("system", SYSTEMS)
def test_contrast_with_the_sample_itself_is_zero(system: str) -> None:
    model, x, _ = problem(system, 3, B=1)
    found = explain.explain(model, x, explain.background(model, x, "contrast"))
    assert np.abs(found.dividends[:, 1:]).max() < 1e-12
    assert found.baseline == pytest.approx(found.prediction[0])


def test_backgrounds_of_the_other_system_are_refused() -> None:
    (jump, x, rows), (circuit, _, _) = problem("quantum-jump", 2), problem("entangled-qcnn", 2)
    with pytest.raises(InvalidInput, match="comes from another kind of model"):
        explain.explain(jump, x, explain.background(circuit, rows, "joint"))
    with pytest.raises(InvalidInput, match="Make it with this model"):
        explain.explain(circuit, x, explain.background(jump, rows, "joint"))


# The laws, on real models: what the library promises of a score holds of the numbers it returns.

games = st.tuples(
    st.sampled_from(SYSTEMS),
    st.sampled_from(["joint", "product", "mixed", "zero", "cohort"]),
    st.integers(2, 4),
    st.integers(0, 10**6),
)


@settings(max_examples=12)
@given(games)
def test_efficiency(game: tuple[str, str, int, int]) -> None:
    system, kind, M, seed = game
    model, x, rows = problem(system, M, seed=seed)
    found = explain.explain(model, x, explain.background(model, rows, kind))
    y = model(x).detach().numpy()
    assert found.prediction == pytest.approx(y, abs=1e-10)
    assert found.dividends.sum(1) == pytest.approx(y, abs=1e-10)
    assert found.baseline + found.shapley.sum(1) == pytest.approx(y, abs=1e-10)


@settings(max_examples=12)
@given(
    st.sampled_from(SYSTEMS), st.sampled_from(["joint", "product", "mixed"]), st.integers(0, 10**6)
)
def test_identical_modalities_have_equal_values(system: str, kind: str, seed: int) -> None:
    """v0 and v1 have the same encoder and inputs, and the model treats them alike: a mirror image of it is itself."""
    model, x, rows = mirrored(system, seed)
    found = explain.explain(model, x, explain.background(model, rows, kind))
    assert found.shapley[:, 0] == pytest.approx(found.shapley[:, 1], abs=1e-10)
    assert found.dividends[:, 1] == pytest.approx(found.dividends[:, 2], abs=1e-10)
    assert found.interaction[:, 0, 2] == pytest.approx(found.interaction[:, 1, 2], abs=1e-10)


def mirrored(system: str, seed: int) -> tuple[Any, dict[str, Tensor], dict[str, Tensor]]:
    """A problem of three modalities that stays as it is when the first two are exchanged."""
    model, x, rows = problem(system, 3, seed=seed)
    if system == "quantum-jump":
        model = (
            QuantumJump(
                model.input_specs,
                ("a", "b"),
                dims=(2, 2, 3),
                hidden=4,
                evolution="none",
                readout="joint",
            )
            .double()
            .eval()
        )
        v = torch.view_as_complex(model.V.data).view(-1, 2, 2, 3)
        model.V.data = torch.view_as_real((v + v.transpose(1, 2)).reshape(len(v), 12))
    else:
        table = model.phi.data.view(-1, 1, 2, 2, 2)
        model.phi.data = (table + table.transpose(2, 3)).flatten(2)
    model.encoders["v1"] = model.encoders["v0"]
    for inputs in (x, rows):
        inputs["v1"] = inputs["v0"]
    return model, x, rows


@settings(max_examples=12)
@given(
    st.sampled_from(SYSTEMS),
    st.sampled_from(["joint", "product", "cohort", "zero"]),
    st.integers(0, 10**6),
)
def test_uninformative_modality_has_zero_value(system: str, kind: str, seed: int) -> None:
    """An encoder that answers the same whatever it hears: no dividend of a coalition with it, no Shapley value, no
    interaction."""
    model, x, rows = problem(system, 3, seed=seed)
    for values in model.encoders["v0"].parameters():
        values.data.zero_()
    found = explain.explain(model, x, explain.background(model, rows, kind))
    for s, S in enumerate(subsets(3)):
        if 0 in S:
            assert found.dividends[:, s] == pytest.approx(0, abs=1e-10)
    assert found.shapley[:, 0] == pytest.approx(0, abs=1e-10)
    assert found.interaction[:, 0] == pytest.approx(0, abs=1e-10)


@settings(max_examples=12)
@given(
    st.sampled_from(SYSTEMS),
    st.sampled_from(["joint", "product", "mixed"]),
    st.integers(0, 10**6),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_linearity(system: str, kind: str, seed: int, a: float, b: float) -> None:
    """A score that is a times the first plus b times the second is explained by as much of their explanations."""
    model, x, rows = problem(system, 3, seed=seed)
    background = explain.background(model, rows, kind)
    before = explain.explain(model, x, background)
    head = model.W if system == "quantum-jump" else model.network.head
    head.data[0] = a * head.data[0] + b * head.data[1]
    model.bias.data[0] = a * model.bias.data[0] + b * model.bias.data[1]
    after = explain.explain(model, x, background)
    for name in ("values", "dividends", "shapley", "interaction"):
        old, new = getattr(before, name), getattr(after, name)
        assert new[..., 0] == pytest.approx(a * old[..., 0] + b * old[..., 1], abs=1e-9), name


def test_backgrounds_mix_linearly() -> None:
    """The values against a cohort are the mean of those against each of its samples."""
    for system in SYSTEMS:
        model, x, rows = problem(system, 3, N=4)
        whole = explain.explain(model, x, explain.background(model, rows, "cohort"))
        each = [
            explain.explain(
                model,
                x,
                explain.background(
                    model, {name: v[i : i + 1] for name, v in rows.items()}, "contrast"
                ),
            )
            for i in range(4)
        ]
        assert np.mean([one.values for one in each], 0) == pytest.approx(whole.values, abs=1e-12)


def discrete_derivatives(v: np.ndarray, M: int, i: int, j: int) -> float:
    """Shapley interaction by its definition: a weighted mean over coalitions T without i and j of their joint discrete
    derivative."""
    order = subsets(M)
    others = [m for m in range(M) if m not in (i, j)]
    total = 0.0
    for size in range(len(others) + 1):
        for T in itertools.combinations(others, size):
            weight = 1 / ((M - 1) * len(list(itertools.combinations(range(M - 2), size))))
            terms = {(): 1, (i,): -1, (j,): -1, (i, j): 1}
            total += weight * sum(
                sign * v[order.index(tuple(sorted((*T, *more))))] for more, sign in terms.items()
            )
    return total


@given(
    st.integers(2, 4).flatmap(
        lambda M: st.tuples(st.just(M), st.lists(st.floats(-5, 5), min_size=2**M, max_size=2**M))
    )
)
def test_interaction_index_equals_its_definition(game: tuple[int, list[float]]) -> None:
    M, numbers = game
    v = np.array(numbers)
    found = interaction(dividends(v[:, None], M), M)[..., 0]
    for i, j in itertools.combinations(range(M), 2):
        assert (
            found[i, j] == found[j, i] == pytest.approx(discrete_derivatives(v, M, i, j), abs=1e-9)
        )
    assert np.diagonal(found) == pytest.approx(0)
    if M == 2:  # the joint term and nothing else
        assert found[0, 1] == pytest.approx(v[3] - v[1] - v[2] + v[0])
        assert shapley(dividends(v[:, None], 2), 2)[0, 0] == pytest.approx(
            v[1] - v[0] + found[0, 1] / 2
        )


@pytest.mark.parametrize(
    ("n", "M", "kind"),
    [
        *(
            (n, M, kind)
            for n, M in ((3, 2), (4, 3))
            for kind in ("joint", "product", "mixed", "contrast")
        ),
        *((n, M, "product") for n, M in ((5, 2), (4, 4))),
    ],
)
def test_values_by_layer_equal_density_matrices(n: int, M: int, kind: str) -> None:
    """At every cut the values are those of measuring the density matrix there, later gates left out."""
    model, x, rows = problem("entangled-qcnn", M, n=n, B=2, N=1 if kind == "contrast" else 2)
    found = explain.explain_layers(model, x, explain.background(model, rows, kind))
    assert found.moments == tuple(name for name, _ in model.network.moments())
    assert found.moments[:3] == ("input", "layer 0 convolved", "layer 0 pooled")
    assert found.values.shape == (len(found.moments), 2, 2**M, 2)
    for k, (_, done) in enumerate(model.network.moments()):

        def early(masses: dict[str, Tensor], done: int = done) -> Tensor:
            rho = qcnn.density_states(model.network, model.fuse(masses)[0])[done]
            return qcnn.density_scores(model.network, rho) + model.bias

        stopped = _Reading(model, early)
        assert found.values[k] == pytest.approx(brute_force(stopped, x, rows, kind), abs=1e-10), k
        assert found.at(k).shapley.sum(1) + found.at(k).baseline == pytest.approx(
            found.prediction[k], abs=1e-10
        )
    whole = explain.explain(model, x, explain.background(model, rows, kind))
    assert found.at(-1).values == pytest.approx(whole.values, abs=1e-12)
    assert found.at(-1).shapley == pytest.approx(whole.shapley, abs=1e-12)


class _Reading:
    """A model whose scores are read somewhere else."""

    def __init__(self, model: Any, read: Any):
        self.modalities, self.encode, self.direct_scores = model.modalities, model.encode, read


@pytest.mark.parametrize("kind", ["joint", "product"])
def test_layers_of_batched_samples_equal_single_ones(kind: str) -> None:
    """Many samples at once are worked out another way than a few."""
    model, x, rows = problem("entangled-qcnn", 3, B=10, N=4)
    background = explain.background(model, rows, kind)
    together = explain.explain_layers(model, x, background)
    alone = [
        explain.explain_layers(
            model, {name: v[i : i + 1] for name, v in x.items()}, background
        ).values
        for i in range(10)
    ]
    assert together.values == pytest.approx(np.concatenate(alone, 1), abs=1e-12)


def test_two_layers_have_five_moments() -> None:
    model, x, rows = problem("entangled-qcnn", 2, n=10, B=1)
    found = explain.explain_layers(model, x, explain.background(model, rows, "joint"))
    assert found.moments == (
        "input",
        "layer 0 convolved",
        "layer 0 pooled",
        "layer 1 convolved",
        "layer 1 pooled",
    )
    assert found.baseline.shape == (5, 2)
    assert np.ptp(found.prediction[:, 0, 0]) > 1e-3  # the layers do something


def test_values_by_layer_refuse_unsupported_models() -> None:
    (jump, x, rows), (circuit, _, _) = problem("quantum-jump", 2), problem("entangled-qcnn", 2)
    with pytest.raises(
        InvalidInput,
        match="kind quantum-jump, which has no layers to be read out between",
    ):
        explain.explain_layers(jump, x, explain.background(jump, rows, "joint"))
    found = explain.explain_layers(circuit, x, explain.background(circuit, rows, "joint"))
    with pytest.raises(InvalidInput, match="must be a place from 0 to 2, but is 3"):
        found.at(3)
    with pytest.raises(InvalidInput, match="has no leading axis"):
        found.at(0).at(0)
    with pytest.raises(InvalidInput, match="take one moment of it with `at`"):
        found.frame(["a", "b"])
    assert "interaction[v0+v1]" in found.at(1).frame(["a", "b"])


def test_batched_set_equals_single_samples() -> None:
    for system in SYSTEMS:
        model, x, rows = problem(system, 3, B=12)
        for kind in ("joint", "product"):
            background = explain.background(model, rows, kind)
            together = explain.explain(model, x, background)
            alone = [
                explain.explain(model, {name: v[i : i + 1] for name, v in x.items()}, background)
                for i in range(12)
            ]
            for name in ("values", "dividends", "shapley", "interaction"):
                assert np.concatenate([getattr(one, name) for one in alone]) == pytest.approx(
                    getattr(together, name), abs=1e-12
                )
            assert explain.shares(together).sum(-2) == pytest.approx(1)
            assert replace(together, moments=()).interaction.shape == (12, 3, 3, 2)
