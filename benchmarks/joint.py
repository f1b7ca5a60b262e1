"""How much of a model's decisions the modalities say only jointly: shared by benchmarks."""

from __future__ import annotations

import numpy as np
import torch

from qfusion import data, explain
from qfusion.explain.contributions.summaries import joint_share
from qfusion.models import QuantumJump


def share(model: QuantumJump, dataset: data.DataSet, trained_on: str = "train") -> tuple[float, float]:
    """Returns the joint part of all terms' sizes at t = 0 and at T, the mean over the test rows and the scores.

    Args:
        model: in double precision and eval mode. trained_on: the rows that are the background.
    """
    background = explain.background(model, dataset.inputs(dataset.rows(trained_on), torch.float64))
    inputs, times = dataset.inputs(dataset.rows("test"), torch.float64), [0.0, float(model.duration)]
    found = explain.through_time(model, inputs, background, times)
    terms = {name: found.dividends[:, :, s].reshape(2, -1) for s, name in enumerate(found.coalitions)}
    start, end = np.stack([joint_share({name: values[place] for name, values in terms.items()}).mean()
                           for place in (0, 1)])
    return float(start), float(end)
