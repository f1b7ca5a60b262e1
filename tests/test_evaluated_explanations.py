"""Explanations of any fusion model by evaluation equal loops of forward passes and structured computations."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qfusion import explain
from qfusion.data import DataSet, data_set
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import attribution, backgrounds, counterfactual
from qfusion.explain.faithfulness import Game
from qfusion.models import FUSION, InputSpec, QuantumJump, build, evaluation, inputs
from qfusion.models.evaluation import SampleBackground
from qfusion.models.network import contractions
from qfusion.models.protocols import KetStates, StateModel
from qfusion.quantum.decomposition import subsets
from qfusion.training import encodings
from qfusion.training.batches import Group
from qfusion.views.words.decisions import describe_background
from tests.support.encoded_models import sequences
from tests.support.entangled import model_of as network_of
from tests.support.small_models import NAMES, SMALL, Recorded, model_of, rows_of

STATELESS = [kind for kind, model in FUSION.items() if StateModel not in model.parts]


def looped(model: Any, x: dict[str, Any], rows: dict[str, Any]) -> np.ndarray:
    """v(S), (B, 2^M, C), by plain forward passes: features of one sample and one row put together, one at a time."""
    count, many, names = (
        evaluation.nested_length(x[NAMES[0]]),
        evaluation.nested_length(rows[NAMES[0]]),
        model.modalities,
    )
    with torch.no_grad():
        return np.array(
            [
                [
                    np.mean(
                        [
                            model(
                                {
                                    name: evaluation.nested_part(
                                        (x if m in S else rows)[name], [b if m in S else n]
                                    )
                                    for m, name in enumerate(names)
                                }
                            )[0].numpy()
                            for n in range(many)
                        ],
                        0,
                    )
                    for S in subsets(len(names))
                ]
                for b in range(count)
            ]
        )


@pytest.mark.parametrize(
    ("M", "kind"),  # three have sequences
    [*itertools.product((2, 3), STATELESS), (4, "mult"), (6, "concatenation")],
)
def test_values_of_every_baseline_equal_a_loop_of_forward_passes(kind: str, M: int) -> None:
    model = model_of(kind, M, sequences=M == 3)
    few = M > 3  # a loop of 2^M coalitions
    x, rows = rows_of(model, 1 if few else 2, 1), rows_of(model, 2 if few else 3, 2)
    background = explain.background(model, rows, "joint")
    found = explain.explain(model, x, background)
    wanted = looped(model, x, rows)
    assert np.abs(found.values - wanted).max() < 1e-10
    assert found.errors is None
    assert found.dividends.sum(1) == pytest.approx(found.prediction, abs=1e-12)
    assert found.baseline == pytest.approx(wanted[0, 0], abs=1e-12)
    gone = model.modalities[: M - 1]
    assert model.algebra.value_without(model.encode(x), background, gone) == pytest.approx(
        wanted[:, M], abs=1e-10
    )


@pytest.mark.parametrize(
    ("M", "kind"),
    [
        *itertools.product((2, 3, 4), ("quantum-jump", "entangled-qcnn", "state-linear")),
        (6, "entangled-qcnn"),
    ],
)
def test_evaluation_and_structure_agree(kind: str, M: int) -> None:
    model = model_of(kind, M)
    x, rows = rows_of(model, 2, 1), rows_of(model, 7, 2)
    with torch.no_grad():
        behind = SampleBackground(states=model.encode(rows), kind="joint", size=7, total=7)
        found = evaluation.evaluated_values(model, model.encode(x), behind)[0]
    assert (
        np.abs(
            found - explain.explain(model, x, explain.background(model, rows, "joint")).values
        ).max()
        < 1e-10
    )


def test_chunks_do_not_change_values(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("mult", 3, sequences=True)
    x, background = rows_of(model, 3, 1), explain.background(model, rows_of(model, 11, 2), "joint")

    def asked() -> list[np.ndarray]:
        return [
            *evaluation.evaluated_values(model, model.encode(x), background.subsample(10)),
            model.algebra.value_without(model.encode(x), background, [NAMES[1]]),
        ]

    whole = asked()
    monkeypatch.setattr(evaluation, "CHUNK", 4)
    again = asked()
    for before, after in zip(whole, again, strict=True):
        assert after == pytest.approx(before, abs=1e-12)


def test_standard_errors_equal_the_spread_over_draws() -> None:
    model = model_of("concatenation", 3, outputs=1)
    x, background = rows_of(model, 1, 1), explain.background(model, rows_of(model, 60, 2), "joint")
    assert isinstance(background, SampleBackground)
    exact = explain.explain(model, x, background)
    drawn = [explain.explain(model, x, background.subsample(20, seed)) for seed in range(300)]
    away = np.stack([each.dividends - exact.dividends for each in drawn])[:, 0, :-1, 0]
    said = np.sqrt(np.mean([np.square(each.errors) for each in drawn], 0))[0, :-1, 0]
    assert away.std(0) == pytest.approx(said, rel=0.15)
    assert np.abs(away.mean(0) / (said / math.sqrt(300))).max() < 4
    assert drawn[0].background == "joint, 20 of 60 rows"
    assert background.subsample(60) is background
    assert len({each.background_size for each in drawn}) == 1
    assert background.key != background.subsample(20).key != background.subsample(20, 1).key


def test_kinds_of_backgrounds_that_need_states_are_refused() -> None:
    model, other = model_of("late", 2), model_of("state-linear", 2)
    for kind in ("mixed", "zero"):
        with pytest.raises(
            InvalidInput, match="one of product, joint, cohort, contrast for a model of kind late"
        ):
            explain.background(model, rows_of(model, 3, 1), kind)
    with pytest.raises(InvalidInput, match="comes from another kind of model"):
        explain.explain(
            model, rows_of(model, 1, 1), explain.background(other, rows_of(other, 3, 1), "joint")
        )
    with pytest.raises(InvalidInput, match="one of other modalities"):
        explain.explain(
            model,
            rows_of(model, 1, 1),
            explain.background(model_of("late", 3), rows_of(model_of("late", 3), 3, 1), "joint"),
        )
    with pytest.raises(NotFound):
        model.algebra.value_without(
            model.encode(rows_of(model, 1, 1)),
            explain.background(model, rows_of(model, 3, 1), "joint"),
            ["nothing"],
        )


def test_faithfulness_values_equal_brute_force() -> None:
    model = model_of("mult", 3, sequences=True)
    x, rows = rows_of(model, 1, 1), rows_of(model, 9, 2)
    game = Game(model, x, rows, 1)
    found = explain.explain(model, x, explain.background(model, rows, "joint"))
    assert [game.value(frozenset(S)) for S in subsets(3)] == pytest.approx(
        found.values[0, :, 1], abs=1e-12
    )


@pytest.mark.parametrize("kind", ["concatenation", "mult", "low-rank"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_found_flip_flips_and_is_nearer_than_any_sample(kind: str, outputs: int) -> None:
    model = model_of(kind, 2, outputs, sequences=kind == "mult")
    with torch.no_grad():  # as many decisions one way as the other
        model.bias -= model(rows_of(model, 40, 2)).mean(0)
    everyone = counterfactual.encode_samples(model, rows_of(model, 40, 2))
    own = counterfactual.encode_samples(model, rows_of(model, 1, 1))
    possible = 0
    for name in model.modalities:
        donor = counterfactual.nearest_donor(model, own, name, everyone[name])
        found = counterfactual.nearest_state(model, own, name, everyone[name])
        assert not found.exact
        assert found.possible or donor.row < 0
        if found.possible:
            possible += 1
            assert found.verified
            assert found.new_decision != found.decision
            assert found.distance <= donor.distance + 1e-9
            again = {**own, name: counterfactual.fill_state(own[name], found.state[None])}
            assert counterfactual.score_encodings(model, again)[0].numpy() == pytest.approx(
                found.after, abs=1e-12
            )
    assert possible


def test_drawn_background_states_its_rows() -> None:
    model = model_of("mult", 2)
    whole = explain.background(model, rows_of(model, 7, 1), "joint")
    some = whole.subsample(3)
    assert (whole.name, some.name) == ("joint", "joint, 3 of 7 rows")
    assert (some.size, some.total, whole.subsample(7)) == (3, 7, whole)
    x = rows_of(model, 2, 3)
    assert (
        explain.explain(model, x, whole.subsample(1)).errors == 0
    ).all()  # of one row nobody knows
    cohort = explain.background(model, rows_of(model, 7, 1), "cohort")
    named = replace(cohort, label="few")
    assert describe_background(cohort) == "a cohort of 7 samples"
    assert describe_background(named) == "the 7 samples of the cohort ‘few’"
    assert (
        describe_background(cohort.subsample(3))
        == "3 samples drawn at random from a cohort of 7 samples"
    )
    assert describe_background(named.subsample(3)) == (
        "3 samples drawn at random from the 7 samples of the cohort ‘few’"
    )
    assert some.key != whole.key


def test_state_is_unchanged_where_no_flip_is_found() -> None:
    model = model_of("concatenation", 2, 1)
    with torch.no_grad():
        model.bias += 1e6
    own = counterfactual.encode_samples(model, rows_of(model, 1, 1))
    found = counterfactual.nearest_state(model, own, "text")
    assert (found.possible, found.verified, found.exact) == (False, False, False)
    assert (found.distance, found.reach) == (math.inf, -math.inf)
    assert (found.modality, found.decision, found.new_decision) == ("text", 1, 1)
    assert torch.equal(found.state, counterfactual.flatten_state(own["text"])[0])
    assert (
        found.before.tolist()
        == found.after.tolist()
        == counterfactual.score_encodings(model, own)[0].tolist()
    )


def test_supported_backgrounds() -> None:
    assert model_of("mult", 2).algebra.background_kinds == (
        "product",
        "joint",
        "cohort",
        "contrast",
    )
    for each in (QuantumJump({"a": InputSpec(2)}, ("y",), dims=2), network_of(3, 2)):
        assert each.algebra.background_kinds == tuple(explain.KINDS)


def test_a_swapped_and_a_dropped_modality() -> None:
    model = model_of("mult", 3, sequences=True)
    x, other = rows_of(model, 1, 1), rows_of(model, 1, 3)
    background = explain.background(model, rows_of(model, 5, 2), "joint")
    own, lent = counterfactual.encode_samples(model, x), counterfactual.encode_samples(model, other)
    name = model.modalities[1]
    swapped = counterfactual.outcome(model, x, background, {**own, name: lent[name]})
    with torch.no_grad():
        assert swapped.scores == pytest.approx(
            model({**x, name: other[name]})[0].numpy(), abs=1e-12
        )
    dropped = counterfactual.outcome(model, x, background, own, [name])
    assert dropped.scores == pytest.approx(
        model.algebra.value_without(model.encode(x), background, [name])[0], abs=1e-12
    )


def test_features_inside_a_modality_add_up() -> None:
    model = model_of("mult", 2, sequences=True)
    x, background = rows_of(model, 1, 1), explain.background(model, rows_of(model, 5, 2), "joint")
    for name in model.modalities:
        assert attribution.attributable_terms(model, name) == ("score",)
        found = attribution.attribute(model, x, background, name, output=1)
        assert found.relative_error < 0.01
        assert found.end == pytest.approx(model(x)[0, 1].item(), abs=1e-10)


def test_nested_states() -> None:
    state = {
        "a": (torch.arange(6.0).view(3, 2), torch.tensor([True, False, True])),
        "b": [torch.arange(3.0)],
    }
    assert evaluation.nested_length(state) == 3
    assert evaluation.nested_part(state, [2, 0])["b"][0].tolist() == [2, 0]
    assert evaluation.nested_tiled(state, 2)["b"][0].tolist() == [0, 1, 2, 0, 1, 2]
    assert evaluation.nested_repeated(state, 2)["b"][0].tolist() == [0, 0, 1, 1, 2, 2]
    numbers = counterfactual.flatten_state(state["a"])
    assert numbers.shape == (3, 2)
    back = counterfactual.fill_state(evaluation.nested_part(state["a"], [0]), numbers)
    assert torch.equal(back[0], state["a"][0])
    assert back[1].tolist() == [True] * 3


def test_all_kinds_can_be_explored() -> None:
    assert set(STATELESS) >= {
        "late",
        "concatenation",
        "tensor",
        "low-rank",
        "mult",
        "linear",
        "product-qcnn",
    }
    assert not any(KetStates in FUSION[kind].parts for kind in STATELESS)
    late = model_of("late", 3)
    found = explain.explain(
        late, rows_of(late, 2, 1), explain.background(late, rows_of(late, 4, 2), "joint")
    )
    joint: Tensor = torch.from_numpy(found.dividends[:, 4:])
    assert float(joint.abs().max()) < 1e-12  # decisions are added: nothing is joint


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_background_of_two_processes_equals_all_rows(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What both make of their chunks is together what one makes of all."""
    dataset = sequences(40, 3)
    torch.manual_seed(0)
    model = build(kind, dataset.input_specs, ("y",), SMALL[kind]).double().eval()
    rows = dataset.rows("train")[:13]
    monkeypatch.setattr(backgrounds, "CHUNK", 5)
    for rank in (0, 1):
        own = list(backgrounds.chunks(rows, Group(rank, 2)))
        assert [number for number, _ in own] == list(range(rank, 3, 2))
        assert all(part.tolist() == rows[5 * n : 5 * n + 5].tolist() for n, part in own)
    whole: Any = explain.background(model, dataset.inputs(rows, torch.float64), "cohort", "few")
    alone: Any = backgrounds.make_background(model, dataset, rows, "cohort", "few")
    pair = [Recorded(0), Recorded(1)]
    for group in pair:
        half = backgrounds.make_background(model, dataset, rows, "cohort", "few", group)
        assert half.size == 13
    if kind == "quantum-jump":
        assert torch.allclose(alone.sigma, whole.sigma, atol=1e-14)
        together = sum(torch.view_as_complex(group.told[0]) for group in pair) / 13
        assert torch.allclose(together, whole.sigma, atol=1e-14)
        assert alone.dims == model.dims
    else:
        assert torch.allclose(alone.masses, whole.masses, atol=1e-14)
        parts = pair[0].told[0] | pair[1].told[0]
        joined = torch.cat([parts[number] for number in range(3)])
        assert torch.allclose(joined, whole.masses, atol=1e-14)
    for found in (whole, alone):
        assert found.name == "cohort of 13 samples 'few'"
        assert (found.kind, found.size, found.label, found.total) == ("cohort", 13, "few", 0)
    one = backgrounds.make_background(model, dataset, rows[:1], "contrast", "v1")
    assert (one.name, one.size) == ("contrast sample v1", 1)
    for nothing in ("mixed", "zero"):
        found = backgrounds.make_background(model, dataset, rows, nothing, "none")
        assert (found.kind, found.size, found.label) == (nothing, 0, "none")
    with pytest.raises(InvalidInput, match="one sample to contrast with, but holds 2"):
        backgrounds.make_background(model, dataset, rows[:2], "contrast")
    model = model_of(kind, 2)
    with pytest.raises(InvalidInput, match="at least one background sample"):
        explain.background(model, rows_of(model, 0, 1), "joint")


def test_feature_background_is_limited_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn at random, each once; of what encoders make of them there are all."""
    dataset = sequences(60, 3)
    rows = dataset.rows("train")[::-1].copy()
    monkeypatch.setattr(backgrounds, "is_small", lambda data, count: count < 8)
    monkeypatch.setattr(data_set, "BLOCK", 8 * 3 * (20 + 7 + 5) * 20)
    for kind, heavy, count in (
        ("mult", 0, 20),
        ("concatenation", 2**60, 20),
        ("concatenation", 0, 30),
    ):
        monkeypatch.setattr(encodings, "HEAVY", heavy)
        torch.manual_seed(0)
        model = build(kind, dataset.input_specs, ("y",), {"hidden": 4}).double().eval()
        some: Any = backgrounds.make_background(model, dataset, rows, "cohort", "few")
        assert (some.size, some.total, some.label, some.kind) == (count, 30, "few", "cohort")
        assert evaluation.nested_length(dict(some.states)) == count
        if kind == "mult":
            with torch.no_grad():
                texts, _ = inputs.values_and_mask(
                    model.encode(dataset.inputs(None, torch.float64))["text"]
                )
            held, _ = inputs.values_and_mask(some.states["text"])
            places = [((texts - row) ** 2).flatten(1).sum(1).argmin().item() for row in held]
            assert all(torch.allclose(texts[i], row) for i, row in zip(places, held, strict=True))
            assert places == sorted(places)
            assert len(set(places)) == 20
            assert set(places) < set(rows.tolist())
    with monkeypatch.context() as patched:  # what was made of them is kept: nobody reads them again
        patched.setattr(DataSet, "inputs", None)
        again: Any = backgrounds.make_background(model, dataset, rows, "cohort", "few")
    assert again.key == some.key
    few = backgrounds.make_background(model, dataset, rows[:7], "joint")
    assert (few.size, few.total) == (7, 7)


@pytest.mark.parametrize("kind", ["entangled-qcnn", "quantum-jump"])
def test_standard_errors_of_drawn_rows_are_clustered(kind: str) -> None:
    """Every eighth row is a group; the spread over groups says how well the mean is known, less what is left out."""
    model = model_of(kind, 2)
    x, rows = rows_of(model, 3, 1), rows_of(model, 20, 2)
    G, total = backgrounds.GROUPS, 50
    few = [
        explain.background(model, {k: v[g::G] for k, v in rows.items()}, "joint") for g in range(G)
    ]
    whole: Any = replace(explain.background(model, rows, "joint"), total=total)
    if kind == "quantum-jump":
        whole = replace(whole, groups=torch.stack([part.sigma for part in few]))
    found = explain.explain(model, x, whole)
    terms = [explain.explain(model, x, part).dividends for part in few]
    wanted = np.std(terms, 0, ddof=1) * math.sqrt((1 - 20 / total) / G)
    assert found.errors == pytest.approx(wanted, abs=1e-12)
    assert found.background == "joint, 20 of 50 rows"
    assert [part.total for part in whole.parts()] == [0] * G
    assert {part.name for part in whole.parts()} == {"joint"}
    assert not explain.background(model, rows, "joint").is_drawn


def test_outcomes_of_a_background_are_averaged_over_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pattern by pattern, however many rows are worked on at a time."""
    model = model_of("entangled-qcnn", 3)
    behind: Any = explain.background(model, rows_of(model, 7, 2), "product")
    _, n, M = behind.masses.shape
    wanted = np.zeros((M, 2**n))
    for m, (place, bits) in itertools.product(
        range(M), enumerate(itertools.product((0, 1), repeat=n))
    ):
        for row in behind.masses.numpy():
            wanted[m, place] += math.prod(
                row[i, m] if bit else 1 - row[i, m] for i, bit in enumerate(bits)
            )
    for most in (1, 2 * 2**n, 10**6):
        monkeypatch.setattr(contractions, "MAX_NUMBERS", most)
        again = replace(behind)
        assert again.distributions.numpy() == pytest.approx(wanted / 7)
