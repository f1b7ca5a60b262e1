"""`models` and `evaluate`: list the trained models, and measure one on one split of a data set."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion.commands.common import (
    Address,
    Data,
    Missing,
    Model,
    Noise,
    OpenedModel,
    Seed,
    Split,
    Swap,
    describe_disturbance,
    open_model,
    parse_disturbance,
)
from qfusion.commands.printing import Json, metrics_table, number, print_remark, print_result, table
from qfusion.errors import collect_errors

# by the name of the reason, see `models.jump.time_model.PropagationReason`
REASONS = {
    "REQUESTED": "{method}, as requested.",
    "TOO_LARGE": "Sampled trajectories: D = {dimension:,} is too large for D x D matrices.",
    "CHEAPER_SAMPLED": (
        "Sampled trajectories: at D = {dimension:,} an exact evolution takes about {operations:.1g} operations and "
        "{memory:.1g} GiB, {sampled} trajectories of each of {rows:,} samples about {sampled_operations:.1g} "
        "operations."
    ),
    "FEWER_STATES": (
        "Exact: {rows} states of D = {dimension:,}, fewer than the observables, {form}."
    ),
    "OBSERVABLES": (
        "Exact: {observables} of D = {dimension:,}, evolved once for any number of samples{saving}, {form}."
    ),
}
ONE_OBSERVABLE, OBSERVABLES = "1 observable", "{outputs} observables"
SAVING = " ({rows:,} states would take {ratio:,.0f} times as long)"
LEAST_SAVING = 1.5  # that is stated
ONE_MATRIX = "as one real matrix"
MATRIX_PRODUCTS = "by matrix products"
TERM_PRODUCTS = "by products with each term"


def evaluate(
    model: Model,
    data: Data = None,
    split: Split = "test",
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    method: Annotated[
        str,
        typer.Option(
            "--method",
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
        qfusion.training.batches.join_group("cpu") as (group, _),
        qfusion.runs.cluster.connect(cluster) as client,
    ):
        here = open_model(model, data, method, group=group)
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
    disturbance = describe_disturbance(wanted)
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
        record["method"] = how.method
    seed_words = qfusion.views.words.systems.seed_suffix(trained)
    title = f"{model} on {dataset.name}, {split}, {len(rows)} samples, {disturbance}{seed_words}"
    print_result(record, as_json, metrics_table(["Metric", "Value"], [measured], title))
    if not dataset.target.known and not as_json:
        print_remark(
            "No truth is known of these samples: these metrics are against the model's own values."
        )
    if how is not None and not as_json:
        print_remark(
            describe_propagation(how)
            + (_sampling_note(trained.model, dataset, rows) if how.method == "trajectories" else "")
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


LISTED_METRICS = ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the card holds all


def models(as_json: Json = False) -> None:
    """List the trained models, shipped and your own, with their test metrics over seeds."""
    known, problems = read_cards()
    for words in problems:
        print_remark(f"qfusion: warning: {words}")
    print_result(
        known,
        as_json,
        table(
            ["Name", "Title", "Data", "Seeds", "Test metrics, mean ± deviation over seeds"],
            [
                [
                    card["name"],
                    card["title"],
                    card["data"]["name"],
                    len(card["seeds"]),
                    format_metrics(card),
                ]
                for card in known
            ],
        ),
    )


def read_cards() -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cards of the trained models, and an error message for each card that cannot be read.

    Checkpoints of single epochs are left out.
    """
    folders = qfusion.training.checkpoint_cards
    cards: list[dict[str, Any]] = []
    problems: list[str] = []
    for name in folders.available():
        if folders.AFTER in name:
            continue
        with collect_errors(problems, f"Model '{name}' is left out"):
            cards.append(qfusion.training.checkpoint_cards.load_card(name))
    return cards, problems


def format_metrics(card: dict) -> str:
    """Return the test metrics with their standard deviation over seeds, one a line."""
    metrics = card["metrics"].get("test", {})
    lines = []
    for key in LISTED_METRICS:
        if key not in metrics:
            continue
        line = (
            f"{qfusion.training.checkpoint_cards.LABELS[key].short} {number(metrics[key]['mean'])}"
        )
        if len(card["seeds"]) > 1:
            line += f" ± {number(metrics[key]['std'])}"
        lines.append(line)
    return "\n".join(lines)


def describe_propagation(propagation: qfusion.models.jump.time_model.Propagation) -> str:
    """Return the method that computes scores and its reason, as a sentence."""
    if propagation.is_small:
        form = ONE_MATRIX
    elif propagation.terms == 1:
        form = MATRIX_PRODUCTS
    else:
        form = TERM_PRODUCTS
    saving = ""
    if propagation.ratio >= LEAST_SAVING:
        saving = SAVING.format(rows=propagation.rows, ratio=propagation.ratio)
    observables = OBSERVABLES.format(outputs=propagation.outputs)
    return REASONS[propagation.reason.name].format(
        method=propagation.method.capitalize(),
        dimension=propagation.dimension,
        operations=propagation.operations,
        memory=propagation.memory / 2**30,
        sampled=qfusion.models.jump.time_model.SAMPLED,
        sampled_operations=propagation.sampled_operations,
        rows=propagation.rows,
        observables=ONE_OBSERVABLE if propagation.outputs == 1 else observables,
        saving=saving,
        form=form,
    )
