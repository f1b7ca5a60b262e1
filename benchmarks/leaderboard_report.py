"""From finished runs to the leaderboard: means, tests over seeds and test rows, and the record that is kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import Any

import comparisons
import crossed
import leaderboard_claims
import numpy as np

from qfusion.training import metrics

HEADLINES = {"mosi": "mae", "mosi-light": "mae", "planted": "r2"}  # all other data sets: accuracy
SYSTEMS = ("qj", "qcnn")
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
    if all("outcomes" in r for r in runs):
        how["by_row"] = crossed.written(
            np.mean([crossed.read(r["outcomes"]) for r in runs], axis=0)
        )
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


def verdicts(entry: Mapping[str, Any], others: Sequence[str], key: str) -> dict[str, Any]:
    """Returns for each system its tests against all neighbours and baselines by one metric, and who of them is best.

    The headline is compared over seeds and test rows, see `compared`; other metrics over seeds alone.

    Args:
        entry: the board of a data set. others: neighbours and baselines. key: the metric.
    """
    rows, result = entry["rows"], {}
    rivals = [rival for rival in others if rival in rows]
    better = 1 if metrics.LABELS[key].higher_is_better else -1
    for system in (s for s in SYSTEMS if s in rows and rivals):
        pairs = {rival: compared(entry, system, rival, key) for rival in rivals}
        known = {rival: pair for rival, pair in pairs.items() if pair is not None}
        if len(known) < len(rivals):
            continue
        best = max(rivals, key=lambda rival: better * rows[rival]["test"][key]["mean"])
        corrected = comparisons.holm([pair.p for pair in known.values()])
        result[system] = {
            "best": best,
            "seeds": min(pair.n for pair in known.values()),
            "against": {
                rival: {**pair.record(), "holm": short(holm)}
                for (rival, pair), holm in zip(known.items(), corrected, strict=True)
            },
        }
    return result


def compared(
    entry: Mapping[str, Any], ours: str, theirs: str, key: str
) -> comparisons.Paired | None:
    """Returns the difference of two rows of a board over the seeds that both have; None for fewer than two.

    Of the headline it counts seeds and test rows (`crossed.crossed`), of any other metric seeds alone.

    Args:
        entry: the board of a data set, with the number of its test items. ours, theirs: models on it.
        key: the metric.
    """
    rows = [entry["rows"][model] for model in (ours, theirs)]
    common = set(rows[0]["seeds"]) & set(rows[1]["seeds"])
    if len(common) < 2:
        return None
    values = [values_of(row, key, common) for row in rows]
    if key != entry["headline"]:
        return comparisons.paired(*values)
    by_row = [crossed.read(row["by_row"]) if "by_row" in row else None for row in rows]
    shared = entry.get("item_of_row")
    return crossed.crossed(
        *values,
        metric=key,
        items=entry["items"],
        own_rows=by_row[0],
        rival_rows=by_row[1],
        item_of_row=None if shared is None else np.asarray(shared),
    )


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
    """Returns the board as it is kept in qfusion/plugins/papers/assets/leaderboard.json.

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
            entry = {**terms[name], "headline": headline(name), "rows": rows}
            boards[name] = {**entry, "tests": tests_of(entry, others)}
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
        "method": crossed.METHOD,
        "contenders": dict(contenders),
        "data": boards,
        "claims": {"parameters": leaderboard_claims.parameters(boards, contenders)},
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


def tests_of(entry: Mapping[str, Any], others: Sequence[str]) -> dict[str, Any]:
    """Returns the tests of a data set's board by metric, see `verdicts`."""
    keys = next(iter(entry["rows"].values()))["test"]
    return {key: verdicts(entry, others, key) for key in keys}


def again(board: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a board with its tests and claims worked out anew from the results of single seeds that stand on it;
    nothing is measured, and dates stay."""
    others = [
        key for key, c in board["contenders"].items() if c["role"] in ("neighbour", "baseline")
    ]
    boards = {
        name: {**entry, "tests": tests_of(entry, others)} for name, entry in board["data"].items()
    }
    claims = {"parameters": leaderboard_claims.parameters(boards, board["contenders"])}
    return {**board, "method": crossed.METHOD, "data": boards, "claims": claims}


def short(value: Any) -> float:
    """Returns a number to six significant digits."""
    return float(f"{float(value):.6g}")
