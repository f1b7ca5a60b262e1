"""What explanations are worth to a student, for every shipped model, with other attributions and the control beside
them in the same run; writes the table of docs/plugins/simulatability.md.

    python -m benchmarks.simulatability [--shipped]

Without `--shipped`, students are taught anew, about half a minute a model on one core.
"""

from __future__ import annotations

import argparse
import contextlib

import numpy as np
import torch
from scipy import stats

from benchmarks import tables
from qfusion._sentences import listed
from qfusion.explain import bootstrap
from qfusion.plugins.review.students import simulatability, student_data as analysis
from qfusion.plugins.review.students.simulatability import (
    ALONE,
    CONTRIBUTIONS,
    SCORES,
    Factor,
    Simulatability,
)
from qfusion.plugins.review.students.words import WORTH, is_only_control, title_worth
from qfusion.plugins.why import evidence
from qfusion.study import cache
from qfusion.study.opening import open_study
from qfusion.views.pages import address
from scripts.ship_results import shipped_models

RIVALS = ("gradient x input", "integrated gradients", simulatability.SHUFFLED)
HEADER = (
    "Model",
    "Decisions alone, first and last n",
    "Contributions are worth",
    "Factor of contributions",
    "of scores",
    "contributions over scores",
    "contributions over shuffled ones",
    *(f"of {name}" for name in RIVALS),
)


def main() -> None:
    """Measure all shipped models and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipped", action="store_true", help="read shipped results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    results = {}
    for model in shipped_models():
        study = open_study(model, address.own_data(model))
        with contextlib.nullcontext() if options.shipped else cache.computed_anew():
            result = analysis.teach_students(study, 0)
        rows.append(_row(model, result))
        results[f"`{model}`"] = result
        print(rows[-1], flush=True)
    note = tables.provenance("simulatability.py")
    count = _count_models(results)
    source = "Read from the results that ship with the models. " if options.shipped else ""
    seeds = "Seed 0; ten draws. Factors above 1 are fewer samples; in brackets 95 % intervals."
    table = tables.markdown(HEADER, rows)
    tables.write("simulatability", f"{count} {source}{seeds}\n\n{table}\n\n{note}")


def _count_models(results: dict[str, Simulatability]) -> str:
    """Return for which models contributions save samples, each by itself and after Holm's correction over models."""
    learnt = {
        model: result.arms[CONTRIBUTIONS] for model, result in results.items() if result.learns
    }
    helped = [
        model
        for model, arm in learnt.items()
        if arm.factor is not None and arm.factor.helps and not is_only_control(arm)
    ]
    adjusted = evidence.holm([_p_value(arm.factor) for arm in learnt.values()])
    sure = [
        model for model, p in zip(learnt, adjusted, strict=True) if p < 0.05 and model in helped
    ]
    others = [model for model in helped if model not in sure]
    start = (
        f"Students learn something of {len(learnt)} of {len(results)} models. Of these, contributions save samples for "
        f"{len(helped)}: {listed(helped)}. That takes each interval by itself"
    )
    if not others:
        return (
            f"{start}, and holds for all of them after Holm's correction over {len(learnt)} models."
        )
    return (
        f"{start}; after Holm's correction over {len(learnt)} models it holds for {len(sure)}, and not for "
        f"{listed(others)}."
    )


def _p_value(factor: Factor | None) -> float:
    """Return the two-sided p-value of a factor of 1, from the width of its interval in log n."""
    if factor is None or not factor.interval.known:
        return 1.0
    value, low, high = np.log([factor.interval.value, factor.interval.low, factor.interval.high])
    error = (high - low) / (2 * stats.norm.ppf(bootstrap.EDGES[1]))
    return float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else 1.0


def _row(model: str, result: Simulatability) -> list[str]:
    alone = result.arms[ALONE].agreement
    contributions = result.arms[CONTRIBUTIONS]
    return [
        f"`{model}`",
        f"{alone[0].value:.3f} to {alone[-1].value:.3f} (n = {result.sizes[-1]})",
        title_worth(result).removeprefix(f"{WORTH}: "),
        _factor(contributions.factor),
        _factor(result.arms[SCORES].factor),
        _factor(contributions.beyond_scores),
        _factor(contributions.beyond_control),
        *(_factor(result.arms[name].factor) for name in RIVALS),
    ]


def _factor(factor: Factor | None) -> str:
    if factor is None:
        return "–"
    interval = factor.interval
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


if __name__ == "__main__":
    main()
