"""`report`: write a report on a sample as HTML and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion.commands.common import Data, Model, Output, load
from qfusion.commands.explain import DEFAULT_BACKGROUND, Contrast, Kind, check_background
from qfusion.commands.printing import Json, print_remark, print_result


def report(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="The file to write, .html or .pdf, or a folder for both.")
    ],
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    data: Data = None,
    output: Output = None,
    background: Kind = DEFAULT_BACKGROUND,
    contrast: Contrast = None,
    tweak: Annotated[
        str,
        typer.Option(
            help="Change the model first: 'H.text-audio=0.5,D.text=2,T=1.2', or rules such as "
            "'all:and'."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Write a report on a sample: contributions, dynamics, entropies, circuit, faithfulness, methods,
    BibTeX."""
    check_background(background, contrast)
    qfusion.report.places(out)
    import torch

    # small products: more threads wait for each other, and sums would depend on their number
    torch.set_num_threads(1)
    trained, dataset = load(model, data)
    opened = qfusion.analysis.open_sample(
        trained,
        sample,
        dataset,
        output=output,
        background=background,
        contrast=contrast or "",
        tweak=tweak,
    )
    made = qfusion.report.sample(opened)
    files = qfusion.report.write(made, out)
    for path in files:
        print_remark(f"Report written to {path}")
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "sample": sample,
            "title": made.title,
            "files": list(map(str, files)),
        },
        as_json,
    )
