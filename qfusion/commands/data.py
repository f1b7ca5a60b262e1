"""`data`: list, fetch, check, import and remove data sets."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion.commands import data_import
from qfusion.commands.data_report import format_finding, print_report
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
        folder = qfusion.data.downloads.download(name, progress=show)
    card = qfusion.training.games.store_source_game(name)
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
    from qfusion.data.store import folders, manifest, reading

    dataset = _load_named(name)
    if dataset is None:
        with folders.staging_folder() as folder, progress_bar("Checking") as show:
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
    if name in folders.imported_names():
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
    from qfusion.data.store import folders

    place = folders.imported_root() / name
    if qfusion.training.games.is_game(name):
        qfusion.training.games.remove_game(name)
    else:
        place = folders.remove_imported(name)
    print_result(
        {"data": name, "removed": str(place)}, as_json, f"{name} is removed from {place.parent}"
    )


app.command(
    "import",
    epilog=example_text(
        "data import FILE.pkl --name my-mosi --check-only",
        "data import FILE.pkl --name my-mosi --repair fill-median --repair drop-leaking",
        "data import --modality text=text.parquet --modality audio=audio.csv --labels labels.csv "
        "--name calls",
    ),
)(data_import.import_)
