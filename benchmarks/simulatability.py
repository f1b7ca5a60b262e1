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
from qfusion.plugins.review.students.words import WORTH, title_worth
from qfusion.plugins.why import evidence
from qfusion.study import cache
from qfusion.study.opening import open_study
from qfusion.views.pages import address
from scripts.ship_results import shipped_models

LEVEL = 0.05  # of the adjusted p
RIVALS = ("gradient x input", "integrated gradients", simulatability.SHUFFLED)
HEADER = (
    "Model",
    "Decisions alone, first and last n",
    "Contributions are worth",
    "Factor over the score",
    "Beyond the score: verdict (adjusted p)",
    "Factor of contributions",
    "of scores",
    "contributions over shuffled ones",
    *(f"of {name}" for name in RIVALS),
)


def main() -> None:
    """Measure all shipped models and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipped", action="store_true", help="read shipped results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for model in shipped_models():
        study = open_study(model, address.own_data(model))
        with contextlib.nullcontext() if options.shipped else cache.computed_anew():
            result = analysis.teach_students(study, 0)
        results[f"`{model}`"] = result
        print(title_worth(result), flush=True)
    verdicts = _verdicts(results)
    rows = [_row(model, result, verdicts.get(model, "–")) for model, result in results.items()]
    note = tables.provenance("simulatability.py")
    count = _count_models(results, verdicts)
    source = "Read from the results that ship with the models. " if options.shipped else ""
    seeds = "Seed 0; ten draws. Factors above 1 are fewer samples; in brackets 95 % intervals."
    table = tables.markdown(HEADER, rows)
    tables.write("simulatability", f"{count} {source}{seeds}\n\n{table}\n\n{note}")


def _verdicts(results: dict[str, Simulatability]) -> dict[str, str]:
    """Return the verdict on "contributions save samples beyond the score" for each model of which students learn
    something, with p after Holm's correction over these models."""
    beyond = {
        model: result.arms[CONTRIBUTIONS].beyond_scores
        for model, result in results.items()
        if result.learns
    }
    adjusted = evidence.holm([_p_value(factor) for factor in beyond.values()])
    verdicts = {}
    for (model, factor), p in zip(beyond.items(), adjusted, strict=True):
        verdict = evidence.OPEN
        if factor is not None and p < LEVEL:
            fewer = factor.interval.value > 1
            verdict = evidence.SUPPORTED if fewer else evidence.CONTRADICTED
        verdicts[model] = f"{verdict} ({p:.2g})"
    return verdicts


def _count_models(results: dict[str, Simulatability], verdicts: dict[str, str]) -> str:
    """Return for which models contributions save samples beyond the score, and for which beyond decisions alone."""
    parts = []
    for verdict in evidence.VERDICTS:
        named = [model for model in verdicts if verdicts[model].startswith(verdict)]
        if named:
            models = "" if verdict == evidence.OPEN else f" ({listed(named)})"
            parts.append(f"{verdict} for {len(named)}{models}")
    factors = {model: results[model].arms[CONTRIBUTIONS] for model in verdicts}
    helped = [model for model, arm in factors.items() if arm.factor and arm.factor.helps]
    beyond = [f"{model} {_factor(factors[model].beyond_scores)}" for model in helped]
    return (
        f"Students learn something of {len(verdicts)} of {len(results)} models. That contributions save samples beyond "
        f"the plain score is {listed(parts)}, after Holm's correction over these models. Beyond decisions alone they "
        f"save samples for {len(helped)}, each interval by itself; beyond the score these have the factors "
        f"{listed(beyond)}."
    )


def _p_value(factor: Factor | None) -> float:
    """Return the two-sided p-value of a factor of 1, from the width of its interval in log n."""
    if factor is None or not factor.interval.known:
        return 1.0
    value, low, high = np.log([factor.interval.value, factor.interval.low, factor.interval.high])
    error = (high - low) / (2 * stats.norm.ppf(bootstrap.EDGES[1]))
    return float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else 1.0


def _row(model: str, result: Simulatability, verdict: str) -> list[str]:
    alone = result.arms[ALONE].agreement
    contributions = result.arms[CONTRIBUTIONS]
    return [
        model,
        f"{alone[0].value:.3f} to {alone[-1].value:.3f} (n = {result.sizes[-1]})",
        title_worth(result).removeprefix(f"{WORTH}: "),
        _factor(contributions.beyond_scores),
        verdict,
        _factor(contributions.factor),
        _factor(result.arms[SCORES].factor),
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
