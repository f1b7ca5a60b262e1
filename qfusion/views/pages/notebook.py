"""Displays of samples and models in notebooks, and what sliders change of a decision, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd

from qfusion._lazy import load
from qfusion._sentences import listed, true_minus
from qfusion.errors import QFusionError
from qfusion.figures.files import export
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import Tweak, learned_values
from qfusion.study import evolution, text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import metrics
from qfusion.views.pages import choices
from qfusion.views.view import View
from qfusion.views.words import answers, systems
from qfusion.views.words.rules import format_probability, name_explained_class, name_metric


def sample_html(sample: Sample) -> str:
    """Return the decision on a sample as HTML: the verdict, every term with how well it is known, the waterfall."""
    study = sample.study
    doubt = sample.seed_uncertainty
    errors_of = sample.explanation.errors
    truth = f"{sample.truth:+.2f}" if sample.target is not None else sample.truth
    title = (
        f"{text.escape_markdown(sample.id)}: {answers.format_decision_value(study, sample.scores)} by "
        f"{text.escape_markdown(sample.name)} on "
        f"{text.escape_markdown(sample.dataset.title)}"
    )
    if truth is not None:
        title += f"; annotated {text.escape_markdown(truth)}"
    terms = pd.DataFrame(
        {
            "term": [name or "baseline" for name in sample.dividends],
            f"contribution{text.strip_markup(name_explained_class(sample))}": list(
                sample.dividends.values()
            ),
        }
    )
    if doubt is not None:
        terms[f"± over {doubt.seeds} training seeds"] = doubt.spread[0]
    if errors_of is not None:
        terms["± over rows of the background"] = errors_of[0, :, sample.output]
    return _html(
        [
            title,
            *([describe_tweaked_sample(sample)] if sample.tweak_text else []),
            answers.answer_decision(sample.verdict, sample.study.seeds_state),
            f"Did the modalities conflict? {answers.answer_conflict(sample.verdict)}",
        ],
        terms,
        _image(sample.show()),
    )


def study_html(study: Study) -> str:
    """Return a model on its data as HTML: a description, the modality that leads on average over the test samples,
    with 95% intervals, and its test metrics over seeds.
    """
    shares = study.show("cohort-shares")
    rows = shares.numbers.query("level == 'all'")[["modality", "value", "low", "high"]]
    metrics = study.show("test-metrics") if study.card.get("metrics", {}).get("test") else None
    return _html(
        [
            f"{text.escape_markdown(study.name)} on {text.escape_markdown(study.dataset.title)}",
            systems.describe_system(study),
            *(f"{picture.title}." for picture in (metrics, shares) if picture),
        ],
        rows.rename(columns={"value": "mean share", "low": "95% from", "high": "to"}),
        _image(metrics) if metrics else "",
    )


def _image(view: View) -> str:
    """Return the figure of a view as HTML."""
    assert view.figure is not None
    return export.image(view.figure, view.alt)


def _html(lines: Iterable[str], table: pd.DataFrame, image: str) -> str:
    """Return lines of markdown, the first in bold, a table and an image; all of it escaped but the image."""
    first, *others = (escape(text.strip_markup(line)) for line in lines)
    return (
        f"<p><b>{first}</b></p>"
        + "".join(f"<p>{line}</p>" for line in others)
        + table.to_html(
            index=False, border=0, na_rep="", justify="left", float_format="{:.3f}".format
        )
        + image
    )


def tweak_widget(sample: Sample) -> Any:
    """Return a widget of a sample: sliders of the model's couplings, dissipation and duration, or the edits of its
    rules as text, beside the decision, which follows.

    Its `sample` is the sample as it is shown.

    Raises:
        MissingPackage: when ipywidgets is not installed.
    """
    widgets = load("ipywidgets")
    as_trained = sample.untweaked
    wide: dict[str, Any] = {
        "continuous_update": False,
        "style": {"description_width": "11em"},
        "layout": {"width": "26em"},
    }
    timed = sample.model.part(Evolution) is not None
    now = learned_values(sample.study.model) | sample.tweak.numbers() if timed else {}
    if timed:
        knobs = {
            key: widgets.FloatSlider(
                now[key],
                # a tweak may be beyond what pages offer
                min=min(0, now[key]),
                max=max(knob.high, now[key]),
                step=knob.step,
                description=key,
                **wide,
            )
            for key, knob in choices.factors(sample.study).items()
        }
    else:
        knobs = {"": widgets.Text(sample.tweak_text, description="edits", **wide)}
    shown = widgets.HTML()
    box = widgets.HBox([widgets.VBox(list(knobs.values()), layout={"margin": "0 2em 0 0"}), shown])

    def follow(_: object = None) -> None:
        turned = now | {key: knob.value for key, knob in knobs.items()}
        words = ",".join(f"{key}={value}" if key else value for key, value in turned.items())
        try:
            box.sample = replace(as_trained, tweak=words)
            shown.value = sample_html(box.sample)
        except QFusionError as error:
            shown.value = f"<p>{escape(str(error))}</p>"

    for knob in knobs.values():
        knob.observe(follow, "value")
    follow()
    return box


MOST_SAID = 2  # changes, and groups of modalities, that a line names one by one


def list_changes(tweak: Tweak) -> list[str]:
    """Describe the changes one by one, as Markdown."""
    changes = [f"H: {text.term(term)} × {factor:g}" for term, factor in tweak.couplings.items()]
    for term, factor in tweak.dissipations.items():
        changes.append(f"dissipation: {text.term(term)} × {factor:g}")
    if tweak.duration is not None:
        changes.append(f"T = {tweak.duration:g}")
    return changes


Ends = tuple[float, float, str]  # a number at T as learned and now, and its unit


def correlation_change(sample: Sample) -> dict[str, Ends]:
    """Return the correlation at T, as learned and now, by its name as markdown: of the modalities that changed terms
    act on, or of all where these are more than two groups.

    None of a single modality. With it the log-negativity of a pair, or of one modality with the rest, where all changed
    terms act on these.
    """
    names = sample.modalities
    ends = {}
    parts = evolution.affected_modalities(sample.tweak, names)
    if len(names) == 1:
        return {}
    if len(parts) > MOST_SAID:
        parts = [names]
    for part in parts:
        whose = f" of {listed([text.escape_markdown(name) for name in part])}"
        if len(part) == 1:
            whose += " with the rest"
        elif len(parts) == 1 and (len(part) == len(names) or len(list_changes(sample.tweak)) == 1):
            whose = ""  # those that stand before it
        name = f"{'mutual information' if len(part) < 3 else 'total correlation'}{whose}"
        measures = [(name, evolution.shared_at_end, "nats")]
        if len(parts) == 1 and len(part) < 3:
            measures.append((f"log-negativity{whose}", evolution.entangled_at_end, "bits"))
        for called, at_end, unit in measures:
            ends[called] = (
                at_end(sample.study, sample.row, sample.untweaked.tweak, part),
                at_end(sample.study, sample.row, sample.tweak, part),
                unit,
            )
    return ends


def equal_as_written(before: float, after: float) -> bool:
    """Return whether a difference is none as numbers are written, to 0.001."""
    return abs(after - before) < 5e-4 or f"{before:z.3f}" == f"{after:z.3f}"


def format_change(before: float, after: float) -> str:
    """Return two numbers as `0.210 → 0.130`, or a single number if both are written alike."""
    if equal_as_written(before, after):
        return f"{after:z.3f} (unchanged to 0.001)"
    return f"{before:z.3f} → {after:z.3f}"


def describe_change(
    changed: Sequence[str],
    shared: Mapping[str, Ends],
    score: tuple[float, float],
    decided: tuple[str, str],
    metric: tuple[str, float, float],
    whose: str = "",
    sure: tuple[float, float] = (0.0, 0.0),
    quantity: str = "score",
) -> str:
    """Describe the effect of the sliders, in one line.

    Args:
        changed: of `list_changes`. shared: of `correlation_change`.
        score, decided: the explained output as learned and now; the decision in words.
        metric: name of a test metric, its value as learned and now.
        whose: what is explained, behind the word.
        sure: softmax of the predicted class as learned and now, said where it stays the same class; alike where there
            are no classes.
        quantity: what is explained, "log-odds" or "score".
    """
    if len(changed) <= MOST_SAID:
        lever = ", ".join(changed)
    else:
        lever = f"{len(changed)} changes"
    parts = []
    for name, (before, after, unit) in shared.items():
        part = f"{name} {format_change(before, after)}"
        if not equal_as_written(before, after):
            part += f" {unit}"
        parts.append(part)
    parts.append(f"{quantity}{whose} {format_change(*score)}")
    if decided[0] != decided[1]:
        parts.append(f"decision now {decided[1]}")
    elif equal_as_written(*sure):
        parts.append("decision unchanged")
    else:
        ends = " → ".join(map(format_probability, sure))
        parts.append(f"decision unchanged (softmax {ends})")
    return f"**{lever}**: {', '.join(parts)}, test {metric[0]}: {format_change(*metric[1:])}."


def describe_tweaked_sample(sample: Sample) -> str:
    """Return `describe_tweak` of a sample whose tweak changes something, for any model that accepts a tweak."""
    timed = sample.model.part(Evolution) is not None
    words = describe_tweak(
        sample,
        list_changes(sample.tweak) if timed else [text.escape_markdown(sample.tweak_text)],
        correlation_change(sample) if timed else {},
    )
    return true_minus(words)


def describe_tweak(sample: Sample, changed: Sequence[str], shared: Mapping[str, Ends]) -> str:
    """`describe_change` of a sample under its tweak, as markdown; `changed` and `shared` as there."""
    study = sample.study
    base = sample.untweaked
    first = metrics.headlines(sample.metrics)[0]
    metric = name_metric(first)
    if study.classes:
        certainty = float(base.probabilities.max()), float(sample.probabilities.max())
    else:
        certainty = 0.0, 0.0
    verdicts = (
        answers.format_decision(study, base.scores),
        answers.format_decision(study, sample.scores),
    )
    metric_change = (
        metric + systems.seed_suffix(study),
        base.metrics[first],
        sample.metrics[first],
    )
    return describe_change(
        changed,
        shared,
        (base.score, sample.score),
        verdicts,
        metric_change,
        name_explained_class(sample),
        certainty,
        sample.quantity,
    )
