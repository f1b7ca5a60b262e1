"""`report`: write a report on a sample or on a cohort as HTML and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import qfusion
from qfusion._checks import check
from qfusion.commands.common import Data, Model, Output, load
from qfusion.commands.explain import DEFAULT_BACKGROUND, Contrast, Kind, check_background
from qfusion.commands.printing import Json, print_remark, print_result


def report(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="The file to write, .html or .pdf, or a folder for both.")
    ],
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")
    ] = None,
    cohort: Annotated[
        str | None,
        typer.Option(
            metavar="FILTER", help="A cohort instead, such as 'relation=conflict; error>1'."
        ),
    ] = None,
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
    """Write a report on a sample, or on a cohort: contributions, dynamics, entropies, circuit, faithfulness, methods,
    BibTeX."""
    check((sample is None) != (cohort is None), "Give either `--sample ID` or `--cohort FILTER`.")
    check(
        cohort is None or not tweak,
        "Argument `--tweak` is for one sample. Leave it out, or give --sample instead of --cohort.",
    )
    check_background(background, contrast)
    qfusion.report.places(out)
    import torch

    # small products: more threads wait for each other, and sums would depend on their number
    torch.set_num_threads(1)
    trained, dataset = load(model, data)
    if sample is not None:
        made = qfusion.report.sample(
            qfusion.analysis.open_sample(
                trained,
                sample,
                dataset,
                output=output,
                background=background,
                contrast=contrast or "",
                tweak=tweak,
            )
        )
    else:
        made = _report_on_cohort(trained, dataset, str(cohort), output, background, contrast)
    files = qfusion.report.write(made, out)
    for path in files:
        print_remark(f"Report written to {path}")
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "sample": sample,
            "cohort": cohort,
            "title": made.title,
            "files": list(map(str, files)),
        },
        as_json,
    )


def _report_on_cohort(
    checkpoint: qfusion.training.checkpoint.Checkpoint,
    dataset: qfusion.data.DataSet,
    cohort: str,
    output: str | None,
    background: str,
    contrast: str | None,
) -> qfusion.report.document.Report:
    study = qfusion.analysis.background_choice.with_background(
        qfusion.analysis.opening.open_study(checkpoint, dataset),
        background if contrast is None else "contrast",
        contrast or "",
    )
    parts = qfusion.explain.cohort_filters.parse(cohort)
    wanted = qfusion.analysis.outputs.parse(output or "", study.classes)
    study, index = study.with_reference(wanted.reference), wanted.number
    return qfusion.report.cohort(
        qfusion.report.cohort_report.select_members(
            study,
            qfusion.analysis.cohort_table.cohort_table_with_maps(study, index, parts),
            parts,
            output=index,
        )
    )
