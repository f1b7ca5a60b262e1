"""Missing and corrupted modalities: the scores without one, with noise on it, or with another sample's.

Absent: the score is the coalition value v(S) of the present modalities, the mean score over all background rows; exact
where scores are linear in states, else by evaluation. For comparison every feature may take its training mean instead
(of a sequence at every real step, so that its length is still known).

Noise: Gaussian, independent for every feature and step, in standard deviations of that feature over the training rows;
encoders clip features at five of these. Swapped: the modality of another row of the same set, drawn so that no row
keeps its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion import _sentences
from qfusion._checks import check, choose, require_number
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.explain import backgrounds
from qfusion.models import FusionModel
from qfusion.models.encoding.input_features import values_and_mask
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
    for block in _sentences.progress_over(
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
