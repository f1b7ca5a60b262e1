"""One sample over its seconds: frames, sound, words and attributions on a common time axis."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis import changed_samples, compare, recording_strip, text
from qfusion.analysis.background_choice import default_contrast
from qfusion.analysis.sample import Sample
from qfusion.explain.attribution import INTEGRATED, METHODS
from qfusion.figures import sample_timeline, style
from qfusion.panels import page_state, panel
from qfusion.panels.inside import METHOD, OTHER, START, describe_largest_parts
from qfusion.panels.what_if import parse_changes
from qfusion.wording.attribution import BASELINES
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.recordings import describe_peak, describe_spread


def open_timeline(
    sample: Sample, baseline: str = "mean", other: str = "", method: str = INTEGRATED
) -> tuple[recording_strip.Strip, str]:
    """Return a sample over its seconds, and the id of the sample where attributions start, if they start at one."""
    start = (other or default_contrast(sample.study, sample.row)) if baseline == "sample" else ""
    return recording_strip.strip(
        sample.study, sample.row, sample.output, baseline, start, method
    ), start


def timeline(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    baseline: str = "mean",
    other: str = "",
    method: str = INTEGRATED,
) -> panel.PanelFigure:
    """Draw the video, audio and words of a sample over its seconds, with the contributions of the steps of every
    modality to the terms of the decision.

    The options are those of `attribution`.
    """
    result, start = open_timeline(sample, baseline, other, method)
    learned = (
        " Steps are followed through the model as it was trained." if sample.tweak_text else ""
    )
    preview = result.preview
    lanes = result.lanes
    at = {lane.modality: describe_peak(lane) for lane in lanes}
    shown = [
        name
        for name, values in {
            "pictures, each of the middle of its part": preview.thumbs,
            "the waveform": preview.envelope,
            "the spectrogram (decibels below its loudest)": preview.spectrogram,
            "the words": result.words or None,
        }.items()
        if values is not None
    ]
    origin = f"sample {text.escape_markdown(start)}" if start else BASELINES[baseline]
    if lanes:
        bars = (
            f" Below, on the same seconds, what each step added to the terms of the {sample.unit} that it is part "
            f"of, compared with {origin}, by {METHODS[method].title}; joint terms are hatched, and bars of one step "
            f"add up. Their sum deviates from the term by at most {max(lane.error for lane in lanes):.2g}."
        )
    else:
        bars = " No modality of this model is a sequence, so nothing else has a place in time."
    if lanes:
        title = describe_largest_parts(
            "Of single steps",
            [f"{text.escape_markdown(name)} {words}" for name, words in at.items()],
            np.array([float(lane.total[lane.peak]) for lane in lanes]),
            f"moved the {sample.quantity}",
        )
    else:
        title = "What is seen, heard and said, over time"
    shows = (
        f"{listed(shown)} of the sample over {preview.seconds:.1f} s.{bars}"
        f"{describe_spread(result)}{learned} "
    )
    if lanes:
        shows += describe_comparison(sample.study.background)
    alt = f"One axis of {preview.seconds:.1f} s: {listed(shown)}"
    if at:
        alt += f"; largest steps: {listed([f'{name} {words}' for name, words in at.items()])}."
    else:
        alt += "."
    return panel.PanelFigure(
        "strip",
        title,
        sample_timeline.draw_timeline(result, sample.modalities, sample.unit, theme),
        shows=shows,
        not_shown="that simultaneous parts belong together: features are measured over windows, and an encoder may "
        "carry information to a later step.",
        alt=alt,
        table=lambda: timeline_table(sample, result),
        called="One axis of time",
    )


def timeline_table(sample: Sample, result: recording_strip.Strip) -> pd.DataFrame:
    """Return a table with one row per word, followed by one row per step and term."""
    words = pd.DataFrame(
        {
            "row": "word",
            "name": [word.text for word in result.words],
            "from": [word.start for word in result.words],
            "to": [word.end for word in result.words],
            "spread": result.spread,
        }
    )
    steps = [
        pd.DataFrame(
            {
                "row": lane.modality,
                "name": lane.names,
                "from": lane.starts,
                "to": lane.ends,
                "spread": lane.spread,
                "term": term,
                "attribution": np.asarray(values, float),
            }
        )
        for lane in result.lanes
        for term, values in lane.terms.items()
    ]
    return pd.concat(
        [words, *steps] if result.words else steps or [words], ignore_index=True
    ).assign(sample=sample.id, unit=sample.unit)


def has_time_axis(sample: Sample, **_: Any) -> bool:
    """Return whether a sample has an axis of time: a recording, moving pictures or sound."""
    return recording_strip.source(sample.study.dataset, sample.row).is_timed


def compared_timeline(
    sides: compare.Sides, theme: style.Theme = "light", *, letter: str = "A"
) -> panel.PanelFigure:
    """Draw the strip of A or B, of two decisions side by side."""
    picture = timeline(sides.labelled[letter], theme)
    return replace(picture, name=f"strip-{letter}", title=f"{letter}: {picture.title}")


def donor_timeline(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    modality: str,
    changes: changed_samples.Edits | None = None,
) -> panel.PanelFigure:
    """Draw the strip of the sample that lends a modality, itself."""
    donor = donor_row(sample, modality, changes)
    picture = timeline(Sample(sample.study, donor, sample.output), theme)
    name = text.escape_markdown(sample.dataset.ids[donor])
    return replace(
        picture,
        name=f"what-if-strip-{modality}",
        title=f"Sample {name}, which lends {text.escape_markdown(modality)}: {picture.title}",
        shows=f"{picture.shows} It is sample {name} as it is, with all its own modalities.",
    )


def donor_row(sample: Sample, modality: str, changes: changed_samples.Edits | None) -> int:
    """Return the row that lends a modality."""
    wanted = dict((changes or {}).get(modality, {}))
    return sample.dataset.row(
        str(wanted.get("donor") or default_contrast(sample.study, sample.row))
    )


def has_timed_donor(
    sample: Sample, modality: str, changes: changed_samples.Edits | None = None, **_: Any
) -> bool:
    """Return whether another sample lends a modality which has an axis of time."""
    return dict((changes or {}).get(modality, {})).get(
        "action"
    ) == changed_samples.SWAP and has_time_axis(
        Sample(sample.study, donor_row(sample, modality, changes), sample.output)
    )


def timed_donors(view: page_state.PageState, sample: Sample) -> list[str]:
    """Return the modalities that other samples lend which have an axis of time."""
    changes = parse_changes(view)
    return [name for name in sample.modalities if has_timed_donor(sample, name, changes)]


BESIDE = {
    f"strip-{letter}": panel.Panel(
        compared_timeline,
        fixed={"letter": letter},
        fits=lambda sides, letter, **_: has_time_axis(sides.labelled[letter]),
        scope="sides",
    )
    for letter in "AB"
}
LENT = {
    "what-if-strip-": panel.Panel(
        donor_timeline,
        {"changes": parse_changes},
        rest="modality",
        endings=timed_donors,
        fits=has_timed_donor,
    )
}
STRIP = {
    "strip": panel.Panel(
        timeline,
        {"baseline": START, "other": OTHER, "method": METHOD},
        fits=has_time_axis,
    )
}
