"""Forests of few trees."""

from __future__ import annotations

from typing import Any

import pytest

from qfusion.explain import baseline_models, bootstrap, information_parts


def few_trees(patch: pytest.MonkeyPatch) -> None:
    """Few trees, small networks that learn fast, few shuffles and resamples, where it is asked how results are put
    together and not how sharp they are."""
    whole = baseline_models.make_model
    smaller: dict[str, dict[str, Any]] = {
        baseline_models.TREES: {"n_estimators": 10},
        baseline_models.NETWORK: {
            "hidden_layer_sizes": (64, 32),
            "learning_rate_init": 6e-3,
            "batch_size": 256,
            "n_iter_no_change": 3,
            "tol": 2e-3,
        },
    }

    def small(member: str, classes: int) -> Any:
        return whole(member, classes).set_params(**smaller.get(member, {}))

    patch.setattr(baseline_models, "make_model", small)
    patch.setattr(information_parts, "SHUFFLES", 3)
    resamples(patch, 400)


def resamples(patch: pytest.MonkeyPatch, count: int) -> None:
    """So many of them for every interval."""
    patch.setattr(bootstrap, "RESAMPLES", count)
    patch.setitem(bootstrap.means.__kwdefaults__, "resamples", count)
    patch.setitem(bootstrap.mean.__kwdefaults__, "resamples", count)
