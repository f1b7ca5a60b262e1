"""`explain --physics`: the part of each contribution that each term of the dynamics adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import RenderableType

import qfusion
from qfusion.commands.printing import table

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
        rows.append([name or "(none)", start, end, "\n".join(lines)])
    count = result["physics_samples"]
    samples = "" if count == 1 else f", mean over {count:,} samples"
    error = max(result["physics_error"], 1e-15)
    return table(
        ["Contribution", "At t = 0", "At T", "Built by, largest first"],
        rows,
        f"What the dynamics built{samples}, error below {error:.0e}",
    )
