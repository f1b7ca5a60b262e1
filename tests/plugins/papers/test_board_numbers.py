"""The board's numbers beside those of shipped models: equal where they are of the same quantity."""

from __future__ import annotations

import pytest

from qfusion.plugins.papers import benchmark_board, result_panels
from qfusion.study import open_study
from qfusion.training import checkpoint_cards
from tests.support.surfaces import SAMPLES


@pytest.mark.parametrize("name", [model for model, _ in SAMPLES])
def test_a_board_and_a_card_agree_on_test_samples_sizes_and_the_shipped_result(name: str) -> None:
    board, card = benchmark_board.open_board(), checkpoint_cards.load_card(name)
    data, system = card["data"]["name"], name.partition("-")[0]
    entry = board.of(data)
    row = entry["rows"][system]
    assert entry["test"] == card["data"]["sizes"]["test"]
    assert entry["test"] == len(open_study(name).dataset.rows("test"))
    sizes = row["parameters"], row["after_encoders"]
    assert sizes == (card["parameters"]["total"], card["parameters"]["fusion"])
    beside = next(one for one in board.whole["cards"] if one["card"] == name)
    shipped = card["metrics"]["test"][beside["metric"]]["mean"]
    assert beside["shipped"] == pytest.approx(shipped, abs=1e-6)
    assert beside["board"] == pytest.approx(row["test"][beside["metric"]]["mean"], abs=1e-6)


@pytest.mark.parametrize("data", ["planted", "digits"])
def test_titles_and_tables_of_a_board_have_its_numbers(data: str) -> None:
    board = benchmark_board.open_board()
    key = board.key(data, "")
    table = board.table(data, key)
    best = table["mean"].iloc[0]
    assert f"{best:.3f}" in result_panels.results(board, data=data).title
    for model, row in zip(table["model"], table.itertuples(), strict=True):
        measured = board.of(data)["rows"][model]
        assert row.mean == measured["test"][key]["mean"]
        assert row.parameters == measured["parameters"]
