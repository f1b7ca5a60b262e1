"""The board beside the audit, the robustness and the sentences of the core."""

from __future__ import annotations

import inspect

import pandas as pd
import pytest

from qfusion.explain import disturbances
from qfusion.plugins.papers import (
    benchmark_board,
    panels as leaderboard,
    resource_panels as leaderboard_resources,
)
from qfusion.plugins.papers.best_models import JOINT_SHARE, describe_best
from qfusion.plugins.why.audit import audit
from qfusion.plugins.why.audit.words import summarise_audit


def test_leaderboard_agrees_with_the_audit() -> None:
    board, entry = benchmark_board.open_board(), audit.load_shipped_audit("parity")
    assert leaderboard.is_audited(board, "parity")
    assert not leaderboard.is_audited(board, "avletters")
    picture = leaderboard_resources.resources(board, data="parity")
    systems = {"quantum-jump": "QiNN-QJ", "entangled-qcnn": "QCNN"}
    names = [f"{systems[row['system']]}: {row['resource']}" for row in entry["rows"]]
    assert picture.headline.lower() == summarise_audit(entry["rows"], names).lower()
    assert picture.numbers["worth"].tolist() == [row["worth"] for row in entry["rows"]]


def test_curves_have_the_levels_of_the_shipped_leaderboard():
    """Whose tables show what is recorded, and noise of 1."""
    levels = inspect.signature(disturbances.robustness).parameters["levels"].default
    board = benchmark_board.open_board()
    for name, models in board.whole["robustness"].items():
        for model, records in models.items():
            key = next(key for key in records[0] if key not in ("kind", "modality", "level"))
            assert board.curve(name, model, "all", key)[0].tolist() == list(levels)


@pytest.mark.parametrize(
    ("shares", "means", "words"),
    [
        ([5.0], [0.5], "M0 is the best by MAE, with a joint share of 5%"),
        ([5.0, 96.0], [0.5, 0.6], "all models 5 to 96%"),
        ([0.0, 0.0], [0.5, 0.6], "all models 0%"),
        ([5.0, 96.0], [0.5, 0.50001], "2 models are the best by MAE, with a joint share of"),
    ],
)
def test_the_joint_share_is_that_of_the_best_models(
    shares: list[float], means: list[float], words: str
) -> None:
    labels = [f"M{place}" for place in range(len(shares))]
    table = pd.DataFrame({"label": labels, "percent": shares, "mean": means})
    assert words in describe_best(table, "MAE", "percent", one=JOINT_SHARE, unit="%")
