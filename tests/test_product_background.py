"""The background "product" against loops over all combinations of rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qfusion import explain
from qfusion.data import data_set
from qfusion.explain import backgrounds, counterfactual, disturbances, sensitivity
from qfusion.models import EntangledQCNN, InputSpec, base, build, evaluation
from qfusion.models.evaluation import SampleBackground
from qfusion.models.network import contractions
from qfusion.models.terms import Parameter
from qfusion.quantum.decomposition import subsets
from qfusion.training import encodings
from tests.support.encoded_models import sequences
from tests.support.entangled import model_of as network_of
from tests.support.sensitivity_models import STEPS, WEIGHTS, with_factor
from tests.support.small_models import SMALL, Recorded, model_of, rows_of

PRODUCT = "product"


@torch.no_grad()
def over_all_combinations(model: Any, x: Mapping[str, Any], rows: Mapping[str, Any]) -> np.ndarray:
    """v(S), (B, 2^M, C), by plain passes: each sample with every choice of a row for each absent modality."""
    own, theirs = model.encode(x), model.encode(rows)
    names, N = model.modalities, evaluation.nested_length(theirs)
    values = []
    for S in subsets(len(names)):
        absent = [m for m in range(len(names)) if m not in S]
        choices = [*itertools.product(range(N), repeat=len(absent))]
        picks = np.array(choices, int).reshape(len(choices), len(absent))
        scores = []
        for b in range(evaluation.nested_length(own)):
            states = {
                name: evaluation.nested_part(own[name], [b] * len(picks))
                if m in S
                else evaluation.nested_part(theirs[name], picks[:, absent.index(m)])
                for m, name in enumerate(names)
            }
            scores.append(model.scores(states).mean(0).numpy())
        values.append(scores)
    return np.array(values).swapaxes(0, 1)


def dividends_of(values: np.ndarray) -> np.ndarray:
    """Sums over subsets with signs, by their definition."""
    order = subsets(round(math.log2(values.shape[1])))
    return np.stack(
        [
            sum(
                (-1) ** (len(S) - len(R)) * values[:, j]
                for j, R in enumerate(order)
                if set(R) <= set(S)
            )
            for S in order
        ],
        1,
    )


def features(model: Any, count: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(count, 3, dtype=torch.float64, generator=generator)
        for name in model.modalities
    }


# The network: exact values, slopes and effects.


@pytest.mark.parametrize(("n", "M"), [(3, 1), (4, 2), (3, 3), (5, 3), (3, 4), (2, 5), (2, 6)])
@pytest.mark.parametrize("many", [False, True])
def test_values_are_means_over_all_combinations(n: int, M: int, many: bool) -> None:
    """Of a few samples, which are worked out one by one, and of many."""
    model = network_of(n, M)
    x = features(model, contractions.FEW_SAMPLES + 1 if many else 2, 1)
    rows = features(model, 2 if M > 3 else 3, 2)
    found = explain.explain(model, x, explain.background(model, rows, PRODUCT))
    assert np.abs(found.values - over_all_combinations(model, x, rows)).max() < 1e-10
    assert found.errors is None


def test_values_by_layer_of_batched_samples_equal_single_ones() -> None:
    model = network_of(4, 3)
    x, background = (
        features(model, 12, 1),
        explain.background(model, features(model, 5, 2), PRODUCT),
    )
    whole = explain.explain_layers(model, x, background)
    one = explain.explain_layers(model, {k: v[7:8] for k, v in x.items()}, background)
    assert one.values[:, 0] == pytest.approx(whole.values[:, 7], abs=1e-12)


def derivative(model: EntangledQCNN, term: Parameter, ask: Any, h: float) -> np.ndarray:
    """By central differences of fourth order."""
    return (
        sum(
            weight * ask(with_factor(model, term, term.value + float(step) * h))
            for step, weight in zip(STEPS, WEIGHTS, strict=True)
        )
        / h
    )


@pytest.mark.parametrize(
    ("n", "M", "block"), [(4, 2, "su4"), (3, 3, "circuit9"), (5, 3, "so4"), (3, 4, "su4")]
)
def test_slopes_and_effects_of_every_dividend(n: int, M: int, block: str) -> None:
    """Against differences of means over all combinations, of one term of each kind."""
    model = network_of(n, M, C=2, block=block)
    x, rows = features(model, 2, 1), features(model, 2, 2)
    background = explain.background(model, rows, PRODUCT)
    names = [f"dividend[{name}]" for name in explain.explain(model, x, background).coalitions]
    found = sensitivity.sensitivity(model, x, background, output=1, targets=["score", *names])

    def ask(edited: Any) -> np.ndarray:
        values = over_all_combinations(edited, x, rows)
        all_terms = np.concatenate([values[:, -1:], dividends_of(values)], 1)
        return all_terms[:, :, 1].mean(0)

    assert found.values == pytest.approx(ask(model), abs=1e-11)
    last = f"say[{n - 1}:{model.modalities[-1]}]"
    keys = ("fusion[0]", f"fusion[{n - 1}]", "say[1:v0]", last, "convolution[0]", "pooling[0]")
    for place, term in enumerate(found.parameters):
        if term.key not in (*keys, "head[0]"):
            continue
        slopes = derivative(model, term, ask, 1e-3)
        scale = np.abs(found.slopes).max(0) + 1e-6
        assert (np.abs(found.slopes[place] - slopes) <= 1e-7 * scale).all(), term
        removed = ask(with_factor(model, term, 0.0)) - ask(model)
        assert found.effects[place] == pytest.approx(removed, abs=1e-10), term


def test_a_moved_term_and_a_cohort() -> None:
    """Slopes and effects stand where another factor was moved to; a cohort has the mean of its samples."""
    model = network_of(3, 3)
    x, background = (
        features(model, 30, 1),
        explain.background(model, features(model, 3, 2), PRODUCT),
    )
    system = sensitivity.collect_terms(model, x, background)
    place = next(i for i, term in enumerate(system.parameters) if term.key == "say[1:v2]")
    target = "dividend[v0+v1+v2]"
    moved = system.with_parameter(place, 0.4)
    there = with_factor(model, system.parameters[place], 0.4)
    again = sensitivity.collect_terms(there, x, background)
    values, slopes = moved.slopes([target])
    expected, theirs = again.slopes([target])
    assert values == pytest.approx(expected, abs=1e-12)
    others = [
        i for i in range(len(slopes)) if i not in (1, place)
    ]  # fusion[1] acts on the same table
    assert slopes[others] == pytest.approx(theirs[others], abs=1e-12)
    assert slopes[place] * 0.4 == pytest.approx(theirs[place], abs=1e-12)
    assert moved.effects([target], slopes)[place] == pytest.approx(
        again.effects([target], theirs)[place], abs=1e-12
    )
    samples = np.unique(np.linspace(0, 29, 24).round().astype(int))
    single = [
        sensitivity.sensitivity(
            model, {k: v[i : i + 1] for k, v in x.items()}, background, targets=[target]
        )
        for i in samples
    ]
    whole = sensitivity.sensitivity(model, x, background, targets=[target])
    assert whole.samples.tolist() == [24]
    for of in ("values", "slopes", "effects"):
        mean = np.mean([getattr(one, of) for one in single], 0)
        assert getattr(whole, of) == pytest.approx(mean, abs=1e-12)


def test_single_row_background() -> None:
    """Of a single row "product" and "joint" are the same."""
    model = network_of(4, 3)
    x, row = features(model, 2, 1), features(model, 1, 2)
    joint, product = (
        sensitivity.sensitivity(model, x, explain.background(model, row, kind))
        for kind in ("joint", PRODUCT)
    )
    for of in ("values", "slopes", "effects"):
        assert getattr(product, of) == pytest.approx(getattr(joint, of), abs=1e-11, nan_ok=True)


# Models without states: combinations of rows that are drawn.


class Played(base.FusionModel):
    """A random function of two modalities that stand alone, plus what two tell only together; a fourth that does not
    matter."""

    kind = "played"

    def __init__(self, seed: int = 0) -> None:
        super().__init__({name: InputSpec(2) for name in ("a", "b", "c", "d")}, ("y",))
        generator = torch.Generator().manual_seed(seed)
        self.first, self.second = torch.randn(2, 4, 6, dtype=torch.float64, generator=generator)
        self.bias = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def encode_one(self, inputs: Mapping[str, Any], name: str) -> Tensor:
        return inputs[name]

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        both = torch.cat([states["a"], states["b"]], 1)
        random = (torch.tanh(both @ self.first) * torch.sin(both @ self.second)).sum(1)
        together = 3 * states["a"][:, 0].sign() * states["c"][:, 0].sign()
        return (random + together)[:, None] + self.bias


def independent(count: int, seed: int) -> dict[str, Tensor]:
    """Rows of modalities that know nothing of each other; both signs of a and of c equally often."""
    random = np.random.default_rng(seed)
    rows = {name: torch.from_numpy(random.normal(size=(count, 2))) for name in "abcd"}
    for name in "ac":
        signs = random.permutation(np.resize([1.0, -1.0], count))
        rows[name][:, 0] = rows[name][:, 0].abs() * torch.from_numpy(signs)
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_jointly_informative_modality_has_no_own_term(seed: int) -> None:
    """Its own term is 0 within 4 standard errors, also where the rows pair it with another modality."""
    model, rows = Played(seed), independent(400, seed)
    rows["c"][:, 0] = (
        rows["c"][:, 0].abs() * rows["a"][:, 0].sign()
    )  # "joint" takes that for its own
    x = independent(30, seed + 100)
    found = explain.explain(model, x, explain.background(model, rows, PRODUCT))
    place = {name: i for i, name in enumerate(found.coalitions)}
    assert found.errors is not None
    assert (found.dividends[:, place["d"]] == 0).all()
    assert (found.errors[:, place["d"]] == 0).all()
    own, error = (numbers[:, place["c"], 0] for numbers in (found.dividends, found.errors))
    assert (np.abs(own) <= 4 * error).all()
    assert error.max() < 0.35
    joint = explain.explain(model, x, explain.background(model, rows, "joint"))
    assert joint.errors is None
    assert joint.dividends[:, place["c"], 0] == pytest.approx(-3)


@pytest.mark.parametrize("kind", ["concatenation", "mult", "tensor", "low-rank", "product-qcnn"])
def test_drawn_combinations_approximate_all_combinations(kind: str) -> None:
    """All values within 4 standard errors; exact where one modality alone is absent."""
    model = model_of(kind, 3, sequences=kind == "mult")
    x, rows = rows_of(model, 2, 1), rows_of(model, 20, 2)
    background = explain.background(model, rows, PRODUCT)
    found, wanted = explain.explain(model, x, background), over_all_combinations(model, x, rows)
    assert found.errors is not None
    away = np.abs(found.dividends - dividends_of(wanted))
    assert (away <= 4 * found.errors + 1e-12).all()
    assert found.values[:, 4:] == pytest.approx(wanted[:, 4:], abs=1e-12)  # the largest coalitions
    assert (found.background, found.background_size) == (PRODUCT, 20)


@pytest.mark.parametrize(("kind", "M", "count"), [("concatenation", 2, 20), ("mult", 3, 7)])
def test_all_combinations_are_exact(kind: str, M: int, count: int) -> None:
    model = model_of(kind, M, sequences=kind == "mult")
    x, rows = rows_of(model, 2, 1), rows_of(model, count, 2)
    shuffled: Any = explain.background(model, rows, PRODUCT)
    combined = shuffled.combined
    found = explain.explain(model, x, combined)
    wanted = over_all_combinations(model, x, rows)
    assert np.abs(found.values - wanted).max() < 1e-12
    assert combined.is_exact
    assert found.is_exact
    assert not shuffled.is_exact
    assert not explain.explain(model, x, shuffled).is_exact
    assert (found.background, found.background_size) == (PRODUCT, count)
    missing = model.modalities[:1]
    without = model.algebra.value_without(model.encode(x), combined, missing)
    place = found.coalitions.index("+".join(model.modalities[1:]))
    assert np.abs(without - wanted[:, place]).max() < 1e-12
    assert combined.subsample(count + 1).numbers().equal(shuffled.numbers())
    some = combined.subsample(count - 1)
    assert (some.size, some.is_exact) == (count - 1, False)


@pytest.mark.parametrize("drawn", [0, 12])
def test_standard_errors_bound_the_deviation_of_draws(drawn: int) -> None:
    """Over many draws of the combinations, of all rows or some; means are right on average."""
    model = Played()
    x, rows = independent(1, 1), independent(24, 2)
    wanted = dividends_of(over_all_combinations(model, x, rows))[0, :, 0]
    away, told = [], []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(24)
        background: Any = explain.background(
            model, {name: values[order] for name, values in rows.items()}, PRODUCT
        )
        if drawn:
            background = background.subsample(drawn, seed)
        found = explain.explain(model, x, background)
        assert found.errors is not None
        away.append(found.dividends[0, :, 0] - wanted)
        told.append(found.errors[0, :, 0])
    spread, error = np.std(away, 0), np.sqrt(np.mean(np.square(told), 0))
    assert (spread <= 1.15 * error + 1e-12).all()
    assert (np.abs(np.mean(away, 0)) <= 4 * spread / math.sqrt(200) + 1e-12).all()
    joint = subsets(4).index((0, 2))
    assert spread[joint] > 0.4 * error[joint]  # not far too large either


def test_rows_are_permuted() -> None:
    model = model_of("mult", 3, sequences=True)
    rows = rows_of(model, 11, 2)
    joint, product = (explain.background(model, rows, kind) for kind in ("joint", PRODUCT))
    assert isinstance(joint, SampleBackground)
    assert isinstance(product, SampleBackground)
    orders = []
    for name in model.modalities:
        theirs = [
            torch.cat([part.double().flatten() for part in evaluation.nested_leaves(one)])
            for one in (evaluation.nested_part(joint.states[name], [i]) for i in range(11))
        ]
        shown = [
            torch.cat([part.double().flatten() for part in evaluation.nested_leaves(one)])
            for one in (evaluation.nested_part(product.states[name], [i]) for i in range(11))
        ]
        orders.append([next(i for i, t in enumerate(theirs) if torch.equal(t, s)) for s in shown])
        assert sorted(orders[-1]) == list(range(11))
    assert orders[0] == list(range(11))
    assert orders[1] != orders[2] != orders[0]
    again = explain.background(model, rows, PRODUCT)
    assert again.key == product.key != joint.key
    assert (product.name, product.size, product.total) == (PRODUCT, 11, 11)
    assert not product.is_drawn
    assert not product.is_exact
    assert joint.is_exact
    assert (joint.population, product.population) == (11, math.inf)
    some = product.subsample(4)
    assert (some.name, some.size, some.is_exact) == ("product, 4 of 11 rows", 4, False)
    assert some.key not in (product.key, product.subsample(4, 1).key)
    assert product.subsample(11) is product
    one: Any = explain.background(model, rows_of(model, 1, 2), PRODUCT)
    assert one.is_exact
    assert explain.explain(model, rows_of(model, 2, 1), one).errors is None
    lone: Any = explain.background(model_of("late", 1), rows_of(model_of("late", 1), 5, 2), PRODUCT)
    assert lone.is_exact


def test_one_absent_modality_is_averaged_over_all_rows() -> None:
    dataset = sequences(40, 3)
    torch.manual_seed(0)
    model = build("concatenation", dataset.input_specs, ("y",), {"hidden": 4}).double().eval()
    rows, train = dataset.rows("test"), dataset.rows("train")
    joint, product = (
        backgrounds.make_background(model, dataset, train, kind) for kind in ("joint", PRODUCT)
    )
    for name in model.modalities:
        gone = disturbances.Disturbance(missing=(name,))
        values = [
            disturbances.scores(model, dataset, rows, gone, "train", behind)
            for behind in (joint, product)
        ]
        assert values[0] == pytest.approx(values[1], abs=1e-12)
    two = disturbances.Disturbance(missing=tuple(model.modalities[:2]))
    found = disturbances.scores(model, dataset, rows, two, "train", product)
    whole = explain.explain(model, dataset.inputs(rows, torch.float64), product)
    assert found == pytest.approx(
        counterfactual.remove_modalities(whole, two.missing).prediction, abs=1e-12
    )


# Large data sets, and processes that share the work.


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn", "mult"])
def test_a_background_by_chunks_of_two_processes(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = sequences(40, 3)
    torch.manual_seed(0)
    settings = SMALL.get(kind, {"hidden": 4})
    model = build(kind, dataset.input_specs, ("y",), settings).double().eval()
    rows = dataset.rows("train")[:13]
    monkeypatch.setattr(backgrounds, "CHUNK", 5)
    whole: Any = explain.background(model, dataset.inputs(rows, torch.float64), PRODUCT)
    alone: Any = backgrounds.make_background(model, dataset, rows, PRODUCT)
    pair = [Recorded(0), Recorded(1)]
    halves: list[Any] = [
        backgrounds.make_background(model, dataset, rows, PRODUCT, "", group) for group in pair
    ]
    assert {one.name for one in (whole, alone, *halves)} == {PRODUCT}
    x = dataset.inputs(dataset.rows("test")[:2], torch.float64)
    wanted = explain.explain(model, x, whole).values
    assert explain.explain(model, x, alone).values == pytest.approx(wanted, abs=1e-12)
    match kind:
        case "quantum-jump":
            means = [
                sum(torch.view_as_complex(group.told[m]) for group in pair) / 13
                for m in range(len(model.modalities))
            ]
            sigma = means[0]
            for mean in means[1:]:
                sigma = torch.kron(sigma, mean)
            assert torch.allclose(sigma, whole.sigma, atol=1e-14)
        case "entangled-qcnn":
            parts = pair[0].told[0] | pair[1].told[0]
            joined = torch.cat([parts[number] for number in range(3)])
            assert torch.allclose(joined, whole.masses, atol=1e-14)
        case _:  # every process works out the same rows in the same order
            assert halves[0].key == halves[1].key == alone.key


def test_shuffled_rows_are_limited_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = sequences(60, 3)
    rows = dataset.rows("train")
    monkeypatch.setattr(backgrounds, "is_small", lambda data, count: count < 8)
    monkeypatch.setattr(data_set, "BLOCK", 8 * 3 * (20 + 7 + 5) * 20)
    monkeypatch.setattr(encodings, "HEAVY", 0)
    torch.manual_seed(0)
    model = build("mult", dataset.input_specs, ("y",), {"hidden": 4}).double().eval()
    joint, product = (
        backgrounds.make_background(model, dataset, rows, kind) for kind in ("joint", PRODUCT)
    )
    assert (product.name, joint.name) == ("product, 20 of 30 rows", "joint, 20 of 30 rows")
    assert (product.size, product.total, product.is_drawn) == (20, 30, True)
    x = dataset.inputs(dataset.rows("test")[:2], torch.float64)
    found = explain.explain(model, x, product)
    assert found.errors is not None
    assert (found.errors[:, 0] > 0).all()
    assert found.background == "product, 20 of 30 rows"
    # what one modality alone misses is the same, whichever rows stand beside it
    alone = explain.explain(model, x, joint).values
    M = len(model.modalities)
    largest = [i for i, S in enumerate(subsets(M)) if len(S) >= M - 1]
    assert found.values[:, largest] == pytest.approx(alone[:, largest], abs=1e-12)


def test_groups_of_partial_rows_are_drawn_separately() -> None:
    """The error is that of the product of the modalities' means, group by group."""
    model = network_of(3, 3)
    x, rows = features(model, 2, 1), features(model, 24, 2)
    whole = replace(explain.background(model, rows, PRODUCT), total=96)
    G = backgrounds.GROUPS
    terms = [
        dividends_of(over_all_combinations(model, x, {k: v[g::G] for k, v in rows.items()}))
        for g in range(G)
    ]
    found = explain.explain(model, x, whole)
    wanted = np.std(terms, 0, ddof=1) * math.sqrt((1 - 24 / 96) / G)
    assert found.errors == pytest.approx(wanted, abs=1e-12)
