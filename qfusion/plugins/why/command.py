"""`why`: test whether fusion matters, for a data set and for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.commands.common import Data, Model
from qfusion.commands.printing import Json, number, print_result, table
from qfusion.plugins.why.component_commands import (
    Shown,
    compare_gate_groups,
    patch_states,
    prune_generator,
    train_twins,
)

fusion_words: Any = Library("qfusion.plugins.why.fusion.words")
information_estimate: Any = Library("qfusion.plugins.why.information.information_estimate")


def why(
    model: Model = "",
    data: Data = None,
    patching: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--patch",
            metavar="SAMPLE SAMPLE",
            help="Put each modality's state of the second sample into the first one's evolution, at every time.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups", metavar="SAMPLE", help="Shapley values of the network's gate groups."
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, help="With --groups: shots of every coalition, for their error.")
    ] = 1000,
    prune: Annotated[
        bool,
        typer.Option("--smallest", help="Take the terms of the generator out, one after another."),
    ] = False,
    retrain: Annotated[
        int,
        typer.Option(min=0, help="With --smallest: train every set on for at most so many epochs."),
    ] = 0,
    keep: Annotated[
        str, typer.Option(metavar="NAME", help="With --smallest: put it among your models.")
    ] = "",
    seeds: Annotated[
        int,
        typer.Option(
            "--twins",
            min=0,
            max=100,
            help="Train the model and its twins, each without one quantum resource, with so many seeds.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Test whether fusion matters, for the data alone (--data) or for a model (--model), and which component of the
    model it depends on: a modality's state, a group of gates, a term of the generator, or a quantum resource."""
    check(
        prune or not (retrain or keep),
        "Arguments `--retrain` and `--keep` are about the smallest generator. Add --smallest.",
    )
    pieces = bool(patching or groups or prune or seeds)
    check(
        bool(model) or (data is not None and not pieces),
        "No question is given. Give --data NAME, or --model MODEL and, for one component of it, --patch SAMPLE SAMPLE, "
        "--groups SAMPLE, --smallest or --twins SEEDS.",
    )
    if not model:
        print_needs(str(data), as_json)
        return
    if not pieces:
        print_model_fusion(model, data, as_json)
        return
    study = qfusion.study.opening.open_study(model, data)
    parts: dict[str, Shown] = {}
    if patching:
        parts["patch"] = patch_states(study, *patching)
    if groups:
        parts["groups"] = compare_gate_groups(study, groups, shots)
    if prune:
        parts["smallest"] = prune_generator(study, retrain, model, keep)
    if seeds:
        parts["twins"] = train_twins(study, seeds)
    records = {name: record for name, (record, _) in parts.items()}
    lines = [line for _, part_lines in parts.values() for line in part_lines]
    print_result(records, as_json, *lines)


def print_needs(name: str, as_json: bool) -> None:
    """Print whether a data set needs fusion."""
    from qfusion.plugins.why.information.command import needs_record

    result = needs_record(information_estimate.estimate_information(qfusion.data.load(name)))
    print_result(
        result,
        as_json,
        *(f"{sentence}." for sentence in result["says"]),
        _information_table(name, result),
        _baselines_table(result["worth"]),
        *result["notes"],
    )


def _information_table(name: str, result: Mapping[str, Any]) -> RenderableType:
    """Return the table of the information about the target, a row for each estimator."""
    entries = dict(result["estimators"])
    for modality, entry in result["against_rest"].items():
        entries[f"{modality} against the rest"] = entry
    rows = []
    for estimator, entry in entries.items():
        rows.append(
            [
                estimator,
                _format_interval(entry["redundancy"]),
                _format_interval(entry["synergy"]),
                _format_interval(entry["total"]),
                _format_intervals(entry["unique"]),
                _format_intervals(entry["alone"]),
            ]
        )
    return table(
        [
            "Estimator",
            "Redundancy",
            "Synergy",
            "Total (lower bound)",
            "Unique",
            "Alone (lower bounds)",
        ],
        rows,
        f"Bits of the target of {name}, {result['entropy']:.2f} in all, from {result['n']:,} rows; in brackets the "
        "range over resampled rows",
    )


def _baselines_table(result: Mapping[str, Any]) -> RenderableType:
    """Return the table of the scores of small models on held-out rows, and of their differences."""
    rows = [
        [kind, model, _format_interval(result[kind])] for kind, model in result["models"].items()
    ]
    for difference in ("late - single", "joint - late"):
        rows.append([difference, "", _format_interval(result[difference])])
    return table(["Models", "Best", result["metric"]], rows, "Small models on held-out rows")


def _format_intervals(parts: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{name} {_format_interval(part)}" for name, part in parts.items())


def _format_interval(part: Mapping[str, Any]) -> str:
    return f"{part['value']:+.2f} [{part['low']:+.2f}, {part['high']:+.2f}]"


def print_model_fusion(model: str, data: str | None, as_json: bool) -> None:
    """Print whether a model fuses: EMAP, the loss reduction of coalitions, their ranking, and clusters of seeds."""
    result = fusion_words.fusion_record(qfusion.study.opening.open_study(model, data))
    sentences = [f"{part['says']}." for part in result.values()]
    tables = []
    for name, part in result.items():
        for rows in part.values():
            if isinstance(rows, list) and rows:
                tables.append(_records_table(rows, name.replace("_", " ")))
    print_result(result, as_json, *sentences, *tables)


def _records_table(records: Sequence[Mapping[str, Any]], title: str) -> RenderableType:
    """Return a table of records that have the same keys."""
    rows = []
    for record in records:
        rows.append(
            [number(value) if isinstance(value, float) else value for value in record.values()]
        )
    return table(list(records[0]), rows, title)
