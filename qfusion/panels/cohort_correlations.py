"""Entanglement of a cohort's samples against interaction, and metrics after correlations are cut."""

import math

import pandas as pd

from qfusion.analysis import (
    cohort_levels,
    cohort_measures,
    cohort_table,
    cut_measures,
    drawn_samples,
    sample_words,
    text,
)
from qfusion.explain import cut_losses
from qfusion.figures import cohort_charts, notebook, result_tables, style
from qfusion.models.abilities import can
from qfusion.panels import panel
from qfusion.panels.cohort_contributions import describe_study_background
from qfusion.panels.dynamics_page import can_cut
from qfusion.training import metrics
from qfusion.wording.cohorts import (
    WITH_SIZE,
    describe_correlation,
    describe_intervals,
    name_cohort,
    name_split,
)
from qfusion.wording.cuts import describe_cuts
from qfusion.wording.evidence import INERT
from qfusion.wording.generator_figures import CAPTIONS
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
        f"{_CAUTION[can(study.model, 'time')]} Among {len(titles) * len(strengths)} pairs of measures "
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


def cut_test(
    levels: cohort_levels.Levels, theme: style.Theme = "light", *, everyone: bool = False
) -> panel.PanelFigure:
    """Draw how good the model is on the cohort without the correlations of a modality; only of models with time.

    Args:
        everyone: measured on all of the cohort where some are drawn by default.
    """
    rows = cut_rows(levels, everyone)
    result = cut_measures.cuts_of_rows(levels.study, levels.places(rows))
    metric = next(iter(result.after))
    how = describe_intervals(levels.study.dataset, rows, cut_losses.RESAMPLES)
    figure = notebook.draw_cut_test(
        result_tables.cut_table(result), levels.study.modalities, metric, theme=theme
    )
    shows = (
        f"{CAPTIONS['cut-test'].shows} Here {describe_cut_scope(levels, everyone)}, the learned "
        f"model; {how}."
    )
    return panel.PanelFigure(
        "cut-test",
        f"Are the correlations needed? {text.escape_markdown(describe_cuts(result))}",
        figure,
        shows=shows,
        not_shown=CAPTIONS["cut-test"].not_shown,
        alt=f"{metrics.LABELS[metric].short} of {len(rows):,} samples after a cut at each time.",
        table=lambda: result_tables.cut_table(result),
    )


def cut_rows(levels: cohort_levels.Levels, everyone: bool = False) -> pd.DataFrame:
    """Return the samples of the cohort whose correlations are cut: those that can be evolved in some seconds, or all
    samples.
    """
    rows = levels.rows[levels.inside]
    return rows.iloc[
        drawn_samples.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
    ]


def describe_cut_scope(levels: cohort_levels.Levels, everyone: bool = False) -> str:
    """Describe which these are, as markdown."""
    some = len(cut_rows(levels, everyone))
    whole = int(levels.inside.sum())
    sentence = describe_drawn(some, whole)
    if levels.parts:
        sentence += f" of the {text.escape_markdown(name_cohort(levels))}"
    return sentence


# When panels are shown, and what readers choose.

AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def cut_seconds(levels: cohort_levels.Levels) -> float:
    """Return how long the cuts of the cohort take, roughly."""
    return 8e-3 * len(cut_rows(levels)) * (math.prod(levels.study.model.dims) / 64) ** 2.5


def can_afford_cuts(levels: cohort_levels.Levels, wanted: bool = False, **_: object) -> bool:
    """Return whether correlations of several samples can be cut, and it takes at most a second or is `wanted`."""
    return (
        can_cut(levels) and len(cut_rows(levels)) > 1 and (wanted or cut_seconds(levels) < AT_ONCE)
    )
