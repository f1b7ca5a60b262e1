"""Panels and choices of attributions inside a modality."""

from typing import Any

from qfusion.analysis import modality_attribution
from qfusion.analysis.sample import Sample
from qfusion.explain.attribution import (
    INTEGRATED,
    METHODS,
    SCORE,
    method_name,
    methods_by_title,
)
from qfusion.panels import panel, params
from qfusion.panels.views import drawn
from qfusion.views import attribution


def has_shared_axis(sample: Sample, term: str = SCORE, **_: Any) -> bool:
    """Return whether a term involves several modalities that are sequences, so that they can share an axis."""
    return len(modality_attribution.sequences(sample.study, term)) > 1


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
        modality_attribution.title(term, study.quantity)
        for name in study.modalities
        for term in modality_attribution.terms(study, name)
    },
    meanings=modality_attribution.parse_title,
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
CONTROLS = (OPEN, MODALITY, TERM, START, OTHER, METHOD)
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
            and (modality or sample.modalities[0])
            in modality_attribution.sequences(sample.study, SCORE)
        ),
    ),
    "inside-time": panel.Panel(
        drawn(attribution.inside_time), _TOGETHER, opens=OPEN.opens, fits=has_shared_axis
    ),
}
