"""Backgrounds of explanations, and the additive model that is left of a model without its joint terms.

`background` makes one from features, `make_background` from rows of a data set that need not fit in memory, or that are
shared by several processes. The numbers inside are those of the model's algebra, see `models.inputs`.

A model without its joint terms, and what the joint terms add to the metrics.

EMAP        f_m(x_i) = mean over rows of f(x_im, x_rest), the other modalities drawn independently of one another
            from the test rows themselves; EMAP(x_i) = sum_m f_m(x_i) - (M - 1) mean f: of all sums over modalities
            the one that is nearest to f on all combinations of the rows (Hessel and Lee 2020, EMNLP)
own terms   the same against the background of the explanations: baseline + sum_m dividend(m)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose, require_finite
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain import bootstrap, coalitions, interval_ends
from qfusion.models import Features, FusionModel, evaluation
from qfusion.models.inputs import DEFAULT, GROUPS, KINDS, Background
from qfusion.training import encodings
from qfusion.training.batches import ALONE, Group, is_small
from qfusion.training.metrics import Label

__all__ = ["DEFAULT", "GROUPS", "KINDS", "Background", "background", "make_background", "chunks"]

CHUNK = 4096  # rows of a data set held at once


@torch.no_grad()
def background(
    model: FusionModel,
    inputs: Mapping[str, Features] | None = None,
    kind: str = DEFAULT,
    label: str = "",
) -> Background:
    """Return the background of a model's explanations; see `KINDS`.

    Args:
        model: the model whose encoders make the states.
        inputs: background samples, usually the whole training set; any rows for "cohort", one for "contrast"; not used
            by "mixed" and "zero".
        kind: of KINDS.
        label: name of the cohort, or id of the sample to contrast with; it is shown with every explanation.

    Raises:
        NotFound: when there is no such kind.
        InvalidInput: when samples are needed and missing, do not fit the model, or are not one for "contrast"; when the
            model has no states of which "mixed" or "zero" could be made.

    Example:
        >>> from qfusion import data
        >>> from qfusion.explain import background
        >>> from qfusion.training import checkpoint
        >>> parity, model = data.load("parity"), checkpoint.load("qj-parity").model
        >>> background(model, parity.inputs(parity.rows("train"))).size
        6000
    """
    choose("Background", kind, KINDS)
    model.algebra.check_kind(kind)
    if not model.algebra.needs_samples(kind):
        return model.algebra.make_uninformed_background(kind, label)
    if inputs is None:
        raise InvalidInput(
            f"Argument `inputs` must hold the background samples for kind {kind!r}, but is None. "
            "Give rows of the data, or choose 'mixed' or 'zero'."
        )
    check(
        not any(
            torch.is_tensor(x) and x.shape[:1] == (0,) for x in evaluation.nested_leaves(inputs)
        ),
        "Argument `inputs` must hold at least one background sample, but holds none. Give rows of the data.",
    )
    encoded = model.encode(inputs)
    count = evaluation.nested_length(encoded)
    _check_count(kind, count)
    return model.algebra.make_background([(0, encoded)], count, kind, label, ALONE)


@torch.no_grad()
def make_background(
    model: FusionModel,
    dataset: DataSet,
    rows: np.ndarray,
    kind: str = DEFAULT,
    label: str = "",
    group: Group = ALONE,
) -> Background:
    """Return the background that `background` makes of these rows, without holding their features at once.

    Args:
        model: in double precision.
        dataset: the data set.
        rows: numbers of the background samples.
        kind, label: see `background`.
        group: processes that share the work; each gets the whole result.
    """
    algebra = model.algebra
    if not algebra.needs_samples(kind):
        return background(model, None, kind, label)
    if not algebra.adds_parts and not encodings.is_kept(model, dataset):
        return _background_in_memory(model, dataset, rows, kind, label)
    if len(rows) <= CHUNK or kind == "contrast" or not algebra.adds_parts:
        return background(model, encodings.encoded_inputs(model, dataset, rows), kind, label)
    parts = (
        (number, model.encode(encodings.encoded_inputs(model, dataset, part)))
        for number, part in chunks(rows, group)
    )
    return algebra.make_background(parts, len(rows), kind, label, group)


def mark_as_drawn(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, whole: Background, total: int
) -> Background:
    """Return a background of all rows given as one of rows that were drawn from more, so that it has standard errors.

    Args:
        model: in double precision.
        dataset: the data set.
        rows: numbers of the background samples.
        whole: their background.
        total: number of rows that they were drawn from.
    """

    def make_groups() -> list[Background]:
        shuffled = np.random.default_rng(0).permutation(rows)
        return [make_background(model, dataset, shuffled[group::GROUPS]) for group in range(GROUPS)]

    return model.algebra.with_groups(replace(whole, total=total), make_groups)


def chunks(rows: np.ndarray, group: Group = ALONE) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number and rows of this process's chunks; where they begin does not depend on the number of processes."""
    for number in range(group.rank, -(-len(rows) // CHUNK), group.size):
        yield number, rows[number * CHUNK : (number + 1) * CHUNK]


def _background_in_memory(
    model: FusionModel, dataset: DataSet, rows: np.ndarray, kind: str, label: str
) -> Background:
    """Return a background of as many rows as fit into memory, drawn at random."""
    drawn = rows
    if not is_small(dataset, len(rows)):
        most = len(dataset.blocks(rows, most=len(rows))[0])
        drawn = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    result = background(model, dataset.inputs(drawn, torch.float64), kind, label)
    return replace(result, total=len(rows))


def _check_count(kind: str, count: int) -> None:
    check(
        kind != "contrast" or count == 1,
        f"Argument `inputs` must hold the one sample to contrast with, but holds {count}. Give one row, or choose "
        "kind 'cohort'.",
    )


# EMAP, and the own terms.

EMAP, OWN = ADDITIVE_PARTS = ("EMAP", "own terms")
RESAMPLES = 400  # of the metrics, all of which are measured anew in each


@dataclass(frozen=True)
class ProjectionSummary:
    """A model's scores without its joint terms, over all samples.

    Attributes:
        modalities: how many. samples: how many were scored. rows: what each modality is averaged over.
        error: mean standard error of the scores at most; None where they are exact.
    """

    modalities: int
    samples: int
    rows: int
    error: float | None


@dataclass(frozen=True, eq=False)
class Additive:
    """A model's scores without its joint terms.

    Attributes:
        modalities: how many.
        model, scores: with and without joint terms, (B, C).
        errors: standard errors of these at most, (B, C); None where they are exact.
        rows: what each modality is averaged over.
    """

    modalities: int
    model: np.ndarray
    scores: np.ndarray
    errors: np.ndarray | None
    rows: int

    @property
    def summary(self) -> ProjectionSummary:
        """What is told of it without the scores of single samples."""
        error = None if self.errors is None else float(self.errors.mean())
        return ProjectionSummary(self.modalities, len(self.scores), self.rows, error)


@torch.no_grad()
def emap(
    model: FusionModel, inputs: Mapping[str, Features], most: int = 10**9, seed: int = 0
) -> Additive:
    """Return the empirical multimodally-additive projection of a model on some rows.

    It is exact for models with modality states, and for others of two modalities; of more, the rows of the others are
    shuffled independently of one another, and the means have standard errors, those of independent draws: since every
    row is taken once, at most that.

    Args:
        model: in double precision and eval mode.
        inputs: features of the B evaluation rows.
        most: rows over which a model without states is evaluated; drawn at random where there are more.
        seed: of shuffles and drawing.
    """
    M = len(model.modalities)
    if M == 1 or model.algebra.is_linear:
        kind = "product" if model.algebra.is_linear else "joint"
        result = coalitions.explain(model, inputs, background(model, inputs, kind))
        own = result.values[:, 1 : M + 1]
        nothing = result.values[:, 0]
        scores = own.sum(1) - (M - 1) * nothing
        return Additive(M, result.prediction, scores, None, len(scores))
    states = model.encode(inputs)
    whole = model.scores(states).double().numpy()
    rng = np.random.default_rng(seed)
    count = min(most, len(whole))
    orders = [rng.permutation(len(whole))[:count] for _ in range(M)]
    if M == 2:  # each is averaged over the other alone, whatever stands beside it
        orders = [np.arange(len(whole)) if count == len(whole) else orders[0]] * 2
    behind = evaluation.SampleBackground(
        states={
            name: evaluation.nested_part(states[name], order)
            for name, order in zip(model.modalities, orders, strict=True)
        },
        kind="joint",
        size=count,
    )
    parts = [
        (scores.mean(2), scores.var(2, ddof=min(1, count - 1)).sum(1))
        for scores in evaluation.score_all_rows(model, states, behind, [(m,) for m in range(M)])
    ]
    means, spread = map(np.concatenate, zip(*parts, strict=True))
    errors = None if M == 2 and count == len(whole) else np.sqrt(spread / count)
    result = means.sum(1) - (M - 1) * means.mean((0, 1))
    return Additive(M, whole, result, errors, count)


def own_terms(explanation: coalitions.Explanation) -> Additive:
    """Return the baseline and own terms of explained samples: their scores without the joint dividends."""
    M = len(explanation.modalities)
    scores = explanation.dividends[:, : M + 1].sum(1)
    terms = explanation.errors
    errors = None if terms is None else np.sqrt((terms[:, : M + 1] ** 2).sum(1))
    return Additive(M, explanation.prediction, scores, errors, explanation.background_size)


Gains = dict[str, dict[str, bootstrap.Interval]]  # "model", "additive" and "gain", each by metric


def gains(
    result: Additive,
    truth: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], Mapping[str, float]],
    labels: Mapping[str, Label],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Gains:
    """Return the metrics with and without joint terms, and by how much they are better with them (below 0: worse,
    whatever the metric), with bootstrap intervals.

    Args:
        result: of B samples. truth: (B,).
        measure: from scores (n, C) and truth (n,) to metrics. labels: of the metrics, in whose order they come.
        resamples, seed, clusters: see `bootstrap.counts`.

    Raises:
        InvalidInput: when `truth` is of other samples or not finite.
    """
    B = len(result.scores)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    require_finite("truth", truth)
    signs = [1 if label.higher_is_better else -1 for label in labels.values()]

    def metrics_and_gains(weights: np.ndarray) -> np.ndarray:
        drawn = [np.repeat(np.arange(B), times.astype(int)) for times in weights]
        model, additive = (
            pd.DataFrame([measure(scores[rows], truth[rows]) for rows in drawn])[
                list(labels)
            ].to_numpy(float)
            for scores in (result.model, result.scores)
        )
        return np.stack([model, additive, (model - additive) * signs], 1)

    measured = bootstrap.resample(metrics_and_gains, B, resamples, seed, clusters)
    edges = interval_ends.edges(bootstrap.independent_units(B, clusters))

    def interval(values: np.ndarray) -> bootstrap.Interval:
        low, high = np.quantile(values[1:], edges) if len(values) > 1 else (np.nan, np.nan)
        return bootstrap.Interval(float(values[0]), float(low), float(high), B, len(values) - 1)

    by_column = {
        column: {name: interval(measured[:, c, place]) for place, name in enumerate(labels)}
        for c, column in enumerate(("model", "additive", "gain"))
    }
    if "accuracy" in labels and len(measured) > 1:
        own, without = (scores.argmax(1) == truth for scores in (result.model, result.scores))
        for column, outcomes in (
            ("model", own),
            ("additive", without),
            ("gain", own.astype(int) - without),
        ):
            low, high = bootstrap.outcome_ends(outcomes, clusters)
            by_column[column]["accuracy"] = replace(
                by_column[column]["accuracy"], low=low, high=high
            )
    return by_column


class JointEffect(StrEnum):
    """Effect of the joint terms on a metric."""

    ONE_MODALITY = "one modality"  # which has no joint terms
    UNKNOWN = "too few samples"
    GAIN = "gain"
    HARM = "harm"
    NOT_SHOWN = "no significant effect"


def joint_effect(result: Additive | ProjectionSummary, gain: bootstrap.Interval) -> JointEffect:
    """Return the effect of the joint terms on a metric.

    Args:
        result: without joint terms. gain: by how much the metric is better with them.
    """
    if result.modalities == 1:
        return JointEffect.ONE_MODALITY
    if not gain.known:
        return JointEffect.UNKNOWN
    if gain.low > 0:
        return JointEffect.GAIN
    return JointEffect.HARM if gain.high < 0 else JointEffect.NOT_SHOWN
