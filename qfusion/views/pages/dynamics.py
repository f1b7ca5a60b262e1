"""The Dynamics page: its panels in order, the readers' choices and the sliders of the generator."""

from functools import partial
from typing import Any

from qfusion import plugin
from qfusion.models.protocols import Evolution, LayeredNetwork, Physics
from qfusion.study import physics_terms
from qfusion.study.sample import Sample
from qfusion.views import decision, dynamics, generator_attribution, network, qubits, states
from qfusion.views.pages import choices, page_state, params
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
# where a panel stands: in a view
_DECISION, _CORRELATED, _SAMPLED, _STATE, _SETTLED = map(VIEW.is_one_of, VIEW.options()[:5])
_PANELS = {
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
_STATE_PANELS = {
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
        ("built", generator_attribution.attribution_matrix, "matrix"),
        ("built-over-time", generator_attribution.attribution_over_time, "over time"),
        ("built-flow", generator_attribution.attribution_flow, "flow"),
    )
}


def has_effect(
    sample: Sample,
    effect: str = "",
    over: str = physics_terms.THIS,
    group: str = "",
    **_: Any,
) -> bool:
    """Return whether the model consists of terms, and some terms of the group change the effect."""
    if not sample.study.model.part(Physics):
        return False
    result = effect_sensitivity(sample, effect, over).sensitivity
    return (
        len(
            physics_terms.rank_terms(
                result, group or physics_terms.EVERY, sample.model.part(Evolution) is not None
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
        fits=lambda sample, effect="", over=physics_terms.THIS, **_: (
            sample.study.model.part(Physics) is not None
            and bool(effect_sensitivity(sample, effect, over).followable_terms())
        ),
        opens=_is_open,
    ),
}

# of a network, where they are always open
_NETWORK_PANELS = panels(
    network.decision_layers,
    {"entropy-gates": partial(qubits.entropy_gates, marked=False)},
    fits=needs(LayeredNetwork),
)
is_tab_open = VIEW.is_one_of
CONTROLS = (choices.sliders, VIEW, TURN, CURSOR, STATE_AS, BUILT_AS, *SENSITIVITY_CONTROLS)
PANELS = {
    **_PANELS,
    **BUILT,
    **SENSITIVITY_PANELS,
    **_STATE_PANELS,
    **_NETWORK_PANELS,
}
