"""The decision attributed to what is inside a modality: words, frames, pixels or features."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._sentences import count, listed
from qfusion.explain.attribution import (
    INTEGRATED,
    METHODS,
    SCORE,
    Attribution,
    method_name,
    methods_by_title,
)
from qfusion.figures import attribution_charts
from qfusion.study import attribution, text, trust
from qfusion.study.attribution import FIRST, LAST, Match, StepMatch
from qfusion.study.opening import default_contrast
from qfusion.study.sample import Sample
from qfusion.views.pages.params import SampleParam, SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.rules import cite_sample, name_explained_class

_UNITS = {
    "words": "word",
    "waveform": "frame",
    "picture": "pixel",
    "spectrogram": "cell",
    "curve": "point",
    "features": "feature",
}


MODALITY = SelectParam(
    "inside.of",
    "Modality",
    "The first is shown.",
    values=lambda study: study.modalities,
    look="segments",
)

TERM = SelectParam(
    "inside.term",
    "Attribution of",
    "The whole output is taken.",
    "The log-odds or score, or one of the terms of this modality. Terms of several modalities "
    "are joint contributions.",
    lambda study: {
        attribution.title(term, study.quantity)
        for name in study.modalities
        for term in attribution.terms(study, name)
    },
    meanings=attribution.parse_title,
    style={"width": 260},
)

START = SelectParam(
    "inside.from",
    "Relative to",
    "The training mean is taken.",
    "Reference features; attributions explain the difference of this sample from them.",
    meanings={"training mean": "mean", "zero": "zero", "another sample": "sample"},
    look="segments",
)
Baseline = Annotated[str, START]

OTHER = SampleParam("inside.other", "That sample", "Another sample is taken.", style={"width": 180})
OtherSample = Annotated[str, OTHER]

METHOD = SelectParam(
    "inside.by",
    "Attribution method",
    "Integrated gradients are taken.",
    values=lambda _: methods_by_title(),
    default=METHODS[INTEGRATED].title,
    meanings=method_name,
    style={"width": 200},
)
Method = Annotated[str, METHOD]


def inside(
    sample: Sample,
    *,
    modality: Annotated[str, MODALITY] = "",
    term: Annotated[str, TERM] = SCORE,
    baseline: Baseline = "mean",
    other: OtherSample = "",
    method: Method = INTEGRATED,
) -> View:
    """The contribution of each word, frame, pixel or feature of a modality to a term of the decision, on the raw
    content.

    Args:
        sample: whose modality.
        modality: the first by default.
        term: "score" for the explained output, or a coalition that the modality is in, such as "text+audio".
        baseline: where the attribution starts: "mean" (the training mean), "zero" or "sample" (another sample).
        other: id of that sample; `default_contrast` by default.
        method: of `explain.attribution.METHODS`.
    """
    result, other = _open_attribution(sample, modality, term, baseline, other, method)
    canvas = attribution.canvas(
        sample.study,
        sample.row,
        result.modality,
        len(result.values) if result.values.ndim == 2 else None,  # steps of a sequence
    )
    matched = describe_match(canvas.how)
    units = canvas.sum_steps(result.units)
    largest = abs(units).argmax()
    what = _term_phrase(result.term, sample.quantity)
    where = f"In {text.escape_markdown(result.modality)}"
    start = f"sample {text.escape_markdown(other)}" if other else BASELINES[result.baseline]
    unit = _UNITS[canvas.kind]
    if canvas.kind == "words" and matched:
        unit = "token or word"
    units_counted = f"{len(units):,} {unit.replace(' ', 's ', 1)}s"
    remarks = _describe_completeness(result)
    if canvas.kind == "picture" and canvas.shape is not None:
        remarks += describe_picture(canvas.shape, attribution_charts.FAINT)
    if result.baseline == "mean":
        remarks += (
            f" The training mean is over {trust.count_training_rows(sample.study):,} samples."
        )
    if result.term != SCORE:
        remarks += f" {describe_comparison(sample.study.background)}"
    if matched:
        remarks += f" {text.escape_markdown(matched, 600)}"
    unnamed = ""
    if canvas.kind == "features" and not matched:
        unnamed = " These data have no words, sounds or pixels for single features, so the features are shown."
    return View(
        _attribution_figure(sample, result, canvas),
        describe_largest_parts(where, _part_names(canvas), units, f"moved {what}"),
        caption=f"the attribution of the change of {what}{name_explained_class(sample)} from "
        f"{result.start:+.3f} (at {start}) to {result.end:+.3f} (this sample) to the {units_counted}, by "
        f"{METHODS[result.method].title}. {remarks}",
        limits="Does not show the encoder away from the straight line between both, nor the reasons of the annotators."
        f"{unnamed}",
        table=attribution.frame(sample.study, sample.row, result),
        alternative=f"Attribution inside {result.modality}: largest at {canvas.names[largest]}, "
        f"{units[largest]:+.3f}.",
    )


def _part_names(canvas: attribution.Canvas) -> list[str]:
    """Return the names of the parts of a modality, as markdown."""
    if canvas.kind == "picture" and canvas.shape is not None:
        return [name_pixel(row, column, canvas.shape) for row, column in np.ndindex(canvas.shape)]
    names = [text.escape_markdown(name, 40) for name in canvas.names]
    return [f"‘{name}’" for name in names] if canvas.kind == "words" else names


def inside_features(
    sample: Sample,
    *,
    modality: Annotated[str, MODALITY] = "",
    term: Annotated[str, TERM] = SCORE,
    baseline: Baseline = "mean",
    other: OtherSample = "",
    method: Method = INTEGRATED,
) -> View:
    """The contribution of each feature of a sequence over all its steps; the options are those of `inside`."""
    result, _ = _open_attribution(sample, modality, term, baseline, other, method)
    names = next(
        m for m in sample.study.dataset.modalities if m.name == result.modality
    ).feature_names
    quoted = [f"‘{text.escape_markdown(name, 40)}’" for name in names]
    largest = names[abs(result.features).argmax()]
    return View(
        attribution_charts.bars(names, result.features, unit=sample.unit),
        describe_largest_parts("Of its features", quoted, result.features, "moved it"),
        caption=f"the same attribution, summed over the {len(result.units)} steps for each of the {len(names)} "
        f"features.{cite_sample(sample)}",
        limits="The steps are above.",
        table=attribution.frame(sample.study, sample.row, result),
        alternative=f"Attribution by feature: largest {largest}.",
    )


def inside_time(
    sample: Sample,
    *,
    term: Annotated[str, TERM] = SCORE,
    baseline: Baseline = "mean",
    other: OtherSample = "",
    method: Method = INTEGRATED,
) -> View:
    """The contribution of each step of every modality that is a sequence, on one axis.

    The options are those of `inside`.
    """
    names = attribution.sequences(sample.study, term)
    lanes = attribution.lanes(
        sample.study,
        sample.row,
        [_open_attribution(sample, name, term, baseline, other, method)[0] for name in names],
    )
    known = attribution.rates(sample.study, names)
    seconds = len(known) == len(names)
    what = _term_phrase(term, sample.quantity)
    whose = listed([text.escape_markdown(name) for name in names])
    axis = "seconds" if seconds else "percent of the length"
    sentences = filter(None, (describe_match(lane.how) for lane in lanes))
    matched = " ".join(dict.fromkeys(sentences))
    remark = f" {text.escape_markdown(matched, 600)}" if matched else ""
    return View(
        attribution_charts.timeline(
            [(lane.modality, lane.values, lane.width, lane.names) for lane in lanes],
            seconds=seconds,
            unit=sample.unit,
        ),
        f"When {whose} moved {what}",
        caption=f"the attribution of {what} inside each modality that is a sequence, at its steps. "
        f"{describe_axis(names, known)} The colours of each lane are scaled to its largest step, whose size is "
        f"below the name.{cite_sample(sample)}{remark}",
        limits="Parts at the same time need not be related: features are measured over windows, and one modality may "
        "precede another.",
        table=_lanes_table(sample, term, lanes, seconds),
        alternative=f"Attribution over time inside {', '.join(names)}, in {axis}.",
    )


def _lanes_table(
    sample: Sample, term: str, lanes: Sequence[attribution.Lane], seconds: bool
) -> pd.DataFrame:
    """Return one row per step of each modality, with its attribution."""
    tables = []
    for lane in lanes:
        places = np.arange(len(lane.values))
        columns = {
            "sample": str(sample.study.dataset.ids[sample.row]),
            "modality": lane.modality,
            "term": sample.quantity if term == SCORE else term,
            "unit": sample.unit,
            "step": places + 1,
            "said": lane.names,
            "from": places * lane.width,
            "to": (places + 1) * lane.width,
            "axis": "s" if seconds else "% of the length",
            "attribution": lane.values,
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _term_phrase(term: str, quantity: str) -> str:
    if term == SCORE:
        sentence = ""
    else:
        sentence = "the term of "
    sentence += text.escape_markdown(attribution.title(term, quantity))
    return sentence


def describe_axis(names: Sequence[str], known: Mapping[str, float]) -> str:
    """Describe the axis that modalities share, in a sentence.

    Args:
        names: of the modalities. known: steps a second, of those whose rate is known.
    """
    if len(known) == len(names):
        return (
            "The axis is time, by the rates of the data set: "
            f"{listed([f'{text.escape_markdown(name)} {known[name]:g} steps a second' for name in names])}."
        )
    unknown = [text.escape_markdown(name) for name in names if name not in known]
    return (
        "The axis is the fraction of each modality's length, since the data set has no rate of "
        f"{listed(unknown)}. Equal positions may be different times."
    )


def describe_largest_parts(where: str, names: Sequence[str], values: np.ndarray, did: str) -> str:
    """Describe which parts of a modality have the largest attribution.

    Args:
        where: the parts are, in words. names: of the parts, as markdown, one may stand for several. values: of the
            parts, with their signs, (n,). did: what a part did, such as "moved the log-odds".
    """
    return rules.describe_extremum(
        {str(i): float(value) for i, value in enumerate(values)},
        by_size=True,
        places=3,
        none="{where}, nothing {did} by 0.001 or more",
        one="{where}, {names} {did} the most ({value:+.3f})",
        some="{where}, {names} {did} the most, alike",
        name=lambda i: names[int(i)],
        several="{name} ({value:+.3f})",
        many="{count} parts (by {amount:.3f} each)",
        where=where,
        did=did,
    )


def _open_attribution(
    sample: Sample, modality: str, term: str, baseline: str, other: str, method: str
) -> tuple[Attribution, str]:
    """Return the attribution, and the id of the sample where it starts, if it starts at one."""
    study = sample.study
    row = sample.row
    start = (other or default_contrast(study, row)) if baseline == "sample" else ""
    return (
        attribution.attribute(
            study,
            row,
            modality or sample.modalities[0],
            term,
            sample.output,
            baseline,
            start,
            method,
        ),
        start,
    )


def _attribution_figure(
    sample: Sample, result: Attribution, canvas: attribution.Canvas
) -> go.Figure:
    if canvas.kind == "features":
        return attribution_charts.bars(canvas.names, result.units, unit=sample.unit)
    added = canvas.sum_steps(result.units)
    kinds: dict[str, tuple[Callable[..., go.Figure], np.ndarray]] = {
        "words": (attribution_charts.words, added),
        "waveform": (attribution_charts.waveform, result.units),
        "picture": (attribution_charts.picture, added),
        "spectrogram": (attribution_charts.spectrogram, added),
        "curve": (attribution_charts.curve, result.values),
    }
    draw, values = kinds[canvas.kind]
    if canvas.shape is not None:
        values = values.reshape(canvas.shape)
    return draw(values=values, **canvas.parts, unit=sample.unit)


def _describe_completeness(result: Attribution) -> str:
    """Return how far the shares are from adding up."""
    if result.steps == 1:
        return (
            f"The method is a linear approximation: its attributions miss the change by {result.error:.2g} "
            f"({result.relative_error:.2%})."
        )
    words = f"Convergence error {result.error:.2g} ({result.relative_error:.2%} of the change, {result.steps:,} steps)"
    if result.converged:
        return f"{words}."
    return f"**{words}: above 1% even at {result.steps:,} steps. Attributions may be inaccurate.**"


# By name of the baseline.
BASELINES: dict[str, str] = {
    "mean": "the training mean of every feature",
    "zero": "zero in every feature",
    "sample": "the features of another sample",
}

# Thirds of a picture, from the top and from the left.
REGIONS = (
    ("upper left", "upper middle", "upper right"),
    ("middle left", "center", "middle right"),
    ("lower left", "lower middle", "lower right"),
)
PIXEL = "a pixel in the {region}"
PICTURE = (
    " The model takes {rows} x {columns} pixels. Those below {faint:.0%} of the largest attribution have no color, so "
    "that the picture is seen."
)


def name_pixel(row: int, column: int, shape: tuple[int, int]) -> str:
    """Return where a pixel is: "a pixel in the lower left".

    Args:
        row, column: of the pixel, from 0.
        shape: rows and columns of the picture.
    """
    region = REGIONS[3 * row // shape[0]][3 * column // shape[1]]
    return PIXEL.format(region=region)


def describe_picture(shape: tuple[int, int], faint: float) -> str:
    """Return a sentence on how the attribution of a picture is drawn; it follows another sentence.

    Args:
        shape: rows and columns of the pixels that the model takes.
        faint: part of the largest attribution below which a pixel has no color.
    """
    return PICTURE.format(rows=shape[0], columns=shape[1], faint=faint)


TEMPLATES: dict[Match, str] = {
    Match.GIVEN: "",
    Match.NO_TEXT: "",
    Match.WORDS: (
        "The data do not name the word of a step. The sentence has as many words as the sequence has steps, so they "
        "were matched in order."
    ),
    Match.CHARACTERS: (
        "The data do not name the character of a step. The sentence has as many characters as there are steps{framed}, "
        "so they were matched in order."
    ),
    Match.LENGTHS_DIFFER: (
        "The sentence has {units} and the sequence {steps:,} steps, so steps have numbers only."
    ),
}
FRAMED = f" between {FIRST} and {LAST}"


def describe_match(match: StepMatch | None) -> str:
    """Return how steps were matched with words, or why they have numbers only; empty if the data name the words."""
    if match is None:
        return ""
    if match.characters:
        units = f"{match.units:,} characters"
    else:
        units = count(match.units, "word")
    return TEMPLATES[match.kind].format(
        units=units,
        steps=match.steps,
        framed=FRAMED if match.is_framed else "",
    )
