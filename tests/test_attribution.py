"""Attribution inside a modality: completeness, padding, laws by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import attribution, counterfactual
from qfusion.models import InputSpec, QuantumJump
from tests.entangled import model_of

NAMES = ("words", "frames", "pixels")


@pytest.fixture
def model() -> QuantumJump:
    torch.manual_seed(2)
    specs = {"words": InputSpec(4, True), "frames": InputSpec(3, True), "pixels": InputSpec(6)}
    made = QuantumJump(specs, ("a", "b"), dims=2).double().eval()
    for name in NAMES:
        made.encoders[name].standardise.mean[:] = torch.randn_like(
            made.encoders[name].standardise.mean
        )
    return made


def inputs(count: int = 1, seed: int = 0, steps: int = 5) -> dict:
    g = torch.Generator().manual_seed(seed)
    mask = torch.arange(7) < steps
    found = {
        name: (
            torch.randn(count, 7, size, dtype=torch.float64, generator=g) * mask[:, None],
            mask.expand(count, -1),
        )
        for name, size in (("words", 4), ("frames", 3))
    }
    return found | {"pixels": torch.randn(count, 6, dtype=torch.float64, generator=g)}


@pytest.mark.parametrize("name", NAMES)
def test_attributions_add_up_to_the_difference_of_the_term(model: QuantumJump, name: str) -> None:
    x = inputs()
    background = explain.background(model, inputs(8, 1))
    plain = explain.explain(model, x, background)
    for term in attribution.terms_of(model, name):
        found = attribution.attribute(model, x, background, name, term, output=1)
        expected = (
            plain.prediction[0, 1]
            if term == "score"
            else plain.dividends[0, plain.coalitions.index(term), 1]
        )
        assert found.end == pytest.approx(expected, abs=1e-10)
        assert found.values.shape == (
            (6,) if name == "pixels" else (5, 4 if name == "words" else 3)
        )
        assert found.converged
        assert abs(found.values.sum() - (found.end - found.start)) == pytest.approx(found.error)
        assert found.relative_error <= 0.01
        assert found.units.sum() == pytest.approx(found.values.sum())
        assert found.features.sum() == pytest.approx(found.values.sum())


def test_the_start_is_the_term_at_the_baseline(model: QuantumJump) -> None:
    x, other = inputs(), inputs(1, 3, steps=3)
    background = explain.background(model, inputs(8, 1))
    mean = model.encoders["pixels"].standardise.mean.double()[None]
    for baseline, features in (
        ("mean", mean),
        ("zero", torch.zeros(1, 6).double()),
        ("sample", other["pixels"]),
    ):
        found = attribution.attribute(
            model, x, background, "pixels", "words+pixels", baseline=baseline, other=other["pixels"]
        )
        plain = explain.explain(model, {**x, "pixels": features}, background)
        assert found.start == pytest.approx(
            plain.dividends[0, plain.coalitions.index("words+pixels"), 0], abs=1e-10
        )
    found = attribution.attribute(
        model, x, background, "words", baseline="sample", other=other["words"]
    )
    mixed = model.encoders["words"].standardise.mean.double().expand(1, 5, 4).clone()
    mixed[:, :3] = other["words"][0][:, :3]
    with torch.no_grad():
        direct = model({**x, "words": (mixed, torch.ones(1, 5, dtype=torch.bool))})[0, 0]
    assert found.start == pytest.approx(float(direct), abs=1e-10)


def test_padding_and_the_samples_own_features_as_baseline_count_nothing(model: QuantumJump) -> None:
    x = inputs()
    background = explain.background(model, inputs(8, 1))
    first = attribution.attribute(model, x, background, "words")
    values, mask = x["words"]
    padded = {
        **x,
        "words": (
            torch.cat([values, torch.full((1, 4, 4), 9.0)], 1),
            torch.cat([mask, torch.zeros(1, 4, dtype=torch.bool)], 1),
        ),
    }
    assert np.allclose(
        attribution.attribute(model, padded, background, "words").values, first.values
    )
    same = attribution.attribute(
        model, x, background, "pixels", baseline="sample", other=x["pixels"]
    )
    assert np.abs(same.values).max() == 0
    assert same.converged


def test_of_a_network_they_add_up_too() -> None:
    model = model_of(4, 3)
    g = torch.Generator().manual_seed(1)
    draw = {name: torch.randn(9, 3, dtype=torch.float64, generator=g) for name in model.modalities}
    x = {name: values[:1] for name, values in draw.items()}
    background = explain.background(model, draw)
    plain = explain.explain(model, x, background)
    for term in ("score", "v0", "v0+v2", "v0+v1+v2"):
        found = attribution.attribute(model, x, background, "v0", term, output=2)
        expected = (
            plain.prediction[0, 2]
            if term == "score"
            else plain.dividends[0, plain.coalitions.index(term), 2]
        )
        assert found.end == pytest.approx(expected, abs=1e-9)
        assert found.converged


def test_a_straight_path_through_a_linear_encoder_is_done_by_hand() -> None:
    """Gradients of the score along the path, averaged on a fine grid by autograd, are what captum's rule gives."""
    model = model_of(2, 2, 1)
    x = {name: torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64) for name in model.modalities}
    background = explain.background(model, x)
    found = attribution.attribute(model, x, background, "v0", baseline="zero")
    points = ((torch.arange(4000, dtype=torch.float64) + 0.5) / 4000)[:, None] * x["v0"]
    points.requires_grad_()
    every = {"v0": points, "v1": x["v1"].expand(4000, -1)}
    total = torch.autograd.grad(model(every).sum(), points)[0].mean(0)
    assert np.allclose(
        found.values, (total * x["v0"][0]).numpy(), atol=0.01 * abs(found.end - found.start)
    )


def test_what_does_not_fit_is_named(model: QuantumJump, monkeypatch: pytest.MonkeyPatch) -> None:
    x = inputs()
    background = explain.background(model, inputs(8, 1))
    with pytest.raises(NotFound, match="Term 'frames'"):
        attribution.attribute(model, x, background, "words", "frames")
    with pytest.raises(NotFound, match="Modality"):
        attribution.attribute(model, x, background, "smell")
    with pytest.raises(NotFound, match="Did you mean 'mean'"):
        attribution.attribute(model, x, background, "words", baseline="meen")
    with pytest.raises(InvalidInput, match="`output` must number one of the 2"):
        attribution.attribute(model, x, background, "words", output=2)
    with pytest.raises(InvalidInput, match="must hold one sample, but holds 2"):
        attribution.attribute(model, inputs(2), background, "words")
    with pytest.raises(InvalidInput, match="`other` must hold"):
        attribution.attribute(model, x, background, "words", baseline="sample")
    with pytest.raises(
        InvalidInput, match=r"must be one sample with 6 features, but has shape \(1, 5\)"
    ):
        attribution.attribute(
            model, x, background, "pixels", baseline="sample", other=torch.zeros(1, 5)
        )
    monkeypatch.setattr(counterfactual, "MAX_COALITIONS", 10)
    network = model_of(4, 2)
    one = {name: torch.zeros(1, 3, dtype=torch.float64) for name in network.modalities}
    with pytest.raises(InvalidInput, match="Ask for the score instead"):
        attribution.attribute(network, one, explain.background(network, one), "v0", "v0")
