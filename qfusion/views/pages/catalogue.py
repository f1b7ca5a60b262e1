"""The pages: the question that each answers, its panels and its parameters; panels built by page and address.

    picture = build("samples", "waterfall", {"model": "qj-planted", "data": "planted", "sample": "p0031"})
    picture.figure.show()

A page of the dashboard draws what the same builders return. Programs and recipes of panels are in `programs`,
`rendering` and `reproduction`.
"""

import importlib
import pkgutil
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from qfusion import plugin, views
from qfusion._checks import choose
from qfusion._lazy import load
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.views import qubits
from qfusion.views.choices import needs
from qfusion.views.pages import (
    circuit,
    cohorts,
    compare,
    data,
    dynamics,
    faithfulness,
    operators,
    overview,
    samples,
    train,
    what_if,
)
from qfusion.views.pages.address import OpenedPage, complete_address
from qfusion.views.pages.page_state import SCOPES, Address, PageState, open_scope
from qfusion.views.pages.panel import PLACED, Opens, Panel, panels
from qfusion.views.pages.params import Param, ParamFamily, ParamRule, TextParam, always, rules
from qfusion.views.view import View

QUESTIONS = {
    "overview": "Which modality decided, how large are joint terms, and when did they arise?",
    "samples": "What did the model decide here, and which modality decided it?",
    "dynamics": "When is the decision made, and would it still be made if this coupling were weaker?",
    "circuit": "What does every gate do to this sample, and what would it have decided otherwise?",
    "what if": "What would the model have said otherwise, and what would flip its decision?",
    "decision operators": "Which states of a modality vote for or against this decision, and which real samples are "
    "near them?",
    "cohorts": "Do other samples behave like this one, and does entanglement explain it?",
    "compare": "What makes two decisions differ?",
    "faithfulness": "How far can the explanations of this model be trusted, and when not?",
    "data": "Which data sets are available, what do they contain, and how do I import my own?",
    "train": "How does a model learn, when does it start to use each modality, and which settings are "
    "better?",
    "guided tour": "What can I do here, in three minutes?",
    "glossary": "What does this word mean, and what is its formula?",
}


def _merge(*parts: dict[str, Panel]) -> Mapping[str, Panel]:
    """Return the panels of several modules in order, as a view: panels registered later are included."""
    return ChainMap(*reversed(parts))


# Panels of other pages that Dynamics shows of a network, where they are always open.
_NETWORK_ON_DYNAMICS = {
    "decision-layers": replace(circuit.NETWORK_PANELS["decision-layers"], opens=always),
    **panels(
        {"entropy-gates": partial(qubits.entropy_gates, marked=False)},
        fits=needs(LayeredNetwork),
    ),
}
_TIMELINES_OF_PAIR = {
    name: replace(one, opens=compare.is_pair) for name, one in samples.BESIDE.items()
}

# Page (its title in small letters) -> panel, in the order of the page.
PAGES: dict[str, Mapping[str, Panel]] = {
    "overview": overview.OVERVIEW,
    "samples": _merge(
        samples.STRIP,
        samples.PANELS,
        samples.INSIDE,
        samples.SIMILAR,
    ),
    "dynamics": _merge(
        dynamics.PANELS,
        dynamics.BUILT,
        dynamics.SENSITIVITY_PANELS,
        dynamics.GENERATOR_PANELS,
        dynamics.STATE_PANELS,
        _NETWORK_ON_DYNAMICS,
    ),
    "circuit": _merge(
        circuit.PANELS,
        circuit.NETWORK_PANELS,
        dynamics.SENSITIVITY_PANELS,
        circuit.ANGLE_PANELS,
    ),
    "what if": what_if.PANELS,
    "decision operators": operators.OPERATORS,
    "cohorts": cohorts.PANELS,
    "compare": _merge(compare.PANELS, _TIMELINES_OF_PAIR),
    "faithfulness": faithfulness.PANELS,
    "data": data.DATA,
    "train": train.PANELS,
}
# Panels that there are several of, for modalities or samples, by how their name begins.
PANEL_FAMILIES: dict[str, Mapping[str, Panel]] = {
    "overview": overview.EXAMPLES,
    "samples": samples.NAMED,
    "dynamics": dynamics.NAMED,
    "what if": _merge(what_if.NAMED, samples.LENT),
    "decision operators": operators.NAMED,
    "compare": compare.NAMED,
    "faithfulness": faithfulness.NAMED,
    "train": train.NAMED,
}
# What a reader may choose on each page besides the choices of its views and what there is on every page. Of what there
# are as many as modalities, couplings or numbers, a function gives the choices of an address and a study.
PAGE_PARAMS: dict[str, tuple[Param | ParamFamily, ...]] = {
    "samples": (*samples.CONTROLS, samples.OPEN),
    "dynamics": (
        dynamics.sliders,
        *dynamics.CONTROLS,
        dynamics.BUILT_AS,
        *dynamics.SENSITIVITY_CONTROLS,
    ),
    "circuit": (
        *circuit.CONTROLS,
        dynamics.sliders,
        *circuit.NETWORK_CONTROLS,
        *dynamics.SENSITIVITY_CONTROLS,
        circuit.FOLD,
    ),
    "what if": (what_if.change_choices,),
    "cohorts": cohorts.CONTROLS,
    "compare": (
        dynamics.sliders,
        replace(circuit.EDITS, fits=lambda study: not study.model.part(Evolution)),
        *compare.CONTROLS,
    ),
    "faithfulness": faithfulness.CONTROLS,
    "data": (data.SET,),
    "train": (*train.CONTROLS, train.setting_choices),
}
# Of each page with tabs: the condition that a tab is open, by its name.
TABS: dict[str, Callable[[str], Opens]] = {
    "dynamics": dynamics.VIEW.is_one_of,
    "circuit": circuit.is_part_open,
    "cohorts": cohorts.is_view_open,
    "compare": compare.VIEW.is_one_of,
    "faithfulness": faithfulness.PROOF.is_one_of,
    "train": train.VIEW.is_one_of,
}
# The file of plugin pages without a file of their own, and the parameter of links that names the page.
PLUGIN_FILE, PLUGIN_PAGE = "pages/plugin.py", "name"
PAGES_WITHOUT_MODEL = ["data", "train"]  # pages that need neither model nor sample


def _add_plugins() -> None:
    """Add the pages, panels and views of plugins."""
    for page in plugin.entries("pages"):
        title = page.title.lower()
        QUESTIONS[title] = page.question
        PAGES.setdefault(title, {})
        if not page.file:
            PAGE_PARAMS[title] = (TextParam(PLUGIN_PAGE, "Page", "It is ignored."),)
        if not page.has_model:
            PAGES_WITHOUT_MODEL.append(title)
    for title, module in plugin.entries("panels"):
        part = load(module)
        _add_panels(title, part.PANELS, getattr(part, "CONTROLS", ()))
        PANEL_FAMILIES[title] = _merge(
            dict(PANEL_FAMILIES.get(title, {})), getattr(part, "NAMED", {})
        )
        SCOPES.update(getattr(part, "SCOPES", {}))
    for title, names in plugin.entries("views"):
        for view in map(plugin.load_name, names):
            _add_panels(title, panels(view, below=True))


def _add_panels(
    title: str, panels_of_page: dict[str, Panel], controls: Iterable[Param | ParamFamily] = ()
) -> None:
    PAGES[title] = ChainMap(panels_of_page, cast("dict[str, Panel]", PAGES[title]))
    PAGE_PARAMS[title] = (*PAGE_PARAMS.get(title, ()), *controls)


def _add_placed() -> None:
    """Add the views of the package that name their page themselves, see `panel.on_page`."""
    for module in pkgutil.iter_modules(views.__path__, "qfusion.views."):
        importlib.import_module(module.name)
    for view, place in PLACED.items():
        page = choose("Page", place.page, PAGES)
        opens = TABS[page](place.tab) if place.tab else always
        _add_panels(page, panels(view, fits=place.fits, opens=opens, below=True))


_add_plugins()
_add_placed()


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


def visible_panels(view: PageState, only: str = "") -> Iterator[str]:
    """Yield the names of the panels that a page shows under a complete address, in its order.

    Args:
        view: the page under the address.
        only: the one name that may be yielded; any if empty.
    """
    scopes: dict[str, Any] = {}
    known = {**PAGES[view.page], **PANEL_FAMILIES.get(view.page, {})}
    for start, panel in sorted(known.items(), key=lambda entry: entry[1].below):
        is_other = bool(only) and not only.startswith(start)
        if is_other or not panel.opens(view):
            continue
        scope = open_scope(view, panel.scope, scopes)
        for end in panel.endings(view, scope):
            if only in ("", start + end) and panel.is_shown(view, scope, end):
                yield start + end


def find_panel(page: str, panel: str, address: Address) -> tuple[PageState, Panel, str]:
    """Return the page under an address, the panel, and the rest of the name if the panel belongs to a family.

    Raises:
        NotFound: when there is no such page or panel.
    """
    view = PageState(choose("Page", page.lower(), PAGES), address)
    return view, *panel_named(view.page, panel)


def panel_named(page: str, name: str) -> tuple[Panel, str]:
    """Return the panel of a name, and the rest of the name if the panel belongs to a family.

    Raises:
        NotFound: when the page has no such panel.
    """
    if name in PAGES[page]:
        return PAGES[page][name], ""
    families = PANEL_FAMILIES.get(page, {})
    start = next(filter(name.startswith, families), "")
    if not start:
        choose(f"Panel of page '{page}'", name, PAGES[page])
    return families[start], name.removeprefix(start)


def page_rules(view: PageState, study: Any) -> dict[str, ParamRule]:
    """Return the rules of all parameters of a page, by parameter.

    Args:
        view: the page under an address.
        study: the model on its data; None on a page without one.
    """
    return rules(page_params(view.page), view, study)


def page_params(page: str) -> list[Param | ParamFamily]:
    """Return what a reader may choose on a page, besides what there is on every page."""
    panels_of_page = (*PAGES.get(page, {}).values(), *PANEL_FAMILIES.get(page, {}).values())
    choices = [choice for panel in panels_of_page for choice in panel.choices]
    return [*dict.fromkeys((*choices, *PAGE_PARAMS.get(page, ())))]


def own_params(page: str, panel: Panel) -> list[Param]:
    """Return the parameters of a panel at the end of a page (`Panel.below`) that nothing else there has."""
    if not panel.below:
        return []
    others = [other for other in PAGES[page].values() if not other.below]
    shared = {*PAGE_PARAMS.get(page, ()), *(choice for other in others for choice in other.choices)}
    return [choice for choice in panel.choices if choice not in shared]
