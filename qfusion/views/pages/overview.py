"""The panels of the Overview page: test metrics and one example per model."""

from dataclasses import replace
from functools import partial

from qfusion.models.protocols import Circuit, Evolution, MassStates
from qfusion.study import compare
from qfusion.study.study import Study
from qfusion.views import circuit, decision, overview
from qfusion.views.pages import choices, page_state
from qfusion.views.pages.choices import needs
from qfusion.views.pages.panel import make_panel, panels
from qfusion.views.pages.samples import CURVES, curve_names


def _example_kinds(view: page_state.PageState, study: Study) -> list[str]:
    return [one.kind for one in compare.find_examples(study)]


_CIRCUIT = partial(
    circuit.circuit,
    gate=None,
    steps=circuit.STEPS,
    gates=circuit.EACH,
    cone=circuit.NONE,
    display="at the scrubber",
)
CONTROLS = (choices.sliders,)
PANELS = {
    **panels({"decision-over-time": overview.entanglement_and_decision}, fits=needs(Evolution)),
    **panels(
        {"circuit": _CIRCUIT},
        fits=needs(Circuit, where=lambda study: not study.model.part(Evolution)),
    ),
    **panels(
        decision.shapley,
        fits=needs(
            where=lambda study: not study.model.part(Evolution) and not study.model.part(Circuit)
        ),
    ),
    **panels(decision.waterfall, overview.questions),
    **panels(
        overview.test_metrics,
        fits=lambda study: bool(study.card.get("metrics", {}).get("test")),
    ),
}
_example = partial(make_panel, rest="kind", endings=_example_kinds)
NAMED = {
    "telling-waterfall-": _example(overview.example_waterfall),
    "telling-entropy-": _example(overview.example_entropy, fits=needs(Evolution)),
    "telling-masses-": _example(
        overview.example_masses,
        fits=needs(MassStates, where=lambda study: not study.model.part(Evolution)),
    ),
    "content-": replace(
        CURVES,
        endings=lambda view, study: [
            *curve_names(
                study,
                [study.dataset.row(one.sample) for one in compare.find_examples(study)],
                "card",
            ),
            *curve_names(study, [study.dataset.row(view.require("sample"))], "now"),
        ],
    ),
}
