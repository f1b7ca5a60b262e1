"""`reproduce`: train our reading of a paper and compare it with its figures, plain rivals and twins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion.commands.printing import Json, print_remark, print_result, table


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(help="A paper, or leaderboard. Without it, all are listed."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="SET", help="Data set. Default: the first one listed for the paper."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Training seeds of every model, two or more.")
    ] = 5,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", help="Epochs of every model in place of the recipe's, for a short trial."
        ),
    ] = None,
    rivals: Annotated[
        list[str] | None,
        typer.Option(
            "--rival", metavar="MODEL", help="Only this rival. May be given several times."
        ),
    ] = None,
    with_audit: Annotated[
        bool,
        typer.Option("--audit/--no-audit", help="Also train twins without a quantum resource."),
    ] = True,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes that train at the same time.")] = 1,
    json_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the results as JSON, too."),
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write one page as PDF, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce a paper: train our reading of it, plain rivals with the same budget and twins without a quantum
    resource, and compare them with the published figures, with intervals. Finished trainings are stored, so that an
    interrupted run resumes."""
    from qfusion.plugins.papers import paper_list, paper_page, paper_results

    if name is None:
        check(
            data is None and pdf is None and json_file is None,
            f"Argument `NAME` is missing. Give one of {', '.join(paper_list.papers())}.",
        )
        _print_list(as_json)
        return
    _check_files(pdf, json_file)
    import torch

    # small products: more threads wait for each other, and sums would depend on their number
    torch.set_num_threads(1)
    result = paper_results.reproduce_paper(
        name,
        data,
        seeds,
        epochs=epochs,
        rivals=rivals or None,
        with_audit=with_audit,
        jobs=jobs,
    )
    if json_file is not None:
        result.write(json_file)
        print_remark(f"Results written to {json_file}")
    if pdf is not None:
        qfusion.report.write(paper_page.report_on_paper(result), pdf)
        print_remark(f"Page written to {pdf}")
    _print_result(result, as_json)


def _check_files(pdf: Path | None, json_file: Path | None) -> None:
    """Check the places of files before anything is trained."""
    for option, path, suffix in (("--pdf", pdf, ".pdf"), ("--out", json_file, ".json")):
        check(
            path is None or path.suffix.lower() == suffix,
            f"Argument `{option}` must end in {suffix}, but is {path}. Give a file of that kind.",
        )
        check(
            path is None or path.absolute().parent.is_dir(),
            f"Argument `{option}` must lie in a folder that exists, but is {path}. Make the folder first.",
        )


def _print_list(as_json: bool) -> None:
    """Print every paper with its public figures and data sets, and how to get the sets that are not here."""
    from qfusion.plugins.papers import paper_list, paper_words as words

    records, lines = [], []
    remedies: dict[str, str] = {}
    for key, paper in paper_list.papers().items():
        statuses = paper_list.data_status(paper)
        records.append(
            {
                "name": key,
                "title": paper.title,
                "authors": paper.authors,
                "reference": paper.reference,
                "known": paper.read,
                "figures": [vars(figure) for figure in paper.figures],
                "data": [vars(status) for status in statuses],
                "readings": [reading.label for reading in paper.readings],
            }
        )
        lines.append(f"{key}: {words.describe_source(paper)}")
        lines.append(f"    Public figures: {words.list_figures(paper)}")
        lines.append(f"    Data: {words.list_data(statuses)}")
        for status in statuses:
            if not status.here:
                remedies[status.name] = f"{status.name}: {status.remedy}"
    last = "Run one: python -m qfusion reproduce NAME --data SET --pdf page.pdf"
    print_result(records, as_json, *lines, *remedies.values(), last)


def _print_result(result: Any, as_json: bool) -> None:
    import json

    from qfusion.plugins.papers import paper_list, paper_words as words

    paper = paper_list.find_paper(result.paper)
    sentences = words.describe_reproduction(result, paper)
    failures = words.describe_failures(result.models)
    record = {**json.loads(result.json()), "says": sentences, "digest": result.digest}
    shown: list[RenderableType | str] = [*sentences, _models_table(result)]
    if result.audit:
        shown.append(_resources_table(result))
    shown += [f"{failures}."] if failures else []
    shown.append(f"{words.describe_tuning(result)}.")
    shown.append(f"Digests: data {result.data_digest[:12]}, results {result.digest[:12]}.")
    print_result(record, as_json, *shown)


def _models_table(result: Any) -> RenderableType:
    from qfusion.plugins.papers import paper_page
    from qfusion.plugins.papers.paper_words import explain_models_table

    first = result.readings[0]
    keys = paper_page.table_metrics(result)
    shorts = [paper_page.name_metric(result, key) for key in keys]
    rows = [paper_page.model_row(result, model, first) for model in result.models]
    return table(
        ["Model", *shorts, "After the encoders", f"Gain of {first.label}"],
        rows,
        explain_models_table(result),
    )


def _resources_table(result: Any) -> RenderableType:
    from qfusion.plugins.papers import paper_page

    rows: list[Mapping[str, Any]] = result.audit["rows"]
    return table(
        ["Resource", "With", "Without", "Gain by it", "Verdict"],
        [paper_page.resource_row(row) for row in rows],
        paper_page.explain_resources(result),
    )
