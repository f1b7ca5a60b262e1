"""A sample: its content over its seconds, its spectra or profiles, and the samples near it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed, true_minus
from qfusion.data import media_files
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Series
from qfusion.explain import RELATIONS
from qfusion.explain.attribution import INTEGRATED, METHODS
from qfusion.figures import cohort_charts, sample_charts, scatter_map, style
from qfusion.figures.circuits import fusion
from qfusion.study import cohorts, compare, maps, recording_strip, sample, text, what_if
from qfusion.study.opening import default_contrast
from qfusion.study.recording_strip import Steps, Strip
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.study.text import escape_markdown
from qfusion.views.attribution import (
    BASELINES,
    Baseline,
    Method,
    OtherSample,
    describe_largest_parts,
)
from qfusion.views.changes import Changes
from qfusion.views.pages.choices import ExplainedOutput
from qfusion.views.pages.params import SelectParam, TextParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.names import axis_titles
from qfusion.views.words.verdicts import RELATION_DEFINITIONS

SPLIT = SelectParam(
    "split",
    "Split",
    "The test split is shown.",
    values=(*SPLITS, "all"),
    default="test",
    look="segments",
)

SEARCH = TextParam(
    "find",
    "Search ids and words",
    "Nothing is searched for.",
    most=100,
    style={"placeholder": "Search ids and words"},
)

RELATION = SelectParam(
    "relation",
    "How the modalities relate",
    "All relations are shown.",
    "; ".join(f"{kind}: {words}" for kind, words in RELATION_DEFINITIONS.items()),
    RELATIONS,
    many=True,
    look="pills",
)

VERDICT = SelectParam(
    "verdict",
    "Predicted",
    "Right and wrong ones are shown.",
    "Only samples that the model gets right, or wrong.",
    cohorts.VERDICTS,
    empty=True,
    look="segments",
    fits=lambda study: bool(study.classes) and study.has_truth,
)

CLASSES = SelectParam(
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
    SelectParam(key, f"{key} axis", "The usual one is shown.", _AXES, axis_titles)
    for key in ("x", "y")
)

SIMILAR_BY = SelectParam(
    "similar",
    "Similar by",
    "Contributions are compared.",
    values=lambda study: [maps.TITLES[kind] for kind in compare.ways(study)],
    look="segments",
    meanings=maps.KEYS,
)


def scatter(
    sample: Sample,
    *,
    x: Annotated[str, ACROSS] = "",
    y: Annotated[str, UP] = "",
    output: ExplainedOutput = "",
    split: Annotated[str, SPLIT] = "test",
    search: Annotated[str, SEARCH] = "",
    relations: Annotated[Sequence[str], RELATION] = (),
    verdict: Annotated[str, VERDICT] = "",
    classes: Annotated[Sequence[str], CLASSES] = (),
) -> View:
    """All samples that pass, as points; a ring around the sample.

    Args:
        sample: that is marked.
        x, y: columns, see `finding.axes`; the usual ones by default.
        output: what dividends split, as text of `outputs.parse`; of each sample the predicted class by default.
        split, search, relations, verdict, classes: which samples pass, see `finding.passing`.
    """
    study = sample.study
    titles = axis_titles(study)
    default = cohorts.default_axes(study)
    x = choose("Axis", x or default[0], titles)
    y = choose("Axis", y or default[1], titles)
    choose("Split", split, (*SPLITS, "all"))
    choose("Verdict", verdict, ("", *cohorts.VERDICTS))
    passed = cohorts.passing(
        sample_table(study, output),
        split=split,
        search=search,
        relations=relations,
        verdict=verdict,
        classes=classes,
    )
    rows = cohorts.axis_rows(study, passed, x, y)
    if y == "margin":
        wrong = int((rows["margin"] < 0).sum())
        title = f"Decided wrongly: {wrong:,} of {len(rows):,}, with a margin below 0"
    else:
        title = f"{text.escape_markdown(titles[y])} against {text.escape_markdown(titles[x])}"
    spread = ""
    if len(rows) == cohorts.MAX_DRAWN:
        spread = f" (evenly spread over the {len(passed):,} that pass)"
    return View(
        cohort_charts.scatter(
            rows.index.tolist(),
            rows[x].to_numpy(),
            rows[y].to_numpy(),
            titles[x],
            titles[y],
            chosen=sample.id,
            captions=text.table_texts(study.dataset, rows) or None,
            diagonal={x, y} == {"truth", "prediction"},
            zero=y == "margin",
        ),
        title,
        caption=f"one point a sample, {len(rows):,} in all{spread}; the ring marks the current one."
        f"{_describe_dividends(study, x, y)}",
        limits="To see why a sample lies where it does, open it.",
        table=rows[[x, y]].reset_index(),
        alternative=f"Scatter of {titles[y]} against {titles[x]} for {len(rows)} samples; {sample.id} is ringed.",
    )


def sample_table(study: Study, output: str) -> pd.DataFrame:
    """Return all samples, with the dividends of a class, or of the predicted ones."""
    wanted = sample.parse(output, study.classes)
    return study.with_reference(wanted.reference).frame(wanted.number)


def _describe_dividends(study: Study, *wanted: str) -> str:
    if not any(column.startswith("dividend[") for column in wanted):
        return ""
    explained, some = len(study.explained_rows), ""
    if explained < len(study.dataset):
        some = f" Contributions are worked out for {explained:,} test samples."
    return f"{some} {describe_comparison(study.explanation_background)}"


def similar(sample: Sample, *, by: Annotated[str, SIMILAR_BY] = maps.DIVIDENDS) -> View:
    """The test samples nearest to one.

    Args:
        sample: of any model.
        by: what is compared, see `similar.ways`.
    """
    result = compare.nearest(sample, by)
    study = sample.study
    ids = [str(name) for name in study.dataset.ids[result.rows]]
    outcomes, right = describe_outcomes(study, result.rows)
    notes = text.describe_samples(study.dataset, result.rows)
    verdicts = study.predicted if study.classes else np.sign(study.scores[:, 0])
    agree = int((verdicts[result.rows] == verdicts[sample.row]).sum())
    distances = dict(zip(ids, result.distances.tolist(), strict=True))
    numbers = "; ".join(f"{name} {value:.3g}" for name, value in distances.items())
    wrong = "; hatched: wrong predictions" if study.classes else ""
    comparison = ""
    if by == maps.DIVIDENDS:
        comparison = f" {describe_comparison(study.explanation_background)}"
    truths, predictions = truth_and_prediction(study, result.rows)
    table = pd.DataFrame(
        {"id": ids, "truth": truths, "prediction": predictions, "distance": result.distances}
    )
    if any(notes):
        table["text"] = notes
    return View(
        scatter_map.nearest_bars(
            [f"{name}: {outcome}" for name, outcome in zip(ids, outcomes, strict=True)],
            result.distances,
            right,
            notes=notes,
            axis=compare.TITLES[by],
            typical=result.median,
        ),
        describe_nearest(distances, maps.TITLES[by], agree, bool(study.classes)),
        caption=f"the {len(ids)} of {result.among:,} test samples nearest to sample "
        f"{text.escape_markdown(sample.id)}: annotated → predicted{wrong}.{comparison}",
        limits="To see why they are similar, compare them side by side.",
        table=table,
        alternative=f"Nearest: {numbers}.",
        usage="Click a bar to open the sample.",
    )


def describe_nearest(distances: Mapping[str, float], what: str, agree: int, classes: bool) -> str:
    """Describe which samples are nearest, and how many of those shown are predicted alike.

    Args:
        distances: by sample, of those shown. what: is compared, in words. agree: how many are predicted alike.
        classes: whether the model chooses among classes.
    """
    if not distances:
        return "There is no other test sample"
    least = f"{min(distances.values()):.3g}"
    first = [
        text.escape_markdown(name) for name, value in distances.items() if f"{value:.3g}" == least
    ]
    same = "predicted alike" if classes else "predicted with the same sign"
    if len(distances) == 1:
        are = f"it is{'' if agree else ' not'}"
    else:
        are = f"{agree} of the {len(distances)} nearest {'is' if agree == 1 else 'are'}"
    whose = f"Samples {listed(first)}" if len(first) <= rules.MAX_NAMED else f"{len(first)} samples"
    return rules.choose_template(
        first,
        distances,
        one=f"Sample {first[0]} is nearest by its {what}; {are} {same}",
        some=f"{whose} are equally near by their {what}; {are} {same}",
    )


def describe_outcomes(study: Study, rows: np.ndarray) -> tuple[list[str], list[bool | None]]:
    """Return "annotated → predicted" of some rows, and whether each is right.

    None of a regression, and where no annotation is known.
    """
    truths, predictions = truth_and_prediction(study, rows)
    form = "{}" if study.classes else "{:+.2f}"
    texts = []
    correct: list[bool | None] = []
    for row, truth, prediction in zip(rows, truths, predictions, strict=True):
        is_known = study.dataset.has_truth(row)
        written = form.format(truth) if is_known else "no truth"
        texts.append(true_minus(f"{written} → {form.format(prediction)}"))
        if study.classes and is_known:
            correct.append(truth == prediction)
        else:
            correct.append(None)
    return texts, correct


def truth_and_prediction(study: Study, rows: np.ndarray) -> list[list[Any]]:
    """Return the annotations and predictions of some rows: names of classes, or numbers."""
    if not study.classes:
        return [study.dataset.y[rows].tolist(), study.scores[rows, 0].tolist()]
    return [
        [study.classes[int(entry)] if entry >= 0 else "" for entry in column[rows]]
        for column in (study.dataset.y, study.predicted)
    ]


def curve(study: Study, row: int, modality: str, card: str = "main") -> View:
    """A spectrum or profile of a sample as a small line chart in its modality's colour.

    Args:
        study: a model on data with such curves.
        row: of the sample.
        modality: whose curve.
        card: tells figures of one sample apart that a page shows twice.
    """
    check(
        0 <= row < len(study.dataset.ids),
        f"The data have {len(study.dataset)} samples, but none in row {row}.",
    )
    piece: Any = study.dataset.content(row).get(modality)
    check(
        isinstance(piece, Series),
        f"The data have no curve of modality '{modality[:60]}' of this sample.",
    )
    name, axis = text.escape_markdown(modality), text.escape_markdown(piece.x_label)
    least, most = np.min(piece.values), np.max(piece.values)
    return View(
        fusion.curve(
            piece.values,
            piece.x,
            piece.x_label,
            piece.y_label,
            style.term_colour(modality, study.modalities),
        ),
        f"{name} of sample {text.escape_markdown(study.dataset.ids[row])}",
        caption=f"{text.escape_markdown(piece.y_label)} over {axis}.",
        table=pd.DataFrame({piece.x_label: piece.x, piece.y_label: piece.values}),
        alternative=f"Curve: {modality} of the sample, {len(piece.values)} values from {least:.3g} to {most:.3g}.",
        name=f"content-{card}-{row}-{modality}",
    )


def sample_curve(sample: Sample, row: int, modality: str, card: str = "main") -> View:
    """A spectrum or profile of any sample of the same data, see `curve`."""
    return curve(sample.study, row=row, modality=modality, card=card)


def strip(
    sample: Sample,
    *,
    baseline: Baseline = "mean",
    other: OtherSample = "",
    method: Method = INTEGRATED,
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
        sample_charts.timeline(result, sample.modalities, sample.unit),
        title,
        caption=f"{content} of the sample over {seconds}. {bars}{describe_spread(result)}{learned} {compared}",
        limits="Parts at the same time need not belong together: features are measured over windows, and an encoder "
        "may carry information to a later step.",
        table=_strip_table(sample, result),
        alternative=f"One axis of {seconds}: {content}{largest}.",
        heading="One axis of time",
    )


def open_strip(
    sample: Sample,
    baseline: Baseline = "mean",
    other: OtherSample = "",
    method: Method = INTEGRATED,
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


def compared_strip(sides: compare.Sides, letter: str = "A") -> View:
    """The strip of A or B, of two decisions side by side."""
    view = strip(sides.labelled[letter])
    return replace(view, name=f"strip-{letter}", title=f"{letter}: {view.title}")


def donor_strip(sample: Sample, modality: str, *, changes: Changes = None) -> View:
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


def donor_row(sample: Sample, modality: str, changes: what_if.Edits | None) -> int:
    """Return the row that lends a modality."""
    wanted = dict((changes or {}).get(modality, {}))
    return sample.dataset.row(
        str(wanted.get("donor") or default_contrast(sample.study, sample.row))
    )


PEAK = "at {seconds:.2f} s"
SPREAD_PEAK = "at about {seconds:.2f} s"
SPREAD_STEPS = " The times of the steps of {modalities} are unknown; they are spread over the sample{as_words}."
AS_WORDS = " like its words"
SPREAD_WORDS = " The times of the words are unknown; they are spread in proportion to their numbers of letters."
SHORTENED = " At most the first {seconds:g} s of a recording are shown."


def describe_peak(lane: Steps) -> str:
    """Return the time of a modality's largest step."""
    template = SPREAD_PEAK if lane.spread else PEAK
    return template.format(seconds=lane.starts[lane.peak])


def describe_spread(strip: Strip) -> str:
    """Return the steps and words that are spread evenly, in sentences that follow others, or an empty string if
    there are none.
    """
    sentences = []
    spread = [escape_markdown(lane.modality) for lane in strip.lanes if lane.spread]
    if spread:
        as_words = AS_WORDS if any(lane.by_words for lane in strip.lanes) else ""
        sentences.append(SPREAD_STEPS.format(modalities=listed(spread), as_words=as_words))
    if strip.words and strip.spread:
        sentences.append(SPREAD_WORDS)
    if strip.preview.seconds >= media_files.MAX_SECONDS:
        sentences.append(SHORTENED.format(seconds=media_files.MAX_SECONDS))
    return "".join(sentences)
