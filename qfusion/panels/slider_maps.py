"""The score of a sample on a map of two sliders of the Dynamics page."""

import numpy as np

from qfusion._checks import choose
from qfusion._sentences import share
from qfusion.analysis import slider_pairs, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures import slider_map as figures, style
from qfusion.models.abilities import can
from qfusion.models.tweak import DURATION, couplings, dissipations, learned_values
from qfusion.panels import page_state, panel, params
from qfusion.wording.samples import cite_sample, name_explained_class


def slider_titles(study: Study) -> dict[str, str]:
    """Return the names of the sliders of a model with time, by key."""
    names = tuple(study.modalities)
    titles = {key: f"H: {style.term_title(term)}" for key, term in couplings(names).items()}
    for key, term in dissipations(names).items():
        titles[key] = f"dissipation: {style.term_title(term)}"
    titles[DURATION] = "duration T"
    return {key: titles[key] for key in learned_values(study.model)}


@panel.cached
def slider_map(
    sample: Sample, theme: style.Theme = "light", *, across: str = "", up: str = ""
) -> panel.PanelFigure:
    """Draw the explained score against two sliders, with the boundary of the decision.

    Args:
        sample: a sample of a model with time, under the sliders.
        theme: of the figure.
        across, up: keys of the sliders; by default the two over whose ranges the score changes most.
    """
    known = slider_titles(sample.study)
    first, second = default_pair(sample, across, up)
    pair = slider_pairs.slider_map(sample, first, second)
    decided = pair.decisions(sample.study.decides_by_sign)
    learned = learned_values(sample.study.model)
    figure = figures.slider_map(
        pair.x,
        pair.y,
        pair.scores[..., sample.output],
        None if decided is None else pair.margin(sample.output),
        now=pair.now,
        learned=(learned[first], learned[second]),
        x_title=figures.axis_title(known[first], first == DURATION),
        y_title=figures.axis_title(known[second], second == DURATION),
        unit=sample.unit,
        theme=theme,
    )
    scores = pair.scores[..., sample.output]
    names = f"{known[first]} and {known[second]}"
    quantity = text.escape_markdown(sample.quantity)
    extent = f"from {scores.min():+.2f} to {scores.max():+.2f}"
    return panel.PanelFigure(
        "slider-map",
        text.escape_markdown(_title(pair, decided, names, quantity, extent)),
        figure,
        shows=f"the {quantity}{name_explained_class(sample)} for all values of two sliders, the others where they "
        f"stand ({pair.evaluations} exact evaluations; estimated error {pair.error:.0e} of the largest value). The "
        "black line is where the decision for it changes, the ring is now, the cross as learned."
        + cite_sample(sample),
        not_shown="test metrics: other samples change elsewhere.",
        usage="Click a point, or drag, to set both sliders there.",
        alt=f"Map of the {quantity} against {names}: {extent}.",
        table=lambda: pair.frame(sample.output, sample.quantity),
    )


def default_pair(sample: Sample, across: str = "", up: str = "") -> tuple[str, str]:
    """Return the keys of two different sliders: those given, or else the strongest ones."""
    known = tuple(slider_titles(sample.study))
    strongest = slider_pairs.strongest_pair(sample)
    first = choose("Slider", across, known) if across else ""
    second = choose("Slider", up, known) if up else ""
    if not first:
        first = next(key for key in strongest if key != second)
    if not second or second == first:
        second = next(key for key in strongest if key != first)
    return first, second


def _title(
    pair: slider_pairs.SliderMap,
    decided: np.ndarray | None,
    names: str,
    quantity: str,
    extent: str,
) -> str:
    if decided is None:
        return f"{names} take the {quantity} {extent}"
    scores = pair.score_now
    now = int(scores.argmax()) if len(scores) > 1 else int(scores[0] > 0)
    other = float((decided != now).mean())
    if not other:
        return f"{names}: no values of them change the decision"
    return f"{names} change the decision in {share(other)} of their ranges"


ACROSS = params.SelectParam(
    "mapx",
    "Across",
    "The slider that changes the score most is taken.",
    values=lambda study: slider_titles(study),
    checked=False,
)
UP = params.SelectParam(
    "mapy",
    "Up",
    "The slider that changes the score second most is taken.",
    values=lambda study: slider_titles(study),
    checked=False,
)
CONTROLS = (ACROSS, UP)


def map_choices(view: page_state.PageState, study: Study) -> tuple[params.Param, ...]:
    """Return the choices of a reader for the map, which the Dynamics page has for models with time."""
    return CONTROLS if can(study.model, "time") and view.page == "dynamics" else ()


PANELS = {
    "slider-map": panel.Panel(
        slider_map,
        {"across": ACROSS, "up": UP},
        fits=panel.needs("time"),
        opens=lambda view: view.get("view") == "Sensitivity",
    )
}
