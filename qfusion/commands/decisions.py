"""The decision on one sample as a record and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from rich.console import RenderableType

import qfusion
from qfusion.commands.explain_dynamics import dynamics_table
from qfusion.commands.printing import number, print_result, table


def decision_record(
    explanation: qfusion.explain.Explanation,
    dataset: qfusion.data.DataSet,
    row: int,
    index: int,
    doubt: qfusion.explain.verdicts.Doubt | None,
    label: str = "",
) -> dict[str, Any]:
    """Return the terms of the decision on one sample, their errors, and the verdict.

    Args:
        explanation: of the sample in `row` alone.
        index: number of the explained output.
        doubt: uncertainty over training seeds, see `stability.seed_doubt`.
        label: name of the explained output; the model's name of it by default.
    """
    coalitions = explanation.coalitions
    classes = dataset.target.classes
    truth = dataset.y[row] if dataset.has_truth(row) else None
    boundary = dataset.target.boundary
    verdict = qfusion.explain.verdict(explanation, 0, index, doubt, boundary)
    interaction = {}
    for a, b in combinations(range(len(explanation.modalities)), 2):
        pair = f"{explanation.modalities[a]}+{explanation.modalities[b]}"
        interaction[pair] = explanation.interaction[0, a, b, index]
    spread = None
    if doubt is not None:
        spread = dict(zip(coalitions, doubt.spread[0], strict=True))
    if classes:
        quantity = "log-odds"
        truth = None if truth is None else classes[truth]
    else:
        quantity = "score"
    errors = None
    if explanation.errors is not None:
        errors = dict(zip(coalitions, explanation.errors[0, :, index], strict=True))
    verdict_values = qfusion.explain.findings.verdict_record(verdict)
    verdict_values["says"] = _describe_verdict(verdict)
    values = explanation.values[0, :, index]
    dividends = explanation.dividends[0, :, index]
    shapley = explanation.shapley[0, :, index]
    return {
        "sample": dataset.ids[row],
        "output": label or explanation.outputs[index],
        "quantity": quantity,
        "truth": truth,
        "prediction": explanation.prediction[0, index],
        "baseline": explanation.baseline[index],
        "coalitions": dict(zip(coalitions, values, strict=True)),
        "dividends": dict(zip(coalitions, dividends, strict=True)),
        "shapley": dict(zip(explanation.modalities, shapley, strict=True)),
        "interaction": interaction,
        "background": explanation.background,
        "background_size": explanation.background_size,
        "spread": spread,
        "standard_error": errors,
        "verdict": verdict_values,
    }


def _describe_verdict(verdict: qfusion.explain.verdicts.Verdict) -> list[str]:
    words = qfusion.views.words
    return [
        words.verdicts.describe_decision(verdict),
        f"Did the modalities conflict? {words.decisions.describe_conflict(verdict)}",
    ]


def print_decision(result: dict[str, Any], as_json: bool) -> None:
    """Print the record of `explain`, with a table for each part that it holds."""
    parts: list[str | RenderableType] = []
    if "verdict" in result:
        parts.append(_terms_table(result))
        parts += result["verdict"]["says"]
    if "physics" in result:
        parts.append(dynamics_table(result))
    print_result(result, as_json, *parts)


def _terms_table(result: Mapping[str, Any]) -> RenderableType:
    """Return the table of the baseline and of every term; small joint terms are summed where there are many."""
    dividends, errors = result["dividends"], result["standard_error"] or {}
    has_errors = any(errors.values())
    within = result["verdict"]["within_spread"]
    shapley = result["shapley"]
    shown, others = qfusion.analysis.shown_terms.select_shown_terms([dividends])
    rows = []
    for name in ("", *shown):
        contribution = f"{dividends[name]:+.3f}"
        if has_errors:
            contribution += f" ± {errors[name]:.3f}"
        own_shapley = f"{shapley[name]:+.3f}" if name in shapley else ""
        is_within = (name or "baseline") in (within or ())
        rows.append(
            [
                name or "(none)",
                number(result["coalitions"][name]),
                contribution,
                own_shapley,
                "yes" if is_within else "",
            ]
        )
    if others:
        total = sum(dividends[name] for name in others)
        rows.append([f"({len(others):,} other joint terms)", "", f"{total:+.3f}", "", ""])
    truth = result["truth"]
    if not isinstance(truth, str):
        truth = "not known" if truth is None else number(truth)
    background = result["background"]
    if background in ("joint", "product"):
        size = result["background_size"]
        background = f"{background} of {size:,} training samples" if size else "its own baseline"
    columns = ["Modalities", "Value", "Contribution", "Shapley value", "Within seeds' spread"]
    shown_columns = len(columns) - (within is None)
    prediction = f"{_quantity_title(result)} {number(result['prediction'])}, truth {truth}"
    return table(
        columns[:shown_columns],
        [row[:shown_columns] for row in rows],
        f"{result['sample']}: {prediction}, {result['disturbance']}, against {background}",
    )


def _quantity_title(result: Mapping[str, Any]) -> str:
    if result["quantity"] == "log-odds":
        return f"log-odds of {result['output']}"
    return str(result["output"])
