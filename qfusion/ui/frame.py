"""The frame of all pages: set-up, navigation, shared pickers, notices, keys, and where our errors become messages."""

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import streamlit as st

from qfusion import _files, data
from qfusion._checks import choose
from qfusion.analysis import encoding_jobs, opening, outputs, text
from qfusion.analysis.outputs import DECIDED
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError, default_on_error, translate_system_errors
from qfusion.figures.style import Theme
from qfusion.models import Ability, Tweak, abilities
from qfusion.models.abilities import can
from qfusion.panels import address, page_state, pages, params, pickers
from qfusion.ui import (
    access,
    arrival,
    background_picker,
    context_bar,
    figure_origin,
    first_figure,
    guidance,
    notes,
    page_params,
    pinning,
    reruns,
    saved,
    server_addresses,
    sharing,
    state,
    tweak_widgets,
    widgets,
)

# The keys that do something on every page, and the sheet that lists them. The keys themselves are in `frame.js`.

KEYS = {
    "← →": "previous and next sample",
    "/": "find a sample",
    "p": "pin what you see",
    "c": "copy the link",
    "u": "undo the last tweak",
    "r": "redo it",
    "w": "brief or full explanations",
    "?": "this sheet",
    "Esc": "close it",
}


# What Python cannot do in the frame of a page: follow the reader's theme at once, and let the keyboard skip the
# sidebar.


_SCRIPT = _files.asset_text("frame.js")
_CSS = {name: _files.asset_text("theme", name) for name in ("app.css", "bar.css")}


PAGES = {
    "Explore": (
        ("app.py", "Overview", ":material/home:"),
        ("pages/samples.py", "Samples", ":material/table_rows:"),
    ),
    "Understand": (
        ("pages/dynamics.py", "Dynamics", ":material/timeline:"),
        ("pages/circuit.py", "Circuit", ":material/schema:"),
        ("pages/what_if.py", "What if", ":material/alt_route:"),
        ("pages/operators.py", "Decision operators", ":material/how_to_vote:"),
        ("pages/cohorts.py", "Cohorts", ":material/groups:"),
        ("pages/compare.py", "Compare", ":material/compare:"),
        ("pages/faithfulness.py", "Faithfulness", ":material/verified:"),
        ("pages/why_fuse.py", "Why fuse", ":material/merge:"),
    ),
    "Build": (
        ("pages/data.py", "Data", ":material/database:"),
        ("pages/train.py", "Train", ":material/model_training:"),
        ("pages/sweeps.py", "Sweeps", ":material/tune:"),
        ("pages/leaderboard.py", "Leaderboard", ":material/leaderboard:"),
    ),
    "Learn": (
        ("pages/tour.py", "Guided tour", ":material/tour:"),
        ("pages/glossary.py", "Glossary", ":material/menu_book:"),
    ),
}
# what a page needs of the model: one of these abilities
REQUIRED_ABILITIES: dict[str, tuple[Ability, ...]] = {
    "Dynamics": ("time", "layers"),
    "Circuit": ("circuit",),
    "Decision operators": ("states",),
}
# those of which a figure that is made at once comes first
QUICK_PAGES = ("Overview", "Samples", "Dynamics", "Circuit", "What if", "Decision operators")
_LINKED_AS = {key: linked for linked, key in address.LINKED.items()}
_UNAVAILABLE = "_unfit_pages"  # those that the model picked does not have
P = ParamSpec("P")
_draws_page: ContextVar[bool] = ContextVar("draws_page", default=False)
FILES = {title: file for group in PAGES.values() for file, title, _ in group}


@dataclass(frozen=True)
class PageContext:
    """What the reader has picked: the model on its data, the sample's row, the theme, and what is explained."""

    study: Study
    row: int
    theme: Theme
    output: outputs.Output = DECIDED

    @property
    def output_wanted(self) -> int | None:
        """Number of the class that is explained; None for the one decided for."""
        return self.output.number

    @property
    def explained_study(self) -> Study:
        """The study whose scores are explained: log-odds against all other classes, or against one."""
        return self.study.with_reference(self.output.reference)

    def tweaked_sample(self, tweak: Tweak | str = "") -> Sample:
        """The sample, under a tweak: whatever is told of it is asked there."""
        return Sample(
            self.explained_study,
            self.row,
            int(self.study.predicted[self.row])
            if self.output_wanted is None
            else self.output_wanted,
            tweak,
        )

    def prepare(self) -> None:
        """Has what this page shows drawn in the background of the samples beside this one; the last thing that a page
        does."""
        reruns.prepare_ahead(
            self,
            page_params.current(),
            frozenset(state.get(state.WAITING)),
        )

    def scopes(self, tweak: Tweak | str = "") -> dict[str, Any]:
        """What panels of this page are made from, by what builders call it."""
        return {"sample": self.tweaked_sample(tweak), "study": self.study}

    @property
    def output_name(self) -> str:
        """What is explained, as text of `outputs.parse`; empty for the class decided for."""
        return str(self.output)

    @property
    def sample(self) -> str:
        """The sample's id."""
        return str(self.study.dataset.ids[self.row])


def begin_model_page(title: str, before: Callable[[Study], None] | None = None) -> PageContext:
    """Draws the frame and returns what the reader picked; stops the page with a message when that cannot be loaded.

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
        widgets.check(pickers.MODEL, pickers.DATA)
        context_bar.settle_pickers()
        with top:
            study, row, wanted = context_bar.draw_pickers()
            state.put(
                _UNAVAILABLE,
                [
                    page
                    for page, any_of in REQUIRED_ABILITIES.items()
                    if not any(can(study.model, ability) for ability in any_of)
                ],
            )
            pinning.pin_button(study, row, link)
            notes.notes_button(title, FILES)
        if before is not None:
            before(study)
        _drop_invalid_params(study)
        if reruns.shown:
            reruns.shown.add(study.name)
        origin = address.describe_source(study)
        context = PageContext(study, row, theme(), wanted)
        sharing.link_and_session(
            side,
            FILES,
            origin,
            (lambda: context.tweaked_sample(tweak_widgets.current_tweak(study)))
            if can(study.model, "time") or can(study.model, "layers")
            else None,
        )
        state.put(
            figure_origin.ORIGIN,
            origin | {"sample": str(study.dataset.ids[row]), "seed": study.card.get("seed")},
        )
    return context


def begin_page(title: str, own: Iterable[params.Param] = ()) -> None:
    """Draws the frame of a page that needs neither model nor sample; the pickers are kept for the next page.

    Args:
        title: of the page.
        own: the choices of a page without panels.
    """
    _begin(title, has_bar=False)
    with _page_frame(title) as (side, _):
        page_params.show_picked()
        _drop_invalid_params(own=own)
        sharing.link_and_session(side, FILES, {})
        state.put(figure_origin.ORIGIN, {})


@default_on_error(None)
def _first_figure_frame(title: str) -> PageContext | None:
    """Draws the frame of a page of which only what comes first is to be shown, and returns what is picked; None where
    all is to be shown: later in a session, where the address says more than model, sample and the model's own data, and
    where nobody has looked at these before."""
    words = {key: values[-1] for key, values in page_params.query().items()}
    picked = (pickers.MODEL.key, pickers.DATA.key, pickers.SAMPLE.key)
    if st.session_state or title not in QUICK_PAGES or {*words} - {*picked}:
        return None
    model, data, one = map(words.get, picked)
    model = choose("Model", model or pickers.models()[0], pickers.models())
    own = pickers.own_data(model)
    if (
        data not in (None, own)
        or model not in reruns.shown
        or not encoding_jobs.is_encoded(model, own)
    ):
        return None
    study = opening.open_study(model, own)
    one = one or pickers.default_sample(study)
    context = PageContext(study, study.dataset.row(one), theme())
    at, drawn = first_figure.expect_drawing()
    shown = dict(zip(picked, (model, own, one), strict=True))
    # past `state.put`, which tells the address what it sets: nobody chose these
    st.session_state.update(
        {
            page_params.PAGE: title,
            state.WAITING: set(),
            reruns.FIRST: drawn,
            page_params.PICKED: shown,
        }
        | shown
    )
    with st.sidebar:
        st.markdown("### qfusion")
        st.html(f'<div id="qf-first" data-address="{at}"></div>')  # for `figure.js`
    with _bar():
        st.html("<p></p>")  # which keeps the room of the pickers
    _draw_title(title)
    return context


def _begin(title: str, *, has_bar: bool) -> None:
    """Sets the page up."""
    reruns.begin_run()
    st.set_page_config(
        page_title=f"{title} · qfusion", page_icon=_files.asset_path("icon.svg"), layout="wide"
    )
    # Streamlit says so of the page, but not of its dialogs
    st.html(
        f"<style>:root {{ color-scheme: {theme()} }} {_CSS['app.css']}{_CSS['bar.css'] if has_bar else ''}</style>"
        f"<script>{server_addresses.plotly_script()}</script>",
        unsafe_allow_javascript=True,
    )
    access.enter()


def _bar() -> Any:
    return st.container(key="context", horizontal=True, vertical_alignment="bottom", gap="small")


@contextmanager
def _page_frame(title: str) -> Iterator[tuple[Any, Any]]:
    """Draws the navigation, whatever goes wrong in the block, and the page's head.

    Yields:
        a container below the navigation, and the bar that stays in view on top of the page.
    """
    state.take(state.AGAIN)
    top = _bar()
    with guard(title):
        with st.sidebar:
            st.markdown("### qfusion")
            menu, side = (
                st.container(key="menu", gap="xxsmall"),
                st.container(key="side", gap="small"),
            )
        sharing.open_loaded()
        guidance.arrive(title)
        arrival.arrive(title)
        guidance.keep_step()
        with side:
            widgets.check(guidance.DEPTH)
            widgets.draw(guidance.DEPTH)
        try:
            yield side, top
        finally:
            with menu:
                _draw_menu()
            with side:
                sheet = [f"| `{key}` | {does} |" for key, does in KEYS.items()]
                reruns.dialog_button(
                    "Keys",
                    ":material/keyboard:",
                    "_shortcuts",
                    st.markdown,
                    "\n".join(["| key | does |", "|---|---|", *sheet]),
                )
                access.account()
                _draw_missing_data()
    _draw_head(title)


def _drop_invalid_params(study: Study | None = None, own: Iterable[params.Param] = ()) -> None:
    """Names what a link says wrongly of the page's own widgets, and what no widget is there for."""
    view = page_params.current()
    allowed = pages.page_rules(view, study) | params.rules(own, view)
    arrival.drop_invalid(allowed)
    arrival.drop_unknown({*allowed, *pickers.KEYS, *saved.SAVED})


def _draw_head(title: str) -> None:
    # Streamlit changes its own colours when the theme changes, but does not run the page again, so figures would keep
    # theirs: the script presses the button then.
    with st.sidebar, st.container(key="qf-frame"):  # where it takes no room
        st.html(
            f'<div id="qf-theme" data-theme="{theme()}"></div><script>{_SCRIPT}</script>',
            unsafe_allow_javascript=True,
        )
        st.button("Draw the page again", key="_redraw")
    _draw_title(title)
    guidance.tour_card(title, link, FILES)
    _draw_notices()


def _draw_title(title: str) -> None:
    with st.container(key="head", horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title(title, anchor=False, width="content")
        st.caption(pages.QUESTIONS[title.lower()], width="stretch")


@contextmanager
def guard(title: str = "") -> Iterator[None]:
    """Shows one of our own errors as a message; of a whole page below its `title`, with nothing drawn after it. Other
    errors are defects."""
    if state.take(state.AGAIN):
        st.rerun()
    try:
        with translate_system_errors():
            yield
    except QFusionError as error:
        if title:
            st.title(title, anchor=False)
            _draw_notices()
        st.error(text.message(error), icon=":material/error:")
        if title:
            st.caption("Pick another model or data set on top to go on.")
            page_params.write_address()
            st.stop()


def fragment(part: Callable[P, None], key: str | None = None) -> Callable[P, None]:
    """Makes a function draw its part of a page by itself: its widgets redraw this and nothing else, and our errors are
    messages in its place. A callback redraws it by its `key`."""

    @st.fragment(key=key)
    @wraps(part)
    def drawn(*arguments: P.args, **options: P.kwargs) -> None:
        reruns.begin_run()
        with guard():
            part(*arguments, **options)
        if not _draws_page.get():
            page_params.write_address()

    return drawn


def run_or_notice(act: Callable[..., object], *words: Any) -> None:
    """Does something for a callback, in which there is no page yet: what goes wrong is a notice on top of the next.

    Args:
        act: what is done. words: its arguments.
    """
    try:
        with translate_system_errors():
            act(*words)
    except QFusionError as error:
        state.notice(str(error))
        state.page_again()  # notices stand above what is drawn anew by itself


def theme() -> Theme:
    """The reader's theme, for the figures."""
    return "dark" if st.context.theme.type == "dark" else "light"


def link(page: str, label: str, icon: str, help: str | None = None, **query: str) -> None:
    """A link to a page that carries the pickers, and `query`, in its address; `help` is shown under the mouse.

    A parameter that has a name of its own in links (see `address.LINKED`) goes by it: by its usual name the pickers
    of the last page would be stronger.
    """
    st.page_link(
        page,
        label=label,
        icon=icon,
        help=help,
        query_params=link_query(
            **{_LINKED_AS.get(key, key): value for key, value in query.items()}
        ),
    )


def link_query(**query: str) -> dict[str, Any]:
    """What a link's address says: the pickers, and `query`."""
    words: dict[str, Any] = {
        key: str(value)
        for key in (pickers.MODEL.key, pickers.DATA.key, pickers.SAMPLE.key, pickers.OUTPUT.key)
        if (value := state.get(key)) and value != page_state.PREDICTED
    } | background_picker.background_in_links()
    # what is kept across pages, so that links inside the app can be opened in a new tab
    stored = {key: page_state.format_value(state.get(key)) for key in saved.SAVED if state.get(key)}
    for name in query:  # Streamlit would prefer what the address says to what the link sets
        words.pop(address.LINKED.get(name, name), None)
    return words | stored | ({guidance.WORDS: guidance.FULL} if guidance.full() else {}) | query


def run_page(file: str, name: str = "__main__") -> None:
    """Draws the page of a file that Streamlit runs, which defines all in it anew each time: its module is kept. Does
    nothing where the file is imported, as its `name` says."""
    if name == "__main__":
        draw_page(importlib.import_module(f"qfusion.ui.pages.{Path(file).stem}").page)


def draw_page(page: Callable[[], object]) -> None:
    """Draws a whole page, and writes its address at the end."""
    token = _draws_page.set(True)
    try:
        page()
        reruns.finish_first_paint()
        page_params.open_params().end()
        page_params.write_address()
    finally:
        _draws_page.reset(token)


def _draw_menu() -> None:
    unfit = state.get(_UNAVAILABLE, [])
    for group, links in PAGES.items():
        with st.expander(group, expanded=True, type="compact", key=f"_group-{group}"):
            for page, label, icon in links:
                if label not in unfit:
                    link(page, label, icon)
            lines = [
                f"{label} is left out: the model has no {abilities.ABILITIES[REQUIRED_ABILITIES[label][0]]}."
                for label in unfit
            ]
            if lines and group == "Understand":
                st.caption(
                    "  \n".join(lines),
                    help="Of the model picked. A link to the page still opens it.",
                )


def _draw_notices() -> None:
    if notices := list(state.get(state.NOTICES, [])):
        with st.container(border=True, key="notices"):
            for words in notices:
                st.warning(text.message(words), icon=":material/link_off:")
            st.button("Close", on_click=state.put, args=(state.NOTICES, []), key="_close_notices")


def _draw_missing_data() -> None:
    """Which data sets are not on this machine, and how to get them: one button."""
    absent = [source for source in data.available() if not source.available]
    if absent:
        label = (
            f"{text.escape_markdown(absent[0].title)} is not here"
            if len(absent) == 1
            else f"{len(absent)} data sets are not here"
        )
        reruns.dialog_button(label, ":material/info:", "_missing_data", _list_missing, absent)


def _list_missing(absent: Iterable[data.SourceInfo]) -> None:
    for source in absent:
        lines = (
            f"**{text.escape_markdown(source.title)}**",
            *map(text.message, (source.reason, source.remedy)),
        )
        st.markdown("  \n".join(lines))
