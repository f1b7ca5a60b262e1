"""The short name that a closed select box shows in place of its option, which would be cut.

It lies over the box, and only eyes see it: for screen readers and the keyboard the box is as Streamlit draws it.
"""

import html
import textwrap

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.views.pages.params import Param
from qfusion.views.words.names import ModelName

WORDS = 25  # characters of a sample's text, which fit below its id


def place(param: Param, width: int = 0) -> DeltaGenerator:
    """Return the place of a select box and its short name, as wide as `width` or the style of its parameter says."""
    return st.container(key=f"closed-{param.key}", gap=None, width=width or param.style["width"])


def show_model(name: ModelName) -> None:
    """Show the system of a model, and its id in small print."""
    system = html.escape(name.system)
    id_ = html.escape(name.id)
    lines = f"<span>{system}</span><small>{id_}</small>" if system else f"<span>{id_}</span>"
    st.html(f'<div class="qf-closed" aria-hidden="true">{lines}</div>')


def show_sample(id_: str, words: str) -> None:
    """Show the id of a sample, and the beginning of its text in small print."""
    line = f"<small>{html.escape(_begin(words))}</small>" if words else ""
    st.html(
        f'<div class="qf-closed qf-sample" aria-hidden="true"><span>{html.escape(id_)}</span>{line}</div>'
    )


def show_option(option: str) -> None:
    """Show an option that would be cut, on two lines."""
    st.html(
        f'<div class="qf-closed" aria-hidden="true"><span class="qf-long">{html.escape(option)}</span></div>'
    )


def _begin(words: str) -> str:
    """Return the beginning of a text, shortened after a word."""
    return textwrap.shorten(words, WORDS, placeholder="…")


def show_title(title: str, id_: str) -> None:
    """Show the title of a data set; in narrow windows its id."""
    st.html(
        '<div class="qf-closed" aria-hidden="true">'
        f'<span class="qf-long">{html.escape(title)}</span>'
        f'<span class="qf-short">{html.escape(id_)}</span></div>'
    )
