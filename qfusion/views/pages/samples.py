"""The Samples page: its panels and choices, those inside a modality, and those of samples over their seconds."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Series
from qfusion.errors import InvalidInput
from qfusion.explain import RELATIONS
from qfusion.explain.attribution import (
    INTEGRATED,
    METHODS,
    SCORE,
    method_name,
    methods_by_title,
)
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.study import cohorts, compare, maps, recording_strip, what_if
from qfusion.study.attribution import parse_title, sequences, terms, title
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import attribution, decision, network, samples
from qfusion.views.pages import page_state, panel, params
from qfusion.views.pages.panel import drawn
from qfusion.views.pages.what_if import parse_changes
from qfusion.views.words.names import axis_titles
from qfusion.views.words.verdicts import RELATION_DEFINITIONS


def parse_curve_name(view: page_state.PageState, rest: str) -> dict[str, Any]:
    """Return card, row and modality by the end of a panel's name."""
    names = "|".join(map(re.escape, view.modalities))
    parts = re.fullmatch(rf"(.*)-(\d+)-({names})", rest)
    if parts is None:
        raise InvalidInput(
            f"Panel 'content-{rest[:60]}' is of no modality of this model. Open the page again."
        )
    return {"row": int(parts[2]), "modality": parts[3], "card": parts[1]}


def curve_names(
    study: Study, rows: Iterable[int], card: str, only: Sequence[str] = ()
) -> list[str]:
    """Return the ends of the names of the curves that the data have of some samples, on one card, of all modalities or
    `only` some.
    """
    return [
        f"{card}-{row}-{name}"
        for row in rows
        for name in study.modalities
        if name in (only or study.modalities)
        and isinstance(study.dataset.content(row).get(name), Series)
    ]


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
    cohorts.VERDICTS,
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
    values=lambda study: [maps.TITLES[kind] for kind in compare.ways(study)],
    look="segments",
    meanings=maps.KEYS,
)

_RULED = panel.needs(TruthTables)
PANELS = {
    "verdict": panel.Panel(drawn(decision.verdict)),
    "waterfall": panel.Panel(drawn(decision.waterfall)),
    "shapley": panel.Panel(drawn(decision.shapley)),
    "masses": panel.Panel(drawn(network.masses), fits=_RULED),
    "beliefs": panel.Panel(
        drawn(network.beliefs),
        fits=lambda sample: _RULED(sample) and sample.reading.by_fusion is not None,
    ),
    "fused-entropies": panel.Panel(drawn(network.fused_entropies), fits=_RULED),
    "entropies": panel.Panel(
        drawn(network.entropies),
        fits=panel.needs(Evolution, where=lambda study: not study.model.part(TruthTables)),
    ),
    "scatter": panel.Panel(
        drawn(samples.scatter),
        {"x": ACROSS, "y": UP, "output": lambda view: view.output or None, **FILTERS},
        fits=lambda sample, output="", x="", y="", **filters: (
            not cohorts.passing(samples.sample_table(sample.study, output), **filters).empty
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


def has_shared_axis(sample: Sample, term: str = SCORE, **_: Any) -> bool:
    """Return whether a term involves several modalities that are sequences, so that they can share an axis."""
    return len(sequences(sample.study, term)) > 1


OPEN = params.SwitchParam(
    "inside", "Inside a modality: words, sounds or pixels", "It stays closed."
)
MODALITY = params.SelectParam(
    "inside.of",
    "Modality",
    "The first is shown.",
    values=lambda study: study.modalities,
    look="segments",
)
TERM = params.SelectParam(
    "inside.term",
    "Attribution of",
    "The whole output is taken.",
    "The log-odds or score, or one of the terms of this modality. Terms of several modalities "
    "are joint contributions.",
    lambda study: {
        title(term, study.quantity) for name in study.modalities for term in terms(study, name)
    },
    meanings=parse_title,
    style={"width": 260},
)
START = params.SelectParam(
    "inside.from",
    "Relative to",
    "The training mean is taken.",
    "Reference features; attributions explain the difference of this sample from them.",
    meanings={"training mean": "mean", "zero": "zero", "another sample": "sample"},
    look="segments",
)
OTHER = params.SampleParam(
    "inside.other", "That sample", "Another sample is taken.", style={"width": 180}
)
METHOD = params.SelectParam(
    "inside.by",
    "Attribution method",
    "Integrated gradients are taken.",
    values=lambda _: methods_by_title(),
    default=METHODS[INTEGRATED].title,
    meanings=method_name,
    style={"width": 200},
)
INSIDE_CONTROLS = (OPEN, MODALITY, TERM, START, OTHER, METHOD)
_TOGETHER = {"term": TERM, "baseline": START, "other": OTHER, "method": METHOD}
_INSIDE = {"modality": MODALITY, **_TOGETHER}
INSIDE = {
    "inside": panel.Panel(
        drawn(attribution.inside), _INSIDE, opens=OPEN.opens, fits=panel.reads_features
    ),
    "inside-features": panel.Panel(
        drawn(attribution.inside_features),
        _INSIDE,
        opens=OPEN.opens,
        # its features are summed over steps
        fits=lambda sample, modality="", **_: (
            sample.study.reads_features
            and (modality or sample.modalities[0]) in sequences(sample.study, SCORE)
        ),
    ),
    "inside-time": panel.Panel(
        drawn(attribution.inside_time), _TOGETHER, opens=OPEN.opens, fits=has_shared_axis
    ),
}


def has_time_axis(sample: Sample, **_: Any) -> bool:
    """Return whether a sample has an axis of time: a recording, moving pictures or sound."""
    return recording_strip.source(sample.study.dataset, sample.row).is_timed


def has_timed_donor(
    sample: Sample, modality: str, changes: what_if.Edits | None = None, **_: Any
) -> bool:
    """Return whether another sample lends a modality which has an axis of time."""
    return dict((changes or {}).get(modality, {})).get("action") == what_if.SWAP and has_time_axis(
        Sample(sample.study, samples.donor_row(sample, modality, changes), sample.output)
    )


def timed_donors(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the modalities that other samples lend which have an axis of time."""
    changes = parse_changes(view)
    return [name for name in sample.modalities if has_timed_donor(sample, name, changes)]


BESIDE = {
    f"strip-{letter}": panel.Panel(
        drawn(samples.compared_strip),
        fixed={"letter": letter},
        fits=lambda sides, letter, **_: has_time_axis(sides.labelled[letter]),
        scope="sides",
    )
    for letter in "AB"
}
LENT = {
    "what-if-strip-": panel.Panel(
        drawn(samples.donor_strip),
        {"changes": parse_changes},
        rest="modality",
        endings=timed_donors,
        fits=has_timed_donor,
    )
}
STRIP = {
    "strip": panel.Panel(
        drawn(samples.strip),
        {"baseline": START, "other": OTHER, "method": METHOD},
        fits=has_time_axis,
    )
}
