"""Whether explanations agree: between methods of Shapley values, and between training seeds."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from qfusion._checks import check_present, choose
from qfusion._sentences import count
from qfusion.analysis import method_comparison, text, trust
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.explain import faithfulness, findings, stability
from qfusion.figures import trust_charts
from qfusion.views import View
from qfusion.wording import extrema
from qfusion.wording.backgrounds import describe_comparison

DIVIDENDS = stability.TERM_KINDS[0]
ROUNDING = 1e-9  # differences of Shapley values below it are rounding


def estimators(sample: Sample) -> View:
    """Shapley values of a sample by four methods, as a table: it has no figure.

    Only against samples as background.
    """
    study = sample.study
    compared = method_comparison.with_row_background(study)
    differs = ""
    if compared.background.kind != study.background.kind:
        differs = " These methods need whole rows; other panels draw each absent modality on its own, so values differ."
    estimates = method_comparison.estimates(study, sample.row, sample.output)
    exact, brute, *others = estimates
    title = describe_estimates(
        exact.seconds, brute.seconds, brute.error, max(one.error for one in others)
    )
    name, unit = text.escape_markdown(sample.id), text.escape_markdown(sample.unit)
    background = describe_comparison(compared.background)
    return View(
        None,
        title,
        caption=f"Shapley values of sample {name} for the {unit} by four ways, seed 0. captum's estimators at their "
        "defaults; a coalition they ask for again is not run again but charged again. "
        f"{background}{differs}",
        limits="other seeds of the estimators, or a whole data set: benchmarks in the repository measure many samples, "
        "and shap too.",
        table=faithfulness.frame(estimates, study.modalities),
        alternative=f"{title}.",
    )


def describe_estimates(exact: float, brute: float, apart: float, error: float) -> str:
    """Describe how exact and brute-force Shapley values, and sampled ones, compare.

    Args:
        exact, brute: seconds. apart: the largest difference of these two. error: the largest of the sampled ones.
    """
    if apart == 0:
        agrees = "agrees in every digit"
    elif apart < ROUNDING:
        agrees = f"agrees to {apart:.0e}"
    else:
        agrees = f"differs by {apart:.0e}"
    if error < ROUNDING:
        sampled = "sampling errs by no more than rounding"
    else:
        sampled = f"sampling errs by up to {error:.2g}"
    return f"Exact in {_time(exact)}; brute force {agrees} and takes {_time(brute)}; {sampled}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def seed_ranks(
    study: Study, *, terms: Literal["contributions", "Shapley values"] = "contributions"
) -> View:
    """The rank correlation of the terms between training seeds; only where seeds were measured."""
    seeds = _load_seeds(study, terms)
    whose = " to the log-odds of the true class" if seeds.of_true_class else ""
    ranks = seeds.rank_correlations(terms)
    means = {name: mean for name, (mean, _) in ranks.items()}
    listed_means = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    return View(
        trust_charts.rank_bars(
            ranks,
            study.modalities,
            floor=findings.STABLE,
            x_title=f"rank correlation of {terms} between seeds (dotted: {findings.STABLE:g})",
        ),
        describe_least_stable(means),
        caption=f"whether {len(seeds.seeds)} models that differ in their training seed alone order "
        f"{seeds.dividends.shape[1]:,} test samples alike: mean over all pairs of seeds, the tick the lowest. "
        f"{terms.capitalize()}{whose} against {seeds.background_size:,} training samples.",
        limits="other training data, settings or libraries.",
        table=pd.DataFrame(
            [{"term": name, "mean": mean, "lowest": low} for name, (mean, low) in ranks.items()]
        ),
        alternative=f"Rank correlation between seeds: {listed_means}.",
    )


def seed_sample(
    sample: Sample, *, terms: Literal["contributions", "Shapley values"] = "contributions"
) -> View:
    """A test sample by every training seed; only where seeds were measured."""
    study = sample.study
    seeds = _load_seeds(study, terms)
    seed_values = check_present(
        trust.seed_values(study, seeds, sample.row, terms),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    values = seed_values.to_numpy()
    unit = study.score_unit(0)
    if seeds.of_true_class:
        true_class = study.classes[int(study.dataset.y[sample.row])]
        unit = f"log-odds of the true class ‘{true_class}’ (nats)"
    spans = ", ".join(
        f"{term} {column.min():+.2f} to {column.max():+.2f}"
        for term, column in zip(seed_values.columns, values.T, strict=True)
    )
    return View(
        trust_charts.seed_dots(
            values, list(seed_values.columns), study.modalities, seeds.seeds, unit=unit
        ),
        f"Sample {text.escape_markdown(sample.id)}: {describe_sign_changes(values)}",
        caption=f"{terms} of this sample by each of {len(seeds.seeds)} training seeds; the filled dot is the model "
        "shown on the other pages.",
        limits="which seed is right: where they differ, the data do not decide.",
        table=seed_values.reset_index(),
        alternative=f"Terms by seed: {spans}.",
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


def _load_seeds(study: Study, terms: str) -> stability.Stability:
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
