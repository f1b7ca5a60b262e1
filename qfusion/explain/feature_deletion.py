"""Deletion and insertion of the features inside a modality, ranked by a method of `attribution`.

The features of one modality (values of a vector; steps of a sequence, all their values together) are replaced by their
mean over the training rows in the order of their absolute attribution to the explained score; the other modalities
stay. Every ranking starts from the same mean.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain import bootstrap, faithfulness
from qfusion.explain.attribution import GRADIENT, METHODS, methods_by_title
from qfusion.models import FusionModel
from qfusion.models.encoding.input_features import Features, values_and_mask

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
