"""Panels by page and address: built here, or as Python programs that build them elsewhere, to copy and run.

    picture = build("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"})
    print(program("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

A program ends with the panel's table in `numbers`, a DataFrame with the columns of its CSV. What an address says stands in it as Python
literals, so nothing that a reader or a data set supplies can be anything but a value.
"""

from __future__ import annotations

import importlib
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from qfusion import panels
from qfusion._checks import choose
from qfusion.explain.trust import cohorts
from qfusion.figures.style import Theme
from qfusion.panels.core.panel import Panel, Picture
from qfusion.panels.core.view import Address, View

# Page (its title in small letters) -> panel. What a module's PANELS gets later is here too.
PAGES: dict[str, Mapping[str, Panel]] = {
    "overview": panels.overview.PANELS, "samples": ChainMap(panels.samples.PANELS, panels.inside.PANELS),
    "dynamics": ChainMap(panels.dynamics.PANELS, panels.physics.PANELS, panels.building.PANELS,
                         {"decision-layers": panels.layers.PANELS["decision-layers"],
                          "entropy-gates": Panel(panels.circuit.entropies, fixed={"marked": False})}),
    "circuit": ChainMap(panels.circuit.PANELS, panels.layers.PANELS, panels.rules.PANELS, panels.noise.PANELS,
                        panels.physics.PANELS),
    "what if": panels.what_if.PANELS, "decision operators": panels.operators.PANELS,
    "cohorts": panels.cohorts.PANELS, "compare": panels.compare.PANELS, "faithfulness": panels.faithfulness.PANELS,
    "data": panels.data.PANELS, "train": panels.train.PANELS, "sweeps": panels.sweeps.PANELS,
    "leaderboard": panels.leaderboard.PANELS,
}
# Panels that there are several of, for modalities or samples, by how their name begins.
NAMED: dict[str, Mapping[str, Panel]] = {
    "overview": panels.overview.NAMED | panels.samples.NAMED, "samples": panels.samples.NAMED, "dynamics": panels.dynamics.NAMED,
    "what if": panels.what_if.NAMED | panels.samples.NAMED, "decision operators": panels.samples.NAMED,
    "compare": panels.samples.NAMED, "faithfulness": panels.faithfulness.NAMED, "train": panels.train.NAMED,
}


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
        words = [*before, *map(repr, self.positional), *(f"{name}={value!r}" for name, value in self.named.items())]
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
    return Call("qfusion.analysis.sample", "open_sample", (view.model, view.named("sample"), view.named("data")), _said(named))


def _sides(view: View) -> Call:
    """The pinned view as A beside the page's sample as B."""
    model, data, sample, tweak = view.pin
    members = _members(view) if view.background == "cohort" else ""
    return Call("qfusion.analysis.compare", "beside", (model, sample, data), _said({"tweak": tweak, "members": members}), "sample")


def _levels(view: View) -> Call:
    """All samples, those of the filter, and the page's sample."""
    filter = view.get("filter")
    name = next((each.name for each in map(cohorts.parse_saved, view.all("cohort")) if each.parts == cohorts.parse(filter)), "")
    return Call("qfusion.analysis.levels", "levels_of", (), _said({"filter": filter, "output": view.output, "name": name}), "sample")


def _members(view: View) -> str:
    """The saved cohort that is compared with; empty where the address keeps none of that name."""
    kept = view.all("cohort")
    return next((each for each in kept if cohorts.parse_saved(each).name == view.get("members", cohorts.parse_saved(each).name)), "")


def _said(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value}


SUBJECTS: dict[str, Callable[[View], Call]] = {
    "sample": _sample, "sides": _sides, "levels": _levels,
    "board": lambda _: Call("qfusion.analysis.learning.standings", "open_board"),
    "dataset": lambda view: Call("qfusion.panels.data", "open_set", tuple(view.all("set")[-1:])),
    "runs": lambda view: Call("qfusion.analysis.learning.run_curves", "open_runs", (view.all("run"),) if view.all("run") else ()),
    "trials": lambda view: Call("qfusion.analysis.learning.sweep_trials", "open_trials", tuple(view.all("sweep")[-1:])),
}


def covers(page: str, panel: str) -> bool:
    """Returns whether there is a panel of this name; `page` is a title in whatever letters."""
    return panel in PAGES.get(page.lower(), {}) or any(map(panel.startswith, NAMED.get(page.lower(), {})))


def build(page: str, panel: str, address: Address, theme: Theme = "light") -> Picture:
    """Returns a panel of a page.

    Args:
        page: title of the page, in whatever letters.
        panel: its name.
        address: of the page, values by name (in a list where a name may be repeated), with at least the model, data set and
            sample where the page has them. What it does not say is taken as the page would.
        theme: of the figure.

    Raises:
        NotFound: when there is no such page, panel, model, data set or sample.
        InvalidInput: when a value of the address cannot be one of ours.
    """
    view, found, rest = _found(page, panel, address)
    arguments = found.arguments(view, rest)
    opened: dict[str, Any] = {}
    for name, call in _calls(view, found.subject):
        before = [opened[call.of]] if call.of else []
        opened[name] = getattr(importlib.import_module(call.module), call.function)(*before, *call.positional, **call.named)
    return found.build(opened["sample"].work if found.subject == "work" else opened[found.subject], theme, **arguments)


def program(page: str, panel: str, address: Address) -> str:
    """Returns a program that recomputes the numbers of a panel; arguments and errors are those of `build`, but nothing is opened."""
    view, found, rest = _found(page, panel, address)
    lines, modules = [], {"from qfusion import panels"}
    for name, call in _calls(view, found.subject):
        modules.add(f"from {call.module} import {call.function}")
        lines.append(f"{name} = {call.text(*([call.of] if call.of else []))}")
    builder = f"{found.build.__module__.removeprefix('qfusion.')}.{found.build.__name__}"
    subject = "sample.work" if found.subject == "work" else found.subject
    picture = Call("", builder, (), found.arguments(view, rest)).text(subject)
    return "\n".join([f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
                      *sorted(modules), "", *lines, f"picture = {picture}", "numbers = picture.table()", "", "print(numbers)", ""])


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
