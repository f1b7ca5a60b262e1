"""The Dynamics page: its panels in order, the readers' choices and the sliders of the generator."""

from typing import Any

from qfusion import plugin
from qfusion.models.protocols import Evolution, Physics
from qfusion.models.tweak import DURATION, Tweak, learned_values
from qfusion.study import operators
from qfusion.study.sample import Sample
from qfusion.study.sliders import STEPS
from qfusion.study.study import Study
from qfusion.views import decision, dynamics, generator, states
from qfusion.views.pages import page_state, params
from qfusion.views.pages.choices import CURSOR, TIMED, needs
from qfusion.views.pages.panel import all_open, make_panel, panels, variants
from qfusion.views.sensitivity import HAS_TERMS, effect_sensitivity, term_response, tornado

# whether a sample's, or study's, model evolves several modalities in time
evolves_jointly = needs(Evolution, where=lambda study: len(study.modalities) > 1)


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
CONTROLS = (VIEW, TURN, CURSOR, STATE_AS)
# where a panel stands: in a view
_DECISION, _CORRELATED, _SAMPLED, _STATE, _SETTLED = map(VIEW.is_one_of, VIEW.options()[:5])
_GENERATOR = VIEW.is_one_of("H and L")
PANELS = {
    **panels(decision.decision_over_time, fits=TIMED, opens=_DECISION),
    **panels(decision.waterfall_now, fits=TIMED, opens=_DECISION, below=True),
    **panels(
        variants(dynamics.correlation, "{}", kind=dynamics.FIRST_MEASURES),
        fits=TIMED,
        opens=_CORRELATED,
    ),
    **panels(dynamics.trajectories, dynamics.ensemble, fits=TIMED, opens=_SAMPLED),
    **panels(states.populations, fits=TIMED, opens=_STATE),
    **panels(
        variants(states.matrix, "matrix-{}", part=states.MATRIX_PARTS),
        fits=TIMED,
        opens=all_open(_STATE, STATE_AS.is_one_of(HEAT)),
    ),
    **panels(dynamics.distance, dynamics.steady, fits=reaches_steady_state, opens=_SETTLED),
}
NAMED = {
    "measure-": make_panel(
        dynamics.correlation,
        rest="kind",
        fits=TIMED,
        opens=_CORRELATED,
        endings=lambda view, sample: [
            kind for kind in dynamics.measure_panels() if kind not in dynamics.FIRST_MEASURES
        ],
    )
}
STATE_PANELS = {
    **panels(dynamics.information, fits=evolves_jointly, opens=_CORRELATED),
    **panels(dynamics.raster, fits=needs(where=dynamics.has_jumps), opens=_SAMPLED),
    **panels(states.hinton, fits=TIMED, opens=all_open(_STATE, STATE_AS.is_one_of(HINTON))),
    **panels(states.bloch, fits=needs(where=states.has_qubits), opens=_STATE),
    **panels(
        variants(states.elements_over_time, "{}-over-time", part=states.PARTS),
        fits=TIMED,
        opens=_STATE,
    ),
}

BUILT_AS = params.SelectParam(
    "builtas",
    "Show as",
    "The matrix is shown.",
    values=("matrix", "over time", "flow"),
    look="segments",
    fits=TIMED,
)
BUILT = {
    name: make_panel(view, fits=TIMED, opens=all_open(_DECISION, BUILT_AS.is_one_of(drawn_as)))
    for name, view, drawn_as in (
        ("built", generator.attribution_matrix, "matrix"),
        ("built-over-time", generator.attribution_over_time, "over time"),
        ("built-flow", generator.attribution_flow, "flow"),
    )
}
GENERATOR_PANELS = {
    **panels(
        generator.couplings,
        generator.levels,
        {"letters": generator.operator_coefficients},
        fits=TIMED,
        opens=_GENERATOR,
    ),
    **panels({"modes": generator.decay_modes}, fits=operators.has_modes, opens=_GENERATOR),
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


TABLE = params.SwitchParam(
    "table.terms", "All terms as a table", "It stays folded.", fits=HAS_TERMS
)
WITHOUT = params.SwitchParam(
    "without",
    "Test metrics without each term (a second or more)",
    "They are not computed.",
    "Metrics of the model without one term.",
    fits=HAS_TERMS,
)


SENSITIVITY_CONTROLS = (TABLE, WITHOUT)


def _is_open(view: page_state.PageState) -> bool:
    """Return whether the view of Dynamics, for a model with time, or of Circuit, for any other, is open."""
    timed = view.has_part(Evolution)
    return (
        timed == (view.page == "dynamics")
        and view.get("view" if timed else "part") == "Sensitivity"
    )


SENSITIVITY_PANELS = {
    **panels(tornado, fits=has_effect, opens=_is_open),
    **panels(
        {"way": term_response},
        # some term does not act linearly, so that there is a way to follow
        fits=lambda sample, effect="", over=operators.THIS, **_: (
            sample.study.model.part(Physics) is not None
            and bool(effect_sensitivity(sample, effect, over).followable_terms())
        ),
        opens=_is_open,
    ),
}
