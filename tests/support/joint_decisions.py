"""Which test samples the seeds of a shipped model decide jointly."""

from __future__ import annotations

import numpy as np

from qfusion import data
from qfusion.explain import stability
from qfusion.explain.coalitions import classify_relations
from qfusion.training import checkpoint_cards


def of_seeds(model: str) -> np.ndarray:
    """Whether each seed of a model of two modalities (rows) decides each test sample jointly; the shipped one first."""
    card = checkpoint_cards.load_card(model)
    seeds = stability.load_measured(model, card, data.load(card["data"]["name"]))
    assert seeds is not None
    return np.stack(
        [
            classify_relations(one[:, 0], one[:, 1:3], one[:, 3:]) == "joint"
            for one in seeds.dividends
        ]
    )
