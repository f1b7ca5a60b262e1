"""Widgets of the parameters of a page, see `panels.params`; names that fit in closed select boxes; and buttons that
show an icon alone."""

import html
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.app import links, state
from qfusion.views.pages import params
from qfusion.views.pages.params import Param
from qfusion.views.words.names import ModelName

FIELDS = 4  # of a form side by side, at most
FIELD_WIDTH = 160  # pixels; the least width of a field of a form


def draw(
    param: params.Param,
    study: Any = None,
    *,
    place: DeltaGenerator | None = None,
    **changes: Any,
) -> Any:
    """Draw the widget of a parameter and return its value, as builders take it.

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
    """Draw the widgets of several parameters beside each other and return their values.

    Args:
        parts: the parameters.
        study: as of `draw`.
        align: of the widgets.
        key: of the container.
    """
    with st.container(horizontal=True, vertical_alignment=align, key=key):
        return [draw(param, study) for param in parts]


def bind(param: params.Param, default: Any = None) -> dict[str, Any]:
    """Return the arguments that make a widget hold a parameter, with the value that a link has for it.

    Args:
        param: the parameter.
        default: value of the widget that the address leaves out.
    """
    take_link(param)
    return state.bound(param.key, default)


def take_link(param: params.Param) -> None:
    """Give a widget without a value the value in the link. Invalid values were reported before."""
    texts = state.pop_linked(param.key)
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
    take_link(param)
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
            option = state.required_choice(label, options, default=first, **arguments)
        case _:
            place = None if start is None else options.index(start)
            titles = param.titles()
            arguments.setdefault("format_func", lambda option: titles.get(option, str(option)))
            option = st.selectbox(label, options, index=place, **arguments)
    return None if param.empty and not option else param.value(option)


def _draw_number(param: params.NumberParam, label: str, arguments: dict[str, Any]) -> float:
    number = int if param.whole else float
    low = number(arguments.pop("low", param.low))
    high = number(arguments.pop("high", param.high))
    default = number(arguments.pop("default", param.default))
    step = arguments.pop("step", param.step)
    take_link(param)
    value = state.get(param.key)
    if value is not None and not low <= value <= high:
        state.delete(param.key)
    pick = st.number_input if param.look == "box" else st.slider
    step = step and number(step)
    return number(pick(label, low, high, default, step, **arguments, **bind(param, default)))


def follow(key: str, default: Any) -> None:
    """Let a parameter that nobody has set follow its default when the default changes with the sample or the model.

    The address leaves a default out, so it would open on another one.
    """
    before = state.get(f"_usual_{key}")
    if before not in (None, default) and state.get(key) == before:
        state.delete(key)
    state.put(f"_usual_{key}", default)


def settle(key: str, options: Iterable[Any], default: Any = None) -> None:
    """Remove values that another model or data set has left and that are no options here; the default is set."""
    value = state.get(key)
    known = list(options)
    if isinstance(value, list):
        if any(option not in known for option in value):
            state.put(key, [option for option in value if option in known])
    elif value is not None and value not in known:
        state.put(key, default)


def grid(name: str) -> DeltaGenerator:
    """Return a place for fields of a form: side by side, as many of equal width as there is room for."""
    return st.grid(FIELDS, min_column_width=FIELD_WIDTH, gap="small", key=f"grid-{name}")


def fold(param: params.SwitchParam, icon: str | None = None, label: str = "") -> Any:
    """Draw a part of a page that can be folded, and return it; its `open` says whether it is open."""
    take_link(param)
    arguments = state.fold_arguments(param.key, False)
    return st.expander(label or param.label, icon=icon, **arguments)


def draw_folded(
    param: params.SwitchParam, content: Callable[[], object], icon: str, label: str = ""
) -> None:
    """Draw a part of a page that can be folded. Its content is drawn only while it is open."""
    with fold(param, icon, label) as box:
        if box.open:
            content()


def tabs(param: params.SelectParam) -> Iterator[tuple[str, DeltaGenerator]]:
    """Draw tabs and yield the name and the place of the open one."""
    names = param.options()
    take_link(param)
    settle(param.key, names, names[0])
    places = st.tabs(names, **state.fold_arguments(param.key, names[0]))
    for name, place in zip(names, places, strict=True):
        if place.open:
            yield name, place


def check(*controls: params.Param, study: Any = None) -> None:
    """Remove values of parameters that do not fit from the link, with a notice, before their widgets are drawn."""
    links.drop_invalid({param.key: param.rule(study) for param in controls})


WORDS = 25  # characters of a sample's text, which fit below its id


def place(param: Param, width: int = 0) -> DeltaGenerator:
    """Return the place of a select box and its short name, as wide as `width` or the style of its parameter says."""
    return st.container(key=f"closed-{param.key}", gap=None, width=width or param.style["width"])


def show_model(name: ModelName) -> None:
    """Show the system of a model, and its id in small print."""
    system = html.escape(name.system)
    id_ = html.escape(name.id)
    lines = f"<span>{system}</span><small>{id_}</small>" if system else f"<span>{id_}</span>"
    st.html(f'<div class="qf-closed" aria-hidden="true">{lines}</div>')


def show_sample(id_: str, words: str) -> None:
    """Show the id of a sample, and the beginning of its text in small print."""
    line = f"<small>{html.escape(_begin(words))}</small>" if words else ""
    st.html(
        f'<div class="qf-closed qf-sample" aria-hidden="true"><span>{html.escape(id_)}</span>{line}</div>'
    )


def show_option(option: str) -> None:
    """Show an option that would be cut, on two lines."""
    st.html(
        f'<div class="qf-closed" aria-hidden="true"><span class="qf-long">{html.escape(option)}</span></div>'
    )


def _begin(words: str) -> str:
    """Return the beginning of a text, shortened after a word."""
    return textwrap.shorten(words, WORDS, placeholder="…")


def show_title(title: str, id_: str) -> None:
    """Show the title of a data set; in narrow windows its id."""
    st.html(
        '<div class="qf-closed" aria-hidden="true">'
        f'<span class="qf-long">{html.escape(title)}</span>'
        f'<span class="qf-short">{html.escape(id_)}</span></div>'
    )


def icon_button(
    label: str,
    icon: str,
    key: str,
    on_click: Callable[..., None],
    *arguments: Any,
    shortcut: str = "",
    **options: Any,
) -> None:
    """Draw a button with an icon and without visible words. Its key must be in the list of `app.css`.

    Args:
        label: what it does, also shown under the mouse.
        icon: name of a Material symbol.
        key: of the button.
        on_click: called by a click.
        arguments: of `on_click`.
        shortcut: key that does the same, shown under the mouse.
        options: further arguments of `st.button`.
    """
    st.button(
        label,
        icon=f":material/{icon}:",
        key=key,
        help=f"{label} ({shortcut})" if shortcut else label,
        on_click=on_click,
        args=arguments,
        **options,
    )
