"""`models`, `evaluate`, `model`, `export`: what models there are, how good one is, taking one in, giving one away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import qfusion
from qfusion._checks import check, choose
from qfusion._files import write_file
from qfusion.commands.common import (
    Data,
    Json,
    Missing,
    Model,
    Noise,
    Seed,
    Split,
    Swap,
    disturbance,
    example,
    load,
    metrics_table,
    number,
    print_result,
    say,
    table,
)

# `models`, `train`, `evaluate`: what models there are, making one, measuring one.

HEADLINES = ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the rest is on the card


def models(as_json: Json = False) -> None:
    """List the trained models, shipped and your own, with their test metrics over seeds."""
    checkpoint = qfusion.training.checkpoint
    names = [name for name in checkpoint.available() if checkpoint.AFTER not in name]
    cards = [checkpoint.card(name) for name in names]
    print_result(
        cards,
        as_json,
        table(
            ["Name", "Title", "Data", "Seeds", "Test metrics"],
            [
                [c["name"], c["title"], c["data"]["name"], len(c["seeds"]), _spread(c)]
                for c in cards
            ],
        ),
    )


def _spread(card: dict) -> str:
    metrics, labels = card["metrics"].get("test", {}), qfusion.training.metrics.describe
    return "\n".join(
        f"{labels[key].short} {number(metrics[key]['mean'])} ± {number(metrics[key]['std'])}"
        for key in HEADLINES
        if key in metrics
    )


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
    as_json: Json = False,
) -> None:
    """Measure a trained model on one split of a data set, as recorded or with modalities absent, swapped or noisy."""
    from qfusion.explain import backgrounds, interventions

    with qfusion.training.options.joined("cpu") as (group, _):
        trained, dataset = load(model, data)
        wanted = disturbance(dataset.names, missing, swap, noise, seed)
        rows = dataset.rows(split)
        trained_on = qfusion.training.checkpoint.training_split(trained.card)
        evaluated, how = trained.model, None
        if way != "auto" or qfusion.models.can(evaluated, "time"):
            evaluated = qfusion.models.require(
                evaluated, "time", "whose way could be chosen", "Option `--way`: the model"
            ).by(way)
            how = evaluated.choice(min(len(rows), interventions.BATCH))
        behind = (
            backgrounds.background_of(trained.model, dataset, dataset.rows(trained_on), group=group)
            if wanted.missing
            else None
        )
        parts = group.collected(
            {
                place: interventions.scores(
                    evaluated, dataset, part, wanted, trained_on, behind, rows
                )
                for place, part in backgrounds.chunks(rows, group)
            }
        )
        measured = qfusion.training.metrics.of_rows(
            dataset, rows, np.concatenate([parts[place] for place in sorted(parts)])
        )
        if not group.leads:
            return
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "split": split,
            "n": len(rows),
            "disturbance": wanted.words,
            "convention": dataset.target.convention,
            "metrics": measured,
            **({} if how is None else {"way": how.way}),
        },
        as_json,
        metrics_table(
            ["Metric", "Value"],
            [measured],
            f"{model} on {dataset.name}, {split}, {len(rows)} samples, {wanted.words}",
        ),
    )
    if how is not None and not as_json:
        say(how.why + (_scatter(evaluated, dataset, rows) if how.way == "trajectories" else ""))


def _scatter(model: Any, dataset: Any, rows: np.ndarray) -> str:
    """What sampling leaves, from a few rows."""
    estimate = model.estimate(dataset.inputs(rows[:16], dtype=next(model.parameters()).dtype))
    return (
        f" {estimate.trajectories} trajectories of each sample leave a standard error of about "
        f"{float(estimate.errors.mean()):.2g} in a score."
    )


# `model`: importing a model that was trained elsewhere.

app = typer.Typer(
    no_args_is_help=True, help="Import a model that was trained elsewhere, or remove it."
)


@app.command(
    "import",
    epilog=example(
        "model import mult.pt2 --data planted --name my-mult",
        "model import mult.pt2 --data planted --name my-mult --card mult.toml",
        "model import my_package.models:make --weights weights.safetensors --data mosi --name mine",
    ),
)
def import_(
    program: Annotated[
        str,
        typer.Argument(
            metavar="PROGRAM",
            help="An .onnx file, a .pt2 file of "
            "torch.export, whose loading runs what it "
            "holds, or PACKAGE.MODULE:FACTORY, whose "
            "code is run.",
        ),
    ],
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="Data set whose modalities go in.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the model is to be called.")
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            "--card",
            metavar="FILE",
            help="The card, corrected; without it one is guessed and written.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="State dictionary of a factory's model, as safetensors.",
        ),
    ] = None,
    adapter: Annotated[
        str,
        typer.Option(
            "--adapter",
            metavar="NAME",
            help="How a factory's model is called: "
            "dict, mmsa or multibench; by its "
            "arguments unless given.",
        ),
    ] = "",
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What a person calls the model.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Keep it in a folder of its own instead of among your models.",
        ),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Check the program and its card, and keep nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the imported model of that name give way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a program: its inputs are matched to a data set's modalities by a card, checked on ten rows, and kept
    among the models."""
    from qfusion.training import imports

    check(
        check_only or name is not None,
        "Argument `--name` must say what the model is to be called. Add --name "
        "NAME, or --check-only.",
    )
    if name is not None and not check_only:
        imports.check_name(name, out, replace)
    dataset = qfusion.data.load(data)
    corrected = None if card is None else imports.read_card(card)
    written = _card_path(program)
    try:
        taken = imports.take(program, dataset, corrected, weights, adapter)
    except imports.Unfit as error:
        imports.write_card(error.card, written)
        say(f"A first card is written to {written}; correct it and add --card {written}.")
        raise
    if corrected is None:
        imports.write_card(taken.model.card, written)
    for warning in taken.warnings:
        say(f"qfusion: warning: {warning}")
    stored = None
    if not check_only:
        place = imports.keep(taken, dataset, str(name), out, title, replace)
        measured = dict(qfusion.training.checkpoint.card(place)["this_seed"].get("test", {}))
        stored = {"name": name, "path": str(place), "metrics": measured}
    print_result(imports.summary(taken, stored), as_json, *_words(taken, stored, dataset.title))
    if corrected is None:
        say(
            f"The card was guessed and is written to {written}; where it is wrong, correct it, and add --card "
            f"{written} --replace."
        )
    if stored is not None:
        called = name if out is None else place
        say(f"Kept as {called}; use it as --model {called}.")


def _card_path(program: str) -> Path:
    path = Path(program)
    if path.exists():
        return path.parent / f"{path.stem}.toml"
    return Path(f"{program.rpartition(':')[2] if ':' in program else path.stem}.toml")


def _words(taken: Any, stored: dict[str, Any] | None, title: str) -> list[Any]:
    output = taken.model.card.output
    words = [
        table(
            ["Input", "Modality", "Gives", "Axes", "Type"],
            [
                [
                    entry.name,
                    " and ".join(entry.modality),
                    entry.gives,
                    " x ".join(map(str, entry.axes)),
                    entry.dtype,
                ]
                for entry in taken.model.card.inputs
            ],
            f"{taken.source} on {title}",
        ),
        f"Output {output.name} holds {output.holds}{f' of {len(output.classes)} classes' if output.classes else ''}. "
        "Scores of ten rows are finite, repeat, and do not depend on one another.",
    ]
    if stored and stored["metrics"]:
        words.append(metrics_table(["Metric", "Test"], [stored["metrics"]]))
    return words


@app.command(epilog=example("model remove my-mult"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported model.")],
    as_json: Json = False,
) -> None:
    """Remove an imported model; the file that it was imported from stays."""
    from qfusion.training import imports

    place = imports.remove(name)
    print_result({"model": name, "removed": str(place)}, as_json, f"{name} is removed from {place}")


# `export`: a trained model, tweaked or not, for use elsewhere.


def export(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="What to write; of a checkpoint the card, or a .zip with card and weights.",
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="checkpoint, torch, qutip, openqasm3, openqasm2, quantikz or numpy.",
        ),
    ],
    data: Data = None,
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            metavar="ID",
            help="Id of the sample, for qutip, openqasm, quantikz and numpy.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What to change in the model: H.text-audio=0.5, D.text=2 or T=1.2 of a quantum-jump model; "
            "2.011=1.57, 3:and or all:or of an entangled-qcnn. May be given several times.",
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of a torch program: double or single.")
    ] = "double",
    as_json: Json = False,
) -> None:
    """Write a model, as trained or tweaked, as a checkpoint, a program of torch, QuTiP objects, OpenQASM or NumPy
    arrays."""
    formats = qfusion.model_export
    wanted = formats.FORMATS[choose("Format", kind, formats.FORMATS)]
    choose("Precision", precision, formats.PRECISIONS)
    endings = (".json", ".zip") if kind == "checkpoint" else (wanted.ending,)
    check(
        out.suffix.lower() in endings,
        f"Argument `--out` must end in {' or '.join(endings)} for format {kind}, but is {out.name!r}.",
    )
    check(
        wanted.of_sample or sample is None,
        f"Format '{kind}' is of the model, not of one sample. Leave `--sample` out.",
    )
    trained, dataset = load(model, data)
    tweak = ",".join(set_ or [])
    if kind == "checkpoint" and out.suffix.lower() == ".json":
        formats.save(out, trained, tweak, dataset)
    else:
        write_file(
            out,
            formats.make(
                kind,
                trained,
                dataset,
                tweak=tweak,
                sample=sample or "",
                model_name=out.stem if kind == "checkpoint" else "",
                precision=precision,
            ),
        )
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "format": kind,
            "sample": sample,
            "tweak": tweak,
            "out": str(out),
        },
        as_json,
    )
    say(f"{wanted.title} of {model}{f', tweaked by {tweak}' if tweak else ''} written to {out}")
