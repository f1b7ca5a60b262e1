"""`data import-ratings`: explain people whose ratings of single and joint modalities were collected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qfusion.commands.data import Licence, Title
from qfusion.commands.printing import Json, print_remark, print_result, table


def _names(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def import_ratings(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .csv or .parquet table with a row for each clip and condition that holds numbers of votes, or with "
            "a row for each rating.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the crowd is to be called.")
    ],
    clip: Annotated[str, typer.Option(metavar="COLUMN", help="Name of the clip.")] = "clip",
    condition: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="The modalities that were shown, joined by +: voice, face, voice+face.",
        ),
    ] = "condition",
    rating: Annotated[
        str, typer.Option(metavar="COLUMN", help="The class that a rater chose.")
    ] = "rating",
    classes: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Columns of votes, one for each class, with commas."),
    ] = "",
    intended: Annotated[
        str, typer.Option(metavar="COLUMN", help="The class that was meant, such as the acted one.")
    ] = "intended",
    explained: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help="Whose share of votes is the value: the column of --intended, majority, or a class. Default: the "
            "intended class where there is one, else the majority's.",
        ),
    ] = "",
    group: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="What dependent clips share, such as the actor."),
    ] = "group",
    players: Annotated[
        str, typer.Option(metavar="NAMES", help="The modalities in their order, with commas.")
    ] = "",
    fewest: Annotated[
        int,
        typer.Option(min=2, help="Leave out clips with fewer raters in any condition."),
    ] = 3,
    title: Title = "",
    licence: Licence = "",
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Read the ratings and keep nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the crowd of that name give way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import votes of people who were shown single modalities and several together. The crowd is explained as a model
    is: it is listed among models and data sets.
    """
    from qfusion.plugins.people import ratings
    from qfusion.plugins.people.games import game_store

    if not check_only:
        game_store.check_game_name(name, replace)
    crowd = ratings.read_ratings(
        path,
        clip=clip,
        condition=condition,
        rating=rating,
        classes=_names(classes),
        intended=intended,
        explained=explained,
        group=group,
        players=_names(players),
        fewest=fewest,
    )
    votes = crowd.votes
    record = {
        "name": name,
        "source": crowd.source,
        "modalities": list(votes.players),
        "classes": list(votes.classes),
        "explained": crowd.target,
        "clips": len(crowd.ids),
        "raters": float(votes.raters.mean()),
        "columns": list(crowd.columns.columns),
        "remarks": list(crowd.remarks),
        "kept": False,
    }
    if not check_only:
        place = game_store.store_game(
            crowd.game(), name, title=title, licence=licence, replace=replace
        )
        record |= {"kept": True, "folder": str(place)}
    print_result(
        record,
        as_json,
        table(
            ["Clips", "Modalities", "Classes", "Raters of a clip in a condition"],
            [
                [
                    f"{len(crowd.ids):,}",
                    ", ".join(votes.players),
                    ", ".join(votes.classes[:12]),
                    f"{votes.raters.mean():.1f} on average, {votes.raters.min()} at least",
                ]
            ],
            f"Ratings from {crowd.source}",
        ),
        *crowd.remarks,
    )
    if not check_only:
        print_remark(f"Kept as {name}; use it as --model {name}.")
