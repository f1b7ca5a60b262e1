"""What a session keeps: the parameters of each page, which a link sets and the address shows, values by key, and
notices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from qfusion.views.pages.address import SAMPLE
from qfusion.views.pages.page_state import PageState, format_value, is_guide

T = TypeVar("T")
# Of the Data page, which an import, a removal and recordings tell what they have done.
DATA_MESSAGE = "_kept_set"  # what is said once on top of the page
NEW_SET = "_pick_set"  # name of the set that is chosen next
NOTICES, DRAWER = "_notices", "_drawer"
WAITING = "_waiting"  # panels of this page that are below the screen
AGAIN = "_page_again"
MAX_NOTICES = 12


def get(key: str, default: Any = None) -> Any:
    """Return a value of this session."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Set a value of this session. The key of a widget may be set before the widget is drawn, or in a callback."""
    st.session_state[key] = value
    if not key.startswith("_"):
        open_params().show(key)


def pop(key: str) -> Any:
    """Return a value of this session and remove it, or None if there is none."""
    return st.session_state.pop(key, None)


def delete(key: str) -> None:
    """Drop a value of this session before its widget is drawn, so that the widget takes its default."""
    st.session_state.pop(key, None)
    drop_link({key: ()})


def required_choice(
    label: str, options: Sequence[T], *, default: T | None = None, **words: Any
) -> T:
    """Draw a segmented control of which one option is always chosen.

    No browser sends an empty choice; where a message holds one, the default or the first option is returned.

    Args:
        label, options, default, words: as of `st.segmented_control`.
    """
    chosen = st.segmented_control(label, options, default=default, required=True, **words)
    if chosen is not None:
        return chosen
    return default if default is not None else options[0]


def notice(message: str) -> None:
    """Add a message on top of the page, which stays until the reader closes it."""
    notices: list[str] = st.session_state.setdefault(NOTICES, [])
    if message in notices or len(notices) > MAX_NOTICES:
        return
    if len(notices) == MAX_NOTICES:
        message = "Further parts of the link are invalid. They are ignored."
    notices.append(message)


def choose_sample(sample_id: str) -> None:
    """Make a sample the current one on the whole page. For callbacks."""
    put(SAMPLE.key, sample_id)
    page_again()


def page_again() -> None:
    """Request that the whole page is drawn again. It is for callbacks in a fragment that change something outside of
    it.
    """
    put(AGAIN, True)


PAGE = "_page"  # title of the page that is open
PICKED = "_kept"  # what the pickers of the last page with a model show, by key
_PAGES, _SENT = "_page_params", "_address_sent"
Values = list[str]


@dataclass
class PageParams:
    """The parameters of one page in this session.

    Attributes:
        link: values of a link that no widget has taken yet.
        last: of tabs and expanders, which Streamlit forgets once they are not drawn, the values of the last run.
        defaults: of the widgets that the page shows, by key; None for a value that no widget sets.
        drawn: keys of the widgets of this run.
        folds: keys of tabs and expanders.
    """

    link: dict[str, Values] = field(default_factory=dict)
    last: dict[str, Values] = field(default_factory=dict)
    defaults: dict[str, Values | None] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)
    folds: set[str] = field(default_factory=set)

    def register(self, key: str, default: Any = None) -> None:
        """Add a parameter that the page shows, with the value that the address leaves out."""
        self.defaults[key] = None if default is None else format_value(default)
        self.drawn.add(key)

    def show(self, key: str) -> None:
        """Add a parameter whose value the session has set, regardless of what a link says about it."""
        self.link.pop(key, None)
        self.defaults.setdefault(key, None)
        self.drawn.add(key)

    def begin(self) -> None:
        """Begin a run of the whole page."""
        self.drawn = set()

    def end(self) -> None:
        """End a run of the whole page. Parameters that it has not shown are no longer on the page."""
        self.defaults = {key: self.defaults[key] for key in self.defaults if key in self.drawn}

    def values(self) -> dict[str, Any]:
        """Return the value of each parameter that is set: the value of its widget, or texts of the link."""
        values: dict[str, Any] = dict(self.link)
        for key in self.defaults:
            value = st.session_state.get(key)
            if value is not None:
                values[key] = value
        return values

    def address(self) -> dict[str, Values]:
        """Return the parameters whose values differ from the default, as stored in an address."""
        texts = {key: format_value(value) for key, value in self.values().items()}
        return {key: text for key, text in texts.items() if text != self.defaults.get(key)}


def open_params(title: str = "") -> PageParams:
    """Return the parameters of a page, by its title; of the page that is open unless another is named."""
    pages: dict[str, PageParams] = st.session_state.setdefault(_PAGES, {})
    return pages.setdefault(title or st.session_state.get(PAGE, ""), PageParams())


def current() -> PageState:
    """Return the reader's choices on the page that is open."""
    values = st.session_state.get(PICKED, {}) | open_params().values()
    return PageState(str(st.session_state.get(PAGE, "")).lower(), values)


def shown_address() -> dict[str, Values]:
    """Return all parameters that determine the contents of the page, as its address would give them."""
    values = {key: format_value(value) for key, value in st.session_state.get(PICKED, {}).items()}
    values |= open_params().address()
    return {key: value for key, value in values.items() if not is_guide(key)}


def show_picked() -> None:
    """Add the values of the last page's pickers to the parameters of a page without pickers."""
    for key in st.session_state.get(PICKED, {}):
        open_params().show(key)


def bound(key: str, default: Any = None) -> dict[str, Any]:
    """Return the keyword arguments of a widget whose value is a parameter of the page.

    Args:
        key: of the widget, and of the parameter.
        default: value of the widget that the address leaves out.
    """
    open_params().register(key, default)
    return {"key": key, "persist_state": "session"}


def fold_arguments(key: str, default: Any) -> dict[str, Any]:
    """Return the keyword arguments of tabs or of an expander whose open part is a parameter of the page."""
    params = open_params()
    params.register(key, default)
    params.folds.add(key)
    return {"key": key, "on_change": "rerun"}


def link_values(key: str) -> Values | None:
    """Return the values that a link, or an earlier run, has for a widget that holds none yet; None for none."""
    params = open_params()
    if key in st.session_state:
        return None
    return params.link.get(key, params.last.get(key))


def pop_linked(key: str) -> Values | None:
    """Return the same values as `link_values`, and leave them to the widget from then on."""
    values = link_values(key)
    if values is not None:
        open_params().link.pop(key, None)
    return values


def param_text(key: str, default: str = "") -> str:
    """Return the value of a parameter as text, whether its widget holds it or a link: of several the last."""
    value = st.session_state.get(key)
    values = format_value(value) if value is not None else link_values(key)
    return values[-1] if values else default


def is_set(key: str) -> bool:
    """Whether a widget or a link has a value for a parameter."""
    return key in st.session_state or link_values(key) is not None


def drop_link(changes: Mapping[str, Iterable[str]]) -> None:
    """Replace values of the link by valid ones, or remove them if none is valid."""
    params = open_params()
    for key, values in changes.items():
        params.last.pop(key, None)
        params.link.pop(key, None)
        if values:
            params.link[key] = list(values)


def query() -> dict[str, Values]:
    """Return the address in the browser at the beginning of this run, with later changes."""
    # Streamlit lists a parameter without a name, too, but cannot give its value.
    return {key: st.query_params.get_all(key) for key in st.query_params if key}


def write_address() -> None:
    """Write the parameters of the page into the address of the browser, where it says something else."""
    params = open_params()
    for key in params.folds:
        if key in st.session_state:
            params.last[key] = format_value(st.session_state[key])
    address = params.address()
    # The address that the browser sends may be older than the one that it was sent last.
    if address != query() or address != st.session_state.get(_SENT, address):
        st.query_params.from_dict(address)
    st.session_state[_SENT] = address
