"""`explain`: split a decision into the contributions of modalities and of their combinations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion._checks import check
from qfusion.commands.common import (
    DEFAULT_BACKGROUND,
    Address,
    Contrast,
    Data,
    Kind,
    Missing,
    Model,
    Noise,
    OpenedModel,
    Seed,
    Swap,
    check_background,
    describe_disturbance,
    open_model,
    parse_disturbance,
)
from qfusion.commands.decisions import decision_record, dynamics_record, print_decision
from qfusion.commands.printing import Json, table_path, write_chunks

if TYPE_CHECKING:
    import pandas as pd


def explain(
    model: Model,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")
    ] = None,
    data: Data = None,
    background: Kind = DEFAULT_BACKGROUND,
    contrast: Contrast = None,
    split: Annotated[
        str | None, typer.Option(help="Explain a whole split; needs --out or --physics.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            help="The class whose log-odds are explained, against all others; A:B explains class A "
            "rather than B. Default: the predicted class."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a table (.csv or .parquet), a row a sample.")
    ] = None,
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    physics: Annotated[
        bool,
        typer.Option(
            "--physics",
            help="Say which coupling and dissipation built which contribution: of the sample, "
            "or on average over the split.",
        ),
    ] = False,
    cluster: Address = "",
    as_json: Json = False,
) -> None:
    """Split a decision exactly into the contributions of each modality and of each combination of modalities, against
    a background."""
    check(
        (sample is None) != (split is None),
        "Give either `--sample ID`, for one sample, or `--split SPLIT` with `--out FILE`, for all of its samples.",
    )
    check(
        split is None or out is not None or physics,
        "Argument `--split` needs a file to write to. Add --out FILE.csv.",
    )
    check(
        out is not None or not cluster,
        "Argument `--cluster` shares the rows of a split. Add --split SPLIT --out FILE.csv, or leave it out.",
    )
    check_background(background, contrast)
    if out is not None:
        table_path(out)
    with (
        qfusion.training.batches.join_group("cpu") as (group, _),
        qfusion.runs.cluster.connect(cluster) as client,
    ):
        opened = open_model(model, data, "auto", background, contrast, group)
        disturbance = parse_disturbance(opened.dataset.names, missing, swap, noise, seed)
        explained_output = qfusion.study.sample.parse(output or "", opened.classes)
        explained_model = explained_output.explained_model(opened.explained_model)
        if sample is not None:
            rows = np.array([opened.dataset.row(sample)])
            record = _sample_record(explained_output, disturbance, opened, rows)
        else:
            rows = opened.dataset.rows(split)
            record = {"model": model, "data": opened.dataset.name, "split": split}
            record |= _split_record(explained_output, disturbance, opened, rows, out)
        if physics and group.leads:
            features = disturbed_inputs(opened, rows, disturbance)
            record |= dynamics_record(
                explained_model,
                features,
                opened.background,
                explained_output.number,
                disturbance.missing,
            )
        if out is not None:
            seconds = _write_contributions(explained_output, disturbance, opened, rows, out, client)
            if "seconds" in record:
                record["seconds"] = seconds
        if group.leads:
            print_decision(record, as_json)


def _sample_record(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    row: np.ndarray,
) -> dict[str, Any]:
    """Return the record of the decision on one sample."""
    explanation, _ = explain_rows(output, disturbance, opened, row)
    index = int(output.numbers(explanation)[0])
    doubt = seed_doubt(output, disturbance, opened, row, np.array([index]))
    label = "" if output.reference is None else str(output)
    record = decision_record(explanation, opened.dataset, row[0], index, doubt, label)
    verdict = record["verdict"]
    if doubt is None and _has_one_training(opened):
        verdict["says"].append(qfusion.views.words.verdicts.ONE_TRAINING)
    relations = relation_by_background(output, disturbance, opened, row, verdict["relation"])
    if relations:
        verdict["relation_by_background"] = relations
        verdict["says"].append(qfusion.views.words.decisions.describe_agreement(relations))
    record["disturbance"] = describe_disturbance(disturbance)
    return record


def _has_one_training(opened: OpenedModel) -> bool:
    """Return whether the model was trained, and no other training seeds were measured."""
    stability = qfusion.explain.stability
    state = stability.seeds_state(load_seeds(opened), opened.trained.card)
    return state == stability.SeedsState.ONE_TRAINING


def _split_record(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
    out: Path | None,
) -> dict[str, Any]:
    """Return the size, background and output of a split whose contributions are written to a table."""
    if opened.classes:
        output_name = str(output) or "the class decided for"
    else:
        output_name = output.explained_model(opened.explained_model).outputs[0]
    record = {
        "n": len(rows),
        "background": opened.background.name,
        "background_size": opened.background.size,
        "output": output_name,
    }
    if out is not None:
        record["seconds"] = 0.0
    record["disturbance"] = describe_disturbance(disturbance)
    if out is not None:
        record["out"] = str(out)
    return record


def _write_contributions(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
    out: Path,
    client: Any,
) -> float:
    """Write a table with a row for each sample, and return the seconds that the explanations took."""
    seconds = 0.0

    def tables() -> Iterator[tuple[int, pd.DataFrame]]:
        nonlocal seconds
        explain_chunk = partial(contribution_rows, output, disturbance)
        for number, (frame, chunk_seconds) in opened.map_chunks(explain_chunk, rows, client):
            seconds += chunk_seconds
            yield number, frame

    write_chunks(tables(), out, opened.group)
    return seconds


def contribution_rows(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
) -> tuple[pd.DataFrame, float]:
    """Return a table with a row for each sample, and the seconds that the explanation took.

    The columns are the contributions, the relation of the modalities and the leading modality.
    """
    explanation, seconds = explain_rows(output, disturbance, opened, rows)
    numbers = output.numbers(explanation)
    doubt = seed_doubt(output, disturbance, opened, rows, numbers)
    verdict = qfusion.explain.judge(explanation, numbers, doubt, opened.dataset.target.boundary)
    frame = explanation.frame(opened.dataset.ids[rows].tolist(), output=numbers).reset_index()
    if opened.classes and output.reference is not None:
        frame.insert(1, "output", str(output))
    elif opened.classes:
        frame.insert(1, "output", np.array(explanation.outputs, dtype=object)[numbers])
    within = [
        "; ".join(term or "baseline" for term in compress(explanation.coalitions, row))
        for row in verdict.within_spread
    ]
    return frame.assign(**verdict.columns(), within_spread=within), seconds


def explain_rows(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
) -> tuple[qfusion.explain.Explanation, float]:
    """Return the explanation of some rows, and the seconds that it took.

    The time covers the encoding of the samples, the evolution of the observables, the coalition values and the
    indices. It does not cover the loading of the model and the encoding of the background.
    """
    features = disturbed_inputs(opened, rows, disturbance)
    background = opened.background
    started = time.perf_counter()
    explanation = qfusion.explain.explain(
        output.explained_model(opened.explained_model), features, background
    )
    _ = explanation.interaction  # computed on first access
    seconds = time.perf_counter() - started
    if disturbance.missing:
        explanation = qfusion.explain.counterfactual.remove_modalities(
            explanation, disturbance.missing
        )
    return explanation, seconds


def seed_doubt(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    rows: np.ndarray,
    numbers: np.ndarray,
) -> qfusion.explain.verdicts.Doubt | None:
    """Return the uncertainty of some rows over training seeds.

    It was measured on undisturbed samples against the default background, and for no pair of classes. For other
    explanations the result is None.
    """
    undisturbed = qfusion.explain.disturbances.Disturbance(seed=disturbance.seed)
    if disturbance != undisturbed or output.reference is not None:
        return None
    if opened.background.kind != qfusion.explain.backgrounds.DEFAULT:
        return None
    return qfusion.explain.stability.seed_doubt(load_seeds(opened), opened.dataset, rows, numbers)


def load_seeds(opened: OpenedModel) -> qfusion.explain.stability.Stability | None:
    """Return the explanations by several training seeds, or None if they were not measured."""
    trained = opened.trained
    return qfusion.explain.stability.load_measured(
        str(opened.arguments[0]), trained.card, opened.dataset, trained.path
    )


def disturbed_inputs(
    opened: OpenedModel,
    rows: np.ndarray,
    disturbance: qfusion.explain.disturbances.Disturbance,
) -> dict[str, Any]:
    """Return the inputs of rows of one split, with noise and with modalities of other samples of that split."""
    return qfusion.explain.disturbances.inputs(
        opened.dataset,
        rows,
        disturbance,
        opened.training_split,
        opened.split_rows(rows),
        model=opened.trained.model,
    )


def relation_by_background(
    output: qfusion.study.sample.Output,
    disturbance: qfusion.explain.disturbances.Disturbance,
    opened: OpenedModel,
    row: np.ndarray,
    relation: str,
) -> dict[str, str]:
    """Return the relation of one sample's modalities against each background over which verdicts are compared.

    The result is empty where modalities are missing, and for a background outside the comparison.

    Args:
        row: number of the sample, shape (1,).
        relation: the relation against the background of `opened`.
    """
    kinds = qfusion.study.trust.offered_kinds(opened.explained_model)
    current = opened.background.kind
    if disturbance.missing or current not in kinds or "mixed" not in kinds:
        return {}
    boundary = opened.dataset.target.boundary
    relations = {}
    for kind in kinds:
        if kind == current:
            relations[kind] = relation
            continue
        other = replace(opened, arguments=(*opened.arguments[:3], kind, None))
        explanation, _ = explain_rows(output, disturbance, other, row)
        index = int(output.numbers(explanation)[0])
        relations[kind] = qfusion.explain.verdict(
            explanation, 0, index, boundary=boundary
        ).relation.value
    return relations
