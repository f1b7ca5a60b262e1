"""Contributions of every coalition of modalities to a decision, how the modalities relate, and which one leads.

`explain` returns coalition values, Harsanyi dividends and Shapley values of samples (Harsanyi 1963; Shapley 1953);
`explain_times` and `explain_layers` return them at every time, or layer, where a model can be read out. The values are
those of the model's algebra, see `models.coalition_algebra`.

How the modalities of a sample relate: undecided, prior, joint, correction, conflict, dominance or agreement.

The Harsanyi dividends of the explained output are own terms (of one modality) that sum to U and joint terms (of
several) that sum to J; b is the baseline, measured from the boundary between decisions, and A the sum of the sizes of
all terms but the baseline. The first rule that holds gives the relation:

    undecided    |U + J| < A / 8
    prior        b has the sign of b + U + J, and |b| >= |U + J|: without any modality the decision would be the same
    joint        |J| >= |U|, and J points where U + J does
    correction   J opposes U with at least half of its size
    conflict     an own term opposes the largest own term with at least a third of its size
    dominance    the largest own term exceeds all other own terms together
    agreement    else

Net sums are compared, so terms that cancel do not count, and the rules hold for any number of modalities. A score
without a boundary, such as that of a plain regression, has no prior. Whether own terms conflict is also a fact of
its own, `find_conflicts`, whatever the relation. The names follow M2Lens (Wang et al. 2021), which has own terms alone.

The modality that leads a decision.

A modality leads where the verdict is about single modalities, its own term is the largest in the direction of the
decision, and its share |phi_m| / sum |phi| of the Shapley values (MM-SHAP, Parcalabescu and Frank 2023) is `LEAD`
ahead of every other modality's, and by more than `SPREADS` standard deviations over training seeds, where these were
measured. Verdict and share then name the same modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check
from qfusion.models import Features, FusionModel, base, coalition_algebra
from qfusion.models.inputs import Background, Spread
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

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background, explain
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> behind = background(model, parity.inputs(parity.rows("train")))
        >>> result = explain(model, parity.inputs([parity.row("pair-6602")]), behind)
        >>> bool(abs(result.dividends.sum(1) - result.prediction).max() < 1e-9)
        True
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

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background
        >>> from qfusion.explain.coalitions import explain_times
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> behind = background(model, parity.inputs(parity.rows("train")))
        >>> inputs = parity.inputs([parity.row("pair-6602")])
        >>> explain_times(model, inputs, behind, [0.0, 0.5]).dividends.shape
        (2, 1, 4, 2)
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
        return coalition_algebra.interaction(self.dividends, len(self.modalities))

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
    dividends = coalition_algebra.dividends(values, M)
    names = [decomposition.subset_name(S, model.modalities) for S in decomposition.subsets(M)]
    return Explanation(
        modalities=model.modalities,
        outputs=model.outputs,
        coalitions=tuple(names),
        values=values,
        dividends=dividends,
        shapley=coalition_algebra.shapley(dividends, M),
        background=background.name,
        background_size=background.samples,
        errors=errors,
        spread=background.spread,
        logit_scale=model.logit_scale,
    )


def shares(explanation: Explanation) -> np.ndarray:
    """Return |phi_m| / sum |phi|, (..., B, M, C): the MM-SHAP share of each modality (Parcalabescu and Frank 2023).

    Where every Shapley value is zero, the shares are equal.

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background, explain
        >>> from qfusion.explain.coalitions import shares
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> behind = background(model, parity.inputs(parity.rows("train")))
        >>> shares(explain(model, parity.inputs([parity.row("pair-6602")]), behind)).shape
        (1, 2, 2)
    """
    return shapley_shares(explanation.shapley, -2)


def shapley_shares(shapley: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return |phi_m| / sum |phi| of Shapley values with modalities along an axis, in the same shape. The shares are
    equal if all values are zero.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.coalitions import shapley_shares
        >>> shapley_shares(np.array([3.0, -1.0])).tolist()
        [0.75, 0.25]
    """
    size = np.abs(shapley)
    total = size.sum(axis, keepdims=True)
    return np.where(total > 0, size / np.where(total > 0, total, 1), 1 / size.shape[axis])


def joint_share(dividends: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the joint terms' part of the sizes of all terms but the baseline, (T,); 0 where all are 0.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.coalitions import joint_share
        >>> terms = {"": np.array([1.0]), "text": np.array([1.0]), "text+audio": np.array([3.0])}
        >>> joint_share(terms).tolist()
        [0.75]
    """
    joint = sum((np.abs(v) for t, v in dividends.items() if "+" in t), start=np.zeros(1))
    total = sum((np.abs(v) for t, v in dividends.items() if t and "+" not in t), start=joint)
    return np.where(total > 0, joint / np.where(total > 0, total, 1), 0.0)


class Relation(StrEnum):
    """Relation of the modalities of a sample, by the rules of this module."""

    UNDECIDED = "undecided"
    PRIOR = "prior"
    JOINT = "joint"
    CORRECTION = "correction"
    CONFLICT = "conflict"
    DOMINANCE = "dominance"
    AGREEMENT = "agreement"

    @property
    def names_modalities(self) -> bool:
        """Whether single modalities decide, so that one of them can lead."""
        return self not in (Relation.UNDECIDED, Relation.PRIOR, Relation.JOINT)


RELATIONS = tuple(relation.value for relation in Relation)

CANCELLED = 1 / 8  # of the sum of sizes: a smaller net sum is undecided
TAKEN_BACK = 1 / 2  # of the own terms' sum, from which opposite joint terms are a correction
AGAINST = 1 / 3  # of the largest own term, from which an opposite one is a conflict


def classify_relations(
    baseline: np.ndarray, own: np.ndarray, joint: np.ndarray, boundary: float | None = 0.0
) -> np.ndarray:
    """Return how the modalities of B samples relate, of `RELATIONS`, (B,).

    Args:
        baseline: (B,). own: terms of single modalities, (B, M). joint: terms of several, (B, 2^M - 1 - M).
        boundary: score between two decisions, see `data.Target.boundary`; None where there is none.
    """
    size = np.abs(own).sum(1) + np.abs(joint).sum(1)
    U = own.sum(1)
    J = joint.sum(1)
    net = U + J
    cancels = np.abs(net) < CANCELLED * size
    is_prior = np.zeros(len(own), bool)
    if boundary is not None:
        before = baseline - boundary
        is_prior = (before * (before + net) > 0) & (np.abs(before) >= np.abs(net))
    is_joint = (np.abs(J) >= np.abs(U)) & (J * net > 0)
    corrects = (J * U < 0) & (np.abs(J) >= TAKEN_BACK * np.abs(U))
    ordered = np.sort(np.abs(own), axis=1)
    dominates = ordered[:, -1] > ordered[:, :-1].sum(1)
    return np.select(
        [cancels, is_prior, is_joint, corrects, find_conflicts(own), dominates],
        ["undecided", "prior", "joint", "correction", "conflict", "dominance"],
        "agreement",
    ).astype(object)


def find_conflicts(own: np.ndarray) -> np.ndarray:
    """Return whether the own terms of B samples conflict, bool (B,): whether one opposes the largest with at least
    `AGAINST` of its size.

    Args:
        own: terms of single modalities, (B, M).

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.coalitions import find_conflicts
        >>> find_conflicts(np.array([[1.0, -0.9], [1.0, 0.5]])).tolist()
        [True, False]
    """
    against = AGAINST * np.abs(own).max(1, keepdims=True)
    counts = (np.abs(own) >= against) & (own != 0)
    return np.asarray((counts & (own > 0)).any(1) & (counts & (own < 0)).any(1))


LEAD = 0.1  # of the shares, by which a modality leads
SPREADS = 2.0  # standard deviations over training seeds, below which a number is not read
_BY_MODALITY = [relation.value for relation in Relation if relation.names_modalities]


def find_leaders(dividends: np.ndarray, M: int, boundary: float | None = 0.0) -> np.ndarray:
    """Return the number of the modality that leads each of B samples by one model, or -1 where none does, (B,).

    Args:
        dividends: of one output, the baseline first, (B, 2^M). M: modalities.
        boundary: see `classify_relations`.
    """
    baseline = dividends[:, 0]
    own = dividends[:, 1 : M + 1]
    joint = dividends[:, M + 1 :]
    shapley = coalition_algebra.shapley(dividends[..., None], M)[..., 0]
    relation = classify_relations(baseline, own, joint, boundary)
    return named_leaders(shapley, dividends[:, 1:], relation, needed_lead(0.0, shapley))


def needed_lead(spread: np.ndarray | float, shapley: np.ndarray) -> np.ndarray:
    """Return the lead in Shapley shares that each modality needs to be named, (B, M).

    Args:
        spread: of each modality's lead over training seeds, (B, M). shapley: Shapley values, (B, M).
    """
    return np.broadcast_to(np.maximum(LEAD, SPREADS * np.asarray(spread)), shapley.shape)


def named_leaders(
    shapley: np.ndarray, terms: np.ndarray, relation: np.ndarray, needed: np.ndarray
) -> np.ndarray:
    """Return the number of the modality that leads each of B samples, or -1 where none is named, (B,).

    Args:
        shapley: Shapley values, (B, M). terms: all dividends but the baseline, own terms first, (B, 2^M - 1).
        relation: of `RELATIONS`, (B,). needed: see `needed_lead`, (B, M).
    """
    M, every = shapley.shape[1], np.arange(len(shapley))
    shares = shapley_shares(shapley)
    place = shares.argmax(1)
    direction = np.sign(terms.sum(1))
    is_ahead = lead_margins(shares)[every, place] >= needed[every, place]
    is_first = place == leading_terms(terms[:, :M], direction)
    agrees = shapley[every, place] * direction > 0
    named = np.isin(relation, _BY_MODALITY) & is_ahead & is_first & agrees
    return np.where(named, place, -1)


def leading_terms(own: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the number of the largest own term in the direction of the decision, (B,).

    Args:
        own: terms of single modalities, (B, M). direction: sign of the sum of all terms, (B,).
    """
    return np.asarray((own * direction[:, None]).argmax(1))


def lead_margins(values: np.ndarray) -> np.ndarray:
    """Return how far every modality's share is ahead of the largest other one, (..., M) of shares (..., M).

    A single modality is ahead by its whole share.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.coalitions import lead_margins
        >>> lead_margins(np.array([0.7, 0.2, 0.1])).round(4).tolist()
        [0.5, -0.5, -0.6]
    """
    if values.shape[-1] == 1:
        return values
    ordered = np.sort(values, axis=-1)
    best, second = ordered[..., -1:], ordered[..., -2:-1]
    return values - np.where(values == best, second, best)


def leading_modality(means: Mapping[str, float]) -> str:
    """Return the modality whose mean share is at least `LEAD` ahead of every other one's, or "" if there is none.

    Example:
        >>> from qfusion.explain.coalitions import leading_modality
        >>> leading_modality({"text": 0.7, "audio": 0.3})
        'text'
    """
    values = np.array(list(means.values()), dtype=float)
    place = int(np.argmax(np.nan_to_num(values, nan=-1.0)))
    return list(means)[place] if lead_margins(values)[place] >= LEAD else ""
