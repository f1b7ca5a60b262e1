"""Attribution inside a modality: completeness, padding, cases by hand, invalid input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import attribution, bootstrap, counterfactual, disturbances
from qfusion.models import InputSpec, QuantumJump
from qfusion.models.network import truth_tables
from tests.support.entangled import model_of

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
    background = explain.background(model, inputs(8, 1), "joint")
    plain = explain.explain(model, x, background)
    for term in attribution.attributable_terms(model, name):
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


def test_path_starts_at_the_baseline_term(model: QuantumJump) -> None:
    x, other = inputs(), inputs(1, 3, steps=3)
    background = explain.background(model, inputs(8, 1), "joint")
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


def test_padding_and_own_baseline_have_no_attribution(model: QuantumJump) -> None:
    x = inputs()
    background = explain.background(model, inputs(8, 1), "joint")
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


def test_network_attributions_add_up() -> None:
    model = model_of(4, 3)
    g = torch.Generator().manual_seed(1)
    draw = {name: torch.randn(9, 3, dtype=torch.float64, generator=g) for name in model.modalities}
    x = {name: values[:1] for name, values in draw.items()}
    background = explain.background(model, draw, "joint")
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


def test_linear_encoder_by_hand() -> None:
    """Gradients of the score along the path, averaged on a fine grid by autograd, are what captum's rule gives."""
    model = model_of(2, 2, 1)
    x = {name: torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64) for name in model.modalities}
    background = explain.background(model, x, "joint")
    found = attribution.attribute(model, x, background, "v0", baseline="zero")
    points = ((torch.arange(4000, dtype=torch.float64) + 0.5) / 4000)[:, None] * x["v0"]
    points.requires_grad_()
    every = {"v0": points, "v1": x["v1"].expand(4000, -1)}
    total = torch.autograd.grad(model(every).sum(), points)[0].mean(0)
    assert np.allclose(
        found.values, (total * x["v0"][0]).numpy(), atol=0.01 * abs(found.end - found.start)
    )


def test_ranking_of_many_rows_uses_midpoint_rule_or_gradient(model: QuantumJump) -> None:
    """Both by autograd of the whole model, sample by sample, each for its own output, its real steps alone."""
    values, _ = inputs(3, 5)["words"]
    mask = torch.arange(7) < torch.tensor([5, 2, 7])[:, None]
    x = inputs(3, 5) | {"words": (values, mask)}
    outputs = np.array([1, 0, 1])
    for name, baseline in (("words", torch.randn(4).double()), ("pixels", torch.randn(6).double())):
        for title, places in (
            ("gradient x input", [1.0]),
            ("integrated gradients", (np.arange(16) + 0.5) / 16),
        ):
            found = disturbances.attributions(model, x, name, outputs, baseline, title)
            rows = np.repeat(np.arange(3), len(places))
            many = {
                k: tuple(t[rows] for t in v) if isinstance(v, tuple) else v[rows]
                for k, v in x.items()
            }
            here = many[name][0] if name == "words" else many[name]
            share = torch.as_tensor(np.tile(places, 3)).view(-1, *[1] * (here.ndim - 1))
            at = (baseline + share * (here - baseline)).requires_grad_()
            scores = model(many | {name: (at, many[name][1]) if name == "words" else at})
            total = scores[range(len(rows)), outputs[rows]].sum()
            parts = torch.autograd.grad(total, at)[0] * (here - baseline)
            if name == "words":
                parts = (parts * many[name][1][..., None]).sum(-1)
            wanted = parts.view(3, len(places), -1).mean(1)
            assert found == pytest.approx(wanted.numpy(), abs=1e-12)
    with pytest.raises(NotFound, match="Attribution method"):
        attribution.method_name("luck")
    assert {attribution.method_name(title) for title in attribution.methods_by_title()} == {
        *attribution.METHODS
    }


@pytest.mark.parametrize(("name", "probability"), [("words", False), ("pixels", True)])
def test_features_are_deleted_by_size(model: QuantumJump, name: str, probability: bool) -> None:
    """Sample by sample: so many of its real steps or features are the baseline's, the largest attributions first."""
    x = inputs(4, 5)
    mask = torch.arange(7) < torch.tensor([5, 2, 7, 1])[:, None]
    x["words"] = x["words"][0], mask
    outputs, baseline = (
        np.array([1, 0, 1, 0]),
        torch.linspace(-1, 1, 4 if name == "words" else 6).double(),
    )
    draw = np.random.default_rng(0)
    changes = disturbances.feature_changes(
        model,
        x,
        name,
        outputs,
        baseline,
        draw,
        probability=probability,
        orders=4,
    )
    assert changes.shape == (5, 2, len(disturbances.SHARES), 4)
    assert (disturbances.SHARES[[0, -1]] == [0, 1]).all()
    assert (np.diff(disturbances.SHARES) > 0).all()
    sizes = np.abs(disturbances.attributions(model, x, name, outputs, baseline))
    values = x[name][0] if name == "words" else x[name]

    gone, places = [], [*np.ndindex(4, len(disturbances.SHARES), 2)]
    for b, k, back in places:
        real = int(mask[b].sum()) if name == "words" else 6
        order = np.argsort(-sizes[b, :real])
        first = round(disturbances.SHARES[k] * real)
        gone.append(order[first:] if back else order[:first])
    mixed = values[[b for b, *_ in places] + [*range(4)]].clone()
    for row, part in zip(mixed, gone, strict=False):
        row[part] = baseline if name == "words" else baseline[part]
    rows = [b for b, *_ in places] + [*range(4)]
    many = {k: tuple(t[rows] for t in v) if isinstance(v, tuple) else v[rows] for k, v in x.items()}
    with torch.no_grad():
        scores = model(many | {name: (mixed, mask[rows]) if name == "words" else mixed})
    asked = (scores.softmax(1) if probability else scores).numpy()[range(len(rows)), outputs[rows]]
    for (b, k, back), score in zip(places, asked, strict=False):
        assert changes[0, back, k, b] == pytest.approx(abs(score - asked[-4 + b]), abs=1e-12)
    # a random order is one of this sample's own; all end where all are gone
    assert changes[:, 0, -1] == pytest.approx(changes[:1, 0, -1].repeat(5, 0), abs=1e-12)
    assert len(np.unique(changes[1:, 0, 4, 2].round(9))) > 2
    if name == "words":
        assert changes[:, :, :, 3] == pytest.approx(changes[:1, :, :, 3].repeat(5, 0), abs=1e-12)
    curves = disturbances.feature_curves(
        model,
        x,
        name,
        outputs,
        baseline,
        probability=probability,
        orders=4,
    )
    plain = disturbances.mean_curves(changes, probability=probability)
    for one in (curves, plain):
        assert one.intervals is None
        assert one.unit == ("probability" if probability else "score")
        assert (one.samples, one.shares.tolist()) == (4, disturbances.SHARES.tolist())
        assert one.deletion == pytest.approx(changes[0, 0].mean(-1))
        assert one.insertion == pytest.approx(changes[0, 1].mean(-1))
        assert one.random_deletion == pytest.approx(changes[1:, 0].mean(-1))
        assert one.random_insertion == pytest.approx(changes[1:, 1].mean(-1))
    with pytest.raises(InvalidInput, match="4 samples, but has 3"):
        disturbances.feature_curves(model, x, name, outputs[:3], baseline)


def test_areas_of_drawn_samples_have_clustered_intervals() -> None:
    """Area by area and sample by sample: how much more is lost by our order than on average by random ones, and how
    much less is lacking when features are given back."""
    K = len(disturbances.SHARES)
    changes = (
        np.random.default_rng(1).exponential(size=(4, 2, K, 100))
        * np.array([[1.0], [3.0]])[..., None]
    )
    changes[0, 0] *= 2
    clusters = np.repeat(np.arange(25), 4)[:, None]
    ahead = np.zeros((2, 100))
    for b in range(100):
        areas = [
            [np.trapezoid(run, disturbances.SHARES) for run in part[..., b]] for part in changes
        ]
        ahead[0, b] = areas[0][0] - np.mean([area[0] for area in areas[1:]])
        ahead[1, b] = np.mean([area[1] for area in areas[1:]]) - areas[0][1]
    for shared in (None, clusters):
        found = disturbances.mean_curves(changes, sampled=True, clusters=shared)
        for place, gain in ((0, found.deletion_gain), (1, found.insertion_gain)):
            interval, wanted = found.intervals[place], bootstrap.mean(ahead[place], clusters=shared)
            assert (interval.low, interval.high) == pytest.approx((wanted.low, wanted.high))
            assert interval.value == pytest.approx(gain.mean())
    assert found.intervals != disturbances.mean_curves(changes, sampled=True).intervals


def test_attributions_sum_over_steps_and_features() -> None:
    values = np.array([[1.0, -2.0, 4.0], [0.5, 8.0, -16.0]])
    found = attribution.Attribution("words", "score", 0, values, "mean", 3.0, -1.0, 0.5, 32, False)
    assert found.units.tolist() == [3.0, -7.5]
    assert found.features.tolist() == [1.5, 6.0, -12.0]
    assert found.relative_error == pytest.approx(0.125)
    vector = replace(found, values=values[0], start=2.0, end=2.0)
    assert vector.units.tolist() == vector.features.tolist() == [1.0, -2.0, 4.0]
    assert vector.relative_error == pytest.approx(0.5e12)


def test_gradient_x_input_reports_its_residual(model: QuantumJump) -> None:
    """Gradient x input adds up to the difference only of a straight term; what lacks is its error."""
    x = inputs()
    background = explain.background(model, inputs(8, 1), "joint")
    rough, fine = (
        attribution.attribute(model, x, background, "pixels", "words+pixels", method=method)
        for method in attribution.METHODS
    )
    assert (rough.method, fine.method) == ("gradient-x-input", "integrated-gradients")
    assert (rough.start, rough.end, rough.steps) == (fine.start, fine.end, 1)
    assert fine.steps >= 32
    at = x["pixels"].clone().requires_grad_()
    forms = counterfactual.dividend_forms(model, x, background, "pixels")
    place = explain.explain(model, x, background).coalitions.index("words+pixels")
    value = counterfactual.value(
        forms[place, 0].detach(), model.encode_one({"pixels": at}, "pixels")
    )
    (slope,) = torch.autograd.grad(value.sum(), at)
    mean = model.encoders["pixels"].standardise.mean.double()
    assert rough.values == pytest.approx((slope * (at - mean))[0].detach().numpy())
    for one in (rough, fine):
        assert one.error == pytest.approx(abs(one.values.sum() - (one.end - one.start)))
        assert one.converged == (one.error <= 0.01 * abs(one.end - one.start))
    assert not rough.converged


def test_invalid_input_is_refused(model: QuantumJump, monkeypatch: pytest.MonkeyPatch) -> None:
    x = inputs()
    background = explain.background(model, inputs(8, 1), "joint")
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
    monkeypatch.setattr(truth_tables, "MAX_COALITIONS", 10)
    network = model_of(4, 2)
    one = {name: torch.zeros(1, 3, dtype=torch.float64) for name in network.modalities}
    with pytest.raises(InvalidInput, match="Ask for the score instead"):
        attribution.attribute(network, one, explain.background(network, one, "joint"), "v0", "v0")
