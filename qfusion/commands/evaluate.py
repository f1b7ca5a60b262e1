"""`evaluate`: measure a trained model on one split of a data set."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion.commands.common import Address, Data, Model, Split
from qfusion.commands.explanation_options import Missing, Noise, Seed, Swap, parse_disturbance
from qfusion.commands.opened_model import OpenedModel, open_model
from qfusion.commands.printing import Json, metrics_table, print_remark, print_result


def evaluate(
    model: Model,
    data: Data = None,
    split: Split = "test",
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    way: Annotated[
        str,
        typer.Option(
            "--way",
            metavar="WAY",
            help="How an evolution is worked out: observables (once for all samples), states "
            "(of each sample), trajectories (sampled), or auto: the cheapest.",
        ),
    ] = "auto",
    cluster: Address = "",
    as_json: Json = False,
) -> None:
    """Measure a trained model on one split of a data set, as recorded or with modalities absent, swapped or noisy."""
    with (
        qfusion.training.processes.join_group("cpu") as (group, _),
        qfusion.runs.cluster.connect(cluster) as client,
    ):
        here = open_model(model, data, way, group=group)
        trained, dataset = here.trained, here.dataset
        wanted = parse_disturbance(dataset.names, missing, swap, noise, seed)
        rows, how = dataset.rows(split), None
        if trained.model.part(qfusion.models.Evolution):
            how = trained.model.propagation(min(len(rows), qfusion.explain.disturbances.BATCH))
        parts = group.collected(dict(here.map_chunks(partial(_score_rows, wanted), rows, client)))
        measured = qfusion.training.metrics.row_metrics(
            dataset, rows, np.concatenate([parts[place] for place in sorted(parts)])
        )
        if not group.leads:
            return
    disturbance = qfusion.views.words.reliability.describe_disturbance(wanted)
    record = {
        "model": model,
        "data": dataset.name,
        "split": split,
        "n": len(rows),
        "disturbance": disturbance,
        "convention": dataset.target.convention,
        "metrics": measured,
    }
    if how is not None:
        record["way"] = how.way
    title = f"{model} on {dataset.name}, {split}, {len(rows)} samples, {disturbance}"
    print_result(record, as_json, metrics_table(["Metric", "Value"], [measured], title))
    if not dataset.target.known and not as_json:
        print_remark(
            "No truth is known of these samples: these metrics are against the model's own values."
        )
    if how is not None and not as_json:
        print_remark(
            qfusion.views.words.systems.describe_propagation(how)
            + (_sampling_note(trained.model, dataset, rows) if how.way == "trajectories" else "")
        )


def _score_rows(wanted: Any, of: OpenedModel, part: np.ndarray) -> np.ndarray:
    """The scores of some rows of a split, here or on a worker."""
    return qfusion.explain.disturbances.scores(
        of.trained.model,
        of.dataset,
        part,
        wanted,
        of.training_split,
        of.background if wanted.missing else None,
        of.split_rows(part),
    )


def _sampling_note(model: Any, dataset: Any, rows: np.ndarray) -> str:
    """Return a sentence on the standard error that sampling leaves in a score, estimated from a few rows."""
    estimate = model.estimate(dataset.inputs(rows[:16], dtype=next(model.parameters()).dtype))
    return (
        f" {estimate.trajectories} trajectories of each sample leave a standard error of about "
        f"{float(estimate.errors.mean()):.2g} in a score."
    )
