"""Deletion and insertion of the features inside a modality, ranked by a method of `attribution`.

The features of one modality (values of a vector; steps of a sequence, all their values together) are replaced by their
mean over the training rows in the order of their absolute attribution to the explained score; the other modalities
stay. Every ranking starts from the same mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.features.attribution import GRADIENT, METHODS, by_title
from qfusion.explain.trust.faithfulness import ORDERS, Curves
from qfusion.models import FusionModel, can, require
from qfusion.models.encoders import Features, split

FIRST = METHODS[GRADIENT].title
SHARES = np.array([0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0])


def scorer(model: FusionModel) -> Callable[[Mapping[str, Tensor]], Tensor]:
    """Returns a function from what modalities come to, to scores (B, C); it works observables of states out once."""
    if not can(model, "states"):
        return model.scores
    linear = require(model, "states")
    with torch.no_grad():
        O = linear.observables()
    return lambda encoded: linear.scores(encoded, O)


def attributions(model: FusionModel, inputs: Mapping[str, Features], modality: str, outputs: np.ndarray,
                 baseline: Tensor, ranking: str = FIRST) -> np.ndarray:
    """Returns what each feature of one modality adds to each sample's explained score: (B, F), or per step (B, T) for a
    sequence.

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
    method = by_title()[choose("Ranking", ranking, by_title())]
    values, mask = split(inputs[modality])
    score = scorer(model)
    with torch.no_grad():
        encoded = dict(model.encode(inputs))
    picked = torch.as_tensor(outputs)[:, None]

    def score_at(at: Tensor) -> Tensor:
        state = model.encode_one({modality: at if mask is None else (at, mask)}, modality)
        return score({**encoded, modality: state}).gather(1, picked)[:, 0]

    found = method.ranked(score_at, baseline, values)
    return (found if mask is None else (found * mask[..., None]).sum(-1)).numpy()


def feature_curves(model: FusionModel, inputs: Mapping[str, Features], modality: str, outputs: np.ndarray,
                   baseline: Tensor, *, ranking: str = FIRST, probability: bool = False, orders: int = ORDERS,
                   seed: int = 0) -> Curves:
    """Returns deletion and insertion of the features of one modality in the order of their absolute attributions, most
    first.

    Args:
        model, inputs, modality, outputs, baseline, ranking: as for `attributions`.
        probability: measure the probability of the explained class instead of its score.
        orders: how many random orders, each drawn anew for every sample.
        seed: of these.
    """
    ranked = np.abs(attributions(model, inputs, modality, outputs, baseline, ranking))
    values, mask = split(inputs[modality])
    check(len(outputs) == len(values),
          f"Argument `outputs` must name one output for each of the {len(values)} samples, but has {len(outputs)}.")
    present = np.ones(ranked.shape, bool) if mask is None else mask.numpy()
    score, rng = scorer(model), np.random.default_rng(seed)
    with torch.no_grad():
        encoded = dict(model.encode(inputs))
        asked = torch.as_tensor(outputs)[:, None]

        def measured(replaced: np.ndarray) -> np.ndarray:
            gone = torch.from_numpy(replaced)
            mixed = torch.where(gone if mask is None else gone[..., None], baseline, values)
            state = model.encode_one({modality: mixed if mask is None else (mixed, mask)}, modality)
            found = score({**encoded, modality: state})
            return (found.softmax(1) if probability else found).gather(1, asked)[:, 0].numpy()

        full = measured(np.zeros_like(present))

        def along(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            # 0 for the first to go
            rank = np.argsort(np.argsort(np.where(present, -worth, np.inf), 1, kind="stable"), 1)
            counts = present.sum(1, keepdims=True)
            first = [present & (rank < np.round(share * counts)) for share in SHARES]
            gone = np.array([np.abs(measured(part) - full).mean() for part in first])
            back = np.array([np.abs(measured(present & ~part) - full).mean() for part in first])
            return gone, back

        ours = along(ranked)
        random = [along(rng.random(ranked.shape)) for _ in range(orders)]
    return Curves(SHARES, *ours, np.array([run[0] for run in random]), np.array([run[1] for run in random]),
                  len(values), "probability" if probability else "score")
