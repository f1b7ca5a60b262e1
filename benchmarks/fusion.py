"""Entangled fusion with a QCNN beside classical heads on the same encoders: accuracy and both counts of parameters.

    QFUSION_DATA=FOLDER python benchmarks/fusion.py [digits avdigits houston handwritten] [--seeds 5]
                                                    [--without MODEL ...] [--table fusion]

A data set that is on the leaderboard has the rows of its board: one training, one number. On the others the same models
are trained on the board's terms (benchmarks/leaderboard.py), and their runs are kept in the board's file of runs. Late
fusion has encoders of one output per class; all others have the n outputs of our model. Writes the table `fusion` of
docs/results.md, or another by --table (`handwritten`, whose TFN takes half an hour, has `fusion-handwritten`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard  # noqa: E402
import leaderboard_claims as claims  # noqa: E402
import leaderboard_report as report  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES  # noqa: E402

HEADS = (claims.SYSTEM, claims.LATE, claims.SMALL, claims.PRIMARY, "tensor", "low-rank")
NAMES = ("digits", "avdigits", "houston")


def on_the_board(board: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the rows of HEADS on a data set of the leaderboard, and its judged comparisons with them."""
    return {
        "rows": {head: board["data"][name]["rows"][head] for head in HEADS},
        "claims": [
            entry
            for entry in board["claims"]["parameters"]
            if entry["data"] == name and entry["rival"] in HEADS
        ],
    }


def trained(
    board: Mapping[str, Any], name: str, seeds: int, without: Sequence[str], cache: Path
) -> dict[str, Any]:
    """Returns the same of a data set that is not on the leaderboard, from runs that are kept or made now.

    Args:
        board: the leaderboard. name: of the data set. seeds: number of seeds. without: heads that are left out.
        cache: where runs are kept.
    """
    heads = [head for head in HEADS if head not in without]
    runs = [leaderboard.Run(name, head, seed) for seed in range(seeds) for head in heads]
    records = leaderboard.collect(runs, cache, cache.with_suffix(""))
    by_head = report.by_model(records, name)
    dataset = PLACES[name].dataset
    entry: dict[str, Any] = {
        "headline": "accuracy",
        "rows": {head: report.row(by_head[head]) for head in heads},
        **leaderboard.test_items(dataset),
    }
    rivals = [head for head in heads if head != claims.SYSTEM]
    entry["tests"] = report.tests_of(entry, rivals)
    roles = {head: {"role": CONTENDERS[head].role} for head in heads}
    own = claims.parameters({name: entry}, roles)
    return {"rows": entry["rows"], "claims": judged_with(own, board["claims"]["parameters"])}


def judged_with(
    own: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns a data set's comparisons, the primary one adjusted together with those of the leaderboard's data sets."""
    return [entry for entry in claims.judged([*others, *own]) if entry["data"] == own[0]["data"]]


def verdict(name: str, comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Returns how the network stands beside the concatenation network, a small bilinear head and late fusion, with both
    ratios of parameters."""
    parts = []
    for rival, words in (
        (claims.PRIMARY, "the concatenation network"),
        (claims.SMALL, "the bilinear head"),
        (claims.LATE, "late fusion"),
    ):
        for entry in comparisons:
            if entry["rival"] == rival:
                after = claims.ratio(entry["theirs"], entry["own"])
                total = claims.ratio(entry["their_total"], entry["own_total"])
                parts.append(
                    f"against {words} (parameters after the encoders: {after}; in total: {total}) "
                    f"{'behind' if entry['difference'] < 0 else 'ahead'} in the mean, {claims.interval(entry)}, "
                    f"{claims.short_finding(entry)}"
                )
    return f"`{name}`: {'; '.join(parts)}."


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the table of all data sets."""
    rows = []
    for name, result in results.items():
        for head, row in result["rows"].items():
            ours = head == claims.SYSTEM
            label = CONTENDERS[head].label
            rows.append(
                [
                    f"`{name}`" if ours else "",
                    f"**{label}**" if ours else label,
                    tables.spread(row["test"]["accuracy"]["values"], 4),
                    f"{row['after_encoders']:,}",
                    f"{row['parameters']:,}",
                    f"{row['seconds']:.0f}",
                ]
            )
    header = [
        "Data",
        "Head",
        "Test accuracy, mean ± deviation",
        "Parameters after the encoders",
        "in total",
        "Training (s)",
    ]
    return tables.markdown(header, rows)


def main() -> None:
    """Trains what is neither on the board nor kept, and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"of {', '.join(PLACES)}; default {', '.join(NAMES)}"
    )
    parser.add_argument("--seeds", type=int, default=leaderboard.SEEDS)
    parser.add_argument("--without", nargs="*", default=(), choices=HEADS, help="heads left out")
    parser.add_argument("--cache", type=Path, default=leaderboard.RUNS, help="where runs are kept")
    parser.add_argument(
        "--table", default="fusion", help="which table of docs/results.md is written"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    board = json.loads(leaderboard.BOARD.read_text())
    results = {
        name: on_the_board(board, name)
        if name in board["data"]
        else trained(board, name, arguments.seeds, arguments.without, arguments.cache)
        for name in arguments.names or NAMES
    }
    lines = [f"- {verdict(name, result['claims'])}" for name, result in results.items()]
    below = f"{arguments.seeds} seeds. " + tables.provenance("fusion.py")
    tables.write(arguments.table, "\n".join([table(results), "", *lines, "", below]))


if __name__ == "__main__":
    main()
