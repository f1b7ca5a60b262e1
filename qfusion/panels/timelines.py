"""Panels of samples over their seconds: of the open one, of two decisions, and of samples that lend a modality."""

from typing import Any

from qfusion.analysis import changed_samples, recording_strip
from qfusion.analysis.sample import Sample
from qfusion.panels import page_state, panel
from qfusion.panels.inside import METHOD, OTHER, START
from qfusion.panels.views import drawn
from qfusion.panels.what_if import parse_changes
from qfusion.views import timeline


def has_time_axis(sample: Sample, **_: Any) -> bool:
    """Return whether a sample has an axis of time: a recording, moving pictures or sound."""
    return recording_strip.source(sample.study.dataset, sample.row).is_timed


def has_timed_donor(
    sample: Sample, modality: str, changes: changed_samples.Edits | None = None, **_: Any
) -> bool:
    """Return whether another sample lends a modality which has an axis of time."""
    return dict((changes or {}).get(modality, {})).get(
        "action"
    ) == changed_samples.SWAP and has_time_axis(
        Sample(sample.study, timeline.donor_row(sample, modality, changes), sample.output)
    )


def timed_donors(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the modalities that other samples lend which have an axis of time."""
    changes = parse_changes(view)
    return [name for name in sample.modalities if has_timed_donor(sample, name, changes)]


BESIDE = {
    f"strip-{letter}": panel.Panel(
        drawn(timeline.compared_strip),
        fixed={"letter": letter},
        fits=lambda sides, letter, **_: has_time_axis(sides.labelled[letter]),
        scope="sides",
    )
    for letter in "AB"
}
LENT = {
    "what-if-strip-": panel.Panel(
        drawn(timeline.donor_strip),
        {"changes": parse_changes},
        rest="modality",
        endings=timed_donors,
        fits=has_timed_donor,
    )
}
STRIP = {
    "strip": panel.Panel(
        drawn(timeline.strip),
        {"baseline": START, "other": OTHER, "method": METHOD},
        fits=has_time_axis,
    )
}
