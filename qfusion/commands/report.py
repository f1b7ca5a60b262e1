"""`report`: everything there is to say about a decision, or a cohort of them, as HTML and PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qfusion._checks import check, choose
from qfusion.commands._load import Data, Model, load
from qfusion.commands._output import Json, print_json, say
from qfusion.commands.samples import BACKGROUNDS, Contrast, Kind

if TYPE_CHECKING:
    from qfusion.data import DataSet
    from qfusion.report import Report
    from qfusion.training.checkpoint import Checkpoint


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
    output: Annotated[
        str | None, typer.Option(help="Which output; the one decided for unless given.")
    ] = None,
    background: Kind = "joint",
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
    from qfusion import report as reports

    check((sample is None) != (cohort is None), "Give either `--sample ID` or `--cohort FILTER`.")
    check(
        cohort is None or not tweak,
        "Argument `--tweak` is for one sample. Leave it out, or give --sample instead of --cohort.",
    )
    choose("Background", background, BACKGROUNDS)
    check(
        contrast is None or background == "joint",
        "Give either `--contrast ID` or `--background KIND`: a contrast is a background.",
    )
    reports.places(out)
    import torch

    torch.set_num_threads(
        1
    )  # small products: more threads wait for each other, and sums would depend on their number
    found, dataset = load(model, data)
    if sample is not None:
        from qfusion.analysis.sample import case

        made = reports.sample(
            case(
                found,
                sample,
                dataset,
                output=output,
                background=background,
                contrast=contrast or "",
                tweak=tweak,
            )
        )
    else:
        made = _of_cohort(found, dataset, str(cohort), output, background, contrast)
    files = reports.write(made, out)
    letters = made.unsaid() if any(path.suffix.lower() == ".pdf" for path in files) else ""
    for remark in filter(None, [letters]):
        say(f"qfusion: note: {remark}")
    for path in files:
        say(f"Report written to {path}")
    if as_json:
        print_json(
            {
                "model": model,
                "data": dataset.name,
                "sample": sample,
                "cohort": cohort,
                "title": made.document.title,
                "files": list(map(str, files)),
            }
        )


def _of_cohort(
    found: Checkpoint,
    dataset: DataSet,
    cohort: str,
    output: str | None,
    background: str,
    contrast: str | None,
) -> Report:
    from qfusion import report as reports
    from qfusion.analysis import cohort_measures, study
    from qfusion.analysis import sample as backgrounds
    from qfusion.analysis.sample import name_of
    from qfusion.commands._load import output_index
    from qfusion.explain import cohorts
    from qfusion.report import about_cohort as pages

    work = study.build_study(name_of(found), found.card, found.model, dataset)
    if contrast is not None or background != "joint":
        work = work.against(
            backgrounds.background_of_kind(
                work, background if contrast is None else "contrast", contrast or ""
            )
        )
    parts = cohorts.parse(cohort)
    index = None if output is None else output_index(found.model.outputs, output)
    return reports.cohort(pages.members(work, cohort_measures.table_for(work, index, parts), parts))
