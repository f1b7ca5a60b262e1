"""A table of samples with their texts and small pictures; it opens the sample whose row is clicked."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import sample_words
from qfusion.data import DataSet
from qfusion.figures import sample_charts
from qfusion.ui import selections, state

PICTURED = 60  # rows, the first ones, with a small picture
THUMBNAIL = "thumbnail"  # column of the small pictures
_TEXT_WIDTH, _PICTURE_WIDTH = 180, 70  # pixels
_HEAD_HEIGHT, _ROW_HEIGHT = 38, 35  # pixels
_TEXT_ROW_HEIGHT = 66  # pixels; above 64 px Streamlit breaks a text into lines


def samples_table(
    dataset: DataSet,
    table: pd.DataFrame,
    ids: Sequence[str],
    key: str,
    sample: str,
    *,
    height: int,
    column_config: dict[str, Any] | None = None,
    **words: Any,
) -> None:
    """A table with a row for each of some samples; a click on a row opens its sample.

    Args:
        dataset: whose samples. table: what it shows, the id first; text and small picture are added beside it.
        ids: of its rows. key: of the widget. sample: that is open. height: of the table at most, in pixels.
        words: what the widget is told besides.
    """

    def open_sample() -> None:
        for row in selections.selected_rows(key, len(ids)):
            state.choose_sample(str(ids[row]))

    ticked = selections.selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    columns: dict[str, Any] = {THUMBNAIL: st.column_config.ImageColumn("", width=_PICTURE_WIDTH)}
    text_column = sample_words.text_column(dataset)
    row_height = _ROW_HEIGHT
    if text_column:
        columns[text_column] = st.column_config.TextColumn(width=_TEXT_WIDTH)
        row_height = _TEXT_ROW_HEIGHT
    st.dataframe(
        show_content(dataset, table, ids),
        key=key,
        hide_index=True,
        height=min(_HEAD_HEIGHT + row_height * len(ids), height),
        row_height=row_height,
        selection_mode="single-row",
        on_select=open_sample,
        column_config=columns | (column_config or {}),
        **words,
    )


def show_content(dataset: DataSet, table: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """Return a table of samples with their small pictures and texts after its first column, the id.

    Only the first `PICTURED` rows have a picture. Columns are left out that would be empty.
    """
    rows = dataset.find_rows(ids)
    pictures = [sample_charts.sample_picture_address(dataset, int(row)) for row in rows[:PICTURED]]
    column = sample_words.text_column(dataset)
    added: dict[str, Any] = {}
    if any(pictures):
        added[THUMBNAIL] = pd.array(
            [*pictures, *[None] * (len(rows) - len(pictures))], dtype=object
        )
    if column:
        added[column] = dataset.table[column].to_numpy()[rows]
    result = table.drop(columns=[name for name in added if name in table.columns])
    for place, (name, values) in enumerate(added.items(), 1):
        result.insert(place, name, values)
    return result
