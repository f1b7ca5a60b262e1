"""People beside a model on the Compare page: one clip in one figure, and whether both decide and fuse alike."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from qfusion._checks import check_present
from qfusion._sentences import true_minus
from qfusion.app import (
    guidance,
    links,
    page_context,
    page_runs,
    panels,
    selections,
    sharing,
    state,
    widgets,
)
from qfusion.app.sharing import compared_views
from qfusion.plugins.people.beside import crowd_comparison, panels as builders, words
from qfusion.study import compare, opening, text
from qfusion.study.sample import Sample
from qfusion.views.pages import address, page_state
from qfusion.views.words.names import name_study


def people_and_model(context: page_context.PageContext, sample: Sample) -> None:
    """Draw people beside a model of the same clips, or which of them can be set beside each other."""
    view = state.get(links.PIN)
    if view is None:
        _suggest_partners(context)
    else:
        compared_views(context, view)
        _draw_sides(context, sample, view)


@page_runs.fragment
def _draw_sides(context: page_context.PageContext, sample: Sample, view: page_state.Pin) -> None:
    """Draw one clip before people and before the model, and all clips of both."""
    address.resolve_pin(view)
    sides = compare.compare_samples(sample, view.model, view.sample, view.data, tweak=view.tweak)
    if crowd_comparison.find_people(sides) is None:
        st.info(crowd_comparison.find_mismatch(sides), icon=":material/help:")
        _suggest_partners(context)
        return
    _draw_clip(context, sides, view)
    _draw_all_clips(context, sides, view)


def _suggest_partners(context: page_context.PageContext) -> None:
    """Draw buttons that set people beside a model of the same clips, or a model beside people."""
    study = context.study
    names = address.model_names()
    partners = crowd_comparison.find_partners(study)
    if not partners:
        st.info(
            "Nobody rated the samples of this model. `data import-ratings` imports ratings of clips.",
            icon=":material/groups:",
        )
    with st.container(horizontal=True, key="people-partners"):
        for name in partners:
            other = opening.open_study(name)
            if clip := crowd_comparison.find_clip(study, context.row, other):
                short = text.escape_markdown(names[name].short)
                st.button(
                    f"A = {text.escape_markdown(name_study(study).short)}, B = {short}, which saw the same clips",
                    key=f"_partner_{name}",
                    icon=":material/groups:",
                    on_click=_compare_with_partner,
                    args=(sharing.current_pin(study, context.row), name, other.dataset.name, clip),
                )


def _compare_with_partner(view: page_state.Pin, model: str, data: str, sample: str) -> None:
    state.put(links.PIN, view)
    state.put(address.MODEL.key, model)
    state.put(address.DATA.key, data)
    state.choose_sample(sample)


def _draw_clip(
    context: page_context.PageContext, sides: compare.Sides, view: page_state.Pin
) -> None:
    """Draw people and model on one clip, with what the reader chooses."""
    choices = _draw_choices(sides)
    if reason := crowd_comparison.find_mismatch(sides, builders.read_choices(**choices)):
        st.info(text.escape_markdown(reason), icon=":material/help:")
        return
    result = crowd_comparison.compare_sides(sides, builders.read_choices(**choices))
    guidance.page_summary(
        f"{text.escape_markdown(true_minus(words.describe_fusing(result)))}. "
        f"{text.escape_markdown(true_minus(words.describe_verdicts(result)))}."
    )
    if not builders.is_one_clip(sides, **choices):
        _offer_the_clip_of_b(sides, view)
    panels.show(sides, "crowd-waterfall", first=1)


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


def _offer_the_clip_of_b(sides: compare.Sides, view: page_state.Pin) -> None:
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
            args=(links.PIN, replace(view, sample=clip)),
        )


def _draw_all_clips(
    context: page_context.PageContext, sides: compare.Sides, view: page_state.Pin
) -> None:
    """Draw whether people and model decide and fuse alike on all clips of both."""
    panels.show(sides, "crowd-agreement", "crowd-terms", columns=2)
    names = panels.builders(sides, "crowd-alone")
    if names:
        panels.show_with_controls(
            sides,
            "crowd-alone",
            lambda: widgets.draw(builders.ALONE),
            on_select=lambda key: _open_clip(key, sides, view),
        )


def _open_clip(key: str, sides: compare.Sides, view: page_state.Pin) -> None:
    """Show the clicked clip on both sides, under the name that each has for it. For callbacks."""
    choices = builders.read_choices(
        **{name: state.get(param.key) for name, param in builders.CHOICES.items()}
    )
    result = crowd_comparison.compare_sides(sides, choices)
    places = builders.places_alone(result, state.get(builders.ALONE.key))[: builders.MAX_BARS]
    place = selections.selected_index(key, len(places))
    if place is None:
        return
    clip = places[place]
    people, model = check_present(crowd_comparison.find_people(sides), "One side must be people.")
    names = [str(result.ids[clip]), str(model.dataset.ids[result.clips.model[clip]])]
    if people is sides.b:
        names.reverse()
    state.put(links.PIN, replace(view, sample=names[0]))
    state.choose_sample(names[1])
