"""Options of the commands that store a data set, and the report of a check as they print it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import qfusion
from qfusion.commands.printing import print_result, table

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


def print_report(
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
        *map(format_finding, report.as_dict()["findings"]),
    )


def format_finding(finding: dict[str, Any]) -> str:
    """A finding as it is printed."""
    where = f"{finding['modality']}: " if finding["modality"] else ""
    return f"{finding['severity']:8}{where}{finding['words']}" + (
        f" [repair: {', '.join(finding['repairs'])}]" if finding["repairs"] else ""
    )
