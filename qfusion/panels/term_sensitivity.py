"""The effect of every term of a model on a decision: the choices and panels of Dynamics and Circuit."""

from typing import Any

from qfusion.analysis import physics_sensitivity
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.models.protocols import Evolution, Physics
from qfusion.panels import page_state, params
from qfusion.panels.panel import Panel
from qfusion.panels.views import drawn
from qfusion.views.sensitivity import effect_sensitivity, term_response, tornado


def has_effect(
    sample: Sample,
    effect: str = "",
    over: str = physics_sensitivity.THIS,
    group: str = "",
    **_: Any,
) -> bool:
    """Return whether the model consists of terms, and some terms of the group change the effect."""
    if not sample.study.model.part(Physics):
        return False
    result = effect_sensitivity(sample, effect, over).sensitivity
    return (
        len(
            physics_sensitivity.rank_terms(
                result, group or physics_sensitivity.EVERY, sample.model.part(Evolution) is not None
            )
        )
        > 0
    )


EFFECT = params.SelectParam(
    "effect",
    "Effect on",
    "That on the explained output is shown.",
    "The quantity on which the terms act: the log-odds or score, a part of it, or a state's entropy or log-negativity.",
    physics_sensitivity.targets,
    present=physics_sensitivity.present_name,
)
COHORT = params.SelectParam(
    "over",
    "Samples",
    "This sample is shown.",
    "This sample, or the mean over several.",
    physics_sensitivity.cohorts,
)
GROUP = params.SelectParam(
    "terms",
    "Terms",
    "All terms are shown.",
    "The parts of the model that are weakened and removed.",
    lambda study: physics_sensitivity.GROUPS[study.model.part(Evolution) is not None],
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


_TERMS = {"effect": EFFECT, "over": COHORT}
PANELS = {
    "tornado": Panel(
        drawn(tornado), {**_TERMS, "group": GROUP, "half": HALF}, fits=has_effect, opens=_is_open
    ),
    "way": Panel(
        drawn(term_response),
        {**_TERMS, "term": FOLLOWED},
        # some term does not act linearly, so that there is a way to follow
        fits=lambda sample, effect="", over=physics_sensitivity.THIS, **_: (
            sample.study.model.part(Physics) is not None
            and bool(effect_sensitivity(sample, effect, over).followable_terms())
        ),
        opens=_is_open,
    ),
}
