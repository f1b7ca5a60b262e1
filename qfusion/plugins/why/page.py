"""Why fuse: whether data and model need fusion, whether the quantum part matters, and which component does it."""

from qfusion.app import frame, page_context, page_runs, panels
from qfusion.plugins.why import panels as builders
from qfusion.plugins.why.audit.quantum_twins_section import quantum_section
from qfusion.plugins.why.fusion.model_fusion_section import model_section
from qfusion.plugins.why.information.data_fusion import NEED_OF_MODEL
from qfusion.plugins.why.information.fusion_needs_section import fusion_needs
from qfusion.plugins.why.pieces.model_pieces_section import pieces_section
from qfusion.plugins.why.summary_section import draw_summary


@page_runs.fragment
def questions(context: page_context.PageContext) -> None:
    """The open question; a fragment, so that another redraws this and nothing else."""
    draw = {
        builders.MODEL: lambda: model_section(context),
        builders.DATA: lambda: fusion_needs(context.study, NEED_OF_MODEL, [1.2, 1]),
        builders.QUANTUM: lambda: quantum_section(context),
        builders.PIECE: lambda: pieces_section(context),
    }
    panels.tabs(builders.ASK, draw, **context.scopes())


def page() -> None:
    """Draw the page."""
    context = frame.begin_model_page("Why fuse")
    with page_runs.show_errors():
        draw_summary(context)
    questions(context)
