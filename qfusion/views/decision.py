"""The decision on a sample: over time, as if the system were read out earlier, and at its end."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._checks import choose
from qfusion._sentences import listed, share
from qfusion.explain import stability, verdicts
from qfusion.explain.coalitions import SPREADS, joint_share
from qfusion.explain.verdicts import JointCourse
from qfusion.figures import decision_charts, evolution_charts, style
from qfusion.figures.circuits import fusion
from qfusion.quantum.measure_kinds import KINDS
from qfusion.study import evolution, mistakes, text, trust
from qfusion.study.sample import Sample
from qfusion.views.pages.choices import TIMED, Cursor, TermKind
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import (
    describe_agreement,
    describe_baseline,
    describe_comparison,
    describe_misleading,
    describe_standard_error,
)
from qfusion.views.words.rules import (
    MARKDOWN,
    cite_sample,
    describe_calibration,
    describe_softmax,
    name_explained_class,
)
from qfusion.views.words.verdicts import describe_leader

# Titles: when joint terms lead, which means that the sum of their sizes exceeds that of single modalities. Who decides
# is said of sums with signs, see `words.verdicts`.
COURSE_TITLES: dict[JointCourse, str] = {
    JointCourse.NEVER: "In size, joint terms never lead (joint share {start} to {end}); {moves}",
    JointCourse.LOST: "In size, joint terms do not lead at the end (joint share {start} to {end}); {moves}",
    JointCourse.ALWAYS: "In size, joint terms lead from the start; {moves}",
    JointCourse.FROM: "In size, joint terms lead from {place}; {moves}",
}

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


MOVING = SelectParam(
    "above",
    "Upper panel",
    "Entropies are shown.",
    "The von Neumann entropy (nats) measures mixing by entanglement or by jumps. The "
    "log-negativity (bits) measures entanglement alone, and takes longer to compute. Mutual "
    "information is that of the pairs on which the moved sliders act, or of all pairs if none is moved.",
    lambda study: upper_measures(study.modalities),
    look="segments",
    fits=TIMED,
    style={"format_func": ABOVE_TITLES.__getitem__},
)


def upper_measures(modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the measures that can be drawn above the decision. A single modality is correlated with nothing."""
    return ABOVE if len(modalities) > 1 else ABOVE[:1]


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
    `study.sliders.measure_curves` takes them.
    """
    kind = _ABOVE[choose("Measure", above, upper_measures(sample.modalities))][0]
    if above == PAIRS:
        return kind, tuple("+".join(pair) for pair in tweaked_pairs(sample))
    return kind, tuple(upper_curves(sample, above)[0])


def tweaked_pairs(sample: Sample) -> list[tuple[str, ...]]:
    """Return the pairs of modalities that changed terms act on, within larger groups too.

    All where nothing is changed, or all that evolves.
    """
    parts = evolution.affected_modalities(sample.tweak, sample.modalities) or [sample.modalities]
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
    above: Annotated[Literal["entropy", "entanglement", "mutual information"], MOVING] = "entropy",
    terms: TermKind = "contributions",
    t: Cursor = 1.0,
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
    drawn = rules.list_curves({term: line for term, line in shown.items() if term}, "+.2f")
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
        title_joint_course(along, mean, name, unit, [f"t = {at:.2f}" for at in times]),
        caption=f"above, {_ABOVE[above][1]}; below, the decision when read out at t, split into {shows}"
        f"{cite_sample(sample)} {describe_comparison(sample.study.background)}",
        limits=f"Does not show an effect of the quantity above on the decision: it is a correlation{cause}. The "
        "baseline is left "
        "out below.",
        table=_numbers_over_time(sample, series, _ABOVE[above][0]),
        alternative=f"Above, {ABOVE_TITLES[above]}: {rules.list_curves(series)}. Below, {terms}: {drawn}.",
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
        draw_waterfall(sample, final),
        answers.title_decision(sample.verdict, sample),
        caption=f"the decision at T under the sliders, term by term.{cite_sample(sample)} "
        f"{describe_baseline(sample.study.background)}",
        limits="These values include your slider changes.",
        table=terms_table(final),
        alternative=f"Waterfall of the decision at T: {rules.list_terms(final)}.",
        usage="Reset above the sliders returns to the learned model.",
    )


def terms_over_time(sample: Sample, what: str) -> dict[str, np.ndarray]:
    """Return the contributions, or the Shapley values, of the explained output over time, by name."""
    return sample.path_dividends if what == DIVIDENDS else sample.path_shapley


def cursor_time(sample: Sample, t: float) -> float | None:
    """Return the time of a share t of T, where a cursor is drawn: not at 0 and 1."""
    if 0 < t < 1:
        return t * float(evolution.time_grid(float(sample.model.duration))[-1])
    return None


def verdict(sample: Sample) -> View:
    """The prediction against truth: on the range of the target, or as softmax of the classes."""
    return _predicted_class(sample) if sample.study.classes else _predicted_number(sample)


def _predicted_number(sample: Sample) -> View:
    study = sample.study
    prediction = float(sample.scores[0])
    label = sample.target
    low, high = study.scale
    if study.reads_features:
        mark, what, called = "prediction", "score", "Predicted"
    else:
        mark = what = study.quantity
        called = what.capitalize()
    if label is None:
        end, says = "; no truth is known", "no truth"
    else:
        end, says = f", annotated {label:+z.2f}", f"truth {label:.2f}"
    split = study.dataset.split[sample.row]
    return View(
        decision_charts.target_scale(label, prediction, low, high, unit=sample.unit, name=mark),
        f"{called} {prediction:+z.2f}{end}",
        caption=f"the {what} of this {split} sample beside its annotation, where there is one.",
        limits="A regression has no certainty; its typical test error is on the Overview page.",
        table=pd.DataFrame({"sample": [sample.id], "truth": [label], "prediction": [prediction]}),
        alternative=f"Scale from {low:g} to {high:g}: {says}, {mark} {prediction:.2f}.",
    )


def _predicted_class(sample: Sample) -> View:
    study = sample.study
    truth = sample.true_class
    p = sample.probabilities
    predicted = int(p.argmax())
    name = study.classes[predicted]
    if truth is None:
        end, says = "no truth is known", "no true class is known"
    else:
        true_name = study.classes[truth]
        end = (
            "correctly" if truth == predicted else f"but it is ‘{text.escape_markdown(true_name)}’"
        )
        says = f"true class {true_name} {p[truth]:.2f}"
    term = "" if truth is None else _most_misleading(sample, truth)
    classes = fusion.describe_drawn_classes(study.classes, truth)
    split = study.dataset.split[sample.row]
    return View(
        fusion.class_bars(p, study.classes, truth=truth),
        f"Predicted ‘{text.escape_markdown(name)}’: {describe_softmax(p[predicted])}, {end}"
        f"{describe_misleading(term, sample.verdict, _planted_class(sample, term))}",
        caption=f"{classes} of this {split} sample; the dark bar is the prediction. {describe_calibration(study)}",
        limits="This is not the probability of being right: see the calibration on the Cohorts page.",
        table=classes_table(sample),
        alternative=f"Softmax: predicted {name} {p[predicted]:.2f}, {says}.",
    )


def _most_misleading(sample: Sample, truth: int) -> str:
    """Return the term that pulls most from the true class to the predicted one; empty where that is the true one."""
    explanation = sample.explanation
    places, _ = mistakes.misleading(explanation.dividends, sample.scores[None], np.array([truth]))
    return explanation.coalitions[places[0]]


def _planted_class(sample: Sample, term: str) -> str:
    """Return the class of two that a term was planted for, as Markdown; empty where that is not known."""
    planted = (sample.true_dividends or {}).get(term, 0.0)
    if not planted or len(sample.classes) != 2:
        return ""
    output = sample.output if planted > 0 else 1 - sample.output
    return text.escape_markdown(sample.classes[output])


def classes_table(sample: Sample) -> pd.DataFrame:
    """Return one row a class: `sample`, `class`, `log_odds`, `probability`, and whether it is the `truth`, None where
    none is known.
    """
    truth = sample.true_class
    return pd.DataFrame(
        {
            "sample": sample.id,
            "class": sample.classes,
            "log_odds": sample.scores,
            "probability": sample.probabilities,
            "truth": [
                None if truth is None else place == truth for place in range(len(sample.classes))
            ],
        }
    )


def waterfall(sample: Sample) -> View:
    """The decision, term by term."""
    judged = sample.verdict
    dividends = dict(judged.dividends)
    errors = sample.term_errors
    standard_error = describe_standard_error(sample.explanation, sample.output)
    decided = answers.answer_decision(judged, sample.study.seeds_state)
    baseline = describe_baseline(sample.background)
    agreement = describe_agreement(trust.words_of_sample(sample))
    whiskers = " Whiskers: 95% intervals of the terms." if errors else ""
    pale = ""
    if judged.within_spread:
        typical = trust.load_stability(sample.study).typical_spread
        pale = (
            f" Pale: smaller than {SPREADS:g} standard deviations over {judged.seeds} training seeds (one is "
            f"{typical:.2g} for the least stable term of a typical sample, see Faithfulness)."
        )
    terms = ", ".join(f"{style.term_title(term)} {value:+.2f}" for term, value in dividends.items())
    return View(
        draw_waterfall(sample, dividends, errors),
        answers.title_decision(judged, sample),
        caption=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}."
        f"{cite_sample(sample)} {baseline}{standard_error}{whiskers}{pale} {agreement}".rstrip(),
        limits=rules.EXPLAINS_THE_MODEL,
        table=_terms_table(sample),
        alternative=f"Waterfall: {terms}.",
        lead=f"**Which modality decided this?** {decided}  \n"
        f"**Did the modalities conflict?** {answers.answer_conflict(judged)}",
    )


def draw_waterfall(
    sample: Sample, dividends: Mapping[str, float], errors: Mapping[str, float] | None = None
) -> go.Figure:
    """Draw contributions to the decision on a sample, by term, with their standard errors if there are some."""
    return decision_charts.waterfall(
        dividends,
        sample.modalities,
        truth=sample.target,
        errors=errors or None,
        pale=sample.verdict.within_spread,
        unit=sample.unit,
        quantity=sample.quantity,
    )


def _terms_table(sample: Sample) -> pd.DataFrame:
    """Return the terms of a decision, with the planted ones and the errors that are known of them."""
    judged = sample.verdict
    table = terms_table(judged.dividends, sample=sample.id)
    truth = sample.true_dividends
    if truth is not None:
        table["true_dividend"] = [truth.get(term) for term in judged.dividends]
    errors = sample.term_errors
    if errors:
        table["standard_error"] = [errors.get(term) for term in judged.dividends]
    if judged.seeds:
        table["within_spread"] = [term in judged.within_spread for term in judged.dividends]
    return table


def shapley(sample: Sample) -> View:
    """Shapley values and shares."""
    values = sample.shapley
    shares = sample.shares
    numbers = ", ".join(f"{name} {value:+.2f}" for name, value in values.items())
    return View(
        decision_charts.shapley_bars(values, shares, sample.modalities, unit=sample.unit),
        title_leader(sample) + name_explained_class(sample),
        caption="each modality's fair share of this sample's decision: its own term plus an equal part of every joint "
        "term it takes part in; in brackets its part of the absolute total (MM-SHAP). "
        f"{describe_comparison(sample.background)}",
        limits="It does not say which words, sounds or pixels mattered inside a modality.",
        table=pd.DataFrame(
            {
                "sample": sample.id,
                "modality": list(values),
                "shapley": list(values.values()),
                "share": [shares[name] for name in values],
            }
        ),
        alternative=f"Shapley values: {numbers}.",
    )


def title_leader(sample: Sample) -> str:
    """Return which modality leads by its Shapley share, as a title."""
    return describe_leader(sample.verdict, MARKDOWN._replace(strong=str))


def title_joint_course(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    unit: str,
    where: list[str],
) -> str:
    """Return since when joint terms outweigh single modalities, and where the curve above is largest, as a title.

    Args:
        dividends: contributions by coalition, each (P,) along time or layers.
        moving: a measure of entanglement, (P,).
        moving_name, unit: name and unit of the measure.
        where: names of the P places.
    """
    shares = joint_share(dividends)
    place = verdicts.first_joint_place(shares) or 0
    return COURSE_TITLES[verdicts.joint_course(shares)].format(
        start=share(shares[0]),
        end=share(shares[-1]),
        place=where[place],
        moves=rules.describe_course(moving, moving_name, unit, where),
    )
