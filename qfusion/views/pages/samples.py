"""The Samples page: its panels and choices, those inside a modality, and those of samples over their seconds."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from qfusion.data.sample_content import Series
from qfusion.errors import InvalidInput
from qfusion.explain.attribution import SCORE
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.study import cohorts, recording_strip, what_if
from qfusion.study.attribution import sequences
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import attribution, decision, network, samples
from qfusion.views.changes import parse_changes
from qfusion.views.pages import page_state, params
from qfusion.views.pages.choices import needs, reads_features
from qfusion.views.pages.panel import make_panel, panels, variants


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


TABLE = params.SwitchParam(
    "table.evidence",
    "Rules, beliefs and masses of every element as a table",
    "It stays folded.",
    fits=needs(TruthTables),
)
TRY = params.SwitchParam(
    "own",
    "Try your own",
    "It stays folded.",
    fits=lambda study: bool(study.dataset.feature_transforms),
)
_RULED = needs(TruthTables)
_DECISION = {
    **panels(decision.verdict, decision.waterfall, decision.shapley),
    **panels(network.masses, fits=_RULED),
    **panels(
        network.beliefs,
        fits=lambda sample: _RULED(sample) and sample.reading.by_fusion is not None,
    ),
    **panels(network.fused_entropies, fits=_RULED),
    **panels(
        network.entropies,
        fits=needs(Evolution, where=lambda study: not study.model.part(TruthTables)),
    ),
    **panels(
        samples.scatter,
        fits=lambda sample, output="", x="", y="", **filters: (
            not cohorts.passing(samples.sample_table(sample.study, output), **filters).empty
        ),
    ),
}
CURVES = make_panel(
    samples.curve,
    rest=parse_curve_name,
    endings=lambda view, study: curve_names(
        study, [study.dataset.row(view.require("sample"))], "main"
    ),
)
NAMED = {"content-": CURVES}


def has_shared_axis(sample: Sample, term: str = SCORE, **_: Any) -> bool:
    """Return whether a term involves several modalities that are sequences, so that they can share an axis."""
    return len(sequences(sample.study, term)) > 1


OPEN = params.SwitchParam(
    "inside", "Inside a modality: words, sounds or pixels", "It stays closed."
)
INSIDE = {
    **panels(attribution.inside, opens=OPEN.opens, fits=reads_features),
    **panels(
        attribution.inside_features,
        opens=OPEN.opens,
        # its features are summed over steps
        fits=lambda sample, modality="", **_: (
            sample.study.reads_features
            and (modality or sample.modalities[0]) in sequences(sample.study, SCORE)
        ),
    ),
    **panels(attribution.inside_time, opens=OPEN.opens, fits=has_shared_axis),
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


BESIDE = panels(
    variants(samples.compared_strip, "strip-{}", letter="AB"),
    fits=lambda sides, letter: has_time_axis(sides.labelled[letter]),
)
LENT = {
    "what-if-strip-": make_panel(
        samples.donor_strip, rest="modality", endings=timed_donors, fits=has_timed_donor
    )
}
CONTROLS = (TRY, TABLE, OPEN)
PANELS = {
    **panels(samples.strip, fits=has_time_axis),
    **_DECISION,
    **INSIDE,
    **panels(samples.similar),
}
