"""`models`, `train`, `evaluate`: what models there are, making one, measuring one."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from qfusion.commands._disturb import Missing, Noise, Seed, Swap, disturbance
from qfusion.commands._load import Data, Model, Split, load
from qfusion.commands._output import Json, number, print_json, print_table, say

Way = Annotated[
    str,
    typer.Option(
        "--way",
        metavar="WAY",
        help="How an evolution is worked out: observables (once for all samples), states "
        "(of each sample), trajectories (sampled), or auto: the cheapest.",
    ),
]
HEADLINES = ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the rest is on the card


def models(as_json: Json = False) -> None:
    """List the trained models, shipped and your own, with their test metrics over seeds."""
    from qfusion.training import checkpoint

    cards = [checkpoint.card(name) for name in checkpoint.available()]
    if as_json:
        print_json(cards)
        return
    print_table(
        ["Name", "Title", "Data", "Seeds", "Test metrics"],
        [[c["name"], c["title"], c["data"]["name"], len(c["seeds"]), _spread(c)] for c in cards],
    )


def _spread(card: dict) -> str:
    from qfusion.training.metrics import describe

    metrics = card["metrics"].get("test", {})
    return "\n".join(
        f"{describe[key].short} {number(metrics[key]['mean'])} ± {number(metrics[key]['std'])}"
        for key in HEADLINES
        if key in metrics
    )


def _scatter(model: Any, dataset: Any, rows: np.ndarray) -> str:
    """What sampling leaves, from a few rows."""
    few = dataset.inputs(rows[:16], dtype=next(model.parameters()).dtype)
    found = model.estimate(few)
    return (
        f" {found.trajectories} trajectories of each sample leave a standard error of about "
        f"{float(found.errors.mean()):.2g} in a score."
    )


def evaluate(
    model: Model,
    data: Data = None,
    split: Split = "test",
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    way: Way = "auto",
    as_json: Json = False,
) -> None:
    """Measure a trained model on one split of a data set, as recorded or with modalities absent, swapped or noisy."""
    from qfusion.explain import backgrounds, interventions
    from qfusion.models.abilities import can, require
    from qfusion.training import checkpoint, metrics
    from qfusion.training.group import joined

    with joined("cpu") as (group, _):
        found, dataset = load(model, data)
        asked = disturbance(dataset.names, missing, swap, noise, seed)
        model_asked, how = found.model, None
        if way != "auto" or can(found.model, "time"):
            model_asked = require(
                found.model, "time", "whose way could be chosen", "Option `--way`: the model"
            ).by(way)
            how = model_asked.choice(min(len(dataset.rows(split)), interventions.BATCH))
        rows, trained_on = dataset.rows(split), checkpoint.training_split(found.card)
        behind = (
            backgrounds.background_of(found.model, dataset, dataset.rows(trained_on), group=group)
            if asked.missing
            else None
        )
        parts = group.collected(
            {
                place: interventions.scores(
                    model_asked, dataset, part, asked, trained_on, behind, rows
                )
                for place, part in backgrounds.chunks(rows, group)
            }
        )
        measured = metrics.of_rows(
            dataset, rows, np.concatenate([parts[place] for place in sorted(parts)])
        )
        if not group.leads:
            return
    n = len(rows)
    if as_json:
        print_json(
            {
                "model": model,
                "data": dataset.name,
                "split": split,
                "n": n,
                "disturbance": asked.words,
                "convention": dataset.target.convention,
                "metrics": measured,
                **({} if how is None else {"way": how.way}),
            }
        )
        return
    print_table(
        ["Metric", "Value"],
        [[about.short, number(measured[key])] for key, about in metrics.labels(measured).items()],
        title=f"{model} on {dataset.name}, {split}, {n} samples, {asked.words}",
    )
    if how is not None:
        say(how.why + (_scatter(model_asked, dataset, rows) if how.way == "trajectories" else ""))
