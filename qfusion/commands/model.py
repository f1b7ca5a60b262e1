"""`model`: importing a model that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qfusion._checks import check
from qfusion.commands._output import Json, example, number, print_json, print_table, say

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
    from qfusion import data as sources
    from qfusion.training.imports import taking

    check(
        check_only or name is not None,
        "Argument `--name` must say what the model is to be called. Add --name "
        "NAME, or --check-only.",
    )
    if name is not None and not check_only:
        taking.check_name(name, out, replace)
    dataset = sources.load(data)
    said = None if card is None else taking.read_card(card)
    written = _card_path(program)
    try:
        taken = taking.take(program, dataset, said, weights, adapter)
    except taking.Unfit as error:
        taking.write_card(error.card, written)
        say(f"A first card is written to {written}; correct it and add --card {written}.")
        raise
    if said is None:
        taking.write_card(taken.model.card, written)
    for warning in taken.warnings:
        say(f"qfusion: warning: {warning}")
    place = None if check_only else taking.keep(taken, dataset, str(name), out, title, replace)
    measured = _measured(place)
    kept = None if place is None else {"name": name, "path": str(place), "metrics": measured}
    if as_json:
        print_json(taking.told(taken, kept))
        return
    _print(taken, measured, dataset.title)
    if said is None:
        say(
            f"The card was guessed and is written to {written}; where it is wrong, correct it, and add --card "
            f"{written} --replace."
        )
    if place is not None:
        say(
            f"Kept as {name if out is None else place}; use it as --model {name if out is None else place}."
        )


def _card_path(program: str) -> Path:
    stem = (
        program.rpartition(":")[2]
        if ":" in program and not Path(program).exists()
        else Path(program).stem
    )
    return (Path(program).parent if Path(program).exists() else Path()) / f"{stem}.toml"


def _measured(place: Path | None) -> dict[str, float]:
    from qfusion.training import checkpoint

    return {} if place is None else dict(checkpoint.card(place)["this_seed"].get("test", {}))


def _print(taken: Any, measured: dict[str, float], title: str) -> None:
    from qfusion.training import metrics

    rows = [
        [
            each.name,
            " and ".join(each.modality),
            each.gives,
            " x ".join(map(str, each.axes)),
            each.dtype,
        ]
        for each in taken.model.card.inputs
    ]
    print_table(
        ["Input", "Modality", "Gives", "Axes", "Type"], rows, title=f"{taken.source} on {title}"
    )
    output = taken.model.card.output
    print(
        f"Output {output.name} holds {output.holds}{f' of {len(output.classes)} classes' if output.classes else ''}. "
        "Scores of ten rows are finite, repeat, and do not depend on one another."
    )
    if measured:
        print_table(
            ["Metric", "Test"],
            [
                [about.short, number(measured[key])]
                for key, about in metrics.labels(measured).items()
            ],
        )


@app.command(epilog=example("model remove my-mult"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported model.")],
    as_json: Json = False,
) -> None:
    """Remove an imported model; the file that it was imported from stays."""
    from qfusion.training.imports import taking

    place = taking.remove(name)
    if as_json:
        print_json({"model": name, "removed": str(place)})
    else:
        print(f"{name} is removed from {place}")
