"""The pages: the question that each answers, its panels and its parameters; panels built by page and address.

    picture = build_panel("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"})
    picture.figure.show()

A page of the dashboard draws what the same builders return, and `Sample.show` and `Study.show` return it by name.
Programs and recipes of panels are in `rendering`.
"""

import inspect
import pkgutil
import threading
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from qfusion import plugin, views
from qfusion._checks import choose
from qfusion._lazy import load
from qfusion.errors import NotFound
from qfusion.study.performance import compare_cohort
from qfusion.study.sample import Output, Sample, build_sample
from qfusion.study.study import Study
from qfusion.views.pages.address import OpenedPage, complete_address, naming
from qfusion.views.pages.page_state import SCOPES, Address, PageState, format_value, open_scope
from qfusion.views.pages.panel import PLACED, Panel, panels
from qfusion.views.pages.params import Param, ParamFamily, ParamRule, TextParam, always, rules
from qfusion.views.view import View

QUESTIONS = {
    "overview": "Who decided, and when?",
    "samples": "What did the model decide here, and which modality decided it?",
    "dynamics": "When is the decision made, and would it still be made if this coupling were weaker?",
    "circuit": "What does every gate do to this sample, and what would it have decided otherwise?",
    "what if": "What would the model have said otherwise, and what would flip its decision?",
    "cohorts": "Do other samples behave like this one, and does entanglement explain it?",
    "compare": "What makes two decisions differ?",
    "faithfulness": "How far can the explanations of this model be trusted, and when not?",
    "data": "Which data sets are available, what do they contain, and how do I import my own?",
    "train": "How does a model learn, when does it start to use each modality, and which settings are "
    "better?",
    "guided tour": "What can I do here, in three minutes?",
    "glossary": "What does this word mean, and what is its formula?",
}


# The modules of the panels of each page, by its title in small letters; plugins add more. See `PageParts`.
PAGES: dict[str, list[str]] = {
    "overview": ["qfusion.views.pages.overview"],
    "samples": ["qfusion.views.pages.samples"],
    "dynamics": ["qfusion.views.pages.dynamics"],
    "circuit": ["qfusion.views.pages.circuit"],
    "what if": ["qfusion.views.pages.what_if"],
    "cohorts": ["qfusion.views.pages.cohorts"],
    "compare": ["qfusion.views.pages.compare"],
    "faithfulness": ["qfusion.views.pages.faithfulness"],
    "data": ["qfusion.views.pages.data"],
    "train": ["qfusion.views.pages.train"],
}
# The file of plugin pages without a file of their own, and the parameter of links that names the page.
PLUGIN_FILE, PLUGIN_PAGE = "pages/plugin.py", "name"
PAGES_WITHOUT_MODEL = ["data", "train"]  # pages that need neither model nor sample


@dataclass(frozen=True)
class PageParts:
    """Panels and parameters of a page, from the constants of its modules.

    Attributes:
        panels: by name, in the order of the page (`PANELS`).
        families: panels that there are several of, for modalities or samples, by how their name begins (`NAMED`).
        params: what a reader may choose besides the choices of its views and what there is on every page (`CONTROLS`).
            Of what there are as many as modalities, couplings or numbers, a function gives the choices of an address
            and a study.
    """

    panels: Mapping[str, Panel]
    families: Mapping[str, Panel]
    params: tuple[Param | ParamFamily, ...]


_parts: dict[str, PageParts] = {}
_loading = threading.RLock()  # one thread loads, others wait for all that a page has


def page_parts(title: str) -> PageParts:
    """Return what a page consists of. Its modules are imported when it is first asked for.

    Args:
        title: of the page, in small letters.
    """
    with _loading:
        if title not in _parts:
            _parts[title] = _load_parts(title)
        return _parts[title]


def _load_parts(title: str) -> PageParts:
    modules = [load(name) for name in PAGES.get(title, ())]
    own = [PAGE_OF_PLUGIN] if title in _SHARE_A_FILE else []
    for module in modules:
        SCOPES.update(getattr(module, "SCOPES", {}))
    added = _placed_panels(title, modules)
    return PageParts(
        # of live mappings, so that a panel that is registered later is included
        ChainMap(added, *(module.PANELS for module in reversed(modules))),
        ChainMap(*(getattr(module, "NAMED", {}) for module in reversed(modules))),
        (*own, *(one for module in modules for one in getattr(module, "CONTROLS", ()))),
    )


def _placed_panels(title: str, modules: Sequence[ModuleType]) -> dict[str, Panel]:
    """Return the panels of views that plugins add to a page, and of those that name it themselves, see `on_page`."""
    result: dict[str, Panel] = {}
    for view in map(plugin.load_name, _views_of_plugins.get(title, ())):
        result.update(panels(view, below=True))
    _import_placed_views()
    for view, place in PLACED.items():
        if place.page == title:
            opens = modules[0].is_tab_open(place.tab) if place.tab else always
            result.update(panels(view, fits=place.fits, opens=opens, below=True))
    return result


@cache
def _import_placed_views() -> None:
    """Import the modules of views that use `on_page`."""
    for module in pkgutil.iter_modules(views.__path__):
        file = Path(views.__path__[0], f"{module.name}.py")
        if file.is_file() and "@on_page(" in file.read_text(encoding="utf-8"):
            load(f"qfusion.views.{module.name}")
    for place in PLACED.values():
        choose("Page", place.page, PAGES)


PAGE_OF_PLUGIN = TextParam(PLUGIN_PAGE, "Page", "It is ignored.")
_SHARE_A_FILE: list[str] = []  # titles of the pages of plugins without a file of their own
_views_of_plugins: dict[
    str, list[str]
] = {}  # names of views that plugins add to a page, by its title


def _add_plugins() -> None:
    """Add the pages of plugins, and note what plugins add to pages."""
    for page in plugin.entries("pages"):
        title = page.title.lower()
        QUESTIONS[title] = page.question
        PAGES.setdefault(title, [])
        if not page.file:
            _SHARE_A_FILE.append(title)
        if not page.has_model:
            PAGES_WITHOUT_MODEL.append(title)
    for title, module in plugin.entries("panels"):
        PAGES.setdefault(title, []).append(module)
    for title, names in plugin.entries("views"):
        _views_of_plugins.setdefault(title, []).extend(names)


_add_plugins()


def build_panel(page: str, panel: str, address: Address) -> View:
    """Return a panel of a page.

    Args:
        page: title of the page; upper and lower case are the same.
        panel: its name.
        address: of the page, values by name (in a list where a name may be repeated), with at least the model, data set
            and sample where the page has them. Other values default as on the page.

    Raises:
        NotFound: when there is no such page, panel, model, data set or sample.
        InvalidInput: when a value of the address does not fit.
    """
    view, spec, suffix = find_panel(page, panel, address)
    arguments = spec.arguments(view, suffix)  # checked before anything is opened
    return spec.build(open_scope(view, spec.scope), **arguments)


def open_page(page: str, address: Address) -> OpenedPage:
    """Return a page under an address, with every choice that the address leaves open set to the page's default.

    Raises:
        NotFound: when there is no such page, model, data set or sample.
        InvalidInput: when a part of the address does not fit.
    """
    page = choose("Page", page.lower(), PAGES)
    return complete_address(page, address, page_rules, bare=page in PAGES_WITHOUT_MODEL)


def visible_panels(view: PageState) -> Iterator[str]:
    """Yield the names of the panels that a page shows under a complete address, in its order."""
    scopes: dict[str, Any] = {}
    parts = page_parts(view.page)
    known = {**parts.panels, **parts.families}
    for start, panel in sorted(known.items(), key=lambda entry: entry[1].below):
        if not panel.opens(view):
            continue
        scope = open_scope(view, panel.scope, scopes)
        for end in panel.endings(view, scope):
            if panel.is_shown(view, scope, end):
                yield start + end


def find_panel(page: str, panel: str, address: Address) -> tuple[PageState, Panel, str]:
    """Return the page under an address, the panel, and the rest of the name if the panel belongs to a family.

    Raises:
        NotFound: when there is no such page or panel.
    """
    view = PageState(choose("Page", page.lower(), PAGES), address)
    return view, *panel_named(view.page, panel)


def has_panel(view: PageState, name: str) -> bool:
    """Return whether a panel has something to show under a complete address, in whichever part of the page."""
    if not is_named(view.page, name):
        return False
    panel, rest = panel_named(view.page, name)
    scope = open_scope(view, panel.scope)
    return rest in panel.endings(view, scope) and panel.is_fitting(view, scope, rest)


def is_named(page: str, name: str) -> bool:
    """Return whether a page has a panel of this name, or panels whose names begin so."""
    parts = page_parts(page)
    return name in parts.panels or any(map(name.startswith, parts.families))


def panel_named(page: str, name: str) -> tuple[Panel, str]:
    """Return the panel of a name, and the rest of the name if the panel belongs to a family.

    Raises:
        NotFound: when the page has no such panel.
    """
    parts = page_parts(page)
    if name in parts.panels:
        return parts.panels[name], ""
    start = next(filter(name.startswith, parts.families), "")
    if not start:
        choose(f"Panel of page '{page}'", name, parts.panels)
    return parts.families[start], name.removeprefix(start)


def page_rules(view: PageState, study: Any) -> dict[str, ParamRule]:
    """Return the rules of all parameters of a page, by parameter.

    Args:
        view: the page under an address.
        study: the model on its data; None on a page without one.
    """
    return rules(page_params(view.page), view, study)


def page_params(page: str) -> list[Param | ParamFamily]:
    """Return what a reader may choose on a page, besides what there is on every page."""
    parts = page_parts(page)
    panels_of_page = (*parts.panels.values(), *parts.families.values())
    choices = [choice for panel in panels_of_page for choice in panel.choices]
    return [*dict.fromkeys((*choices, *parts.params))]


def own_params(page: str, panel: Panel) -> list[Param]:
    """Return the parameters of a panel at the end of a page (`Panel.below`) that nothing else there has."""
    if not panel.below:
        return []
    parts = page_parts(page)
    others = [other for other in parts.panels.values() if not other.below]
    shared = {*parts.params, *(choice for other in others for choice in other.choices)}
    return [choice for choice in panel.choices if choice not in shared]


# Views by name, for notebooks and commands.

OF_SAMPLE: tuple[str, ...] = ("sample", "study", "levels")  # scopes of views that a sample can show
OF_STUDY: tuple[str, ...] = ("study", "levels")


def show(of: Sample | Study, name: str, choices: Mapping[str, Any]) -> View:
    """Return a view of a sample or study; arguments and errors are those of `Sample.show`."""
    if isinstance(of, Sample):
        sample, scopes = of, OF_SAMPLE
    else:
        sample, scopes = build_sample(of, int(of.explained_rows[0])), OF_STUDY
    page, panel, rest = find_view(sample, name, PAGES, scopes)
    values = _sample_address(sample) | choice_values(panel, sample.study, choices)
    arguments = panel.arguments(PageState(page, values), rest)
    # not from the cache, so that the reader may change the figure
    return inspect.unwrap(panel.build)(_scope_of(sample, panel.scope), **arguments)


def find_view(
    sample: Sample, name: str, pages: Iterable[str], scopes: Sequence[str] = OF_SAMPLE
) -> tuple[str, Panel, str]:
    """Return the page that has a view of a sample, the view's panel, and the rest of its name as `panel_named` does.

    Of several pages with a view of this name, it is the last of those that offer most choices: the first pages repeat
    views of others.

    Args:
        sample: the view must fit its model.
        name: of the view.
        pages: that are searched, by title.
        scopes: what the view may be of.

    Raises:
        NotFound: when there is no such view; the message names some that there are.
    """
    placed = [
        (page, other, panel)
        for page in pages
        for other, panel in page_parts(page).panels.items()
        if panel.scope in scopes
    ]
    fitting = []
    for page in pages:
        if is_named(page, name):
            panel, rest = panel_named(page, name)
            if panel.scope in scopes and _fits(sample, page, panel, rest):
                fitting.append((page, panel, rest))
    if not fitting:
        choose("View", name, [other for _, other, _ in placed])
        names = [other for page, other, panel in placed if _fits(sample, page, panel)]
        raise NotFound(
            f"Model '{sample.name}' has no view '{name}' of sample '{sample.id}'. Choose one of "
            f"{', '.join(dict.fromkeys(names))}."
        )
    return max(reversed(fitting), key=lambda one: len(one[1].options))


def _fits(sample: Sample, page: str, panel: Panel, rest: str = "") -> bool:
    """Return whether a page offers a panel, with all its choices, of a sample."""
    study, state = sample.study, PageState(page, _sample_address(sample))
    keys = {param.key for param in panel_params(panel).values() if param.fits(study)}
    return keys <= page_rules(state, study).keys() and panel.is_fitting(
        state, _scope_of(sample, panel.scope), rest
    )


def _sample_address(sample: Sample) -> dict[str, str]:
    address = {"model": sample.name, "data": sample.dataset.name, "sample": sample.id}
    if sample.classes:
        address["output"] = str(Output(sample.output, sample.study.reference, sample.classes))
    return address


def _scope_of(sample: Sample, scope: str) -> Any:
    if scope == "levels":
        return compare_cohort(sample)
    return sample.study if scope == "study" else sample


def panel_params(panel: Panel) -> dict[str, Param]:
    """Return the choices of a panel, by the name that its view gives them."""
    return {name: option for name, option in panel.options.items() if isinstance(option, Param)}


def choice_values(panel: Panel, study: Study, choices: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return choices of a panel as an address holds them.

    Args:
        panel: of the view.
        study: whose options there are.
        choices: by name, see `panel_params`; values as in a link.

    Raises:
        NotFound, InvalidInput: when there is no such choice or option.
    """
    params = panel_params(panel)
    values = {}
    for name, value in choices.items():
        param = params[choose("Choice", name, params)]
        texts = format_value(value)
        with naming(f"Choice `{name}`"):
            for text in texts:
                param.require(study, text)
        values[param.key] = texts
    return values
