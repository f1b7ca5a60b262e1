"""`data`: what data sets there are, getting their files, checking them, importing one's own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check as require, read_pairs
from qfusion.commands.common import (
    Json,
    bar,
    example,
    print_result,
    say,
    table,
)
from qfusion.errors import InvalidInput, NotFound

app = typer.Typer(no_args_is_help=True, help="List, fetch, check and import data sets.")

# What a set is kept with, however it came.
Repair = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REPAIR",
        help="A repair that you agree to, as the report names it; may be given several times.",
    ),
]
Title = Annotated[str, typer.Option(metavar="TEXT", help="What a person calls the set.")]
Licence = Annotated[str, typer.Option(metavar="TEXT", help="The terms it comes under.")]


@app.command("list", epilog=example("data list", "data list --json"))
def list_(as_json: Json = False) -> None:
    """List the data sets, with what is missing and how to get it."""
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
            say(f"{source.name}: {source.reason} {source.remedy}")


@app.command(epilog=example("data get mosi"))
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
    """Download a data set's files from their public source, each checked against its recorded SHA-256."""
    with bar("Files") as show:
        folder = qfusion.data.downloads.download(name, progress=show)
    print_result({"data": name, "folder": str(folder)}, as_json, f"{name} is in {folder}")


@app.command(epilog=example("data check mosi", "data check FILE.pkl", "data check my-set --json"))
def check(
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
    """Load a data set with every check and print what it holds; of a file, the report that an import would give."""
    from qfusion.data import import_store, importing

    dataset = _loaded(name)
    if dataset is None:
        with import_store.staging_folder() as folder, bar("Checking") as show:
            examined = importing.examine_files([Path(name)], folder, show)
        _print_report(examined.report, examined.staged.title, {}, as_json)
        examined.report.require_no_errors()
        return
    result = {
        "data": dataset.name,
        "title": dataset.title,
        "target": dataset.target.name,
        "convention": dataset.target.convention,
        "samples": {split: len(dataset.rows(split)) for split in ("train", "valid", "test")},
        "modalities": [{"name": name, **spec} for name, spec in dataset.input_specs.items()],
        "digest": dataset.digest,
    }
    if name in qfusion.data.imported_sets.imported_names():
        qfusion.data.imported_sets.verify_imported(name)
        result |= {
            key: qfusion.data.imported_sets.manifest(name)[key] for key in ("report", "repairs")
        }
    print_result(
        result,
        as_json,
        table(
            ["Modality", "Features", "Sequence"],
            [
                [m["name"], m["size"], "yes" if m["sequence"] else "no"]
                for m in result["modalities"]
            ],
            f"{dataset.title}: " + ", ".join(f"{n} {s}" for s, n in result["samples"].items()),
        ),
        *(map(_line, result["report"]["findings"]) if "report" in result else ()),
        f"Every value is finite, ids are unique, no split is empty. SHA-256 {dataset.digest}",
    )


def _loaded(name: str) -> Any:
    """The data set of that name or file; None for a file that can only be imported."""
    if name in qfusion.data.names() or not Path(name).exists():
        return qfusion.data.load(name)
    if Path(name).suffix.lower() in qfusion.data.multiview.SUFFIXES:
        with suppress(InvalidInput):
            return qfusion.data.load(name)
    return None


@app.command(
    "import",
    epilog=example(
        "data import FILE.pkl --name my-mosi --check-only",
        "data import FILE.pkl --name my-mosi --repair fill-median --repair drop-leaking",
        "data import --modality text=text.parquet --modality audio=audio.csv --labels "
        "labels.csv --name calls",
    ),
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
            help="Table, or computational sequence (.csd, .h5), of a modality; may be given several times.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE", help="Table of labels, instead of the one called `labels`."
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
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the tokenizer (vocab.txt or tokenizer.json) whose token "
            "numbers `text_bert` holds.",
        ),
    ] = None,
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
    """Import a set of your own; nothing is kept before the report is free of errors, and nothing repaired without
    --repair."""
    from qfusion.data import import_record, import_repairs, import_store, importing

    require(
        bool(paths or modality),
        "What is imported must be named: give a FILE, or --modality NAME=FILE and --labels FILE.",
    )
    require(
        check_only or name is not None,
        "Argument `--name` must say what the set is to be called. Add --name NAME, or --check-only.",
    )
    rates = import_record.parse_rates(rate or [])
    modalities = read_pairs(
        modality or [], "Argument `--modality`", "name=file", "--modality text=text.csv"
    )
    if name is not None:
        import_store.check_set_name(name, check_only or replace)
    import_repairs.check_repair_names(repair or [])
    with (
        bar("Importing") as show,
        import_store.staging_folder() as folder,
        import_store.staging_folder() as second,
    ):
        examined = importing.examine_files(
            paths or [],
            folder,
            show,
            kind=kind,
            modalities={key: Path(path) for key, path in modalities.items()},
            labels=labels,
            target=target,
            convention=convention,
        )
        repaired = import_repairs.make_repairs(examined, repair or [], second, show)
        more = {"name": name, "repairs": repaired.staged.done, "kept": False}
        if not check_only and not repaired.report.errors:
            place = import_store.store_set(
                repaired,
                str(name),
                title=title,
                licence=licence,
                replace=replace,
                vocabulary=vocabulary,
                rates=rates,
            )
            more |= {
                "kept": True,
                "folder": str(place),
                "digest": qfusion.data.imported_sets.manifest(str(name))["digest"],
            }
    _print_report(repaired.report, repaired.staged.title, more, as_json)
    repaired.report.require_no_errors()
    if not check_only:
        say(f"Kept as {name} in {more['folder']}; use it as --data {name}.")


@app.command(epilog=example("data media my-mosi Raw", "data media calls FOLDER --table clips.csv"))
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
        with bar("Recordings") as show:
            joined = qfusion.data.clips.join(dataset, folder, by, show)
    if joined is None:
        raise NotFound(f"No recordings are joined to '{name}'. Name the folder that holds them.")
    print_result(
        {"data": name, **asdict(joined)},
        as_json,
        table(
            ["Split", "Samples", "With a recording"],
            [[split, count, own] for split, (own, count) in joined.splits.items()],
            f"{name}: recordings of {joined.folder}",
        ),
        *joined.lines(),
    )


@app.command(
    epilog=example(
        "data extract FOLDER --name mine",
        "data extract FOLDER --name mine --voice spectrum:rate=10,bands=24 --face none --words ngrams:size=64",
        "data extract FOLDER --name mine --face mediapipe:model=FILE --words transformers:folder=FOLDER",
    )
)
def extract(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the recordings.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the set is to be called.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of id, label and, where there are such, file, text, start, end, split; labels.csv in the "
            "folder unless given.",
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
    patience: Annotated[
        float, typer.Option(help="Seconds that one file may take before it is left out.")
    ] = 300.0,
    processes: Annotated[
        int,
        typer.Option(help="Files that are read at once; 0 for as many as there are processors."),
    ] = 0,
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
    """Make a set from a folder of recordings and a table of labels: features of voice, picture and words. What was
    stopped goes on where it was when the same command is given again."""
    with bar("Extracting") as show:
        result = qfusion.data.extract.extract(
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
            patience=patience,
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
    _print_report(result.report, result.staged.title, more, as_json)
    for remark in result.remarks:
        say(remark)
    for one in result.failures:
        say(f"left out: {one.id}{f' ({one.file})' if one.file else ''}: {one.why}")
    result.report.require_no_errors()
    say(f"Kept as {name} in {result.place}; use it as --data {name}.")


@app.command(epilog=example("data remove my-set"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported set.")],
    as_json: Json = False,
) -> None:
    """Remove an imported set; the files that it was imported from stay."""
    place = qfusion.data.imported_sets.remove_imported(name)
    print_result(
        {"data": name, "removed": str(place)}, as_json, f"{name} is removed from {place.parent}"
    )


def _print_report(
    report: qfusion.data.import_report.Report, title: str, more: dict[str, Any], as_json: bool
) -> None:
    """Prints what was found in files; as JSON with `more` that is to be said."""
    target = report.target
    says = (
        f"Target {target['name']}: {target['low']:.3g} to {target['high']:.3g}, mean {target['mean']:.3g}, "
        f"deviation {target['deviation']:.3g}; metrics: {qfusion.data.target_spec.CONVENTIONS[target['convention']]}"
        if target.get("low") is not None
        else f"Target {target['name']}: no number."
    )
    classes = list(zip(target.get("classes", ()), target.get("samples", ()), strict=True))
    print_result(
        {
            "data": title,
            "target": target["name"],
            "convention": target["convention"],
            "samples": report.splits,
            "modalities": [
                {"name": m["name"], "size": m["shape"][-1], "sequence": m["sequence"]}
                for m in report.modalities
            ],
            "report": report.as_dict(),
        }
        | more,
        as_json,
        table(
            ["Modality", "Shape", "Sequence"],
            [
                [m["name"], " x ".join(map(str, m["shape"])), "yes" if m["sequence"] else "no"]
                for m in report.modalities
            ],
            f"{title}: {report.samples:,} samples "
            f"({', '.join(f'{n:,} {split}' for split, n in report.splits.items())})",
        ),
        table(["Class", "Samples"], classes[:40]) if classes else says,
        *map(_line, report.as_dict()["findings"]),
    )


def _line(finding: dict[str, Any]) -> str:
    """A finding as it is printed."""
    where = f"{finding['modality']}: " if finding["modality"] else ""
    return f"{finding['severity']:8}{where}{finding['words']}" + (
        f" [repair: {', '.join(finding['repairs'])}]" if finding["repairs"] else ""
    )
