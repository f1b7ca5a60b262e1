"""The tweak of a model that the reader has set: by sliders on the Dynamics page, or as text on the Circuit page."""

from typing import Any

from qfusion.models.protocols import Evolution
from qfusion.models.tweak import Tweak, learned_values
from qfusion.ui import state
from qfusion.ui.table_edits_field import edits_problem, edits_text
from qfusion.views.pages import page_state


def current_tweak(study: Any) -> str:
    """Return the tweak that the reader has set for this model on the Dynamics or Circuit page. It is empty if
    everything is as learned, or if the edits do not fit. A number that was set for another model, and that no slider
    of this one can show, is left out.
    """
    if not study.model.part(Evolution):
        return "" if edits_problem(study) else edits_text().strip(" ,")
    highest = page_state.slider_tops(study.model)
    numbers = [
        (key, value)
        for key in learned_values(study.model)
        if isinstance(value := state.get(key), int | float) and 0 <= value <= highest[key]
    ]
    return str(page_state.parse_slider_tweak(study.model, Tweak.of(numbers, study.model)))
