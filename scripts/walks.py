"""Three walks through the code: how many functions in how many modules a reader passes from a cause to its effect.

    python scripts/walks.py            # all three
    python scripts/walks.py --list     # with the names of the functions

A walk runs the program and notes, at a few stations, the functions of qfusion on the call stack below an entry. The
walk is the set of these functions. It leaves out wrappers that a reader need not open: caches, checks of shapes and of
figures.

1. From the features of a sample to its contributions on the Samples page: from the page's function to the model, to the
   first function of `explain`, and to the figure that is sent to the browser.
2. From a slider of Dynamics to the redrawn figure: from the page's fragment to the slider, to the changed model, to the
   solver, and to the figure that is sent.
3. From CSV files to a stored data set: all calls of `data.importing.import_set`; the pairs of files that call each
   other, and files from which calls lead back to themselves through others.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import typer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PACKAGE = str(ROOT / "qfusion") + "/"
# Functions that a reader need not open: parts of another function, and wrappers.
HIDDEN = ("<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")
WRAPPERS = ("_memory_cache", "figures.guards", "quantum.states")
Function = tuple[str, str]  # module, name


@dataclass
class Walk:
    """The functions of a walk.

    Attributes:
        entry: name of the function that it begins with, as `module.function`.
        stations: by name, whether a function that is called is the station.
        functions: those on the stack at the stations, in the order in which they were met.
        reached: names of the stations that were met.
    """

    entry: str
    stations: dict[str, Callable[[Function], bool]]
    functions: dict[Function, None] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)

    def note(self, frame: FrameType) -> None:
        """Notes the stack of a call that is a station met for the first time."""
        called = function_of(frame)
        if called is None:
            return
        for name, is_station in self.stations.items():
            if name not in self.reached and is_station(called):
                stack = self.stack(frame)
                if stack:
                    self.reached[name] = len(stack)
                    self.functions |= dict.fromkeys(stack)

    def stack(self, frame: FrameType | None) -> list[Function]:
        """Returns the functions from the entry down to a frame; none if the entry is not on the stack."""
        functions: list[Function] = []
        while frame is not None:
            function = function_of(frame)
            if function is not None and not is_hidden(function):
                functions.append(function)
                if ".".join(function) == self.entry:
                    return functions[::-1]
            frame = frame.f_back
        return []


@dataclass
class CallGraph:
    """All calls between functions of a package.

    Generators are left out: a consumer that resumes one pulls data and calls nothing new.

    Attributes:
        package: begin of the modules' names.
        functions: in the order of their first calls.
        calls: numbers of calls between two modules, by caller and called one.
    """

    package: str
    functions: dict[Function, None] = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def modules(self) -> set[str]:
        """The modules of the functions."""
        return {module for module, _ in self.functions}

    def note(self, frame: FrameType) -> None:
        """Notes a call."""
        called = function_of(frame)
        if called is None or not called[0].startswith(self.package) or is_hidden(called):
            return
        self.functions[called] = None
        if frame.f_code.co_flags & inspect.CO_GENERATOR or frame.f_back is None:
            return
        caller = function_of(frame.f_back)
        if caller is None or not caller[0].startswith(self.package) or caller[0] == called[0]:
            return
        edge = (caller[0], called[0])
        self.calls[edge] = self.calls.get(edge, 0) + 1

    def mutual_calls(self) -> dict[tuple[str, str], int]:
        """Returns the pairs of modules that call each other, with the numbers of calls from the first to the second."""
        pairs = {}
        for (one, other), times in self.calls.items():
            if (other, one) in self.calls and one < other:
                pairs[one, other] = times
        return pairs

    def circle(self) -> set[str]:
        """Returns the modules that call themselves through others: modules that lead to each other."""
        targets: dict[str, set[str]] = {}
        for caller, called in self.calls:
            targets.setdefault(caller, set()).add(called)
        while True:
            ends = {module for module, called in targets.items() if not called & targets.keys()}
            if not ends:
                return set(targets)
            for module in ends:
                del targets[module]


def is_hidden(function: Function) -> bool:
    """Whether a reader need not open a function."""
    return function[0] in WRAPPERS or function[1].endswith(HIDDEN)


def function_of(frame: FrameType) -> Function | None:
    """Returns the module and the name of a frame's function; None where it is not of qfusion."""
    file = frame.f_code.co_filename
    if not file.startswith(PACKAGE):
        return None
    module = file.removeprefix(PACKAGE).removesuffix(".py").replace("/", ".")
    return module, frame.f_code.co_qualname.replace(".<locals>", "").replace("<lambda>", "lambda")


@contextmanager
def profiled(on_call: Callable[[FrameType], None]) -> Iterator[None]:
    """Calls a function for each Python call of this thread and of threads that begin meanwhile."""
    import threading

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            on_call(frame)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def in_module(*starts: str) -> Callable[[Function], bool]:
    """Returns whether a function is of a module whose name begins so."""
    return lambda function: function[0].startswith(starts)


def named(module: str, *names: str) -> Callable[[Function], bool]:
    """Returns whether a function is one of a module's, by names."""
    return lambda function: function[0] == module and function[1] in names


def visit(page: str, **query: str) -> Any:
    """Opens a page in Streamlit's test runner and draws it once, so that what loads at first is loaded."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def features_to_contributions() -> Walk:
    """Returns the walk from a sample's features to its contributions on Samples."""
    app = visit("samples", model="qj-planted")
    ids = app.selectbox(key="sample").options
    walk = Walk(
        "ui.pages.samples.page",
        {
            "choices": named("views.pages.panel", "Panel.arguments"),
            "model": named("models.time_model", "TimeModel.observables"),
            "contributions": in_module("explain."),
            "figure": in_module("figures.decision"),
            "sent": named("ui.figure", "chart"),
        },
    )
    with profiled(walk.note):
        app.selectbox(key="sample").select(ids[7]).run()
    return walk


def slider_to_figure() -> Walk:
    """Returns the walk from a slider of Dynamics to the redrawn figure."""
    app = visit("dynamics", model="qj-planted")
    walk = Walk(
        "ui.pages.dynamics.dynamics",
        {
            "slider": named("ui.widgets", "_draw_number"),
            "tweak": named("models.tweak", "Tweak.of"),
            "choices": named("views.pages.panel", "Panel.arguments"),
            "solver": in_module("quantum.lindblad"),
            "figure": in_module("figures.dynamics"),
            "sent": named("ui.figure", "chart"),
        },
    )
    with profiled(walk.note):
        app.slider(key="H.text").set_value(0.5).run()
    return walk


def csv_to_data_set() -> CallGraph:
    """Returns the calls of an import of CSV files, from `import_set` to the stored set."""
    from qfusion.data import importing

    graph = CallGraph("data.")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as root:
        names = [f"{modality}_{number}" for modality in "ab" for number in range(3)]
        table = pd.DataFrame(rng.normal(size=(60, 6)), columns=names)
        table.insert(0, "id", [f"s{row}" for row in range(60)])
        table["label"] = rng.integers(0, 2, 60)
        columns = {
            "a": ["id", "a_0", "a_1", "a_2"],
            "b": ["id", "b_0", "b_1", "b_2"],
            "labels": ["id", "label"],
        }
        files = [Path(folder) / f"{name}.csv" for name in columns]
        for file, names in zip(files, columns.values(), strict=True):
            table[names].to_csv(file, index=False)
        with mock.patch.dict(os.environ, {"QFUSION_IMPORTED": root}), profiled(graph.note):
            importing.import_set(files, "walk", repair=["make-split"])
    return graph


def main(list_functions: bool = typer.Option(False, "--list")) -> None:
    """Prints the three walks."""
    for title, walk in (
        ("features to contributions on Samples", features_to_contributions()),
        ("slider to figure on Dynamics", slider_to_figure()),
    ):
        modules = {module for module, _ in walk.functions}
        print(f"{title}: {len(walk.functions)} functions in {len(modules)} modules")
        print(
            "   stations:", ", ".join(f"{name} ({depth})" for name, depth in walk.reached.items())
        )
        if list_functions:
            for module, name in walk.functions:
                print(f"   {module}.{name}")
    graph = csv_to_data_set()
    print(
        f"CSV to data set: {len(graph.functions)} functions in {len(graph.modules)} modules; "
        f"pairs of files that call each other: {len(graph.mutual_calls())}; "
        f"files on a circle of calls: {len(graph.circle())}"
    )
    for (one, other), times in graph.mutual_calls().items():
        print(f"   {one} <-> {other} ({times} calls)")
    if list_functions:
        for module, name in graph.functions:
            print(f"   {module}.{name}")


if __name__ == "__main__":
    typer.run(main)
