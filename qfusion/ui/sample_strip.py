"""A row of small pictures of samples with their ids below them."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from qfusion.data import DataSet
from qfusion.figures import sample_charts


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
