"""Scopes: the objects from which panels are built, each opened by one public function.

A scope is "sample", "study", "sides", "levels", ... A page, a program and a recipe open it by the same call.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from qfusion.explain import backgrounds, cohort_filters
from qfusion.panels.page_state import PageState


class Call(NamedTuple):
    """The call that opens a scope.

    Attributes:
        module: the module of the function.
        function: its name.
        positional: its positional arguments, after the scope `of`.
        named: its keyword arguments.
        of: the scope that is its first argument; empty for none.
    """

    module: str
    function: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}
    of: str = ""

    def text(self) -> str:
        """Return the call as Python source."""
        arguments = [self.of] if self.of else []
        arguments += [repr(value) for value in self.positional]
        arguments += [f"{name}={value!r}" for name, value in self.named.items()]
        return f"{self.function}({', '.join(arguments)})"

    def run(self, scopes: Mapping[str, Any]) -> Any:
        """Return the scope that the call opens.

        Args:
            scopes: the scopes that are open already, by name.
        """
        function = getattr(importlib.import_module(self.module), self.function)
        first = [scopes[self.of]] if self.of else []
        return function(*first, *self.positional, **self.named)


def open_scope(view: PageState, scope: str, known: dict[str, Any] | None = None) -> Any:
    """Return the object that panels are built from under a complete address.

    Args:
        view: the page under the address.
        scope: "study" or one of `SCOPES`.
        known: scopes that are open already, by name; newly opened ones are added.
    """
    scopes = {} if known is None else known
    for name, call in scope_calls(view, scope):
        if name not in scopes:
            scopes[name] = call.run(scopes)
    if scope == "study":
        return scopes["sample"].study
    return scopes[scope]


def scope_calls(view: PageState, scope: str) -> list[tuple[str, Call]]:
    """Return the calls that open a scope, in order, each with the name of the scope that it opens.

    "study" is the study of the scope "sample".
    """
    name = "sample" if scope == "study" else scope
    call = SCOPES[name](view)
    before = scope_calls(view, call.of) if call.of else []
    return [*before, (name, call)]


def _sample(view: PageState) -> Call:
    """Return the call that opens the page's sample, with its background, tweak and output."""
    sample = view.require("sample")
    members = _members(view)
    background = view.background
    if background == backgrounds.DEFAULT or (background == "cohort" and not members):
        background = ""
    arguments = {
        "output": view.output,
        "tweak": view.tweak,
        "background": background,
        "contrast": view.require("contrast") if background == "contrast" else "",
        "members": members,
        "rows": view.get("rows"),
    }
    return Call(
        "qfusion.analysis.opening",
        "open_sample",
        (view.model, sample, view.require("data")),
        drop_empty(arguments),
    )


def _sides(view: PageState) -> Call:
    """Return the call that opens the pinned view as A beside the page's sample as B."""
    pin = view.pin
    return Call(
        "qfusion.analysis.compare",
        "compare_samples",
        (pin.model, pin.sample, pin.data),
        drop_empty({"tweak": pin.tweak, "members": _members(view)}),
        "sample",
    )


def _levels(view: PageState) -> Call:
    """Return the call that opens three levels: all samples, those of the filter, and the page's sample."""
    filter = view.get("filter")
    name = ""
    for cohort in map(cohort_filters.parse_saved, view.all("cohort")):
        if cohort.parts == cohort_filters.parse(filter):
            name = cohort.name
            break
    return Call(
        "qfusion.analysis.cohort_levels",
        "build_levels",
        (),
        drop_empty({"filter": filter, "output": view.output, "name": name}),
        "sample",
    )


def _members(view: PageState) -> str:
    """Return the saved cohort that is the background; empty for another background or an unknown cohort."""
    if view.background != "cohort":
        return ""
    saved = {cohort_filters.parse_saved(value).name: value for value in view.all("cohort")}
    first = next(iter(saved), "")
    return saved.get(view.get("members", first), "")


def _dataset(view: PageState) -> Call:
    return Call("qfusion.panels.targets", "open_data_set", tuple(view.all("set")[-1:]))


def _runs(view: PageState) -> Call:
    names = view.all("run")
    return Call("qfusion.analysis.runs", "open_runs", (names,) if names else ())


SCOPES: dict[str, Callable[[PageState], Call]] = {
    "sample": _sample,
    "sides": _sides,
    "levels": _levels,
    "dataset": _dataset,
    "runs": _runs,
}


def drop_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries whose value is not empty."""
    return {name: value for name, value in values.items() if value}
