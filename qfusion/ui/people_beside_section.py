"""People beside a model on the Compare page: one clip in one figure, and whether both decide and fuse alike."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from qfusion._checks import check_present
from qfusion._sentences import true_minus
from qfusion.analysis import compare, crowd_comparison, text
from qfusion.panels import crowd_beside as builders, pins
from qfusion.ui import page_context, panels, saved, selections, state, take_home, widgets
from qfusion.wording import crowd_comparison as words


def are_people_beside(sides: compare.Sides) -> bool:
    """Return whether one side are people and the other is a model."""
    return crowd_comparison.find_people(sides) is not None


def one_clip(context: page_context.PageContext, sides: compare.Sides, view: pins.Pin) -> bool:
    """Draw people and model on one clip, with what the reader chooses, and return whether they show one.

    Args:
        context: of the page. sides: people and a model. view: the pin, side A.
    """
    choices = _draw_choices(sides)
    if reason := crowd_comparison.find_mismatch(sides, builders.read_choices(**choices)):
        st.info(text.escape_markdown(reason), icon=":material/help:")
        return False
    result = crowd_comparison.compare_sides(sides, builders.read_choices(**choices))
    take_home.take_home(
        f"{text.escape_markdown(true_minus(words.describe_fusing(result)))}. "
        f"{text.escape_markdown(true_minus(words.describe_verdicts(result)))}."
    )
    if not builders.is_one_clip(sides, **choices):
        _offer_the_clip_of_b(sides, view)
        return False
    panels.show(sides, context.theme, "crowd-waterfall", first=1)
    return True


def _draw_choices(sides: compare.Sides) -> dict[str, str]:
    """Draw scale and clips; the names of modalities and classes, where they do not match or were given."""
    scale, split = widgets.row(builders.SCALE, builders.SPLIT)
    choices = {"scale": scale, "split": split}
    given = {key: str(state.get(param.key) or "") for key, param in _NAMES.items()}
    reason = crowd_comparison.find_mismatch(sides, builders.read_choices(**choices))
    if reason or any(given.values()):
        values = widgets.row(*_NAMES.values())
        given = dict(zip(_NAMES, map(str, values), strict=True))
    return choices | given


_NAMES: Mapping[str, builders.params.TextParam] = {
    "match": builders.MATCH,
    "classes": builders.CLASSES,
}


def _offer_the_clip_of_b(sides: compare.Sides, view: pins.Pin) -> None:
    clip = crowd_comparison.find_clip(sides.b.study, sides.b.row, sides.a.study)
    st.info(
        "A and B show different clips, so each has a figure of its own."
        if clip
        else f"{text.escape_markdown(sides.b.id)} is not a clip of A. Choose another one for B.",
        icon=":material/help:",
    )
    if clip:
        st.button(
            f"Show {text.escape_markdown(clip)} on both sides",
            key="_same_clip",
            icon=":material/compare:",
            on_click=state.put,
            args=(saved.PIN, replace(view, sample=clip)),
        )


def all_clips(context: page_context.PageContext, sides: compare.Sides, view: pins.Pin) -> None:
    """Draw whether people and model decide and fuse alike on all clips of both."""
    panels.show(sides, context.theme, "crowd-agreement", "crowd-terms", columns=2)
    names = panels.builders(sides, context.theme, "crowd-alone")
    if names:
        panels.show_with_controls(
            sides,
            context.theme,
            "crowd-alone",
            lambda: widgets.draw(builders.ALONE),
            on_select=lambda key: _open_clip(key, sides, view),
        )


def _open_clip(key: str, sides: compare.Sides, view: pins.Pin) -> None:
    """Show the clicked clip on both sides, under the name that each has for it. For callbacks."""
    choices = builders.read_choices(
        **{name: state.get(param.key) for name, param in builders.CHOICES.items()}
    )
    result = crowd_comparison.compare_sides(sides, choices)
    places = builders.places_alone(result, state.get(builders.ALONE.key))[: builders.MAX_BARS]
    place = selections.parse_index(selections.selected_point(key).get("point_index"), len(places))
    if place is None:
        return
    clip = places[place]
    people, model = check_present(crowd_comparison.find_people(sides), "One side must be people.")
    names = [str(result.ids[clip]), str(model.dataset.ids[result.clips.model[clip]])]
    if people is sides.b:
        names.reverse()
    state.put(saved.PIN, replace(view, sample=names[0]))
    state.choose_sample(names[1])
