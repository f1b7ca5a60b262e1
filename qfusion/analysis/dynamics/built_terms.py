"""What each term of the dynamics built: one sample or the mean over some, under the sliders. Free of streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from qfusion.analysis.memo import memo
from qfusion.explain import Built, built
from qfusion.models.tweak import LEARNED, Tweak


@memo(64)
def of_rows(work: Any, rows: Sequence[int] | np.ndarray, output: int, tweak: Tweak = LEARNED) -> Built:
    """What each term built, of one row or the mean over rows: about 0.1 s at D = 64, however many."""
    return built(work.model.tweaked(tweak), work.dataset.inputs(list(rows), dtype=torch.float64), work.background,
                 output)
