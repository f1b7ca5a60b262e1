"""The Dynamics page: its panels in order, the readers' choices and the sliders of the generator."""

from dataclasses import replace

from qfusion import plugin
from qfusion.analysis import slider_curves
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.models.tweak import DURATION, Tweak, learned_values
from qfusion.panels import page_state, panel, params, tweak_limits
from qfusion.panels.views import drawn, make_panel
from qfusion.views import correlations, decision, states, steady_states, trajectories
from qfusion.views.decision import ABOVE_TITLES, WHOLE, upper_measures

# whether a sample's, or study's, model evolves several modalities in time
evolves_jointly = panel.needs(Evolution, where=lambda study: len(study.modalities) > 1)


def reaches_steady_state(sample: Sample) -> bool:
    """Return whether the sample evolves in time to a steady state."""
    if not sample.study.model.part(Evolution):
        return False
    attractor = steady_states.long_time_limit(sample).attractor
    return attractor.steady is not None and attractor.distance is not None


def factors(study: Study) -> dict[str, params.NumberParam]:
    """Return the sliders of a model with time, by key: factors on couplings and dissipation, and the duration."""
    highest = tweak_limits.slider_tops(study.model)
    return {
        key: params.NumberParam(
            key,
            key,
            f"{'T = ' if key == DURATION else ''}{value:g} is used.",
            high=highest[key],
            default=value,
            step=value / slider_curves.STEPS,
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
    test=lambda study, value: tweak_limits.parse_slider_tweak(study.model, value),
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
        drawn(correlations.correlation), _T, {"kind": kind}, fits=TIMED, opens=_CORRELATED
    )
    for kind in correlations.FIRST_MEASURES
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
        drawn(trajectories.trajectories),
        {"runs": RUNS, "whose": QUANTITY},
        fits=TIMED,
        opens=_SAMPLED,
    ),
    "ensemble": panel.Panel(
        drawn(trajectories.ensemble), {"runs": RUNS}, fits=TIMED, opens=_SAMPLED
    ),
    "populations": panel.Panel(
        drawn(states.populations), {"whose": STATE_OF, **_T}, fits=TIMED, opens=_STATE
    ),
    **_MATRICES,
    "distance": panel.Panel(
        drawn(steady_states.distance), fits=reaches_steady_state, opens=_SETTLED
    ),
    "steady": panel.Panel(drawn(steady_states.steady), fits=reaches_steady_state, opens=_SETTLED),
}
NAMED = {
    "measure-": panel.Panel(
        drawn(correlations.correlation),
        _T,
        rest="kind",
        fits=TIMED,
        opens=_CORRELATED,
        endings=lambda view, sample: [
            kind
            for kind in correlations.measure_panels()
            if kind not in correlations.FIRST_MEASURES
        ],
    )
}
