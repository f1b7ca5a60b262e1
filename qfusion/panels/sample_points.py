"""All samples as points, with one of them marked."""

from collections.abc import Sequence

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import outputs, sample_filters, sample_words, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.data.row_splits import SPLITS
from qfusion.figures import cohort_charts, style
from qfusion.panels import panel
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.studies import axis_titles


def scatter(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    x: str = "",
    y: str = "",
    output: str = "",
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> panel.PanelFigure:
    """Draw all samples that pass, as points; a ring around the sample.

    Args:
        sample: that is marked.
        theme: of the figure.
        x, y: columns, see `finding.axes`; the usual ones by default.
        output: what dividends split, as text of `outputs.parse`; of each sample the predicted class by default.
        split, search, relations, verdict, classes: which samples pass, see `finding.passing`.
    """
    study = sample.study
    titles = axis_titles(study)
    default = sample_filters.default_axes(study)
    x = choose("Axis", x or default[0], titles)
    y = choose("Axis", y or default[1], titles)
    choose("Split", split, (*SPLITS, "all"))
    choose("Verdict", verdict, ("", *sample_filters.VERDICTS))
    passed = sample_filters.passing(
        sample_table(study, output),
        split=split,
        search=search,
        relations=relations,
        verdict=verdict,
        classes=classes,
    )
    rows = sample_filters.axis_rows(study, passed, x, y)
    wrong = int((rows["margin"] < 0).sum()) if y == "margin" else 0
    if y == "margin":
        title = f"Decided wrongly: {wrong:,} of {len(rows):,}, with a margin below 0"
    else:
        title = f"{text.escape_markdown(titles[y])} against {text.escape_markdown(titles[x])}"
    figure = cohort_charts.scatter(
        rows.index.tolist(),
        rows[x].to_numpy(),
        rows[y].to_numpy(),
        titles[x],
        titles[y],
        chosen=sample.id,
        captions=sample_words.table_texts(study.dataset, rows) or None,
        diagonal={x, y} == {"truth", "prediction"},
        zero=y == "margin",
        theme=theme,
    )
    shows = f"one point a sample, {len(rows):,} in all"
    if len(rows) == sample_filters.MAX_DRAWN:
        shows += f" (evenly spread over the {len(passed):,} that pass)"
    shows += "; the ring marks the current one." + _describe_dividends(study, x, y)
    alt = f"Scatter of {titles[y]} against {titles[x]} for {len(rows)} samples; {sample.id} is ringed."

    def table() -> pd.DataFrame:
        return rows[[x, y]].reset_index()

    return panel.PanelFigure(
        "scatter",
        title,
        figure,
        shows=shows,
        not_shown="why a sample lies where it does: open it.",
        alt=alt,
        table=table,
    )


def sample_table(study: Study, output: str) -> pd.DataFrame:
    """Return all samples, with the dividends of a class, or of the predicted ones."""
    wanted = outputs.parse(output, study.classes)
    return study.with_reference(wanted.reference).frame(wanted.number)


def _describe_dividends(study: Study, *wanted: str) -> str:
    if not any(column.startswith("dividend[") for column in wanted):
        return ""
    if len(study.explained_rows) < len(study.dataset):
        some = f" Contributions are worked out for {len(study.explained_rows):,} test samples."
    else:
        some = ""
    return f"{some} {describe_comparison(study.explanation_background)}"
