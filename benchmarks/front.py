"""The two small tables of README: the main results, and what the library costs beside the best rival.

    python benchmarks/front.py

Measures nothing. Results come from the records that the app shows (`qfusion/assets/leaderboard.json` and the tested
claims), costs from the tables of docs/results.md, which name the script, date and machine of each measurement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables

ROOT = Path(__file__).resolve().parents[1]
BOARD = ROOT / "qfusion" / "assets" / "leaderboard.json"
CLAIMS = ROOT / "qfusion" / "assets" / "claims.json"
RESULTS = ROOT / "docs" / "results.md"
LEVEL = 0.05  # of the adjusted p
SMALL = "bilinear-small"
DATA = "parity"  # where the label depends only on the combination of two pictures
# What README calls a cost; its table in docs/results.md, and there the rows of qfusion and of the best rival; what
# README calls the rival.
COSTS = (
    (
        "One training step of QiNN-QJ, D = 64, 16 samples (ms)",
        "steps",
        "D = 64, 16 samples: qfusion",
        "D = 64, 16 samples: torchdiffeq dopri5",
        "torchdiffeq, dopri5",
    ),
    (
        "The same, D = 125, one sample (ms)",
        "steps",
        "D = 125, 1 samples: qfusion",
        "D = 125, 1 samples: torchdiffeq dopri5",
        "torchdiffeq, dopri5",
    ),
    (
        "One sample tracked at 101 times, D = 64",
        "tracking",
        "D = 64: qfusion",
        "D = 64: QuTiP's recipe, matrix form",
        "QuTiP, matrix form",
    ),
    (
        "Exact Shapley values of three modalities, per sample of 752 (ms)",
        "explainers",
        "**qfusion**, 1,447 rows, all 752 samples at once",
        "Exact by brute force, 8 coalitions of 1,447 rows",
        "brute force",
    ),
)


def results(board: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Returns the main results as a table."""
    parity = board["data"][DATA]["rows"]

    def accuracy(model: str) -> str:
        return f"{parity[model]['test']['accuracy']['mean']:.3f}"

    roles = {name: entry["role"] for name, entry in board["contenders"].items()}
    rivals = [name for name in parity if roles[name] in ("neighbour", "baseline")]
    best = max(rivals, key=lambda name: parity[name]["test"]["accuracy"]["mean"])
    test = board["data"][DATA]["tests"]["accuracy"]["qj"]["against"][best]
    evolved, fixed = (parity[name]["test"]["accuracy"] for name in ("qj", "qj-none"))
    verdicts = [claim["verdict"] for claim in claims["claims"]]
    primary = [entry for entry in board["claims"]["parameters"] if entry["primary"]]
    sizes = [entry["theirs"] / entry["own"] for entry in primary]
    small = [entry for entry in board["claims"]["parameters"] if entry["rival"] == SMALL]
    rows = [
        [
            "Evolution creates the joint terms of a decision",
            f"`{DATA}`: accuracy {accuracy('qj')} with evolution, {accuracy('qj-none')} without it",
            "supported" if evolved["low"] > fixed["high"] else "not supported",
        ],
        [
            "QiNN-QJ is more accurate than other fusion models",
            f"`{DATA}`: {accuracy('qj')}; best rival, {board['contenders'][best]['label']}: {accuracy(best)} "
            f"(adjusted p = {test['holm']:.2f})",
            "supported" if test["holm"] < LEVEL and test["low"] > 0 else "not supported",
        ],
        [
            "Quantum jumps generalise better and train more stably than unitary evolution",
            f"{len(verdicts)} preregistered claims: {verdicts.count('for')} supported, "
            f"{verdicts.count('against')} contradicted, {verdicts.count('open')} open",
            "supported" if verdicts.count("for") == len(verdicts) else "not supported",
        ],
        [
            "The entangled QCNN is as accurate as classical heads with many more parameters",
            f"{len(primary)} data sets, concatenation network with {min(sizes):.0f} to {max(sizes):.0f} times as many "
            f"parameters after the encoders: {_outcomes(primary)}. A bilinear head of 100 to 300 parameters: "
            f"{_outcomes(small)}",
            "open",
        ],
    ]
    return tables.markdown(["Claim", "Result on test rows", "Verdict"], rows)


def _outcomes(entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns on how many data sets the network is significantly better, worse, and neither."""
    worse = sum(entry["holm"] < LEVEL and entry["high"] < 0 for entry in entries)
    better = sum(entry["holm"] < LEVEL and entry["low"] > 0 for entry in entries)
    return (
        f"QCNN better on {better}, worse on {worse}, no significant difference on "
        f"{len(entries) - better - worse}"
    )


def cost(page: str) -> str:
    """Returns the three costs as a table, from the text of docs/results.md."""
    rows = []
    for label, name, ours, theirs, rival in COSTS:
        cells = _cells(page, name)
        rows.append([label, cells[ours], f"{cells[theirs]} ({rival})"])
    return tables.markdown(["Cost, one thread", "qfusion", "best rival"], rows)


def _cells(page: str, name: str) -> dict[str, str]:
    """Returns the second cell of every row of a table, by the first."""
    block = re.search(rf"<!-- table:{name} -->\n(.*?)<!-- /table -->", page, re.DOTALL)
    if block is None:
        raise SystemExit(f"docs/results.md has no table {name!r}")
    lines = [line.split("|")[1:-1] for line in block[1].splitlines() if line.startswith("|")]
    return {line[0].strip(): line[1].strip().split(" (")[0] for line in lines}


def main() -> None:
    """Writes both tables."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    claims = json.loads(CLAIMS.read_text(encoding="utf-8"))
    readme = ROOT / "README.md"
    tables.write("front-results", results(board, claims), readme)
    tables.write("front-cost", cost(RESULTS.read_text(encoding="utf-8")), readme)


if __name__ == "__main__":
    main()
