"""Options of the commands that write figures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import qfusion

Size = Annotated[
    str | None,
    typer.Option(
        help="single, double (columns), slide or poster; of a journal: aps-single, aps-double, nature-single, "
        "nature-double, ieee-single, ieee-double, acl-single, acl-double or neurips."
    ),
]
Theme = Annotated[str | None, typer.Option(help="light or dark.")]
Font = Annotated[float | None, typer.Option(help="Letters in pt, in print.")]
Dpi = Annotated[int | None, typer.Option(help="300 or 600, of a PNG.")]

Letters = Annotated[
    bool | None, typer.Option(help="Letter the plots of a figure of several (a), (b), (c).")
]


def given_options(**options: Any) -> dict[str, Any]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def restyle(
    style: qfusion.figures.files.export_style.ExportStyle,
    changed: dict[str, Any],
    always: dict[str, str],
) -> qfusion.figures.files.export_style.ExportStyle:
    """Return a style with the options of the command line; a new size brings its usual font."""
    font = {"font": 0} if "size" in changed and "font" not in changed else {}
    return type(style).parse(style.as_dict() | changed | always | font)
