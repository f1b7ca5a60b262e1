"""`data`: list, fetch, check, import and remove data sets."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check, read_pairs
from qfusion.commands.printing import (
    Json,
    example_text,
    print_remark,
    print_result,
    progress_bar,
    table,
)
from qfusion.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="List, fetch, check and import data sets.")


@app.command("list", epilog=example_text("data list", "data list --json"))
def list_(as_json: Json = False) -> None:
    """List the data sets, the files that are missing, and how to get them."""
    sources = qfusion.data.available()
    print_result(
        [vars(source) for source in sources],
        as_json,
        table(
            ["Name", "Title", "Here"],
            [[s.name, s.title, "yes" if s.available else "no"] for s in sources],
        ),
    )
    for source in sources:
        if not (as_json or source.available):
            print_remark(f"{source.name}: {source.reason} {source.remedy}")


@app.command(epilog=example_text("data get mosi"))
def get(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name of a data set, as `data list` prints it.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Download a data set's files from their public source, each checked against its recorded SHA-256. The votes of a
    crowd become a model of that name, too.
    """
    with progress_bar("Files") as show:
        folder = qfusion.data.registry.download(name, progress=show)
    card = qfusion.training.checkpoint.store_source_game(name)
    record = {"data": name, "folder": str(folder)}
    lines = [f"{name} is in {folder}"]
    if card is not None:
        record["model"] = name
        lines += [qfusion.data.load(name).licence, f"Use it as --model {name}."]
    print_result(record, as_json, *lines)


@app.command(
    "check",
    epilog=example_text("data check mosi", "data check FILE.pkl", "data check my-set --json"),
)
def check_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name of a data set, as `data list` prints it, or path of what `data "
            "import` takes.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Load a data set with every check and print a summary. For a file, print the report that an import would give."""
    from qfusion.data import importing
    from qfusion.data.store import manifest, reading

    dataset = _load_named(name)
    if dataset is None:
        with manifest.staging_folder() as folder, progress_bar("Checking") as show:
            examined = importing.examine_files([Path(name)], folder, show)
        print_report(examined.report, examined.staged.title, {}, as_json)
        examined.report.require_no_errors()
        return
    split_sizes = {split: len(dataset.rows(split)) for split in ("train", "valid", "test")}
    modalities = [{"name": name, **spec} for name, spec in dataset.input_specs.items()]
    result = {
        "data": dataset.name,
        "title": dataset.title,
        "target": dataset.target.name,
        "convention": dataset.target.convention,
        "samples": split_sizes,
        "modalities": modalities,
        "digest": dataset.digest,
    }
    if name in manifest.imported_names():
        reading.verify_imported(name)
        record = manifest.imported_manifest(name)
        result |= {"report": record.report, "repairs": record.repairs}
    rows = []
    for modality in result["modalities"]:
        sequence = "yes" if modality["sequence"] else "no"
        rows.append([modality["name"], modality["size"], sequence])
    sizes = ", ".join(f"{count} {split}" for split, count in result["samples"].items())
    findings = []
    if "report" in result:
        findings = [format_finding(finding) for finding in result["report"]["findings"]]
    print_result(
        result,
        as_json,
        table(["Modality", "Features", "Sequence"], rows, f"{dataset.title}: {sizes}"),
        *findings,
        f"Every value is finite, ids are unique, no split is empty. SHA-256 {dataset.digest}",
    )


def _load_named(name: str) -> Any:
    """The data set of that name or file; None for a file that can only be imported."""
    if name in qfusion.data.names() or not Path(name).exists():
        return qfusion.data.load(name)
    if Path(name).is_file():
        with suppress(InvalidInput):
            return qfusion.data.load(name)
    return None


@app.command(epilog=example_text("data remove my-set"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported set.")],
    as_json: Json = False,
) -> None:
    """Remove an imported set; the files that it was imported from stay. The model of a measured game goes with it."""
    from qfusion.data.store import manifest

    place = manifest.imported_root() / name
    if qfusion.training.checkpoint.is_game(name):
        qfusion.training.checkpoint.remove_game(name)
    else:
        place = manifest.remove_imported(name)
    print_result(
        {"data": name, "removed": str(place)}, as_json, f"{name} is removed from {place.parent}"
    )


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
    from qfusion.data.store import manifest, writing

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
        manifest.staging_folder() as folder,
        manifest.staging_folder() as second,
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


MAX_CLASSES = 40  # of a printed table
Repair = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REPAIR",
        help="A repair that you agree to, as the report names it; may be given several times.",
    ),
]
Title = Annotated[str, typer.Option(metavar="TEXT", help="What a person calls the set.")]
Licence = Annotated[str, typer.Option(metavar="TEXT", help="The terms it comes under.")]


def print_report(
    report: qfusion.data.examine.report.Report, title: str, more: dict[str, Any], as_json: bool
) -> None:
    """Print the report of a check of files.

    Args:
        title: of the data set.
        more: further entries of the JSON document.
    """
    report_dict = report.as_dict()
    record = {
        "data": title,
        "target": report.target["name"],
        "convention": report.target["convention"],
        "samples": report.splits,
        "modalities": [
            {"name": m["name"], "size": m["shape"][-1], "sequence": m["sequence"]}
            for m in report.modalities
        ],
        "report": report_dict,
    }
    print_result(
        record | more,
        as_json,
        _modalities_table(report, title),
        _describe_target(report.target),
        *map(format_finding, report_dict["findings"]),
    )


def _modalities_table(report: qfusion.data.examine.report.Report, title: str) -> RenderableType:
    rows = []
    for modality in report.modalities:
        shape = " x ".join(map(str, modality["shape"]))
        rows.append([modality["name"], shape, "yes" if modality["sequence"] else "no"])
    splits = ", ".join(f"{count:,} {split}" for split, count in report.splits.items())
    return table(
        ["Modality", "Shape", "Sequence"], rows, f"{title}: {report.samples:,} samples ({splits})"
    )


def _describe_target(target: dict[str, Any]) -> RenderableType:
    """Return a table of the classes, or a sentence about the range of a regression target."""
    classes = list(zip(target.get("classes", ()), target.get("samples", ()), strict=True))
    if classes:
        return table(["Class", "Samples"], classes[:MAX_CLASSES])
    if target.get("low") is None:
        return f"Target {target['name']}: no number."
    metrics = qfusion.data.target_spec.CONVENTIONS[target["convention"]]
    return (
        f"Target {target['name']}: {target['low']:.3g} to {target['high']:.3g}, mean {target['mean']:.3g}, "
        f"deviation {target['deviation']:.3g}; metrics: {metrics}"
    )


def format_finding(finding: dict[str, Any]) -> str:
    """Return one line for a finding: severity, modality, words and repairs."""
    line = f"{finding['severity']:8}"
    if finding["modality"]:
        line += f"{finding['modality']}: "
    line += finding["words"]
    if finding["repairs"]:
        line += f" [repair: {', '.join(finding['repairs'])}]"
    return line


app.command(
    "import",
    epilog=example_text(
        "data import FILE.pkl --name my-mosi --check-only",
        "data import FILE.pkl --name my-mosi --repair fill-median --repair drop-leaking",
        "data import --modality text=text.parquet --modality audio=audio.csv --labels labels.csv "
        "--name calls",
    ),
)(import_)
