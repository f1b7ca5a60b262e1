"""The Python interface: features in any precision, checkpoints from results, options by name, the evolution of one
sample."""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest
import torch

import qfusion
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import (
    attribution,
    aumann_shapley,
    background,
    counterfactual,
    explain,
    sensitivity,
)
from qfusion.explain.counterfactual import nearest_state
from qfusion.models import build, names
from qfusion.training import Options, checkpoint, fit, metrics, train
from tests.support.trainings import QUICK, small

INPUTS = {"words": {"size": 5, "sequence": True}, "face": {"size": 4, "sequence": False}}
SETTINGS: dict[str, dict[str, Any]] = {
    "quantum-jump": {"dims": 2, "jumps": 1, "measurements": 2},
    "entangled-qcnn": {"elements": 4},
}


def features(dtype: torch.dtype = torch.float32, B: int = 6) -> dict[str, Any]:
    torch.manual_seed(1)
    values, face = torch.randn(B, 3, 5), torch.randn(B, 4)
    return {
        "words": (values.to(dtype), torch.arange(3) < torch.tensor([3, 2] * (B // 2))[:, None]),
        "face": face.to(dtype),
    }


def model(kind: str, inputs: Any = INPUTS) -> Any:
    torch.manual_seed(0)
    made = build(kind, inputs, ("no", "yes"), SETTINGS.get(kind, {}))
    made.standardise(features(B=40))
    return made.eval()


@pytest.mark.parametrize("kind", names())
def test_model_computes_in_its_own_precision(kind: str) -> None:
    single = model(kind)
    double = copy.deepcopy(single).double()
    with torch.no_grad():
        for own, dtype in ((single, torch.float32), (double, torch.float64)):
            same = [own(features(given)) for given in (torch.float32, torch.float64)]
            assert [scores.dtype for scores in same] == [dtype, dtype]
            assert torch.equal(*same)
            rough = own(features(torch.float16))
            assert rough.dtype == dtype
            assert (rough - same[0]).abs().max() < 0.1


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn", "concatenation", "mult"])
def test_non_float_features_are_refused(kind: str, unchecked_shapes: None) -> None:
    own, x = model(kind), features()
    for bad, seen in (
        (x["face"].int(), "int32"),
        (x["face"].to(torch.complex64), "complex64"),
        (x["face"] > 0, "bool"),
        (x["face"].numpy(), "ndarray"),
    ):
        with pytest.raises(
            InvalidInput,
            match=rf"`face` must be a tensor of floating-point numbers, but are "
            rf".*{seen}.*`\.float\(\)`",
        ):
            own({**x, "face": bad})
    with pytest.raises(
        InvalidInput, match=r"mask of modality `words` must hold True .* but has type torch.float32"
    ):
        own({**x, "words": (x["words"][0], x["words"][1].float())})


@pytest.mark.parametrize("kind", list(SETTINGS))
def test_explanations_accept_both_precisions(kind: str) -> None:
    inputs = {**INPUTS, "words": {"size": 4, "sequence": False}}

    def found(own: Any, dtype: torch.dtype) -> list[np.ndarray]:
        x = {"words": features(dtype)["face"] / 2, "face": features(dtype)["face"]}
        one = {name: values[:1] for name, values in x.items()}
        behind = background(own, x)
        results = [
            explain(own, one, behind).dividends,
            attribution.attribute(own, one, behind, "face", "words+face").values,
            sensitivity.sensitivity(own, one, behind, targets=["score"]).slopes,
            nearest_state(own, own.encode(one), "face").before,
            sensitivity.nearest_parameters(own, counterfactual.encode_samples(own, one)).tried,
        ]
        if kind == "quantum-jump":
            results.append(aumann_shapley(own, one, behind).parts)
        return [np.asarray(result, dtype=float) for result in results]

    torch.manual_seed(0)
    single = build(kind, inputs, ("no", "yes"), SETTINGS[kind]).eval()
    double = copy.deepcopy(single).double()
    exact = found(double, torch.float64)
    for own, dtype, close in (
        (double, torch.float32, 1e-12),
        (single, torch.float32, 1e-4),
        (single, torch.float64, 1e-4),
    ):
        assert all(
            np.abs(a - b).max() < close for a, b in zip(found(own, dtype), exact, strict=True)
        )


def test_a_result_becomes_a_checkpoint(tmp_path: Any) -> None:
    dataset = small()
    result = train("quantum-jump", dataset, {"dims": 2}, Options(**QUICK), seed=3)
    before = copy.deepcopy(result.model.state_dict())
    mine = result.checkpoint("mine", title="Of my own")
    path = checkpoint.save(tmp_path / "mine.json", mine.model, mine.card)
    back = checkpoint.load(path)
    assert back.card == mine.card
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            back.model.state_dict().values(), mine.model.state_dict().values(), strict=True
        )
    )
    assert {value.dtype for value in mine.model.state_dict().values()} == {torch.float64}
    assert not any(p.requires_grad for p in mine.model.parameters())
    assert all(
        torch.equal(before[key], value) and value.dtype == torch.float32
        for key, value in result.model.state_dict().items()
    )
    assert (mine.card["name"], mine.card["title"], mine.card["seed"], mine.card["seeds"]) == (
        "mine",
        "Of my own",
        3,
        [3],
    )
    assert mine.card["training"] == result.settings()
    assert mine.card["data"]["digest"] == dataset.digest
    measured = metrics.evaluate(mine.model, dataset, "test")
    assert {
        key: found["mean"] for key, found in mine.card["metrics"]["test"].items()
    } == pytest.approx(measured)
    assert result.checkpoint("other").card["title"] == f"quantum-jump on {dataset.title}"
    sample = qfusion.study.open_sample(mine, str(dataset.ids[0]), dataset)
    assert sum(sample.dividends.values()) == pytest.approx(sample.score)


def test_foreign_model_cannot_become_a_checkpoint() -> None:
    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, inputs: Any) -> torch.Tensor:
            first = next(iter(inputs.values()))
            return self.weight.expand(len(first[0] if isinstance(first, tuple) else first), 1)

    result = fit(Flat(), small(), Options(**QUICK))
    with pytest.raises(InvalidInput, match="one of our models, but this is a Flat"):
        result.checkpoint("flat")
    with pytest.raises(InvalidInput, match="`name` must be a name, but is ' '"):
        train("linear", small(), options=QUICK).checkpoint(" ")


def test_options_by_name_keep_other_defaults() -> None:
    dataset = small()
    whole = train("linear", dataset, options=Options(**QUICK))
    named = train("linear", dataset, options=QUICK)
    assert named.options == whole.options
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            named.model.state_dict().values(), whole.model.state_dict().values(), strict=True
        )
    )
    with pytest.raises(NotFound, match=r"Setting 'epoch' does not exist\. Did you mean 'epochs'"):
        train("linear", dataset, options={"epoch": 2})
    with pytest.raises(InvalidInput, match="`rate` must lie between"):
        train("linear", dataset, options={"rate": -1})


def test_evolution_of_one_sample(planted: Any) -> None:
    sample = qfusion.study.open_sample("qj-planted", "p0031", planted)
    tracked = qfusion.simulate.track_sample(sample, 5, trajectories=2)
    assert np.allclose(tracked.times, np.linspace(0, sample.model.duration, 5))
    assert len(tracked.trajectories) == 2
    scores = (
        np.einsum("cab,ba->c", sample.model.readout().numpy(), tracked.rho[-1]).real
        + sample.model.bias.numpy()
    )
    assert scores == pytest.approx(sample.scores, abs=1e-6)
    for times in (1, 2.5, float("nan")):
        with pytest.raises(InvalidInput, match="`times`"):
            qfusion.simulate.track_sample(sample, times)  # type: ignore[arg-type]


def test_network_has_no_evolution() -> None:
    digits = qfusion.load("digits")
    sample = qfusion.study.open_sample(
        "qcnn-digits", str(digits.ids[digits.rows("test")[0]]), digits, background="zero"
    )
    with pytest.raises(InvalidInput, match="kind entangled-qcnn, which has no evolution in time"):
        qfusion.simulate.track_sample(sample)


def test_default_seed_is_zero() -> None:
    """So were the numbers of the documents."""
    places = [
        importlib.import_module(f"qfusion.explain.{entry.name}")
        for entry in pkgutil.iter_modules(qfusion.explain.__path__)
    ]
    seeds = {
        f"{place.__name__}.{name}": inspect.signature(value).parameters["seed"].default
        for place in places
        for name, value in vars(place).items()
        if callable(value)
        and getattr(value, "__module__", "") == place.__name__
        and not name.startswith("_")
        and "seed" in inspect.signature(value).parameters
    }
    told = {name: seed for name, seed in seeds.items() if seed is not inspect.Parameter.empty}
    assert len(told) > 8
    assert set(told.values()) == {0}, told
