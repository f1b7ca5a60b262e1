"""`model import` and `model remove`: add a model that was trained elsewhere, or remove it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.commands.printing import (
    Json,
    example_text,
    metrics_table,
    print_remark,
    print_result,
    table,
)

imports: Any = Library("qfusion.plugins.programs.imports")
named_card: Any = Library("qfusion.plugins.programs.named_card")
words: Any = Library("qfusion.plugins.programs.words")

app = typer.Typer(
    no_args_is_help=True, help="Import a model that was trained elsewhere, or remove it."
)


@app.command(
    "import",
    epilog=example_text(
        "model import mult.pt2 --data planted --name my-mult",
        "model import net.onnx --data planted --name net --input x1=text --input x2=audio:mean --input x3=vision",
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
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=MODALITY[:GIVES]",
            help="What an input takes that is not called like a modality: its values, or :mean, :mask, :padding or "
            ":lengths. Repeatable.",
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="NAME",
            help="Which output holds the scores, where there are several.",
        ),
    ] = "",
    holds: Annotated[
        str,
        typer.Option(
            "--holds",
            metavar="KIND",
            help="What it holds for classes: scores, log-probabilities or probabilities; by default what ten rows of "
            "it look like.",
        ),
    ] = "",
    card: Annotated[
        Path | None,
        typer.Option(
            "--card",
            metavar="FILE",
            help="A card in place of these, for inputs with other axes, see docs/plugins/programs.md.",
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
            "arguments by default.",
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
    """Import a program. Its inputs take the modalities of their names, or of --input. It is checked on ten rows and
    saved among the models.
    """
    check(
        check_only or name is not None,
        "Argument `--name` must say what the model is to be called. Add --name "
        "NAME, or --check-only.",
    )
    if name is not None and not check_only:
        imports.check_name(name, out, replace)
    dataset = qfusion.data.load(data)
    taken = imports.load_program(
        program,
        dataset,
        None if card is None else imports.read_card(card),
        inputs=named_card.read_names(inputs or []),
        output=output,
        holds=holds,
        weights=weights,
        adapter=adapter,
    )
    for warning in taken.warnings:
        print_remark(f"qfusion: warning: {words.describe_remark(warning)}")
    stored = None
    if not check_only:
        place = imports.save_program(taken, dataset, str(name), out, title, replace)
        stored = {
            "name": name,
            "path": str(place),
            "metrics": qfusion.training.checkpoint_cards.load_card(place)["this_seed"].get(
                "test", {}
            ),
        }
    print_result(
        words.describe_summary(imports.summary(taken, stored)),
        as_json,
        *_import_lines(taken, stored, dataset.title),
    )
    if stored is not None:
        called = name if out is None else place
        print_remark(f"Kept as {called}; use it as --model {called}.")


def _import_lines(taken: Any, stored: dict[str, Any] | None, title: str) -> list[Any]:
    rows = []
    for entry in taken.model.card.inputs:
        modality = " and ".join(entry.modality)
        axes = " x ".join(map(str, entry.axes))
        rows.append([entry.name, modality, entry.gives, axes, entry.dtype])
    lines = [
        table(
            ["Input", "Modality", "Gives", "Axes", "Type"],
            rows,
            f"{taken.source} on {title}",
        ),
        *map(words.describe_remark, taken.remarks),
        "Scores of ten rows are finite, repeat, and do not depend on one another.",
    ]
    if stored and stored["metrics"]:
        lines.append(metrics_table(["Metric", "Test"], [stored["metrics"]]))
    return lines


@app.command(epilog=example_text("model remove my-mult"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported model.")],
    as_json: Json = False,
) -> None:
    """Remove an imported model; the file that it was imported from stays."""
    place = imports.remove(name)
    print_result({"model": name, "removed": str(place)}, as_json, f"{name} is removed from {place}")
