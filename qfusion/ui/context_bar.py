"""The bar on top of a page: pickers of model, data, sample, background and output.

A value of the link is used where it fits; one that does not fit is named in a notice.
"""

import streamlit as st

from qfusion import _checks
from qfusion.analysis import outputs, sample_words
from qfusion.analysis.study import Study
from qfusion.errors import NotFound
from qfusion.panels import page_state, pickers
from qfusion.ui import closed_box, page_params, state
from qfusion.ui.background_picker import background_in_links, background_picker
from qfusion.ui.background_rows import background_rows
from qfusion.ui.encoding import encoding_progress, open_study_shared
from qfusion.ui.icon_button import icon_button
from qfusion.ui.playback import draw_replay
from qfusion.ui.sample_box import box_width, is_foreign, sample_box
from qfusion.ui.tweak_history import forget_learned_duration
from qfusion.ui.widgets import bind, check, draw
from qfusion.wording.list_names import with_id


# in every page's address
def settle_pickers() -> None:
    """On a fresh session, makes model and data in the address agree before any widget is drawn.

    A link that names only the data gets a model trained on them; a model that does not fit the data gets its own.
    """
    wanted = page_params.param_text(pickers.DATA.key)
    if pickers.MODEL.key in st.session_state or not wanted:
        return
    model = page_params.param_text(pickers.MODEL.key)
    if not model:
        state.put(pickers.MODEL.key, next(pickers.trained_models(wanted), pickers.models()[0]))
    elif model in pickers.offered_models(pickers.sources()) and (
        problem := pickers.misfit(model, wanted)
    ):
        state.notice(
            f"In the link, `data`: model '{model}' does not fit data set '{wanted}': {problem} "
            "The model's own data are shown."
        )
        state.put(pickers.DATA.key, pickers.own_data(model))


def draw_pickers() -> tuple[Study, int, outputs.Output]:
    """Draw the pickers. Return the model on its data, the row of the sample, and the explained output."""
    names, known = pickers.models(), pickers.sources()
    for key, what, options in (
        (pickers.MODEL.key, "Model", names),
        (pickers.DATA.key, "Data set", known),
    ):
        if state.get(key) not in (None, *options):  # it was deleted, or a link asked for it
            state.notice(
                f"{what} '{str(state.get(key))[:80]}' does not exist. The default is shown."
            )
            state.forget(key)
            model, data = (state.get(one.key) for one in (pickers.MODEL, pickers.DATA))
            if model is None and data in known:  # what is left has to fit
                state.put(pickers.MODEL.key, next(pickers.trained_models(data), names[0]))
    offered = pickers.offered_models(known)
    _replace_model_without_data(names, offered, known)
    model = _model(names, offered)
    draw_replay(model)
    chosen = _data(known, pickers.own_data(model))
    _checks.check(
        not pickers.misfit(model, chosen) or any(pickers.trained_models(chosen)),
        f"Data set '{chosen}' has no model yet. Train one on the Train page, or with `python -m qfusion train --data "
        f"{chosen} --model quantum-jump --name my-model`.",
    )
    study = open_study_shared(model, chosen)
    row = _sample(study)
    output = _output(study)
    behind = background_picker(study, row)
    study = behind.rebase(background_rows(behind.base_study))
    encoding_progress(model, chosen, study, str(study.dataset.ids[row]))
    picked = {
        "model": model,
        "data": chosen,
        "sample": str(study.dataset.ids[row]),
        **background_in_links(),
        pickers.ROWS.key: str(state.get(pickers.ROWS.key) or ""),
        pickers.OUTPUT.key: str(output),
    }
    state.put(page_params.PICKED, {key: value for key, value in picked.items() if value})
    return study, row, output


def _replace_model_without_data(names: list[str], offered: list[str], known: list[str]) -> None:
    """Show a model of the chosen data in place of one that fits no data on this machine."""
    model, data = (page_params.param_text(one.key) for one in (pickers.MODEL, pickers.DATA))
    if model not in names or model in offered:
        return
    if data in known and not pickers.misfit(model, data):
        return
    try:
        pickers.test_data(pickers.own_data(model))
    except NotFound as missing:
        state.notice(f"Model '{model}' lacks its data. {missing} Another model is shown.")
    state.put(pickers.MODEL.key, next(pickers.trained_models(data or known[0]), names[0]))


def _model(names: list[str], offered: list[str]) -> str:
    """Draw the picker of the model and return the id that is chosen.

    Args:
        names: of all models. offered: those whose data are on this machine, see `pickers.offered_models`; of the others
            the chosen one alone is in the menu.
    """
    shown = pickers.model_names()
    chosen = page_params.param_text(pickers.MODEL.key)
    with closed_box.place(pickers.MODEL):
        model = str(
            draw(
                pickers.MODEL,
                options=[name for name in shown if name in names and name in (*offered, chosen)],
                default=names[0],
                on_change=apply_model_choice,
                width="stretch",
            )
        )
        if model in shown:  # another process may have deleted it meanwhile
            closed_box.show_model(shown[model])
    return model


def _data(known: list[str], own: str) -> str:
    """Draw the picker of the data set and return the id that is chosen.

    Args:
        known: the data sets on this machine.
        own: the model's own data set.
    """
    titles = pickers.data_titles()
    default = own if own in known else known[0]
    with closed_box.place(pickers.DATA):
        chosen = st.selectbox(
            pickers.DATA.label,
            known,
            index=known.index(default),
            format_func=lambda name: with_id(titles.get(name, ""), str(name)),
            on_change=apply_data_choice,
            help=pickers.DATA.help,
            width="stretch",
            **bind(pickers.DATA, default),
        )
        closed_box.show_title(titles.get(chosen, str(chosen)), str(chosen))
    return chosen


def _sample(study: Study) -> int:
    """The sample picker, the most telling conflict first shown."""
    data = study.dataset
    check(pickers.SAMPLE, study=study)
    default = pickers.default_sample(study)
    if is_foreign(data, pickers.SAMPLE.key):
        state.put(pickers.SAMPLE.key, default)  # of another data set
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap=None, width="content", key="samples"
    ):
        with closed_box.place(pickers.SAMPLE, box_width(pickers.SAMPLE, default)):
            sample = sample_box(
                pickers.SAMPLE,
                data,
                default,
                # says it in the address, which this run reads already
                lambda: state.choose_sample(state.get(pickers.SAMPLE.key)),
                help=f"{len(data):,} samples, {len(data.rows('test')):,} of them in the test split. Type to "
                "search, or step with the keys ← and →.",
                width="stretch",
            )
            row = data.row(sample)
            closed_box.show_sample(sample, sample_words.describe_sample(data, row))
        for key, icon, step, label, shortcut in (
            ("_previous", "chevron_left", -1, "Previous sample", "←"),
            ("_next", "chevron_right", 1, "Next sample", "→"),
        ):
            there = str(data.ids[row + step]) if 0 <= row + step < len(data.ids) else ""
            icon_button(
                label,
                icon,
                key,
                state.choose_sample,
                there,
                shortcut=shortcut,
                type="tertiary",
                disabled=not there,
            )
    return row


def _output(study: Study) -> outputs.Output:
    """Draw the picker of the explained output and return the output: the class decided for, or the one that the
    reader names.
    """
    if not study.classes:
        return outputs.Output()
    check(pickers.OUTPUT, study=study)
    chosen = draw(pickers.OUTPUT, study)
    return outputs.parse("" if chosen == page_state.PREDICTED else chosen, study.classes)


def apply_model_choice() -> None:
    """Select the model's own data set after a reader has chosen a model."""
    name = state.get(pickers.MODEL.key)
    if (
        name in pickers.models() and (own := pickers.own_data(name)) in pickers.sources()
    ):  # a browser may send any text, such as a path
        state.put(pickers.DATA.key, own)
    forget_learned_duration()


def apply_data_choice() -> None:
    """Select a model that fits the data set after a reader has chosen one that the current model does not fit."""
    model, name = state.get(pickers.MODEL.key), state.get(pickers.DATA.key)
    if (
        model in pickers.models()
        and name in pickers.sources()
        and pickers.misfit(model, name)
        and (other := next(pickers.trained_models(name), None))
    ):
        state.put(pickers.MODEL.key, other)
