"""Gate groups of networks with controlled pooling and other heads."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.plugins.why.pieces.gate_shapley import gate_groups
from tests.support.entangled import angles_of, masses_of, model_of, scores_of

FOLLOW_UP = {"circuit_pooling": "controlled", "head": "retained"}


NEW = [{"circuit_pooling": "controlled"}, {"head": "retained"}, FOLLOW_UP]


@pytest.mark.parametrize("settings", NEW, ids=str)
def test_gate_groups_add_up(settings: dict[str, str]) -> None:
    model = model_of(3, 2, **settings)
    masses = masses_of(angles_of(model))
    found = gate_groups(model, masses, "c0", masses, np.array([0]))
    score = float(scores_of(model, angles_of(model))[0])
    assert found.whole["decision"] == pytest.approx(score, abs=1e-12)
    total = found.empty["decision"] + found.shapley["decision"].sum()
    assert total == pytest.approx(score, abs=1e-12)
