"""Inside a modality: which words, frames, pixels or features made a term of the decision, drawn on the raw content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._sentences import listed, top
from qfusion.analysis import backgrounds, inside_modality, text
from qfusion.analysis.cohort import faithful
from qfusion.analysis.inside_modality import Canvas
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain.attribution import BASELINES, INTEGRATED, METHODS, SCORE, Attribution, by_title
from qfusion.figures.draw import inside as inside_figures
from qfusion.figures.style import Theme
from qfusion.panels.core import allowed as say
from qfusion.panels.core.panel import Panel, Picture, Read, unfolded, word
from qfusion.panels.core.view import View

STARTS = {
    "training mean": "mean",
    "zero": "zero",
    "another sample": "sample",
}  # as the address says it -> baseline
_BARE = (
    " These data hold no words, sounds or pixels that these features belong to one by one, only the features: "
    "they are shown."
)
MAX_NAMED = 3  # names that a title holds
_UNITS = {
    "words": "word",
    "waveform": "frame",
    "picture": "pixel",
    "curve": "point",
    "features": "feature",
}


def attribution(
    sample: Sample,
    theme: Theme = "light",
    *,
    modality: str = "",
    term: str = SCORE,
    baseline: str = "mean",
    other: str = "",
    method: str = INTEGRATED,
) -> Picture:
    """What each word, frame, pixel or feature of a modality added to a term of the decision, on the raw content.

    Args:
        sample: whose modality.
        theme: of the figure.
        modality: the first unless told.
        term: "score", or a coalition that the modality is in, such as "text+audio".
        baseline: where the attribution starts: "mean" (the training mean), "zero" or "sample" (another sample).
        other: id of that sample; `backgrounds.default_contrast` unless told.
        method: of `explain.features.attribution.METHODS`.
    """
    found, other = _found(sample, modality, term, baseline, other, method)
    canvas = inside_modality.canvas(sample.work, sample.row, found.modality, _steps(found))
    unit = (
        "cell"
        if canvas.parts.get("spectrogram")
        else "token or word"
        if canvas.kind == "words" and canvas.how
        else _UNITS[canvas.kind]
    )
    units = canvas.added(found.units)
    largest = abs(units).argmax()
    names = [text.plain(name, 40) for name in canvas.names]
    quoted = [f"‘{name}’" for name in names] if canvas.kind == "words" else names
    what = text.plain(inside_modality.title(found.term))
    what = what if found.term == SCORE else f"the term of {what}"
    whose = f" of ‘{text.plain(sample.work.classes[sample.output])}’" if sample.work.classes else ""
    start = f"sample {text.plain(other)}" if other else BASELINES[found.baseline]
    trained = f" The training mean is over {faithful.trained_on(sample.work):,} samples."
    count = trained if found.baseline == "mean" else ""
    against = "" if found.term == SCORE else " " + backgrounds.against(sample.work.background)
    return Picture(
        "inside",
        moved_most(f"In {text.plain(found.modality)}", quoted, units, f"moved {what}"),
        _figure(sample, found, canvas, theme),
        shows=f"how the change of {what}{whose} from {found.start:+.3f} (at {start}) to {found.end:+.3f} (this sample) "
        f"is shared among the {len(units):,} {unit.replace(' ', 's ', 1)}s, by {METHODS[found.method].title}. "
        f"{_error(found)}{count}{against}"
        + (f" {text.plain(canvas.how, 600)}" if canvas.how else ""),
        not_shown="what the encoder would do far from the straight way between both, or why people said so."
        + (_BARE if canvas.kind == "features" and not canvas.how else ""),
        alt=f"Attribution inside {found.modality}: largest at {canvas.names[largest]}, {units[largest]:+.3f}.",
        table=lambda: inside_modality.frame(sample.work, sample.row, found),
    )


def features(
    sample: Sample,
    theme: Theme = "light",
    *,
    modality: str = "",
    term: str = SCORE,
    baseline: str = "mean",
    other: str = "",
    method: str = INTEGRATED,
) -> Picture:
    """What each feature of a sequence added over all its steps; the options are those of `attribution`."""
    found, _ = _found(sample, modality, term, baseline, other, method)
    names = next(
        m for m in sample.work.dataset.modalities if m.name == found.modality
    ).feature_names
    largest = abs(found.features).argmax()
    return Picture(
        "inside-features",
        moved_most(
            "Of its features",
            [f"‘{text.plain(name, 40)}’" for name in names],
            found.features,
            "moved it",
        ),
        inside_figures.bars(names, found.features, unit=sample.unit, theme=theme),
        shows=f"the same attribution, added up over the {len(found.units)} steps for each of the {len(names)} "
        f"features.{sample.of}",
        not_shown="at which step: see above.",
        alt=f"Attribution by feature: largest {names[largest]}.",
        table=lambda: inside_modality.frame(sample.work, sample.row, found),
    )


def over_time(
    sample: Sample,
    theme: Theme = "light",
    *,
    term: str = SCORE,
    baseline: str = "mean",
    other: str = "",
    method: str = INTEGRATED,
) -> Picture:
    """What each step of every modality that is a sequence added, on one axis; the options are those of
    `attribution`."""
    names = inside_modality.sequences(sample.work, term)
    found = [_found(sample, name, term, baseline, other, method)[0] for name in names]
    lanes, known = (
        inside_modality.lanes(sample.work, sample.row, found),
        inside_modality.rates(sample.work, names),
    )
    seconds = len(known) == len(names)
    what = (
        text.plain(inside_modality.title(term))
        if term == SCORE
        else f"the term of {text.plain(inside_modality.title(term))}"
    )
    matched = " ".join(dict.fromkeys(lane.how for lane in lanes if lane.how))
    return Picture(
        "inside-time",
        f"When {listed([text.plain(name) for name in names])} moved {what}",
        inside_figures.timeline(
            [(lane.modality, lane.values, lane.width, lane.names) for lane in lanes],
            seconds=seconds,
            unit=sample.unit,
            theme=theme,
        ),
        shows=f"the attribution of {what} inside each modality that is a sequence, at its steps. "
        f"{axis_of(names, known)} In each lane the colours run to its own largest step, up or down, whose size "
        f"stands below the name.{sample.of}" + (f" {text.plain(matched, 600)}" if matched else ""),
        not_shown="whether what stands at one place belongs together: features are measured over windows, and one "
        "modality may come before another.",
        alt=f"Attribution over time inside {', '.join(names)}, in {'seconds' if seconds else 'percent of the length'}.",
        table=lambda: pd.concat(
            [
                pd.DataFrame(
                    {
                        "sample": str(sample.work.dataset.ids[sample.row]),
                        "modality": lane.modality,
                        "term": term,
                        "score": sample.unit,
                        "step": np.arange(1, len(lane.values) + 1),
                        "said": lane.names,
                        "from": np.arange(len(lane.values)) * lane.width,
                        "to": (np.arange(len(lane.values)) + 1) * lane.width,
                        "axis": "s" if seconds else "% of the length",
                        "attribution": lane.values,
                    }
                )
                for lane in lanes
            ],
            ignore_index=True,
        ),
    )


def axis_of(names: Sequence[str], known: Mapping[str, float]) -> str:
    """What the axis that modalities share is, in a sentence.

    Args:
        names: of the modalities. known: steps a second, of those whose rate is known.
    """
    if len(known) == len(names):
        return (
            "The axis is time, by the rates that the data set names: "
            f"{listed([f'{text.plain(name)} {known[name]:g} steps a second' for name in names])}."
        )
    unknown = [text.plain(name) for name in names if name not in known]
    return (
        f"The axis is the share of each one's own length, since the data name no rate of {listed(unknown)}: one "
        "place need not be one moment."
    )


def moved_most(where: str, names: Sequence[str], values: np.ndarray, did: str) -> str:
    """Which parts of a modality have the largest attribution.

    Args:
        where: the parts are, in words. names: of the parts, as markdown, one may stand for several. values: of the
            parts, with their signs, (n,). did: what a part did, such as "moved the score".
    """
    sizes = {str(i): abs(float(value)) for i, value in enumerate(values)}
    first = [int(i) for i in top(sizes, 3)]
    if not first or round(abs(float(values[first[0]])), 3) == 0:
        return f"{where}, nothing {did} by 0.001 or more"
    said = [f"{names[i]} ({values[i]:+.3f})" for i in first]
    if len(first) == 1:
        return f"{where}, {names[first[0]]} {did} the most ({values[first[0]]:+.3f})"
    words = (
        listed(said)
        if len(said) <= MAX_NAMED
        else f"{len(said)} parts (by {abs(values[first[0]]):.3f} each)"
    )
    return f"{where}, {words} {did} the most, alike"


def _found(
    sample: Sample, modality: str, term: str, baseline: str, other: str, method: str
) -> tuple[Attribution, str]:
    """The attribution, and the id of the sample where it starts, if it starts at one."""
    if baseline != "sample":
        other = ""
    elif not other:
        other = backgrounds.default_contrast(sample.work, sample.row)
    return inside_modality.attribute(
        sample.work,
        sample.row,
        modality or sample.modalities[0],
        term,
        sample.output,
        baseline,
        other,
        method,
    ), other


def _steps(found: Attribution) -> int | None:
    """Real steps of a sequence; None of a vector."""
    return len(found.values) if found.values.ndim == 2 else None


def _figure(sample: Sample, found: Attribution, canvas: Canvas, theme: Theme) -> go.Figure:
    parts: dict[str, Any] = {**canvas.parts, "unit": sample.unit, "theme": theme}
    if canvas.kind == "words":
        return inside_figures.words(values=canvas.added(found.units), **parts)
    if canvas.kind == "waveform":
        return inside_figures.waveform(values=found.units, **parts)
    if canvas.kind == "picture":
        return inside_figures.picture(
            values=found.values.reshape(canvas.parts["pixels"].shape), **parts
        )
    if canvas.kind == "curve":
        return inside_figures.curve(values=found.values, **parts)
    return inside_figures.bars(canvas.names, found.units, unit=sample.unit, theme=theme)


def _error(found: Attribution) -> str:
    """How far the shares are from adding up."""
    if found.steps == 1:
        return (
            f"It takes the term as a straight line: the shares miss the change by {found.error:.2g} "
            f"({found.relative_error:.2%})."
        )
    words = f"Convergence error {found.error:.2g} ({found.relative_error:.2%} of the change, {found.steps:,} steps)"
    return (
        f"{words}."
        if found.converged
        else f"**{words}: above 1 % even at {found.steps:,} steps; read the shares with care.**"
    )


def _term(view: View) -> str | None:
    return inside_modality.named(view.get("inside.term")) if view.get("inside.term") else None


def _other(view: View) -> str | None:
    return (
        view.get("inside.other") or None
        if STARTS.get(view.get("inside.from")) == "sample"
        else None
    )


def _method(view: View) -> str | None:
    return next(
        (name for name, method in METHODS.items() if method.title == view.get("inside.by")),
        view.get("inside.by") or None,
    )


def of_sequence(sample: Sample, modality: str = "", **_: Any) -> bool:
    """Whether a modality, the first unless told, is a sequence, so that its features are summed over steps."""
    chosen = modality or sample.modalities[0]
    return any(each.is_sequence for each in sample.work.dataset.modalities if each.name == chosen)


def of_sequences(sample: Sample, term: str = SCORE, **_: Any) -> bool:
    """Whether a term is of several modalities that are sequences, so that they can share an axis."""
    return len(inside_modality.sequences(sample.work, term)) > 1


def _allowed_inside(work: Workspace) -> dict[str, say.Allowed]:
    """What an address may say of the look inside a modality."""
    terms = {
        inside_modality.title(term)
        for name in work.modalities
        for term in inside_modality.terms(work, name)
    }
    return {
        "inside": say.switch("Inside a modality", "It stays closed."),
        "inside.of": say.options("Modality", work.modalities, "The first is shown."),
        "inside.term": say.options("Term", sorted(terms), "The score is taken."),
        "inside.from": say.options("Starting point", STARTS, "The training mean is taken."),
        "inside.other": say.Allowed(work.dataset.row, "Another sample is taken."),
        "inside.by": say.options("Method", by_title(), "Integrated gradients are taken."),
    }


_CHOSEN: dict[str, Read] = {
    "modality": word("inside.of"),
    "term": _term,
    "baseline": lambda view: STARTS.get(view.get("inside.from")),
    "other": _other,
    "method": _method,
}
INSIDE = {
    "inside": Panel(attribution, _CHOSEN, opens=unfolded("inside")),
    "inside-features": Panel(features, _CHOSEN, opens=unfolded("inside"), fits=of_sequence),
    "inside-time": Panel(
        over_time,
        {key: read for key, read in _CHOSEN.items() if key != "modality"},
        opens=unfolded("inside"),
        fits=of_sequences,
    ),
}
