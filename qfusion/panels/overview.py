"""Five questions about a sample; small figures of the samples to start with: by the verdict on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from qfusion._checks import choose
from qfusion.analysis import answers, compare, text
from qfusion.analysis import dynamics as evolution
from qfusion.analysis import sample as backgrounds
from qfusion.analysis.answers import IN_TURN, QUESTIONS
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Workspace
from qfusion.figures import decision, dynamics, training
from qfusion.figures.numbers import terms_table
from qfusion.figures.style import Theme
from qfusion.panels import panel, samples
from qfusion.panels.address import View
from qfusion.panels.panel import Panel, Picture, can
from qfusion.training import metrics


def questions(sample: Sample, theme: Theme = "light") -> Picture:
    """Five questions about a sample, with their answers: in words alone, without a figure."""
    work = sample.work

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sample": sample.id,
                "question": IN_TURN,
                "answer": [QUESTIONS[question](sample) for question in IN_TURN],
            }
        )

    return Picture(
        "questions",
        f"Five questions about sample {text.plain(sample.id)}, decided "
        f"{answers.numbered(work, work.scores[sample.row])}",
        None,
        shows=f"answers of {text.plain(work.name)} about this {work.dataset.split[sample.row]} sample, each from the "
        f"figure that its link opens; samples that would flip it are looked for among {len(work.dataset):,}. "
        + backgrounds.against_words(sample.background),
        not_shown="what caused the annotation, nor what other samples have: only what this model computed for this "
        "one.",
        alt="",
        table=table,
    )


def test_metrics(work: Workspace, theme: Theme = "light") -> Picture:
    """How good the model is on test samples: mean and spread over its training seeds, and the one that is loaded."""
    card = work.card
    scores, own, count = (
        card["metrics"]["test"],
        card.get("this_seed", {}).get("test", {}),
        len(card.get("seeds", [])),
    )
    rows = [
        training.Measured(
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
    seeds = f"{count} training seed{'s' if count != 1 else ''}"
    over = f", mean of {count} seeds" if count > 1 else ""
    return Picture(
        "test-metrics",
        f"On {size:,} test samples: {best.name} {best.mean:.3f}{over}",
        training.test_metrics(rows, theme),
        shows=f"metrics of {text.plain(work.name)} on the {size:,} test samples of {text.plain(card['data']['name'])}: "
        f"mean (dot) and standard deviation (bar) over {seeds}; the ring is the seed that is loaded "
        f"({card.get('seed')}).",
        not_shown="where it fails: see errors by cohort.",
        alt="Test metrics: " + ", ".join(f"{row.name} {row.mean:.3f}" for row in rows) + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "metric": row.name,
                    "mean": row.mean,
                    "standard_deviation": row.std,
                    "this_seed": row.own,
                }
                for row in rows
            ]
        ),
    )


def waterfall(work: Workspace, theme: Theme = "light", *, kind: str = "agreement") -> Picture:
    """The decision on a sample to start with, term by term.

    Args:
        work: a model on its data.
        theme: of the figure.
        kind: of `examples.WHY`.
    """
    sample, row = _told(work, kind)
    output = int(work.predicted[row])
    dividends = work.dividends(row, output)
    truth = None if work.classes else float(work.dataset.y[row])
    finding = answers.finding(dividends)
    return Picture(
        f"telling-waterfall-{kind}",
        f"Sample {text.plain(sample)}: {finding}",
        decision.waterfall(
            dividends,
            work.modalities,
            truth=truth,
            unit=work.unit_of(output),
            theme=theme,
            compact=True,
        ),
        shows=backgrounds.baseline_words(work.sample_background),
        not_shown="",
        alt=f"Waterfall of sample {sample}: {text.unmarked(finding)}.",
        table=lambda: terms_table(dividends),
    )


def entropy(work: Workspace, theme: Theme = "light", *, kind: str = "agreement") -> Picture:
    """Entropy of each modality of a sample to start with, over time; of a model with time. `kind` as of `waterfall`."""
    sample, row = _told(work, kind)
    times, series = evolution.entropies_by_torch(work, row)
    return Picture(
        f"telling-entropy-{kind}",
        f"Sample {text.plain(sample)}: von Neumann entropy of each modality (nats)",
        dynamics.sparkline(times, series, work.modalities, theme=theme),
        shows="Over the evolution, as learned.",
        not_shown="",
        alt="Entropy of each modality over time. At the end, in nats: "
        + ", ".join(f"{k} {v[-1]:.2f}" for k, v in series.items()),
        table=lambda: pd.DataFrame({"t": times} | series),
    )


def masses(work: Workspace, theme: Theme = "light", *, kind: str = "agreement") -> Picture:
    """The masses that were fused, of a sample to start with; of a model with masses. `kind` as of `waterfall`."""
    sample, row = _told(work, kind)
    space: Any = work
    values, fused = space.masses[row].numpy(), (1 - space.vectors[row].numpy()[:, 2]) / 2
    elements = [str(i) for i in range(len(values))]
    return Picture(
        f"telling-masses-{kind}",
        f"Sample {text.plain(sample)}: masses, and what the fusion makes of them",
        decision.masses(values, fused, work.modalities, elements, compact=True, theme=theme),
        shows="Dark 0, yellow 1.",
        not_shown="",
        alt=f"Masses of each modality for each element; fused: {panel.listed(elements, fused)}.",
        table=lambda: pd.DataFrame(values, columns=list(work.modalities)).assign(fused=fused),
    )


def _told(work: Workspace, kind: str) -> tuple[str, int]:
    """Id and row of a sample to start with."""
    choose("Kind of sample", kind, compare.WHY)
    shown = {example.kind: example.sample for example in compare.find_examples(work)}
    sample = shown[choose("Among the samples to start with, kind", kind, shown)]
    return sample, work.dataset.row(sample)


def _kinds(view: View, work: Workspace) -> list[str]:
    return [one.kind for one in compare.find_examples(work)]


PANELS = {
    "waterfall": Panel(samples.waterfall),
    "questions": Panel(questions),
    "test-metrics": Panel(
        test_metrics,
        fits=lambda work, **_: bool(work.card.get("metrics", {}).get("test")),
        subject="work",
    ),
}
NAMED = {
    "telling-waterfall-": Panel(waterfall, rest="kind", endings=_kinds, subject="work"),
    "telling-entropy-": Panel(
        entropy, rest="kind", endings=_kinds, fits=can("time"), subject="work"
    ),
    "telling-masses-": Panel(
        masses,
        rest="kind",
        endings=_kinds,
        fits=lambda work, **_: work.can("masses") and not work.can("time"),
        subject="work",
    ),
    "content-": replace(
        samples.NAMED["content-"],
        endings=lambda view, work: [
            *samples.curves(
                work, [work.dataset.row(one.sample) for one in compare.find_examples(work)], "card"
            ),
            *samples.curves(work, [work.dataset.row(view.named("sample"))], "now"),
        ],
    ),
}
