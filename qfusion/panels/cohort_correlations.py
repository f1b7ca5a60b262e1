"""Entanglement of a cohort's samples against interaction."""

import pandas as pd

from qfusion.analysis import (
    cohort_levels,
    cohort_measures,
    cohort_table,
    sample_words,
)
from qfusion.figures import cohort_charts, style
from qfusion.models.protocols import Evolution
from qfusion.panels import panel
from qfusion.panels.cohort_contributions import describe_study_background
from qfusion.wording.cohorts import (
    WITH_SIZE,
    describe_correlation,
    describe_intervals,
    name_cohort,
    name_split,
)
from qfusion.wording.evidence import INERT
from qfusion.wording.numbers import describe_drawn

_CAUTION = {
    True: "a cause: both may follow from a third quantity, such as the clarity of a sample. Entropy "
    "includes mixing by jumps; choose log-negativity for entanglement alone.",
    False: "a cause: both may follow from a third quantity, such as the clarity of a sample. Entanglement by "
    "the later convolutions is not included. " + INERT,
}


def entanglement(
    levels: cohort_levels.Levels,
    theme: style.Theme = "light",
    *,
    measure: str = "",
    strength: str = cohort_table.JOINT,
    everyone: bool = False,
) -> panel.PanelFigure:
    """Draw the honest test of "entanglement explains fusion": one measure against the interaction strength.

    Args:
        levels: all samples, a cohort, one sample; of a model that entangles.
        theme: of the figure.
        measure: of entanglement or mixing, see `cohort_measures.measure_titles`; the first by default.
        strength: "joint", the sum of the sizes of the joint terms, or "joint_share", their part of all.
        everyone: measured on all samples where some are drawn by default.
    """
    study = levels.study
    titles = cohort_measures.measure_titles(study)
    strengths = cohort_measures.strength_titles(study)
    measure = measure or next(iter(titles), "")
    result = cohort_levels.correlate_measures(levels, measure, strength, everyone)
    figure = cohort_charts.scatter(
        result.rows.index.tolist(),
        result.x,
        result.y,
        titles[measure],
        strengths[strength],
        cohort=result.inside,
        chosen=levels.sample.id,
        captions=sample_words.table_texts(study.dataset, result.rows) or None,
        whole_name=f"others of {name_split(levels)}",
        cohort_name=WITH_SIZE.format(name=name_cohort(levels), count=int(result.inside.sum())),
        theme=theme,
    )
    shows = (
        f"one point per sample: {describe_drawn(len(result.rows), len(levels.rows))}; intervals: "
        f"{describe_intervals(study.dataset, result.rows)}. "
        f"{describe_study_background(levels)}"
    )
    not_shown = (
        f"{_CAUTION[study.model.part(Evolution) is not None]} Among {len(titles) * len(strengths)} pairs of measures "
        "some correlate by chance."
    )
    alt = f"{titles[measure]} against {strengths[strength]} for {len(result.rows)} samples."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "id": result.rows.index,
                "in_cohort": result.inside,
                measure: result.x,
                strength: result.y,
            }
        )

    return panel.PanelFigure(
        "entanglement",
        f"Does entanglement explain fusion? {describe_correlation(result.correlations['all'], measure, strength)}",
        figure,
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=table,
        usage="Click a point to open the sample.",
    )
