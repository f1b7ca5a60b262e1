"""The command palette: a dialog that searches models, samples, pages and terms, and opens what is chosen.

The browser sends what is typed and shows the results; `panels.palette` searches. `frame.js` opens it by Ctrl-K.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from qfusion.analysis import opening
from qfusion.data import DataSet
from qfusion.errors import default_on_error
from qfusion.panels import pages, palette, pickers
from qfusion.ui import dialogs, glossary, navigation, page_params, page_runs, state
from qfusion.ui.components import component
from qfusion.ui.tweak_history import forget_learned_duration

_BUTTON, _KEY, _OPENED = "_palette", "palette", "_palette_opened"
HINT = "Model, sample, page or term"


def search_button(*, has_pickers: bool) -> None:
    """Draw the button of the palette.

    Args:
        has_pickers: whether the page has pickers, so that a model or a sample opens on it.
    """
    dialogs.dialog_button("Search", ":material/search:", _BUTTON, _draw, has_pickers)


def _draw(has_pickers: bool) -> None:
    """Draw the field and the results, and open the entry that was chosen."""
    with page_runs.guard():
        opened = state.take(_OPENED)
        if opened is not None:
            _open(opened, has_pickers)
        typed = _sent("typed")
        results = palette.search(typed, _entries(typed))
        component("palette")(
            key=_KEY,
            data={
                "label": HINT,
                "groups": [
                    {
                        "name": name,
                        "entries": [
                            {"key": entry.key, "title": entry.title, "detail": entry.detail}
                            for entry in group
                        ],
                    }
                    for name, group in results.groups.items()
                ],
                "total": results.total,
                "typed": typed,
                "none": "Nothing matches. Try fewer letters, or an id.",
            },
            on_typed_change=lambda: None,
            on_opened_change=_take_choice,
        )


def _sent(name: str) -> str:
    """Return a text that the browser has sent; a browser may send anything."""
    values = state.get(_KEY)
    value = values.get(name) if isinstance(values, Mapping) else None
    return value[: palette.MAX_TYPED * 4] if isinstance(value, str) else ""


def _take_choice() -> None:
    """Remember the entry that was chosen. For a callback."""
    key = _sent("opened")
    known = {entry.key: entry for entry in _entries(key.partition(":")[2])}
    state.put(_OPENED, known.get(key))


def _entries(typed: str) -> Iterator[palette.Entry]:
    """Yield everything that the palette can open. Of samples, only those that have the words typed."""
    yield from palette.model_entries()
    for group in navigation.PAGES.values():
        for _, title, _ in group:
            yield palette.Entry(palette.PAGES, title, title, pages.QUESTIONS[title.lower()])
    for entry in glossary.entries():
        words = " ".join((entry.words, *entry.also))
        yield palette.Entry(palette.TERMS, entry.term, entry.term, ", ".join(entry.also), words)
    dataset = _shown_data_set()
    if dataset is not None:
        yield from palette.sample_entries(dataset, typed)


@default_on_error(None)
def _shown_data_set() -> DataSet | None:
    """Return the data set of the page, or of the last page that had one."""
    picked: Mapping[str, Any] = state.get(page_params.PICKED, {})
    if not {pickers.MODEL.key, pickers.DATA.key} <= picked.keys():
        return None
    return opening.open_study(picked[pickers.MODEL.key], picked[pickers.DATA.key]).dataset


def _open(entry: palette.Entry, has_pickers: bool) -> None:
    """Open an entry: its page, or the same page with another model or sample."""
    if entry.group == palette.PAGES:
        st.switch_page(navigation.FILES[entry.title], query_params=navigation.link_query())
    if entry.group == palette.TERMS:
        st.switch_page(
            navigation.FILES["Glossary"], query_params=navigation.link_query(word=entry.id)
        )
    if not has_pickers:
        query = {"open": entry.id}
        if entry.group == palette.MODELS:
            query = {"explore": entry.id, "on": pickers.own_data(entry.id)}
        st.switch_page(navigation.FILES["Overview"], query_params=navigation.link_query(**query))
    if entry.group == palette.SAMPLES:
        state.put(pickers.SAMPLE.key, entry.id)
    else:
        state.put(pickers.MODEL.key, entry.id)
        state.put(pickers.DATA.key, pickers.own_data(entry.id))
        forget_learned_duration()
    st.rerun()
