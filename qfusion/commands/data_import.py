"""`data import`: import a data set of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qfusion._checks import check, read_pairs
from qfusion.commands.data_report import Licence, Repair, Title, print_report
from qfusion.commands.printing import Json, print_remark, progress_bar


def import_(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="An MMSA pickle, a .mat or .npz file, tables or computational sequences, or their folder.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the set is to be called.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="auto, mmsa, multiview, tables or csd."),
    ] = "auto",
    modality: Annotated[
        list[str] | None,
        typer.Option(
            "--modality",
            metavar="NAME=FILE",
            help="Table, or computational sequence (.csd, .h5), of a modality; of one table its columns, such as "
            "'text=text_*' or 'voice=pitch, energy'. May be given several times.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE", help="Table of labels, instead of the one called `labels`."
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view",
            metavar="NAME=VARIABLE",
            help="Variable of a modality in a .mat or .npz file, such as 'image=X{1}' or "
            "'text=S.words'. May be given several times.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="COLUMN",
            help="Column of the label, of one table; or its variable, of a .mat or .npz file.",
        ),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            metavar="COLUMN",
            help="Column, or variable, of the ids; several columns together name a sample. '' numbers the rows.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="COLUMN", help="Column, or variable, of the split; '' for none."
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="KIND",
            help="auto, regression, classification, or labels "
            "(several a sample, words with ; between them).",
        ),
    ] = "auto",
    convention: Annotated[
        str,
        typer.Option(
            "--convention",
            metavar="CONVENTION",
            help="How scores are measured: auto, mosi (MOSI, MOSEI), sims (CH-SIMS), or plain.",
        ),
    ] = "auto",
    repair: Repair = None,
    title: Title = "",
    licence: Licence = "",
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=STEPS",
            help="Steps a second of a modality's sequences, such as "
            "audio=100; may be given several times.",
        ),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Print the report and keep nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the imported set of that name give way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a set of your own. Nothing is saved before the report is free of errors, and nothing is repaired
    without --repair.
    """
    from qfusion.data import importing
    from qfusion.data.column_roles import ColumnChoice
    from qfusion.data.examine import repairs
    from qfusion.data.store import folders, manifest, writing

    check(
        bool(paths or modality),
        "What is imported must be named: give a FILE, or --modality NAME=FILE and --labels FILE.",
    )
    check(
        check_only or name is not None,
        "Argument `--name` must say what the set is to be called. Add --name NAME, or --check-only.",
    )
    rates = importing.parse_rates(rate or [])
    modalities = read_pairs(
        modality or [], "Argument `--modality`", "name=file", "--modality text=text.csv"
    )
    modalities |= read_pairs(
        view or [], "Argument `--view`", "name=variable", "--view image='X{1}'"
    )
    names_columns = bool(paths) and not labels and not any(map(_is_file, modalities.values()))
    choice = ColumnChoice(
        label,
        None if ids is None else tuple(filter(None, ids)),
        split,
        tuple(modalities.items()) if modalities and names_columns else None,
    )
    if name is not None:
        writing.check_set_name(name, check_only or replace)
    repairs.check_repair_names(repair or [])
    with (
        progress_bar("Importing") as show,
        folders.staging_folder() as folder,
        folders.staging_folder() as second,
    ):
        examined = importing.examine_files(
            paths or [],
            folder,
            show,
            kind=kind,
            modalities=None if names_columns else {k: Path(v) for k, v in modalities.items()},
            labels=labels,
            target=target,
            convention=convention,
            columns=None if choice == ColumnChoice() else choice,
        )
        repaired = repairs.make_repairs(examined, repair or [], second, show)
        more = {"name": name, "repairs": repaired.staged.done, "kept": False}
        if not check_only and not repaired.report.errors:
            place = importing.store_examined(
                repaired,
                str(name),
                title=title,
                licence=licence,
                replace=replace,
                rates=rates,
            )
            more |= {
                "kept": True,
                "folder": str(place),
                "digest": manifest.imported_manifest(str(name)).digest,
            }
    is_guessed = None in (choice.label, choice.ids, choice.split, choice.modalities)
    if is_guessed and any(finding.code == "columns" for finding in repaired.report.findings):
        print_remark(
            "Roles of columns that are not given are guessed from their names. Choose others with --label, --id, "
            "--split and --modality."
        )
    print_report(repaired.report, repaired.staged.title, more, as_json)
    repaired.report.require_no_errors()
    if not check_only:
        print_remark(f"Kept as {name} in {more['folder']}; use it as --data {name}.")


def _is_file(value: str) -> bool:
    """Whether the value of --modality is a file, and not the columns of a table."""
    from qfusion.data.readers import formats

    return Path(value).suffix.lower() in formats.SUFFIXES or Path(value).is_file()
