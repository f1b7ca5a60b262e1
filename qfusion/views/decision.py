"""The decision on a sample over time, as if the system were read out earlier, and at its end."""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Literal

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import listed
from qfusion.analysis import sample_evolution, text
from qfusion.analysis.sample import Sample
from qfusion.explain import stability
from qfusion.figures import decision_charts, evolution_charts, result_tables
from qfusion.quantum.measure_kinds import KINDS
from qfusion.views import Slider, View, alt_text
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline, describe_comparison
from qfusion.wording.samples import cite_sample, cite_states

ENTROPY, ENTANGLEMENT, PAIRS = ABOVE = ("entropy", "entanglement", "mutual information")
(DIVIDENDS, SHAPLEY), WHOLE = stability.TERM_KINDS, "all together"
SHOWN_STATES = 4
ABOVE_TITLES = {
    ENTROPY: ENTROPY,
    ENTANGLEMENT: "log-negativity",
    PAIRS: PAIRS,
}  # as pages name them
_ABOVE = {
    ENTROPY: (
        "entropy",
        "the mixing of each modality's state and of the joint state (von Neumann entropy)",
        "the mean von Neumann entropy",
    ),
    ENTANGLEMENT: (
        "negativity",
        "the logarithmic negativity of each modality with the rest, a measure of entanglement",
        "the mean log-negativity",
    ),
    PAIRS: (
        "mutual_information",
        "the correlation, classical and quantum, of the pairs on which changed terms act (mutual "
        "information)",
        "the mean mutual information of pairs",
    ),
}


def upper_measures(modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the measures that can be drawn above the decision. A single modality has no pairs."""
    return ABOVE if len(modalities) > 1 else ABOVE[:-1]


def upper_curves(
    sample: Sample, above: str = ENTROPY
) -> tuple[dict[str, np.ndarray], np.ndarray, str, str]:
    """Return the curves drawn beside the decision: series of each modality and of all, or of the pairs on which the
    tweak acts.

    The mean over modalities or these pairs, its name, its unit.
    """
    kind, _, name = _ABOVE[choose("Measure", above, upper_measures(sample.modalities))]
    if above == PAIRS:
        pairs = tweaked_pairs(sample)
        series = _mutual_information(sample, pairs)
        if len(pairs) == 1:
            name = f"the mutual information of {listed([text.escape_markdown(name) for name in pairs[0]])}"
    else:
        series = sample.track(negativity=above == ENTANGLEMENT).measures.single(kind)
    # a pure state's is 0 up to rounding
    mean = np.mean([values for whose, values in series.items() if whose], 0).clip(0.0) + 0.0
    return series, mean, name, KINDS[kind].unit


def upper_series(sample: Sample, above: str = ENTROPY) -> tuple[str, tuple[str, ...]]:
    """Return the measure that is drawn above the decision, and the groups of modalities that it is drawn of, as
    `analysis.slider_curves.measure_curves` takes them.
    """
    kind = _ABOVE[choose("Measure", above, upper_measures(sample.modalities))][0]
    if above == PAIRS:
        return kind, tuple("+".join(pair) for pair in tweaked_pairs(sample))
    return kind, tuple(upper_curves(sample, above)[0])


def tweaked_pairs(sample: Sample) -> list[tuple[str, ...]]:
    """Return the pairs of modalities that changed terms act on, within larger groups too.

    All where nothing is changed, or all that evolves.
    """
    parts = sample_evolution.affected_modalities(sample.tweak, sample.modalities) or [
        sample.modalities
    ]
    return [
        pair
        for pair in combinations(sample.modalities, 2)
        if any({*part} <= {*pair} or {*pair} <= {*part} for part in parts)
    ]


def _mutual_information(sample: Sample, pairs: Sequence[tuple[str, ...]]) -> dict[str, np.ndarray]:
    shared = sample.track().measures.by_part("mutual_information")
    return {"+".join(pair): shared[pair].clip(0.0) + 0.0 for pair in pairs}


def decision_over_time(
    sample: Sample,
    *,
    above: Literal["entropy", "entanglement", "mutual information"] = "entropy",
    terms: Literal["contributions", "Shapley values"] = "contributions",
    t: Annotated[float, Slider(0.0, 1.0)] = 1.0,
) -> View:
    """Entropies or log-negativities and the terms of the decision on one time axis.

    Args:
        sample: a sample of a model with time.
        above: what is drawn above the decision; mutual information is that of the pairs that the tweak acts on.
        terms: of the decision, drawn below.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    times = sample.places
    along = sample.path_dividends
    series, mean, name, unit = upper_curves(sample, above)
    shown = terms_over_time(sample, terms)
    before = _learned_curves(sample, above, terms)
    shows = "Shapley values."
    if terms == DIVIDENDS:
        shows = f"contributions: {describe_dashes(len(sample.modalities))}."
    if before is not None:
        shows += " Thin, dotted: as learned."
    cause = ", and jumps also raise it" if above == ENTROPY else ""
    drawn = alt_text.list_curves({term: line for term, line in shown.items() if term}, "+.2f")
    return View(
        evolution_charts.decision_lines(
            times,
            series,
            shown,
            sample.modalities,
            before=before,
            unit=sample.unit,
            above=KINDS[_ABOVE[above][0]].short_axis,
            what="contribution" if terms == DIVIDENDS else "Shapley value",
            cursor=cursor_time(sample, t),
        ),
        answers.title_joint_course(along, mean, name, unit, [f"t = {at:.2f}" for at in times]),
        caption=f"above, {_ABOVE[above][1]}; below, the decision when read out at t, split into {shows}"
        f"{cite_states(sample)} {describe_comparison(sample.study.background)}",
        limits=f"an effect of the quantity above on the decision: it is a correlation{cause}. The baseline is left "
        "out below.",
        table=_numbers_over_time(sample, series, _ABOVE[above][0]),
        alternative=f"Above, {ABOVE_TITLES[above]}: {alt_text.list_curves(series)}. Below, {terms}: {drawn}.",
        heading=f"{ABOVE_TITLES[above].capitalize()} and contributions over time",
        lead=f"**When did it happen?** {answers.answer_since_when(sample)} **What did the dynamics add?** "
        f"{answers.answer_change(sample)}",
    )


def _learned_curves(
    sample: Sample, above: str, terms: str
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]] | None:
    """Return times, upper and lower curves of the model as it was learned; None if nothing is changed."""
    learned = sample.untweaked
    if sample.tweak == learned.tweak:
        return None
    if above == PAIRS:
        series = _mutual_information(learned, tweaked_pairs(sample))
    else:
        series = upper_curves(learned, above)[0]
    return learned.places, series, terms_over_time(learned, terms)


def _numbers_over_time(sample: Sample, series: dict[str, np.ndarray], measure: str) -> pd.DataFrame:
    """Return contributions, Shapley values and the upper curves, a row for each time."""
    columns = {"t": sample.places}
    for term, line in sample.path_dividends.items():
        columns[f"dividend[{term or 'baseline'}]"] = line
    for name, line in sample.path_shapley.items():
        columns[f"shapley[{name}]"] = line
    for name, line in series.items():
        columns[f"{measure}[{name or 'all'}]"] = line
    return pd.DataFrame(columns)


def describe_dashes(modalities: int) -> str:
    """Return how the terms of so many modalities are drawn, in words."""
    most = "dotted all three" if modalities == 3 else "dotted in larger groups"
    return ", ".join(("solid alone", "dashed in pairs", most)[:modalities])


def waterfall_now(sample: Sample) -> View:
    """The decision at T under the sliders, term by term."""
    final = sample.dividends
    return View(
        decision_charts.waterfall(
            final,
            sample.modalities,
            truth=sample.target,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        answers.title_decision(sample.verdict, sample),
        caption=f"the decision at T under the sliders, term by term.{cite_sample(sample)} "
        f"{describe_baseline(sample.study.background)}",
        limits="the learned model.",
        table=result_tables.terms_table(final),
        alternative=f"Waterfall of the decision at T: {alt_text.list_terms(final)}.",
        usage="Reset above the sliders returns to the learned model.",
    )


def terms_over_time(sample: Sample, what: str) -> dict[str, np.ndarray]:
    """Return the contributions, or the Shapley values, of the explained output over time, by name."""
    return sample.path_dividends if what == DIVIDENDS else sample.path_shapley


def cursor_time(sample: Sample, t: float) -> float | None:
    """Return the time of a share t of T, where a cursor is drawn: not at 0 and 1."""
    if 0 < t < 1:
        return t * float(sample_evolution.time_grid(float(sample.model.duration))[-1])
    return None
