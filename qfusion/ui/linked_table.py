"""A table of samples that opens the sample whose row is clicked."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from qfusion.ui import selections, state


def samples_table(
    table: pd.DataFrame,
    ids: Sequence[str],
    key: str,
    sample: str,
    **words: Any,
) -> None:
    """A table with a row for each of some samples; a click on a row opens its sample.

    Args:
        table: what it shows. ids: of its rows. key: of the widget. sample: that is open.
        words: what the widget is told besides.
    """

    def open_sample() -> None:
        for row in selections.selected_rows(key, len(ids)):
            state.choose_sample(str(ids[row]))

    ticked = selections.selected_rows(key, len(ids))
    if ticked and ids[ticked[0]] != sample:
        # another sample was opened since; nothing else is told, as the table is sent again for a tick
        state.put(key, {"selection": {"rows": []}})
    st.dataframe(
        table, key=key, hide_index=True, selection_mode="single-row", on_select=open_sample, **words
    )
