"""Modalities and features deleted or inserted one after another, against random orders."""

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import modality_attribution, text, trust
from qfusion.analysis.study import Study
from qfusion.explain import faithfulness, feature_deletion
from qfusion.figures import style, trust_charts
from qfusion.panels import panel
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.cohorts import describe_intervals
from qfusion.wording.deletion import describe_beaten_orders, describe_return
from qfusion.wording.numbers import agree_verb

DELETION, INSERTION = DIRECTIONS = ("deletion", "insertion")
MEASURES = LOG_ODDS, PROBABILITY = ("log-odds", "probability")  # of a class


@panel.cached
def modality_curves(
    study: Study, theme: style.Theme = "light", *, kind: str = DELETION, measure: str = LOG_ODDS
) -> panel.PanelFigure:
    """Draw modalities taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        theme: of the figure.
        kind: "deletion" or "insertion".
        measure: "log-odds" or "probability" of the predicted class; of a regression it is the score.
    """
    curves = trust.modality_curves(study, _probability(study, measure))
    return _curves(
        study,
        curves,
        kind,
        "modalities",
        f"Modalities: {describe_beaten_orders(curves)}",
        "modalities in the order of their absolute Shapley values",
        "replaced by the background. " + describe_comparison(study.explanation_background),
        theme,
    )


@panel.cached
def feature_curves(
    study: Study,
    theme: style.Theme = "light",
    *,
    kind: str = DELETION,
    modality: str = "",
    ranking: str = feature_deletion.FIRST,
    measure: str = LOG_ODDS,
    everyone: bool = False,
) -> panel.PanelFigure:
    """Draw features of one modality taken away or given back one after another, the most important first.

    Args:
        study: a model on its data.
        theme: of the figure.
        kind: "deletion" or "insertion".
        modality: whose features; the first by default.
        ranking: title of one of `explain.attribution.METHODS`.
        measure: "log-odds" or "probability" of the predicted class; of a regression it is the score.
        everyone: measured on all test samples, where some are drawn of a large set by default.
    """
    modality = choose("Modality", modality or study.modalities[0], study.modalities)
    curves = trust.feature_curves(study, modality, ranking, _probability(study, measure), everyone)
    steps = modality in modality_attribution.sequences(study)
    whole = len(study.dataset.rows(trust.SPLIT))
    drawn = ""
    if curves.samples < whole:
        ids = study.dataset.ids[trust.asked_inside(study, everyone)]
        drawn = (
            f" The {curves.samples:,} were drawn at random from {whole:,}; the interval of the area: "
            f"{describe_intervals(study.dataset, pd.DataFrame(index=ids))}."
        )
    return _curves(
        study,
        curves,
        kind,
        f"features-{modality}",
        f"Inside {text.escape_markdown(modality)}: {describe_beaten_orders(curves)}",
        f"{'time steps' if steps else 'features'} of {text.escape_markdown(modality)} in the order of "
        f"{ranking}",
        f"replaced by their mean over the {trust.count_training_rows(study):,} training samples, the other "
        f"modalities as they are.{drawn}",
        theme,
        style.term_colour(modality, study.modalities),
    )


def _curves(
    study: Study,
    curves: faithfulness.Curves,
    kind: str,
    name: str,
    head: str,
    players: str,
    how: str,
    theme: style.Theme,
    hue: str | None = None,
) -> panel.PanelFigure:
    inserted = choose("Curve", kind, DIRECTIONS) == INSERTION
    if inserted:
        values, random = (curves.insertion, curves.random_insertion)
    else:
        values, random = (curves.deletion, curves.random_deletion)
    what, line = ("inserted", "falls") if inserted else ("deleted", "rises")
    unit = study.score_unit(0)
    whom = ""
    if study.classes:
        unit = f"{curves.unit} (nats)" if curves.unit == LOG_ODDS else curves.unit
        whom = " for the predicted class of each"
    if inserted:
        title = f"Inserted: the {curves.unit} {agree_verb(curves.unit)} restored {describe_return(curves)}"
    else:
        title = head
    figure = trust_charts.deletion_curves(
        curves.shares,
        values,
        random,
        what=f"share {what}, most important first",
        unit=f"mean |change| of the {unit}",
        hue=hue,
        theme=theme,
    )
    shows = (
        f"{players}, {what} one after another and {how} Mean over {curves.samples:,} test samples{whom}; "
        f"the sooner the line {line}, the better. Grey: the same for {len(random)} random orders, "
        "drawn separately for each sample."
    )
    alt = f"{kind} curve against random orders: {', '.join(f'{v:.2f}' for v in values)}."
    return panel.PanelFigure(
        f"{kind}-{name}",
        title,
        figure,
        shows=shows,
        not_shown="whether the model is right, only whether the order reflects the model.",
        alt=alt,
        table=curves.frame,
    )


def _probability(study: Study, measure: str) -> bool:
    return choose("Measure", measure, MEASURES) == PROBABILITY and bool(study.classes)
