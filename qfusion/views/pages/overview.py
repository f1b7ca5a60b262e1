"""The panels of the Overview page: test metrics and one example per model."""

from dataclasses import replace

from qfusion.models.protocols import Evolution, MassStates
from qfusion.study import compare
from qfusion.study.study import Study
from qfusion.views import decision, overview
from qfusion.views.pages import page_state, panel
from qfusion.views.pages.panel import drawn
from qfusion.views.pages.samples import NAMED, curve_names


def _example_kinds(view: page_state.PageState, study: Study) -> list[str]:
    return [one.kind for one in compare.find_examples(study)]


OVERVIEW = {
    "waterfall": panel.Panel(drawn(decision.waterfall)),
    "questions": panel.Panel(drawn(overview.questions)),
    "test-metrics": panel.Panel(
        drawn(overview.test_metrics),
        fits=lambda study, **_: bool(study.card.get("metrics", {}).get("test")),
        scope="study",
    ),
}
EXAMPLES = {
    "telling-waterfall-": panel.Panel(
        drawn(overview.example_waterfall), rest="kind", endings=_example_kinds, scope="study"
    ),
    "telling-entropy-": panel.Panel(
        drawn(overview.example_entropy),
        rest="kind",
        endings=_example_kinds,
        fits=panel.needs(Evolution),
        scope="study",
    ),
    "telling-masses-": panel.Panel(
        drawn(overview.example_masses),
        rest="kind",
        endings=_example_kinds,
        fits=panel.needs(MassStates, where=lambda study: not study.model.part(Evolution)),
        scope="study",
    ),
    "content-": replace(
        NAMED["content-"],
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
