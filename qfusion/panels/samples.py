"""Panels and choices of the Samples page."""

from qfusion.analysis import sample_coordinates, sample_filters, sample_similarity
from qfusion.data.row_splits import SPLITS
from qfusion.explain import RELATIONS
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.panels import panel, params
from qfusion.panels.sample_curves import curve_names, parse_curve_name
from qfusion.panels.views import drawn
from qfusion.views import contributions, evidence, samples
from qfusion.wording.studies import axis_titles
from qfusion.wording.verdicts import RELATION_DEFINITIONS

SPLIT = params.SelectParam(
    "split",
    "Split",
    "The test split is shown.",
    values=(*SPLITS, "all"),
    default="test",
    look="segments",
)
SEARCH = params.TextParam(
    "find",
    "Search ids and words",
    "Nothing is searched for.",
    most=100,
    style={"placeholder": "part of an id or of what was said"},
)
RELATION = params.SelectParam(
    "relation",
    "How the modalities relate",
    "All relations are shown.",
    "; ".join(f"{kind}: {words}" for kind, words in RELATION_DEFINITIONS.items()),
    RELATIONS,
    many=True,
    look="pills",
)
VERDICT = params.SelectParam(
    "verdict",
    "Predicted",
    "Right and wrong ones are shown.",
    "Only samples that the model gets right, or wrong.",
    sample_filters.VERDICTS,
    empty=True,
    look="segments",
    fits=lambda study: bool(study.classes) and study.has_truth,
)
CLASSES = params.SelectParam(
    "class",
    "Classes (truth)",
    "All classes are shown.",
    values=lambda study: study.classes,
    many=True,
    fits=VERDICT.fits,
    style={"placeholder": "all"},
)
_AXES = (
    "dividend[text] is the contribution of text, what it adds to the log-odds or score (Harsanyi dividend); negativity "
    "is entanglement. See Terms below the figure."
)
ACROSS, UP = (
    params.SelectParam(key, f"{key} axis", "The usual one is shown.", _AXES, axis_titles)
    for key in ("x", "y")
)
TABLE = params.SwitchParam(
    "table.evidence",
    "Rules, beliefs and masses of every element as a table",
    "It stays folded.",
    fits=panel.needs(TruthTables),
)
FILTERS = {
    "split": SPLIT,
    "search": SEARCH,
    "relations": RELATION,
    "verdict": VERDICT,
    "classes": CLASSES,
}
TRY = params.SwitchParam(
    "own",
    "Try your own",
    "It stays folded.",
    fits=lambda study: bool(study.dataset.makers),
)
CONTROLS = (TRY, *FILTERS.values(), ACROSS, UP, TABLE)
SIMILAR_BY = params.SelectParam(
    "similar",
    "Similar by",
    "Contributions are compared.",
    values=lambda study: [
        sample_coordinates.TITLES[kind] for kind in sample_similarity.ways(study)
    ],
    look="segments",
    meanings=sample_coordinates.KEYS,
)

_RULED = panel.needs(TruthTables)
PANELS = {
    "verdict": panel.Panel(drawn(contributions.verdict)),
    "waterfall": panel.Panel(drawn(contributions.waterfall)),
    "shapley": panel.Panel(drawn(contributions.shapley)),
    "masses": panel.Panel(drawn(evidence.masses), fits=_RULED),
    "beliefs": panel.Panel(
        drawn(evidence.beliefs),
        fits=lambda sample: _RULED(sample) and sample.reading.by_fusion is not None,
    ),
    "fused-entropies": panel.Panel(drawn(evidence.fused_entropies), fits=_RULED),
    "entropies": panel.Panel(
        drawn(evidence.entropies),
        fits=panel.needs(Evolution, where=lambda study: not study.model.part(TruthTables)),
    ),
    "scatter": panel.Panel(
        drawn(samples.scatter),
        {"x": ACROSS, "y": UP, "output": lambda view: view.output or None, **FILTERS},
        fits=lambda sample, output="", x="", y="", **filters: (
            not sample_filters.passing(samples.sample_table(sample.study, output), **filters).empty
        ),
    ),
}
SIMILAR = {"similar": panel.Panel(drawn(samples.similar), {"by": SIMILAR_BY})}
NAMED = {
    "content-": panel.Panel(
        drawn(samples.curve),
        rest=parse_curve_name,
        endings=lambda view, study: curve_names(
            study, [study.dataset.row(view.require("sample"))], "main"
        ),
        scope="study",
    )
}
