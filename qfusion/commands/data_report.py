"""Options of the commands that store a data set, and the report of a check as they print it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.printing import print_result, table

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
