"""The guided tour: steps over the pages, each with a card on top and `?tour=N` in the address.

A step sets model, data, sample and view when it begins; End goes back to where the reader was before the tour.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from qfusion import _checks, plugin
from qfusion._memory_cache import memo
from qfusion.errors import QFusionError
from qfusion.ui import page_params, state
from qfusion.ui.fact_chips import chips
from qfusion.ui.guidance import aside, full, help
from qfusion.views.pages.address import DATA, MODEL, SAMPLE, sources

TOUR, END = "tour", "end"
_FROM, _SEEN = "_tour_from", "_tour_seen"
_ABOUT = (
    "A tour of the pages with samples of the project and, if you like, a sample of your own. A "
    "card on each page explains it, with **Back**, **Next** and **End the tour**; the link "
    "contains the step. Your model and sample are restored at the end."
)
Link = Callable[..., None]
Files = Mapping[str, str]  # of the pages, by title


@dataclass(frozen=True)
class Step:
    """Stop of the tour. It holds the `title` of its page, its `name`, what to look at and why (markdown), what is
    set on arrival, and what one `sees` there in one line. It also holds the data set that it `needs`, or the data
    set in whose absence it is shown.
    """

    title: str
    name: str
    words: str
    sets: dict[str, Any] = field(default_factory=dict)
    sees: str = ""
    needs: str = ""
    unless: str = ""


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


def arrive(title: str) -> None:
    """Read the address before `arrival.arrive` does, and begin a step of the tour or end the tour.

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
        state.forget(TOUR)
        state.forget(_FROM)
    elif int(tour) != step():
        state.put(
            _FROM,
            state.get(_FROM)
            or {
                "title": state.get(page_params.PAGE),
                "sets": dict(state.get(page_params.PICKED, {})),
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
    if state.get(page_params.PAGE) != title and (stored := state.get(page_params.PICKED)):
        state.put(
            page_params.PICKED, stored | {key: values[key] for key in stored if key in values}
        )
    for key, value in values.items():
        state.put(key, value)


def tour_card(title: str, link: Link, files: Files) -> None:
    """The card of the present step, or how to go back to it from another page; nothing without a tour.

    Args:
        title: of the page. link: `shell.link`. files: of the pages by title.
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
    with st.container(border=True, key="tour", gap="xsmall"):
        st.markdown(words)
        with st.container(horizontal=True, key="tour-links"):
            for to, label, icon in ways:
                if 1 <= to <= len(steps()):
                    _step_link(link, files, to, label, icon)
            began = state.get(_FROM, {})
            link(
                files.get(str(began.get("title")), "app.py"),
                "End the tour",
                ":material/close:",
                **{key: str(value) for key, value in began.get("sets", {}).items()},
                **{TOUR: END},
            )


def _step_link(link: Link, files: Files, at: int, label: str, icon: str) -> None:
    to = steps()[at - 1]
    sets = {key: to.sets[key] for key in (MODEL.key, DATA.key, SAMPLE.key) if key in to.sets}
    link(files[to.title], label, icon, **sets, **{TOUR: str(at)})


@contextmanager
def invitation(link: Link, files: Files) -> Iterator[bool]:
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
            _step_link(link, files, 1, "Guided tour, three minutes", ":material/tour:")
            st.button(
                "Not now", key="_no_tour", type="tertiary", on_click=state.put, args=(_SEEN, True)
            )


def tour_contents(link: Link, files: Files, icons: Files) -> None:
    """Draw the tour's own page: its start, and all steps, each with a link.

    Args:
        link: `shell.link`. files: of the pages by title. icons: the same.
    """
    with st.container(key="tour-steps"):
        with st.container(border=True, key="tour-step-0", gap="xsmall", height="stretch"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{len(steps())} steps, three minutes**", width="content")
                if not full():
                    aside(_ABOUT)
            if full():
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
            _step_link(link, files, 1, "Start the guided tour", ":material/tour:")
        for at, one in enumerate(steps(), 1):
            with st.container(border=True, key=f"tour-step-{at}", gap="xsmall", height="stretch"):
                st.markdown(f"**{at}. {one.name}**", help=help(one.words))
                st.markdown(
                    f"{icons.get(one.title, '')} {one.title}: {one.words if full() else one.sees}"
                )
                _step_link(link, files, at, f"Start at step {at}", ":material/arrow_forward:")
