"""Snippets of the Overview page, and of the raw curves that several pages show of a sample."""

from __future__ import annotations

from collections.abc import Callable

from qfusion._checks import check
from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

TOLD = """
told = next(each for each in examples.find(work) if each.kind == $kind)
row = work.dataset.row(told.sample)
"""
WATERFALL = TOLD + """
numbers = pd.DataFrame([(term or "baseline", value) for term, value in work.dividends(row).items()], columns=["term", "dividend"])
"""
ENTROPY = TOLD + """
moments, series = evolution.entropies_by_torch(work, row)
numbers = pd.DataFrame({"t": moments} | series)
"""
MASSES = TOLD + """
numbers = pd.DataFrame(work.masses[row].numpy(), columns=list(work.modalities)).assign(fused=(1 - work.vectors[row, :, 2].numpy()) / 2)
"""
CONTENT = """
dataset = data.load($data)
curve = dataset.content($row)[$name]
numbers = pd.DataFrame({curve.x_label: curve.x, curve.y_label: curve.values})
"""


def content(view: View, rest: str) -> str:
    """A spectrum or profile of a sample; the panel's name goes on with where it stands, the row, the modality."""
    for modality in view.modalities:
        _, dash, row = rest.removesuffix(f"-{modality}").rpartition("-")
        if rest.endswith(f"-{modality}") and dash and row.isdecimal():
            return fill(CONTENT, data=view.named("data"), row=int(row), name=modality)
    check(False, f"Panel 'content-{rest[:60]}' is of no modality of this model. Open the page again.")
    return ""


def _told(body: str) -> Callable[[View, str], str]:
    return lambda _, kind: fill(body, kind=kind)


CURVES: dict[str, Callable[[View, str], str]] = {"content-": content}
NAMED: dict[str, Callable[[View, str], str]] = {
    "telling-waterfall-": _told(WATERFALL), "telling-entropy-": _told(ENTROPY), "telling-masses-": _told(MASSES)}
