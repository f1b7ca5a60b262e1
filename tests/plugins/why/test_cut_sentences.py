"""Sentences about cuts, at the edges of their rules."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.plugins.why.cuts import correlation_removal
from qfusion.plugins.why.cuts.cut_losses import CutMetrics, Estimates
from qfusion.plugins.why.cuts.words import describe_cuts


def cut(loss: float, half: float | None) -> str:
    """The sentence about a cut after which accuracy, .9 of at least .4, is less by `loss`, give or take `half`."""
    value = np.full((2, 1, 3), -loss)
    ends = (None, None) if half is None else (value - half, value + half)
    return describe_cuts(
        CutMetrics(
            ("alpha",),
            ("cut", "dephased"),
            np.array([0.0, 0.5, 1.0]),
            60,
            {"accuracy": None},
            {"accuracy": Estimates(np.array(0.9), None, None)},
            {"accuracy": Estimates(value, *ends)},
            {"accuracy": 0.4},
        )
    )


@pytest.mark.parametrize(
    ("loss", "half", "words"),
    [
        (0.2, None, "Too few samples"),
        (0.0, 1e-5, "do not matter"),
        (0.01, 0.3, "more than 0.310 is excluded"),
        (0.2, 0.005, "0.50 matter:"),
        (0.01, 0.005, "matter little"),
    ],
)
def test_a_loss_is_named_as_its_interval_allows(
    loss: float, half: float | None, words: str
) -> None:
    assert words in cut(loss, half)


def test_terms_that_lose_equally_share_a_place() -> None:
    title = correlation_removal.describe_lost_terms("x", {"a": (1.0, 0.5), "b": (1.0, 0.5)})
    assert title.endswith("lose most, equally")
    alone = correlation_removal.describe_lost_terms("x", {"a": (1.0, 0.5), "b": (1.0, 0.9)})
    assert alone == "Cut of x: a, 1.00 → 0.50 at its minimum loses most"
