"""One panel in its frame: a title that states the finding or the question, a figure, its caption, its footer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.panels.panel import PanelFigure
from qfusion.ui import guidance
from qfusion.ui.figure import draw_figure, footer, heading, lead_markdown


def draw(
    picture: PanelFigure,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    grows: bool = True,
    gap: Literal["xxsmall", "xsmall"] = "xxsmall",
) -> None:
    """Draw a panel in its own frame.

    Args:
        picture: a builder of `qfusion.panels` returns it.
        on_select, below: as of `draw_content`.
        grows: whether the frame is as high as its row.
        gap: between title, figure and footer.
    """
    with st.container(
        border=True,
        key=f"panel-{picture.name}",
        gap=gap,
        height="stretch" if grows else "content",
    ):
        draw_content(picture, on_select=on_select, below=below)


def draw_side_by_side(
    *parts: Callable[[], PanelFigure | None],
    widths: Sequence[float] | int = (),
    gap: Literal["small", "medium"] = "medium",
) -> None:
    """Draw panels side by side. Each part draws its own content, or returns the picture of a panel to draw.

    Args:
        parts: from left to right. widths: of their columns, alike unless told. gap: between them.
    """
    for cell, part in zip(st.columns(widths or len(parts), gap=gap), parts, strict=True):
        with cell:
            if picture := part():
                draw(picture)


@contextmanager
def titled_frame(name: str) -> Iterator[DeltaGenerator]:
    """Draw the frame of a panel with controls and yield the place of its title, above them."""
    with st.container(border=True, key=f"panel-{name}", gap="xxsmall", height="stretch"):
        yield st.container()


def draw_content(
    picture: PanelFigure,
    head: DeltaGenerator | None = None,
    *,
    on_select: Callable[[str], object] | None = None,
    below: Callable[[], object] | None = None,
    chart: DeltaGenerator | None = None,
    named: bool = True,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Draw the title and lead of a panel (in `head` if given), its figure, the content that `below` draws, and its
    footer.

    Args:
        chart: where the figure stands, when not here. named: with what it is called below the title; not where a
            control says it. config: of Plotly.js.
    """
    with head or nullcontext():
        heading(picture.title, picture)
        if guidance.full() and (lead := lead_markdown(picture, named)):
            st.markdown(lead)
    with chart or nullcontext():
        if picture.figure is not None:
            draw_figure(picture, on_select, config=config)
    if below is not None:
        below()
    footer(picture)
