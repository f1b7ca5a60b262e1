"""The two small tables of README (the main results, and the cost beside the best rival), and the first table of
docs/results.md (each claim with data, figures, interval and verdict).

    python benchmarks/front.py

It measures nothing. Results come from the records that the app shows (`leaderboard.json` and the tested claims of
`qfusion/plugins/papers/assets`), costs from the tables of docs/results.md, which name the script, date and machine of
each measurement.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables

from qfusion.training import metrics

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "qfusion" / "plugins" / "papers" / "assets"
BOARD = ASSETS / "leaderboard.json"
CLAIMS = ASSETS / "claims.json"
RESULTS = ROOT / "docs" / "results.md"
LEVEL = 0.05  # of the adjusted p
SMALL = "bilinear-small"
SYSTEMS = {"qj": "QiNN-QJ", "qcnn": "Entangled QCNN"}
EVOLVED = ("parity", "avparity", "avagree", "easyvqa-yesno")  # the label depends on the combination
CREATION = "With the local read-out, evolution creates the joint terms of a decision"
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

    verdicts_of_sets = [_accuracy_row(board, data, "qj", "QiNN-QJ")[-1] for data in board["data"]]
    most_rivals = max(
        len(entry["tests"][entry["headline"]]["qj"]["against"]) for entry in board["data"].values()
    )
    better, worse = (verdicts_of_sets.count(word) for word in ("supported", "not supported"))
    not_searched = [
        f"`{data}`"
        for data, verdict in zip(board["data"], verdicts_of_sets, strict=True)
        if verdict == "supported" and not board["data"][data]["chosen"]
    ]
    note = ""
    if not_searched:
        note = (
            f" ({', '.join(not_searched)}, with settings chosen for QiNN-QJ and not for its rivals)"
        )
    verdicts = [claim["verdict"] for claim in claims["claims"]]
    primary = [entry for entry in board["claims"]["parameters"] if entry["primary"]]
    sizes = [entry["theirs"] / entry["own"] for entry in primary]
    small = [entry for entry in board["claims"]["parameters"] if entry["rival"] == SMALL]
    rows = [
        [
            CREATION,
            f"`{DATA}`: accuracy {accuracy('qj')} with evolution, {accuracy('qj-none')} without it",
            _evolution_row(board, DATA)[-1],
        ],
        [
            "QiNN-QJ is more accurate than other fusion models",
            f"{len(verdicts_of_sets)} data sets, against the best of up to {most_rivals} rivals: better on {better}"
            f"{note}, worse on {worse}, no significant difference on {verdicts_of_sets.count('open')}",
            "supported" if better == len(verdicts_of_sets) else "not supported",
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


def overview(board: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Returns every claim with its data, both figures, the 95 % interval of the difference and the verdict."""
    rows = [_evolution_row(board, data) for data in EVOLVED]
    for system, label in SYSTEMS.items():
        for data, entry in board["data"].items():
            row = _accuracy_row(board, data, system, label)
            if row[-1] == "supported" and not entry["chosen"]:
                row[-1] += ", rivals not tuned"
            rows.append(row)
    rows += [_replication_row(claim) for claim in claims["claims"]]
    return tables.markdown(
        ["Claim", "Data", "qfusion", "Best rival", "Difference [95 %]", "Verdict"], rows
    )


def _evolution_row(board: Mapping[str, Any], data: str) -> list[str]:
    """Returns the row on evolution: the full model against the one without it, intervals over training seeds."""
    evolved, fixed = (
        board["data"][data]["rows"][model]["test"]["accuracy"] for model in ("qj", "qj-none")
    )
    apart = evolved["low"] > fixed["high"]
    return [
        CREATION,
        f"`{data}`",
        f"accuracy {evolved['mean']:.3f} [{evolved['low']:.3f}, {evolved['high']:.3f}]",
        f"without evolution {fixed['mean']:.3f} [{fixed['low']:.3f}, {fixed['high']:.3f}]",
        f"{evolved['mean'] - fixed['mean']:+.3f}",
        "supported" if apart else "open",
    ]


def _accuracy_row(board: Mapping[str, Any], data: str, system: str, label: str) -> list[str]:
    """Returns the row on a system against its best rival, by the headline metric of the data set."""
    entry = board["data"][data]
    metric = entry["headline"]
    means = {
        name: row["test"][metric]["mean"] for name, row in entry["rows"].items() if "test" in row
    }
    test = entry["tests"][metric][system]
    rival = test["best"]
    against = test["against"][rival]
    known = metrics.LABELS[metric]
    value, low, high = against["difference"], against["low"], against["high"]
    if not known.higher_is_better:
        value, low, high = -value, -high, -low
    figure = f"{known.short} {means[system]:.3f}"
    if system == "qj" and "qj-joint" in means:
        figure += f" (joint read-out: {means['qj-joint']:.3f})"
    return [
        f"{label} is more accurate than other fusion models",
        f"`{data}`",
        figure,
        f"{board['contenders'][rival]['label']} {means[rival]:.3f}",
        f"{value:+.3f} [{low:+.3f}, {high:+.3f}]",
        _verdict(low, high, against["holm"]),
    ]


def _replication_row(claim: Mapping[str, Any]) -> list[str]:
    """Returns the row of a preregistered claim."""
    effect = claim["effect"]
    value, low, high = effect["value"], effect["low"], effect["high"]
    words = re.match(r"\w+: ([^×\d]+?) [×+-].*?\], (\S+) against ([^\s;]+)", claim["sentence"])
    assert words is not None, claim["sentence"]
    outcome, ours, rival = words.groups()
    if "×" in claim["sentence"]:  # a ratio, whose effect is stored as its logarithm
        ratio, least, most = math.exp(value), math.exp(low), math.exp(high)
        difference = f"× {ratio:.2f} [{least:.2f}, {most:.2f}]"
    else:
        difference = f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return [
        claim["claim"],
        f"{len(claim['data'])} sets, [preregistered](claims.md)",
        f"{outcome} of `{ours}`",
        f"`{rival}`",
        difference,
        {"for": "supported", "against": "not supported", "open": "open"}[claim["verdict"]],
    ]


def _verdict(low: float, high: float, p: float) -> str:
    """Returns the verdict on "is more accurate" from the interval of the difference and the adjusted p."""
    if p >= LEVEL:
        return "open"
    return "supported" if low > 0 else "not supported"


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
    tables.write("overview", overview(board, claims), RESULTS)
    tables.write("front-results", results(board, claims), readme)
    tables.write("front-cost", cost(RESULTS.read_text(encoding="utf-8")), readme)


if __name__ == "__main__":
    main()
