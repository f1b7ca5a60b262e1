"""The Dynamics page: its panels in order, the readers' choices and the sliders of the generator."""

from dataclasses import replace
from typing import Any

from qfusion import plugin
from qfusion.models.protocols import Evolution, LayeredNetwork, Physics
from qfusion.models.tweak import DURATION, Tweak, learned_values
from qfusion.study import operators
from qfusion.study.sample import Sample
from qfusion.study.sliders import STEPS
from qfusion.study.study import Study
from qfusion.views import decision, dynamics, states
from qfusion.views.decision import ABOVE_TITLES, WHOLE, upper_measures
from qfusion.views.generator import (
    BASELINE,
    attribution_flow,
    attribution_matrix,
    attribution_over_time,
    couplings,
    decay_modes,
    levels,
    operator_coefficients,
)
from qfusion.views.pages import page_state, panel, params
from qfusion.views.pages.panel import Panel, all_open, drawn, make_panel
from qfusion.views.sensitivity import effect_sensitivity, term_response, tornado
from qfusion.views.words.names import name_operators

# whether a sample's, or study's, model evolves several modalities in time
evolves_jointly = panel.needs(Evolution, where=lambda study: len(study.modalities) > 1)


def reaches_steady_state(sample: Sample) -> bool:
    """Return whether the sample evolves in time to a steady state."""
    if not sample.study.model.part(Evolution):
        return False
    attractor = dynamics.long_time_limit(sample).attractor
    return attractor.steady is not None and attractor.distance is not None


def factors(study: Study) -> dict[str, params.NumberParam]:
    """Return the sliders of a model with time, by key: factors on couplings and dissipation, and the duration."""
    highest = page_state.slider_tops(study.model)
    return {
        key: params.NumberParam(
            key,
            key,
            f"{'T = ' if key == DURATION else ''}{value:g} is used.",
            high=highest[key],
            default=value,
            step=value / STEPS,
            look="slider",
            style={"format": "%.2f"},
        )
        for key, value in learned_values(study.model).items()
    }


def sliders(view: page_state.PageState, study: Study) -> list[params.Param]:
    """Return the parameters for the sliders that an address may contain. They include factors that this model does
    not have but the address names.
    """
    if not study.model.part(Evolution):
        return []
    known = factors(study)
    return [
        *known.values(),
        *params.unknown_params(
            view, page_state.FACTORS, known, lambda key, study, _: Tweak.of([(key, 1)], study.model)
        ),
    ]


TIMED = panel.needs(Evolution)
VIEW = params.SelectParam(
    "view",
    "View",
    "Decision is shown.",
    values=(
        "Decision",
        "Correlations",
        "Trajectories",
        "State",
        "Steady state",
        "Sensitivity",
        "H and L",
        *plugin.tab_names("dynamics"),
    ),
    fits=TIMED,
)
TURN = params.TextParam(
    "turn",
    "Turn",
    "The sliders are unchanged.",
    test=lambda study, value: page_state.parse_slider_tweak(study.model, value),
    fits=TIMED,
)
CURSOR = params.NumberParam(
    "t",
    "Time cursor (of T)",
    "The end of the evolution is shown.",
    default=1.0,
    fits=TIMED,
    style={"format": "percent"},
)
_TERMS = replace(
    panel.TERMS,
    fits=lambda study: (
        study.model.part(Evolution) is not None or study.model.part(LayeredNetwork) is not None
    ),
)
MOVING = params.SelectParam(
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
RUNS = params.SelectParam(
    "runs",
    "Trajectories",
    "20 are sampled.",
    "Number of random trajectories. Their mean approaches the exact evolution as the number grows.",
    ("4", "8", "20", "50", "100", "200"),
    default="20",
    look="steps",
    meanings=params.whole_number("runs", 1, 1000),
    fits=TIMED,
)
QUANTITY = params.SelectParam(
    "quantity",
    "Entanglement entropy of",
    "The first is shown.",
    "The von Neumann entropy of this modality in a single run, whose joint state is pure.",
    lambda study: study.modalities,
    fits=TIMED,
)
STATE_OF = params.SelectParam(
    "of",
    "State of",
    "All together are shown.",
    "The joint state of all modalities, or the reduced state of one.",
    lambda study: (WHOLE, *study.modalities),
    fits=TIMED,
)
HEAT = "Modulus and phase"
HINTON = "Hinton diagram"
STATE_AS = params.SelectParam(
    "matrixas",
    "Matrix as",
    "Modulus and phase are shown.",
    values=(HEAT, HINTON),
    look="segments",
    fits=TIMED,
)
CONTROLS = (VIEW, TURN, CURSOR, _TERMS, MOVING, RUNS, QUANTITY, STATE_OF, STATE_AS)
# where a panel stands: in a view
_DECISION, _CORRELATED, _SAMPLED, _STATE, _SETTLED = map(VIEW.is_one_of, VIEW.options()[:5])
_T = {"t": CURSOR}
_MEASURES = {
    kind.replace("_", "-"): panel.Panel(
        drawn(dynamics.correlation), _T, {"kind": kind}, fits=TIMED, opens=_CORRELATED
    )
    for kind in dynamics.FIRST_MEASURES
}
_MATRICES = {
    f"matrix-{part}": panel.Panel(
        drawn(states.matrix),
        {"whose": STATE_OF, **_T},
        {"part": part},
        fits=TIMED,
        opens=panel.all_open(_STATE, STATE_AS.is_one_of(HEAT)),
    )
    for part in states.MATRIX_PARTS
}
PANELS = {
    "decision-over-time": make_panel(
        decision.decision_over_time,
        {"above": MOVING, "terms": panel.TERMS, **_T},
        fits=TIMED,
        opens=_DECISION,
    ),
    "waterfall-now": make_panel(decision.waterfall_now, fits=TIMED, opens=_DECISION, below=True),
    **_MEASURES,
    "trajectories": panel.Panel(
        drawn(dynamics.trajectories),
        {"runs": RUNS, "whose": QUANTITY},
        fits=TIMED,
        opens=_SAMPLED,
    ),
    "ensemble": panel.Panel(drawn(dynamics.ensemble), {"runs": RUNS}, fits=TIMED, opens=_SAMPLED),
    "populations": panel.Panel(
        drawn(states.populations), {"whose": STATE_OF, **_T}, fits=TIMED, opens=_STATE
    ),
    **_MATRICES,
    "distance": panel.Panel(drawn(dynamics.distance), fits=reaches_steady_state, opens=_SETTLED),
    "steady": panel.Panel(drawn(dynamics.steady), fits=reaches_steady_state, opens=_SETTLED),
}
NAMED = {
    "measure-": panel.Panel(
        drawn(dynamics.correlation),
        _T,
        rest="kind",
        fits=TIMED,
        opens=_CORRELATED,
        endings=lambda view, sample: [
            kind for kind in dynamics.measure_panels() if kind not in dynamics.FIRST_MEASURES
        ],
    )
}


STATE_PANELS = {
    "information": panel.Panel(
        drawn(dynamics.information),
        _T,
        fits=evolves_jointly,
        opens=VIEW.is_one_of("Correlations"),
    ),
    "raster": panel.Panel(
        drawn(dynamics.raster),
        fits=panel.needs(where=dynamics.has_jumps),
        opens=VIEW.is_one_of("Trajectories"),
    ),
    "hinton": panel.Panel(
        drawn(states.hinton),
        {"whose": STATE_OF, **_T},
        fits=TIMED,
        opens=panel.all_open(_STATE, STATE_AS.is_one_of(HINTON)),
    ),
    "bloch": panel.Panel(
        drawn(states.bloch), _T, fits=panel.needs(where=states.has_qubits), opens=_STATE
    ),
    **{
        f"{part}-over-time": panel.Panel(
            drawn(states.elements_over_time), _T, {"part": part}, fits=TIMED, opens=_STATE
        )
        for part in states.PARTS
    },
}


BUILT_AS = params.SelectParam(
    "builtas",
    "Show as",
    "The matrix is shown.",
    values=("matrix", "over time", "flow"),
    look="segments",
    fits=TIMED,
)
BUILT_OVER = params.SelectParam(
    "builtof",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    operators.cohorts,
    fits=TIMED,
)
BUILT_PART = params.SelectParam(
    "built",
    "Contribution",
    "The contribution with the largest change is shown.",
    values=lambda study: (BASELINE, *study.terms),
    fits=TIMED,
)
_OVER = {"over": BUILT_OVER}
BUILT = {
    "built": Panel(
        drawn(attribution_matrix),
        _OVER,
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("matrix")),
    ),
    "built-over-time": Panel(
        drawn(attribution_over_time),
        {**_OVER, "part": BUILT_PART, "t": CURSOR},
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("over time")),
    ),
    "built-flow": Panel(
        drawn(attribution_flow),
        _OVER,
        fits=TIMED,
        opens=all_open(_DECISION, BUILT_AS.is_one_of("flow")),
    ),
}


def has_effect(
    sample: Sample,
    effect: str = "",
    over: str = operators.THIS,
    group: str = "",
    **_: Any,
) -> bool:
    """Return whether the model consists of terms, and some terms of the group change the effect."""
    if not sample.study.model.part(Physics):
        return False
    result = effect_sensitivity(sample, effect, over).sensitivity
    return (
        len(
            operators.rank_terms(
                result, group or operators.EVERY, sample.model.part(Evolution) is not None
            )
        )
        > 0
    )


EFFECT = params.SelectParam(
    "effect",
    "Effect on",
    "That on the explained output is shown.",
    "The quantity on which the terms act: the log-odds or score, a part of it, or a state's entropy or log-negativity.",
    operators.targets,
    present=operators.present_name,
)
COHORT = params.SelectParam(
    "over",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    operators.cohorts,
)
GROUP = params.SelectParam(
    "terms",
    "Terms",
    "All terms are shown.",
    "The parts of the model that are weakened and removed.",
    lambda study: operators.GROUPS[study.model.part(Evolution) is not None],
)
HALF = params.SwitchParam(
    "half",
    "Slope half-way too",
    "It is not computed.",
    "The slope of every term at half its strength: diamonds beside the right bars. It approximates the mean slope "
    "on the way much better than the slope at its end. Takes a second or more.",
)
FOLLOWED = params.SelectParam(
    "term",
    "Response to one term, from removed to its present strength",
    help="All strengths of one part, from removed to the present one.",
    checked=False,
)
TABLE = params.SwitchParam("table.terms", "All terms as a table", "It stays folded.")
WITHOUT = params.SwitchParam(
    "without",
    "Test metrics without each term (a second or more)",
    "They are not computed.",
    "Metrics of the model without one term.",
)


def sensitivity_choices(view: page_state.PageState, study: Study) -> tuple[params.Param, ...]:
    """Return the choices of a reader for sensitivities. They are on the Dynamics page for a model with time and on
    the Circuit page for any other.
    """
    timed = study.model.part(Evolution) is not None
    is_here = study.model.part(Physics) is not None and timed == (view.page == "dynamics")
    return (EFFECT, COHORT, GROUP, HALF, FOLLOWED, TABLE, WITHOUT) if is_here else ()


def _is_open(view: page_state.PageState) -> bool:
    """Return whether the view of Dynamics, or of Circuit, is open."""
    timed = view.has_part(Evolution)
    return (
        timed == (view.page == "dynamics")
        and view.get("view" if timed else "part") == "Sensitivity"
    )


_EFFECT_OVER = {"effect": EFFECT, "over": COHORT}
SENSITIVITY_PANELS = {
    "tornado": Panel(
        drawn(tornado),
        {**_EFFECT_OVER, "group": GROUP, "half": HALF},
        fits=has_effect,
        opens=_is_open,
    ),
    "way": Panel(
        drawn(term_response),
        {**_EFFECT_OVER, "term": FOLLOWED},
        # some term does not act linearly, so that there is a way to follow
        fits=lambda sample, effect="", over=operators.THIS, **_: (
            sample.study.model.part(Physics) is not None
            and bool(effect_sensitivity(sample, effect, over).followable_terms())
        ),
        opens=_is_open,
    ),
}


OPERATOR = params.SelectParam(
    "letters",
    "Operator",
    "H is shown.",
    "Operator that is expanded below. L1, L2, ... are those of one unravelling, as under "
    "Trajectories.",
    lambda study: name_operators(study.model),
    look="segments",
    fits=TIMED,
)
_GENERATOR_OPEN = VIEW.is_one_of("H and L")
GENERATOR_PANELS = {
    "couplings": Panel(drawn(couplings), fits=TIMED, opens=_GENERATOR_OPEN),
    "levels": Panel(drawn(levels), fits=TIMED, opens=_GENERATOR_OPEN),
    "letters": Panel(
        drawn(operator_coefficients), {"operator": OPERATOR}, fits=TIMED, opens=_GENERATOR_OPEN
    ),
    "modes": Panel(drawn(decay_modes), fits=operators.has_modes, opens=_GENERATOR_OPEN),
}
