"""`data media`: join recordings to the samples of a data set."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion.commands.printing import Json, print_result, progress_bar, table
from qfusion.errors import NotFound


def media(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported set, or mosi.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="That holds the recordings, named by the samples' ids; without it, what is joined "
            "is printed.",
        ),
    ] = None,
    by: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="FILE",
            help="CSV of id, path and, for parts of files, start and end in seconds.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Join videos, sounds or pictures to the samples of a set: nothing is copied, and only these files are opened."""
    dataset = qfusion.data.load(name)
    if folder is None:
        joined = qfusion.data.clips.coverage(dataset.name)
    else:
        with progress_bar("Recordings") as show:
            joined = qfusion.data.clip_join.join_recordings(dataset, folder, by, show)
    if joined is None:
        raise NotFound(f"No recordings are joined to '{name}'. Name the folder that holds them.")
    rows = [[split, count, own] for split, (own, count) in joined.splits.items()]
    print_result(
        {"data": name, **asdict(joined)},
        as_json,
        table(
            ["Split", "Samples", "With a recording"],
            rows,
            f"{name}: recordings of {joined.folder}",
        ),
        *joined.lines(),
    )
