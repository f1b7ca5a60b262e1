"""Changes that flip a decision: the nearest state of one modality, the nearest sample that provides another state,
and the smallest change of one parameter.
"""

import math

import streamlit as st

from qfusion.analysis import changed_samples, decision_flips, sample_words, text
from qfusion.data import Content, Text
from qfusion.figures import sample_charts
from qfusion.models.jump.flips import parameter_tweak
from qfusion.models.network import gate_angles
from qfusion.models.protocols import Evolution, Physics
from qfusion.models.terms import ParameterChange
from qfusion.ui import navigation, page_context, panels, sample_strip, widgets
from qfusion.ui.change_controls import apply_change
from qfusion.views.flips import describe_ranges
from qfusion.views.pages import what_if as builders
from qfusion.views.words.names import name_parameter


def nearest_flips(context: page_context.PageContext) -> None:
    """The panel of nearest states and donors, with buttons that apply them."""
    panels.show(context.tweaked_sample(), context.theme, "flips", first=1)
    with st.container(horizontal=True, key="apply-flips"):
        for name, flip in decision_flips.what_would_flip(context.study, context.row).items():
            if flip.state.possible:
                st.button(
                    f"Set {text.escape_markdown(name)} to its nearest flip",
                    key=f"_flip-{name}",
                    icon=":material/flip:",
                    on_click=apply_change,
                    args=(context, name, changed_samples.FLIP),
                )
            if flip.donor_id:
                st.button(
                    _donor_label(context, name, flip.donor_id),
                    key=f"_lend-{name}",
                    on_click=apply_change,
                    args=(context, name, changed_samples.SWAP, flip.donor_id),
                    icon=":material/swap_horiz:",
                )
    sample_strip.draw_pictures(_donor_pictures(context))


def _donor_label(context: page_context.PageContext, modality: str, donor: str) -> str:
    """Return the label of the button that takes a modality of another sample, with its text if it is one."""
    label = f"Take {text.escape_markdown(modality)} of {text.escape_markdown(donor)}"
    content = _donor_content(context, modality, donor)
    if isinstance(content, Text):
        label += f": ‘{text.escape_markdown(sample_words.shorten(content.text))}’"
    return label


def _donor_pictures(context: page_context.PageContext) -> list[tuple[str, str]]:
    """Return small pictures of what the donors lend, each with a caption."""
    pictures = []
    for name, flip in decision_flips.what_would_flip(context.study, context.row).items():
        content = _donor_content(context, name, flip.donor_id) if flip.donor_id else None
        pixels = None if content is None else sample_charts.draw_thumbnail(content)
        if pixels is not None:
            caption = f"{name} of {flip.donor_id}"
            pictures.append((sample_charts.picture_address(pixels), caption))
    return pictures


def _donor_content(context: page_context.PageContext, modality: str, donor: str) -> Content | None:
    dataset = context.study.dataset
    return sample_words.read_content(dataset, dataset.row(donor)).get(modality)


def parameter_flips(context: page_context.PageContext) -> None:
    """Draw the folded part on the model's own parameters. Nothing is computed until it is opened."""
    if not context.study.model.part(Physics):
        st.caption(
            "This model has no physical parameters and no fusion rules that could flip the decision; "
            "only its states can."
        )
    else:
        what = (
            "knob of the physics"
            if context.study.model.part(Evolution)
            else "angle of the fusion rules"
        )
        widgets.draw_folded(
            builders.KNOBS,
            lambda: _flips(context),
            ":material/tune:",
            f"Which {what} would flip it?",
        )


def _flips(context: page_context.PageContext) -> None:
    """Draw the nearest parameters that flip the decision, and links that set one on its page, with all others as
    learned.
    """
    search = decision_flips.parameters_that_flip(context.study, context.row)
    if not search.changes:
        st.markdown(
            f"**None of the {search.tried} parameters flips this decision on its own** ({describe_ranges(search)})."
        )
        return
    panels.show(context.tweaked_sample(), context.theme, "knob-flips")
    with st.container(horizontal=True, key="set-knobs"):
        for change in search.changes[:4]:
            value = flip_value(change)
            page, unit = (
                ("Dynamics", "") if context.study.model.part(Evolution) else ("Circuit", " rad")
            )
            if context.study.model.part(Evolution):
                query = {
                    "show": "Decision",
                    "turn": str(parameter_tweak(change.kind, change.name, value)),
                }
            else:
                place = gate_angles.edit_key(
                    gate_angles.table_shape(context.study.model), *map(int, change.name.split("."))
                )
                query = {"rules": "Fusion rules", "edits": f"{place}={value:g}"}
            name = text.escape_markdown(name_parameter(context.study, change))
            navigation.link(
                navigation.FILES[page],
                f"Set {name} to {value:g}{unit} on {page}",
                ":material/tune:",
                **query,
            )


def flip_value(change: ParameterChange) -> float:
    """Return the value at which a parameter flips the decision. It is rounded to three decimals and never falls
    short of that value.
    """
    away = math.ceil if change.value > change.learned else math.floor
    value = away(change.value * 1000) / 1000
    return value if change.kind == "angle" else max(value, 0.0)
