"""Widgets of the reader's choices, see `panels.address`: each kept in the address and in the session under its key, and
back at its default where another model or data set left what is no option here. Those that tweak a model, with undo and
redo; and the bar that stays in view on top of a page: model, data, sample, background, pins.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion import _checks, _sentences
from qfusion.analysis import (
    background_choice,
    cohort_table,
    encoding_jobs,
    inside,
    jobs,
    opening,
    outputs,
    refinement,
    text,
)
from qfusion.analysis.study import Study
from qfusion.data import DataSet
from qfusion.errors import QFusionError
from qfusion.figures.style import term_title
from qfusion.models.tweak import DURATION, MAX_TEXT, Tweak, couplings, dissipations, learned
from qfusion.panels import dynamics_page, network, page_state, params, pickers, pins, tweak_limits
from qfusion.training import checkpoint
from qfusion.ui import access, arrival, page_params, reruns, saved, state


def draw(
    param: params.Param,
    study: Any = None,
    *,
    place: DeltaGenerator | None = None,
    **changes: Any,
) -> Any:
    """Draws the widget of a parameter and returns its value, as builders take it.

    Args:
        param: the parameter.
        study: the model on its data, which options may depend on.
        place: where the widget is drawn, if not here.
        changes: "options", "default" or "label" in place of the parameter's own, or further arguments of the widget.
    """
    arguments: dict[str, Any] = {**param.style, **changes}
    arguments.setdefault("help", param.help or None)
    label = arguments.pop("label", param.label)
    default = arguments.get("default", getattr(param, "default", None))
    if default:
        follow(param.key, default)
    with place or nullcontext():
        match param:
            case params.SelectParam():
                return _draw_select(param, study, label, arguments)
            case params.SwitchParam():
                pick = st.checkbox if param.look == "box" else st.toggle
                return pick(label, param.default, **arguments, **bind(param, param.default))
            case params.NumberParam():
                return _draw_number(param, label, arguments)
            case params.TextParam():
                first = arguments.get("value", "")
                return (
                    st.text_input(label, max_chars=param.most, **arguments, **bind(param, first))
                    or ""
                )


def row(
    *parts: params.Param,
    study: Any = None,
    align: Literal["top", "bottom"] = "bottom",
    key: str | None = None,
) -> list[Any]:
    """Draws the widgets of several parameters beside each other and returns their values.

    Args:
        parts: the parameters.
        study: as of `draw`.
        align: of the widgets.
        key: of the container.
    """
    with st.container(horizontal=True, vertical_alignment=align, key=key):
        return [draw(param, study) for param in parts]


def bind(param: params.Param, default: Any = None) -> dict[str, Any]:
    """Returns the arguments that make a widget hold a parameter, with the value that a link has for it.

    Args:
        param: the parameter.
        default: value of the widget that the address leaves out.
    """
    _take_link(param)
    return page_params.bound(param.key, default)


def _take_link(param: params.Param) -> None:
    """Gives a widget that has no value yet the one of the link; values that do not fit were named before."""
    texts = page_params.take_linked(param.key)
    if texts is not None:
        with suppress(ValueError, OverflowError):
            st.session_state[param.key] = param.read(texts)


def _draw_select(
    param: params.SelectParam, study: Any, label: str, arguments: dict[str, Any]
) -> Any:
    options: Sequence[str] = list(arguments.pop("options", None) or param.options(study))
    default = arguments.pop("default", "") or param.default
    first = default if default in options else next(iter(options), None)
    start = None if param.empty else first
    _take_link(param)
    settle(param.key, options, start)
    if param.many:
        chosen = [default] if isinstance(default, str) and default else list(default or [])
        arguments |= {"default": default} if default else {}
        arguments |= bind(param, chosen)
        if param.look == "pills":
            return list(st.pills(label, options, selection_mode="multi", **arguments))
        return list(st.multiselect(label, options, **arguments))
    arguments |= bind(param, start)
    match param.look:
        case "steps":
            option = st.select_slider(label, options, first, **arguments)
        case "segments" if param.empty:
            option = st.segmented_control(label, options, **arguments)
        case "segments":
            option = state.one_of(label, options, default=first, **arguments)
        case _:
            place = None if start is None else options.index(start)
            option = st.selectbox(label, options, index=place, **arguments)
    return None if param.empty and not option else param.value(option)


def _draw_number(param: params.NumberParam, label: str, arguments: dict[str, Any]) -> float:
    number = int if param.whole else float
    low = number(arguments.pop("low", param.low))
    high = number(arguments.pop("high", param.high))
    default = number(arguments.pop("default", param.default))
    step = arguments.pop("step", param.step)
    _take_link(param)
    value = state.get(param.key)
    if value is not None and not low <= value <= high:
        state.forget(param.key)
    pick = st.number_input if param.look == "box" else st.slider
    step = step and number(step)
    return number(pick(label, low, high, default, step, **arguments, **bind(param, default)))


def follow(key: str, default: Any) -> None:
    """Lets a parameter that nobody has set follow its default, where the default changes with the sample or the model.

    The address leaves a default out, so it would open on another one.
    """
    before = state.get(f"_usual_{key}")
    if before not in (None, default) and state.get(key) == before:
        state.forget(key)
    state.put(f"_usual_{key}", default)


def settle(key: str, options: Iterable[Any], default: Any = None) -> None:
    """Removes values that another model or data set has left and that are no options here; the default is set."""
    value = state.get(key)
    known = list(options)
    if isinstance(value, list):
        if any(option not in known for option in value):
            state.put(key, [option for option in value if option in known])
    elif value is not None and value not in known:
        state.put(key, default)


def fold(param: params.SwitchParam, icon: str | None = None, label: str = "") -> Any:
    """Draws a part of a page that can be folded, and returns it; its `open` says whether it is open."""
    _take_link(param)
    arguments = page_params.opened(param.key, False)
    return st.expander(label or param.label, icon=icon, **arguments)


def folded(
    param: params.SwitchParam, content: Callable[[], object], icon: str, label: str = ""
) -> None:
    """Draws a part of a page that can be folded, whose content is drawn only while it is open."""
    with fold(param, icon, label) as box:
        if box.open:
            content()


def tabs(param: params.SelectParam) -> Iterator[tuple[str, DeltaGenerator]]:
    """Draws tabs and yields the name and the place of the one that is open."""
    names = param.options()
    _take_link(param)
    settle(param.key, names, names[0])
    places = st.tabs(names, **page_params.opened(param.key, names[0]))
    for name, place in zip(names, places, strict=True):
        if place.open:
            yield name, place


def check(*controls: params.Param, study: Any = None) -> None:
    """Removes values of parameters that do not fit from the link, with a notice, before their widgets are drawn."""
    arrival.drop_invalid({param.key: param.rule(study) for param in controls})


# What a reader changes in a model: the sliders of the Dynamics page, factors on every H_S, on the dissipation of every
# A, and the duration; the edits of fusion rules as text. Undo and redo of both: what they were before, in this session.

MOST = 100  # steps that are kept
_HISTORY = "_tweaks"  # the model, its tweaks by key in their order, as learned left out, and which is in force


def _note(study: Study) -> None:
    """Remembers what is tweaked whenever it differs from what was; another model begins anew."""
    now = {
        key: state.get(key)
        for key, default in _default(study).items()
        if state.get(key) not in (None, default)
        and len(str(state.get(key))) <= MAX_TEXT  # longer ones are no tweak
    }
    model, steps, at = state.get(_HISTORY, ("", [], 0))
    if model != study.name:
        steps, at = [now], 0
    elif now != steps[at]:
        steps = [*steps[: at + 1], now][-MOST - 1 :]
        at = len(steps) - 1
    state.put(_HISTORY, (study.name, steps, at))


def undo_and_redo(study: Study) -> None:
    """Draws both buttons, once the widgets that tweak are drawn."""
    _note(study)
    _, steps, at = state.get(_HISTORY)
    with st.container(horizontal=True, gap=None, width="content", key="history"):
        for key, words, way, there in (
            ("undo", "Undo the last tweak (u)", -1, at > 0),
            ("redo", "Redo it (r)", 1, at + 1 < len(steps)),
        ):
            st.button(
                "",
                key=f"_{key}",
                icon=f":material/{key}:",
                type="tertiary",
                help=words,
                disabled=not there,
                on_click=_step,
                args=(_default(study), way),
            )


def _default(study: Study) -> Mapping[str, Any]:
    """Keys of the widgets that tweak a model, with what they say as learned."""
    return (
        learned(study.model)
        if study.can("time")
        else {network.EDITS.key: ""}
        if study.can("rules")
        else {}
    )


def _step(default: Mapping[str, Any], way: int) -> None:
    model, steps, at = state.get(_HISTORY)
    at = min(max(at + way, 0), len(steps) - 1)
    state.put(_HISTORY, (model, steps, at))
    assign_tweaks(dict(default) | steps[at])


def assign_tweaks(values: Mapping[str, Any]) -> None:
    """Sets what tweaks, by key, before its widgets are drawn, or in a callback."""
    for key, value in values.items():
        state.put(key, value)


# The sliders of the Dynamics page.


def current_tweak(study: Any) -> str:
    """What the reader has set on the Dynamics or Circuit page for this model; empty for as learned, or for edits that
    do not fit. A number that was set for another model, and that no slider of this one can show, is left out."""
    if not study.can("time"):
        return "" if _edits_problem(study) else edits_text().strip(" ,")
    highest = tweak_limits.slider_tops(study.model)
    numbers = [
        (key, value)
        for key in learned(study.model)
        if isinstance(value := state.get(key), int | float) and 0 <= value <= highest[key]
    ]
    return str(tweak_limits.parse_slider_tweak(study.model, Tweak.of(numbers, study.model)))


def draw_sliders(study: Study) -> Tweak:
    """Draws the sliders, the strongest terms first, and returns what they say."""
    model, names = study.model, tuple(study.model.modalities)
    energies, rates = inside.strengths_of(study.model.system())
    st.markdown(
        "**Couplings** × learned H",
        help="H = Σ H_S, each H_S acting on exactly the modalities S. 0 removes it, 1 leaves it as learned. "
        "The number beside a name is its learned strength: root mean square energy, √(Tr H_S² / D), in "
        "units of 1 / time.",
    )
    values = _factors(study, couplings(names), energies)
    if model.jump_count:
        st.markdown(
            "**Dissipation** × learned",
            help="Every traceless jump operator is L_k = Σ L_k^A, each part acting on exactly the modalities "
            "A: the factor is on the parts A of all of them, whichever operators are chosen. The number "
            "beside a name is its learned strength: jumps per time in the completely mixed state, Σ_k Tr "
            "L_k^A†L_k^A / D, which grows as the square of the factor.",
        )
        values |= _factors(study, dissipations(names), rates)
    values[DURATION] = draw(
        dynamics_page.factors(study)[DURATION],
        label="Duration T (model units)",
        help="How long the states evolve before the decision is read.",
    )
    return Tweak.of(values.items(), model)


def _factors(
    study: Study, terms: Mapping[str, str], strengths: Mapping[str, float]
) -> dict[str, float]:
    """Sliders of terms by key, the strongest first."""
    known = dynamics_page.factors(study)
    return {
        key: draw(known[key], label=f"{term_title(term)} ({strengths.get(term, 0.0):.2g})")
        for key, term in sorted(terms.items(), key=lambda entry: -strengths.get(entry[1], 0.0))
    }


def slider_presets(study: Study) -> None:
    """Buttons that set many sliders at once."""
    model, terms = study.model, couplings(tuple(study.model.modalities)).values()
    presets = {
        "_reset": ("Reset", Tweak(), "Everything as learned"),
        "_unitary": (
            "No dissipation",
            Tweak(dissipations=dict.fromkeys(terms, 0.0)),
            "Every dissipation to 0: the state stays pure",
        ),
        "_local": (
            "No joint couplings",
            Tweak({term: 0.0 for term in terms if "+" in term}),
            "Every H_S of two or more modalities to 0",
        ),
    }
    with st.container(horizontal=True, gap="small"):
        for key, (label, tweak, words) in presets.items():
            if model.jump_count or key != "_unitary":
                st.button(label, key=key, on_click=set_sliders, args=(model, tweak), help=words)
        undo_and_redo(study)


def set_sliders(model: Any, tweak: Tweak) -> None:
    """Sets every slider before it is drawn, or in a callback."""
    assign_tweaks(learned(model) | tweak.numbers())


# The edits of the Circuit page's fusion rules as text, see `models.table_edits`.


def edits_text() -> str:
    """The reader's text, whether or not it fits."""
    return page_params.text_of(network.EDITS.key)


def _edits_problem(study: Any) -> str:
    """What is wrong with the reader's text; empty when it fits."""
    try:
        study.model.parse_tweak(edits_text())
    except QFusionError as error:
        return f"{error} The tables are as learned."
    return ""


def draw_edits(study: Study) -> None:
    """The edits as text: for exact numbers, for links, and for whoever cannot drag."""
    draw(network.EDITS)
    if wrong := _edits_problem(study):
        st.error(text.message(wrong), icon=":material/error:")


# The bar's words on how many rows of the background are used, and the way to all of them, worked out behind the
# page.

PULSE = 1.0  # seconds between two looks at how far it is
_WANTED, _DECLINED = "_refined", "_some_refined"


def background_rows(study: Study) -> Study:
    """Draws it for a model that is evaluated row by row; returns the study that the page shows.

    All rows are worked out behind the page, where that takes minutes unless the reader cancels it, else when asked;
    until then the page shows, and says, what it has. The address says `rows=all` once all numbers are there.
    """
    check(pickers.ROWS)
    if not study.is_sampled:
        _leave()
        return study
    key = study.memo_key()
    exact: Any = study.against_all_rows()
    under_way = False
    if (
        page_params.text_of(pickers.ROWS.key)
        or state.get(_WANTED) == key
        or (state.get(_DECLINED) != key and exact.operations <= refinement.AUTO)
    ):
        _want(study)
        job = refinement.begin_refinement(study, access.session_id())
        if job.state == jobs.State.DONE:
            state.put(pickers.ROWS.key, background_choice.ALL_ROWS)
            with _popover(f"All {study.background.size:,} rows"):
                st.caption(
                    f"Decisions are compared with all {study.background.size:,} rows of the background."
                )
                st.button(f"Use {_some(study)}", key="_some_rows", on_click=_decline, args=(study,))
            return job.result
        state.forget(pickers.ROWS.key)
        under_way = job.state != jobs.State.FAILED
        if not under_way:
            state.notice(
                f"Comparing with all rows failed: {text.plain(job.problem)}. Some of the rows are used."
            )
            _decline(study)
    with _popover(f"{study.bulk_background.size:,} of {study.background.size:,} rows"):
        whose = (
            f"the first {len(study.bulk):,} test samples"
            if len(study.bulk) < len(study.dataset.rows("test"))
            else "test samples"
        )
        st.caption(
            f"To answer at once, {whose} are compared with {_some(study)} of the background's "
            f"{study.background.size:,}, drawn at random."
        )
        if not under_way:
            st.button(
                f"Use all {study.background.size:,} rows",
                key="_all_rows",
                on_click=_want,
                args=(study,),
                help="Exact contributions, worked out behind the page, which goes on meanwhile.",
            )
    if under_way:
        with st.container(width=260, key="refining"):
            st.fragment(watch, run_every=PULSE)(
                job,
                "All rows: {job.done:,} of {job.total:,} samples",
                lambda: ", waiting for another test set",
                wanted=lambda: state.get(_WANTED) is not None,
                stay=lambda: refinement.begin_refinement(study, access.session_id()),
                cancel=lambda: _decline(study),
                key="_refine_cancel",
            )
    return study


def _popover(label: str) -> DeltaGenerator:
    """Opens what there is to say of the rows."""
    return st.popover(
        label,
        icon=":material/table_rows:",
        key="rows-used",
        help="How many rows of the background stand in",
    )


def _some(study: Study) -> str:
    """How many rows are used where not all are."""
    one = study.sample_background.size
    alone = "all" if one == study.background.size else f"{one:,}"
    return f"{study.bulk_background.size:,} rows (the open one with {alone})"


def watch(
    job: jobs.Job,
    words: str,
    waiting: Callable[[], str],
    *,
    wanted: Callable[[], bool],
    stay: Callable[[], object],
    cancel: Callable[[], None],
    key: str,
) -> None:
    """How far a job is, looked at again and again; the page begins anew when it has ended, or is no longer wanted.

    Args:
        job, words, waiting: as of `draw_progress`; what it waits for is asked each time.
        wanted: whether it is. stay: tells the job that the reader is still here.
        cancel: what the button does. key: of the button.
    """
    reruns.begin_run()
    if not job.under_way or not wanted():
        st.rerun()
    stay()
    draw_progress(job, words, waiting())
    st.button("Cancel", key=key, on_click=cancel)


def is_done(
    job: jobs.Job,
    words: str,
    problem: str,
    *,
    wanted: Callable[[], bool],
    cancel: Callable[[], None],
    width: int,
    keys: tuple[str, str],
) -> bool:
    """Returns whether a job is done that this reader has begun; draws how far it is until then, or why it failed.

    Args:
        job, words, wanted, cancel: as of `watch`. problem: what is said of a `{job}` that has failed.
        width: in pixels. keys: of what is drawn and of the button.
    """
    if job.under_way:
        with st.container(width=width, key=keys[0]):
            st.fragment(watch, run_every=PULSE)(
                job,
                words,
                lambda: ", waiting for other work" if job.state == jobs.State.WAITING else "",
                wanted=wanted,
                stay=lambda: jobs.stay_for(job, access.session_id()),
                cancel=cancel,
                key=keys[1],
            )
    elif job.problem:
        st.warning(text.message(problem.format(job=job)))
    return job.state == jobs.State.DONE


def draw_progress(job: jobs.Job, words: str, waiting: str = "") -> None:
    """How much of a `{job}` is done, in words, and the time that is left or what it waits for."""
    left = job.seconds_left
    ahead = waiting if left is None else f", {_sentences.duration(left)} left"
    st.progress(min(1.0, job.done / max(1, job.total)), words.format(job=job) + ahead)


def _want(study: Study) -> None:
    """Asks for all rows of this study, and no longer for those of another."""
    if state.get(_WANTED) != study.memo_key():
        _leave()
    state.put(_WANTED, study.memo_key())
    state.put(_DECLINED, None)


def _leave() -> None:
    """Asks for them no longer."""
    jobs.leave_job(state.take(_WANTED), access.session_id())


def _decline(study: Study) -> None:
    """Shows this study against some rows until the reader asks for all."""
    _leave()
    state.put(_DECLINED, study.memo_key())
    state.forget(pickers.ROWS.key)


# The bar's words on a large data set that is being encoded, while the pages show its first samples.


def open_study_shared(model: str, data: str) -> Study:
    """A model applied to a data set, by their names: to its first samples until all are encoded, which begins here."""
    _checks.choose("Model", model, pickers.models())
    reruns.dataset(data)  # read with its own words meanwhile
    if encoding_jobs.is_encoded(model, data):
        return opening.open_study(model, data)
    encoding_jobs.begin_encoding(model, data)
    sample = page_params.text_of(pickers.SAMPLE.key)
    return opening.with_visitors(encoding_jobs.first_samples(model, data, sample))


_FAILED = "_encoding_failed"


def encoding_progress(model: str, data: str, study: Study, sample: str) -> None:
    """Draws how far the encoding is, where the page shows the first samples only; the open one stays open."""
    job = encoding_jobs.find_encoding(model, data)
    if job is None or len(study.dataset) == job.total:
        return
    if job.problem and state.get(_FAILED) != job.problem:  # once, so that it can be closed
        state.put(_FAILED, job.problem)
        state.notice(
            f"Encoding all samples failed: {text.plain(job.problem)}. The first samples are shown."
        )
    with st.container(width="content", key="encoding" if job.under_way else "encoding-ended"):
        st.fragment(_progress_line, run_every=PULSE if job.under_way else None)(
            model, data, job, study, sample
        )


def _progress_line(model: str, data: str, job: jobs.Job, study: Study, sample: str) -> None:
    """How far it is, looked at again and again; the page begins anew when it has ended."""
    reruns.begin_run()
    job = encoding_jobs.find_encoding(model, data) or job  # it may have been begun again
    if not job.under_way and encoding_jobs.is_encoded(model, data):
        state.choose_sample(sample)
        st.rerun()
    with st.popover(
        f"{len(study.dataset):,} of {job.total:,}",
        icon=":material/table_rows:",
        key="first-samples",
        help="How many samples are shown until all are encoded",
    ):
        st.caption(
            "What this model makes of this data set is not kept here yet, or not any more. Until all of it is "
            f"encoded, {len(study.dataset.rows('test')):,} test samples drawn at random are shown, compared with "
            f"{study.background.size:,} of {study.background.total:,} training samples."
        )
        if job.under_way:
            encoding_jobs.begin_encoding(model, data)  # still here
            draw_progress(job, "{job.done:,} of {job.total:,} samples encoded")
            st.button("Cancel", key="_encode_cancel", on_click=job.stop)
        else:
            st.button(
                "Encode all samples",
                key="_encode_all",
                on_click=encoding_jobs.begin_encoding,  # type: ignore[arg-type]
                args=(model, data),
                kwargs={"again": True},
            )


# Boxes to choose a sample by its id: of a large data set only some ids are sent to the browser, and any can be
# written.

OFFERED = 10_000  # ids that are all sent
AROUND = 100  # ids before and after the chosen one, of more


def exists(dataset: DataSet, sample: object) -> bool:
    """Whether a data set has a sample of this id."""
    return bool(dataset.known_ids([str(sample)]))


def is_foreign(dataset: DataSet, key: str) -> bool:
    """Whether what a reader has chosen under a key is of another data set."""
    return state.get(key) is not None and not exists(dataset, state.get(key))


def offered(dataset: DataSet, *chosen: str) -> list[str]:
    """Ids that a box lists: all, or of a large data set the chosen ones and those around the first."""
    own = dataset.ids[len(dataset) :]  # a visitor's, first
    if len(dataset) <= OFFERED:
        return [str(id_) for id_ in (*own, *dataset.ids[: len(dataset)])]
    row = dataset.row(chosen[0])
    near = dataset.ids[max(0, row - AROUND) : row + AROUND + 1]
    return list(dict.fromkeys([*map(str, (*own, *near)), *chosen]))


def sample_box(
    control: params.SampleParam,
    dataset: DataSet,
    default: str,
    on_change: Callable[[], None] | None = None,
    follows: bool = False,
    **words: Any,
) -> str:
    """Draws the box of a choice and returns the id chosen; what is of another data set is taken back. What is written
    into the box of a large data set is an id or a part of one.

    Args:
        control: the choice.
        dataset: whose samples.
        default: the id it opens on.
        on_change: called once another is chosen.
        follows: whether it takes another default where that changes and nobody has chosen, see `follow`.
        words: more arguments of `st.selectbox`.
    """
    key = control.key
    _take_link(control)
    if is_foreign(dataset, key):
        state.forget(key)
    if follows:
        follow(key, default)
    large = len(dataset) > OFFERED
    now = page_params.text_of(key) or default
    ids = offered(dataset, now if exists(dataset, now) else default, default)

    def written() -> None:
        sample = matching(dataset, str(state.get(key) or now))
        if sample is None:
            state.notice(
                f"No id of the data set has ‘{text.plain(str(state.get(key)), 80)}’ in it. The sample stays."
            )
        state.put(key, sample or now)
        if on_change is not None:
            on_change()

    return str(
        st.selectbox(
            control.label,
            ids,
            index=None if large and state.get(key) is not None else ids.index(default),
            on_change=written if large else on_change,
            accept_new_options=large,
            **{"help": control.help or None, **control.style, **words},
            **bind(control, default),
        )
        or default
    )


def matching(dataset: DataSet, wanted: str) -> str | None:
    """The id that was written, else the first that has it in it, in whatever letters; None where none has."""
    if exists(dataset, wanted):
        return wanted
    part = wanted.strip().casefold()
    return (
        next((str(id_) for id_ in dataset.ids if part in str(id_).casefold()), None)
        if part
        else None
    )


# The picker of what decisions are compared with: the training set, states that know nothing, one other sample, or a
# cohort.


def background_picker(study: Study, row: int) -> Study:
    """Draws the picker; returns the study with that background. A link may say it as the command line does (`joint`,
    `contrast`, ...)."""
    labels = {kind: label for label, kind in background_choice.OFFERED.items()}
    key = pickers.BACKGROUND.key
    wanted = page_params.text_of(key)
    if wanted in labels and key not in st.session_state:
        page_params.drop_link({key: [labels[wanted]]})
    check(pickers.BACKGROUND, pickers.CONTRAST, study=study)
    kind = draw(pickers.BACKGROUND)
    if kind == "cohort":
        return _cohort(study)
    sample = _other(study, row) if kind == "contrast" else ""
    if sample == str(study.dataset.ids[row]):
        st.caption("This sample is compared with itself, so every contribution is 0. Pick another.")
    return background_choice.with_background(study, kind, sample)


def _cohort(study: Study) -> Study:
    """The study with a saved cohort behind it, whose members are told by the decisions against the training set."""
    known = {cohort.name: cohort.parts for cohort in saved.saved_cohorts()}
    if not known:
        st.caption(
            "No cohort is saved yet: name one on the Cohorts page. Until then the training set is compared with."
        )
        return study
    members = replace(pickers.MEMBERS, values=list(known))
    check(members)
    name = draw(members)
    try:
        rows = cohort_table.members(study, known[name])
    except QFusionError as error:
        st.warning(
            text.message(
                f"Cohort ‘{name}’ does not fit this model: {error} The training set is compared with."
            )
        )
        return study
    if not len(rows):
        st.warning(
            text.message(f"Cohort ‘{name}’ has no sample here. The training set is compared with.")
        )
        return study
    st.caption(f"{len(rows):,} samples")
    return background_choice.with_background(study, "cohort", name, rows)


def cohort(study: Study) -> str:
    """The cohort that decisions are compared with, as NAME:FILTER; empty where it is something else."""
    behind = study.background
    return next(
        (
            str(cohort)
            for cohort in saved.saved_cohorts()
            if behind.kind == "cohort" and cohort.name == behind.label
        ),
        "",
    )


def _other(study: Study, row: int) -> str:
    default = background_choice.default_contrast(study, row)
    follow(pickers.CONTRAST.key, default)  # before its value is read here
    value = page_params.text_of(pickers.CONTRAST.key) or default
    place = study.dataset.row(value if exists(study.dataset, value) else default)
    says = (
        f"It is predicted ‘{text.plain(study.classes[int(study.predicted[place])])}’ "
        f"({text.softmax(study.probabilities[place].max())})"
        if study.classes
        else f"Its score is {study.scores[place, 0]:+.2f}"
    )
    return sample_box(pickers.CONTRAST, study.dataset, default, help=f"{says}. Type to search.")


def background_in_links() -> dict[str, str]:
    """What links and the next page carry: nothing of the default background."""
    chosen = str(state.get(pickers.BACKGROUND.key) or background_choice.DEFAULT_BACKGROUND)
    if chosen == background_choice.DEFAULT_BACKGROUND:
        return {}
    which = {"contrast": pickers.CONTRAST.key, "cohort": pickers.MEMBERS.key}
    key = which.get(background_choice.OFFERED.get(chosen, ""), "")
    return {pickers.BACKGROUND.key: chosen} | (
        {key: str(state.get(key))} if key and state.get(key) else {}
    )


# The shared pickers: model, data, sample. What the link says wins where it fits; what does not fit is named.


# in every page's address
def settle_pickers() -> None:
    """On a fresh session, makes model and data in the address agree before any widget is drawn.

    A link that names only the data gets a model trained on them; a model that does not fit the data gets its own.
    """
    wanted = page_params.text_of(pickers.DATA.key)
    if pickers.MODEL.key in st.session_state or not wanted:
        return
    model = page_params.text_of(pickers.MODEL.key)
    if not model:
        state.put(pickers.MODEL.key, next(pickers.models_for(wanted), pickers.models()[0]))
    elif problem := pickers.misfit(model, wanted):
        state.notice(
            f"In the link, `data`: model '{model}' does not fit data set '{wanted}': {problem} "
            "The model's own data are shown."
        )
        state.put(pickers.DATA.key, pickers.own_data(model))


def draw_pickers() -> tuple[Study, int, outputs.Output]:
    """Draws the pickers; returns the model on its data, the row of the sample, and what is explained."""
    names, known = pickers.models(), pickers.sources()
    for key, what, here in (
        (pickers.MODEL.key, "Model", names),
        (pickers.DATA.key, "Data set", known),
    ):
        if state.get(key) not in (None, *here):  # it was deleted, or a link asked for it
            state.notice(
                f"{what} '{str(state.get(key))[:80]}' does not exist. The default is shown."
            )
            state.forget(key)
            model, data = (state.get(one.key) for one in (pickers.MODEL, pickers.DATA))
            if model is None and data in known:  # what is left has to fit
                state.put(pickers.MODEL.key, next(pickers.models_for(data), names[0]))
            elif model in names and pickers.own_data(model) not in known:
                state.put(pickers.MODEL.key, next(pickers.models_for(known[0]), names[0]))
    model = draw(pickers.MODEL, on_change=_model_changed)
    _replay(model)
    own = pickers.own_data(model)
    chosen = st.selectbox(
        pickers.DATA.label,
        known,
        index=known.index(own) if own in known else 0,
        on_change=_data_changed,
        help=pickers.DATA.help,
        **pickers.DATA.style,
        **bind(pickers.DATA, own if own in known else known[0]),
    )
    _checks.check(
        not pickers.misfit(model, chosen) or any(pickers.models_for(chosen)),
        f"Data set '{chosen}' has no model yet. Train one on the Train page, or with `python -m qfusion train --data "
        f"{chosen} --model quantum-jump --name my-model`.",
    )
    study = open_study_shared(model, chosen)
    row = _sample(study)
    output = _output(study)
    behind = background_picker(study, row)
    study = behind.on(background_rows(behind.of_set))
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
        sample = sample_box(
            pickers.SAMPLE,
            data,
            default,
            # says it in the address, which this run reads already
            lambda: state.choose_sample(state.get(pickers.SAMPLE.key)),
            help=f"{len(data):,} samples, {len(data.rows('test')):,} of them for testing. "
            "Type to search, or step with the keys ← and →.",
        )
        row = data.row(sample)
        for key, icon, step, words in (
            ("_previous", "chevron_left", -1, "Previous sample (←)"),
            ("_next", "chevron_right", 1, "Next sample (→)"),
        ):
            there = str(data.ids[row + step]) if 0 <= row + step < len(data.ids) else ""
            st.button(
                "",
                key=key,
                icon=f":material/{icon}:",
                type="tertiary",
                help=words,
                disabled=not there,
                on_click=state.choose_sample,
                args=(there,),
            )
    return row


def _output(study: Study) -> outputs.Output:
    """What is explained: the class decided for, or what the reader names."""
    if not study.classes:
        return outputs.Output()
    check(pickers.OUTPUT, study=study)
    chosen = draw(pickers.OUTPUT, study)
    return outputs.parse("" if chosen == page_state.PREDICTED else chosen, study.classes)


def _model_changed() -> None:
    name = state.get(pickers.MODEL.key)
    if (
        name in pickers.models() and (own := pickers.own_data(name)) in pickers.sources()
    ):  # a browser may send any text, such as a path
        state.put(pickers.DATA.key, own)
    _, steps, at = state.get(_HISTORY, ("", [{}], 0))
    if DURATION not in steps[at]:  # as the last model had learned it
        state.forget(DURATION)


def play_cursor(key: str, stops: Mapping[Any, str], most: int = 41, pace: float = 8) -> None:
    """Draws the button that plays all figures that follow a cursor: what they are at its stops is made once, by
    `ui.panels`, and drawn in the browser.

    Args:
        key: of the cursor. stops: where it can halt, with what is written there.
        most: of these that are taken, evenly. pace: of how many a second, in five seconds at least.
    """
    halts, count = [*stops.items()], min(len(stops), most)
    taken = dict(halts[n * (len(halts) - 1) // max(count - 1, 1)] for n in range(count))
    st.button(
        "Play",
        key=f"_play{key}",
        icon=":material/play_arrow:",
        help="Play: figures follow the cursor from its beginning to its end.",
        on_click=lambda: state.put(
            state.PLAYS, (now := time.monotonic(), now, key, taken, max(5.0, count / pace))
        ),
    )


def trained_as(scope: Any, model: str) -> Any:
    """A sample, or a study, of another model of the same training, compared with the same kind of background."""
    study = getattr(scope, "study", scope)
    behind = study.background
    _checks.check(
        behind.kind != "cohort", "Saved cohorts are not compared with through a training."
    )
    other = background_choice.with_background(
        opening.open_study(model, study.dataset.name), behind.kind, behind.label
    )
    return replace(scope, study=other) if scope is not study else other


EPOCH, _LAST = "_epoch", "end"


def _replay(model: str) -> None:
    """A cursor over the epochs after which the model was kept, if there are any."""
    name, _, epoch = model.partition(checkpoint.AFTER)
    if epochs := checkpoint.epochs(model):
        state.put(EPOCH, epoch or _LAST)
        st.select_slider(
            "After epoch",
            [*map(str, epochs), _LAST],
            key=EPOCH,
            on_change=_epoch_changed,
            args=(name,),
            width=190,
            help="Leads every page through the training: the model as it was after that epoch.",
        )
        stops = {f"{name}{checkpoint.AFTER}{at}": f"after epoch {at}" for at in epochs}
        play_cursor(EPOCH, stops | {name: "trained"}, most=12)


def _epoch_changed(name: str) -> None:
    epoch = state.get(EPOCH)
    there = name if epoch == _LAST else f"{name}{checkpoint.AFTER}{epoch}"
    if there in pickers.models():
        state.put(pickers.MODEL.key, there)


def _data_changed() -> None:
    model, name = state.get(pickers.MODEL.key), state.get(pickers.DATA.key)
    if (
        model in pickers.models()
        and name in pickers.sources()
        and pickers.misfit(model, name)
        and (other := next(pickers.models_for(name), None))
    ):
        state.put(pickers.MODEL.key, other)


# The bar's button that pins what is shown as A of the Compare page.


def pin_button(study: Study, row: int, link: Callable[..., Any]) -> None:
    """Draws the button and, when something is pinned, what it is."""
    view = state.get(saved.PIN)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", width="content", key="pinning"
    ):
        st.button(
            "Pin",
            icon=":material/push_pin:",
            key="_pin_now",
            on_click=_pin,
            args=(study, row),
            help="Keeps model, data, sample and whatever is tweaked as A, to compare with what you look at later "
            "as B.",
        )
        if view is not None:
            link(
                "pages/compare.py",
                "Compare",
                ":material/compare:",
                help=f"With {pin_in_words(view)}, which is pinned",
            )
            st.button(
                "",
                icon=":material/close:",
                key="_unpin",
                type="tertiary",
                help="Forget what is pinned",
                on_click=state.put,
                args=(saved.PIN, None),
            )


def _pin(study: Study, row: int) -> None:
    view = view_of(study, row)  # as it is now: sliders move without drawing this button anew
    state.put(saved.PIN, view)
    st.toast(
        f"A is {pin_in_words(view)}. Next, pick another sample or model, or tweak this one: that is B. Then press "
        "Compare.",
        icon=":material/push_pin:",
        duration="long",
    )


def pin_in_words(view: pins.Pin) -> str:
    """A pinned view as markdown."""
    return f"{text.plain(view.sample, 40)} by {text.plain(view.model, 40)}" + (
        f", tweaked: {text.plain(view.tweak, 60)}" if view.tweak else ""
    )


def view_of(study: Study, row: int) -> pins.Pin:
    """What the reader looks at."""
    return pins.Pin(
        study.name, study.dataset.name, str(study.dataset.ids[row]), current_tweak(study)
    )
