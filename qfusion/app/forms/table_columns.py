"""The form on one table with features and labels: which column is the label, and which columns form a modality."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from qfusion._checks import MOST_MODALITIES
from qfusion._sentences import count
from qfusion.app import guidance, state, tables
from qfusion.app.widgets import icon_button
from qfusion.data.column_roles import (
    ColumnChoice,
    MatchedColumns,
    RoleProblem,
    TablePreview,
    complete_choice,
    find_problems,
    match_columns,
)
from qfusion.data.readers.table_files import SHOWN_ROWS
from qfusion.study import text

GUESSED = "Roles are guessed from the names of the columns."
GUESSED_FULL = (
    "Roles are guessed from the names of the columns. Change what is wrong, and press Examine. Columns of a modality "
    "must hold numbers. Columns without a role are kept to show and to filter by."
)
PATTERNS = (
    "The columns of each modality, separated by commas. `text_*` stands for every column whose name begins with "
    "`text_`. To move one column to another modality, write its full name there."
)
DRAWN_SPLIT = "A random split by a fixed seed, stratified by the label: 60 % train, 10 % validation, 30 % test."
_SHOWN = 3

_PREVIEW = "_import_preview"
LABEL, IDS, SPLIT = "_import_label", "_import_ids", "_import_split"
_ROWS = "_import_modality_rows"  # numbers of the modalities' rows
_NAME, _COLUMNS = "_import_modality_name", "_import_modality_columns"  # with the row's number
_SHOWN_FEATURES = 3  # of a modality, in the preview
_SHOWN_COLUMNS = 30


def begin_columns(preview: TablePreview) -> None:
    """Fill the form with the roles that the names of the columns suggest."""
    choice = complete_choice(preview, ColumnChoice())
    modalities = choice.modalities or ()
    state.put(_PREVIEW, preview)
    state.put(LABEL, choice.label or None)
    state.put(IDS, list(choice.ids or ()))
    state.put(SPLIT, choice.split or "")
    state.put(_ROWS, list(range(max(2, len(modalities)))))
    for row in range(max(2, len(modalities))):
        name, columns = modalities[row] if row < len(modalities) else ("", "")
        state.put(f"{_NAME}_{row}", name)
        state.put(f"{_COLUMNS}_{row}", columns)


def forget_columns() -> None:
    """Remove the form."""
    state.pop(_PREVIEW)


def read_choice() -> ColumnChoice | None:
    """Return the roles in the form, or None if there is no form."""
    if state.get(_PREVIEW) is None:
        return None
    modalities = [
        (str(state.get(f"{_NAME}_{row}") or ""), str(state.get(f"{_COLUMNS}_{row}") or ""))
        for row in state.get(_ROWS, [])
    ]
    return ColumnChoice(
        state.get(LABEL) or "",
        tuple(state.get(IDS) or ()),
        state.get(SPLIT) or "",
        tuple((name, columns) for name, columns in modalities if name or columns),
    )


def has_problems() -> bool:
    """Whether the roles in the form cannot be used."""
    preview = state.get(_PREVIEW)
    choice = read_choice()
    return preview is not None and choice is not None and bool(find_problems(preview, choice))


def draw_columns_form() -> None:
    """Draw the roles of the columns with what is wrong beside each field, and the first rows of the table."""
    preview = state.get(_PREVIEW)
    if preview is None:
        return
    if LABEL not in st.session_state:  # the reader has been on another page meanwhile
        begin_columns(preview)
    choice = read_choice() or ColumnChoice()
    problems = find_problems(preview, choice)
    matched = match_columns(preview, choice)
    with st.container(border=True, key="import-columns"):
        st.markdown(f"#### Columns of {text.escape_markdown(preview.file, 60)}")
        guidance.line(GUESSED, GUESSED_FULL)
        _draw_roles(preview, choice, matched, problems)
        st.markdown("**Modalities**", help=guidance.help(PATTERNS))
        guidance.help_line(PATTERNS)
        _draw_modalities(matched, problems)
        others = _other_columns(preview, choice, matched)
        if others:
            st.caption(text.message(describe_others(others)))
        _draw_first_rows(preview, choice, matched, others)


def _draw_roles(
    preview: TablePreview,
    choice: ColumnChoice,
    matched: Sequence[MatchedColumns],
    problems: Sequence[RoleProblem],
) -> None:
    """Draw the choices of the label, the id and the split."""
    features = {name for columns in matched for name in columns.features}
    single = [name for name in preview.columns if name not in preview.lists]
    options = sorted(single, key=lambda name: name in features)  # features are rarely meant
    st.selectbox("Label", options, key=LABEL, placeholder="Choose the column of labels")
    _draw_problems(problems, "label")
    st.multiselect(
        "Id",
        options,
        key=IDS,
        placeholder="None: samples are numbered",
        help="Several columns, such as video and clip, are joined.",
    )
    _draw_problems(problems, "ids")
    st.selectbox(
        "Split",
        ["", *options],
        key=SPLIT,
        format_func=lambda name: name or "None: draw one at random",
    )
    if not choice.split:
        st.caption(DRAWN_SPLIT)
    _draw_problems(problems, "split")


def _draw_modalities(matched: Sequence[MatchedColumns], problems: Sequence[RoleProblem]) -> None:
    """Draw a row for every modality: its name, its columns, and how many these are."""
    rows = list(state.get(_ROWS, []))
    given = 0  # rows that are filled, by which problems are numbered
    for place, row in enumerate(rows):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False):
            visibility: Literal["visible", "collapsed"] = "visible" if place == 0 else "collapsed"
            name = st.text_input(
                "Name",
                key=f"{_NAME}_{row}",
                max_chars=40,
                width=100,
                placeholder="audio",
                label_visibility=visibility,
            )
            columns = st.text_input(
                "Columns",
                key=f"{_COLUMNS}_{row}",
                placeholder="audio_*",
                label_visibility=visibility,
            )
            icon_button(
                f"Remove modality {place + 1}",
                "delete",
                f"_import_modality_drop_{row}",
                _drop_row,
                row,
                disabled=len(rows) < 3,
            )
        if not (name or columns):
            continue
        if not _draw_problems(problems, "modalities", given) and given < len(matched):
            st.caption(text.message(describe_features(matched[given].features)))
        given += 1
    _draw_problems(problems, "modalities")
    st.button(
        "Add a modality",
        icon=":material/add:",
        key="_import_modality_add",
        on_click=_add_row,
        disabled=len(rows) >= MOST_MODALITIES,
    )


def _add_row() -> None:
    rows = list(state.get(_ROWS, []))
    if len(rows) < MOST_MODALITIES:
        state.put(_ROWS, [*rows, max(rows, default=-1) + 1])


def _drop_row(row: int) -> None:
    rows = [other for other in state.get(_ROWS, []) if other != row]
    state.put(_ROWS, rows)
    state.pop(f"{_NAME}_{row}")
    state.pop(f"{_COLUMNS}_{row}")


def _draw_problems(problems: Sequence[RoleProblem], role: str, row: int | None = None) -> bool:
    """Draw the problems of a field, and return whether there are any."""
    own = [problem for problem in problems if (problem.role, problem.row) == (role, row)]
    for problem in own:
        st.markdown(f":red[:material/error:] {text.message(problem.words)}")
    return bool(own)


def _other_columns(
    preview: TablePreview, choice: ColumnChoice, matched: Sequence[MatchedColumns]
) -> list[str]:
    """Return the columns that have no role."""
    used = {choice.label, choice.split, *(choice.ids or ())}
    for columns in matched:
        used.update(columns.features)
    return [name for name in preview.columns if name not in used]


def _draw_first_rows(
    preview: TablePreview,
    choice: ColumnChoice,
    matched: Sequence[MatchedColumns],
    others: Sequence[str],
) -> None:
    """Draw the first rows: the columns with a role, some features of each modality, then others."""
    features = [name for columns in matched for name in columns.features[:_SHOWN_FEATURES]]
    roles = [*(choice.ids or ()), choice.label, choice.split]
    order = [*filter(None, roles), *features, *others]
    shown = [name for name in dict.fromkeys(order) if name in preview.rows][:_SHOWN_COLUMNS]
    if preview.rows.empty or not shown:
        return
    rows = min(SHOWN_ROWS, len(preview.rows))
    tables.draw(preview.rows[shown], "First rows of the table.")
    st.caption(
        f"First {count(rows, 'row')}, {len(shown):,} of {count(len(preview.columns), 'column')}."
    )


def describe_features(columns: Sequence[str]) -> str:
    """Return how many columns a modality has, and the first ones."""
    return f"{count(len(columns), 'column')}: {_first_names(columns)}."


def describe_others(columns: Sequence[str]) -> str:
    """Return which columns have no role."""
    verb = "is" if len(columns) == 1 else "are"
    return (
        f"{count(len(columns), 'other column')} {verb} kept to show and to filter by: "
        f"{_first_names(columns)}."
    )


def _first_names(columns: Sequence[str]) -> str:
    shown = ", ".join(f"`{name[:40]}`" for name in columns[:_SHOWN])
    rest = len(columns) - _SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown
