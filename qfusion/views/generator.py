"""The generator of a model in time, and which of its terms built which contribution to a decision."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._checks import check, choose
from qfusion._sentences import listed, share, top
from qfusion.data.coalition_terms import split_term
from qfusion.explain.path_attribution import Course, CourseSummary, PathAttribution, summarise
from qfusion.figures import generator_attribution, generator_charts, term_effects
from qfusion.study import operators, text
from qfusion.study.sample import Sample
from qfusion.views.decision import cursor_time
from qfusion.views.pages.choices import TIMED, Cursor
from qfusion.views.pages.params import SelectParam
from qfusion.views.sensitivity import cohort_words
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.names import UNRAVELLING, name_operators
from qfusion.views.words.rules import cite_sample

COHERENT = "H: coherent"
JUMPS = "dissipation"
MAX_LETTERS = 20
_UNITS = {COHERENT: "(root mean square energy)", JUMPS: "(jumps per time)"}


BUILT_OVER = SelectParam(
    "builtof",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    operators.cohorts,
    fits=TIMED,
)
Over = Annotated[str, BUILT_OVER]

BUILT_PART = SelectParam(
    "built",
    "Contribution",
    "The contribution with the largest change is shown.",
    values=lambda study: (BASELINE, *study.terms),
    fits=TIMED,
)

OPERATOR = SelectParam(
    "letters",
    "Operator",
    "H is shown.",
    "Operator that is expanded below. L1, L2, ... are those of one unravelling, as under "
    "Trajectories.",
    lambda study: name_operators(study.model),
    look="segments",
    fits=TIMED,
)


def couplings(sample: Sample) -> View:
    """Who is coupled with whom, and how strongly, by H and by dissipation.

    Args:
        sample: of a model with time, under its tweak.
    """
    system = sample.model.system()
    energies, rates = operators.coalition_strengths(system)
    parts = {COHERENT: energies} | ({JUMPS: rates} if len(system.jumps) else {})
    joint = {term: value for term, value in energies.items() if "+" in term}
    strongest = max(joint, key=lambda term: joint[term], default="")
    title = "H has no couplings"
    if strongest and joint[strongest] > 1e-9 * max(energies.values()):
        names = text.escape_markdown(listed(split_term(strongest)))
        title = f"H couples {names} most ({joint[strongest]:.2f})"
    numbers = [
        f"{name}: " + ", ".join(f"{term} {value:.3g}" for term, value in part.items())
        for name, part in parts.items()
    ]
    return View(
        generator_charts.coupling_matrix(parts, system.names, _UNITS),
        title,
        caption="the parts of H and of the traceless jump operators that act on exactly these modalities, "
        "the same in every gauge. Discs act on one modality, lines on two, stars on more. H: root "
        "mean square energy, √(Tr H_S² / D); dissipation: jumps per time in the maximally mixed "
        "state, Σ Tr L_A†L_A / D. Parts are orthogonal, so squared energies and rates are additive."
        f"{model_caption(sample)}",
        limits="A strong coupling need not change a decision: see Sensitivity.",
        table=pd.DataFrame(
            {
                "modalities": list(energies),
                "energy_of_H": list(energies.values()),
                "rate_of_dissipation": [rates.get(term, 0.0) for term in energies],
            }
        ),
        alternative=f"{'; '.join(numbers)}.",
    )


def levels(sample: Sample) -> View:
    """Energy levels of H, without and with its couplings.

    Args:
        sample: of a model with time, under its tweak.
    """
    free, coupled = operators.levels(sample.model.system())
    return View(
        generator_charts.energy_levels(free, coupled),
        describe_spectrum_width(free, coupled),
        caption=f"the {len(free)} eigenvalues of H: left without couplings, right with all terms; levels are "
        f"joined in order.{model_caption(sample)}",
        limits="The eigenstates of the levels are not drawn.",
        table=pd.DataFrame(
            {
                "level": np.arange(1, len(free) + 1),
                "energy_alone": free,
                "energy_with_couplings": coupled,
            }
        ),
        alternative=f"Levels by themselves from {free[0]:.3f} to {free[-1]:.3f}, with couplings from "
        f"{coupled[0]:.3f} to {coupled[-1]:.3f}.",
    )


def operator_coefficients(
    sample: Sample, *, operator: Annotated[str, OPERATOR] = operators.HAMILTONIAN
) -> View:
    """The largest terms of an operator in a product of Pauli words, or of Gell-Mann matrices.

    Args:
        sample: of a model with time, under its tweak.
        operator: "H", "L1", "L2", ... or "read-out".
    """
    known = name_operators(sample.model)
    system = sample.model.system()
    terms, share = operators.largest(
        operators.operator(sample, system, choose("Operator", operator, known)), system, MAX_LETTERS
    )
    check(
        bool(terms),
        f"Operator {operator} is a multiple of the identity: there is nothing to take apart.",
    )
    names = [letter.words for letter in terms]
    values = np.array([letter.value for letter in terms])
    basis = (
        "Pauli words and generalised Gell-Mann matrices (S and A couple two levels, D are diagonal)"
    )
    if all(d & (d - 1) == 0 for d in system.dims):
        basis = "Pauli words, a letter for each qubit of a modality"
    unravelling = f" {UNRAVELLING}" if operator.startswith("L") else ""
    numbers = [f"{name} {_number(value)}" for name, value in zip(names[:8], values, strict=False)]
    return View(
        generator_charts.operator_coefficients(
            names, [letter.term for letter in terms], values, system.names
        ),
        describe_largest_coefficients(operator, names, values),
        caption=f"coefficients Tr[P†A] / D of the {known[operator]} in products of {basis}; modalities that are not "
        f"named have the identity. The {len(terms)} largest hold {share:.0%} of the sum of all squares."
        f"{model_caption(sample)}{unravelling}",
        limits="The identity and smaller terms are left out: see the table of strengths by coalition.",
        table=pd.DataFrame(
            {
                "operator": operator,
                "modalities": [letter.term for letter in terms],
                "letters": [" ".join(letter.letters) for letter in terms],
                "real": values.real,
                "imaginary": values.imag,
            }
        ),
        alternative=f"{', '.join(numbers)}.",
        name="letters",
    )


def decay_modes(sample: Sample) -> View:
    """The eigenvalues of the generator in the complex plane.

    Args:
        sample: of a model with time whose joint state has at most `inside.MAX_MODES` levels.
    """
    values = operators.modes(sample.model.system())
    away = -values.real
    least = 1e-9 * max(float(np.abs(values).max()), 1e-300)
    gap = float(away[away > least].min()) if bool((away > least).any()) else 0.0
    still = int((away <= least).sum())
    stay = "does not decay and remains" if still == 1 else "do not decay and remain"
    return View(
        generator_charts.decay_modes(values, gap),
        f"The slowest decay is {gap:.2g} per time" if gap else "Nothing decays",
        caption=f"all {len(values):,} eigenvalues of the generator of the master equation: real parts are rates at "
        f"which modes decay, imaginary parts frequencies. {still} {stay} in the end.{model_caption(sample)}",
        limits="A mode may have no share in this sample's state.",
        table=pd.DataFrame({"rate": away, "frequency": values.imag}),
        alternative=f"{len(values):,} eigenvalues, rates from {away.min():.3g} to {away.max():.3g}; gap {gap:.3g}.",
        name="modes",
    )


def describe_spectrum_width(free: np.ndarray, coupled: np.ndarray) -> str:
    """Describe the effect of couplings on the levels of H, without them (D,) and with them (D,), both ascending."""
    before, after = (float(values[-1] - values[0]) for values in (free, coupled))
    if np.allclose(free, coupled):
        return "Couplings do not change the levels"
    if f"{before:.2f}" == f"{after:.2f}":
        return (
            f"Couplings shift levels by up to {np.abs(coupled - free).max():.2g}; their span remains "
            f"{after:.2f}"
        )
    return f"Couplings change the span of the levels from {before:.2f} to {after:.2f}"


def describe_largest_coefficients(operator: str, names: Sequence[str], values: np.ndarray) -> str:
    """Describe which terms of an operator are the largest, by their names and coefficients (n,)."""
    sizes = dict(zip(names, np.abs(values).tolist(), strict=True))
    first = top(sizes)
    if round(sizes[first[0]], 2) == 0:
        return f"{operator}: all terms are below 0.01"
    number = dict(zip(names, map(_number, values), strict=True))
    if len(first) <= rules.MAX_NAMED:
        words = listed([f"{text.escape_markdown(name)} ({number[name]})" for name in first])
    else:
        words = f"{len(first)} terms, of size {sizes[first[0]]:.2f}"
    return rules.choose_template(
        first,
        sizes,
        one=f"{operator}: {text.escape_markdown(first[0])} is the largest of its terms ({number[first[0]]})",
        some=f"{operator}: the largest of its terms, equal in size: {words}",
    )


def _number(value: complex) -> str:
    return f"{value.real:+.2f}" if abs(value.imag) <= 1e-9 * abs(value) else f"{abs(value):.2f}"


def model_caption(sample: Sample) -> str:
    """Return the end of a caption on the generator: the same for every sample, and the sliders that are moved."""
    sentence = " The same for every sample."
    if sample.tweak_text:
        sentence += f" Sliders: {text.escape_markdown(sample.tweak_text)}."
    return sentence


BASELINE = "baseline"


def path_attribution(sample: Sample, over: str = operators.THIS) -> PathAttribution:
    """Return the contribution of each coupling and dissipation, averaged over a cohort of
    `study.operators.cohorts`.
    """
    study = sample.study
    return operators.built(
        study,
        operators.cohort_rows(study, sample.row, over, lambda: study.frame(sample.output)),
        sample.output,
        sample.tweak,
    )


def attribution_matrix(sample: Sample, *, over: Over = operators.THIS) -> View:
    """The contribution of every coupling and dissipation to every dividend; the choices are those of
    `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, _ = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built",
        result,
        over,
        generator_attribution.attribution_matrix(
            result.dividends,
            titles,
            result.parts,
            result.start,
            result.end,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        built_table(result, sample.quantity),
        shows="the amount that each coupling (H) and each dissipation term adds to each contribution. A row begins "
        "at the contribution without evolution, and its numbers sum to the explained contribution.",
        limits="Does not show the predictions of a model trained without a coupling, nor the effect of removing a "
        "coupling from this model: two couplings that depend on each other share their effect.",
    )


def attribution_over_time(
    sample: Sample,
    *,
    over: Over = operators.THIS,
    part: Annotated[str, BUILT_PART] = "",
    t: Cursor = 1.0,
) -> View:
    """One contribution over time, split by the terms that built it.

    Args:
        sample: a sample of a model with time.
        over: this sample or the mean over several, of `study.operators.cohorts`.
        part: "baseline" or a contribution, such as "text+audio"; by default the joint one that the dynamics changed
            most.
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    result = path_attribution(sample, over)
    dividend = "" if part == BASELINE else part or result.largest_changed_dividend()
    s = result.row(dividend)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built-over-time",
        result,
        over,
        term_effects.attribution_areas(
            result.times,
            result.over_time[:, s],
            titles,
            hues,
            dividend,
            start=float(result.start[s]),
            cursor=cursor_time(sample, t),
            unit=sample.unit,
        ),
        result.dividend_frame(dividend),
        shows="one contribution through the evolution, split into the parts that each coupling (H) and dissipation "
        "has added (above the dotted start) and removed (below) so far; the line is their sum.",
        limits="Does not show the other contributions, to which the same couplings may have moved the missing part.",
    )


def attribution_flow(sample: Sample, *, over: Over = operators.THIS) -> View:
    """The flow from modalities through the terms that act on them to the decision; the choices are those of
    `attribution_over_time`.
    """
    result = path_attribution(sample, over)
    titles, hues = generator_attribution.term_styles(result.terms, result.modalities)
    return _make_view(
        sample,
        "built-flow",
        result,
        over,
        generator_attribution.attribution_flow(
            result.dividends,
            titles,
            hues,
            result.acts,
            result.parts,
            result.start,
            result.end,
            result.modalities,
            unit=sample.unit,
            quantity=sample.quantity,
        ),
        built_flow_table(result, sample.quantity),
        shows="the flow from modalities through the terms that act on them to the contributions and their sum; the "
        "width of a band is its size. The bands of a coupling are shared evenly among the modalities that it "
        "acts on.",
        limits="Does not show how much a modality contributes to a coupling: only the effect of the coupling is "
        "measured. Bands thinner than half a percent of all are left out.",
    )


def built_table(built: PathAttribution, quantity: str = "score") -> pd.DataFrame:
    """Return one row per `dividend` and one for their sum: `start`, the contribution of each term, and `end`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    table = built.frame()
    return pd.concat(
        [
            table,
            pd.DataFrame([{"dividend": quantity} | table.drop(columns="dividend").sum().to_dict()]),
        ],
        ignore_index=True,
    )


def built_flow_table(built: PathAttribution, quantity: str = "score") -> pd.DataFrame:
    """Return one row a band of the flow diagram behind the modalities: `from`, `to`, `value`.

    Args:
        quantity: name of the sum, "log-odds" or "score".
    """
    names = [name or "baseline" for name in built.dividends]
    return pd.DataFrame(
        [
            *zip(["without evolution"] * len(names), names, built.start, strict=True),
            *(
                (parameter.key, name, built.parts[s, g])
                for g, parameter in enumerate(built.terms)
                for s, name in enumerate(names)
            ),
            *zip(names, [quantity] * len(names), built.end, strict=True),
        ],
        columns=["from", "to", "value"],
    )


def _make_view(
    sample: Sample,
    name: str,
    result: PathAttribution,
    over: str,
    figure: go.Figure,
    table: pd.DataFrame,
    *,
    shows: str,
    limits: str,
) -> View:
    title = text.escape_markdown(describe_building(result))
    if over == operators.THIS:
        samples = cite_sample(sample)
    else:
        samples = f" Mean over {cohort_words(sample, over, result.count, result.count)}."
    parts = [
        f"{term or BASELINE} from {result.start[s]:+.2f} to {result.end[s]:+.2f}"
        for s, term in enumerate(result.dividends)
    ]
    return View(
        figure,
        title,
        caption=f"{shows}{samples} {describe_comparison(sample.study.background)} Aumann–Shapley "
        f"values, which are additive to {result.error:.0e}.",
        limits=limits,
        table=table,
        alternative=f"{title}. {'; '.join(parts)}",
        heading="Contributions by coupling",
        name=name,
    )


# Effect of the dynamics on the contributions.
COURSE_TITLES: dict[Course, str] = {
    Course.NO_TERMS: "No evolution: contributions do not change",
    Course.UNCHANGED: "The dynamics do not change the {quantity}",
    Course.CHANGED: "The dynamics take the {quantity} from {start:.2f} to {end:.2f}: {terms}",
}
JOINT, OWN = "joint contributions", "contribution"
LARGEST_TERM = "{share} of the change by {term}"
SECOND_TERM = "{share} by {term}"
MAX_TERMS = 2  # that a title names
LEAST_SHARE = 0.01  # of a second term that is named


def describe_building(result: PathAttribution) -> str:
    """Return which terms of the dynamics changed the joint contributions most, as a title."""
    return describe_course(summarise(result))


def describe_course(summary: CourseSummary) -> str:
    """Return how the dynamics changed the contributions, as a title."""
    terms = [
        (SECOND_TERM if place else LARGEST_TERM).format(share=share(part), term=term)
        for place, (term, part) in enumerate(summary.shares.items())
        if place == 0 or (place < MAX_TERMS and part >= LEAST_SHARE)
    ]
    return COURSE_TITLES[summary.kind].format(
        quantity=JOINT if summary.joint else OWN,
        start=summary.start,
        end=summary.end,
        terms=", ".join(terms),
    )
