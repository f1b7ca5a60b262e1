"""`data`: what data sets there are, getting their files, checking them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from qfusion.commands._output import Json, bar, example, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="List, fetch and check data sets.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set, as `data list` prints it, or path of a .mat "
                                               "or .npz file.")]


@app.command("list", epilog=example("data list", "data list --json"))
def list_(as_json: Json = False) -> None:
    """List the data sets, with what is missing and how to get it."""
    from qfusion import data

    sources = data.available()
    if as_json:
        print_json([vars(source) for source in sources])
        return
    print_table(["Name", "Title", "Here"], [[s.name, s.title, "yes" if s.available else "no"] for s in sources])
    for source in sources:
        if not source.available:
            say(f"{source.name}: {source.reason} {source.remedy}")


@app.command(epilog=example("data get mosi"))
def get(name: Name, as_json: Json = False) -> None:
    """Download a data set's files from their public source, each checked against its recorded SHA-256."""
    import pooch

    from qfusion.data import download

    pooch.get_logger().setLevel("WARNING")  # it would announce every file and every second try
    with bar("Files") as show:
        folder = download.get(name, progress=lambda done, total, path: show(done, total, path))
    if as_json:
        print_json({"data": name, "folder": str(folder)})
    else:
        print(f"{name} is in {folder}")


@app.command(epilog=example("data check mosi"))
def check(name: Name, as_json: Json = False) -> None:
    """Load a data set with every check and print what it holds."""
    from qfusion import data

    found = summary(data.load(name))
    if as_json:
        print_json(found)
        return
    sizes = ", ".join(f"{n} {split}" for split, n in found["samples"].items())
    rows = [[m["name"], m["size"], "yes" if m["sequence"] else "no"] for m in found["modalities"]]
    print_table(["Modality", "Features", "Sequence"], rows, title=f"{found['title']}: {sizes}")
    print(f"Every value is finite, ids are unique, no split is empty. SHA-256 {found['digest']}")


def summary(dataset: Any) -> dict[str, Any]:
    """Returns what `data check` prints of a data set."""
    return {"data": dataset.name, "title": dataset.title, "target": dataset.target.name,
            "samples": {split: len(dataset.rows(split)) for split in ("train", "valid", "test")},
            "modalities": [{"name": name, **spec} for name, spec in dataset.input_specs.items()],
            "digest": dataset.digest}
