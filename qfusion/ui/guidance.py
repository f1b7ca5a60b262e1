"""Guidance on pages: brief or full texts (a switch that is part of the address), labels for facts, placeholders of
empty pages, and the guided tour."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal
from zlib import crc32

import streamlit as st

from qfusion import _checks, _files
from qfusion.analysis import text
from qfusion.errors import QFusionError
from qfusion.panels.params import SelectParam
from qfusion.panels.pickers import DATA, MODEL, SAMPLE, sources
from qfusion.ui import page_params, state

WORDS, BRIEF, FULL = "words", "brief", "full"
DEPTH = SelectParam(
    WORDS,
    "Explanations",
    "They are brief.",
    "Brief: a title, a figure, and an (i) with what it shows and does not. Full: all words stand on the page.",
    (BRIEF, FULL),
    look="segments",
)


def full() -> bool:
    """Whether all words stand on the page."""
    return bool(state.get(WORDS) == FULL)


def aside(words: str) -> None:
    """Says something that need not be read each time: behind an (i), or as a line where all words stand on the page."""
    if full():
        st.caption(words)
    else:
        with (
            st.container(key=f"about-aside-{crc32(words.encode())}"),
            st.popover("About", icon=":material/info:", type="tertiary"),
        ):
            st.caption(words)


def help(words: str) -> str | None:
    """The help of a widget, where not all words stand on the page."""
    return None if full() else words


def below(words: str) -> None:
    """What a widget's `help` says otherwise, as a line below it, where all words stand on the page."""
    if full():
        st.caption(words)


def line(short: str, whole: str) -> None:
    """A line, its whole sentence behind an (i) or in its place."""
    st.markdown(whole if full() else short, help=help(whole))


def folded(label: str, open: bool = False) -> None:
    """Where the window is narrow, what follows in the same container waits behind this line: the answer stays on the
    first screen. In wide windows nothing is drawn.

    Args:
        label: of the line, a plain text of ours. open: whether it is unfolded from now on.
    """
    once = f"_unfolded-{label}"
    state.put(once, open := open or bool(state.get(once)))
    st.html(
        f'<details class="qf-fold"{" open" if open else ""}><summary>{label}</summary></details>'
    )


def title(words: str, more: str, level: Literal[2, 3] = 2) -> None:
    """A title with what there is to say of it, as `aside` says it."""
    (st.header if level == 2 else st.subheader)(words, anchor=False, help=help(more))
    below(more)


# Facts as small labels side by side, in place of sentences.


def begin(
    kind: str, label: str, cost: str, facts: Iterable[str], *, key: str, disabled: bool
) -> bool:
    """Draws the button that begins something long, and what it costs; returns whether it is pressed.

    Args:
        kind: of what begins, as containers are called by it. label: of the button.
        cost: in a sentence. facts: of it, one a chip. key, disabled: as of `st.button`.
    """
    below(cost)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{kind}-begin"):
        pressed = st.button(
            label,
            type="primary",
            icon=":material/play_arrow:",
            key=key,
            disabled=disabled,
            help=help(cost),
        )
        if not full():
            chips(f"{kind}-cost", facts)
    return pressed


def chips(key: str, facts: Iterable[str]) -> None:
    """Draws plain texts, each as a label; nothing without any.

    Args:
        key: of the container, after `chips-`. facts: may come from data.
    """
    shown = [text.escape_markdown(fact, 120) for fact in facts if fact]
    if shown:
        st.container(key=f"chips-{key}", width="content").markdown(
            " ".join(f":gray-badge[{fact}]" for fact in shown), width="content"
        )


# The guided tour: steps over the pages on a sample of the reader's own and samples of the project, each with a card on
# top, `?tour=N`
# in the address.
#
# A step sets model, data, sample and view when it is arrived at; End goes back to where the reader was when it began.

TOUR, END = "tour", "end"
_FROM, _SEEN = "_tour_from", "_tour_seen"
_ABOUT = (
    "Over the pages, on a sample of your own and samples that come with the project. Each page gets a card that says "
    "what to look at, with **Back**, **Next** and **End the tour**; the step stands in the address. Your model "
    "and sample are there again at the end."
)
Link = Callable[..., None]
Files = Mapping[str, str]  # of the pages, by title


@dataclass(frozen=True)
class Step:
    """One stop: the `title` of its page, its `name`, what to look at and why (markdown), what is set on arrival, what
    one `sees` there in a line, and the data set that it `needs`, or in whose place it stands."""

    title: str
    name: str
    words: str
    sets: dict[str, Any] = field(default_factory=dict)
    sees: str = ""
    needs: str = ""
    unless: str = ""


@lru_cache(maxsize=1)
def _written() -> tuple[Step, ...]:
    return tuple(Step(**one) for one in tomllib.loads(_files.asset_text("tour.toml"))["step"])


def steps() -> tuple[Step, ...]:
    """The steps that the data on this machine allow, in their order."""
    available = sources()
    return tuple(
        step
        for step in _written()
        if step.needs in ("", *available) and step.unless not in available
    )


def step() -> int | None:
    """The step the reader is at, counted from 1; None without a tour."""
    tour = state.get(TOUR)
    return None if tour is None else int(tour)


def arrive(title: str) -> None:
    """Reads the address before `arrival.arrive` does: begins a step or ends the tour.

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
    """Keeps the step of the tour in the address of the page that is open."""
    if state.get(TOUR) is not None:
        state.put(TOUR, state.get(TOUR))


def _set(values: dict[str, Any], title: str) -> None:
    """Sets widgets before they are drawn, also those that the page would take over from the last one."""
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
    ways = [(at, "Go back to it", ":material/undo:")]
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
                    _to(link, files, to, label, icon)
            began = state.get(_FROM, {})
            link(
                files.get(str(began.get("title")), "app.py"),
                "End the tour",
                ":material/close:",
                **{key: str(value) for key, value in began.get("sets", {}).items()},
                **{TOUR: END},
            )


def _to(link: Link, files: Files, at: int, label: str, icon: str) -> None:
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
            _to(link, files, 1, "Guided tour, three minutes", ":material/tour:")
            st.button(
                "Not now", key="_no_tour", type="tertiary", on_click=state.put, args=(_SEEN, True)
            )


def tour_contents(link: Link, files: Files, icons: Files) -> None:
    """The tour's own page: where it begins, and all steps, each a link.

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
                        "your own view is back at the end",
                    ),
                )
            _to(link, files, 1, "Start the guided tour", ":material/tour:")
        for at, one in enumerate(steps(), 1):
            with st.container(border=True, key=f"tour-step-{at}", gap="xsmall", height="stretch"):
                st.markdown(f"**{at}. {one.name}**", help=help(one.words))
                st.markdown(
                    f"{icons.get(one.title, '')} {one.title}: {one.words if full() else one.sees}"
                )
                _to(link, files, at, f"Start at step {at}", ":material/arrow_forward:")


# What an empty page will show: its views by name and icon, each with what stands in it.


def none_yet(
    noun: str, whole: str, views: Iterable[tuple[str, str, tuple[str, ...]]], may_begin: bool
) -> None:
    """Draws what stands where there is no run or sweep yet: how to begin one, and what comes then.

    Args:
        noun: "run" or "sweep". whole: how to begin one, in full. views: name, icon and contents of each.
        may_begin: whether this reader may begin one.
    """
    with st.container(border=True, key=f"box-no-{noun}s", gap="xsmall"):
        if may_begin:
            line(f"There is no {noun} yet: press **Start**.", whole)
        else:
            st.markdown(f"There is no {noun} on this server.")
        with st.container(key=f"coming-{noun}s"):
            for place, (name, icon, holds) in enumerate(views):
                with st.container(border=True, gap="xxsmall", key=f"coming-{noun}s-{place}"):
                    st.markdown(f"#### {icon} {name}")
                    chips(f"coming-{noun}s-{place}", holds)
