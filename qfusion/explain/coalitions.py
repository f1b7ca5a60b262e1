"""Contributions of every coalition of modalities to a decision.

`explain` returns coalition values, Harsanyi dividends and Shapley values of samples (Harsanyi 1963; Shapley 1953);
`explain_times` and `explain_layers` return them at every time, or layer, where a model can be read out. The values are
those of the model's algebra, see `models.algebra`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.models import Features, FusionModel, base, games
from qfusion.models.backgrounds import Background, Spread
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.quantum import decomposition


@torch.no_grad()
def explain(
    model: FusionModel, inputs: Mapping[str, Features], background: Background
) -> Explanation:
    """Return the contributions of every modality and combination to the scores of every sample.

    Args:
        model: a trained model in eval mode.
        inputs: features of B samples.
        background: of the same model, see `backgrounds.background`.
    """
    return explain_states(model, model.encode(inputs), background)


@torch.no_grad()
def explain_states(
    model: FusionModel, states: Mapping[str, Any], background: Background
) -> Explanation:
    """Return the contributions to the scores of encodings of B samples, as of `model.encode`."""
    values, errors = model.algebra.coalition_values(states, background)
    return explanation_of_values(model, values, background, errors)


@torch.no_grad()
def explain_times(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    times: Sequence[float],
) -> Explanation:
    """Return the contributions to Tr[O_c(t) rho_0] + b, the read-out at time t, for every t.

    Shapes have a leading axis nT.

    Raises:
        InvalidInput: when the model has no evolution in time.
    """
    observables = model.require(Evolution).observables(times)
    values = model.algebra.values_along(model.encode(inputs), background, observables)
    return explanation_of_values(model, values, background)


@torch.no_grad()
def explain_layers(
    model: FusionModel, inputs: Mapping[str, Features], background: Background
) -> Explanation:
    """Return the contributions to the read-out of a network that stops at each of its layers.

    For an EntangledQCNN these are the fused qubits ("input"), then the convolution and the pooling of each layer. Later
    gates are left out; every qubit is still measured and the head is the same. Shapes have a leading axis, whose names
    are in `moments`; its last place equals `explain`.

    Raises:
        InvalidInput: when the model has no layers, or cannot be read out between them.
    """
    network = model.require(LayeredNetwork)
    observables = network.layer_observables()
    values = model.algebra.values_along(model.encode(inputs), background, observables)
    explanation = explanation_of_values(model, values, background)
    return replace(explanation, moments=network.layer_names())


def explain_points(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: Background,
    points: base.Points,
) -> Explanation:
    """Return the contributions to the read-out at each point of a model, see `FusionModel.points`.

    Args:
        model, inputs, background: see `explain`.
        points: of this model.

    Raises:
        InvalidInput: when the model cannot be read out there.
    """
    if points.kind == "time":
        return explain_times(model, inputs, background, points.positions)
    return explain_layers(model, inputs, background)


@dataclass(frozen=True)
class Explanation:
    """Contributions for B samples and C outputs; `explain_times` and `explain_layers` add a leading axis.

    Attributes:
        modalities: names, M of them.
        outputs: names, C of them.
        coalitions: names of the 2^M subsets, "" first, then "text", ..., "text+audio", ...
        values: v(S), (..., B, 2^M, C), with the bias; v of the full coalition is the prediction.
        dividends: Harsanyi dividends, same shape; the one of "" is the baseline v(""), and all of them add up to the
            prediction.
        shapley: Shapley values, (..., B, M, C); with the baseline they add up to the prediction.
        background: name of the background, such as "joint" or "cohort of 37 samples 'conflict'".
        background_size: samples averaged over.
        moments: names of the leading axis, where it is one of layers.
        errors: standard errors of the dividends, (B, 2^M, C), where they are measured, or the background is some of the
            rows, or of the combinations of rows, that it stands for; else None.
        spread: what these are over.
        logit_scale: factor by which scores are multiplied before a softmax, as of the model.
    """

    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    coalitions: tuple[str, ...]
    values: np.ndarray
    dividends: np.ndarray
    shapley: np.ndarray
    background: str
    background_size: int
    moments: tuple[str, ...] = ()
    errors: np.ndarray | None = None
    spread: Spread = "sampled background"
    logit_scale: float = 1.0

    @cached_property
    def interaction(self) -> np.ndarray:
        """Shapley interaction index of any two modalities, (..., B, M, M, C), 0 on the diagonal; see `interaction`."""
        return games.interaction(self.dividends, len(self.modalities))

    @property
    def is_exact(self) -> bool:
        """Whether the contributions have no standard errors: of drawn rows, of repeated runs, or as measured."""
        return self.errors is None or not self.errors.any()

    @property
    def prediction(self) -> np.ndarray:
        """Scores (..., B, C)."""
        return self.values[..., -1, :]

    @property
    def logits(self) -> np.ndarray:
        """Coalition values (..., B, 2^M, C) in the units of a softmax; of a regression the values themselves."""
        return self.logit_scale * self.values

    @property
    def baseline(self) -> np.ndarray:
        """The mean score over the background, v(""), (..., C)."""
        return self.values[..., 0, 0, :]

    def frame(self, ids: Sequence[str], output: int | np.ndarray = 0) -> pd.DataFrame:
        """Return one row per sample: prediction, baseline, every dividend, Shapley value and interaction index.

        Args:
            ids: of the B samples.
            output: number of the explained output, of all samples or of each, (B,).
        """
        check(
            self.values.ndim == 3,
            "An explanation through time or layers has no single table; take one moment of it with `at`.",
        )
        rows = np.arange(len(self.values))
        values, dividends = self.values[rows, :, output], self.dividends[rows, :, output]
        columns = {"prediction": values[:, -1], "baseline": values[:, 0]}
        for s, name in enumerate(self.coalitions):
            if name:
                columns[f"dividend[{name}]"] = dividends[:, s]
        shapley = self.shapley[rows, :, output]
        for m, name in enumerate(self.modalities):
            columns[f"shapley[{name}]"] = shapley[:, m]
        interaction = self.interaction[rows, :, :, output]
        for pair in combinations(range(len(self.modalities)), 2):
            name = decomposition.subset_name(pair, self.modalities)
            columns[f"interaction[{name}]"] = interaction[:, *pair]
        return pd.DataFrame(columns, index=pd.Index(list(ids), name="sample"))

    def at(self, moment: int) -> Explanation:
        """Return the explanation at one place of the leading axis."""
        check(self.values.ndim == 4, "This explanation has no leading axis. Use it as it is.")
        check(
            -len(self.values) <= moment < len(self.values),
            f"Argument `moment` must be a place from 0 to {len(self.values) - 1}, but is {moment}.",
        )
        return replace(
            self,
            values=self.values[moment],
            dividends=self.dividends[moment],
            shapley=self.shapley[moment],
            moments=(),
        )


def explanation_of_values(
    model: FusionModel,
    values: np.ndarray,
    background: Background,
    errors: np.ndarray | None = None,
) -> Explanation:
    """Return the explanation of coalition values with the bias.

    Args:
        model: its names and `logit_scale` are taken over.
        values: v(S) in the order of `decomposition.subsets`, (..., B, 2^M, C).
        background: of the values.
        errors: standard errors of the dividends, (B, 2^M, C); None where they are exact.
    """
    M = len(model.modalities)
    dividends = games.dividends(values, M)
    names = [decomposition.subset_name(S, model.modalities) for S in decomposition.subsets(M)]
    return Explanation(
        modalities=model.modalities,
        outputs=model.outputs,
        coalitions=tuple(names),
        values=values,
        dividends=dividends,
        shapley=games.shapley(dividends, M),
        background=background.name,
        background_size=background.samples,
        errors=errors,
        spread=background.spread,
        logit_scale=model.logit_scale,
    )


def shares(explanation: Explanation) -> np.ndarray:
    """Return |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.
    """
    return shapley_shares(explanation.shapley, -2)


def shapley_shares(shapley: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return |phi_m| / sum |phi| of Shapley values with modalities along an axis, in the same shape. The shares are
    equal if all values are zero.
    """
    size = np.abs(shapley)
    total = size.sum(axis, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[axis])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0."""
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)
