"""From finished runs to the leaderboard: means and tests, the papers' claims with their numbers, tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import Any

import comparisons
import numpy as np

from qfusion.training import metrics

HEADLINES = {"mosi": "mae", "mosi-light": "mae", "planted": "r2"}  # all other data sets: accuracy
SYSTEMS = ("qj", "qcnn")
DOZENS = (
    24  # claim (b) is about networks with at least so many times the parameters after the encoders
)
ALPHA = 0.05
# Mao and others, MMSA (github.com/thuiar/MMSA, results/result-stat.md, commit 0f82c40): means over their seeds,
# unaligned unless marked.
PUBLISHED = {
    "EF-LSTM (aligned)": (0.7848, 0.3539, 0.9488, 0.669),
    "LF-DNN": (0.7863, 0.3452, 0.9548, 0.6584),
    "TFN": (0.7908, 0.3446, 0.9473, 0.6733),
    "LMF": (0.7918, 0.3382, 0.9504, 0.651),
    "MulT": (0.8098, 0.3691, 0.8799, 0.7022),
    "MISA": (0.8354, 0.4137, 0.7765, 0.7781),
    "Self-MM": (0.8482, 0.4607, 0.7244, 0.7892),
}
PUBLISHED_METRICS = ("acc2_non0", "acc7", "mae", "corr")
PUBLISHED_SOURCE = "github.com/thuiar/MMSA, results/result-stat.md (regression, MOSI)"
PUBLISHED_NOTE = "other features (BERT text, its own audio and video features) and other test rows: not comparable"


def headline(name: str) -> str:
    """Returns the metric by which a data set is read first."""
    return HEADLINES.get(name, "accuracy")


def by_model(records: Sequence[Mapping[str, Any]], name: str) -> dict[str, list[Mapping[str, Any]]]:
    """Returns a data set's records by model, in the order of their seeds."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for record in sorted((r for r in records if r["data"] == name), key=lambda r: r["seed"]):
        found.setdefault(record["model"], []).append(record)
    return found


def row(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what the board shows of one model on one data set."""
    fused = [r for r in runs if "joint" in r]
    how = (
        {
            "joint": comparisons.mean_interval([r["joint"] for r in fused]).record()
            | {"values": [short(r["joint"]) for r in fused]}
        }
        if fused
        else {}
    )
    if fused and "agreement" in fused[0]:
        how["agreement"] = {
            part: short(np.mean([r["agreement"][part] for r in fused]))
            for part in fused[0]["agreement"]
        }
    return {
        **how,
        "seeds": [r["seed"] for r in runs],
        "parameters": runs[0]["parameters"],
        "after_encoders": runs[0]["after_encoders"],
        "seconds": round(
            float(np.median([r["processor_seconds"] for r in runs if "processor_seconds" in r])), 1
        ),
        "epochs": [r["epochs"] for r in runs],
        "test": {
            key: comparisons.mean_interval([r["test"][key] for r in runs]).record()
            | {"values": [short(r["test"][key]) for r in runs]}
            for key in runs[0]["test"]
        },
        "train": {key: short(np.mean([r["train"][key] for r in runs])) for key in runs[0]["train"]},
        "gradient_norm": {
            key: short(np.mean([f(r["gradient_norms"]) for r in runs if "gradient_norms" in r]))
            for key, f in (("mean", np.mean), ("spread", np.std), ("largest", np.max))
        },
    }


def verdicts(
    rows: Mapping[str, Mapping[str, Any]], others: Sequence[str], key: str
) -> dict[str, Any]:
    """Returns for each system its paired tests against all neighbours and baselines by one metric, and who of them is
    best.

    Only seeds that all of them have are compared.
    """
    found = {}
    rivals = [b for b in others if b in rows]
    for system in (s for s in SYSTEMS if s in rows and rivals):
        common = set(rows[system]["seeds"]).intersection(*(rows[b]["seeds"] for b in rivals))
        if len(common) < 2:
            continue
        ours = values_of(rows[system], key, common)
        pairs = comparisons.against(ours, {b: values_of(rows[b], key, common) for b in rivals})
        better = 1 if metrics.describe[key].higher_is_better else -1
        best = max(rivals, key=lambda b: better * rows[b]["test"][key]["mean"])
        found[system] = {
            "best": best,
            "seeds": len(common),
            "against": {b: pair.record() for b, pair in pairs.items()},
        }
    return found


def values_of(model: Mapping[str, Any], key: str, seeds: set[int] | None = None) -> list[float]:
    """Returns a metric's values on the test rows, of some seeds or all."""
    return [
        v
        for v, seed in zip(model["test"][key]["values"], model["seeds"], strict=True)
        if seeds is None or seed in seeds
    ]


def assemble(
    records: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    contenders: Mapping[str, Mapping[str, Any]],
    terms: Mapping[str, Mapping[str, Any]],
    robustness: Mapping[str, Any],
    kept: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Returns the board as it is kept in qfusion/assets/leaderboard.json.

    Args:
        records: of finished runs. names: data sets, in order. contenders: label, kind and role of each model.
        terms: title, target, sizes and settings of each data set. robustness: records by data set and model.
        kept: rows of an earlier board that stay, by data set and model.
    """
    others = [key for key, c in contenders.items() if c["role"] in ("neighbour", "baseline")]
    boards = {}
    for name in names:
        runs = by_model(records, name)
        earlier = (kept or {}).get(name, {})
        rows = {
            model: row(runs[model]) if model in runs else earlier[model]
            for model in contenders
            if model in runs or model in earlier
        }
        if rows:
            keys = next(iter(rows.values()))["test"]
            boards[name] = {
                **terms[name],
                "headline": headline(name),
                "rows": rows,
                "tests": {key: verdicts(rows, others, key) for key in keys},
            }
    return {
        "format": 1,
        "date": date.today().isoformat(),
        "command": "python benchmarks/leaderboard.py",
        "machine": f"{os.cpu_count()} cores {platform.machine()}, one torch thread",
        "versions": {
            "python": platform.python_version(),
            "torch": version("torch"),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
        },
        "method": comparisons.METHOD,
        "contenders": dict(contenders),
        "data": boards,
        "claims": {
            "stability": stability(records, boards),
            "parameters": parameters(boards, contenders),
        },
        "published": {
            "source": PUBLISHED_SOURCE,
            "note": PUBLISHED_NOTE,
            "data": "mosi",
            "rows": {
                name: dict(zip(PUBLISHED_METRICS, values, strict=True))
                for name, values in PUBLISHED.items()
            },
        },
        "robustness": dict(robustness),
    }


def again(board: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a board with its tests and the claims on parameters worked out anew from the results of single seeds that
    stand on it; nothing is measured, and dates stay."""
    others = [
        key for key, c in board["contenders"].items() if c["role"] in ("neighbour", "baseline")
    ]
    boards = {
        name: {
            **entry,
            "tests": {
                key: verdicts(entry["rows"], others, key)
                for key in next(iter(entry["rows"].values()))["test"]
            },
        }
        for name, entry in board["data"].items()
    }
    claims = {**board["claims"], "parameters": parameters(boards, board["contenders"])}
    return {**board, "method": comparisons.METHOD, "data": boards, "claims": claims}


def stability(
    records: Sequence[Mapping[str, Any]], boards: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Returns claim (a), a row for each data set: jump against unitary dynamics in spread over seeds, gradient norms,
    train-test gap."""
    found = []
    for name in boards:
        runs = by_model(records, name)
        if min(len(runs.get(model, ())) for model in ("qj", "qj-unitary")) < 3:
            continue
        key = headline(name)
        sign = 1 if metrics.describe[key].higher_is_better else -1
        shared = {r["seed"] for r in runs["qj"]} & {r["seed"] for r in runs["qj-unitary"]}
        pair = [[r for r in runs[model] if r["seed"] in shared] for model in ("qj", "qj-unitary")]
        test = [[r["test"][key] for r in side] for side in pair]
        gaps = [[sign * (r["train"][key] - r["test"][key]) for r in side] for side in pair]
        rough = [
            [float(np.std(r["gradient_norms"]) / np.mean(r["gradient_norms"])) for r in side]
            for side in pair
        ]
        norms = [[float(np.mean(r["gradient_norms"])) for r in side] for side in pair]
        largest = [[float(np.max(r["gradient_norms"])) for r in side] for side in pair]
        ratio, p = comparisons.spread_ratio(*test)
        entry: dict[str, Any] = {
            "data": name,
            "metric": key,
            "seeds": len(shared),
            "spread_ratio": short(ratio),
            "spread_p": short(p),
        }
        for label, sides in (
            ("test", test),
            ("gap", gaps),
            ("roughness", rough),
            ("norm", norms),
            ("largest", largest),
        ):
            entry[label] = {
                "jump": comparisons.mean_interval(sides[0]).record(),
                "unitary": comparisons.mean_interval(sides[1]).record(),
                "paired": comparisons.paired(*sides).record(),
            }
        entry["verdict"] = stability_verdict(entry, sign)
        found.append(entry)
    return found


def stability_verdict(entry: Mapping[str, Any], sign: int) -> dict[str, str]:
    """Returns for each part of claim (a) whether the numbers speak for it, against it, or tell nothing: p < 0.05,
    uncorrected.

    Args:
        entry: see `stability`. sign: 1 when more of the metric is better, else -1.
    """

    def by(p: float, good: bool) -> str:
        return "open" if p >= ALPHA else "for" if good else "against"

    pairs = {part: entry[part]["paired"] for part in ("roughness", "gap", "test")}
    return {
        "spread over seeds": by(entry["spread_p"], entry["spread_ratio"] < 1),
        "gradient norms": by(pairs["roughness"]["p"], pairs["roughness"]["difference"] < 0),
        "train-test gap": by(pairs["gap"]["p"], pairs["gap"]["difference"] < 0),
        "test result": by(pairs["test"]["p"], sign * pairs["test"]["difference"] > 0),
    }


def parameters(
    boards: Mapping[str, Any], contenders: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns claim (b), a row for each data set of classes: the QCNN against every baseline with DOZENS times its
    parameters or more."""
    found = []
    for name, board in boards.items():
        rows, tests = board["rows"], board["tests"].get("accuracy", {}).get("qcnn")
        if board["headline"] != "accuracy" or tests is None:
            continue
        own = rows["qcnn"]["after_encoders"]
        for rival, pair in tests["against"].items():
            theirs = rows[rival]["after_encoders"]
            if theirs < DOZENS * own:
                continue
            accuracy = {
                key: rows[model]["test"]["accuracy"]["mean"]
                for key, model in (("accuracy", "qcnn"), ("rival_accuracy", rival))
            }
            verdict = (
                "for" if pair["difference"] >= 0 else "open" if pair["holm"] >= ALPHA else "against"
            )
            found.append(
                {
                    "data": name,
                    "rival": rival,
                    "times": short(theirs / own),
                    "own": own,
                    "theirs": theirs,
                    **accuracy,
                    **pair,
                    "verdict": verdict,
                }
            )
    return found


def short(value: Any) -> float:
    """Returns a number to six significant digits."""
    return float(f"{float(value):.6g}")
