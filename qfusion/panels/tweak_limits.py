"""Ranges of the sliders that tweak a model, and tweaks that these sliders can show."""

from typing import Any

from qfusion._checks import require_number
from qfusion.analysis import slider_curves
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import Tweak, learned_values

# What an address may say of a model's couplings, dissipation and duration: factors from 0 to the top of their sliders.


def slider_tops(model: Any) -> dict[str, float]:
    """Return the highest value of every slider, by key; the lowest is 0."""
    return {key: slider_curves.slider_range(model, key)[1] for key in learned_values(model)}


def parse_slider_tweak(model: Any, tweak: Tweak | str) -> Tweak:
    """Return a tweak, given as text or not, that the sliders can show.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of its range.
    """
    result, highest = model.parse_tweak(tweak), slider_tops(model)
    for key, value in result.numbers().items():
        require_number(key, value, 0, highest[key])
    return result


def parse_tweak(study: Any, text: str) -> Any:
    """Return the tweak of a pin or link, as the model takes it.

    Raises:
        InvalidInput, NotFound: when it does not fit the model, or no slider can show it.
    """
    return (
        parse_slider_tweak(study.model, text)
        if study.model.part(Evolution)
        else study.model.parse_tweak(text)
    )
