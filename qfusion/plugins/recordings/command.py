"""`data media` and `data extract`: join recordings to a data set, or make a set from a folder of recordings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion.commands.data import Licence, Repair, Title, print_report
from qfusion.commands.printing import Json, print_remark, print_result, progress_bar, table
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
    from qfusion.plugins.recordings import clip_join, clips

    dataset = qfusion.data.load(name)
    if folder is None:
        joined = clips.coverage(dataset.name)
    else:
        with progress_bar("Recordings") as show:
            joined = clip_join.join_recordings(dataset, folder, by, show)
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


def extract(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the recordings.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the set is to be called.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of id, label and, where there are such, file, text, start, end, split; labels.csv in the "
            "folder by default.",
        ),
    ] = None,
    voice: Annotated[
        str,
        typer.Option(metavar="EXTRACTOR", help="What voices become: spectrum, opensmile or none."),
    ] = "spectrum",
    face: Annotated[
        str,
        typer.Option(
            metavar="EXTRACTOR",
            help="What pictures become: hog, mediapipe:model=FILE, torchvision:folder=FOLDER,model=NAME, "
            "transformers:folder=FOLDER or none.",
        ),
    ] = "hog",
    words: Annotated[
        str,
        typer.Option(
            metavar="EXTRACTOR",
            help="What words become: ngrams, transformers:folder=FOLDER or none.",
        ),
    ] = "ngrams",
    target: Annotated[
        str,
        typer.Option(metavar="KIND", help="auto, regression, classification or labels."),
    ] = "auto",
    convention: Annotated[
        str,
        typer.Option(
            metavar="CONVENTION", help="How scores are measured: auto, mosi, sims or plain."
        ),
    ] = "auto",
    repair: Repair = None,
    title: Title = "",
    licence: Licence = "",
    longest: Annotated[float, typer.Option(help="Seconds that a sample may last.")] = 60.0,
    processes: Annotated[int, typer.Option(help="Number of processes that read recordings.")] = 1,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the imported set of that name give way.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--no-resume",
            help="Go on with what an earlier run has finished that was stopped, or begin anew.",
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Make a set from a folder of recordings and a table of labels: features of voice, picture and words. A stopped
    extraction continues when the same command is given again.
    """
    from qfusion.plugins.recordings.extract import extract as extract_features

    with progress_bar("Extracting") as show:
        result = extract_features(
            folder,
            name,
            labels=labels,
            methods={"text": words, "audio": voice, "vision": face},
            target=target,
            convention=convention,
            repair=repair or [],
            replace=replace,
            title=title,
            licence=licence,
            processes=processes,
            longest=longest,
            resume=resume,
            progress=show,
        )
    more = {
        "name": name,
        "repairs": result.staged.done,
        "kept": result.place is not None,
        "folder": result.place and str(result.place),
        "left_out": [one._asdict() for one in result.failures],
        "resumed": result.resumed,
    }
    print_report(result.report, result.staged.title, more, as_json)
    for remark in result.remarks:
        print_remark(remark)
    for one in result.failures:
        print_remark(f"left out: {one.id}{f' ({one.file})' if one.file else ''}: {one.why}")
    result.report.require_no_errors()
    print_remark(f"Kept as {name} in {result.place}; use it as --data {name}.")
