"""Tables on the pages: those that can be sorted and searched, and small ones as text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st


def draw(table: pd.DataFrame | Sequence[Mapping[str, object]], alt: str, **options: Any) -> None:
    """Draw a table without its index, as high as its content.

    Args:
        table: or its rows, by column.
        alt: what it shows, for those who do not see it.
        options: further ones of `st.dataframe`.
    """
    options.setdefault("height", "content")
    st.dataframe(pd.DataFrame(table), hide_index=True, alt=alt, **options)


def number_columns(names: Iterable[str], format: str) -> dict[str, Any]:
    """Return the configuration of columns of numbers, by name."""
    return {name: st.column_config.NumberColumn(format=format) for name in names}


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as markdown. Texts from data have to be escaped before."""
    head, *lines = (f"| {' | '.join(line)} |" for line in (heads, *rows))
    return "\n".join([head, "|---" * len(heads) + "|", *lines])
