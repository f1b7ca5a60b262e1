"""The table of what the fusion of an entangled-fusion network read from one sample: masses, beliefs, rules."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here

TABLE = "table.evidence"


def evidence_table(here: Here) -> None:
    """All numbers of the fusion, element by element."""
    with st.expander(
        "Rules, beliefs and masses of every element as a table",
        icon=":material/table_rows:",
        **state.opened(TABLE),
    ):
        work: Any = here.work
        frame: pd.DataFrame = work.reading(here.row).frame().reset_index()
        st.dataframe(
            frame,
            hide_index=True,
            height="content",
            alt="One row an element: masses, rule, beliefs.",
            column_config={
                c: st.column_config.NumberColumn(format="%.3f")
                for c in frame.columns
                if pd.api.types.is_float_dtype(frame[c])
            },
        )
