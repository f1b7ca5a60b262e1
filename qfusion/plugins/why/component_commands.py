"""`why` for one component of a model.

A component is a modality's state, a group of gates, a term of the generator or a quantum resource. Each function
returns a record for JSON, and the lines and tables that print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import RenderableType

import qfusion
from qfusion._lazy import Library
from qfusion.commands.common import load
from qfusion.commands.printing import number, table

audit: Any = Library("qfusion.plugins.why.audit.audit")
audit_rows: Any = Library("qfusion.plugins.why.audit.audit_rows")
audit_words: Any = Library("qfusion.plugins.why.audit.words")
generator_retraining: Any = Library("qfusion.plugins.why.pieces.generator_retraining")
patching: Any = Library("qfusion.plugins.why.pieces.patching")
piece_words: Any = Library("qfusion.plugins.why.pieces.words")
twin_training: Any = Library("qfusion.plugins.why.audit.twin_training")

Shown = tuple[dict[str, Any], list[str | RenderableType]]


def patch_states(study: qfusion.study.study.Study, sample: str, donor: str) -> Shown:
    """Replace each modality's state at each time by that of another sample, and return the outputs."""
    result = patching.patch_sample(study, study.dataset.row(sample), donor)
    record = {
        "sample": sample,
        "donor": donor,
        "scores": dict(zip(result.outputs, result.before[0], strict=True)),
        "donor_scores": dict(zip(result.outputs, result.donor[0], strict=True)),
        "patches": result.frame().to_dict("records"),
    }
    restored = result.restored[0, :, :, 0].T
    rows = []
    for t, shares in zip(result.times, restored, strict=True):
        rows.append([number(t, 2), *map(number, shares)])
    sentence = piece_words.describe_patches(result, donor=donor)
    title = f"Share of the difference restored by the state at t from {donor}"
    return record, [sentence, table(["t", *result.modalities], rows, title)]


def compare_gate_groups(study: qfusion.study.study.Study, sample: str, shots: int) -> Shown:
    """Return the Shapley values of the network's gate groups for one sample and for the loss."""
    row = study.dataset.row(sample)
    output = int(study.predicted[row])
    result = patching.ablate_gate_groups(study, row, output, shots)
    frame = result.frame()
    record = {
        "sample": sample,
        "output": result.output,
        "shots": shots,
        "rows": result.rows,
        "empty": result.empty,
        "whole": result.whole,
        "groups": frame.to_dict("records"),
    }
    lines: list[str | RenderableType] = []
    for target in result.shapley:
        sentence = piece_words.describe_gate_groups(result, target, quantity=study.quantity)
        lines.append(f"{target.capitalize()}: {sentence}")
    rows = [[name, *map(number, values)] for name, *values in frame.itertuples(index=False)]
    lines.append(table(list(frame.columns), rows))
    return record, lines


def prune_generator(study: qfusion.study.study.Study, retrain: int, name: str, keep: str) -> Shown:
    """Remove terms of the generator one after another, and return the metric after each.

    Args:
        retrain: epochs for which every set of terms is trained on; 0 for none.
        name: of the model.
        keep: name under which the smallest model is stored among the reader's own; "" stores none.
    """
    result = patching.prune_terms(study)
    tweak = str(result.tweak(result.size))
    record: dict[str, Any] = {
        "metric": result.metric,
        "size": result.size,
        "of": len(result.terms),
        "left": list(result.left(result.size)),
        "tweak": tweak,
        "curve": result.frame().to_dict("records"),
    }
    lines: list[str | RenderableType] = [piece_words.describe_pruning(result)]
    source, _ = load(name, study.dataset.name)
    if retrain:
        values, trained = generator_retraining.retrain_sets(
            study.model, study.dataset, result, retrain
        )
        source = qfusion.training.checkpoint.make_checkpoint(
            trained, study.dataset, name=keep or name
        )
        tweak = ""  # the retrained model has it already
        record["retrained"] = values
        by_size = ", ".join(f"{size}: {value:.3f}" for size, value in enumerate(values))
        lines.append(f"{result.metric} by terms left, trained on for {retrain} epochs: {by_size}")
    if keep:
        record["model"] = str(
            qfusion.model_export.add_to_own_models(source, tweak, study.dataset, keep)
        )
        lines.append(f"Written: {record['model']}")
    lines.append(_pruning_table(record["curve"], result.metric))
    return record, lines


def _pruning_table(curve: list[dict[str, Any]], metric: str) -> RenderableType:
    rows = []
    for step in curve:
        interval = f"[{number(step.get('share_low'))}, {number(step.get('share_high'))}]"
        rows.append(
            [
                step["terms"],
                step["next"],
                number(step[metric]),
                f"{step['share']:.3f} {interval}",
                step["next_by_gates"],
                number(step["by_gates"]),
                number(step["random_mean"]),
            ]
        )
    return table(
        ["terms", "next", metric, "share", "by gates", "then", "at random"],
        rows,
    )


def train_twins(study: qfusion.study.study.Study, seeds: int) -> Shown:
    """Train the model and its twins with several seeds, and return the worth of each quantum resource."""
    records = twin_training.train_twins(study, seeds)
    entry = audit.own_entry(study, records)
    lines: list[str | RenderableType] = [_worth_table(entry)]
    for row in entry["rows"]:
        note = audit_words.explain_verdict(row)
        if note:
            lines.append(f"{row['resource']}: {note}")
    failures = [failure for row in entry["rows"] for failure in row["failed"]]
    for failure in dict.fromkeys(failures):
        lines.append(f"Not trained: {failure}")
    return entry, lines


def _worth_table(entry: Mapping[str, Any]) -> RenderableType:
    rows = []
    for row in entry["rows"]:
        is_measured = "worth" in row and not row["learned"]
        rows.append(
            [
                row["resource"],
                row["seeds"],
                f"{row['worth']:+.3f}" if is_measured else "-",
                _format_ends(row, "seeds"),
                _format_ends(row, "rows"),
                number(row.get("margin")),
                row["verdict"],
                number(row.get("cut_loses")),
            ]
        )
    return table(
        [
            "Resource",
            "Seeds",
            "Worth",
            "These rows",
            "New rows",
            "Margin",
            "Verdict",
            "Lost when cut",
        ],
        rows,
        f"{entry['short']}: better with each resource by, trained alike; 95% intervals for new seeds on these rows, "
        "and for new rows, too",
    )


def _format_ends(row: Mapping[str, Any], scope: str) -> str:
    low, high = audit_rows.ends(row, scope)
    return f"[{low:+.3f}, {high:+.3f}]" if np.isfinite(low) else "-"
