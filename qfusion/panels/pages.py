"""The pages: the question that each answers, its panels and its rules; panels by page and address, built here, as
programs that build them elsewhere, and as files, alone, several as one figure, or many in a zip.

    picture = build("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"})
    print(program("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"}))

What comes out is what stands on the screen: pages draw what the same builders give.
"""

import importlib
import json
import re
import unicodedata
import zipfile
from collections import ChainMap
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import plotly.graph_objects as go

from qfusion import __version__, panels
from qfusion._checks import check, choose
from qfusion.analysis import cohort_measures, outputs, text
from qfusion.data.own import PREFIX
from qfusion.errors import InvalidInput, QFusionError
from qfusion.explain import backgrounds, cohorts, verdicts
from qfusion.figures import VIEWS, export, style, themes
from qfusion.figures.recipe import (
    MAX_TEXT,
    ExportStyle,
    Recipe,
    apply_visible,
    changes,
    digest_of,
    parse,
    parse_visible,
    software,
    without,
)
from qfusion.panels.address import FREE, OpenedPage, complete_address, made_from, naming
from qfusion.panels.page_state import Address, PageState
from qfusion.panels.panel import TERMS, Panel, Picture, always, can
from qfusion.panels.params import Param, ParamFamily, ParamRule, rules

QUESTIONS = {
    "overview": "Which modality decided, what did they say only together, and when did it happen?",
    "samples": "What did the model decide here, and which modality decided it?",
    "dynamics": "When is the decision made, and would it still be made if this coupling were weaker?",
    "circuit": "What does every gate do to this sample, and what would it have decided otherwise?",
    "what if": "What would the model have said otherwise, and what would flip its decision?",
    "decision operators": "What would a modality have to say for this decision, what against it, and which real "
    "samples say it?",
    "cohorts": "Is what one sample shows the rule, of all samples or of those like it, and does entanglement explain "
    "it?",
    "compare": "What makes two decisions differ?",
    "faithfulness": "How far can the explanations of this model be trusted, and when not?",
    "why fuse": "Does fusion matter for these data and this model, does the quantum part, and which piece does it?",
    "data": "What data are there, what is in them, and how do I bring my own?",
    "train": "How does a model learn, when does it start to use each modality, and which settings are better?",
    "sweeps": "Which settings work best on the validation rows, and which of them matter?",
    "leaderboard": "Which model does best on which data, and is it worth its parameters?",
    "guided tour": "What can I do here, in three minutes?",
    "glossary": "What does this word mean, and what is its formula?",
}


# A program ends with the panel's table in `numbers`, a DataFrame with the columns of its CSV. What
# an address says stands in it as Python literals, so nothing that a reader or a data set supplies
# can be anything but a value.


def _parts(*parts: dict[str, Panel]) -> Mapping[str, Panel]:
    """The panels of several modules in their order; what one of these gets later is here too."""
    return ChainMap(*reversed(parts))


# Page (its title in small letters) -> panel, in the order of the page.
PAGES: dict[str, Mapping[str, Panel]] = {
    "overview": panels.samples.OVERVIEW,
    "samples": _parts(
        panels.inside.STRIP,
        panels.samples.PANELS,
        panels.faithfulness.OF_SAMPLE,
        panels.inside.INSIDE,
        panels.compare.SIMILAR,
    ),
    "dynamics": _parts(
        panels.dynamics.PANELS,
        panels.physics.BUILT,
        panels.physics.PANELS,
        panels.states.PANELS,
        {
            "decision-layers": replace(panels.network.PANELS["decision-layers"], opens=always),
            "entropy-gates": Panel(
                panels.circuit.entropies, fixed={"marked": False}, fits=can("layers")
            ),
        },
    ),
    "circuit": _parts(panels.circuit.PANELS, panels.network.PANELS, panels.physics.PANELS),
    "what if": panels.what_if.PANELS,
    "decision operators": panels.states.OPERATORS,
    "cohorts": _parts(panels.compare.MAP, panels.cohorts.PANELS),
    "compare": _parts(
        panels.compare.PANELS,
        {
            name: replace(one, opens=panels.compare.is_pair)
            for name, one in panels.inside.BESIDE.items()
        },
    ),
    "faithfulness": panels.faithfulness.PANELS,
    "why fuse": panels.why.PANELS,
    "data": _parts(panels.learning.DATA, panels.why.OF_DATA),
    "train": panels.learning.PANELS,
    "sweeps": panels.learning.SWEEP,
    "leaderboard": panels.leaderboard.PANELS,
}
# Panels that there are several of, for modalities or samples, by how their name begins.
NAMED: dict[str, Mapping[str, Panel]] = {
    "overview": panels.samples.EXAMPLES,
    "samples": panels.samples.NAMED,
    "dynamics": panels.dynamics.NAMED,
    "what if": _parts(panels.what_if.NAMED, panels.inside.LENT),
    "decision operators": panels.states.NAMED,
    "compare": panels.compare.NAMED,
    "faithfulness": panels.faithfulness.NAMED,
    "train": panels.learning.NAMED,
}
# What a reader may choose on each page, besides what there is on every page. Of what there are as many as modalities,
# couplings or numbers, a function gives the choices of an address and a study.
CONTROLS: dict[str, tuple[Param | ParamFamily, ...]] = {
    "samples": (*panels.samples.CONTROLS, *panels.inside.CONTROLS, panels.compare.SIMILAR_BY),
    "dynamics": (
        panels.dynamics.sliders,
        *panels.dynamics.CONTROLS,
        panels.physics.BUILT_AS,
        panels.physics.BUILT_OVER,
        panels.physics.BUILT_PART,
        panels.states.OPERATOR,
        panels.physics.sensitivity,
        panels.network.LAYER,
    ),
    "circuit": (
        *panels.circuit.CONTROLS,
        panels.dynamics.sliders,
        *panels.network.CONTROLS,
        replace(TERMS, fits=can("layers")),
        panels.physics.sensitivity,
    ),
    "what if": (panels.what_if.controls,),
    "decision operators": panels.states.CONTROLS,
    "cohorts": (*panels.cohorts.CONTROLS, *panels.compare.MAP_CONTROLS),
    "compare": (
        panels.dynamics.sliders,
        replace(panels.network.EDITS, fits=lambda study: not study.can("time")),
        *panels.compare.CONTROLS,
    ),
    "faithfulness": panels.faithfulness.CONTROLS,
    "why fuse": panels.why.CONTROLS,
    "data": (panels.learning.SET, panels.why.NEED),
    "train": (*panels.learning.CONTROLS, panels.learning.settings),
    "sweeps": panels.learning.SWEEP_CONTROLS,
    "leaderboard": (panels.leaderboard.controls,),
}
BARE = ("data", "train", "sweeps")  # pages that need neither model nor sample
# panels that are words or tables, without a figure
WORDS = ("questions", "cautions", "estimators", "train-results", "wrong", "why-synergy")


def own_controls(page: str, panel: Panel) -> list[Param]:
    """Returns the choices of a panel which stands below all else on its page and which nothing else there has."""
    options = (*panel.options.values(), *panel.conditions.values()) if panel.below else ()
    return [
        option
        for option in options
        if isinstance(option, Param) and option not in CONTROLS.get(page, ())
    ]


def allowed(view: PageState, study: Any) -> dict[str, ParamRule]:
    """Returns what an address may say of a page, by parameter."""
    own = [
        one for panel in PAGES.get(view.page, {}).values() for one in own_controls(view.page, panel)
    ]
    return rules((*own, *CONTROLS.get(view.page, ())), view, study)


def opened(page: str, address: Address) -> OpenedPage:
    """Returns a page under an address, with what the address leaves open chosen as the page would.

    Raises:
        NotFound: when there is no such page, model, data set or sample.
        InvalidInput: when a part of the address does not fit.
    """
    page = choose("Page", page.lower(), PAGES)
    return complete_address(page, address, allowed, bare=page in BARE)


class Call(NamedTuple):
    """The call that opens a scope.

    Attributes:
        module, function: what is called. positional, named: its arguments. of: the scope that comes before them.
    """

    module: str
    function: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}
    of: str = ""

    def text(self) -> str:
        """The call as Python text."""
        words = [
            *([self.of] if self.of else []),
            *map(repr, self.positional),
            *(f"{name}={value!r}" for name, value in self.named.items()),
        ]
        return f"{self.function}({', '.join(words)})"


def _sample(view: PageState) -> Call:
    """The page's sample, with its background, tweak and output."""
    members = _members(view)
    is_usual = view.background == backgrounds.DEFAULT or (
        view.background == "cohort" and not members
    )
    return Call(
        "qfusion.analysis.sample",
        "open_sample",
        (view.model, view.named("sample"), view.named("data")),
        _said(
            {
                "output": view.output,
                "tweak": view.tweak,
                "background": "" if is_usual else view.background,
                "contrast": view.named("contrast") if view.background == "contrast" else "",
                "members": members,
                "rows": view.get("rows"),
                "session": SESSION if view.named("sample").startswith(PREFIX) else "",
            }
        ),
    )


def _sides(view: PageState) -> Call:
    """The pinned view as A beside the page's sample as B."""
    pin = view.pin
    return Call(
        "qfusion.analysis.compare",
        "beside",
        (pin.model, pin.sample, pin.data),
        _said({"tweak": pin.tweak, "members": _members(view)}),
        "sample",
    )


def _levels(view: PageState) -> Call:
    """All samples, those of the filter, and the page's sample."""
    filter = view.get("filter")
    name = next(
        (
            entry.name
            for entry in map(cohorts.parse_saved, view.all("cohort"))
            if entry.parts == cohorts.parse(filter)
        ),
        "",
    )
    return Call(
        "qfusion.analysis.errors",
        "levels_of",
        (),
        _said({"filter": filter, "output": view.output, "name": name}),
        "sample",
    )


def _members(view: PageState) -> str:
    """The saved cohort that is compared with; empty where none is, or the address keeps none of that name."""
    if view.background != "cohort":
        return ""
    saved = {cohorts.parse_saved(value).name: value for value in view.all("cohort")}
    return saved.get(view.get("members", next(iter(saved), "")), "")


def _said(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value}


SCOPES: dict[str, Callable[[PageState], Call]] = {
    "sample": _sample,
    "sides": _sides,
    "levels": _levels,
    "board": lambda _: Call("qfusion.analysis.runs", "open_board"),
    "dataset": lambda view: Call(
        "qfusion.panels.learning", "open_set", tuple(view.all("set")[-1:])
    ),
    "runs": lambda view: Call(
        "qfusion.analysis.runs",
        "open_runs",
        (view.all("run"),) if view.all("run") else (),
    ),
    "trials": lambda view: Call(
        "qfusion.analysis.runs", "open_trials", tuple(view.all("sweep")[-1:])
    ),
}


def build(page: str, panel: str, address: Address, theme: style.Theme = "light") -> Picture:
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
    view, known, rest = find(page, panel, address)
    arguments = known.arguments(view, rest)  # before anything is opened
    return known.build(open_scope(view, known.scope), theme, **arguments)


def shown(view: PageState, only: str = "") -> Iterator[str]:
    """Yields the names of the panels that a page shows under an address that leaves nothing open, in its order, or
    `only` that of one."""
    scopes: dict[str, Any] = {}
    for start, panel in sorted(
        {**PAGES[view.page], **NAMED.get(view.page, {})}.items(), key=lambda entry: entry[1].below
    ):
        if (not only or only.startswith(start)) and panel.opens(view):
            scope = open_scope(view, panel.scope, scopes)
            yield from (
                start + end
                for end in panel.endings(view, scope)
                if only in ("", start + end) and panel.shown(view, scope, end)
            )


def scope_of(page: str, panel: str) -> str:
    """Returns what a panel is built from, see `SCOPES`.

    Raises:
        NotFound: when there is no such page or panel.
    """
    return find(page, panel, {})[1].scope


def open_scope(view: PageState, scope: str, known: dict[str, Any] | None = None) -> Any:
    """Returns what panels are built from, "study" or one of `SCOPES`, under an address that leaves nothing open.

    Args:
        view: the address.
        scope: what is opened.
        known: what is open already, by name, which is not opened again; what is opened is added.
    """
    scopes = {} if known is None else known
    for name, call in _calls(view, scope):
        if name not in scopes:
            scopes[name] = getattr(importlib.import_module(call.module), call.function)(
                *([scopes[call.of]] if call.of else []), *call.positional, **call.named
            )
    return scopes["sample"].study if scope == "study" else scopes[scope]


def program(page: str, panel: str, address: Address) -> str:
    """Returns a program that recomputes the numbers of a panel; arguments and errors are those of `build`, but nothing
    is opened."""
    view, known, rest = find(page, panel, address)
    calls = _calls(view, known.scope)
    modules = {f"from {call.module} import {call.function}" for _, call in calls}
    module, builder = known.build.__module__.removeprefix("qfusion."), known.build.__name__
    scope = "sample.study" if known.scope == "study" else known.scope
    picture = Call("", f"{module}.{builder}", (), known.arguments(view, rest), scope)
    return "\n".join(
        [
            f"# The numbers of panel {panel!r} on qfusion's page {view.page!r}; run it where qfusion can be imported.",
            *sorted({"from qfusion import panels", *modules}),
            "",
            *(f"{name} = {call.text()}" for name, call in calls),
            f"picture = {picture.text()}",
            "numbers = picture.table()",
            "",
            "print(numbers)",
            "",
        ]
    )


def find(page: str, panel: str, address: Address) -> tuple[PageState, Panel, str]:
    """Returns the address, the panel, and the end of its name where several begin alike.

    Raises:
        NotFound: when there is no such page or panel.
    """
    view = PageState(choose("Page", page.lower(), PAGES), address)
    if panel in PAGES[view.page]:
        return view, PAGES[view.page][panel], ""
    known = NAMED.get(view.page, {})
    start = next(filter(panel.startswith, known), "")
    if not start:
        choose(f"Panel of page '{view.page}'", panel, PAGES[view.page])
    return view, known[start], panel.removeprefix(start)


def _calls(view: PageState, scope: str) -> list[tuple[str, Call]]:
    """The calls that open a scope, in their order, each with the name of what it opens; the work is its sample's."""
    name = "sample" if scope == "study" else scope
    call = SCOPES[name](view)
    return [*(_calls(view, call.of) if call.of else []), (name, call)]


# One panel of a page, taken without the page: figures from recipes and links, on the command line and in notebooks.

SESSION = (
    "qfusion-session-samples.json"  # what ‘Save session’ calls the file that holds an own sample
)
BY_NAME = "figures"  # in the place of a page: a function of `qfusion.figures`
_NAMED = ("model", "sample", "data", "output", "background", "contrast", "tweak")
# of pages that are not called as their address
_FILES = {"overview": "", "decision operators": "operators", "guided tour": "tour"}
WITHOUT = ("guided tour", "glossary")  # pages without figures
_STEMS = {_FILES.get(page, page.replace(" ", "_")): page for page in (*PAGES, *WITHOUT)}
Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Taken:
    """A panel taken from a page: the figure as the address has it shown, its words, its table, and its recipe."""

    figure: go.Figure
    title: str
    caption: str
    numbers: pd.DataFrame
    recipe: Recipe


def figure_names(page: str, address: Query) -> list[str]:
    """Returns the names of the figures that a page shows under an address.

    Raises:
        InvalidInput, NotFound: when there is no such page, or a part of the address does not fit.
    """
    names = () if page in WITHOUT else shown(opened(page, address).view)
    return [name for name in names if name not in WORDS]


def require_figure(page: str, panel: str, address: Query) -> None:
    """Checks that a page shows a figure of this name; errors are those of `take`."""
    choose(f"Panel of page '{page}' (under this address)", panel, figure_names(page, address))


def take(page: str, panel: str, address: Query) -> Taken:
    """Returns one panel of a page.

    Args:
        page: its title, in small letters. panel: its name. address: of the page, values by name.

    Raises:
        NotFound: when the page does not show it, with those that it shows; otherwise as `panels`.
    """
    if page == BY_NAME:
        return _by_name(panel, address)
    if page in WITHOUT:
        choose(f"Panel of page '{page}'", panel, ())
    result = opened(page, address)
    if panel in WORDS or not any(shown(result.view, panel)):
        require_figure(page, panel, address)
    picture = build(result.view.page, panel, result.view.address)
    figure, table = picture.figure, picture.table()
    assert figure is not None
    figure.update_layout(
        legend={"itemclick": False, "itemdoubleclick": False}
    )  # as it stands on the page
    return Taken(
        apply_visible(figure, parse_visible(result.view.get(FREE + panel))),
        picture.headline,
        picture.caption,
        table,
        Recipe(
            result.view.page,
            panel,
            {key: result.view.all(key) for key in result.view.address},
            made_from=result.made_from,
            software=software(),
            numbers=digest_of(table),
        ),
    )


def _by_name(view: str, address: Mapping[str, Sequence[str]]) -> Taken:
    """A figure of `qfusion.figures.notebook`, asked for by `figure --model ... --view ...`."""
    from qfusion.figures import notebook, numbers
    from qfusion.figures.building import SAYS

    name = choose("View", view, VIEWS).replace("-", "_")
    check(
        {"model", "sample"} <= set(address) <= set(_NAMED),
        f"The recipe of a figure by name says {', '.join(_NAMED)}, but this one says "
        f"{', '.join(sorted(address))[:200]}. Export the figure again.",
    )
    sample = numbers.opened(**{key: values[0] for key, values in address.items() if values})
    table = getattr(numbers, name)(sample)
    origin = made_from(sample.study) | {
        "sample": sample.id,
        "seed": sample.study.card.get("seed"),
        "output": sample.explanation.outputs[sample.output],
        "background": sample.background.name,
        "background_size": int(sample.background.size),
    }
    caption = f"Shows {SAYS[view][0]} Does not show {SAYS[view][1]}" if view in SAYS else ""
    if not view.startswith("cut"):
        caption += f" Compared with {verdicts.behind(sample.background)}."
    return Taken(
        getattr(notebook, name)(sample),
        f"{sample.name} on {sample.dataset.name}"
        if view == "cut-test"
        else f"{sample.id}: {origin['output']} {sample.score:.3f} by {sample.name}",
        caption.strip(),
        table,
        Recipe(
            BY_NAME,
            view,
            {key: list(values) for key, values in address.items()},
            made_from=origin,
            software=software(),
            numbers=digest_of(table),
        ),
    )


def of_link(link: str) -> tuple[str, dict[str, list[str]]]:
    """Returns page and address of a copied link.

    Raises:
        InvalidInput, NotFound: when it is not a link to one of our pages.
    """
    check(
        len(link) <= MAX_TEXT,
        f"The link has {len(link):,} characters, and at most {MAX_TEXT:,} are read. Copy it again.",
    )
    try:
        parts = urlsplit(link)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput(
            f"The link cannot be read ({str(error)[:100]}). Copy it again."
        ) from error
    return _STEMS[choose("Page", parts.path.strip("/").rsplit("/", 1)[-1], _STEMS)], query


def cook(recipe: Recipe, *, anyway: bool = False) -> Taken:
    """Returns the panel that a recipe describes.

    Args:
        anyway: also when model or data are not those of the recipe.

    Raises:
        InvalidInput: when they are not, or the recipe's address no longer fits; NotFound, DataUnavailable: when they
            are missing.
    """
    with naming("The recipe cannot be followed"):
        taken = take(recipe.page, recipe.panel, recipe.address)
    moved = changes(recipe, taken.recipe.made_from)
    check(
        anyway or not moved,
        f"{' '.join(moved)} Get that model and data, or draw the figure anyway with `--anyway`.",
    )
    return taken


def remarks(recipe: Recipe, taken: Taken) -> list[str]:
    """What a reader should know about a figure made again: other versions, other numbers."""
    texts = [
        f"{package} was {then} and is {now}."
        for package, then in sorted(recipe.software.items())
        if (now := taken.recipe.software.get(package, "not here")) != then
    ]
    if recipe.numbers and recipe.numbers != taken.recipe.numbers:
        texts.append("The numbers are not the recipe's to ten digits.")
    return texts


def draw(recipe: Recipe | Mapping[str, Any] | str) -> tuple[go.Figure, Any]:
    """Returns figure and numbers of a recipe (its JSON will do): for notebooks.

    Returns:
        the plotly figure in the recipe's theme, and the table behind it as a DataFrame.
    """
    parsed = (
        recipe
        if isinstance(recipe, Recipe)
        else parse(recipe if isinstance(recipe, str) else json.dumps(recipe))
    )
    taken = cook(parsed)
    return in_look(taken, parsed.style), taken.numbers


def in_look(taken: Taken, look: ExportStyle) -> go.Figure:
    """Returns the figure of a panel in the theme of a style, without what it hides; one that has no theme as it is."""
    figure = without(taken.figure, look.hidden)
    return themes.in_theme(figure, look.theme) if figure.layout.paper_bgcolor else figure


def save(taken: Taken, recipe: Recipe) -> bytes:
    """Returns the file that a recipe describes, of the panel that was taken."""
    return export.save(
        taken.figure,
        recipe.style,
        title=recipe.title or taken.title,
        caption=recipe.caption or taken.caption,
        recipe=taken.recipe.like(recipe).text(),
    )


# Several panels as one figure, taken without their pages; see `figures.export`.


def cook_composition(whole: export.Composition, *, anyway: bool = False) -> list[Taken]:
    """Returns the panels of a composition, in its order.

    Args:
        anyway: also when model or data are not those of a recipe.

    Raises:
        QFusionError: naming the letter of the panel that cannot be made.
    """
    taken = []
    for place, panel in enumerate(whole.panels):
        with naming(f"Panel ({chr(ord('a') + place)})"):
            taken.append(cook(panel, anyway=anyway))
    return taken


def save_composition(taken: Sequence[Taken], whole: export.Composition) -> bytes:
    """Returns the file of a composition, with the recipes of what was taken in it."""
    return export.save_composition(
        [panel.figure for panel in taken],
        [panel.title for panel in taken],
        [panel.caption for panel in taken],
        as_made(whole, taken),
    )


def as_made(whole: export.Composition, taken: Sequence[Taken]) -> export.Composition:
    """Returns a composition with the recipes of what was taken."""
    return replace(
        whole,
        panels=tuple(
            export.as_panel(panel.recipe.like(wanted), whole.style)
            for panel, wanted in zip(taken, whole.panels, strict=True)
        ),
    )


def composition_remarks(whole: export.Composition, taken: Sequence[Taken]) -> list[str]:
    """What a reader should know about a composition made again, each remark once."""
    return list(
        dict.fromkeys(
            remark
            for panel, entry in zip(whole.panels, taken, strict=True)
            for remark in remarks(panel, entry)
        )
    )


# Many figures at once as a zip: all panels of a page, or one panel for every sample of a cohort, with a manifest.

MAX_FILES, USUAL_FILES = 200, 50
MAX_BYTES = 300_000_000
OF_SAMPLE = ("sample", "sides", "levels")
WriteStep = tuple[int, int, str]  # so many are done, of how many, and which is next


@dataclass(frozen=True)
class Job:
    """A figure to be written: its file's name without ending, and what it is taken from."""

    name: str
    page: str
    panel: str
    address: Mapping[str, Sequence[str]]
    sample: str = ""


def file_name(name: str, most: int = 60) -> str:
    """Returns what every file system takes of a name: letters, digits, dots, dashes; no folders, nothing hidden."""
    bare = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    return (
        re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", bare))
        .strip(".-_")[:most]
        .strip(".-_")
        or "unnamed"
    )


def jobs_of_page(
    page: str, address: Mapping[str, Sequence[str]], panels: Sequence[str] = ()
) -> list[Job]:
    """Returns the figures that a page shows under an address, or `panels` of them; errors are those of
    `headless.panels`."""
    names = [name for name in figure_names(page, address) if not panels or name in panels]
    return [
        Job(f"{place:03d}-{file_name(name)}", page, name, address)
        for place, name in enumerate(names, 1)
    ]


def jobs_of_cohort(
    page: str,
    panel: str,
    address: Mapping[str, Sequence[str]],
    filter: str = "",
    most: int = USUAL_FILES,
) -> list[Job]:
    """Returns one panel for every sample of a cohort, in the order of the data set.

    Args:
        page, panel, address: as of `headless.take`.
        filter: of the cohort, such as "relation=conflict; error>1"; of the test split unless it says another.
        most: at most so many, the first ones.

    Raises:
        InvalidInput: when the panel is not of a sample, no sample passes, or `most` is out of range.
        NotFound: when there is no such page or panel, or the filter speaks of what is not there.
    """
    check(
        isinstance(most, int) and 1 <= most <= MAX_FILES,
        f"Argument `most` must be a whole number from 1 to {MAX_FILES}, but is {str(most)[:20]!r}.",
    )
    result = opened(page, address)
    check(
        scope_of(page, panel) in OF_SAMPLE,
        f"Panel '{panel}' is not of a sample: it is the same for all. Export it alone.",
    )
    study, parts = open_scope(result.view, "study"), cohorts.parse(filter)
    wanted = outputs.parse(result.view.output, study.classes)
    study = study.rather_than(wanted.reference)
    rows = cohort_measures.table_for(study, wanted.number, parts)
    ids = [str(name) for name in rows.index[cohorts.passing(parts, rows)]]
    check(bool(ids), f"No sample passes the filter {filter[:80]!r}. Widen it.")
    given = {key: result.view.all(key) for key in result.view.address}
    return [
        Job(
            f"{place:03d}-{file_name(panel)}-{file_name(name)}",
            result.view.page,
            panel,
            given | {"sample": [name]},
            name,
        )
        for place, name in enumerate(ids[:most], 1)
    ]


def write_zip(
    jobs: Sequence[Job],
    style: ExportStyle,
    out: IO[bytes],
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Writes the figures, the numbers of each and a manifest with their recipes as a zip.

    Args:
        jobs: of `jobs_of_page` or `jobs_of_cohort`, at most `MAX_FILES`. style: of all.
        out: an open file. progress: is told before each figure; whatever it raises ends the writing.

    Returns:
        The manifest. A figure that cannot be drawn so is named there with its reason.

    Raises:
        InvalidInput: when there is nothing to write, too much, or none of it can be drawn.
    """
    taking = zip_steps(jobs, style, out)
    while True:
        try:
            done, count, name = next(taking)
        except StopIteration as end:
            return end.value
        if progress:
            progress(done, count, name)


def zip_steps(
    jobs: Sequence[Job], style: ExportStyle, out: IO[bytes]
) -> Generator[WriteStep, None, dict[str, Any]]:
    """`write` figure by figure: yields before each how many are done, of how many, and which is next; returns the
    manifest."""
    check(
        0 < len(jobs) <= MAX_FILES,
        f"There are {len(jobs)} figures, and 1 to {MAX_FILES} can be written at once. Choose others.",
    )
    entries: list[dict[str, Any]] = []
    written = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            archive.writestr(
                # of one day, so that the same figures make the same zip
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)),
                content,
                zipfile.ZIP_DEFLATED,
            )

        for place, job in enumerate(jobs):
            yield place, len(jobs), job.sample or job.panel
            entry: dict[str, Any] = _said(
                {"page": job.page, "panel": job.panel, "sample": job.sample}
            )
            try:
                taken = take(job.page, job.panel, job.address)
                recipe = replace(taken.recipe, style=style)
                content, letters = export.noticed(partial(save, taken, recipe), style.format)
            except QFusionError as error:
                entries.append(entry | {"error": str(error)})
            else:
                written += len(content)
                check(
                    written <= MAX_BYTES,
                    f"The figures together have more than {MAX_BYTES // 10**6:,} MB. Choose fewer, or another format.",
                )
                names = {"file": f"{job.name}.{style.format}", "numbers": f"numbers/{job.name}.csv"}
                add(names["file"], content)
                add(names["numbers"], text.csv(taken.numbers))
                names |= {"letters": letters} if letters else {}
                entries.append(
                    entry | names | {"title": taken.title, "recipe": json.loads(recipe.text())}
                )
        check(
            any("file" in entry for entry in entries),
            f"None of the figures can be drawn so: {entries[0].get('error', '')}",
        )
        manifest = {
            "kind": "qfusion figures",
            "version": 1,
            "qfusion": __version__,
            "look": style.as_dict(),
            "figures": entries,
        }
        add("manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest
