"""Which component of the model fuses: patched states, the smallest generator, gate groups."""

from functools import partial

import streamlit as st

from qfusion import _read_only, model_export
from qfusion._sentences import count
from qfusion.app import page_context, page_runs, panels, state, widgets
from qfusion.app.samples import boxes
from qfusion.models.protocols import TruthTables
from qfusion.plugins.why.pieces import model_pieces, patching
from qfusion.runs import plans
from qfusion.study import text
from qfusion.study.study import Study
from qfusion.training import checkpoint
from qfusion.views.pages import address


def pieces_section(context: page_context.PageContext) -> None:
    """States of single modalities from another sample, the smallest generator, and the network's gate groups, each of a
    model that has them."""
    study, sample = context.study, context.tweaked_sample()
    if not any(panel.fits(sample) for panel in model_pieces.PIECES.values()):
        st.info(
            "This model neither evolves nor fuses by rules, so it has no states to patch, no generator "
            "terms to remove and no gate groups. Choose a QiNN-QJ or an entangled-qcnn at the top.",
            icon=":material/help:",
        )
        return
    donor = ""
    if model_pieces.PIECES["patches"].fits(sample):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if widgets.draw(model_pieces.LENDER) == model_pieces.ONE:
                donor = boxes.sample_box(
                    model_pieces.DONOR, study.dataset, patching.partner(sample), follows=True
                )
            widgets.draw(model_pieces.PATCH)
    if donor == context.sample:
        st.info(
            "Patching a sample with its own states changes nothing. Choose another one.",
            icon=":material/help:",
        )
    else:
        panels.show(sample, "patches", first=1)
    if model_pieces.PIECES["smallest"].fits(study):
        panels.lazy_panel("smallest", partial(_smallest, context))
    if study.model.part(TruthTables):
        widgets.draw(model_pieces.GROUPS_OF)
        panels.show(sample, *(name for name in model_pieces.PIECES if "groups" in name))


def _smallest(context: page_context.PageContext) -> None:
    panels.show(context.study, "smallest", first=1)
    if not _read_only.is_read_only():
        keep_smallest(context.study)


def keep_smallest(study: Study) -> None:
    """Draw the button that adds the model with the smallest generator to the reader's own models and shows it."""
    result = patching.prune_terms(study)
    tweak, name = str(result.tweak(result.size)), plans.choose_free_name(f"{study.name}-smallest")

    def keep() -> None:
        model_export.add_to_own_models(checkpoint.load(study.name), tweak, study.dataset, name)
        state.put(address.MODEL.key, name)
        state.page_again()

    if tweak:
        st.button(
            f"Keep it as my model {text.escape_markdown(name)}",
            icon=":material/save:",
            help=f"Saves the model with {count(result.size, 'term')} of {len(result.terms)}, without further "
            "training, and opens it.",
            key="_smallest_keep",
            on_click=page_runs.run_or_notice,
            args=(keep,),
        )
