"""Placeholders in the place of cards whose content is not computed yet, as high as the cards will be."""

import streamlit as st

HEIGHT = 320  # pixels of the figure of most cards


def card(name: str, title: str, words: str = "", height: int = HEIGHT) -> None:
    """Draw the placeholder of a card.

    Args:
        name: of the panel that will stand there.
        title: of the card, as Markdown.
        words: what it waits for, as Markdown.
        height: of the figure, in pixels.
    """
    with st.container(border=True, key=f"skeleton-{name}", gap="xxsmall"):
        st.markdown(f"#### {title}")
        if words:
            st.caption(words)
        st.html(f'<div class="qf-skeleton" style="height: {height}px" aria-hidden="true"></div>')
