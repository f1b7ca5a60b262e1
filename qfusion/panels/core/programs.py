"""Panels by page and address: built here, or as Python programs that build them elsewhere, to copy and run.

    picture = build("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"})
    print(program("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

A program ends with the panel's table in `numbers`, a DataFrame with the columns of its CSV. What an address says stands
in it as Python literals, so nothing that a reader or a data set supplies can be anything but a value.
"""

from __future__ import annotations

import importlib
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from qfusion import panels
from qfusion._checks import choose
from qfusion.explain import cohorts
from qfusion.figures.style import Theme
from qfusion.panels.core import sliders
from qfusion.panels.core.allowed import Allowed
from qfusion.panels.core.opened import Opened, Rules, bare, whole
from qfusion.panels.core.panel import Panel, Picture, always, can
from qfusion.panels.core.view import Address, View
from qfusion.panels.parts import people, quality, several, similar, slices, states


def _parts(*parts: dict[str, Panel]) -> Mapping[str, Panel]:
    """The panels of several modules in their order; what one of these gets later is here too."""
    return ChainMap(*reversed(parts))


# Page (its title in small letters) -> panel, in the order of the page.
PAGES: dict[str, Mapping[str, Panel]] = {
    "overview": panels.overview.PANELS,
    "samples": _parts(
        panels.samples.PANELS, people.OF_SAMPLE, panels.inside.INSIDE, similar.SIMILAR
    ),
    "dynamics": _parts(
        panels.dynamics.PANELS,
        panels.building.BUILT,
        panels.physics.PANELS,
        states.PANELS,
        {
            "decision-layers": replace(panels.layers.PANELS["decision-layers"], opens=always),
            "entropy-gates": Panel(
                panels.circuit.entropies, fixed={"marked": False}, fits=can("layers")
            ),
        },
    ),
    "circuit": _parts(panels.circuit.PANELS, panels.layers.PANELS, panels.physics.PANELS),
    "what if": panels.what_if.PANELS,
    "decision operators": panels.operators.PANELS,
    "cohorts": _parts(panels.cohorts.PANELS, quality.PANELS),
    "compare": several.PANELS,
    "faithfulness": people.PANELS,
    "data": panels.data.DATA,
    "train": panels.train.PANELS,
    "sweeps": panels.sweeps.SWEEP,
    "leaderboard": panels.leaderboard.PANELS,
}
# Panels that there are several of, for modalities or samples, by how their name begins.
NAMED: dict[str, Mapping[str, Panel]] = {
    "overview": panels.overview.NAMED,
    "samples": panels.samples.NAMED,
    "dynamics": panels.dynamics.NAMED,
    "what if": panels.what_if.NAMED,
    "decision operators": panels.operators.NAMED,
    "compare": several.NAMED,
    "faithfulness": panels.faithfulness.NAMED,
    "train": panels.train.NAMED,
}
# What an address may say of each page, besides what it may say of every page.
RULES: dict[str, tuple[Rules, ...]] = {
    "samples": (panels.samples.allowed, several.allowed),
    "dynamics": (
        sliders.allowed,
        panels.physics.allowed,
        panels.dynamics.allowed,
        panels.layers.allowed,
        states.allowed,
    ),
    "circuit": (panels.circuit.allowed, panels.layers.allowed, panels.physics.allowed),
    "what if": (panels.what_if.allowed,),
    "decision operators": (panels.operators.allowed,),
    "cohorts": (panels.cohorts.allowed, slices.allowed),
    "compare": (sliders.allowed, panels.layers.allowed, several.allowed),
    "faithfulness": (people.allowed,),
    "data": (panels.train.allowed,),
    "train": (panels.train.allowed,),
    "sweeps": (panels.train.allowed,),
    "leaderboard": (panels.leaderboard.allowed,),
}
BARE = ("data", "train", "sweeps")  # pages that need neither model nor sample
# panels that are words or tables, without a figure
WORDS = ("questions", "cautions", "estimators", "train-results", "wrong")


def allowed(view: View, work: Any) -> dict[str, Allowed]:
    """Returns what an address may say of a page, by parameter."""
    return {
        key: rule for rules in RULES.get(view.page, ()) for key, rule in rules(view, work).items()
    }


def opened(page: str, address: Address) -> Opened:
    """Returns a page under an address, with what the address leaves open chosen as the page would.

    Raises:
        NotFound: when there is no such page, model, data set or sample.
        InvalidInput: when a part of the address does not fit.
    """
    page = choose("Page", page.lower(), PAGES)
    return (bare if page in BARE else whole)(page, address, allowed)


class Call(NamedTuple):
    """The call that opens a subject.

    Attributes:
        module, function: what is called. positional, named: its arguments. of: the subject that comes before them.
    """

    module: str
    function: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}
    of: str = ""

    def text(self, *before: str) -> str:
        """The call as Python text, behind the arguments `before`."""
        words = [
            *before,
            *map(repr, self.positional),
            *(f"{name}={value!r}" for name, value in self.named.items()),
        ]
        return f"{self.function}({', '.join(words)})"


def _sample(view: View) -> Call:
    """The page's sample, with its background, tweak and output."""
    named = {"output": view.output, "tweak": view.tweak}
    if view.background == "contrast":
        named |= {"background": "contrast", "contrast": view.named("contrast")}
    elif view.background == "cohort":
        named |= {"background": "cohort", "members": _members(view)} if _members(view) else {}
    elif view.background != "joint":
        named |= {"background": view.background}
    named |= {"rows": view.get("rows")}
    return Call(
        "qfusion.analysis.sample",
        "open_sample",
        (view.model, view.named("sample"), view.named("data")),
        _said(named),
    )


def _sides(view: View) -> Call:
    """The pinned view as A beside the page's sample as B."""
    pin = view.pin
    members = _members(view) if view.background == "cohort" else ""
    return Call(
        "qfusion.analysis.compare",
        "beside",
        (pin.model, pin.sample, pin.data),
        _said({"tweak": pin.tweak, "members": members}),
        "sample",
    )


def _levels(view: View) -> Call:
    """All samples, those of the filter, and the page's sample."""
    filter = view.get("filter")
    name = next(
        (
            each.name
            for each in map(cohorts.parse_saved, view.all("cohort"))
            if each.parts == cohorts.parse(filter)
        ),
        "",
    )
    return Call(
        "qfusion.analysis.levels",
        "levels_of",
        (),
        _said({"filter": filter, "output": view.output, "name": name}),
        "sample",
    )


def _members(view: View) -> str:
    """The saved cohort that is compared with; empty where the address keeps none of that name."""
    kept = view.all("cohort")
    return next(
        (
            each
            for each in kept
            if cohorts.parse_saved(each).name == view.get("members", cohorts.parse_saved(each).name)
        ),
        "",
    )


def _said(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value}


SUBJECTS: dict[str, Callable[[View], Call]] = {
    "sample": _sample,
    "sides": _sides,
    "levels": _levels,
    "board": lambda _: Call("qfusion.analysis.learning.standings", "open_board"),
    "dataset": lambda view: Call("qfusion.panels.data", "open_set", tuple(view.all("set")[-1:])),
    "runs": lambda view: Call(
        "qfusion.analysis.learning.run_curves",
        "open_runs",
        (view.all("run"),) if view.all("run") else (),
    ),
    "trials": lambda view: Call(
        "qfusion.analysis.learning.sweep_trials", "open_trials", tuple(view.all("sweep")[-1:])
    ),
}


def build(page: str, panel: str, address: Address, theme: Theme = "light") -> Picture:
    """Returns a panel of a page.

    Args:
        page: title of the page, in whatever letters.
        panel: its name.
        address: of the page, values by name (in a list where a name may be repeated), with at least the model, data set
            and sample where the page has them. What it does not say is taken as the page would.
        theme: of the figure.

    Raises:
        NotFound: when there is no such page, panel, model, data set or sample.
        InvalidInput: when a value of the address cannot be one of ours.
    """
    view, found, rest = _found(page, panel, address)
    arguments = found.arguments(view, rest)
    return found.build(_open(view, found.subject), theme, **arguments)


def shown(view: View, only: str = "") -> Iterator[str]:
    """Yields the names of the panels that a page shows under an address that leaves nothing open, in its order, or
    `only` that of one."""
    subjects: dict[str, Any] = {}
    for start, panel in sorted(
        {**PAGES[view.page], **NAMED.get(view.page, {})}.items(), key=lambda each: each[1].below
    ):
        if (not only or only.startswith(start)) and panel.opens(view):
            subject = _open(view, panel.subject, subjects)
            yield from (
                start + end
                for end in panel.endings(view, subject)
                if only in ("", start + end) and panel.shown(view, subject, end)
            )


def subject_of(page: str, panel: str) -> str:
    """Returns what a panel is built from, see `SUBJECTS`.

    Raises:
        NotFound: when there is no such page or panel.
    """
    return _found(page, panel, {})[1].subject


def open_subject(view: View, subject: str) -> Any:
    """Returns what panels are built from, "work" or one of `SUBJECTS`, under an address that leaves nothing open."""
    return _open(view, subject)


def _open(view: View, subject: str, kept: dict[str, Any] | None = None) -> Any:
    """Opens a subject; what `kept` holds is not opened again."""
    found: dict[str, Any] = {} if kept is None else kept
    for name, call in _calls(view, subject):
        if name not in found:
            before = [found[call.of]] if call.of else []
            found[name] = getattr(importlib.import_module(call.module), call.function)(
                *before, *call.positional, **call.named
            )
    return found["sample"].work if subject == "work" else found[subject]


def program(page: str, panel: str, address: Address) -> str:
    """Returns a program that recomputes the numbers of a panel; arguments and errors are those of `build`, but nothing
    is opened."""
    view, found, rest = _found(page, panel, address)
    lines, modules = [], {"from qfusion import panels"}
    for name, call in _calls(view, found.subject):
        modules.add(f"from {call.module} import {call.function}")
        lines.append(f"{name} = {call.text(*([call.of] if call.of else []))}")
    module = found.build.__module__.removeprefix("qfusion.").replace(
        "panels.parts.", "panels."
    )  # as `panels` has it
    builder = f"{module}.{found.build.__name__}"
    subject = "sample.work" if found.subject == "work" else found.subject
    picture = Call("", builder, (), found.arguments(view, rest)).text(subject)
    return "\n".join(
        [
            f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
            *sorted(modules),
            "",
            *lines,
            f"picture = {picture}",
            "numbers = picture.table()",
            "",
            "print(numbers)",
            "",
        ]
    )


def _found(page: str, panel: str, address: Address) -> tuple[View, Panel, str]:
    """The address, the panel, and the end of its name where several begin alike."""
    view = View(choose("Page", page.lower(), PAGES), address)
    if panel in PAGES[view.page]:
        return view, PAGES[view.page][panel], ""
    known = NAMED.get(view.page, {})
    start = next(filter(panel.startswith, known), "")
    if not start:
        choose(f"Panel of page '{view.page}'", panel, PAGES[view.page])
    return view, known[start], panel.removeprefix(start)


def _calls(view: View, subject: str) -> list[tuple[str, Call]]:
    """The calls that open a subject, in their order, each with the name of what it opens; the work is its sample's."""
    name = "sample" if subject == "work" else subject
    call = SUBJECTS[name](view)
    return [*(_calls(view, call.of) if call.of else []), (name, call)]
