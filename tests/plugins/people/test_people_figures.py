"""The figure of a clip that people and a model decide on: labels that fit, themes, NaN."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.errors import InvalidInput
from qfusion.figures.guards import check_finite
from qfusion.plugins.people.beside import waterfall_pair
from tests.support import figure_checks
from tests.support.figure_examples import HOSTILE, OTHER, TERMS, M


def example() -> go.Figure:
    return waterfall_pair.waterfall_pair(
        [
            waterfall_pair.Decision("people", TERMS, "share", dict.fromkeys(TERMS, 0.05)),
            waterfall_pair.Decision(HOSTILE, OTHER, HOSTILE),
        ],
        M,
    )


def test_labels_fit_and_the_dark_theme_has_no_colour_of_white_paper() -> None:
    figure_checks.check_labels(example())
    figure_checks.check_dark(example())


def test_nan_is_refused() -> None:
    decisions = [
        waterfall_pair.Decision("people", terms, "share")
        for terms in (TERMS, OTHER | {"text": np.nan})
    ]
    with pytest.raises(InvalidInput, match="NaN or infin"):
        check_finite(waterfall_pair.waterfall_pair(decisions, M))
