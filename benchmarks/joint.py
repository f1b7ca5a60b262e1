"""How much of a model's decisions the modalities say only jointly: shared by benchmarks."""

from __future__ import annotations

import numpy as np
import torch

from qfusion import data, explain
from qfusion.explain.coalitions import joint_share
from qfusion.models import FusionModel, QuantumJump
from qfusion.study.opening import explained_model

TEST_ROWS, BACKGROUND_ROWS = 100, 50  # at most, of `fused`
STILL = 1e-9  # terms that range less do not vary


def share(
    model: QuantumJump, dataset: data.DataSet, trained_on: str = "train"
) -> tuple[float, float]:
    """Returns the joint share of all terms' sizes at t = 0 and at T, the mean over the test rows and the scores.

    Args:
        model: in double precision and eval mode. trained_on: the rows that are the background.
    """
    model = explained_model(model, dataset)
    background = explain.background(model, dataset.inputs(dataset.rows(trained_on), torch.float64))
    inputs, times = (
        dataset.inputs(dataset.rows("test"), torch.float64),
        [0.0, float(model.duration)],
    )
    found = explain.explain_times(model, inputs, background, times)
    terms = {
        name: found.dividends[:, :, s].reshape(2, -1) for s, name in enumerate(found.coalitions)
    }
    start, end = np.stack(
        [
            joint_share({name: values[place] for name, values in terms.items()}).mean()
            for place in (0, 1)
        ]
    )
    return float(start), float(end)


def fused(
    model: FusionModel, dataset: data.DataSet, trained_on: str = "train"
) -> dict[str, float | dict[str, float]]:
    """Returns how a model of any kind fuses: `joint`, the joint share of all terms' sizes, the mean over test rows and
    scores; where the data have planted contributions `agreement`, by combination the correlation of the model's terms
    with them, 0 where its terms do not vary; combinations whose planted terms do not vary are left out.

    The same TEST_ROWS and BACKGROUND_ROWS, drawn at random, for every model.

    Args:
        model: in double precision and eval mode.
        dataset: whose test rows.
        trained_on: the rows of which the background is drawn.
    """
    rows, behind = (
        draw_rows(dataset, "test", TEST_ROWS),
        draw_rows(dataset, trained_on, BACKGROUND_ROWS),
    )
    model = explained_model(model, dataset)
    background = explain.background(model, dataset.inputs(behind, torch.float64))
    found = explain.explain(model, dataset.inputs(rows, torch.float64), background)
    terms = {name: found.dividends[:, s] for s, name in enumerate(found.coalitions) if name}
    shares = joint_share({name: each.reshape(-1) for name, each in terms.items()})
    result: dict[str, float | dict[str, float]] = {"joint": float(shares.mean())}
    if dataset.truth is not None:
        truth = dataset.truth.iloc[rows]
        result["agreement"] = {
            name: _correlation(each[:, 0], truth[name].to_numpy())
            for name, each in terms.items()
            if np.ptp(truth[name].to_numpy()) > STILL
        }
    return result


def planted(dataset: data.DataSet) -> float:
    """Returns the joint share of the planted contributions, the mean over the test rows that `fused` takes."""
    truth = dataset.truth.iloc[draw_rows(dataset, "test", TEST_ROWS)]
    return float(
        joint_share({name: truth[name].to_numpy() for name in truth.columns if name}).mean()
    )


def draw_rows(dataset: data.DataSet, split: str, most: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(dataset.rows(split))[:most])


def _correlation(ours: np.ndarray, true: np.ndarray) -> float:
    return float(np.corrcoef(ours, true)[0, 1]) if np.ptp(ours) > STILL else 0.0
