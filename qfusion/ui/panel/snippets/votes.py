"""Snippets of the page of decision operators."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

OPERATOR = """
group, rows = $group, sample.dataset.rows($split)
operator = operators.operator(sample.model, sample.background, group, sample.output)
"""
MANY = "many = operators.states_of(sample.model, sample.dataset.inputs(rows, dtype=torch.float64), group)\n"


def _body(body: str) -> Callable[[View], str]:
    return lambda view: fill(OPERATOR + body, group="+".join(view.get("votes", view.modalities[0]).split(" with ")),
                             split=view.get("among", "test"))


SPECTRUM = MANY + """
own = operators.states_of(sample.model, sample.inputs, group)
numbers = pd.DataFrame({"eigenstate": np.arange(len(operator.values)), "score": operator.values, "vote": operator.votes,
                        "weight_of_sample": operator.weights(own), "mean_weight": operator.weights(many)})
"""
EXTREME = """
amplitudes = operator.amplitudes({place})
numbers = pd.DataFrame({"basis_state": basis_labels(operator.dims), "population": np.abs(amplitudes) ** 2, "phase": np.angle(amplitudes)})
"""
PATTERNS = """
last = len(operator.values) - 1
shown = [*range(last, last - 5, -1), *range(4, -1, -1)]
numbers = pd.DataFrame({"vote": operator.votes[shown],
                        "pattern": ["|".join("".join(map(str, row)) for row in operator.bits(k)) for k in shown]})
"""
EFFECTS = """
model = sample.model
elements = model.outputs if model.elements_are_classes else [str(i) for i in range(model.elements)]
numbers = pd.DataFrame(operator.effects.T, columns=list(operator.modalities)).assign(element=elements)
"""
ALONG = MANY + """
y = sample.dataset.y[rows]
numbers = pd.DataFrame({"sample": sample.dataset.ids[rows], "weight_for": operator.overlap(many, len(operator.values) - 1),
                        "weight_against": operator.overlap(many, 0), "score_of_group": operator.scores(many),
                        "truth": (y == sample.output).astype(int) if sample.classes else y.astype(float)})
"""
TEMPLATES = {"spectrum": _body(SPECTRUM), "state-for": _body(EXTREME.replace("{place}", "-1")),
             "state-against": _body(EXTREME.replace("{place}", "0")), "patterns": _body(PATTERNS), "effects": _body(EFFECTS),
             "along": _body(ALONG)}
