"""The panels of the Overview page: test metrics and one example per model."""

from dataclasses import replace
from typing import Any

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import sample_evolution, sample_examples, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures import (
    decision_charts,
    evidence_fusion,
    result_tables,
    sparklines,
    style,
    training_charts,
)
from qfusion.models import game, kind_files
from qfusion.models.protocols import Evolution, MassStates
from qfusion.panels import page_state, panel
from qfusion.panels.sample_curves import curve_names
from qfusion.panels.sample_decision import waterfall
from qfusion.panels.samples import NAMED
from qfusion.training import metrics
from qfusion.views import alt_text
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline, describe_comparison


def sample_questions(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw five questions about a sample, with their answers: in words alone, without a figure."""
    study = sample.study
    title = (
        f"Five questions about sample {text.escape_markdown(sample.id)}, decided "
        f"{answers.format_decision_value(study, study.scores[sample.row])}"
    )
    shows = (
        f"answers of {text.escape_markdown(study.name)} about this {study.dataset.split[sample.row]} "
        "sample, each from the figure of its link. "
        + (
            f"Samples that would flip it are searched among {len(study.dataset):,}. "
            if study.reads_features
            else ""
        )
        + describe_comparison(sample.background)
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "question": answers.IN_TURN,
                "answer": [answers.QUESTIONS[question](sample) for question in answers.IN_TURN],
            }
        )

    return panel.PanelFigure(
        "questions",
        title,
        None,
        shows=shows,
        not_shown="the cause of the annotation, nor other samples, only the computation of this model for this "
        "sample."
        if study.reads_features
        else "why the values are what they are: they were measured elsewhere.",
        alt="",
        table=table,
    )


def test_metrics(study: Study, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the test metrics of the model: mean and spread over its training seeds, and the loaded seed."""
    card = study.card
    scores = card["metrics"]["test"]
    own = card.get("this_seed", {}).get("test", {})
    count = len(card.get("seeds", []))
    rows = [
        training_charts.Measured(
            about.short,
            score["mean"],
            score["std"] if count > 1 else 0.0,
            float(own.get(name, "nan")),
            about.higher_is_better,
        )
        for name, about in metrics.labels(scores).items()
        if (score := scores[name])
    ]
    size = card["data"]["sizes"]["test"]
    best = max(rows, key=lambda row: row.is_share)
    title = f"On {size:,} test samples: {best.name} {best.mean:.3f}"
    if count > 1:
        title += f", mean of {count} seeds"
    shows = (
        f"metrics of {text.escape_markdown(study.name)} on the {size:,} test samples of "
        f"{text.escape_markdown(card['data']['name'])}: "
    )
    if count > 1:
        shows += (
            f"mean (dot) and standard deviation (bar) over {count} training seeds; the ring is the loaded "
            f"seed ({card.get('seed')})."
        )
    elif card["model"] in kind_files.file_formats():  # it was trained elsewhere
        shows += "values of the loaded weights."
    elif card["model"] == game.KIND:
        shows += "those of the values of all players together."
    else:
        shows += f"values of the loaded weights, training seed {card.get('seed')}."
    alt = "Test metrics: " + ", ".join(f"{row.name} {row.mean:.3f}" for row in rows) + "."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "metric": row.name,
                    "mean": row.mean,
                    "standard_deviation": row.std,
                    "this_seed": row.own,
                }
                for row in rows
            ]
        )

    return panel.PanelFigure(
        "test-metrics",
        title,
        training_charts.test_metrics(rows, theme),
        shows=shows,
        not_shown="where the model fails: see errors by cohort.",
        alt=alt,
        table=table,
    )


def example_waterfall(
    study: Study, theme: style.Theme = "light", *, kind: str = "agreement"
) -> panel.PanelFigure:
    """Draw the decision on a sample to start with, term by term.

    Args:
        study: a model on its data.
        theme: of the figure.
        kind: of `wording.examples.REASONS`.
    """
    sample, row = _find_example(study, kind)
    output = int(study.predicted[row])
    dividends = study.dividends(row, output)
    finding = answers.title_decision(study.verdict(row))
    figure = decision_charts.waterfall(
        dividends,
        study.modalities,
        truth=None
        if study.classes or not study.dataset.has_truth(row)
        else float(study.dataset.y[row]),
        unit=study.score_unit(output),
        quantity=study.quantity,
        theme=theme,
        compact=True,
    )
    return panel.PanelFigure(
        f"telling-waterfall-{kind}",
        f"Sample {text.escape_markdown(sample)}: {finding}",
        figure,
        shows=describe_baseline(study.sample_background),
        not_shown="",
        alt=f"Waterfall of sample {sample}: {text.strip_markup(finding)}.",
        table=lambda: result_tables.terms_table(dividends),
    )


def example_entropy(
    study: Study, theme: style.Theme = "light", *, kind: str = "agreement"
) -> panel.PanelFigure:
    """Draw the entropy of each modality of a sample to start with, over time.

    Of a model with time. `kind` as of `example_waterfall`.
    """
    sample, row = _find_example(study, kind)
    times, series = sample_evolution.entropies_by_torch(study, row)
    alt = "Entropy of each modality over time. At the end, in nats: " + ", ".join(
        f"{k} {v[-1]:.2f}" for k, v in series.items()
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame({"t": times} | series)

    return panel.PanelFigure(
        f"telling-entropy-{kind}",
        f"Sample {text.escape_markdown(sample)}: von Neumann entropy of each modality (nats)",
        sparklines.sparkline(times, series, study.modalities, theme=theme),
        shows="Over the evolution, as learned.",
        not_shown="",
        alt=alt,
        table=table,
    )


def example_masses(
    study: Study, theme: style.Theme = "light", *, kind: str = "agreement"
) -> panel.PanelFigure:
    """Draw the masses that were fused, of a sample to start with.

    Of a model with masses. `kind` as of `example_waterfall`.
    """
    sample, row = _find_example(study, kind)
    space: Any = study.space
    values = space.masses[row].numpy()
    fused = (1 - space.vectors[row].numpy()[:, 2]) / 2
    elements = [str(i) for i in range(len(values))]

    def table() -> pd.DataFrame:
        return pd.DataFrame(values, columns=list(study.modalities)).assign(fused=fused)

    return panel.PanelFigure(
        f"telling-masses-{kind}",
        f"Sample {text.escape_markdown(sample)}: masses and their fusion",
        evidence_fusion.masses(
            values, fused, study.modalities, elements, compact=True, theme=theme
        ),
        shows="Dark 0, yellow 1.",
        not_shown="",
        alt=f"Masses of each modality for each element; fused: {alt_text.list_numbers(elements, fused)}.",
        table=table,
    )


def _find_example(study: Study, kind: str) -> tuple[str, int]:
    """Return id and row of a sample to start with."""
    choose("Kind of sample", kind, sample_examples.RELATION)
    shown = {example.kind: example.sample for example in sample_examples.find_examples(study)}
    sample = shown[choose("Among the samples to start with, kind", kind, shown)]
    return sample, study.dataset.row(sample)


def _example_kinds(view: page_state.PageState, study: Study) -> list[str]:
    return [one.kind for one in sample_examples.find_examples(study)]


OVERVIEW = {
    "waterfall": panel.Panel(waterfall),
    "questions": panel.Panel(sample_questions),
    "test-metrics": panel.Panel(
        test_metrics,
        fits=lambda study, **_: bool(study.card.get("metrics", {}).get("test")),
        scope="study",
    ),
}
EXAMPLES = {
    "telling-waterfall-": panel.Panel(
        example_waterfall, rest="kind", endings=_example_kinds, scope="study"
    ),
    "telling-entropy-": panel.Panel(
        example_entropy,
        rest="kind",
        endings=_example_kinds,
        fits=panel.needs(Evolution),
        scope="study",
    ),
    "telling-masses-": panel.Panel(
        example_masses,
        rest="kind",
        endings=_example_kinds,
        fits=panel.needs(MassStates, where=lambda study: not study.model.part(Evolution)),
        scope="study",
    ),
    "content-": replace(
        NAMED["content-"],
        endings=lambda view, study: [
            *curve_names(
                study,
                [study.dataset.row(one.sample) for one in sample_examples.find_examples(study)],
                "card",
            ),
            *curve_names(study, [study.dataset.row(view.require("sample"))], "now"),
        ],
    ),
}
