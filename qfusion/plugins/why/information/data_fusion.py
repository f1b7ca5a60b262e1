"""Does the data need fusion? Panels built from a data set before any training."""

from dataclasses import replace
from typing import Any

import numpy as np

from qfusion.data import DataSet
from qfusion.figures import model_charts, style
from qfusion.plugins.why.information import (
    baseline_predictions,
    information,
    information_bars,
    information_estimate,
    information_parts,
)
from qfusion.plugins.why.information.words import (
    describe_baselines,
    describe_estimation,
    describe_evaluation,
    describe_information,
)
from qfusion.study import text
from qfusion.study.study import Study
from qfusion.views.pages import panel, params
from qfusion.views.pages.choices import reads_features
from qfusion.views.view import View
from qfusion.views.words import rules


def information_bits(dataset: DataSet) -> View:
    """Draw the redundant, unique and synergistic information of modalities about the target, by every estimator. For
    more than two modalities, also draw each against the rest.
    """
    result = information_estimate.estimate_information(dataset)
    rows = {
        **result.by,
        **{f"{name} against the rest": one for name, one in result.of_rest.items()},
    }
    titles = {
        information_parts.REDUNDANCY: information_bars.SHARED,
        **{name: name for name in (*result.modalities, information.REST)},
        information_parts.SYNERGY: information_bars.TOGETHER,
    }
    parts = {
        title: model_charts.interval_ends(one.parts.get(key) for one in rows.values())
        for key, title in titles.items()
    }
    if result.of_rest:
        rest = " Rows below: one modality as one source and all others as the other."
    else:
        rest = ""
    figure = information_bars.information_bars(
        list(rows),
        {title: values for title, values in parts.items() if np.isfinite(values).any()},
        result.modalities,
        entropy=result.entropy,
    )
    shows = (
        f"the information of the target of {text.escape_markdown(dataset.name)}, in bits, by {len(result.by)} "
        "estimators, "
        f"with redundancy as BROJA defines it. Whiskers: the range of 95% of resamples of {_units(dataset, result)}, "
        f"with the same fitted models.{rest} "
        + " ".join(
            map(
                _plain,
                (
                    *describe_evaluation(result.baselines.evaluation),
                    *describe_estimation(result),
                ),
            )
        )
    )
    alt = (
        "; ".join(
            f"{row}: " + rules.list_numbers(one.parts, [part.value for part in one.parts.values()])
            for row, one in rows.items()
        )
        + "."
    )
    return View(
        name="needs-bits",
        title=describe_information(result, text.escape_markdown),
        figure=figure,
        caption=shows,
        limits="Does not show that a model must fuse: a sum is synergistic, too, and late models can compute sums. Nor "
        "the full information in the data: the total is a lower bound, since small models may miss "
        "patterns that need many rows. The parts in the data may be larger or smaller than their "
        "estimates, and outside their whiskers, which are no confidence intervals.",
        alternative=alt,
        table=result.frame,
    )


def small_models(dataset: DataSet) -> View:
    """Draw the metrics of the best single, late and joint small models on held-out rows, and the gain of each over
    the one before.
    """
    estimate = information_estimate.estimate_information(dataset)
    result = estimate.baselines
    rows = {
        f"{kind}: {result.models[kind]}" if kind in result.models else kind: one
        for kind, one in result.scores.items()
    }
    figure = model_charts.interval_dots(
        list(rows),
        {result.metric: model_charts.interval_ends(rows.values())},
        hues=[style.GREY] * len(baseline_predictions.KINDS) + [style.INK] * 2,
        x_title=f"{result.metric} on {result.n:,} held-out rows",
    )
    shows = (
        "linear and quadratic models, trees and a small network, cross-validated on "
        f"{text.escape_markdown(dataset.name)}: the best model of one modality, of sums over "
        "modalities (late), and of all features together (joint), or the base rate if no model is "
        "better. The best model has the smallest held-out loss, so small advantages are partly due "
        f"to chance. Intervals: 95% bootstrap intervals over {_units(dataset, estimate)}. "
        + " ".join(map(_plain, describe_evaluation(result.evaluation)))
    )
    alt = ", ".join(f"{name} {one.value:+.3f}" for name, one in rows.items()) + "."
    return View(
        name="needs-worth",
        title=describe_baselines(result),
        figure=figure,
        caption=shows,
        limits="Does not show the results of a larger model, or of one that reads pictures or the steps of sequences: "
        "here features are principal components, and sequences are means and standard deviations. A "
        "trained model may gain where small ones do not.",
        alternative=alt,
        table=result.frame,
    )


def _plain(words: str) -> str:
    return text.escape_markdown(words, 600)


def _units(dataset: Any, result: information.Estimate) -> str:
    return rules.name_units(dataset, dataset.find_rows(result.samples.index), "rows")


def information_bits_of_study(study: Study) -> View:
    """`information_bits` of a model's data."""
    return information_bits(study.dataset)


def small_models_of_study(study: Study) -> View:
    """`small_models` a model's data."""
    return small_models(study.dataset)


NEED = params.SwitchParam(
    "data.need",
    "Test the need for fusion",
    "It is not computed.",
    "Small models estimate the information of each modality about the target, and of all together, in up to a minute.",
)


# on the page of a model, whose conclusion needs it anyway
NEED_OF_MODEL = replace(NEED, key="why.need", default=True)


def has_features(dataset: DataSet, **_: object) -> bool:
    """Return whether samples of a data set have features: those of a measured game have none."""
    return not dataset.is_game


CONTROLS = (NEED,)
PANELS = {
    name: panel.Panel(build, fits=has_features, opens=NEED.opens, scope="dataset")
    for name, build in (("needs-bits", information_bits), ("needs-worth", small_models))
}
DATA_PANELS = {
    name: panel.Panel(build, fits=reads_features, opens=NEED_OF_MODEL.opens, scope="study")
    for name, build in (
        ("needs-bits", information_bits_of_study),
        ("needs-worth", small_models_of_study),
    )
}
