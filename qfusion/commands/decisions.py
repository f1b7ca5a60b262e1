"""The decision on one sample as a record and as a table.

With `--physics`, also the part of each contribution that each term of the dynamics adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from rich.console import RenderableType

import qfusion
from qfusion.commands.printing import number, print_result, table
from qfusion.data.coalition_terms import split_term


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
    shown, others = qfusion.study.sample.select_shown_terms([dividends])
    rows = []
    for name in ("", *shown):
        contribution = f"{dividends[name]:+.3f}"
        if has_errors:
            contribution += f" ± {errors[name]:.3f}"
        own_shapley = f"{shapley[name]:+.3f}" if name in shapley else ""
        is_within = (name or "baseline") in (within or ())
        rows.append(
            [
                name_term(name),
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


def name_term(term: str) -> str:
    """Return a coalition as a reader says it: `"text + audio"`; the empty one is the baseline."""
    return " + ".join(split_term(term)) or "baseline"


def _quantity_title(result: Mapping[str, Any]) -> str:
    if result["quantity"] == "log-odds":
        return f"log-odds of {result['output']}"
    return str(result["output"])


MAX_TERMS = 3  # terms of the dynamics that are printed for each contribution; the JSON holds all


def dynamics_record(
    model: qfusion.models.FusionModel,
    features: Mapping[str, Any],
    background: qfusion.explain.Background,
    output: int | None,
    missing: Sequence[str],
) -> dict[str, Any]:
    """Return the attribution of each dividend to the terms of the dynamics.

    The record holds the dividends before and after the evolution and the error of the integration. For several
    samples it also holds the mean size of every part, because parts of opposite sign cancel in their mean.

    Args:
        output: number of the explained output; None for the class that each sample is decided for.
        missing: absent modalities; the dividends of coalitions with these are 0.
    """
    attribution = qfusion.explain.path_attribution
    if output is None:
        result = attribution.aumann_shapley_over_classes(model, features, background, times=[0.0])
    else:
        result = attribution.aumann_shapley(model, features, background, output, times=[0.0])
    absent = set(missing)
    present = [float(absent.isdisjoint(name.split("+"))) for name in result.dividends]
    keys = [term.key for term in result.terms]

    def by_term(parts: np.ndarray) -> dict[str, dict[str, float]]:
        table_of_parts = {}
        for name, weight, row in zip(result.dividends, present, parts, strict=True):
            table_of_parts[name] = dict(zip(keys, weight * row, strict=True))
        return table_of_parts

    record = {
        "physics": by_term(result.parts),
        "physics_start": dict(zip(result.dividends, present * result.start, strict=True)),
        "physics_end": dict(zip(result.dividends, present * result.end, strict=True)),
        "physics_terms": {term.key: term.title for term in result.terms},
        "physics_error": result.error,
        "physics_nodes": result.nodes,
        "physics_samples": result.count,
    }
    if result.count > 1:
        record["physics_sizes"] = by_term(_mean_sizes(model, features, background, output))
    return record


def _mean_sizes(
    model: qfusion.models.FusionModel,
    features: Mapping[str, Any],
    background: qfusion.explain.Background,
    output: int | None,
) -> np.ndarray:
    """Return the mean absolute part of every dividend and term, over samples."""
    attribution = qfusion.explain.path_attribution
    if output is None:
        return attribution.sizes_over_classes(model, features, background)[1]
    samples = attribution.aumann_shapley_per_sample(model, features, background, output)
    return samples.sizes()[1]


def dynamics_table(result: Mapping[str, Any]) -> RenderableType:
    """Return every dividend at t = 0 and at T, and the terms of the dynamics with the largest parts."""
    titles = result["physics_terms"]
    rows = []
    for name, parts in result["physics"].items():
        order = sorted(parts, key=lambda key: -abs(parts[key]))
        lines = [f"{parts[key]:+.3f} {titles[key]}" for key in order[:MAX_TERMS]]
        others = [parts[key] for key in order[MAX_TERMS:]]
        if others:
            lines.append(f"{sum(others):+.3f} {len(others)} others")
        start = f"{result['physics_start'][name]:+.3f}"
        end = f"{result['physics_end'][name]:+.3f}"
        rows.append([name_term(name), start, end, "\n".join(lines)])
    count = result["physics_samples"]
    samples = "" if count == 1 else f", mean over {count:,} samples"
    error = max(result["physics_error"], 1e-15)
    return table(
        ["Contribution", "At t = 0", "At T", "Built by, largest first"],
        rows,
        f"What the dynamics built{samples}, error below {error:.0e}",
    )
