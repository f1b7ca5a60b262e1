"""Tables that name the same model on the same data show the same number."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from qfusion.plugins.papers import benchmark_board
from qfusion.training import checkpoint_cards, metrics

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import fusion  # noqa: E402
import mosi  # noqa: E402

SHORT = {label.short: key for key, label in metrics.LABELS.items()}


class Number(NamedTuple):
    """A mean in a table: of which model, on which data, by which metric, and where it stands, as it is written."""

    data: str
    model: str
    metric: str
    written: str
    where: str


def table(page: str, name: str) -> list[list[str]]:
    """Returns the cells of the table between the marks of `name`, its header first."""
    inside = re.search(rf"<!-- table:{name} -->\n(.*?)<!-- /table -->", page, re.DOTALL)
    assert inside, f"no table {name}"
    return cells(inside[1])


def cells(text: str) -> list[list[str]]:
    """Returns the cells of the lines of a table, without the line below its header."""
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line]
        for line in lines
        if not line[0].strip(" ").startswith("---")
    ]


def name_of(cell: str) -> str:
    """Returns a model's name without what marks it in a table."""
    plain = cell.replace("**", "").removeprefix("best rival: ")
    return re.sub(r" \((best|D = \d+)\)$", "", plain)


def numbers() -> Iterator[Number]:
    """Yields every mean of a named model in the tables of docs/results.md and docs/plugins/leaderboard.md."""
    results = (ROOT / "docs" / "results.md").read_text()
    for line in table(results, "mosi")[1:]:
        for key, cell in zip(("acc2_non0", "acc7", "mae", "corr"), line[2:6], strict=True):
            yield Number("mosi", name_of(line[0]), key, cell.split()[0], "results, mosi")
    yield from of_fusion(results, "fusion", "results, fusion")
    yield from of_fusion(results, "fusion-handwritten", "results, fusion-handwritten")
    name, metric = "", ""
    for line in table((ROOT / "docs" / "plugins" / "leaderboard.md").read_text(), "leaderboard")[
        1:
    ]:
        if line[0]:
            name, short = re.fullmatch(r"`(.*)`, (.*)", line[0]).groups()  # type: ignore[union-attr]
            metric = SHORT[short]
        yield Number(name, name_of(line[1]), metric, line[2].split()[0], "leaderboard, in short")
    yield from of_the_board()


def of_fusion(page: str, name: str, where: str) -> Iterator[Number]:
    """Yields the accuracies of a table of fusion heads."""
    data = ""
    for line in table(page, name)[1:]:
        data = line[0].strip("`") or data
        yield Number(data, name_of(line[1]), "accuracy", line[2].split()[0], where)


def of_the_board() -> Iterator[Number]:
    """Yields the means of the boards' tables in docs/plugins/leaderboard.md."""
    page = (ROOT / "docs" / "plugins" / "leaderboard.md").read_text()
    board = benchmark_board.read_board().whole
    data = {entry["title"]: name for name, entry in board["data"].items()}
    for title, text in re.findall(r"\n### (.*?)\n(.*?)(?=\n### |<!-- /table -->)", page, re.DOTALL):
        header, *lines = cells(text)
        for place, head in enumerate(header):
            key = SHORT.get(head.removesuffix(" [95 %]"))
            for line in lines if key else ():
                yield Number(
                    data[title], name_of(line[0]), str(key), line[place].split()[0], "the boards"
                )


def agree(left: str, right: str) -> bool:
    """Whether two numbers as they are written are one number, rounded to the digits of the coarser."""
    digits = min(len(number.partition(".")[2]) for number in (left, right))
    return abs(float(left) - float(right)) <= 0.5 * 10**-digits + 1e-9


def test_tables_with_equal_model_names_show_equal_numbers() -> None:
    seen: dict[tuple[str, str, str], Number] = {}
    compared = 0
    for number in numbers():
        first = seen.setdefault(number[:3], number)
        compared += first is not number
        assert agree(first.written, number.written), (first, number)
    assert compared > 40


def test_shipped_models_with_other_numbers_have_other_names() -> None:
    """Shipped models keep the weights of the day when they were trained. Both numbers stand side by side, and
    why they differ."""
    page = (ROOT / "docs" / "plugins" / "leaderboard.md").read_text()
    lines = {line[0].strip("`"): line for line in table(page, "cards")[1:]}
    assert {"qj-mosi", "qj-parity", "qcnn-avdigits"} <= set(lines)
    board = benchmark_board.read_board().whole
    for entry in board["cards"]:
        card = checkpoint_cards.load_card(entry["card"])
        row = board["data"][entry["data"]]["rows"][entry["model"]]
        _, _, _, shipped, now, why = lines[entry["card"]]
        for written, mean in (
            (shipped, card["metrics"]["test"][entry["metric"]]["mean"]),
            (now, row["test"][entry["metric"]]["mean"]),
        ):
            assert agree(written, f"{mean:.6f}")
        reason = "the code changed in between" if entry["same_recipe"] else "settings of its own"
        assert (reason in why) if shipped != now else not why


def test_mosi_table_refuses_results_that_differ_from_the_board() -> None:
    """A model of the leaderboard's name has the leaderboard's numbers, or the table is not written."""
    row = benchmark_board.read_board().of("mosi")["rows"]["qj-unitary"]["test"]
    same = {key: row[key]["mean"] for key in mosi.COLUMNS}
    mosi.require_as_on_the_board("QiNN-QJ, unitary (no jumps)", [same])
    other = same | {"mae": same["mae"] + 0.003}
    with pytest.raises(SystemExit, match=r"mae is .* here and .* on the leaderboard"):
        mosi.require_as_on_the_board("QiNN-QJ, unitary (no jumps)", [other])
    mosi.require_as_on_the_board("Network on all features at once", [other])  # is not on the board


def test_fusion_heads_are_compared_by_both_parameter_counts() -> None:
    """The ratio after the encoders never stands without the one in total; late fusion, which has no parameters after
    them, and the small bilinear head are named too; what is not shown has a bound."""
    board = benchmark_board.read_board().whole
    result = fusion.on_the_board(board, "digits")
    assert list(result["rows"]) == list(fusion.HEADS)
    said = fusion.verdict("digits", result["claims"])
    assert re.search(r"concatenation network \(parameters after the encoders: 24 times", said)
    assert said.count("in total: ") == 3
    assert "against late fusion (parameters after the encoders: none; in total: " in said
    assert "against the bilinear head (" in said
    assert "ahead in the mean, +0." in said
    assert "not told apart, at most 0.0" in said
    assert "the best of" not in said


def test_additional_data_set_is_corrected_with_the_board() -> None:
    """The primary outcome is one family over all data sets: a p of .03 alone is none among nine."""
    board = benchmark_board.read_board().whole["claims"]["parameters"]
    own = [{**entry, "data": "houston"} for entry in board if entry["data"] == "digits"]
    for entry in own:
        if entry["primary"]:
            entry |= {"p": 0.03, "holm": 0.03, "difference": 0.01}
    [primary] = [entry for entry in fusion.judged_with(own, board) if entry["primary"]]
    assert primary["holm"] > 0.05
    assert primary["verdict"] == "open"
