"""The frame of all pages: set-up, the bar on top, the sidebar, and the title."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from qfusion import plugin
from qfusion.app import (
    context_bar,
    guidance,
    links,
    navigation,
    page_context,
    page_runs,
    requests,
    sharing,
    state,
    tables,
    widgets,
)
from qfusion.app.models import tweaks
from qfusion.app.navigation import REQUIRED_PARTS, UNAVAILABLE, WHAT_IF, draw_menu
from qfusion.app.page_context import PageContext, open_encoded, theme
from qfusion.app.page_runs import draw_notices, show_errors
from qfusion.errors import default_on_error
from qfusion.models.protocols import EditableCircuit, Evolution, LayeredNetwork
from qfusion.study.study import Study
from qfusion.views.pages import address, catalogue, params

# The keys that do something on every page, and the sheet that lists them. The keys themselves are in `frame.js`.

KEYS = {
    "← →": "previous and next sample",
    "/": "find a sample",
    "F1": "help of the field that has the focus",
    "p": "pin this view",
    "c": "copy the link",
    "u": "undo the last tweak",
    "r": "redo the tweak",
    "w": "brief or full explanations",
    "?": "show these keys",
    "Esc": "close these keys",
}


# What Python cannot do in the frame of a page: follow the reader's theme at once, and let the keyboard skip the
# sidebar.


_SCRIPT = plugin.asset_text("frame.js")
_MARK = '<h3 class="qf-mark">qfusion</h3>'
_CSS = {name: plugin.asset_text("theme", name) for name in ("app.css", "bar.css", "phone.css")}
# those of which a figure that is made at once comes first
QUICK_PAGES = (
    "Overview",
    "Samples",
    "Dynamics",
    "Circuit",
    "What if",
    *(page.title for page in plugin.entries("pages") if page.begins_with_figure),
)


def begin_model_page(title: str, before: Callable[[Study], None] | None = None) -> PageContext:
    """Draw the frame and return the reader's picks. Stop the page with a message if they cannot be loaded.

    Once a session, of some pages, it is drawn without what stands in it: the page ends with its first figure and begins
    anew when a browser has drawn that. Sent with all else it would be drawn last, a second later.

    Args:
        title: of the page.
        before: what the page does before it is asked what its address may say.
    """
    _begin(title, has_bar=True)
    if (ahead := _first_figure_frame(title)) is not None:
        return ahead
    with _page_frame(title) as (side, top):
        widgets.check(address.MODEL, address.DATA)
        context_bar.settle_pickers()
        with top:
            study, row, wanted = context_bar.draw_pickers()
            state.put(
                UNAVAILABLE,
                [
                    page
                    for page, any_of in REQUIRED_PARTS.items()
                    if not any(study.model.part(protocol) for protocol in any_of)
                ]
                + ([] if study.reads_features else [WHAT_IF]),
            )
            sharing.pin_button(study, row)
        if before is not None:
            before(study)
        _drop_invalid_params(study)
        if page_runs.shown_models:
            page_runs.shown_models.add(study.name)
        origin = address.describe_source(study)
        context = PageContext(study, row, wanted)
        sharing.share_buttons(
            side,
            (lambda: context.tweaked_sample(tweaks.current_tweak(study)))
            if any(map(study.model.part, (Evolution, LayeredNetwork, EditableCircuit)))
            else None,
        )
        state.put(
            page_context.ORIGIN,
            origin | {"sample": str(study.dataset.ids[row]), "seed": study.card.get("seed")},
        )
    return context


def begin_page(title: str, own: Iterable[params.Param] = ()) -> None:
    """Draw the frame of a page that needs neither model nor sample. The pickers are kept for the next page.

    Args:
        title: of the page.
        own: the choices of a page without panels.
    """
    _begin(title, has_bar=False)
    with _page_frame(title) as (side, _):
        state.show_picked()
        _drop_invalid_params(own=own)
        sharing.share_buttons(side)
        state.put(page_context.ORIGIN, {})


@default_on_error(None)
def _first_figure_frame(title: str) -> PageContext | None:
    """Draw the frame of a page of which only the first part is to be shown, and return the picks. Return None if the
    whole page is to be shown: later in a session, if the address says more than model, sample and the model's own
    data, or if nobody has looked at these before.
    """
    words = {key: values[-1] for key, values in state.query().items()}
    picked = (address.MODEL.key, address.DATA.key, address.SAMPLE.key)
    if st.session_state or title not in QUICK_PAGES or {*words} - {*picked}:
        return None
    context = open_encoded(words)
    if context is None or context.study.name not in page_runs.shown_models:
        return None
    model, own = context.study.name, context.study.dataset.name
    if own != address.own_data(model):
        return None
    at, drawn = requests.expect_drawing()
    shown = dict(zip(picked, (model, own, context.sample), strict=True))
    # past `state.put`, which tells the address what it sets: nobody chose these
    st.session_state.update(
        {
            state.PAGE: title,
            state.WAITING: set(),
            page_runs.FIRST: drawn,
            state.PICKED: shown,
        }
        | shown
    )
    with st.sidebar:
        st.html(_MARK)
        st.html(f'<div id="qf-first" data-address="{at}"></div>')  # for `figure.js`
    with _bar():
        st.html("<p></p>")  # which keeps the room of the pickers
    _draw_title(title)
    return context


def _begin(title: str, *, has_bar: bool) -> None:
    """Set the page up."""
    page_runs.prepare_script()
    st.set_page_config(
        page_title=f"{title} · qfusion", page_icon=plugin.asset_path("icon.svg"), layout="wide"
    )
    styles = "".join(css for name, css in _CSS.items() if has_bar or name != "bar.css")
    # Streamlit says so of the page, but not of its dialogs
    st.html(
        f"<style>:root {{ color-scheme: {theme()} }} {styles}</style>"
        f"<script>{requests.plotly_script()}</script>",
        unsafe_allow_javascript=True,
    )
    requests.require_login()


def _bar() -> Any:
    return st.container(key="context", horizontal=True, vertical_alignment="bottom", gap="small")


@contextmanager
def _page_frame(title: str) -> Iterator[tuple[Any, Any]]:
    """Context manager that draws the navigation, even if the block fails, and the head of the page.

    Yields:
        a container below the navigation, and the bar that stays in view on top of the page.
    """
    state.pop(state.AGAIN)
    top = _bar()
    with show_errors(title):
        with st.sidebar:
            st.html(_MARK)
            menu, side = (
                st.container(key="menu", gap="xxsmall"),
                st.container(key="side", gap="small"),
            )
        navigation.restore_tour(title)
        links.restore_from_url(title)
        navigation.keep_step()
        with side:
            widgets.check(guidance.DEPTH)
            widgets.draw(guidance.DEPTH)
        try:
            yield side, top
        finally:
            with menu:
                draw_menu()
            with side:
                sheet = [(f"`{key}`", does) for key, does in KEYS.items()]
                page_runs.dialog_button(
                    "Keys",
                    ":material/keyboard:",
                    "_shortcuts",
                    st.markdown,
                    tables.markdown(["key", "action"], sheet),
                )
                requests.draw_account()
    _draw_head(title)


def _drop_invalid_params(study: Study | None = None, own: Iterable[params.Param] = ()) -> None:
    """Report the link's invalid values of the page's own widgets and its parameters without a widget, and drop them."""
    view = state.current()
    allowed = catalogue.page_rules(view, study) | params.rules(own, view)
    links.drop_invalid(allowed)
    links.drop_unknown({*allowed, *address.KEYS, *links.SAVED})


def _draw_head(title: str) -> None:
    # Streamlit changes its own colours when the theme changes, but does not run the page again, so figures would keep
    # theirs: the script presses the button then.
    with st.sidebar, st.container(key="qf-frame"):  # where it takes no room
        st.html(
            f'<div id="qf-theme" data-theme="{theme()}"></div><script>{_SCRIPT}</script>',
            unsafe_allow_javascript=True,
        )
        st.button("Reload the page", key="_redraw")
    _draw_title(title)
    navigation.tour_card(title)
    draw_notices()


def _draw_title(title: str) -> None:
    with st.container(key="head", horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(title, anchor=False, width="content")
        st.caption(catalogue.QUESTIONS[title.lower()], width="stretch")
