"""What explanations are worth to a student, for every shipped model, with other attributions and the control beside
them in the same run; writes the table of docs/simulatability.md.

    python -m benchmarks.simulatability [--shipped]

Without `--shipped`, students are taught anew, about half a minute a model on one core.
"""

from __future__ import annotations

import argparse
import contextlib

import torch

from benchmarks import tables
from qfusion.analysis import shipped_results, simulatability as analysis
from qfusion.analysis.opening import open_study
from qfusion.explain import simulatability
from qfusion.explain.simulatability import ALONE, CONTRIBUTIONS, SCORES, Factor, Simulatability
from qfusion.panels import pickers
from qfusion.wording.simulatability import name_worth
from scripts.ship_results import shipped_models

RIVALS = ("gradient x input", "integrated gradients", simulatability.SHUFFLED)
HEADER = (
    "Model",
    "Decisions alone, first and last n",
    "Contributions are worth",
    "Factor of contributions",
    "of scores",
    "contributions over scores",
    *(f"of {name}" for name in RIVALS),
)


def main() -> None:
    """Measure all shipped models and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shipped", action="store_true", help="read shipped results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for model in shipped_models():
        study = open_study(model, pickers.own_data(model))
        with contextlib.nullcontext() if options.shipped else shipped_results.computed_anew():
            result = analysis.teach_students(study, 0)
        rows.append(_row(model, result))
        print(rows[-1], flush=True)
    note = tables.provenance("simulatability.py")
    tables.write("simulatability", f"{tables.markdown(HEADER, rows)}\n\n{note}")


def _row(model: str, result: Simulatability) -> list[str]:
    alone = result.arms[ALONE].agreement
    contributions = result.arms[CONTRIBUTIONS]
    return [
        f"`{model}`",
        f"{alone[0].value:.3f} to {alone[-1].value:.3f} (n = {result.sizes[-1]})",
        name_worth(contributions.factor) if result.learns else "student learns nothing",
        _factor(contributions.factor),
        _factor(result.arms[SCORES].factor),
        _factor(contributions.beyond_scores),
        *(_factor(result.arms[name].factor) for name in RIVALS),
    ]


def _factor(factor: Factor | None) -> str:
    if factor is None:
        return "–"
    interval = factor.interval
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


if __name__ == "__main__":
    main()
