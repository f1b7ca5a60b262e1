"""Exact explanations of a decision: what every modality, and every combination of modalities, contributed; a file
a method, with its numbers, its sentence and its table. No figures, and nothing that is kept: that is
`study`.
"""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.explain.backgrounds import KINDS, Background, background
    from qfusion.explain.coalitions import (
        RELATIONS,
        Explanation,
        Relation,
        explain,
        explain_layers,
        explain_times,
        shares,
    )
    from qfusion.explain.faithfulness import to_shapiq
    from qfusion.explain.path_attribution import (
        PathAttribution,
        SamplePathAttribution,
        aumann_shapley,
        aumann_shapley_per_sample,
    )
    from qfusion.explain.verdicts import Verdict, judge, verdict
    from qfusion.models.jump.kets import marginal_observables


__all__ = [
    "KINDS",
    "RELATIONS",
    "Background",
    "PathAttribution",
    "SamplePathAttribution",
    "Explanation",
    "Relation",
    "Verdict",
    "background",
    "aumann_shapley",
    "aumann_shapley_per_sample",
    "explain",
    "judge",
    "marginal_observables",
    "shares",
    "explain_layers",
    "explain_times",
    "to_shapiq",
    "verdict",
]

_CONTENTS = {
    "Background": "qfusion.explain.backgrounds",
    "Explanation": "qfusion.explain.coalitions",
    "KINDS": "qfusion.explain.backgrounds",
    "PathAttribution": "qfusion.explain.path_attribution",
    "RELATIONS": "qfusion.explain.coalitions",
    "Relation": "qfusion.explain.coalitions",
    "SamplePathAttribution": "qfusion.explain.path_attribution",
    "Verdict": "qfusion.explain.verdicts",
    "aumann_shapley": "qfusion.explain.path_attribution",
    "aumann_shapley_per_sample": "qfusion.explain.path_attribution",
    "background": "qfusion.explain.backgrounds",
    "explain": "qfusion.explain.coalitions",
    "explain_layers": "qfusion.explain.coalitions",
    "explain_times": "qfusion.explain.coalitions",
    "judge": "qfusion.explain.verdicts",
    "marginal_observables": "qfusion.models.jump.kets",
    "shares": "qfusion.explain.coalitions",
    "to_shapiq": "qfusion.explain.faithfulness",
    "verdict": "qfusion.explain.verdicts",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
