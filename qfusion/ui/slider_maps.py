"""The map of two sliders on the Dynamics page: pickers, the figure, and a click that sets both."""

import math
from functools import partial

from qfusion._sentences import capitalise
from qfusion.analysis.sample import Sample
from qfusion.models.tweak import DURATION
from qfusion.panels import dynamics_page, slider_maps
from qfusion.ui import knob_addresses, page_context, page_params, panels, selections, state, widgets
from qfusion.ui.components import component


def draw_slider_map(context: page_context.PageContext, sample: Sample) -> None:
    """Draw the pickers of two sliders and the score against both."""
    titles = slider_maps.slider_titles(sample.study)
    across, up = slider_maps.default_pair(
        sample, _wanted(slider_maps.ACROSS.key, titles), _wanted(slider_maps.UP.key, titles)
    )
    if (
        page_params.param_text(slider_maps.UP.key) == across
    ):  # which is chosen for the other axis now
        state.forget(slider_maps.UP.key)
    options = {key: f"{title} ({key})" for key, title in titles.items()}
    with widgets.grid("map-sliders"):
        usual = slider_maps.default_pair(sample)
        for control, default, other in (
            (slider_maps.ACROSS, usual[0], ""),
            (slider_maps.UP, usual[1], across),
        ):
            widgets.draw(
                control,
                options=[key for key in titles if key != other],
                default=default if default != other else usual[0],
                format_func=lambda key: options.get(key, key),
            )
    panels.show(
        sample,
        context.theme,
        "slider-map",
        on_select=partial(_set_both, sample, across, up),
    )
    _follow_drag(sample, across, up)


def _follow_drag(sample: Sample, across: str, up: str) -> None:
    """Draw the script by which both sliders, and what the page shows, follow a drag in the map."""
    titles, sliders = slider_maps.slider_titles(sample.study), dynamics_page.factors(sample.study)
    numbers = sample.tweak.numbers()
    metrics = sample.study.dataset.target.known
    followed = knob_addresses.FollowedPair(sample, across, up, metrics)
    component("pairs")(
        key="map-script",
        data={
            "figure": "slider-map",
            "panel": "panel-slider-map",
            "usage": "Both sliders of the map. Arrow keys move them, with Shift by ten steps.",
            "sheet": {
                "address": knob_addresses.knobs_address(followed),
                "stages": [knob_addresses.PAIR],
            },
            "sides": [
                {
                    "knob": key,
                    "label": capitalise(titles[key]),
                    "unit": "= " if key == DURATION else "× ",
                    "value": numbers.get(key, sliders[key].default),
                    "step": float(sliders[key].step or 0.01),
                    "high": float(sliders[key].high or 0.0),
                }
                for key in (across, up)
            ],
        },
    )


def _wanted(key: str, known: dict[str, str]) -> str:
    value = page_params.param_text(key)
    return value if value in known else ""


def _set_both(sample: Sample, across: str, up: str, figure: str) -> None:
    """Set both sliders to the nearest values of a point that was clicked."""
    point = selections.selected_point(figure)
    sliders = dynamics_page.factors(sample.study)
    values = {}
    for key, axis in ((across, "x"), (up, "y")):
        value, slider = point.get(axis), sliders[key]
        step = float(slider.step or 0.01)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return
        places = round(min(max(float(value), 0.0), float(slider.high or 0.0)) / step)
        values[key] = round(places * step, 10)
    for key, value in values.items():
        state.put(key, value)
