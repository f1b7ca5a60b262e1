"""A model at first sight: its test metrics, five questions about a sample, and one example of each kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pandas as pd

from qfusion._checks import choose
from qfusion.figures import decision_charts, training_charts
from qfusion.figures.circuits import fusion
from qfusion.models import kind_files, measured_game
from qfusion.models.protocols import Evolution, LayeredNetwork
from qfusion.study import compare, evolution, text, trust, what_if
from qfusion.study.compare import Example
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import metrics
from qfusion.views.decision import decision_over_time
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import (
    describe_agreement,
    describe_baseline,
    describe_comparison,
)

# "When did it happen?"
NOT_FOLLOWED = "The model is read out at its end only, so that the decision cannot be followed."
# "What did the dynamics add?"
NO_DYNAMICS = "Nothing: this model has no dynamics."
# Answers for a measured game.
GAME_FLIPS = "Not known: the values of a measured game cannot be evaluated on a changed sample."
GAME_NOT_FOLLOWED = "Not known: a measured game holds values at the end only."
GAME_NO_DYNAMICS = "Nothing: a measured game has no dynamics."


def shown_measure(modalities: Sequence[str]) -> Literal["entropy", "entanglement"]:
    """Return what is drawn above the decision over time: a lone modality is entangled with nothing."""
    return "entanglement" if len(modalities) > 1 else "entropy"


def entanglement_and_decision(sample: Sample) -> View:
    """Entanglement and contributions on one time axis."""
    drawn = decision_over_time(sample, above=shown_measure(sample.modalities))
    return replace(drawn, name="decision-over-time")


def questions(sample: Sample) -> View:
    """Five questions about a sample, with their answers: in words alone, without a figure."""
    study = sample.study
    name, split = text.escape_markdown(study.name), study.dataset.split[sample.row]
    decided = answers.format_decision_value(study, study.scores[sample.row])
    agreement = describe_agreement(trust.words_of_sample(sample))
    if study.reads_features:
        searched = f"Samples that would flip it are searched among {len(study.dataset):,}. "
        limits = (
            "Does not show the cause of the annotation, nor other samples, only the computation of this model for this "
            "sample."
        )
    else:
        searched = ""
        limits = "Does not show why the values are what they are: they were measured elsewhere."
    return View(
        None,
        f"Five questions about {text.escape_markdown(sample.id)}, decided {decided}",
        caption=f"answers of {name} about this {split} sample, each from the figure of its link. "
        f"{searched}{describe_comparison(sample.background)} {agreement}".rstrip(),
        limits=limits,
        table=partial(_answer_all, sample),
    )


def _answer_all(sample: Sample) -> pd.DataFrame:
    """Return the answers to the five questions; the slow ones take seconds."""
    return pd.DataFrame(
        {
            "sample": sample.id,
            "question": IN_TURN,
            "answer": [QUESTIONS[question](sample) for question in IN_TURN],
        }
    )


def test_metrics(study: Study) -> View:
    """The test metrics of the model: mean and spread over its training seeds, and the loaded seed."""
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
    mean = f", mean of {count} seeds" if count > 1 else ""
    model, data = text.escape_markdown(study.name), text.escape_markdown(card["data"]["name"])
    numbers = ", ".join(f"{row.name} {row.mean:.3f}" for row in rows)
    return View(
        training_charts.test_metrics(rows),
        f"On {size:,} test samples: {best.name} {best.mean:.3f}{mean}",
        caption=f"metrics of {model} on the {size:,} test samples of {data}: {_describe_values(card, count)}",
        limits="To see where the model fails, open the errors by cohort.",
        table=pd.DataFrame(
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
        alternative=f"Test metrics: {numbers}.",
    )


def _describe_values(card: Mapping[str, Any], seeds: int) -> str:
    """Describe whose values the metrics of a model card are."""
    if seeds > 1:
        return (
            f"mean (dot) and standard deviation (bar) over {seeds} training seeds; the ring is the loaded "
            f"seed ({card.get('seed')})."
        )
    if card["model"] in kind_files.file_formats():  # it was trained elsewhere
        return "values of the loaded weights."
    if card["model"] == measured_game.KIND:
        return "those of the values of all players together."
    return f"values of the loaded weights, training seed {card.get('seed')}."


def example_waterfall(study: Study, kind: str = "agreement") -> View:
    """The decision on a sample to start with, term by term.

    Args:
        study: a model on its data.
        kind: of `views.overview.REASONS`.
    """
    sample, row = _find_example(study, kind)
    output = int(study.predicted[row])
    dividends = study.dividends(row, output)
    finding = answers.title_decision(study.verdict(row))
    has_number = not study.classes and study.dataset.has_truth(row)
    return View(
        decision_charts.waterfall(
            dividends,
            study.modalities,
            truth=float(study.dataset.y[row]) if has_number else None,
            pale=study.verdict(row).within_spread,
            unit=study.score_unit(output),
            quantity=study.quantity,
            compact=True,
        ),
        f"Sample {text.escape_markdown(sample)}: {finding}",
        caption=describe_baseline(study.sample_background),
        table=terms_table(dividends),
        alternative=f"Waterfall of sample {sample}: {text.strip_markup(finding)}.",
        name=f"telling-waterfall-{kind}",
    )


def example_entropy(study: Study, kind: str = "agreement") -> View:
    """The entropy of each modality of a sample to start with, over time.

    Of a model with time. `kind` as of `example_waterfall`.
    """
    sample, row = _find_example(study, kind)
    times, series = evolution.entropies_by_torch(study, row)
    ends = ", ".join(f"{name} {values[-1]:.2f}" for name, values in series.items())
    return View(
        training_charts.sparkline(times, series, study.modalities),
        f"Sample {text.escape_markdown(sample)}: von Neumann entropy of each modality (nats)",
        caption="Over the evolution, as learned.",
        table=pd.DataFrame({"t": times} | series),
        alternative=f"Entropy of each modality over time. At the end, in nats: {ends}",
        name=f"telling-entropy-{kind}",
    )


def example_masses(study: Study, kind: str = "agreement") -> View:
    """The masses that were fused, of a sample to start with.

    Of a model with masses. `kind` as of `example_waterfall`.
    """
    sample, row = _find_example(study, kind)
    backend: Any = study.backend
    values = backend.masses[row].numpy()
    fused = (1 - backend.vectors[row].numpy()[:, 2]) / 2
    elements = [str(i) for i in range(len(values))]
    numbers = rules.list_numbers(elements, fused)
    return View(
        fusion.masses(values, fused, study.modalities, elements, compact=True),
        f"Sample {text.escape_markdown(sample)}: masses and their fusion",
        caption="Dark 0, yellow 1.",
        table=pd.DataFrame(values, columns=list(study.modalities)).assign(fused=fused),
        alternative=f"Masses of each modality for each element; fused: {numbers}.",
        name=f"telling-masses-{kind}",
    )


def _find_example(study: Study, kind: str) -> tuple[str, int]:
    """Return id and row of a sample to start with."""
    choose("Kind of sample", kind, compare.RELATION)
    shown = {example.kind: example.sample for example in compare.find_examples(study)}
    sample = shown[choose("Among the samples to start with, kind", kind, shown)]
    return sample, study.dataset.row(sample)


REASONS = {
    "agreement": (
        "All single-modality terms have the same sign. This sample has the largest minimum of their sizes."
    ),
    "conflict": (
        "Two modalities oppose each other. This sample has the largest pair of opposite single-modality terms."
    ),
    "synergy": (
        "Joint terms sum to more than single modalities, in the direction of the decision. This sample has the largest "
        "sum of joint terms."
    ),
    "dominance": (
        "One modality outweighs all other single modalities together. This sample has the largest single-modality term."
    ),
}
UNCLEAR = " It was chosen from all test samples, since no clear decision among the better-predicted half qualifies."


def explain_example(example: Example) -> str:
    """Return why a sample is shown as an example of its kind."""
    reason = REASONS[example.kind]
    return reason if example.is_clear else reason + UNCLEAR


def _answer_decision(sample: Sample) -> str:
    return answers.answer_decision(sample.verdict, sample.study.seeds_state)


def _answer_conflict(sample: Sample) -> str:
    return answers.answer_conflict(sample.verdict)


def _answer_flips(sample: Sample) -> str:
    study = sample.study
    if not study.reads_features:
        return GAME_FLIPS
    return f"{answers.describe_flips(study, what_if.what_would_flip(study, sample.row))}."


def _answer_when(sample: Sample) -> str:
    if not (sample.model.part(Evolution) or sample.model.part(LayeredNetwork)):
        return NOT_FOLLOWED if sample.study.reads_features else GAME_NOT_FOLLOWED
    return answers.answer_since_when(sample.untweaked)


def _answer_change(sample: Sample) -> str:
    if not (sample.model.part(Evolution) or sample.model.part(LayeredNetwork)):
        return NO_DYNAMICS if sample.study.reads_features else GAME_NO_DYNAMICS
    return answers.answer_change(sample.untweaked)


QUESTIONS: dict[str, Callable[[Sample], str]] = {
    "Which modality decided this?": _answer_decision,
    "Did the modalities conflict?": _answer_conflict,
    "What would flip it?": _answer_flips,
    "When did it happen?": _answer_when,
    "What did the dynamics add?": _answer_change,
}
IN_TURN = sorted(
    QUESTIONS, key=lambda question: QUESTIONS[question] is _answer_flips
)  # the slow one last
