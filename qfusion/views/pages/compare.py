"""The Compare page: its panels of two decisions and of several samples, with their controls."""

from dataclasses import replace

from qfusion import plugin
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.study import compare
from qfusion.study.sample import Sample
from qfusion.views import samples as sample_views, several_decisions, two_decisions
from qfusion.views.pages import choices, page_state, params, samples
from qfusion.views.pages.panel import drawn, make_panel, panels, variants
from qfusion.views.several_decisions import SAMPLES
from qfusion.views.view import View


def have_entropies(sides: compare.Sides) -> bool:
    """Return whether both have entropies of the same parts: of states that evolve, or of fused qubits."""
    evolves = [one.study.model.part(Evolution) is not None for one in (sides.a, sides.b)]
    return evolves[0] == evolves[1] and bool(sides.a.entropies.keys() & sides.b.entropies)


def curve(sides: compare.Sides, row: int, modality: str, card: str = "main") -> View:
    """Draw a spectrum or profile of one of the two samples, see `samples.curve`. It is sample A on the card "main"
    if A is in that row, or else sample B.
    """
    one = sides.a if card == "main" and row == sides.a.row else sides.b
    return drawn(sample_views.curve)(one.study, row=row, modality=modality, card=card)


def _curves(view: page_state.PageState, sides: compare.Sides) -> list[str]:
    a = sides.a
    b = sides.b
    if a.study.dataset.digest == b.study.dataset.digest and a.row == b.row:
        return samples.curve_names(b.study, [b.row], "main")
    return [
        *samples.curve_names(a.study, [a.row], "main"),
        *samples.curve_names(b.study, [b.row], "main" if a.row != b.row else "card"),
    ]


def _curve_columns(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the ends of the names of the raw curves of the chosen samples."""
    return [
        name.removeprefix("several-")
        for name in samples.curve_names(
            sample.study,
            several_decisions.chosen_rows(sample, SAMPLES(view) or []),
            "several",
        )
    ]


TWO, SEVERAL = ("Two decisions", "Several samples")
VIEWS = (TWO, SEVERAL, *plugin.tab_names("compare"))
VIEW = params.SelectParam(
    "compare.view",
    "View",
    "Two decisions are shown.",
    values=VIEWS,
    look="segments",
    style={"label_visibility": "collapsed"},
)


def is_pair(view: page_state.PageState) -> bool:
    """Return whether the page compares the pinned selection with the one that the bar shows."""
    return bool(view.get("pin")) and VIEW.is_one_of(TWO)(view)


TWEAK_B = params.SwitchParam("tweak", "Tweak B", "It stays folded.")
CONTROLS = (
    choices.sliders,
    replace(choices.EDITS, fits=lambda study: not study.model.part(Evolution)),
    *(TWEAK_B, SAMPLES, VIEW),
)
is_tab_open = VIEW.is_one_of
_SEVERAL = VIEW.is_one_of(SEVERAL)
PANELS = {
    **panels(
        variants(two_decisions.waterfall, "waterfall-{}", letter="AB"),
        opens=is_pair,
    ),
    **panels(two_decisions.differences, fits=compare.comparable, opens=is_pair),
    **panels(
        two_decisions.compare_classes,
        fits=lambda sides: (
            bool(sides.b.study.classes) and sides.a.study.classes == sides.b.study.classes
        ),
        opens=is_pair,
    ),
    **panels(two_decisions.shares, opens=is_pair),
    **panels(two_decisions.disagreements, fits=compare.two_models, opens=is_pair),
    **panels(two_decisions.entropies, fits=have_entropies, opens=is_pair),
    **panels(several_decisions.several_decisions, opens=_SEVERAL),
    **panels(
        several_decisions.several_entropies,
        opens=_SEVERAL,
        fits=lambda sample, **_: (
            sample.model.part(Evolution) is not None or sample.model.part(TruthTables) is not None
        ),
    ),
    **{name: replace(panel, opens=is_pair) for name, panel in samples.BESIDE.items()},
}
NAMED = {
    "content-several-": make_panel(
        sample_views.sample_curve,
        rest=lambda view, rest: samples.parse_curve_name(view, f"several-{rest}"),
        endings=_curve_columns,
        opens=_SEVERAL,
    ),
    "content-": make_panel(
        curve, cached=False, rest=samples.parse_curve_name, endings=_curves, opens=is_pair
    ),
}
