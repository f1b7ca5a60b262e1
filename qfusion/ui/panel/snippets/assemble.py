"""From the body of a snippet to a whole program: what it names is worked out before it, and imported.

A body is Python text. `$name` in it becomes the value of that name as a Python literal, so that nothing that a reader or a data set
supplies can be anything but a value. Names of PIECES that it uses are worked out first, names of IMPORTS are imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from qfusion.panels.panel import Panel
from qfusion.panels.view import View

# Name in a program -> where it comes from ("" for a module of its own name, with how it is called).
IMPORTS: dict[str, tuple[str, str]] = {
    "replace": ("dataclasses", "replace"), "np": ("", "numpy as np"), "pd": ("", "pandas as pd"), "torch": ("", "torch"),
    **{name: ("qfusion", name) for name in ("data", "explain", "track")},
    "cohorts": ("qfusion.explain.trust", "cohorts"),
    "case": ("qfusion.analysis.case", "case"),
    **{name: ("qfusion.training", name) for name in ("checkpoint", "metrics")},
    "column": ("qfusion.quantum.measures", "column"),
    "states": ("qfusion.quantum", "states"),
    **{name: ("qfusion.analysis", name) for name in (
        "backgrounds", "standings", "cohort_measures", "subjects", "sweep_trials", "run_curves")},
    "levels_of": ("qfusion.analysis.levels", "levels_of"), "beside": ("qfusion.analysis.compare", "beside"),
    "Change": ("qfusion.analysis.interventions", "Change"),
    "open_sample": ("qfusion.analysis.sample", "open_sample"), "Sample": ("qfusion.analysis.sample", "Sample"),
    "panels": ("qfusion", "panels"),
}
SUBJECTS = {"sample": "subject"}  # name of a builder's first argument -> name of what is worked out for it, where the two differ
_HOLE = re.compile(r"\$(\w+)")


def fill(body: str, **values: object) -> str:
    """Returns a body with values as literals in the place of `$name`.

    The result holds words of readers, in which a `$` may stand: it must not be filled again.
    """
    return _HOLE.sub(lambda hole: repr(values[hole[1]]), body)


def called(panel: Panel, view: View, rest: str = "") -> str:
    """Returns the body of a program that calls a panel's builder with what an address says; `rest` is the end of the panel's name."""
    given = panel.arguments(view, rest)
    words = "".join(f", {name}=${name}" for name in given)
    where, subject = panel.build.__module__.removeprefix("qfusion."), SUBJECTS.get(panel.subject, panel.subject)
    return fill(f"picture = {where}.{panel.build.__name__}({subject}{words})\nnumbers = picture.table()", **given)


def program(view: View, panel: str, body: str) -> str:
    """Returns the whole program of a body: a line on what it is, imports, what is worked out first, the body, the numbers printed."""
    first: dict[str, str] = {}
    _needed(body, view, first, set())
    code = "\n".join([*first.values(), body.strip("\n"), "", "print(numbers)"])
    return f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.\n" \
           f"{_imports(code)}\n\n{code}\n"


def _needed(code: str, view: View, first: dict[str, str], begun: set[str]) -> None:
    """Adds, in the order in which they must be worked out, the pieces that code names and does not make itself."""
    for name in _names(code):
        if name in PIECES and name not in begun:
            begun.add(name)
            piece = PIECES[name](view)
            _needed(piece, view, first, begun)
            first[name] = piece


def _names(code: str) -> list[str]:
    """Names that code reads and does not set, in order."""
    names = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return list(dict.fromkeys(node.id for node in names if node.id not in made))


def _imports(code: str) -> str:
    used = {IMPORTS[name] for name in _names(code) if name in IMPORTS}
    whole = sorted(f"import {what}" for where, what in used if not where)
    parts: dict[str, list[str]] = {}
    for where, what in sorted(used):
        if where:
            parts.setdefault(where, []).append(what)
    own = [f"from {where} import {', '.join(found)}" for where, found in parts.items()]
    return "\n".join([*whole, *([""] if whole and own else []), *own])


def _sample(view: View) -> str:
    """One sample before the model, with the page's background, tweak and output."""
    given = {"model": view.model, "sample": view.named("sample"), "data": view.named("data"), "tweak": view.tweak, "output": view.output,
             "kind": view.background, "contrast": view.get("contrast")}
    words = ["$model", "$sample", "$data"]
    if view.background == "contrast":
        view.named("contrast")
        words.append("contrast=$contrast")
    elif view.background not in ("joint", "cohort"):
        words.append("background=$kind")
    lines = ""
    if view.output:
        words.append("output=$output")
    elif view.tweak and len(view.card["outputs"]) > 1:  # the page goes on explaining what the model as trained predicts
        lines = fill("trained = case($model, $sample, $data)\n", **given)
        words.append("output=trained.explanation.outputs[trained.output]")
    if view.tweak:
        words.append("tweak=$tweak")
    lines += fill(f"sample = case({', '.join(words)})", **given)
    return lines + (_cohort(view) if view.background == "cohort" else "")


def _subject(view: View) -> str:
    """One sample as the builders of panels take it."""
    found = {"data": view.named("data"), "output": view.output, "background": "" if view.background == "joint" else view.background,
             "contrast": view.get("contrast") if view.background == "contrast" else "", "tweak": view.tweak}
    if view.background == "cohort":  # told by its members
        return fill("subject = Sample(work, sample.row, sample.output, $tweak)", tweak=view.tweak)
    given = {name: value for name, value in found.items() if value}
    words = "".join(f", {name}=${name}" for name in given)
    return fill(f"subject = open_sample($model, $sample{words})", model=view.model, sample=view.named("sample"), **given)


def _sides(view: View) -> str:
    """The pinned view as A beside the page's sample as B."""
    model, data, sample, tweak = view.pin
    words = ", tweak=$tweak" if tweak else ""
    if view.background == "cohort" and _cohort(view):
        words += ", members=np.flatnonzero(members)"
    return fill(f"sides = beside(subject, $model, $sample, $data{words})", model=model, sample=sample, data=data, tweak=tweak)


def _levels(view: View) -> str:
    """All samples, those of the filter, and the page's sample."""
    from qfusion.explain.trust import cohorts

    given = {"filter": view.get("filter"), "output": view.output}
    given["name"] = next((each.name for each in map(cohorts.parse_saved, view.all("cohort"))
                          if each.parts == cohorts.parse(given["filter"])), "")
    words = "".join(f", {name}=${name}" for name, value in given.items() if value)
    return fill(f"levels = levels_of(subject{words})", **given)


def _cohort(view: View) -> str:
    """The saved cohort as background: its members are told by the decisions against the training set."""
    from qfusion.explain.trust import cohorts

    found = next((each for each in map(cohorts.parse_saved, view.all("cohort")) if each.name == view.get("members", each.name)), None)
    if found is None:
        return ""
    return fill("""
whole = subjects.build(sample.name, sample.checkpoint.card, sample.checkpoint.fusion, sample.dataset)
members = cohorts.passing(cohorts.parse($filter), cohort_measures.table(whole, whole.frame()))
behind = sample.dataset.inputs(np.flatnonzero(members), dtype=torch.float64)
background = explain.background(sample.checkpoint.fusion, behind, "cohort", label=$name)
sample = replace(sample, background=background)""", filter=found.filter, name=found.name)


def _work(view: View) -> str:
    return "work = subjects.build(sample.name, sample.checkpoint.card, sample.checkpoint.fusion, sample.dataset).against(sample.background)"


def _asked(view: View) -> str:
    return fill("asked = work.classes.index($output)", output=view.output) if view.output else "asked = None"


def _dataset(view: View) -> str:
    """The data set that is shown, the first that is here unless told."""
    first = "next(source.name for source in data.available() if source.available)"
    return fill("dataset = data.load($set)", set=view.get("set")) if view.get("set") else f"dataset = data.load({first})"


PIECES: dict[str, Callable[[View], str]] = {
    "sample": _sample,
    "work": _work,
    "subject": _subject,
    "sides": _sides,
    "levels": _levels,
    "asked": _asked,  # the output asked for; None: of each sample its predicted class
    "board": lambda _: "board = standings.open_board()",
    "dataset": _dataset,
    "runs": lambda view: fill(f"runs = run_curves.open_runs({'$names' * bool(view.all('run'))})", names=view.all("run")),
    "trials": lambda view: fill(f"trials = sweep_trials.open_trials({'$name' * bool(view.get('sweep'))})", name=view.get("sweep")),
    "times": lambda _: "times = np.linspace(0, max(sample.model.duration, 1e-6), 41)",
    "system": lambda _: "system = sample.model.system()",
    "psi": lambda _: "psi = sample.model.product_state(sample.model.encode(sample.inputs))[0]",
    "tracked": lambda _: "tracked = track.track(system, psi, times, negativity=False, rtol=1e-6)",
    "terms": lambda _: "terms = [term or \"baseline\" for term in sample.dividends]",
    "masses": lambda _: "masses = {name: values[0] for name, values in sample.model.encode(sample.inputs).items()}",
    "reading": lambda _: "reading = evidence.read(sample.model, masses)",
}
