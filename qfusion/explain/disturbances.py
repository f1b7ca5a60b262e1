"""Missing and corrupted modalities, and features that are deleted inside one.

Absent: the score is the coalition value v(S) of the present modalities, the mean score over all background rows; exact
where scores are linear in states, else by evaluation. For comparison every feature may take its training mean instead
(of a sequence at every real step, so that its length is still known).

Noise: Gaussian, independent for every feature and step, in standard deviations of that feature over the training rows;
encoders clip features at five of these. Swapped: the modality of another row of the same set, drawn so that no row
keeps its own.

Deletion and insertion of the features inside a modality, ranked by a method of `attribution`.

The features of one modality (values of a vector; steps of a sequence, all their values together) are replaced by their
mean over the training rows in the order of their absolute attribution to the explained score; the other modalities
stay. Every ranking starts from the same mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion import _progress
from qfusion._checks import check, choose, require_number
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.explain import backgrounds, bootstrap, faithfulness
from qfusion.explain.attribution import GRADIENT, METHODS, methods_by_title
from qfusion.models import FusionModel
from qfusion.models.inputs import Features, values_and_mask
from qfusion.training import batches, encodings, metrics

MAX_NOISE = 100.0
BATCH = 4096  # rows that are scored at once


@dataclass(frozen=True)
class Disturbance:
    """Changes made to modalities before the model decides.

    Attributes:
        missing: modalities that are absent.
        mean: modalities whose features are replaced by the training mean.
        swapped: modalities taken from another row.
        noise: standard deviations of noise, by modality.
        seed: of noise and swaps.
    """

    missing: tuple[str, ...] = ()
    mean: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()
    noise: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def validate(self, modalities: Sequence[str]) -> None:
        """Raise NotFound or InvalidInput unless every modality exists, and is either missing or something else."""
        for name in (*self.missing, *self.mean, *self.swapped, *self.noise):
            choose("Modality", name, modalities)
        for name, level in self.noise.items():
            require_number(f"noise[{name}]", level, 0.0, MAX_NOISE)
        gone = {*self.missing, *self.mean}
        both = sorted(gone & {*self.swapped, *self.noise} | set(self.missing) & set(self.mean))
        check(
            not both,
            f"Modality {both[0] if both else ''!r} cannot be absent and disturbed at once. Name it once.",
        )
        check(
            isinstance(self.seed, int) and self.seed >= 0,
            f"Argument `seed` must be a whole number from 0, but is {self.seed!r}.",
        )


def inputs(
    dataset: DataSet,
    rows: Any,
    disturbance: Disturbance,
    trained_on: str = "train",
    pool: Any = None,
    dtype: torch.dtype = torch.float64,
    model: FusionModel | None = None,
) -> dict[str, Any]:
    """Return the inputs of the rows with noise, swaps and means applied. Missing modalities are not removed yet.

    Args:
        dataset: whose rows. rows: row numbers.
        disturbance: what is done.
        trained_on: split over which means and deviations are taken.
        pool: rows among which modalities are swapped; `rows` unless given, and holding them.
        dtype: of the values.
        model: that takes them: of a large data set what its encoders made of modalities without noise, see `encoded`.

    Raises:
        NotFound, InvalidInput: see `Disturbance.validate`; also where there is no other row to swap with.
    """
    disturbance.validate(dataset.names)
    check(
        not dataset.is_game or not (disturbance.swapped or disturbance.mean or disturbance.noise),
        f"Data set '{dataset.name}' is a measured game, which has no features to swap, replace or add noise to. Leave "
        "modalities out (--missing).",
    )
    rows = np.atleast_1d(np.asarray(rows))

    def of(whose: np.ndarray) -> dict[str, Any]:
        if model is None or not encodings.is_kept(model, dataset):
            return dataset.inputs(whose, dtype)
        changed = [
            name for name in dataset.names if name in disturbance.mean or name in disturbance.noise
        ]
        return encodings.encoded_inputs(model, dataset, whose) | dataset.inputs(
            whose, dtype, changed
        )

    result = of(rows)
    if disturbance.swapped:
        other = of(donors(rows, rows if pool is None else np.asarray(pool), disturbance.seed))
        result |= {name: other[name] for name in disturbance.swapped}
    for name in disturbance.mean:
        values, mask = values_and_mask(result[name])
        mean = _moments(dataset, trained_on, name)[0].to(values)
        result[name] = _join_mask(mean.expand_as(values), mask)
    for name, level in disturbance.noise.items():
        values, mask = values_and_mask(result[name])
        drawn = np.random.default_rng(
            [disturbance.seed, 1, dataset.names.index(name), int(rows[0])]
        ).normal(size=tuple(values.shape))
        spread = _moments(dataset, trained_on, name)[1].to(values)
        result[name] = _join_mask(values + level * spread * torch.as_tensor(drawn).to(values), mask)
    return result


def donors(rows: np.ndarray, pool: np.ndarray, seed: int) -> np.ndarray:
    """Return another row of the pool for every row: its successor in a random order of the pool, so that no row
    receives itself.
    """
    check(
        len(pool) >= 2,
        f"A modality can be swapped among at least two samples, but there are {len(pool)}. Take more rows.",
    )
    order = np.random.default_rng([seed, 2]).permutation(np.sort(pool))
    following = dict(zip(order.tolist(), np.roll(order, -1).tolist(), strict=True))
    missing = [row for row in rows.tolist() if row not in following]
    check(
        not missing,
        f"Argument `pool` must hold every row, but lacks {missing[:3]}. Take the rows' own split.",
    )
    return np.array([following[row] for row in rows.tolist()], dtype=int)


@torch.no_grad()
def scores(
    model: FusionModel,
    dataset: DataSet,
    rows: Any,
    disturbance: Disturbance,
    trained_on: str = "train",
    behind: backgrounds.Background | None = None,
    pool: np.ndarray | None = None,
) -> np.ndarray:
    """Return the scores (B, C) of rows under a disturbance.

    Args:
        model: trained; in double precision, if anything is missing.
        dataset, rows, disturbance, trained_on: see `inputs`.
        behind: the background of what is missing; the training rows jointly unless given.
        pool: rows among which modalities are swapped; `rows` unless given.

    Raises:
        NotFound, InvalidInput: see `inputs`.
    """
    rows = np.atleast_1d(np.asarray(rows))
    dtype = next(model.parameters()).dtype
    if disturbance.missing and behind is None:
        behind = backgrounds.make_background(model, dataset, dataset.rows(trained_on), "joint")
    parts = []
    for block in _progress.progress_over(
        dataset.blocks(rows, most=BATCH), "Scoring", len(rows), len
    ):
        features = inputs(
            dataset, block, disturbance, trained_on, rows if pool is None else pool, dtype, model
        )
        if disturbance.missing and behind is not None:
            encoded = model.encode(features)
            parts.append(model.algebra.value_without(encoded, behind, disturbance.missing))
        else:
            parts.append(model.eval()(features).double().numpy())
    return np.concatenate(parts)


def robustness(
    model: FusionModel,
    dataset: DataSet,
    split: str = "test",
    trained_on: str = "train",
    levels: Sequence[float] = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    repeats: int = 3,
    most: int | None = None,
) -> pd.DataFrame:
    """Return the metrics of a model on a split under every single disturbance.

    Args:
        model: trained, in double precision and eval mode.
        dataset: whose rows. split: on which it is measured. trained_on: split of means, deviations and background.
        levels: of noise, standard deviations.
        repeats: draws of noise and swaps, over which metrics are averaged.
        most: background rows, drawn at random, with which models are evaluated that are not linear in states; all
            unless given.

    Returns:
        A row for each modality (and "all" for noise on every one) and disturbance: `kind` of KINDS, `modality`,
        `level`, metrics.
    """
    rows, result = dataset.rows(split), []
    behind = backgrounds.make_background(model, dataset, dataset.rows(trained_on), "joint")
    if most is not None:
        behind = behind.subsample(most)

    def measured(disturbance: Disturbance) -> dict[str, float]:
        return metrics.row_metrics(
            dataset, rows, scores(model, dataset, rows, disturbance, trained_on, behind)
        )

    for name in (*dataset.names, "all"):
        touched = dataset.names if name == "all" else (name,)
        disturbances = [
            (
                "noise",
                float(level),
                [
                    Disturbance(noise=dict.fromkeys(touched, level) if level else {}, seed=seed)
                    for seed in range(repeats if level else 1)
                ],
            )
            for level in levels
        ]
        if name != "all":
            swaps = [Disturbance(swapped=touched, seed=seed) for seed in range(repeats)]
            disturbances += [
                ("absent", 0.0, [Disturbance(missing=touched)]),
                ("mean", 0.0, [Disturbance(mean=touched)]),
                ("swapped", 0.0, swaps),
            ]
        for kind, level, draws in disturbances:
            means = pd.DataFrame(map(measured, draws)).mean().to_dict()
            result.append({"kind": kind, "modality": name, "level": level} | means)
    return pd.DataFrame(result)


@memo(64)
def _moments(dataset: DataSet, split: str, name: str) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of a modality's features over a split, (F,) each."""
    return batches.mean_and_std(dataset, dataset.rows(split), name)


def _join_mask(values: Tensor, mask: Tensor | None) -> Any:
    return values.clone() if mask is None else (values.clone(), mask)


FIRST = METHODS[GRADIENT].title
SHARES = np.array([0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0])


@torch.no_grad()
def scorer(model: FusionModel) -> Callable[[Mapping[str, Tensor]], Tensor]:
    """Return a function from encodings to scores (B, C); observables are computed once."""
    return model.algebra.scorer()


def attributions(
    model: FusionModel,
    inputs: Mapping[str, Features],
    modality: str,
    outputs: np.ndarray,
    baseline: Tensor,
    ranking: str = FIRST,
) -> np.ndarray:
    """Return the contribution of each feature of one modality to each sample's explained score: (B, F), or per step (B,
    T) for a sequence.

    Args:
        model: in double precision.
        inputs: features of B samples.
        modality: whose features.
        outputs: which output is explained for each sample, (B,).
        baseline: what features are compared with, (F,), such as their mean.
        ranking: title of one of `attribution.METHODS`.

    Raises:
        NotFound: when there is no such modality or ranking.
    """
    choose("Modality", modality, model.modalities)
    method = methods_by_title()[choose("Ranking", ranking, methods_by_title())]
    values, mask = values_and_mask(inputs[modality])
    score = scorer(model)
    with torch.no_grad():
        encoded = dict(model.encode(inputs))
    picked = torch.as_tensor(outputs)[:, None]

    def score_at(at: Tensor) -> Tensor:
        state = model.encode_one({modality: at if mask is None else (at, mask)}, modality)
        return score({**encoded, modality: state}).gather(1, picked)[:, 0]

    ranked = (
        method.rank(score_at, baseline, values)
        if method.rank
        else method.run(score_at, baseline, values, 0.0)[0]
    )
    return (ranked if mask is None else (ranked * mask[..., None]).sum(-1)).numpy()


def feature_curves(
    model: FusionModel,
    inputs: Mapping[str, Features],
    modality: str,
    outputs: np.ndarray,
    baseline: Tensor,
    *,
    ranking: str = FIRST,
    probability: bool = False,
    orders: int = faithfulness.ORDERS,
    seed: int = 0,
) -> faithfulness.Curves:
    """Return deletion and insertion of the features of one modality in the order of their absolute attributions, most
    first.

    Args:
        model, inputs, modality, outputs, baseline, ranking: as for `attributions`.
        probability: measure the probability of the explained class instead of its score.
        orders: how many random orders, each drawn anew for every sample.
        seed: of these.
    """
    return mean_curves(
        feature_changes(
            model,
            inputs,
            modality,
            outputs,
            baseline,
            np.random.default_rng(seed),
            ranking=ranking,
            probability=probability,
            orders=orders,
        ),
        probability=probability,
    )


def feature_changes(
    model: FusionModel,
    inputs: Mapping[str, Features],
    modality: str,
    outputs: np.ndarray,
    baseline: Tensor,
    random: np.random.Generator,
    *,
    ranking: str = FIRST,
    probability: bool = False,
    orders: int = faithfulness.ORDERS,
) -> np.ndarray:
    """Return the |changes| that `mean_curves` takes the mean of, of every sample: (1 + orders, 2, K, B), our order
    first, deletion before insertion; arguments are those of `feature_curves`, `random` draws the orders."""
    ranked = np.abs(attributions(model, inputs, modality, outputs, baseline, ranking))
    values, mask = values_and_mask(inputs[modality])
    check(
        len(outputs) == len(values),
        f"Argument `outputs` must name one output for each of the {len(values)} samples, but has {len(outputs)}.",
    )
    present = np.ones(ranked.shape, bool) if mask is None else mask.numpy()
    score = scorer(model)
    with torch.no_grad():
        encoded = dict(model.encode(inputs))
        picked = torch.as_tensor(outputs)[:, None]

        def measured(replaced: np.ndarray) -> np.ndarray:
            gone = torch.from_numpy(replaced)
            mixed = torch.where(gone if mask is None else gone[..., None], baseline, values)
            state = model.encode_one({modality: mixed if mask is None else (mixed, mask)}, modality)
            scores = score({**encoded, modality: state})
            measure = (model.logit_scale * scores).softmax(1) if probability else scores
            return measure.gather(1, picked)[:, 0].numpy()

        full = measured(np.zeros_like(present))
        nothing, everything = np.zeros_like(full), np.abs(measured(present) - full)

        def along(worth: np.ndarray) -> list[list[np.ndarray]]:
            # 0 for the first to go
            rank = np.argsort(np.argsort(np.where(present, -worth, np.inf), 1, kind="stable"), 1)
            counts = present.sum(1, keepdims=True)
            first = [present & (rank < np.round(share * counts)) for share in SHARES[1:-1]]
            deletion = [np.abs(measured(part) - full) for part in first]
            insertion = [np.abs(measured(present & ~part) - full) for part in first]
            return [[nothing, *deletion, everything], [everything, *insertion, nothing]]

        return np.array(
            [along(ranked), *(along(random.random(ranked.shape)) for _ in range(orders))]
        )


def mean_curves(
    changes: np.ndarray,
    *,
    probability: bool = False,
    clusters: np.ndarray | None = None,
    sampled: bool = False,
) -> faithfulness.Curves:
    """Return the mean curves of the changes of `feature_changes`.

    Args:
        changes: (1 + R, 2, K, B). probability: whether they are of a probability.
        clusters: what the samples share, (B, k), see `bootstrap.counts`.
        sampled: whether the samples are drawn from more, so that the areas have intervals.
    """
    ours = changes[0].mean(-1)
    random = changes[1:].mean(-1)
    intervals = None
    if sampled:
        ahead = np.trapezoid(changes[0] - changes[1:].mean(0), SHARES, axis=1) * np.array(
            [[1.0], [-1.0]]
        )
        intervals = (
            bootstrap.mean(ahead[0], clusters=clusters),
            bootstrap.mean(ahead[1], clusters=clusters),
        )
    return faithfulness.Curves(
        SHARES,
        ours[0],
        ours[1],
        random[:, 0],
        random[:, 1],
        changes.shape[-1],
        "probability" if probability else "score",
        intervals,
    )
