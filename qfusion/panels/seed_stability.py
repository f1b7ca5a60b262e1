"""Explanations over training seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check_present, choose
from qfusion._sentences import count
from qfusion.analysis import text, trust
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.explain import reliability, stability
from qfusion.figures import style, trust_charts
from qfusion.panels import panel
from qfusion.wording import extrema

DIVIDENDS = stability.TERM_KINDS[0]


def seed_ranks(
    study: Study, theme: style.Theme = "light", *, terms: str = DIVIDENDS
) -> panel.PanelFigure:
    """Draw the rank correlation of the terms between training seeds; only where seeds were measured.

    Args:
        study: a model on its data.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
    """
    seeds = _seeds(study, terms)
    count = len(seeds.seeds)
    whose = " to the log-odds of the true class" if seeds.of_true_class else ""
    ranks = seeds.rank_correlations(terms)
    title = describe_least_stable({name: mean for name, (mean, _) in ranks.items()})
    figure = trust_charts.rank_bars(
        ranks,
        study.modalities,
        floor=reliability.STABLE,
        theme=theme,
        x_title=f"rank correlation of {terms} between seeds (dotted: {reliability.STABLE:g})",
    )
    shows = (
        f"whether {count} models that differ in their training seed alone order {seeds.dividends.shape[1]:,} "
        f"test samples alike: mean over all pairs of seeds, the tick the lowest. {terms.capitalize()}{whose} "
        f"against {seeds.background_size:,} training samples."
    )
    alt = (
        "Rank correlation between seeds: "
        + ", ".join(f"{name} {mean:.2f}" for name, (mean, _) in ranks.items())
        + "."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in ranks.items()]
        )

    return panel.PanelFigure(
        "seed-ranks",
        title,
        figure,
        shows=shows,
        not_shown="other training data, settings or libraries.",
        alt=alt,
        table=table,
    )


def seed_sample(
    sample: Sample, theme: style.Theme = "light", *, terms: str = DIVIDENDS
) -> panel.PanelFigure:
    """Draw a test sample by every training seed; only where seeds were measured.

    Args:
        sample: of the test split.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
    """
    study = sample.study
    seeds = _seeds(study, terms)
    seed_values = check_present(
        trust.seed_values(study, seeds, sample.row, terms),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    values = seed_values.to_numpy()
    figure = trust_charts.seed_dots(
        values,
        list(seed_values.columns),
        study.modalities,
        seeds.seeds,
        unit=f"log-odds of the true class ‘{study.classes[int(study.dataset.y[sample.row])]}’ (nats)"
        if seeds.of_true_class
        else study.score_unit(0),
        theme=theme,
    )
    alt = (
        "Terms by seed: "
        + ", ".join(
            f"{term} {column.min():+.2f} to {column.max():+.2f}"
            for term, column in zip(seed_values.columns, values.T, strict=True)
        )
        + "."
    )
    return panel.PanelFigure(
        "seed-sample",
        f"Sample {text.escape_markdown(sample.id)}: {describe_sign_changes(values)}",
        figure,
        shows=f"{terms} of this sample by each of {len(seeds.seeds)} training seeds; the filled dot is the model shown "
        "on the other pages.",
        not_shown="which seed is right: where they differ, the data do not decide.",
        alt=alt,
        table=lambda: seed_values.reset_index(),
    )


def describe_least_stable(ranks: Mapping[str, float]) -> str:
    """Describe which terms keep the order of samples least over training seeds; mean rank correlations by term."""
    return extrema.describe_extremum(
        ranks,
        smallest=True,
        one="Least stable: {names} (rank correlation {value:.2f})",
        some="Least stable: {names} (rank correlation {value:.2f} each)",
        every="All terms are equally stable (rank correlation {value:.2f})",
        name=text.term,
    )


def describe_sign_changes(values: np.ndarray) -> str:
    """Describe how many terms change their sign with the training seed; values (seeds, terms)."""
    unsure = int(((values.min(0) < 0) & (values.max(0) > 0)).sum())
    if not unsure:
        return f"every term keeps its sign over the {len(values)} seeds"
    return f"{unsure} of {count(values.shape[1], 'term')} {'changes' if unsure == 1 else 'change'} sign with the seed"


def _seeds(study: Study, terms: str) -> stability.Stability:
    choose("Terms", terms, stability.TERM_KINDS)
    return trust.load_stability(study)


def has_seed_measurements(study: Study, **_: Any) -> bool:
    """Return whether the explanations are measured over training seeds."""
    return seed_measurements(trust.with_training_background(study))[0] is not None


def seed_measurements(study: Study) -> tuple[stability.Stability | None, str]:
    """Return the measurements over training seeds, or the reason why there are none, as Markdown."""
    try:
        return trust.load_stability(study), ""
    except QFusionError as error:
        return None, text.message(error)


def is_measured_over_seeds(sample: Sample, terms: str = DIVIDENDS) -> bool:
    """Return whether the sample is one of those that are measured over training seeds."""
    default = trust.with_training_background(sample.study)
    return (
        has_seed_measurements(default)
        and trust.seed_values(default, trust.load_stability(default), sample.row, terms) is not None
    )
