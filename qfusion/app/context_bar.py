"""The bar on top of a page: pickers of model, epoch, data, sample, background and output."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion import _checks, data
from qfusion._sentences import count
from qfusion.app import page_runs, state, streamlit_internals, widgets
from qfusion.app.models.tweaks import forget_learned_duration
from qfusion.app.samples.boxes import (
    background_in_links,
    background_picker,
    box_width,
    is_foreign,
    sample_box,
)
from qfusion.app.tasks import encoding_progress, is_done, open_study_shared
from qfusion.app.widgets import bind, check, draw, icon_button
from qfusion.errors import NotFound
from qfusion.study import jobs, opening, sample, text
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards
from qfusion.views.pages import address, page_state
from qfusion.views.words.names import with_id


# in every page's address
def settle_pickers() -> None:
    """On a fresh session, makes model and data in the address agree before any widget is drawn.

    A link that names only the data gets a model trained on them; a model that does not fit the data gets its own.
    """
    wanted = state.param_text(address.DATA.key)
    if address.MODEL.key in st.session_state or not wanted:
        return
    model = state.param_text(address.MODEL.key)
    if not model:
        state.put(address.MODEL.key, next(address.trained_models(wanted), address.models()[0]))
    elif model in address.offered_models(address.sources()) and (
        problem := address.misfit(model, wanted)
    ):
        state.notice(
            f"In the link, `data`: model '{model}' does not fit data set '{wanted}': {problem} "
            "The model's own data are shown."
        )
        state.put(address.DATA.key, address.own_data(model))


def draw_pickers() -> tuple[Study, int, sample.Output]:
    """Draw the pickers. Return the model on its data, the row of the sample, and the explained output."""
    names, known = address.models(), address.sources()
    for key, what, options in (
        (address.MODEL.key, "Model", names),
        (address.DATA.key, "Data set", known),
    ):
        if state.get(key) not in (None, *options):  # it was deleted, or a link asked for it
            state.notice(
                f"{what} '{str(state.get(key))[:80]}' does not exist. The default is shown."
            )
            state.delete(key)
            model, data = (state.get(one.key) for one in (address.MODEL, address.DATA))
            if model is None and data in known:  # what is left has to fit
                state.put(address.MODEL.key, next(address.trained_models(data), names[0]))
    offered = address.offered_models(known)
    _replace_model_without_data(names, offered, known)
    model = _model(names, offered)
    draw_replay(model)
    own = address.own_data(model)
    usual = own if own in known else known[0]
    samples = st.container(key="bar-sample", width="content")
    more = st.popover(_describe_set(usual), icon=":material/tune:", key="bar-more")
    with more:
        chosen = _data(known, usual)
    _checks.check(
        not address.misfit(model, chosen) or any(address.trained_models(chosen)),
        f"Data set '{chosen}' has no model yet. Train one on the Train page, or with `python -m qfusion train --data "
        f"{chosen} --model quantum-jump --name my-model`.",
    )
    study = open_study_shared(model, chosen)
    with samples:
        row = _sample(study)
    with more:
        output = _output(study)
        behind = background_picker(study, row)
        _draw_models_without_data(names, offered)
    study = behind.with_same_user_samples(background_rows(behind.base_study))
    encoding_progress(model, chosen, study, str(study.dataset.ids[row]))
    picked = {
        "model": model,
        "data": chosen,
        "sample": str(study.dataset.ids[row]),
        **background_in_links(),
        address.ROWS.key: str(state.get(address.ROWS.key) or ""),
        address.OUTPUT.key: str(output),
    }
    state.put(state.PICKED, {key: value for key, value in picked.items() if value})
    return study, row, output


MORE = (
    "Data and background"  # label of the button where data, output and background are the default
)


def _describe_set(usual: str) -> str:
    """Return what the reader has set besides model and sample, as the label of the button that opens these choices;
    `usual` are the data that are shown by default.
    """
    data, output, background = (
        state.param_text(one.key) for one in (address.DATA, address.OUTPUT, address.BACKGROUND)
    )
    parts = []
    if data and data != usual:
        parts.append(text.escape_markdown(address.data_titles().get(data, data), 24))
    if output and output != page_state.PREDICTED:
        parts.append(f"explains {text.escape_markdown(output, 16)}")
    if background and background != opening.DEFAULT_BACKGROUND:
        parts.append(f"against {text.escape_markdown(background, 24)}")
    return " · ".join(parts) or MORE


def _replace_model_without_data(names: list[str], offered: list[str], known: list[str]) -> None:
    """Show a model of the chosen data in place of one that fits no data on this machine."""
    model, data = (state.param_text(one.key) for one in (address.MODEL, address.DATA))
    if model not in names or model in offered:
        return
    if data in known and not address.misfit(model, data):
        return
    try:
        address.test_data(address.own_data(model))
    except NotFound as missing:
        state.notice(f"Model '{model}' lacks its data. {missing} Another model is shown.")
    fitting = address.trained_models(data) if data else iter(())
    state.put(address.MODEL.key, next(fitting, names[0]))


def _draw_models_without_data(names: list[str], offered: list[str]) -> None:
    """Draw a button that lists the models whose data are not on this machine, and how to get them."""
    waiting = [name for name in names if name not in offered]
    if waiting:
        page_runs.dialog_button(
            f"{count(len(waiting), 'model')} without data here",
            ":material/info:",
            "_missing_data",
            _list_needs,
            waiting,
        )


def _list_needs(waiting: list[str]) -> None:
    """Draw what each model needs, with the models of one data set together."""
    shown = address.model_names()
    missing = {source.name: source for source in data.available() if not source.available}
    models: dict[str, list[str]] = {}
    for name in waiting:
        models.setdefault(address.own_data(name), []).append(shown[name].option)
    for own, options in models.items():
        source = missing.get(own)
        needs = text.escape_markdown(source.title if source else own)
        head = f"**{text.escape_markdown(', '.join(options))}** needs {needs}."
        st.markdown(describe_missing(head, source) if source else head)


def describe_missing(head: str, source: data.SourceInfo) -> str:
    """Return why a data set is missing and how to get it, below a head, as Markdown."""
    return "  \n".join([head, *map(text.message, (source.reason, source.remedy))])


def _model(names: list[str], offered: list[str]) -> str:
    """Draw the picker of the model and return the id that is chosen.

    Args:
        names: of all models. offered: those whose data are on this machine, see `pickers.offered_models`; of the others
            the chosen one alone is in the menu.
    """
    shown = address.model_names()
    chosen = state.param_text(address.MODEL.key)
    with widgets.place(address.MODEL):
        model = str(
            draw(
                address.MODEL,
                options=[name for name in shown if name in names and name in (*offered, chosen)],
                default=names[0],
                on_change=apply_model_choice,
                width="stretch",
            )
        )
        # in every address, since Back leads to what an address names
        state.open_params().register(address.MODEL.key)
        if model in shown:  # another process may have deleted it meanwhile
            widgets.show_model(shown[model])
    return model


def _data(known: list[str], default: str) -> str:
    """Draw the picker of the data set and return the id that is chosen.

    Args:
        known: the data sets on this machine.
        default: that is shown by default.
    """
    titles = address.data_titles()
    with widgets.place(address.DATA):
        chosen = st.selectbox(
            address.DATA.label,
            known,
            index=known.index(default),
            format_func=lambda name: with_id(titles.get(name, ""), str(name)),
            on_change=apply_data_choice,
            help=address.DATA.help,
            width="stretch",
            **bind(address.DATA, default),
        )
        widgets.show_title(titles.get(chosen, str(chosen)), str(chosen))
    return chosen


def _sample(study: Study) -> int:
    """The sample picker, the most telling conflict first shown."""
    data = study.dataset
    check(address.SAMPLE, study=study)
    default = address.default_sample(study)
    if is_foreign(data, address.SAMPLE.key):
        state.put(address.SAMPLE.key, default)  # of another data set
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap=None, width="content", key="samples"
    ):
        with widgets.place(address.SAMPLE, box_width(address.SAMPLE, default)):
            sample = sample_box(
                address.SAMPLE,
                data,
                default,
                # says it in the address, which this run reads already
                lambda: state.choose_sample(state.get(address.SAMPLE.key)),
                help=f"{len(data):,} samples, {len(data.rows('test')):,} of them in the test split. Type to "
                "search, or step with the keys ← and →.",
                width="stretch",
            )
            row = data.row(sample)
            widgets.show_sample(sample, text.describe_sample(data, row))
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


def _output(study: Study) -> sample.Output:
    """Draw the picker of the explained output and return the output: the class decided for, or the one that the
    reader names.
    """
    if not study.classes:
        return sample.Output()
    check(address.OUTPUT, study=study)
    chosen = draw(address.OUTPUT, study)
    return sample.parse("" if chosen == page_state.PREDICTED else chosen, study.classes)


def apply_model_choice() -> None:
    """Select the model's own data set after a reader has chosen a model."""
    name = state.get(address.MODEL.key)
    if (
        name in address.models() and (own := address.own_data(name)) in address.sources()
    ):  # a browser may send any text, such as a path
        state.put(address.DATA.key, own)
    forget_learned_duration()


def apply_data_choice() -> None:
    """Select a model that fits the data set after a reader has chosen one that the current model does not fit."""
    model, name = state.get(address.MODEL.key), state.get(address.DATA.key)
    if (
        model in address.models()
        and name in address.sources()
        and address.misfit(model, name)
        and (other := next(address.trained_models(name), None))
    ):
        state.put(address.MODEL.key, other)


EPOCH, _LAST = "_epoch", "end"


def draw_replay(model: str) -> None:
    """Draw a cursor over the epochs after which the model was saved, if there are any."""
    name, _, epoch = model.partition(checkpoint_cards.AFTER)
    if epochs := checkpoint_cards.saved_epochs(model):
        state.put(EPOCH, epoch or _LAST)
        st.select_slider(
            "After epoch",
            [*map(str, epochs), _LAST],
            key=EPOCH,
            on_change=_epoch_changed,
            args=(name,),
            width=190,
            help="All pages show the model after this epoch of its training.",
        )


def _epoch_changed(name: str) -> None:
    epoch = state.get(EPOCH)
    there = name if epoch == _LAST else f"{name}{checkpoint_cards.AFTER}{epoch}"
    if there in address.models():
        state.put(address.MODEL.key, there)


_WANTED, _DECLINED = "_refined", "_some_refined"


def background_rows(study: Study) -> Study:
    """Draw it for a model that is evaluated row by row; return the study that the page shows.

    All rows are worked out behind the page, where that takes minutes unless the reader cancels it, else when asked;
    until then the page shows, and says, what it has. The address says `rows=all` once all numbers are there.
    """
    check(address.ROWS)
    if not study.is_sampled:
        _leave()
        return study
    key = study.memo_key()
    exact: Any = study.with_all_rows()
    under_way = False
    if (
        state.param_text(address.ROWS.key)
        or state.get(_WANTED) == key
        or (state.get(_DECLINED) != key and exact.backend.operations <= jobs.AUTO)
    ):
        _want(study)
        job = jobs.begin_refinement(study, streamlit_internals.session_id())
        if job.state == jobs.State.DONE:
            state.put(address.ROWS.key, opening.ALL_ROWS)
            with _popover(f"All {study.background.size:,} rows"):
                st.caption(
                    f"Explanations use all {study.background.size:,} rows of the background."
                )
                st.button(f"Use {_some(study)}", key="_some_rows", on_click=_decline, args=(study,))
            return job.result
        state.delete(address.ROWS.key)
        under_way = job.state != jobs.State.FAILED
        if not under_way:
            state.notice(
                f"Computing with all background rows failed: {text.escape_markdown(job.problem)}. Some of the "
                "rows are used."
            )
            _decline(study)
    with _popover(f"{study.explanation_background.samples:,} of {study.background.size:,} rows"):
        whose = (
            f"the first {len(study.explained_rows):,} test samples"
            if len(study.explained_rows) < len(study.dataset.rows("test"))
            else "test samples"
        )
        st.caption(
            f"For a quick answer, {whose} are explained against {_some(study)} of the background's "
            f"{study.background.size:,}, drawn at random."
        )
        if not under_way:
            st.button(
                f"Use all {study.background.size:,} rows",
                key="_all_rows",
                on_click=_want,
                args=(study,),
                help="Computes the contributions against all rows in the background. You can continue to use the page.",
            )
    if under_way:
        is_done(
            job,
            "All rows: {job.done:,} of {job.total:,} samples",
            "refine",
            cancel=lambda: _decline(study),
            wanted=lambda: state.get(_WANTED) is not None,
            waiting=lambda: ", waiting for another test set",
            width=260,
        )
    return study


def _popover(label: str) -> DeltaGenerator:
    """Open a popover about the rows of the background."""
    return st.popover(
        label,
        icon=":material/table_rows:",
        key="rows-used",
        help="Number of background rows in use",
    )


def _some(study: Study) -> str:
    """How many rows are used where not all are."""
    one = study.sample_background.samples
    alone = "all" if one == study.background.size else f"{one:,}"
    return f"{study.explanation_background.samples:,} rows (the open one with {alone})"


def _want(study: Study) -> None:
    """Request all rows of this study, and withdraw the request for those of another."""
    if state.get(_WANTED) != study.memo_key():
        _leave()
    state.put(_WANTED, study.memo_key())
    state.put(_DECLINED, None)


def _leave() -> None:
    """Withdraw the request for all rows."""
    jobs.leave_job(state.pop(_WANTED), streamlit_internals.session_id())


def _decline(study: Study) -> None:
    """Show this study against some rows until the reader asks for all."""
    _leave()
    state.put(_DECLINED, study.memo_key())
    state.delete(address.ROWS.key)
