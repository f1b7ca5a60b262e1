"""The ten checks of a reviewer, as a table, and with which modalities a model still works."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from qfusion.figures import model_charts, style
from qfusion.plugins.review import words
from qfusion.plugins.review.checks import claims, resources, run
from qfusion.plugins.review.checks.check import Topic
from qfusion.study import text
from qfusion.study.opening import rivals
from qfusion.study.study import Study
from qfusion.views.pages import params
from qfusion.views.view import View
from qfusion.views.words import rules

VIEW = "Referee"  # of the page
MOST_NAMES = 9  # rivals, and other seeds
SIDES = {"told": "this model, told what is there", "plain": "plain models, trained so"}


def _require_figures(study: Study | None, value: str) -> None:
    """Raise a QFusionError unless a text holds reported figures, separated by commas."""
    if study is not None:
        parse_figures(value, study)


REPORTED = params.TextParam(
    "proof.reported",
    "Reported figures",
    "None are compared.",
    "Figures that a paper reports of the test samples, such as `acc2_non0=0.79, mae=0.92` or `accuracy=98.1%`.",
    most=200,
    test=_require_figures,
    style={"width": 300, "placeholder": "metric=value, …"},
)
CLAIMED = params.SelectParam(
    "proof.claimed",
    "Claimed resources",
    "None is claimed.",
    "Quantum resources that a paper says its model needs.",
    lambda study: resources.offered_resources(study),
    many=True,
    fits=lambda study: bool(resources.offered_resources(study)),
    style={"width": 260, "placeholder": "none"},
)
RIVALS = params.SelectParam(
    "proof.rivals",
    "Rivals",
    "None is checked.",
    "Trained models of the same data that this one is compared with.",
    rivals,
    many=True,
    style={"width": 260, "placeholder": "none"},
)
SEEDS = params.SelectParam(
    "proof.seeds",
    "Other training seeds",
    "Those on record are taken.",
    "Models that were trained in the same way from other seeds. Without any, the seeds on record are taken.",
    rivals,
    many=True,
    style={"width": 260, "placeholder": "those on record"},
)
RUN = params.SwitchParam(
    "proof.check",
    "Run the ten checks",
    "They are not run.",
    "Takes up to a minute: some checks explain or disturb many samples.",
)
CONTROLS = (REPORTED, CLAIMED, RIVALS, SEEDS, RUN)
OPTIONS = {"reported": REPORTED, "claimed": CLAIMED, "rivals": RIVALS, "seeds": SEEDS}


def parse_figures(value: str, study: Study) -> tuple[claims.ClaimedFigure, ...]:
    """Return reported figures from a text that separates them by commas.

    Raises:
        InvalidInput, NotFound: see `claims.parse_figure`.
    """
    parts = [part for part in value.split(",") if part.strip()]
    return tuple(claims.parse_figure(part, study.dataset) for part in parts[: claims.MOST])


def read_claims(
    study: Study,
    reported: str | None = None,
    claimed: Sequence[str] | None = None,
    rivals: Sequence[str] | None = None,
    seeds: Sequence[str] | None = None,
) -> claims.Claims:
    """Return the claims of a page's parameters.

    Raises:
        InvalidInput, NotFound: when one does not fit the model and its data.
    """
    return claims.Claims(
        parse_figures(reported or "", study),
        _names(claimed),
        _names(rivals),
        _names(seeds),
    )


def _names(chosen: Sequence[str] | None) -> tuple[str, ...]:
    """Return the chosen names; an address holds an empty one where none is chosen."""
    return tuple(name for name in chosen or () if name)[:MOST_NAMES]


def referee(
    study: Study,
    *,
    reported: str | None = None,
    claimed: Sequence[str] | None = None,
    rivals: Sequence[str] | None = None,
    seeds: Sequence[str] | None = None,
) -> View:
    """Draw the ten checks of a reviewer as a table: it has no figure.

    Args:
        study: a model on its data.
        reported: figures of a paper, such as "acc2_non0=0.79". claimed: names of resources that it says are needed.
        rivals: models that it compares with. seeds: models trained from other seeds.
    """
    review = run.find_review(study, read_claims(study, reported, claimed, rivals, seeds))
    dataset = study.dataset

    def table() -> pd.DataFrame:
        return review_table(review)

    return View(
        name="referee-checks",
        title=text.escape_markdown(words.summarise_review(review)),
        figure=None,
        caption=f"ten checks of {text.escape_markdown(study.name)} on {len(dataset.rows('test')):,} test samples of "
        f"{text.escape_markdown(dataset.name)}. {rules.describe_resampling(dataset, dataset.rows('test'))}; over "
        "seeds, t intervals. Plain models are linear and quadratic models, trees and a small network, fitted to the "
        "training samples and chosen on the validation samples.",
        limits="Faults that leave no trace in the data, the model and its record are not found, such as a split chosen "
        "by its result.",
        alternative=" ".join(words.describe_check(one) for one in review.checks),
        table=table,
    )


def review_table(review: run.Review) -> pd.DataFrame:
    """Return one row for each check: verdict, finding, and the number with its interval."""
    rows = []
    for one in review.checks:
        row: dict[str, Any] = {
            "check": words.TOPICS[one.topic].title,
            "verdict": words.VERDICTS[one.verdict],
            "finding": words.describe_check(one),
            "number": one.unit,
        }
        if one.number is not None:
            row |= {"value": one.number.value, "low": one.number.low, "high": one.number.high}
        rows.append(row)
    return pd.DataFrame(rows)


def working_modalities(study: Study) -> View:
    """Draw with which modalities a model still works, told at test time, beside plain models trained with these."""
    check = run.find_review(study).of(Topic.ROBUSTNESS)
    table = check.table
    assert table is not None
    sets = table[table["noise"] == ""]
    names = [str(name).replace("+", " + ") for name in sets["modalities"]]
    figure = model_charts.interval_dots(
        names,
        {
            title: sets[[side, f"{side} low", f"{side} high"]].to_numpy(float)
            for side, title in SIDES.items()
        },
        hues=[style.term_colour(term, study.modalities) for term in sets["modalities"]],
        x_title=f"{check.numbers['metric']} on the test samples",
    )
    noisy = table[table["noise"] != ""]
    noise = ", ".join(f"{row.noise} {row.told:.3f}" for row in noisy.itertuples())
    return View(
        name="referee-modalities",
        title=text.escape_markdown(words.describe_working_modalities(check)),
        figure=figure,
        caption=f"{check.numbers['metric']} with each set of modalities: of this model, told which are there (the "
        "others "
        "are averaged over the background), and of plain models that were trained with these alone. "
        f"{rules.describe_resampling(study.dataset, study.dataset.rows('test'))}. With noise of "
        f"{check.numbers['level']:g} standard deviation on one modality: {text.escape_markdown(noise)}.",
        limits="A model trained with fewer modalities may reach more; `qfusion check --retrain` trains it.",
        alternative="Told: "
        + rules.list_numbers(names, sets["told"].to_numpy(float))
        + "; plain models: "
        + rules.list_numbers(names, sets["plain"].to_numpy(float))
        + ".",
        table=lambda: table,
    )


def is_reviewed(study: Study) -> bool:
    """Return whether a model is checked with fewer modalities: it reads features, and the truth is known."""
    return study.reads_features and study.has_truth and len(study.modalities) > 1
