"""Ways through the pages: the menu, links that carry the reader's choices, and the guided tour, whose steps have a
card on top and `?tour=N` in the address."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from qfusion import _checks, plugin
from qfusion._memory_cache import memo
from qfusion.app import guidance, links, state
from qfusion.app.guidance import aside, chips, help, shows_full_text
from qfusion.app.samples import boxes
from qfusion.errors import QFusionError
from qfusion.models import protocols
from qfusion.models.protocols import Circuit, Evolution, LayeredNetwork
from qfusion.views.pages import address, catalogue, page_state
from qfusion.views.pages.address import DATA, MODEL, SAMPLE, sources

_CORE_PAGES = {
    "Explore": (
        ("app.py", "Overview", ":material/home:"),
        ("pages/samples.py", "Samples", ":material/table_rows:"),
    ),
    "Understand": (
        ("pages/dynamics.py", "Dynamics", ":material/timeline:"),
        ("pages/circuit.py", "Circuit", ":material/schema:"),
        ("pages/what_if.py", "What if", ":material/alt_route:"),
        ("pages/cohorts.py", "Cohorts", ":material/groups:"),
        ("pages/compare.py", "Compare", ":material/compare:"),
        ("pages/faithfulness.py", "Faithfulness", ":material/verified:"),
    ),
    "Build": (
        ("pages/data.py", "Data", ":material/database:"),
        ("pages/train.py", "Train", ":material/model_training:"),
    ),
    "Learn": (
        ("pages/tour.py", "Guided tour", ":material/tour:"),
        ("pages/glossary.py", "Glossary", ":material/menu_book:"),
    ),
}
# what a page needs of the model: one of these parts
REQUIRED_PARTS: dict[str, tuple[type, ...]] = {
    "Dynamics": (Evolution, LayeredNetwork),
    "Circuit": (Circuit,),
    **{
        page.title: (plugin.load_name(page.needs),)
        for page in plugin.entries("pages")
        if page.needs
    },
}
WHAT_IF = "What if"  # needs features to change
_LINKED_AS = {key: linked for linked, key in address.LINKED.items()}
UNAVAILABLE = "_unfit_pages"  # those that the model picked does not have


def _with_plugins() -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return the pages of the core and of plugins by group: file, title and icon of each."""
    groups = {group: list(links) for group, links in _CORE_PAGES.items()}
    for page in plugin.entries("pages"):
        groups.setdefault(page.group, []).append(
            (page.file or catalogue.PLUGIN_FILE, page.title, page.icon)
        )
    return {group: tuple(links) for group, links in groups.items()}


PAGES = _with_plugins()
FILES = {title: file for group in PAGES.values() for file, title, _ in group}
ICONS = {title: icon for group in PAGES.values() for _, title, icon in group}


def link(page: str, label: str, icon: str, help: str | None = None, **query: str) -> None:
    """A link to a page that carries the pickers, and `query`, in its address; `help` is shown under the mouse. A link
    to a page of a plugin that is not installed is left out.

    A parameter that has a name of its own in links (see `address.LINKED`) goes by it: by its usual name the pickers
    of the last page would be stronger.
    """
    if page not in FILES.values():
        return
    st.page_link(
        page,
        label=label,
        icon=icon,
        help=help,
        query_params=link_query(
            **{_LINKED_AS.get(key, key): value for key, value in query.items()}
        ),
    )


def say_missing(words: str) -> None:
    """Say what a model lacks for a page, in `words` as Markdown, and where to go instead."""
    st.markdown(words)
    link("pages/samples.py", "See what each modality adds", ":material/article:")


def link_query(**query: str) -> dict[str, Any]:
    """Return the query of a link's address: the values of the pickers, and `query`."""
    words: dict[str, Any] = {
        key: str(value)
        for key in (address.MODEL.key, address.DATA.key, address.SAMPLE.key, address.OUTPUT.key)
        if (value := state.get(key)) and value != page_state.PREDICTED
    } | boxes.background_in_links()
    # what is kept across pages, so that links inside the app can be opened in a new tab
    stored = {key: page_state.format_value(state.get(key)) for key in links.SAVED if state.get(key)}
    for name in query:  # Streamlit would prefer what the address says to what the link sets
        words.pop(address.LINKED.get(name, name), None)
    return (
        words
        | stored
        | ({guidance.WORDS: guidance.FULL} if guidance.shows_full_text() else {})
        | query
    )


def draw_menu() -> None:
    """Draw the links to all pages by group. Pages that the picked model cannot show are left out and named."""
    unfit = state.get(UNAVAILABLE, [])
    for group, entries in PAGES.items():
        with st.expander(group, expanded=True, type="compact", key=f"_group-{group}"):
            for page, label, icon in entries:
                if label not in unfit:
                    link(
                        page,
                        label,
                        icon,
                        **({catalogue.PLUGIN_PAGE: label} if page == catalogue.PLUGIN_FILE else {}),
                    )
            lines = [f"{label} is left out: {_missing_part(label)}." for label in unfit]
            if lines and group == "Understand":
                st.caption(
                    "  \n".join(lines),
                    help="Pages for the chosen model. Links to the other pages still open them.",
                )


def _missing_part(label: str) -> str:
    """Return what the model lacks for a page, as a clause."""
    if label == WHAT_IF:
        return "a measured game has no inputs to change"
    return f"the model has no {protocols.PARTS[REQUIRED_PARTS[label][0]]}"


TOUR, END = "tour", "end"
_FROM, _SEEN = "_tour_from", "_tour_seen"
_ABOUT = (
    "A tour of the pages with samples of the project and, if you like, a sample of your own. A "
    "card on each page explains it, with **Back**, **Next** and **End the tour**; the link "
    "contains the step. Your model and sample are restored at the end."
)


@dataclass(frozen=True)
class Step:
    """Stop of the tour. It holds the `title` of its page, its `name`, what to look at and why (markdown), the key of
    the part of the page to `look` at, which is framed, what is set on arrival, and what one `sees` there in one line.
    It also holds the data set that it `needs`, or the data set in whose absence it is shown.
    """

    title: str
    name: str
    words: str
    sets: dict[str, Any] = field(default_factory=dict)
    sees: str = ""
    needs: str = ""
    unless: str = ""
    look: str = ""


@memo(1)
def _all_steps() -> tuple[Step, ...]:
    return tuple(Step(**one) for one in tomllib.loads(plugin.asset_text("tour.toml"))["step"])


def steps() -> tuple[Step, ...]:
    """The steps that the data on this machine allow, in their order."""
    available = sources()
    return tuple(
        step
        for step in _all_steps()
        if step.needs in ("", *available) and step.unless not in available
    )


def step() -> int | None:
    """The step the reader is at, counted from 1; None without a tour."""
    tour = state.get(TOUR)
    return None if tour is None else int(tour)


def restore_tour(title: str) -> None:
    """Read the address before `links.restore_from_url` does, and begin a step of the tour or end the tour.

    Args:
        title: of the page.
    """
    tour = st.query_params.get(TOUR)
    if tour is None:
        return
    try:
        if tour != END:
            _checks.choose("Tour step", tour, [str(n) for n in range(1, len(steps()) + 1)])
    except QFusionError as error:
        state.notice(f"In the link, `{TOUR}`: {error} The page is shown without the tour.")
        return
    if tour == END:
        _set(state.get(_FROM, {}).get("sets", {}), title)
        state.delete(TOUR)
        state.delete(_FROM)
    elif int(tour) != step():
        state.put(
            _FROM,
            state.get(_FROM)
            or {
                "title": state.get(state.PAGE),
                "sets": dict(state.get(state.PICKED, {})),
            },
        )
        state.put(TOUR, tour)
        state.put(_SEEN, True)
        if steps()[int(tour) - 1].title == title:
            _set(steps()[int(tour) - 1].sets, title)


def keep_step() -> None:
    """Keep the step of the tour in the address of the open page."""
    if state.get(TOUR) is not None:
        state.put(TOUR, state.get(TOUR))


def _set(values: dict[str, Any], title: str) -> None:
    """Set widgets before they are drawn, including those that the page would take over from the last page."""
    if state.get(state.PAGE) != title and (stored := state.get(state.PICKED)):
        state.put(state.PICKED, stored | {key: values[key] for key in stored if key in values})
    for key, value in values.items():
        state.put(key, value)


_FRAME = "outline: 3px solid light-dark(#0B5FA5, #5FB4F4); outline-offset: 4px; border-radius: 8px;"


def tour_card(title: str) -> None:
    """Draw the card of the present step on the page of a `title`, or how to go back to it from another page; nothing
    without a tour.
    """
    at = step()
    if at is None:
        return
    now = steps()[at - 1]
    words = f"**Guided tour, step {at} of {len(steps())}** is on the {now.title} page."
    ways = [(at, "Return to the step", ":material/undo:")]
    if now.title == title:
        words = f"**Guided tour, step {at} of {len(steps())}: {now.name}**  \n{now.words}"
        ways = [  # the next first, so that it stays under the pointer from step to step
            (at + 1, "Next", ":material/arrow_forward:"),
            (at - 1, "Back", ":material/arrow_back:"),
        ]
        if now.look:
            st.html(f"<style>.st-key-{now.look} {{ {_FRAME} }}</style>")
    with st.container(border=True, key="tour", gap="xsmall"):
        st.markdown(words)
        with st.container(horizontal=True, key="tour-links"):
            for to, label, icon in ways:
                if 1 <= to <= len(steps()):
                    _step_link(to, label, icon)
            began = state.get(_FROM, {})
            link(
                FILES.get(str(began.get("title")), "app.py"),
                "End the tour",
                ":material/close:",
                **{key: str(value) for key, value in began.get("sets", {}).items()},
                **{TOUR: END},
            )


def _step_link(at: int, label: str, icon: str) -> None:
    to = steps()[at - 1]
    sets = {key: to.sets[key] for key in (MODEL.key, DATA.key, SAMPLE.key) if key in to.sets}
    link(FILES[to.title], label, icon, **sets, **{TOUR: str(at)})


@contextmanager
def invitation() -> Iterator[bool]:
    """On the Overview, at the first visit: a line of ways to begin, the tour the last of them.

    Yields:
        whether there is one, for ways that the page adds.
    """
    if step() is not None or state.get(_SEEN):
        yield False
    else:
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key="tour-invitation"
        ):
            st.markdown("**New here?**", width="content")
            yield True
            _step_link(1, "Guided tour, three minutes", ":material/tour:")
            st.button(
                "Not now", key="_no_tour", type="tertiary", on_click=state.put, args=(_SEEN, True)
            )


def tour_contents() -> None:
    """Draw the tour's own page: its start, and all steps, each with a link."""
    with st.container(key="tour-steps"):
        with st.container(border=True, key="tour-step-0", gap="xsmall", height="stretch"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{len(steps())} steps, three minutes**", width="content")
                if not shows_full_text():
                    aside(_ABOUT)
            if shows_full_text():
                st.caption(_ABOUT)
            else:
                chips(
                    "tour",
                    (
                        "samples of the project",
                        "a card on each page",
                        "your own view is restored at the end",
                    ),
                )
            _step_link(1, "Start the guided tour", ":material/tour:")
        for at, one in enumerate(steps(), 1):
            with st.container(border=True, key=f"tour-step-{at}", gap="xsmall", height="stretch"):
                st.markdown(f"**{at}. {one.name}**", help=help(one.words))
                st.markdown(
                    f"{ICONS.get(one.title, '')} {one.title}: {one.words if shows_full_text() else one.sees}"
                )
                _step_link(at, f"Start at step {at}", ":material/arrow_forward:")
