"""A new family of models with its own exact algebra needs its own file and one registration."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from qfusion import explain
from qfusion._settings import Settings
from qfusion.errors import InvalidInput
from qfusion.explain import attribution, counterfactual, sensitivity
from qfusion.models import FUSION, Background, FusionModel, InputSpec, build
from qfusion.models.coalition_algebra import CoalitionAlgebra
from qfusion.models.encoders import Encoder
from qfusion.models.evaluation import SampleBackground, evaluated_values
from qfusion.models.inputs import Features, Group
from qfusion.models.protocols import Evolution
from qfusion.quantum.decomposition import subsets

NAMES = ("text", "audio", "vision")


class MultilinearSettings(Settings):
    hidden: int = 4


class Multilinear(FusionModel):
    """y = sum_S w_S prod_{m in S} h_m + b, over sets S of modalities, for one number h_m of each modality."""

    kind = "multilinear"
    settings_type = MultilinearSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(spec, 1, self.settings["hidden"], 0.0, "mean", "mlp", 0.0)
                for name, spec in self.input_specs.items()
            }
        )
        self.weights = nn.Parameter(torch.randn(2 ** len(inputs), len(outputs)))
        self.bias = nn.Parameter(torch.zeros(len(outputs)))

    @property
    def algebra(self) -> MeanAlgebra:  # type: ignore[override]
        return MeanAlgebra(self)

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        return self.products([states[name] for name in self.modalities]) @ self.weights + self.bias

    def products(self, numbers: Sequence[Tensor]) -> Tensor:
        """Return prod_{m in S} h_m for every set S, (B, 2^M), of numbers (B, 1)."""
        one = torch.ones_like(numbers[0])
        columns = []
        for S in subsets(len(numbers)):
            column = one
            for m in S:
                column = column * numbers[m]
            columns.append(column)
        return torch.cat(columns, 1)


@dataclass(frozen=True, kw_only=True)
class Means(Background):
    """The mean number of every modality: all that independent modalities need."""

    means: tuple[Tensor, ...]

    def numbers(self) -> Tensor:
        return torch.cat(self.means)


class MeanAlgebra(CoalitionAlgebra[Any, Means]):
    """Scores are linear in every h_m, so an independent modality is replaced by its mean."""

    background_kinds = ("product",)
    adds_parts = True
    is_linear = True

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> Means:
        names = self.model.modalities
        sums = [torch.zeros(1, dtype=torch.float64) for _ in names]
        for _, encoded in parts:
            for total, name in zip(sums, names, strict=True):
                total += encoded[name].sum(0)
        means = tuple(group.sum(total) / count for total in sums)
        return Means(means=means, kind=kind, size=count, label=label)

    def fits(self, background: Background) -> bool:
        return isinstance(background, Means) and len(background.means) == len(self.model.modalities)

    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        means = self.check_background(background).means
        own = [states[name] for name in self.model.modalities]
        values = []
        for S in subsets(len(own)):
            numbers = [
                h if m in S else mean.expand_as(h)
                for m, (h, mean) in enumerate(zip(own, means, strict=True))
            ]
            values.append(self.model.products(numbers) @ self.model.weights + self.model.bias)
        return torch.stack(values, 1).detach().numpy(), None


@pytest.fixture
def model() -> Iterator[FusionModel]:
    """A model of the family, which is registered as a user would register it."""
    FUSION[Multilinear.kind] = Multilinear
    torch.manual_seed(0)
    inputs = {name: {"size": 3, "sequence": False} for name in NAMES}
    yield build("multilinear", inputs, ("a", "b"), {}).double().eval()
    del FUSION[Multilinear.kind]


def features(count: int, seed: int) -> dict[str, Features]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, 3, dtype=torch.float64, generator=generator) for name in NAMES}


def test_values_equal_the_mean_over_all_combinations_of_rows(model: FusionModel) -> None:
    rows = features(4, 1)
    explanation = explain.explain(model, features(2, 2), explain.background(model, rows))
    encoded, own = model.encode(rows), model.encode(features(2, 2))
    choices = torch.tensor(list(itertools.product(range(4), repeat=len(NAMES))))
    combined = {name: encoded[name][choices[:, m]] for m, name in enumerate(NAMES)}
    all_rows = SampleBackground(states=combined, kind="joint", size=64, total=64)
    wanted, _ = evaluated_values(model, own, all_rows)
    assert explanation.values == pytest.approx(wanted, abs=1e-12)
    assert explanation.errors is None
    assert explanation.dividends.sum(1) == pytest.approx(explanation.prediction, abs=1e-12)


def test_modalities_are_removed_by_the_model_family(model: FusionModel) -> None:
    x, background = features(3, 2), explain.background(model, features(5, 1))
    values = explain.explain(model, x, background).values

    def without(missing: Collection[str]) -> np.ndarray:
        return model.algebra.value_without(model.encode(x), background, missing)

    assert without(["audio"]) == pytest.approx(values[:, subsets(3).index((0, 2))], abs=1e-12)
    assert without(NAMES) == pytest.approx(values[:, 0], abs=1e-12)
    one = {name: state[:1] for name, state in model.encode(x).items()}
    first = {name: value[:1] for name, value in x.items()}
    outcome = counterfactual.outcome(model, first, background, one, ["vision"])  # type: ignore[arg-type]
    assert outcome.scores == pytest.approx(values[0, subsets(3).index((0, 1))], abs=1e-12)


def test_backgrounds_are_checked_and_have_distinct_keys(model: FusionModel) -> None:
    background = explain.background(model, features(5, 1))
    assert (background.name, background.size) == ("product", 5)
    assert background.key != explain.background(model, features(5, 3)).key
    with pytest.raises(InvalidInput, match="Choose 'product'"):
        explain.background(model, None, "mixed")
    with pytest.raises(
        InvalidInput, match="must be one of product for a model of kind multilinear"
    ):
        explain.background(model, features(5, 1), "joint")
    inputs = {name: {"size": 3, "sequence": False} for name in NAMES}
    late = build("late", inputs, ("a", "b"), {"hidden": 4}).double().eval()
    with pytest.raises(InvalidInput, match="comes from another kind of model"):
        explain.explain(late, features(1, 2), background)
    with pytest.raises(InvalidInput, match="comes from another kind of model"):
        explain.explain(model, features(1, 2), explain.background(late, features(5, 1)))


def test_other_explanations_work_or_report_a_missing_method(model: FusionModel) -> None:
    x, background = features(1, 2), explain.background(model, features(5, 1))
    assert attribution.attributable_terms(model, "text") == ("score",)
    attributed = attribution.attribute(model, x, background, "text")
    assert attributed.error < 1e-2 * abs(attributed.end - attributed.start)
    change = counterfactual.nearest_state(model, counterfactual.encode_samples(model, x), "text")
    assert change.verified or not change.possible
    with pytest.raises(InvalidInput, match="kind multilinear, which has no terms of a physics"):
        sensitivity.sensitivity(model, x, background)
    with pytest.raises(
        InvalidInput, match=r"no evolution in time to cut at\. Choose a quantum-jump"
    ):
        model.require(Evolution, "to cut at")
