"""Training on with fewer terms of the generator: removed terms are held at zero while the others adapt."""

from __future__ import annotations

import copy

import numpy as np
import torch

from qfusion._progress import progress_over
from qfusion.data import DataSet
from qfusion.models import FusionModel, registry
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import Tweak
from qfusion.plugins.why.pieces.generator_pruning import Pruning
from qfusion.training import default_options, loop, metrics


def retrain(
    model: FusionModel, dataset: DataSet, tweak: Tweak, epochs: int, seed: int = 0
) -> FusionModel:
    """Return a separate model whose generator was trained further from the state after a tweak. The terms that the
    tweak removes stay at zero throughout.

    Args:
        model: a trained QiNN-QJ; it stays as it is. dataset: that it was trained on; validation rows choose the epoch.
        tweak: of `Pruning.tweak`. epochs: at most so many, with the options of the data set. seed: of their order.
    """
    own = copy.deepcopy(model).double().requires_grad_(True)
    own.require(Evolution, "to train")
    options = default_options(dataset).replace(epochs=epochs, precision="double")
    trained = loop.fit(own.tweaked(tweak), dataset, options, seed).model
    with torch.no_grad():
        state, settings = trained.merge_tweak(
            dict(trained.state_dict()), dict(trained.settings), str(tweak)
        )
    whole: FusionModel = registry.rebuild(
        trained.kind,
        {name: vars(entry) for name, entry in trained.input_specs.items()},
        trained.outputs,
        settings,
        state,
    )
    return whole.double().eval().requires_grad_(False)


def retrain_sets(
    model: FusionModel, dataset: DataSet, result: Pruning, epochs: int, seed: int = 0
) -> tuple[np.ndarray, FusionModel]:
    """Return the metric of `result` on the test rows by how many terms were left to train on, (G + 1,), and the model
    with as many as the smallest generator has; arguments as of `retrain`."""
    G, values, smallest = len(result.terms), [], model
    for k in progress_over(range(G + 1), "Training on", G + 1, lambda _: 1):
        trained = retrain(model, dataset, result.tweak(k), epochs, seed)
        values.append(metrics.evaluate(trained, dataset, "test")[result.metric])
        smallest = trained if k == result.size else smallest
    return np.array(values), smallest
