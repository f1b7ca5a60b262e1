"""Decisions of the models of digits seen and heard, of which neither alone says anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support import joint_decisions


def test_decisions_are_joint_where_single_modalities_are_uninformative(real_data: Path) -> None:
    """At least 95 % of the test samples: of the shipped models together, and of each over its training seeds."""
    joint = [joint_decisions.of_seeds(model) for model in ("qcnn-avparity", "qj-avparity")]
    assert all(seeds.mean() >= 0.9 for seeds in joint)
    assert np.mean([seeds[0].mean() for seeds in joint]) >= 0.95
