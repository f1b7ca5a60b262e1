"""One sample over its seconds: frames, sound, words and attributions on a common time axis."""

from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis import changed_samples, compare, recording_strip, text
from qfusion.analysis.background_choice import default_contrast
from qfusion.analysis.sample import Sample
from qfusion.explain.attribution import INTEGRATED, METHODS
from qfusion.figures import sample_timeline
from qfusion.views import View
from qfusion.views.attribution import describe_largest_parts
from qfusion.wording.attribution import BASELINES
from qfusion.wording.backgrounds import describe_comparison
from qfusion.wording.recordings import describe_peak, describe_spread


def strip(
    sample: Sample, *, baseline: str = "mean", other: str = "", method: str = INTEGRATED
) -> View:
    """The video, audio and words of a sample over its seconds, with the contributions of the steps of every modality
    to the terms of the decision.

    The options are those of `attribution.inside`.
    """
    result, start = open_strip(sample, baseline, other, method)
    preview = result.preview
    lanes = result.lanes
    peaks = {lane.modality: describe_peak(lane) for lane in lanes}
    seconds, content = f"{preview.seconds:.1f} s", listed(_shown_content(result))
    largest = compared = ""
    if lanes:
        title = describe_largest_parts(
            "Of single steps",
            [f"{text.escape_markdown(name)} {words}" for name, words in peaks.items()],
            np.array([float(lane.total[lane.peak]) for lane in lanes]),
            f"moved the {sample.quantity}",
        )
        origin = f"sample {text.escape_markdown(start)}" if start else BASELINES[baseline]
        error = max(lane.error for lane in lanes)
        bars = (
            f"Below, on the same seconds, what each step added to the terms of the {sample.unit} that it is part "
            f"of, compared with {origin}, by {METHODS[method].title}; joint terms are hatched, and bars of one step "
            f"add up. Their sum deviates from the term by at most {error:.2g}."
        )
        steps = listed([f"{name} {words}" for name, words in peaks.items()])
        largest = f"; largest steps: {steps}"
        compared = describe_comparison(sample.study.background)
    else:
        title = "What is seen, heard and said, over time"
        bars = "No modality of this model is a sequence, so nothing else has a place in time."
    learned = ""
    if sample.tweak_text:
        learned = " Steps are followed through the model as it was trained."
    return View(
        sample_timeline.draw_timeline(result, sample.modalities, sample.unit),
        title,
        caption=f"{content} of the sample over {seconds}. {bars}{describe_spread(result)}{learned} {compared}",
        limits="that simultaneous parts belong together: features are measured over windows, and an encoder may "
        "carry information to a later step.",
        table=_strip_table(sample, result),
        alternative=f"One axis of {seconds}: {content}{largest}.",
        heading="One axis of time",
    )


def open_strip(
    sample: Sample, baseline: str = "mean", other: str = "", method: str = INTEGRATED
) -> tuple[recording_strip.Strip, str]:
    """Return a sample over its seconds, and the id of the sample where attributions start, if they start at one."""
    start = (other or default_contrast(sample.study, sample.row)) if baseline == "sample" else ""
    return recording_strip.strip(
        sample.study, sample.row, sample.output, baseline, start, method
    ), start


def _shown_content(result: recording_strip.Strip) -> list[str]:
    """Return what is drawn of the content of a recording, in words."""
    preview = result.preview
    content = {
        "pictures, each of the middle of its part": preview.thumbs,
        "the waveform": preview.envelope,
        "the spectrogram (decibels below its loudest)": preview.spectrogram,
        "the words": result.words or None,
    }
    return [name for name, values in content.items() if values is not None]


def _strip_table(sample: Sample, result: recording_strip.Strip) -> pd.DataFrame:
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


def compared_strip(sides: compare.Sides, *, letter: str = "A") -> View:
    """The strip of A or B, of two decisions side by side."""
    view = strip(sides.labelled[letter])
    return replace(view, name=f"strip-{letter}", title=f"{letter}: {view.title}")


def donor_strip(
    sample: Sample, *, modality: str, changes: changed_samples.Edits | None = None
) -> View:
    """The strip of the sample that lends a modality, itself."""
    donor = donor_row(sample, modality, changes)
    view = strip(Sample(sample.study, donor, sample.output))
    name = text.escape_markdown(sample.dataset.ids[donor])
    return replace(
        view,
        name=f"what-if-strip-{modality}",
        title=f"Sample {name}, which lends {text.escape_markdown(modality)}: {view.title}",
        caption=f"{view.caption} It is sample {name} as it is, with all its own modalities.",
    )


def donor_row(sample: Sample, modality: str, changes: changed_samples.Edits | None) -> int:
    """Return the row that lends a modality."""
    wanted = dict((changes or {}).get(modality, {}))
    return sample.dataset.row(
        str(wanted.get("donor") or default_contrast(sample.study, sample.row))
    )
