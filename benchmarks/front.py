"""The two small tables of README (the main results, and the cost beside the best rival), and the first two tables of
docs/results.md (each claim of the boards with data, figures, interval and verdict; the verdicts on jumps).

    python benchmarks/front.py

It measures nothing. Results come from the records that the app shows (`leaderboard.json` and the tested claims of
`qfusion/plugins/papers/assets`), costs from the tables of docs/results.md, which name the script, date and machine of
each measurement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables

from qfusion.plugins.why.evidence import BY_CONSTRUCTION, CONTRADICTED, OPEN, SUPPORTED, VERDICTS
from qfusion.training import metrics

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "qfusion" / "plugins" / "papers" / "assets"
BOARD = ASSETS / "leaderboard.json"
CLAIMS = ASSETS / "claims.json"
RESULTS = ROOT / "docs" / "results.md"
LEVEL = 0.05  # of the adjusted p
SMALL = "bilinear-small"
SYSTEMS = {"qj": "QiNN-QJ", "qcnn": "Entangled QCNN"}
CREATION = "With the local read-out, evolution creates the joint terms of a decision"
UNITARY = ("generalise", "stable")  # claims about jumps against unitary evolution
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


def read_claims() -> dict[str, Any]:
    """Returns the tested claims about quantum jumps; none before the runs of the plan have ended."""
    if not CLAIMS.is_file():
        return {"claims": []}
    return json.loads(CLAIMS.read_text(encoding="utf-8"))


def results(board: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Returns the main results as a table."""
    parity = board["data"][DATA]["rows"]

    def accuracy(model: str) -> str:
        return f"{parity[model]['test']['accuracy']['mean']:.3f}"

    verdicts_of_sets = [_accuracy_row(board, data, "qj", "QiNN-QJ")[-1] for data in board["data"]]
    most_rivals = max(
        len(entry["tests"][entry["headline"]]["qj"]["against"]) for entry in board["data"].values()
    )
    better, worse = (verdicts_of_sets.count(word) for word in (SUPPORTED, CONTRADICTED))
    not_searched = [
        f"`{data}`"
        for data, verdict in zip(board["data"], verdicts_of_sets, strict=True)
        if verdict == SUPPORTED and not board["data"][data]["chosen"]
    ]
    note = ""
    if not_searched:
        note = (
            f" ({', '.join(not_searched)}, with settings chosen for QiNN-QJ and not for its rivals)"
        )
    verdicts = [claim["verdict"] for claim in claims["claims"]]
    counted = ", ".join(
        f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts
    )
    primary = [entry for entry in board["claims"]["parameters"] if entry["primary"]]
    sizes = [entry["theirs"] / entry["own"] for entry in primary]
    small = [entry for entry in board["claims"]["parameters"] if entry["rival"] == SMALL]
    rows = [
        [
            CREATION,
            f"`{DATA}`: accuracy {accuracy('qj')} with evolution, {accuracy('qj-none')} without it",
            BY_CONSTRUCTION,
        ],
        [
            "QiNN-QJ is more accurate than other fusion models",
            f"{len(verdicts_of_sets)} data sets, against the best of up to {most_rivals} rivals: better on {better}"
            f"{note}, worse on {worse}, no significant difference on {verdicts_of_sets.count(OPEN)}",
            _common(verdicts_of_sets),
        ],
        [
            "Quantum jumps generalise better and train more stably than unitary evolution",
            f"Preregistered claims, with the abstract's joint read-out: {counted or 'the runs are under way'}",
            _common([claim["verdict"] for claim in claims["claims"] if claim["key"] in UNITARY]),
        ],
        [
            "The entangled QCNN is as accurate as classical heads with many more parameters",
            f"{len(primary)} data sets, concatenation network with {min(sizes):.0f} to {max(sizes):.0f} times as many "
            f"parameters after the encoders: {_outcomes(primary)}. A bilinear head of 100 to 300 parameters: "
            f"{_outcomes(small)}",
            OPEN,
        ],
    ]
    return tables.markdown(["Claim", "Result on test rows", "Verdict"], rows)


def jumps(claims: Mapping[str, Any]) -> str:
    """Returns the verdicts on the claims about quantum jumps, the abstract's read-out first."""
    if not claims["claims"]:
        return "The runs of the plan are under way."
    readouts = [entry["readout"] for entry in claims["claims"][0]["readouts"]]
    rows = [
        [claim["claim"], *(entry["verdict"] for entry in claim["readouts"])]
        for claim in claims["claims"]
    ]
    return tables.markdown(["Claim", *(f"{name} read-out" for name in readouts)], rows)


def overview(board: Mapping[str, Any]) -> str:
    """Returns every claim of the boards with its data, both figures, the 95 % interval of the difference and the
    verdict."""
    rows = [_evolution_row(board)]
    for system, label in SYSTEMS.items():
        for data, entry in board["data"].items():
            row = _accuracy_row(board, data, system, label)
            if row[-1] == SUPPORTED and not entry["chosen"]:
                row[-1] += ", rivals not tuned"
            rows.append(row)
    return tables.markdown(
        ["Claim", "Data", "qfusion", "Best rival", "Difference [95 %]", "Verdict"], rows
    )


def _evolution_row(board: Mapping[str, Any]) -> list[str]:
    """Returns the row on evolution: the full model against the one without it, intervals over training seeds."""
    evolved, fixed = (
        board["data"][DATA]["rows"][model]["test"]["accuracy"] for model in ("qj", "qj-none")
    )
    return [
        CREATION,
        f"`{DATA}`",
        f"accuracy {evolved['mean']:.3f} [{evolved['low']:.3f}, {evolved['high']:.3f}]",
        f"without evolution {fixed['mean']:.3f} [{fixed['low']:.3f}, {fixed['high']:.3f}]",
        f"{evolved['mean'] - fixed['mean']:+.3f}",
        BY_CONSTRUCTION,
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


def _verdict(low: float, high: float, p: float) -> str:
    """Returns the verdict on "is more accurate" from the interval of the difference and the adjusted p."""
    if p >= LEVEL:
        return OPEN
    return SUPPORTED if low > 0 else CONTRADICTED


def _common(verdicts: Sequence[str]) -> str:
    """Returns the verdict on a claim about several cases: that of all where they agree, else open."""
    return verdicts[0] if len(set(verdicts)) == 1 else OPEN


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
    """Writes the tables."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    claims = read_claims()
    readme = ROOT / "README.md"
    tables.write("overview", overview(board), RESULTS)
    tables.write("overview-jumps", jumps(claims), RESULTS)
    tables.write("front-results", results(board, claims), readme)
    tables.write("front-cost", cost(RESULTS.read_text(encoding="utf-8")), readme)


if __name__ == "__main__":
    main()
