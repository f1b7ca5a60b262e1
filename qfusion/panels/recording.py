"""The panel of one axis of time: what is seen, heard and said in a sample, and on the same seconds what each step
did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qfusion._sentences import listed
from qfusion.analysis import recording, text
from qfusion.analysis.sample import Sample, against_words, default_contrast
from qfusion.data import media
from qfusion.explain.attribution import BASELINES, INTEGRATED, METHODS
from qfusion.figures import strip as figures, style
from qfusion.panels import panel, samples


def strip_of(
    sample: Sample, baseline: str = "mean", other: str = "", method: str = INTEGRATED
) -> tuple[recording.Strip, str]:
    """Returns a sample over its seconds, and the id of the sample where attributions start, if they start at one."""
    start = (other or default_contrast(sample.study, sample.row)) if baseline == "sample" else ""
    return recording.strip(sample.study, sample.row, sample.output, baseline, start, method), start


def strip(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    baseline: str = "mean",
    other: str = "",
    method: str = INTEGRATED,
) -> panel.Picture:
    """What is seen, heard and said over a sample's seconds, and what the steps of every modality added to the terms of
    the decision there; the options are those of `samples.attribution`."""
    result, start = strip_of(sample, baseline, other, method)
    preview, lanes = result.preview, result.lanes
    moved = {lane.modality: float(lane.total[lane.peak]) for lane in lanes}
    at = {lane.modality: peak_words(lane) for lane in lanes}
    rows = {
        "pictures, each of the middle of its part": preview.thumbs,
        "the waveform": preview.envelope,
        "the spectrogram (decibels below its loudest)": preview.spectrogram,
        "the words": result.words or None,
    }
    shown = [name for name, values in rows.items() if values is not None]
    origin = f"sample {text.plain(start)}" if start else BASELINES[baseline]
    bars = (
        f" Below, on the same seconds, what each step added to the terms of {sample.unit} that it is part of, compared "
        f"with {origin}, by {METHODS[method].title}; joint terms are hatched, and bars of one step add up. They miss "
        f"what they share out by at most {max(lane.error for lane in lanes):.2g}."
        if lanes
        else " No modality of this model is a sequence, so nothing else has a place in time."
    )
    return panel.Picture(
        "strip",
        panel.superlative(
            moved,
            by_size=True,
            places=3,
            none="No single step moved the score by 0.001 or more",
            one="Of single steps, that of {names} moved the score the most ({value:+.3f})",
            some="Of single steps, those of {names} moved the score the most, alike",
            name=lambda name: f"{text.plain(name)} {at[name]}",
        )
        if lanes
        else "What is seen, heard and said, over time",
        figures.strip(
            preview.seconds,
            [(lane.modality, lane.starts, lane.ends, lane.terms, lane.names) for lane in lanes],
            sample.modalities,
            thumbs=preview.thumbs,
            envelope=preview.envelope,
            spectrogram=preview.spectrogram,
            hertz=preview.edges,
            words=result.words,
            unit=sample.unit,
            theme=theme,
        ),
        shows=f"{listed(shown)} of the sample over {preview.seconds:.1f} s.{bars}{placing(result)} "
        + (against_words(sample.study.background) if lanes else ""),
        not_shown="that what stands at one place belongs together: features are measured over windows, and an encoder "
        "may carry what it met to a later step.",
        alt=f"One axis of {preview.seconds:.1f} s: {listed(shown)}"
        + (
            f"; largest steps: {listed([f'{name} {words}' for name, words in at.items()])}."
            if at
            else "."
        ),
        table=lambda: frame(sample, result),
        called="One axis of time",
    )


def peak_words(lane: recording.Steps) -> str:
    """When the largest step of a modality was."""
    about = "about " if lane.spread else ""
    return f"at {about}{lane.starts[lane.peak]:.2f} s"


def placing(result: recording.Strip) -> str:
    """What is spread evenly, in sentences that follow others."""
    spread = [text.plain(lane.modality) for lane in result.lanes if lane.spread]
    sentence = ""
    if spread:
        sentence += f" Nothing says when the steps of {listed(spread)} were: they are spread evenly over the sample."
    if result.words and result.spread:
        sentence += " Nothing says when each word was said: words are spread by their letters."
    if result.preview.seconds >= media.MAX_SECONDS:
        sentence += f" Of a longer recording the first {media.MAX_SECONDS:g} s stand here."
    return sentence


def frame(sample: Sample, result: recording.Strip) -> pd.DataFrame:
    """A row a step and term, after a row a word."""
    about = {"sample": sample.id, "score": sample.unit}
    parts = [
        pd.DataFrame(
            {
                "row": "word",
                "name": [word.text for word in result.words],
                "from": [word.start for word in result.words],
                "to": [word.end for word in result.words],
                "spread": result.spread,
            }
        )
    ]
    for lane in result.lanes:
        for term, values in lane.terms.items():
            parts.append(
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
            )
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True).assign(
        **about
    )


def timed(sample: Sample, **_: Any) -> bool:
    """Whether a sample has an axis of time: a recording, moving pictures or sound."""
    return recording.source(sample.study.dataset, sample.row).is_timed


PANELS = {
    "strip": panel.Panel(
        strip,
        {"baseline": samples.START, "other": samples.OTHER, "method": samples.METHOD},
        fits=timed,
    )
}
