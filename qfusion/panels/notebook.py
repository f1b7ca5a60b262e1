"""Displays of samples and models in notebooks: HTML without scripts, and a widget that changes a model while the
decision follows.

    sample = qfusion.analysis.open_sample("qj-planted", "p2924")     # last in a cell: verdict, terms, figure
    qfusion.panels.notebook.tweak_widget(sample)                           # sliders; needs ipywidgets
"""

from collections.abc import Iterable
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd

from qfusion._lazy import load
from qfusion.analysis import cohort_levels, text
from qfusion.analysis.sample import Sample, build_sample
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.figures import export, notebook
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import learned_values
from qfusion.panels import dynamics_page, tweak_effects
from qfusion.panels.views import drawn
from qfusion.views import alt_text, cohort_contributions, overview
from qfusion.wording import answers, systems
from qfusion.wording.samples import name_explained_class


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
            *([tweak_effects.describe_tweaked_sample(sample)] if sample.tweak_text else []),
            answers.answer_decision(sample),
            f"Did the modalities conflict? {answers.answer_conflict(sample)}",
        ],
        terms,
        export.image(
            notebook.contributions(sample),
            f"Waterfall: {alt_text.list_terms(sample.dividends)}.",
        ),
    )


def study_html(study: Study) -> str:
    """Return a model on its data as HTML: a description, the modality that leads on average over the test samples,
    with 95% intervals, and its test metrics over seeds.
    """
    shares = cohort_contributions.cohort_shares(
        cohort_levels.build_levels(build_sample(study, study.explained_rows[0]))
    )
    rows = shares.numbers.query("level == 'all'")[["modality", "value", "low", "high"]]
    metrics = (
        drawn(overview.test_metrics)(study) if study.card.get("metrics", {}).get("test") else None
    )
    return _html(
        [
            f"{text.escape_markdown(study.name)} on {text.escape_markdown(study.dataset.title)}",
            systems.describe_system(study),
            *(f"{picture.title}." for picture in (metrics, shares) if picture),
        ],
        rows.rename(columns={"value": "mean share", "low": "95% from", "high": "to"}),
        export.image(metrics.figure, metrics.alt) if metrics else "",
    )


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
            for key, knob in dynamics_page.factors(sample.study).items()
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
