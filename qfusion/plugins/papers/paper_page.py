"""What came out of a paper's models on one page: verdict, chart, rivals, resources, and digests."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._sentences import capitalise, true_minus
from qfusion.figures import model_charts, style
from qfusion.plugins.papers import paper_list, paper_words as words
from qfusion.plugins.papers.paper_results import (
    Estimate,
    FigureResult,
    Gap,
    ModelResult,
    Reproduction,
)
from qfusion.plugins.papers.paper_training import READING
from qfusion.plugins.why.audit import audit_rows
from qfusion.report import blocks
from qfusion.report.blocks import fill_template
from qfusion.report.document import Report
from qfusion.training import metrics

WIDTH, HEIGHT = 150.0, 58.0  # mm of the chart, at most
SHOWN = 12  # characters of a digest
MAX_COLUMNS, MAX_SERIES = 3, 2  # metrics in the table, and in the chart
PUBLISHED = "Published"


def report_on_paper(result: Reproduction) -> Report:
    """Return the results of a paper's models as a report whose PDF is one page.

    Args:
        result: of `paper_results.reproduce_paper`.
    """
    paper = paper_list.find_paper(result.paper)
    verdict, *sentences = words.describe_reproduction(result, paper)
    chart = draw_results(result)
    first = result.readings[0]
    content = fill_template(
        '{% include "paper.html" %}',
        verdict=true_minus(verdict),
        sentences=[true_minus(sentence) for sentence in sentences],
        chart=blocks.figure(chart, WIDTH, min(HEIGHT, WIDTH * chart.layout.height / 760)),
        alt=describe_chart(result),
        shows=capitalise(explain_chart(result)),
        models=words.explain_models_table(result),
        columns=[name_metric(result, key) for key in table_metrics(result)],
        rows=[model_row(result, model, first) for model in result.models],
        resources=[resource_row(row) for row in result.audit.get("rows", ())],
        audit=explain_resources(result),
        facts=describe_facts(result, paper),
    )
    return Report(
        title=words.title_result(result, paper),
        subtitle=words.describe_source(paper),
        description=verdict,
        blocks=content,
        compact=True,
    )


def table_metrics(result: Reproduction) -> list[str]:
    """Return the metrics of the table: the main one, those that a published figure may be, and headlines."""
    candidates = [one.metric for figure in result.figures for one in figure.comparisons]
    keys = [result.metric, *candidates, *metrics.headlines(result.readings[0].metrics)]
    return list(dict.fromkeys(keys))[:MAX_COLUMNS]


def chart_metrics(result: Reproduction) -> list[str]:
    """Return the metrics of the chart: those that the first published figure may be, or the main one."""
    candidates = [one.metric for figure in result.figures[:1] for one in figure.comparisons]
    return candidates[:MAX_SERIES] or [result.metric]


def draw_results(result: Reproduction) -> go.Figure:
    """Draw published figures, readings and rivals under every metric that a figure may be, with intervals."""
    keys = chart_metrics(result)
    names, hues, rows = [], [], []
    for figure in result.figures:
        known = {one.metric for one in figure.comparisons}
        if known & set(keys):
            names.append(f"{PUBLISHED}: {_published_name(result, figure)}")
            hues.append(style.INK)
            rows.append(
                [
                    (figure.value,) + (math.nan,) * 2 if key in known else (math.nan,) * 3
                    for key in keys
                ]
            )
    for model in result.models:
        if model.metrics:
            names.append(model.label)
            hues.append(style.BLUE if model.role == READING else style.GREY)
            rows.append([_ends(model.metrics[key]) for key in keys])
    values = np.array(rows, float)
    labels = [name_metric(result, key) for key in keys]
    return model_charts.interval_dots(
        names,
        {label: values[:, place] for place, label in enumerate(labels)},
        hues=hues,
        x_title=labels[0] if len(labels) == 1 else "metric of the test samples",
        zero=False,
    )


def _published_name(result: Reproduction, figure: FigureResult) -> str:
    """The model of a published figure: that of the paper, or on our boards the reading that it belongs to."""
    paper = paper_list.find_paper(result.paper)
    return result.model(figure.reading).label if paper.is_board else paper.name


def explain_chart(result: Reproduction) -> str:
    """Return what the chart shows, without a capital letter."""
    drawn = len(chart_metrics(result))
    compared = max((len(one.comparisons) for one in result.figures), default=0)
    published = ""
    if compared > 1:
        which = "every metric" if drawn >= compared else f"{drawn} of the {compared} metrics"
        published += f" The published figure stands under {which} that we compare it with."
    if result.figures and not all(figure.same_rows for figure in result.figures):
        published += " Its own uncertainty is unknown."
    return (
        f"test metrics of our readings (blue) and of plain rivals (grey) on {result.title}, means over "
        f"{result.seeds} training seeds with 95 % intervals for new seeds and new test rows.{published}"
    )


def describe_chart(result: Reproduction) -> str:
    """Return the numbers of the chart for a reader who does not see it."""
    return " ".join(_list_values(result, key) for key in chart_metrics(result))


def _list_values(result: Reproduction, key: str) -> str:
    """Return the published figures and the values of all models as a metric."""
    parts = [
        f"published {_published_name(result, figure)} {figure.value:.3f}"
        for figure in result.figures
        if key in {one.metric for one in figure.comparisons}
    ]
    parts += [
        f"{model.label} {model.metrics[key].value:.3f}" for model in result.models if model.metrics
    ]
    return f"{name_metric(result, key)}: {', '.join(parts)}."


def _ends(one: Estimate) -> tuple[float, float, float]:
    low, high = (math.nan if end is None else end for end in (one.low, one.high))
    return one.value, low, high


def name_metric(result: Reproduction, key: str) -> str:
    """Return the short name of a metric."""
    return metrics.label(key, result.convention).short


def model_row(result: Reproduction, model: ModelResult, first: ModelResult) -> list[str]:
    """Return the cells of a model in the table of models."""
    cells = [model.label]
    for key in table_metrics(result):
        one = model.metrics.get(key)
        cells.append("failed" if one is None else format_cell(one))
    gap = result.gap(first.name, model.name)
    return [*cells, f"{model.after_encoders:,}", format_gap(gap)]


def format_cell(one: Estimate) -> str:
    """Return an estimate with its interval, short."""
    if one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def format_gap(gap: Gap | None) -> str:
    """Return a difference with its interval and p, short; a dash for none."""
    if gap is None or gap.difference.low is None or gap.difference.high is None:
        return "–"
    value, low, high = map(
        words.format_difference, (gap.difference.value, gap.difference.low, gap.difference.high)
    )
    return true_minus(f"{value} [{low}, {high}], p {gap.holm:.2g}")


def resource_scope(row: Mapping[str, Any]) -> str:
    """Return the scope of the interval that is shown of a resource's worth: that of its verdict; new seeds alone where
    single rows were not recorded, as the bound over rows says next to nothing."""
    return "seeds" if row.get("bounded") else audit_rows.verdict_scope(row)


def explain_resources(result: Reproduction) -> str:
    """Return what the table of resources shows, or an empty string if there is none."""
    if not result.audit:
        return ""
    alone = any(resource_scope(row) == "seeds" for row in result.audit["rows"] if row["seeds"])
    return words.explain_resources_table(result, alone)


def resource_row(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a resource in the table of resources."""
    if not row["seeds"]:
        return [row["resource"], "–", "–", "–", words.explain_audit_row(row)]
    low, high = audit_rows.ends(row, resource_scope(row))
    worth = words.format_difference(row["worth"])
    if math.isfinite(low):
        worth += f" [{words.format_difference(low)}, {words.format_difference(high)}]"
    return [
        row["resource"],
        f"{row['with']:.3f}",
        f"{row['without']:.3f}",
        true_minus(worth),
        words.explain_audit_row(row),
    ]


def describe_facts(result: Reproduction, paper: paper_list.Paper) -> Sequence[tuple[str, str]]:
    """Return what is known of the paper, and the digests of all that decides the numbers."""
    readings = {reading.name: reading for reading in paper.readings}
    figures = [
        ("Published figure", _describe_published(result, figure)) for figure in result.figures
    ]
    models = [
        (f"Reading '{model.name}'", f"{readings[model.name].note} {_list_settings(model)}")
        for model in result.readings
    ]
    settings = ", ".join(f"{model.name} {model.digest[:SHOWN]}" for model in result.models)
    note = paper.entry(result.data).note
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    return [
        ("Run on", f"{result.date} by {result.command}"),
        ("Settings", f"{words.describe_tuning(result)}."),
        ("Known of the paper", paper.read),
        *figures,
        *models,
        *(("Where ours may differ", line) for line in paper.departs),
        *((("Our copy of the data", note),) if note else ()),
        ("Digest of the data", result.data_digest),
        ("Digests of the models", settings),
        ("Seeds, versions", f"0 to {result.seeds - 1}; {versions}"),
        ("Digest of the results", result.digest),
    ]


def _describe_published(result: Reproduction, figure: FigureResult) -> str:
    """Return a published figure with its convention, features and source."""
    start = f"{figure.label} {figure.value:g}"
    if figure.same_rows:
        return f"{start} of {result.model(figure.reading).label}; source: {figure.source}"
    return f"{start}; convention {figure.convention}; features {figure.features}; source: {figure.source}"


def _list_settings(model: ModelResult) -> str:
    shown = ", ".join(f"{key}={value}" for key, value in model.settings.items())
    return f"Settings: {shown or 'the defaults'}."
