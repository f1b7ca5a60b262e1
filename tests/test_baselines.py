"""Classical heads: shapes, parameter counts by hand, gradients and formulas."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput
from qfusion.models import BASELINES, EntangledQCNN, registry
from qfusion.models.baselines import (
    Concatenation,
    LateFusion,
    Linear,
    LowRankFusion,
    TensorFusion,
    append_one,
)
from qfusion.models.cross_modal_attention import Block, CrossModalAttention, positions
from qfusion.models.network import qcnn, truth_tables
from qfusion.models.network.network_model import ProductQCNN, vectors
from qfusion.quantum.states import product as outer
from qfusion.training import checkpoint, checkpoint_cards, default_options, metrics, train
from tests.support.app import offered_ids, visit
from tests.support.tiny_sets import tiny

INPUTS = {
    "image": {"size": 12, "sequence": False},
    "sound": {"size": 5, "sequence": False},
    "words": {"size": 4, "sequence": True},
}
CLASSES = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")


def rows(B: int = 7) -> dict[str, torch.Tensor | tuple[torch.Tensor, torch.Tensor]]:
    mask = torch.arange(6) < torch.arange(1, B + 1).clamp_max(6)[:, None]
    return {
        "image": torch.randn(B, 12),
        "sound": torch.randn(B, 5),
        "words": (torch.randn(B, 6, 4), mask),
    }


def after_encoders(model: torch.nn.Module) -> int:
    return sum(
        p.numel() for name, p in model.named_parameters() if not name.startswith("encoders.")
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("late", 0),
        ("concatenation", (24 * 64 + 64) + (64 * 64 + 64) + (64 * 10 + 10)),
        ("tensor", (9**3 * 64 + 64) + (64 * 10 + 10)),
        ("low-rank", 3 * 4 * 9 * 10 + 4 + 10),
    ],
)
def test_parameters_after_the_encoders_by_hand(kind, expected):
    assert after_encoders(BASELINES[kind](INPUTS, CLASSES)) == expected


@pytest.mark.parametrize("kind", BASELINES)
def test_scores_and_gradients_reach_every_parameter(kind):
    model, inputs = BASELINES[kind](INPUTS, CLASSES), rows()
    model.standardise(inputs)
    scores = model(inputs)
    assert scores.shape == (7, 10)
    torch.nn.functional.cross_entropy(scores, torch.arange(7)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert float(parameter.grad.abs().sum()) > 0, name


@pytest.mark.parametrize("kind", BASELINES)
def test_scores_do_not_depend_on_padding_or_other_rows(kind):
    model, inputs = BASELINES[kind](INPUTS, CLASSES).eval(), rows()
    values, mask = inputs["words"]
    other = {
        **inputs,
        "words": (torch.where(mask[..., None], values, torch.full_like(values, 3.0)), mask),
    }
    assert torch.allclose(model(inputs), model(other), atol=1e-6)
    one = {
        name: tuple(t[2:3] for t in x) if isinstance(x, tuple) else x[2:3]
        for name, x in inputs.items()
    }
    assert torch.allclose(model(inputs)[2:3], model(one), atol=1e-6)


def test_late_fusion_is_additive():
    model, inputs = LateFusion(INPUTS, CLASSES).eval(), rows()
    total = sum(model.encoders[name](x) for name, x in inputs.items())
    assert torch.allclose(model(inputs), total, atol=1e-6)


def test_low_rank_equals_the_tensor_head_of_its_factors():
    model = LowRankFusion(INPUTS, CLASSES, features=2, rank=3).double().eval()
    model.weights.data.normal_()
    encoded = [torch.randn(5, 2, dtype=torch.float64) for _ in INPUTS]
    weight = sum(
        w * torch.einsum("ic,jc,kc->ijkc", *(factor[r] for factor in model.factors))
        for r, w in enumerate(model.weights)
    )
    expected = outer([append_one(h.relu()) for h in encoded]) @ weight.flatten(0, 2) + model.offset
    assert torch.allclose(model.fuse(encoded), expected, atol=1e-12)


@pytest.mark.parametrize("names", [["image"], ["image", "sound"], ["image", "sound", "words"]])
def test_tensor_head_is_linear_in_the_outer_product(names):
    model = (
        TensorFusion({name: INPUTS[name] for name in names}, CLASSES, features=2, width=0)
        .double()
        .eval()
    )
    encoded = [torch.randn(5, 2, dtype=torch.float64) for _ in names]
    whole = outer([append_one(h.relu()) for h in encoded])
    expected = whole @ model.weight.transpose(0, 1).flatten(1).T + model.offset
    assert torch.allclose(model.fuse(encoded), expected, atol=1e-12)


def test_outer_product_by_hand():
    found = outer([torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])])
    assert found.tolist() == [[1, 3, 5, 2, 6, 10]]


def test_invalid_settings_are_refused():
    many = {f"view {i}": {"size": 3, "sequence": False} for i in range(8)}
    with pytest.raises(InvalidInput, match=r"43,046,721 entries.*low-rank"):
        TensorFusion(many, CLASSES)
    with pytest.raises(InvalidInput, match="`rank`"):
        LowRankFusion(INPUTS, CLASSES, rank=0)
    with pytest.raises(InvalidInput, match="`inputs`"):
        Concatenation({}, CLASSES)
    model, inputs = Concatenation(INPUTS, CLASSES), rows()
    del inputs["sound"]
    with pytest.raises(InvalidInput, match="`sound`"):
        model(inputs)


def test_the_linear_model_is_linear_in_means_over_time():
    model, inputs = Linear(INPUTS, CLASSES).double().eval(), rows()
    inputs = {
        name: (x[0].double(), x[1]) if isinstance(x, tuple) else x.double()
        for name, x in inputs.items()
    }
    model.standardise(inputs)
    values, mask = inputs["words"]
    means = {
        **inputs,
        "words": torch.stack(
            [
                v[m].mean(0)
                for v, m in zip(model.encoders["words"].standardise(values), mask, strict=True)
            ]
        ),
    }
    expected = model.offset + sum(
        (means[name] if name == "words" else encoder.standardise(means[name]))
        @ encoder.weigh.weight.T
        for name, encoder in model.encoders.items()
    )
    assert torch.allclose(model(inputs), expected, atol=1e-12)
    assert after_encoders(model) == len(CLASSES)


def test_one_attention_block_by_hand():
    block = Block(6, 2).double()
    asks, told = (
        torch.randn(3, 2, 6, dtype=torch.float64),
        torch.randn(3, 4, 6, dtype=torch.float64),
    )
    mask = torch.arange(4) < torch.tensor([1, 2, 4])[:, None]
    q = block.query(block.before(asks))
    k, v = block.key_value(block.before_other(told)).chunk(2, -1)
    seen = []
    for b in range(3):
        n = int(mask[b].sum())
        heads = [
            (q[b, :, s] @ k[b, :n, s].T / 3**0.5).softmax(-1) @ v[b, :n, s]
            for s in (slice(0, 3), slice(3, 6))
        ]
        seen.append(torch.cat(heads, -1))
    middle = asks + block.out(torch.stack(seen))
    assert torch.allclose(
        block(asks, (told, mask)), middle + block.net(block.before_net(middle)), atol=1e-12
    )


def test_attention_takes_one_modality_and_counts_its_parameters():
    one = CrossModalAttention({"words": INPUTS["words"]}, ("score",))
    assert one({"words": rows()["words"]}).shape == (7, 1)
    small = CrossModalAttention(INPUTS, CLASSES, features=4, heads=2, width=5)
    block = sum(p.numel() for p in Block(4, 2).parameters())
    own = sum(p.numel() for p in Block(8, 2).parameters())
    assert after_encoders(small) == 6 * block + 3 * own + 2 * 24 + (24 * 5 + 5) + (5 * 10 + 10)
    with pytest.raises(InvalidInput, match="`features` must be a multiple of `heads`, 3"):
        CrossModalAttention(INPUTS, CLASSES, heads=3)
    with pytest.raises(InvalidInput, match="`tokens`"):
        CrossModalAttention(INPUTS, CLASSES, tokens=0)


def test_position_numbers():
    found = positions(3, 5)
    assert found.shape == (3, 5)
    assert found[0].tolist() == [0, 1, 0, 1, 0]
    assert torch.allclose(
        found[2, :2],
        torch.tensor([2.0, 2.0]).sin() * torch.tensor([1.0, 0]) + torch.tensor([0, math.cos(2.0)]),
    )


@pytest.mark.parametrize("kind", registry.names())
@pytest.mark.parametrize("source", ["regression", "classification"])
def test_every_kind_trains_and_can_be_saved(kind, source, tmp_path):
    dataset = tiny(source)
    result = train(kind, dataset, {}, default_options(dataset).replace(epochs=1, batch=16), seed=3)
    measured = {"test": metrics.evaluate(result.model.double(), dataset, "test")}
    card = checkpoint_cards.make_card(
        result.model,
        dataset,
        name="it",
        title="It",
        seed=3,
        training=result.settings(),
        metrics={},
        this_seed=measured,
        seeds=[3],
    )
    found = checkpoint.load(checkpoint.save(tmp_path / "it", result.model, card))
    again = metrics.evaluate(found.model, dataset, "test")
    assert again == pytest.approx(measured["test"], abs=1e-6)
    if source == "regression":  # scores start at the median
        assert (
            abs(
                float(metrics.predict(found.model, dataset, dataset.rows()).mean())
                - float(np.median(dataset.y))
            )
            < 2
        )


def test_baselines_are_among_the_pickers(tmp_path, monkeypatch):
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path))
    dataset = replace(tiny("classification"), name="digits")
    for kind in ("late", "entangled-qcnn"):
        model = registry.build(kind, dataset.input_specs, dataset.target.classes, {})
        card = checkpoint_cards.make_card(
            model,
            dataset,
            name=kind,
            title=kind,
            seed=0,
            training={},
            metrics={},
            this_seed={},
            seeds=[0],
        )
        checkpoint.save(tmp_path / f"my-{kind}", model, card)
    (tmp_path / "broken.json").write_text("{")
    app = visit("Samples", model="my-late")
    assert {"my-late", "my-entangled-qcnn"} <= set(offered_ids(app, "model"))
    assert {"my-late", "my-entangled-qcnn", "broken"} <= set(checkpoint_cards.available())


def test_separate_tables_have_no_joint_terms():
    model = EntangledQCNN(
        {name: INPUTS[name] for name in ("image", "sound")}, CLASSES, tables="separate"
    ).double()
    assert model.phi.shape == (10, 1, 4)
    assert torch.allclose(
        model.phi[..., 0] + model.phi[..., 3], model.phi[..., 1] + model.phi[..., 2]
    )
    assert (
        float((model.phi - truth_tables.named_angles("mean", 2)).detach().abs().max()) < 1
    )  # where it starts
    assert {
        name for name, _ in model.named_parameters() if not name.startswith(("encoders", "network"))
    } == {"turns", "bias"}
    other = model.with_angles(model.phi.detach() + 0.1)
    assert torch.allclose(other.phi, model.phi + 0.1)
    assert torch.allclose(copy.deepcopy(model).phi, model.phi)
    six = EntangledQCNN(
        {f"view {i}": {"size": 3, "sequence": False} for i in range(6)}, CLASSES, tables="separate"
    )
    assert six.phi.shape == (10, 5, 4)
    for phi in (truth_tables.named_angles("mean", 3), truth_tables.named_angles("mean", 2)):
        assert torch.allclose(
            truth_tables.separate_angles(truth_tables.nearest_turns(phi[None])), phi[None]
        )
    with pytest.raises(InvalidInput, match="`tables` must be 'joint' with `freeze_rule`"):
        EntangledQCNN(INPUTS, CLASSES, tables="separate", freeze_rule=True)


def test_separate_tables_are_explained_exactly():
    model = EntangledQCNN(INPUTS, ("score",), elements=4, tables="separate").double().eval()
    inputs = {
        name: (x[0].double(), x[1]) if isinstance(x, tuple) else x.double()
        for name, x in rows().items()
    }
    found = explain.explain(model, inputs, explain.background(model, inputs, "joint"))
    assert np.allclose(found.dividends.sum(1), model(inputs).detach().numpy(), atol=1e-10)
    mixed = {
        name: tuple(t[2:3].expand(7, *t.shape[1:]) for t in x) if name == "words" else x
        for name, x in inputs.items()
    }
    # brute force
    assert np.allclose(
        found.values[2, found.coalitions.index("words"), 0],
        float(model(mixed).detach().mean()),
        atol=1e-10,
    )


def test_an_unentangled_network_follows_its_formula():
    model = ProductQCNN(INPUTS, CLASSES[:6], start="classes", elements=6).double().eval()
    inputs = {
        name: (x[0].double(), x[1]) if isinstance(x, tuple) else x.double()
        for name, x in rows(2).items()
    }
    theta = torch.stack([model.encoders[name](x) for name, x in inputs.items()])
    angles = torch.pi / 2 + (model.weights[:, None] * theta).sum(0)
    rho = qcnn.fused_state(vectors(angles))
    assert torch.allclose(
        torch.einsum("bij,bji->b", rho, rho).real, torch.ones(2, dtype=torch.float64)
    )  # pure
    reference = (
        qcnn.density_scores(model.network, qcnn.density_states(model.network, vectors(angles))[-1])
        + model.bias
    )
    assert torch.allclose(model(inputs), reference.to(torch.float64), atol=1e-10)
    many = rows(200)
    many = {
        name: (x[0].double(), x[1]) if isinstance(x, tuple) else x.double()
        for name, x in many.items()
    }
    first = {
        name: tuple(t[:5] for t in x) if isinstance(x, tuple) else x[:5] for name, x in many.items()
    }
    assert torch.allclose(model(many)[:5], model(first), atol=1e-10)  # both ways of reading
