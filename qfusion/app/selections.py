"""Choices by a click in a figure or a table, and the tables and rows of pictures in which a reader chooses samples."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.app import state
from qfusion.data import DataSet
from qfusion.figures import sample_charts
from qfusion.study import text


def selection(key: str) -> Mapping[str, list[Any]]:
    """Return the selection in a figure ("points", "box", "lasso") or in a table ("rows"), by its key."""
    value = state.get(key)
    chosen = value.get("selection") if isinstance(value, Mapping) else None
    if not isinstance(chosen, Mapping):
        return {}
    return {name: items for name, items in chosen.items() if isinstance(items, list)}


def selected_rows(key: str, size: int) -> list[int]:
    """Return the rows that are ticked in a table of `size` rows."""
    rows = selection(key).get("rows", [])
    return [row for row in rows if type(row) is int and 0 <= row < size]


def selected_point(key: str) -> Mapping[str, Any]:
    """Return the first chosen point of a figure, or an empty mapping if there is none."""
    point = next(iter(selection(key).get("points", [])), None)
    return point if isinstance(point, Mapping) else {}


def selected_values(key: str) -> list[Any]:
    """Return the `customdata` of the first chosen point as a list, or an empty list if there is none."""
    value = selected_point(key).get("customdata")
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def selected_value(key: str) -> Any:
    """Return the first value of the first chosen point, or None if there is none."""
    return next(iter(selected_values(key)), None)


def parse_index(number: Any, size: int) -> int | None:
    """Return a number as an index of `size` items; None if it is none."""
    if isinstance(number, int | float) and 0 <= number < size:
        return int(number)
    return None


def choose_selected_sample(key: str) -> None:
    """Make the sample of the first chosen point the current one. For callbacks."""
    sample = selected_value(key)
    if sample is not None:
        state.choose_sample(str(sample))


def selected_index(key: str, size: int) -> int | None:
    """Return the number of the first chosen point among `size` points, or None if there is none."""
    return parse_index(selected_point(key).get("point_index"), size)


def open_selected(key: str, ids: Sequence[str]) -> None:
    """Make the sample of the chosen point the current one. For callbacks.

    Args:
        key: of the figure.
        ids: of the samples, in the order of its points.
    """
    place = selected_index(key, len(ids))
    if place is not None:
        state.choose_sample(ids[place])


PICTURED = 60  # rows, the first ones, with a small picture
THUMBNAIL = "thumbnail"  # column of the small pictures
_TEXT_WIDTH, _PICTURE_WIDTH = 200, 66  # pixels
_HEAD_HEIGHT, _ROW_HEIGHT = 38, 35  # pixels
_TEXT_ROW_HEIGHT = 72  # pixels; above 64 px Streamlit breaks a text into lines


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
        for row in selected_rows(key, len(ids)):
            state.choose_sample(str(ids[row]))

    ticked = selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    pictured = sample_charts.pictured_modality(dataset, dataset.row(ids[0])) or "picture"
    columns: dict[str, Any] = {
        THUMBNAIL: st.column_config.ImageColumn(pictured, width=_PICTURE_WIDTH)
    }
    text_column = text.text_column(dataset)
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
    column = text.text_column(dataset)
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


def sample_strip(dataset: DataSet, rows: Iterable[int]) -> None:
    """Draw a small picture of each sample; nothing for samples of text and numbers only."""
    pictures = []
    for row in rows:
        address = sample_charts.sample_picture_address(dataset, int(row))
        if address is not None:
            pictures.append((address, str(dataset.ids[row])))
    draw_pictures(pictures)


def draw_pictures(pictures: Iterable[tuple[str, str]]) -> None:
    """Draw pictures in a row, each given by its address and caption."""
    parts = [
        f'<figure><img src="{address}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for address, caption in pictures
    ]
    if parts:
        st.html(f'<div class="qf-samples">{"".join(parts)}</div>')
