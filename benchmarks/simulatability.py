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
from qfusion._sentences import listed
from qfusion.analysis import shipped_results, simulatability as analysis
from qfusion.analysis.opening import open_study
from qfusion.explain import simulatability
from qfusion.explain.simulatability import ALONE, CONTRIBUTIONS, SCORES, Factor, Simulatability
from qfusion.panels import pickers
from qfusion.wording.simulatability import WORTH, title_worth
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
    helped = []
    for model in shipped_models():
        study = open_study(model, pickers.own_data(model))
        with contextlib.nullcontext() if options.shipped else shipped_results.computed_anew():
            result = analysis.teach_students(study, 0)
        rows.append(_row(model, result))
        factor = result.arms[CONTRIBUTIONS].factor
        if factor is not None and factor.helps:
            helped.append(f"`{model}`")
        print(rows[-1], flush=True)
    note = tables.provenance("simulatability.py")
    count = f"Contributions save samples for {len(helped)} of {len(rows)} models: {listed(helped)}."
    source = "Read from the results that ship with the models. " if options.shipped else ""
    seeds = "Seed 0; ten draws. Factors above 1 are fewer samples; in brackets 95 % intervals."
    table = tables.markdown(HEADER, rows)
    tables.write("simulatability", f"{count} {source}{seeds}\n\n{table}\n\n{note}")


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
