"""The pages of the menu, and links between them that carry the reader's choices."""

from typing import Any

import streamlit as st

from qfusion import plugin
from qfusion.models import protocols
from qfusion.models.protocols import Circuit, Evolution, LayeredNetwork, StateModel
from qfusion.ui import background_picker, guidance, saved, state
from qfusion.views.pages import address, catalogue, page_state

_CORE_PAGES = {
    "Explore": (
        ("app.py", "Overview", ":material/home:"),
        ("pages/samples.py", "Samples", ":material/table_rows:"),
    ),
    "Understand": (
        ("pages/dynamics.py", "Dynamics", ":material/timeline:"),
        ("pages/circuit.py", "Circuit", ":material/schema:"),
        ("pages/what_if.py", "What if", ":material/alt_route:"),
        ("pages/operators.py", "Decision operators", ":material/how_to_vote:"),
        ("pages/cohorts.py", "Cohorts", ":material/groups:"),
        ("pages/compare.py", "Compare", ":material/compare:"),
        ("pages/faithfulness.py", "Faithfulness", ":material/verified:"),
    ),
    "Build": (
        ("pages/data.py", "Data", ":material/database:"),
        ("pages/train.py", "Train", ":material/model_training:"),
    ),
    "Learn": (
        ("pages/tour.py", "Guided tour", ":material/tour:"),
        ("pages/glossary.py", "Glossary", ":material/menu_book:"),
    ),
}
# what a page needs of the model: one of these parts
REQUIRED_PARTS: dict[str, tuple[type, ...]] = {
    "Dynamics": (Evolution, LayeredNetwork),
    "Circuit": (Circuit,),
    "Decision operators": (StateModel,),
}
WHAT_IF = "What if"  # needs features to change
_LINKED_AS = {key: linked for linked, key in address.LINKED.items()}
UNAVAILABLE = "_unfit_pages"  # those that the model picked does not have


def _with_plugins() -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return the pages of the core and of plugins by group: file, title and icon of each."""
    groups = {group: list(links) for group, links in _CORE_PAGES.items()}
    for page in plugin.entries("pages"):
        groups.setdefault(page.group, []).append(
            (page.file or catalogue.PLUGIN_FILE, page.title, page.icon)
        )
    return {group: tuple(links) for group, links in groups.items()}


PAGES = _with_plugins()
FILES = {title: file for group in PAGES.values() for file, title, _ in group}


def link(page: str, label: str, icon: str, help: str | None = None, **query: str) -> None:
    """A link to a page that carries the pickers, and `query`, in its address; `help` is shown under the mouse.

    A parameter that has a name of its own in links (see `address.LINKED`) goes by it: by its usual name the pickers
    of the last page would be stronger.
    """
    st.page_link(
        page,
        label=label,
        icon=icon,
        help=help,
        query_params=link_query(
            **{_LINKED_AS.get(key, key): value for key, value in query.items()}
        ),
    )


def link_query(**query: str) -> dict[str, Any]:
    """Return the query of a link's address: the values of the pickers, and `query`."""
    words: dict[str, Any] = {
        key: str(value)
        for key in (address.MODEL.key, address.DATA.key, address.SAMPLE.key, address.OUTPUT.key)
        if (value := state.get(key)) and value != page_state.PREDICTED
    } | background_picker.background_in_links()
    # what is kept across pages, so that links inside the app can be opened in a new tab
    stored = {key: page_state.format_value(state.get(key)) for key in saved.SAVED if state.get(key)}
    for name in query:  # Streamlit would prefer what the address says to what the link sets
        words.pop(address.LINKED.get(name, name), None)
    return words | stored | ({guidance.WORDS: guidance.FULL} if guidance.full() else {}) | query


def draw_menu() -> None:
    """Draw the links to all pages by group. Pages that the picked model cannot show are left out and named."""
    unfit = state.get(UNAVAILABLE, [])
    for group, links in PAGES.items():
        with st.expander(group, expanded=True, type="compact", key=f"_group-{group}"):
            for page, label, icon in links:
                if label not in unfit:
                    link(
                        page,
                        label,
                        icon,
                        **({catalogue.PLUGIN_PAGE: label} if page == catalogue.PLUGIN_FILE else {}),
                    )
            lines = [f"{label} is left out: {_missing_part(label)}." for label in unfit]
            if lines and group == "Understand":
                st.caption(
                    "  \n".join(lines),
                    help="Pages for the chosen model. Links to the other pages still open them.",
                )


def _missing_part(label: str) -> str:
    """Return what the model lacks for a page, as a clause."""
    if label == WHAT_IF:
        return "a measured game has no inputs to change"
    return f"the model has no {protocols.PARTS[REQUIRED_PARTS[label][0]]}"
