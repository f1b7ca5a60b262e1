"""Is there a task that needs the quantum part? The search that benchmarks/needed_plan.toml states, committed before it.

    python benchmarks/needed.py             # trains what is missing, writes the table of docs/needed.md
    python benchmarks/needed.py --finished  # no training: the table of the runs that are kept

Every contender gets the same number of random settings, chosen by R2 on validation rows of one draw of the data. The
best is trained with new seeds, each on rows drawn anew. Every finished run is a line of benchmarks/runs/needed.jsonl
with digests of the plan and of the code, and is not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import needed_data  # noqa: E402
import tables  # noqa: E402
from code_digest import code_digest  # noqa: E402
from leaderboard import keep, read  # noqa: E402

from qfusion.data import DataSet  # noqa: E402
from qfusion.errors import InvalidInput  # noqa: E402
from qfusion.models import build, registry  # noqa: E402
from qfusion.plugins.why.audit.twin_runs import count_fusion_parameters  # noqa: E402
from qfusion.training import Options, metrics, train  # noqa: E402

PLAN_FILE = ROOT / "benchmarks" / "needed_plan.toml"
RUNS = ROOT / "benchmarks" / "runs" / "needed.jsonl"
OURS = "joint"  # the contender that is judged
OTHER_CODE = ("qfusion/plugins/why/audit/twins.py", "benchmarks/needed_data.py")
FLOOR = -1.0  # R2 of a training that went wrong
Plan = Mapping[str, Any]
Record = dict[str, Any]


def run_plan(plan: Plan, plan_digest: str, cache: Path) -> None:
    """Trains what is missing, candidate by candidate, and keeps each record."""
    code = code_digest(*OTHER_CODE)
    for candidate, contender in itertools.product(plan["candidates"], plan["contenders"]):
        tuned: list[Record] = []
        phases = [("tune", number) for number in range(plan["settings"])]
        phases += [("final", number) for number in range(plan["seeds"])]
        for phase, number in phases:
            words = json.dumps([plan_digest, code, candidate, contender, phase, number])
            key = hashlib.sha256(words.encode()).hexdigest()[:20]
            record = read(cache).get(key)
            if record is None:
                if phase == "tune":
                    settings = draw_settings(plan, candidate, contender, number)
                else:
                    settings = max(tuned, key=lambda known: known["valid"])["settings"]
                record = {
                    "key": key,
                    "plan": plan_digest,
                    "code": code,
                    "candidate": candidate,
                    "contender": contender,
                    "phase": phase,
                    "number": number,
                    "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
                    **measure(plan, candidate, contender, settings, phase, number),
                }
                keep(record, cache)
                print(
                    f"{candidate} {contender} {phase} {number}: valid {record['valid']:.3f}, test "
                    f"{record['test']:.3f}, {record['seconds']:.1f} s of a core",
                    flush=True,
                )
            if phase == "tune":
                tuned.append(record)


def draw_settings(plan: Plan, candidate: str, contender: str, number: int) -> Record:
    """Returns random settings of a contender: of its model and of its training, from the space of the plan."""
    words = plan["contenders"][contender]
    rng = np.random.default_rng([number, *f"{candidate} {contender}".encode()])
    space = plan["spaces"][words.get("space", "network")]
    chosen = {key: _draw(rng, choice) for key, choice in space.items()}
    if sizes := fitting_sizes(plan, candidate, contender):
        chosen |= sizes[rng.integers(len(sizes))]
    return chosen


def _draw(rng: np.random.Generator, choice: Any) -> Any:
    """One of a list, or a number between the ends of {"log": [low, high]}, uniform in its logarithm."""
    if isinstance(choice, Mapping):
        low, high = np.log(choice["log"])
        return float(np.exp(rng.uniform(low, high)))
    return choice[rng.integers(len(choice))]


def fitting_sizes(plan: Plan, candidate: str, contender: str) -> list[Record]:
    """Returns the sizes of a contender that have at most `most` times our parameters behind the encoders.

    Of a contender without that limit all are returned; of one that has no size so small, its smallest.
    """
    words = plan["contenders"][contender]
    grid = words.get("sizes", {})
    sizes = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if not words["limited"] or not grid:
        return sizes if grid else []
    most = plan["most"] * parameters(plan, candidate, OURS, plan["reference"])
    counts = [parameters(plan, candidate, contender, size) for size in sizes]
    fitting = [size for size, count in zip(sizes, counts, strict=True) if count <= most]
    return fitting or [sizes[int(np.argmin(counts))]]


def parameters(plan: Plan, candidate: str, contender: str, size: Record) -> int:
    """Returns how many parameters a contender has behind the encoders."""
    dataset = needed_data.draw(candidate, 0, {"train": 8, "valid": 2, "test": 2}, 0.0)
    kind, settings = model_settings(plan, candidate, contender, size)
    return count_fusion_parameters(build(kind, dataset.input_specs, ("value",), settings))


def model_settings(
    plan: Plan, candidate: str, contender: str, chosen: Record
) -> tuple[str, Record]:
    """Returns kind and settings of a contender's model.

    `levels` among the chosen is added to the levels of each modality that the candidate states.
    """
    words = plan["contenders"][contender]
    allowed = registry.settings_type(words["kind"]).model_fields
    settings = {**words.get("fixed", {}), **chosen}
    if "dims" in allowed:
        settings["dims"] = [
            d + chosen.get("levels", 0) for d in plan["candidates"][candidate]["dims"]
        ]
    return words["kind"], {key: value for key, value in settings.items() if key in allowed}


def measure(
    plan: Plan, candidate: str, contender: str, chosen: Record, phase: str, number: int
) -> Record:
    """Trains a contender on rows of its own draw and returns its R2 on validation and test rows.

    Contenders share the draws: that of settings is one, that of each seed another.
    """
    start = time.process_time()
    draw = plan["tuning_draw"] if phase == "tune" else plan["first_draw"] + number
    dataset = needed_data.draw(candidate, draw, plan["rows"], plan["noise"])
    kind, trained = plan["contenders"][contender]["kind"], False
    if kind in ESTIMATORS:
        predict, count = ESTIMATORS[kind](dataset, chosen, draw), None
    else:
        _, settings = model_settings(plan, candidate, contender, chosen)
        given = {key: value for key, value in chosen.items() if key in Options.model_fields}
        options = Options(**plan["options"], **given)
        model = build(kind, dataset.input_specs, ("value",), settings)
        count = count_fusion_parameters(model)
        with suppress(InvalidInput):  # which is how a training that diverges ends
            model = train(kind, dataset, settings, options, draw).model
            trained = True

        def predict(rows: np.ndarray) -> np.ndarray:
            if not trained:
                return np.full(len(rows), np.nan)
            return metrics.predict(model, dataset, rows)[:, 0]

    scores = {}
    for split in ("valid", "test"):
        rows = dataset.rows(split)
        scores[split] = _r2(predict(rows), dataset.y[rows])
    return {
        **scores,
        "parameters": count,
        "settings": chosen,
        "seconds": round(time.process_time() - start, 2),
    }


def _r2(predicted: np.ndarray, y: np.ndarray) -> float:
    """R2, at least `FLOOR`, also of predictions that are no numbers."""
    value = 1 - float(np.mean((predicted - y) ** 2) / np.var(y))
    return max(value, FLOOR) if np.isfinite(value) else FLOOR


def _features(dataset: DataSet, rows: np.ndarray) -> list[np.ndarray]:
    return [modality.values[rows].astype(float) for modality in dataset.modalities]


Predictor = Callable[[np.ndarray], np.ndarray]


def fit_trees(dataset: DataSet, settings: Record, seed: int) -> Predictor:
    """Gradient-boosted trees on all features side by side."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = dataset.rows("train")
    model = HistGradientBoostingRegressor(**settings, early_stopping=False, random_state=seed)
    model.fit(np.concatenate(_features(dataset, rows), 1), dataset.y[rows])
    return lambda rows: model.predict(np.concatenate(_features(dataset, rows), 1))


def fit_kernel(dataset: DataSet, settings: Record, seed: int) -> Predictor:
    """Ridge regression with the kernel prod_m (offset + x_m . x'_m)^power: all products of polynomials, one of each
    modality."""
    rows = dataset.rows("train")
    trained, mean = _features(dataset, rows), dataset.y[rows].mean()

    def kernel(features: Sequence[np.ndarray]) -> np.ndarray:
        parts = [
            (settings["offset"] + x @ z.T) ** settings["power"]
            for x, z in zip(features, trained, strict=True)
        ]
        return np.prod(parts, 0)

    K = kernel(trained)
    ridge = settings["ridge"] * np.trace(K) / len(K)
    weights = np.linalg.solve(K + ridge * np.eye(len(K)), dataset.y[rows] - mean)
    return lambda rows: kernel(_features(dataset, rows)) @ weights + mean


ESTIMATORS = {"trees": fit_trees, "kernel": fit_kernel}


def results(plan: Plan, records: Sequence[Record]) -> list[Record]:
    """Returns what was found of each candidate whose runs are complete.

    Two primary outcomes a candidate, `equal` and `any`: our R2 on test rows minus that of the best rival, by mean R2 on
    validation rows, among those with as many parameters and among all. Verdicts are Holm's over all of them.
    """
    found = []
    for candidate, words in plan["candidates"].items():
        scores = {
            contender: _final_scores(plan, records, candidate, contender)
            for contender in plan["contenders"]
        }
        if any(len(part["test"]) < plan["seeds"] for part in scores.values()):
            continue
        entry: Record = {"candidate": candidate, **words, "scores": scores}
        for outcome in ("equal", "any"):
            rivals = [
                name
                for name, rival in plan["contenders"].items()
                if rival["role"] == "rival" and (outcome == "any" or rival["limited"])
            ]
            best = max(rivals, key=lambda name: np.mean(scores[name]["valid"]))
            entry[outcome] = {"rival": best, **difference(scores, best)}
        entry["without"] = {
            name: difference(scores, name)
            for name, other in plan["contenders"].items()
            if "lacks" in other
        }
        found.append(entry)
    outcomes = [(entry, outcome) for entry in found for outcome in ("equal", "any")]
    corrected = holm(
        [entry[outcome]["p"] for entry, outcome in outcomes], 2 * len(plan["candidates"])
    )
    for (entry, outcome), p in zip(outcomes, corrected, strict=True):
        verdict = judge(entry[outcome]["value"], p, entry["by_construction"])
        entry[outcome] |= {"holm": p, "verdict": verdict}
    return found


def _final_scores(
    plan: Plan, records: Sequence[Record], candidate: str, contender: str
) -> Mapping[str, Any]:
    runs = [
        record
        for record in records
        if (record["candidate"], record["contender"], record["phase"])
        == (candidate, contender, "final")
    ]
    runs.sort(key=lambda record: record["number"])
    return {
        "valid": [record["valid"] for record in runs],
        "test": [record["test"] for record in runs],
        "parameters": runs[0]["parameters"] if runs else None,
    }


def difference(scores: Mapping[str, Any], rival: str) -> Record:
    """Returns the mean paired difference of test R2, ours minus a rival's, its 95 % t interval over seeds, and p."""
    paired = np.subtract(scores[OURS]["test"], scores[rival]["test"])
    mean, error = float(paired.mean()), float(paired.std(ddof=1) / len(paired) ** 0.5)
    reach = float(stats.t.ppf(0.975, len(paired) - 1)) * error
    t = abs(mean) / max(error, 1e-12)
    p = 2 * float(stats.t.sf(t, len(paired) - 1))
    return {"value": mean, "low": mean - reach, "high": mean + reach, "p": p}


def holm(p: Sequence[float], planned: int) -> list[float]:
    """Returns p-values corrected by Holm's method for as many as were planned, also where some are not known yet."""
    order = np.argsort(p)
    steps = np.maximum.accumulate([p[i] * (planned - k) for k, i in enumerate(order)])
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1)
    return corrected.tolist()


def judge(value: float, p: float, by_construction: bool) -> str:
    """Returns the verdict on "ours is better": supported, contradicted, open, or true by construction."""
    if p >= 0.05:
        return "open"
    if value < 0:
        return "contradicted"
    return "true by construction" if by_construction else "supported"


def page(plan: Plan, found: Sequence[Record], when: Sequence[str]) -> str:
    """Returns the table, and the sentences that follow from it."""
    finished = [entry["candidate"] for entry in found]
    waiting = [name for name in plan["candidates"] if name not in finished]
    lines = [_sentence(found, "any", "of any size")]
    lines.append(_sentence(found, "equal", f"with at most {plan['most']} times as many parameters"))
    if waiting:
        lines.append(f"Planned and not finished: {_listed(waiting)}.")
    elif all(entry["any"]["verdict"] != "supported" for entry in found):
        lines.append("No task was found that needs the quantum part.")
    lines.append("")
    lines.append(
        tables.markdown(
            [
                "Candidate, planned because",
                "QiNN-QJ, joint / local",
                "Best of equal size",
                "Difference, verdict",
                "Best of any size",
                "Difference, verdict",
                *[
                    f"Against {plan['contenders'][name]['lacks']}"
                    for name in (found[0]["without"] if found else ())
                ],
            ],
            [_row(entry) for entry in found],
        )
    )
    if when:
        lines += ["", tables.provenance("needed.py", f"{min(when)[:10]} to {max(when)[:10]}")]
    return "\n".join(lines)


def _sentence(found: Sequence[Record], outcome: str, which: str) -> str:
    """Says on which candidates each verdict was found."""
    by_verdict: dict[str, list[str]] = {}
    for entry in found:
        by_verdict.setdefault(entry[outcome]["verdict"], []).append(entry["candidate"])
    parts = [f"{verdict} on {_listed(names)}" for verdict, names in sorted(by_verdict.items())]
    said = "; ".join(parts) or "not judged yet"
    return f"That ours is better than every rival {which} is {said}."


def _row(entry: Record) -> list[str]:
    scores = {name: float(np.mean(part["test"])) for name, part in entry["scores"].items()}
    cells = [
        f"`{entry['candidate']}`: {entry['reason']}",
        f"{scores[OURS]:.3f} / {scores['local']:.3f}",
    ]
    for outcome in ("equal", "any"):
        part = entry[outcome]
        cells += [
            f"{part['rival']} {scores[part['rival']]:.3f}",
            f"{_interval(part)} {part['verdict']}",
        ]
    return cells + [_interval(part) for part in entry["without"].values()]


def _interval(part: Mapping[str, float]) -> str:
    return f"{part['value']:+.3f} [{part['low']:+.3f}, {part['high']:+.3f}]"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def kept(plan_digest: str, cache: Path) -> Iterator[Record]:
    """Yields the records of a plan.

    Raises:
        SystemExit: when they were made by different code.
    """
    records = [record for record in read(cache).values() if record["plan"] == plan_digest]
    if len({record["code"] for record in records}) > 1:
        raise SystemExit(f"{cache} holds runs of different code. Take out those of the older one.")
    yield from records


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--finished", action="store_true", help="train nothing")
    parser.add_argument("--plan", type=Path, default=PLAN_FILE)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "needed.md")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    plan = tomllib.loads(arguments.plan.read_text())
    digest = hashlib.sha256(arguments.plan.read_bytes()).hexdigest()
    if not arguments.finished:
        run_plan(plan, digest, arguments.runs)
    records = list(kept(digest, arguments.runs))
    text = page(plan, results(plan, records), [record["date"] for record in records])
    tables.write("needed", text, arguments.page)


if __name__ == "__main__":
    main()
