"""Why fuse: whether fusion matters for the data and for the model, whether its quantum part does, and which piece of
it."""

from __future__ import annotations

from qfusion.panels import why as builders
from qfusion.ui import panels
from qfusion.ui.frame import Here, fragment, run, shell

# SECTIONS


@fragment
def questions(here: Here) -> None:
    """The open question; a fragment, so that another redraws this and nothing else."""
    draw = {
        builders.DATA: lambda: data_section(here),
        builders.MODEL: lambda: model_section(here),
        builders.QUANTUM: lambda: quantum_section(here),
        builders.PIECE: lambda: pieces_section(here),
    }
    panels.tabs(builders.ASK, draw, theme=here.theme, **here.scopes())


def page() -> None:
    """Draws the page."""
    questions(shell("Why fuse"))


run(__file__, __name__)
