"""Classical heads: shapes, sizes by hand, gradients, and the formulas they stand for."""

from __future__ import annotations

import pytest
import torch

from qfusion.errors import InvalidInput
from qfusion.models.baselines import BASELINES, Concatenation, LateFusion, LowRankFusion, TensorFusion, outer, with_one

INPUTS = {"image": {"size": 12, "sequence": False}, "sound": {"size": 5, "sequence": False}, "words": {"size": 4, "sequence": True}}
CLASSES = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")


def rows(B: int = 7) -> dict[str, torch.Tensor | tuple[torch.Tensor, torch.Tensor]]:
    mask = torch.arange(6) < torch.arange(1, B + 1).clamp_max(6)[:, None]
    return {"image": torch.randn(B, 12), "sound": torch.randn(B, 5), "words": (torch.randn(B, 6, 4), mask)}


def after_encoders(model: torch.nn.Module) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith("encoders."))


@pytest.mark.parametrize(("kind", "expected"), [
    ("late", 0),
    ("concatenation", (24 * 64 + 64) + (64 * 64 + 64) + (64 * 10 + 10)),
    ("tensor", (9**3 * 64 + 64) + (64 * 10 + 10)),
    ("low-rank", 3 * 4 * 9 * 10 + 4 + 10)])
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
def test_padding_and_other_rows_do_not_matter(kind):
    model, inputs = BASELINES[kind](INPUTS, CLASSES).eval(), rows()
    values, mask = inputs["words"]
    other = {**inputs, "words": (torch.where(mask[..., None], values, torch.full_like(values, 3.0)), mask)}
    assert torch.allclose(model(inputs), model(other), atol=1e-6)
    one = {name: tuple(t[2:3] for t in x) if isinstance(x, tuple) else x[2:3] for name, x in inputs.items()}
    assert torch.allclose(model(inputs)[2:3], model(one), atol=1e-6)


def test_late_fusion_adds_the_modalities():
    model, inputs = LateFusion(INPUTS, CLASSES).eval(), rows()
    total = sum(model.encoders[name](x) for name, x in inputs.items())
    assert torch.allclose(model(inputs), total, atol=1e-6)


def test_low_rank_is_the_linear_tensor_head_of_its_factors():
    model = LowRankFusion(INPUTS, CLASSES, features=2, rank=3).double().eval()
    model.weights.data.normal_()
    encoded = [torch.randn(5, 2, dtype=torch.float64) for _ in INPUTS]
    weight = sum(w * torch.einsum("ic,jc,kc->ijkc", *(factor[r] for factor in model.factors)) for r, w in enumerate(model.weights))
    expected = outer([with_one(h.relu()) for h in encoded]) @ weight.flatten(0, 2) + model.bias
    assert torch.allclose(model.fuse(encoded), expected, atol=1e-12)


@pytest.mark.parametrize("names", [["image"], ["image", "sound"], ["image", "sound", "words"]])
def test_tensor_head_is_linear_in_the_whole_outer_product(names):
    model = TensorFusion({name: INPUTS[name] for name in names}, CLASSES, features=2, width=0).double().eval()
    encoded = [torch.randn(5, 2, dtype=torch.float64) for _ in names]
    whole = outer([with_one(h.relu()) for h in encoded])
    expected = whole @ model.weight.transpose(0, 1).flatten(1).T + model.bias
    assert torch.allclose(model.fuse(encoded), expected, atol=1e-12)


def test_outer_product_by_hand():
    found = outer([torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])])
    assert found.tolist() == [[1, 3, 5, 2, 6, 10]]


def test_bad_settings_are_named():
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
