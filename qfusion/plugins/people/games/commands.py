"""`data import-game` and `data export-game`: explain a game that was measured, and write the game of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check, choose
from qfusion.commands.common import Data, Model
from qfusion.commands.data import Licence, Title
from qfusion.commands.printing import (
    Json,
    print_remark,
    print_result,
    table,
    table_path,
    write_table,
)


def import_game(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="A .csv or .parquet table with columns sample, coalition and value; or .json files of shapiq's "
            "InteractionValues, one a sample, or their folder.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the game is to be called.")
    ],
    players: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Names of the players in their order, with commas; those in the table by default.",
        ),
    ] = "",
    quantity: Annotated[
        str,
        typer.Option(
            metavar="QUANTITY",
            help="What values are: score, log-odds (of each class against the others) or logits (of classes). "
            "Default: the table's column `quantity`, or score.",
        ),
    ] = "",
    output: Annotated[
        str,
        typer.Option(metavar="NAME", help="The one output to import, of a table with several."),
    ] = "",
    order: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Fit contributions of at most so many players by least squares, where coalitions are missing.",
        ),
    ] = None,
    average: Annotated[
        bool,
        typer.Option(
            "--average", help="Average rows that repeat a coalition, with standard errors."
        ),
    ] = False,
    title: Title = "",
    licence: Licence = "",
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Read the game and keep nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the game of that name give way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import the values of coalitions that were measured elsewhere. They are explained as a model is, without a
    model: the game is listed among models and data sets.
    """
    from qfusion.plugins.people.games import game_reader, game_store

    if not check_only:
        game_store.check_game_name(name, replace)
    game = game_reader.read_game(
        paths[0] if len(paths) == 1 else paths,
        players=[player.strip() for player in players.split(",") if player.strip()],
        quantity=quantity,
        output=output,
        order=order,
        average=average,
    )
    record: dict[str, Any] = {
        "name": name,
        "source": game.source,
        "players": list(game.players),
        "outputs": list(game.outputs),
        "quantity": "log-odds" if game.target.classes else "score",
        "samples": len(game.ids),
        "coalitions": game.values.shape[1],
        "errors": game.errors is not None,
        "columns": list(game.columns.columns),
        "remarks": list(game.remarks),
        "kept": False,
    }
    if not check_only:
        place = game_store.store_game(game, name, title=title, licence=licence, replace=replace)
        record |= {"kept": True, "folder": str(place)}
    print_result(
        record,
        as_json,
        table(
            ["Samples", "Players", "Outputs", "Coalitions"],
            [
                [
                    f"{record['samples']:,}",
                    ", ".join(game.players),
                    ", ".join(game.outputs[:12]),
                    f"{record['coalitions']:,}",
                ]
            ],
            f"Game from {game.source}",
        ),
        *game.remarks,
    )
    if not check_only:
        print_remark(f"Kept as {name}; use it as --model {name}.")


def export_game(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Table to write, .csv or .parquet.")],
    model: Model,
    data: Data = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT", help="Its samples; by default those that pages explain together."
        ),
    ] = None,
    rows: Annotated[
        str,
        typer.Option(
            metavar="ROWS",
            help="all: use every row of the background, also where pages use some of them.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Write the values of all coalitions of a model's decisions, as `data import-game` reads them."""
    from qfusion.plugins.people.games import game_export

    table_path(out)
    study = qfusion.study.open_study(model, data)
    if rows:
        choose("Rows", rows, (qfusion.study.opening.ALL_ROWS,))
        study = study.with_all_rows()
    numbers = study.explained_rows if split is None else study.dataset.rows(split)
    check(len(numbers) > 0, f"Split '{split}' has no samples. Choose another.")
    write_table(game_export.game_frames(study, numbers), out)
    print_result(
        {
            "model": study.name,
            "data": study.dataset.name,
            "samples": len(numbers),
            "coalitions": len(study.coalitions),
            "quantity": study.quantity,
            "out": str(out),
        },
        as_json,
        f"{len(numbers):,} samples of {study.name} on {study.dataset.title}, {len(study.coalitions):,} coalitions "
        "each.",
    )
