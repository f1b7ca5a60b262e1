"""What an address may say of a model's couplings, dissipation and duration: factors from 0 to the top of their sliders;
and of the rates of single jump operators, which had sliders once."""

from __future__ import annotations

from functools import partial
from typing import Any

from qfusion._checks import require_number
from qfusion.analysis.subject import Workspace
from qfusion.errors import InvalidInput
from qfusion.explain.sensitivity import TOP_DURATION, TOP_FACTOR
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, RATE, Tweak, current_key, learned
from qfusion.panels.core import allowed as rules
from qfusion.panels.core.allowed import Allowed
from qfusion.panels.core.view import View

TOP_RATE = 4.0
_FACTORS = (COUPLING, DISSIPATION, RATE)  # how keys of factors begin
_TOPS = {COUPLING: TOP_FACTOR, DISSIPATION: TOP_FACTOR, RATE: TOP_RATE, DURATION: TOP_DURATION}


def tops(model: Any) -> dict[str, float]:
    """Returns the highest value of every slider, by key; the lowest is 0."""
    return {
        key: default * next(top for start, top in _TOPS.items() if key.startswith(start))
        for key, default in learned(model).items()
    }


def allowed(view: View, work: Workspace) -> dict[str, Allowed]:
    """What an address may say about the sliders; also names factors that this model does not have."""
    if not work.can("time"):
        return {}
    default, highest = learned(work.model), tops(work.model)
    strange = [key for key in view.address if key.startswith(_FACTORS) and key not in default]
    found = {
        key: rules.number(
            key, 0, highest[key], f"{'T = ' if key == DURATION else ''}{value:g} is used."
        )
        for key, value in default.items()
    }
    return found | {
        key: Allowed(partial(_unknown, work.model, key), "It is ignored.") for key in strange
    }


def _unknown(model: Any, key: str, _: str) -> None:
    """Raises NotFound or InvalidInput: the model has no slider of that name."""
    Tweak.of([(key, 1)], model)


def renamed(view: View, work: Workspace) -> dict[str, str]:
    """Returns parameters of couplings that stand under a name of old, with the name that they have today."""
    found = {}
    for key in view.address:
        if key.startswith(_FACTORS) and key not in learned(work.model):
            try:
                now = current_key(key, work.modalities)
            except InvalidInput:
                continue
            if now != key:
                found[key] = now
    return found


def fitting(model: Any, tweak: Tweak | str) -> Tweak:
    """Returns a tweak, given as text or not, that the sliders can show.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of its range.
    """
    found, highest = model.parse_tweak(tweak), tops(model)
    for key, value in found.numbers().items():
        require_number(key, value, 0, highest[key])
    return found


def turned(model: Any, said: str) -> dict[str, float]:
    """Returns the value of every slider where a link asks for some as `turn`, such as "H.text=0.5,T=1.2", the others as
    learned.

    Raises:
        InvalidInput, NotFound: as `fitting`.
    """
    return learned(model) | fitting(model, said).numbers()
