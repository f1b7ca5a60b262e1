"""The data sets that are not on this machine: how many there are, and how to get each."""

from collections.abc import Iterable, Sequence

import streamlit as st

from qfusion.analysis import text
from qfusion.data import SourceInfo


def count_missing(absent: Sequence[SourceInfo]) -> str:
    """Return a line that says how many data sets are missing, as Markdown."""
    if len(absent) == 1:
        return f"{text.escape_markdown(absent[0].title)} is not available"
    return f"{len(absent)} data sets are not available"


def list_missing(absent: Iterable[SourceInfo]) -> None:
    """Draw why each data set is missing and how to get it."""
    for source in absent:
        lines = (
            f"**{text.escape_markdown(source.title)}**",
            *map(text.message, (source.reason, source.remedy)),
        )
        st.markdown("  \n".join(lines))
