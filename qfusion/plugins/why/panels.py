"""The panels of Why fuse: their order, views and controls."""

from dataclasses import replace

from qfusion.plugins.why.audit import audit, resource_cuts
from qfusion.plugins.why.audit.quantum_resources import cut_comparison, twin_comparison
from qfusion.plugins.why.fusion.model_fusion import MODEL_PANELS
from qfusion.plugins.why.information.data_fusion import DATA_PANELS, NEED_OF_MODEL
from qfusion.plugins.why.pieces.model_pieces import DONOR, GROUPS_OF, LENDER, PATCH, PIECES
from qfusion.views.pages import cohorts, panel, params

AUDIT = {
    "why-audit": panel.Panel(twin_comparison, scope="study", fits=audit.is_audited),
    "why-cut": panel.Panel(cut_comparison, scope="study", fits=resource_cuts.can_cut),
}
VIEWS = MODEL, DATA, QUANTUM, PIECE = ("The model", "The data", "The quantum part", "Which piece")
ASK = params.SelectParam("why", "View", "The model is shown.", values=VIEWS, look="tabs")
CONTROLS = (ASK, NEED_OF_MODEL, cohorts.FILTER, LENDER, DONOR, PATCH, GROUPS_OF)
PANELS = {
    name: replace(one, opens=panel.all_open(ASK.is_one_of(view), one.opens))
    for view, group in zip(VIEWS, (MODEL_PANELS, DATA_PANELS, AUDIT, PIECES), strict=True)
    for name, one in group.items()
}
