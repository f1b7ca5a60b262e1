"""A quantity is one number on every surface that prints it: pages, command line, card, report and library.

A quantity maps surfaces to what they print of it, by part: a term, a modality, a metric. The library's numbers are the
reference; what is printed must be such a number, rounded.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion.explain.coalitions import joint_share
from qfusion.models.protocols import Evolution
from qfusion.quantum.measure_kinds import column_name
from qfusion.study import open_sample
from qfusion.study.backends.base import dividend_column, entropy_column
from qfusion.study.what_if import what_would_flip
from qfusion.training import metrics
from tests.support.app import printed
from tests.support.surfaces import SAMPLES, Surfaces

LIBRARY = "library"
PATHS = ("", "samples", "dynamics", "circuit", "what_if", "cohorts", "compare", "faithfulness")
Readings = dict[str, Mapping[str, float | str]]  # by surface and part


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda one: str(one[0]))
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Surfaces:
    """A decision of each system."""
    model, sample = request.param
    return Surfaces(open_sample(model, sample), tmp_path_factory.mktemp(model))


def number_of_test_samples(shown: Surfaces) -> Readings:
    return {
        LIBRARY: {"": len(shown.sample.dataset.rows("test"))},
        "card": {"": shown.sample.study.card["data"]["sizes"]["test"]},
        "evaluate": {"": shown.measured["n"]},
        "Overview": {"": search(r"On ([\d,]+) test samples", shown.words(""))},
        "Samples": {"": search(r"of ([\d,]+) test samples pass", shown.words("samples"))},
        "Cohorts": {"": shown.row("cohorts", "n")[0]},
        "Faithfulness": {"": search(r"([\d,]+) test samples", shown.words("faithfulness"))},
        "report": {"": search(r"([\d,]+) test samples", shown.report)},
    }


def means_of_test_metrics_over_seeds(shown: Surfaces) -> Readings:
    card = shown.sample.study.card
    key, short = first_metric(shown)
    title = rf"{re.escape(short)} ([\d.]+), mean of {len(card['seeds'])} seeds"
    beside = overview_table(shown)["mean over seeds ± standard deviation"]
    return {
        LIBRARY: {name: one["mean"] for name, one in card["metrics"]["test"].items()},
        "models": {name: one["mean"] for name, one in shown.listed["metrics"]["test"].items()},
        "Overview": {key: search(title, shown.words(""))},
        "Overview, numbers": by_metric(shown.table("", "test-metrics"), "mean"),
        "Overview, table": {
            name: words.partition(" ±")[0] for name, words in by_key(beside).items()
        },
        "report": report_metrics(shown, 1),
    }


def metrics_of_this_seed(shown: Surfaces) -> Readings:
    key, short = first_metric(shown)
    readings: Readings = {
        LIBRARY: shown.sample.metrics,
        "card": shown.sample.study.card["this_seed"]["test"],
        "evaluate": shown.measured["metrics"],
        "Overview, numbers": by_metric(shown.table("", "test-metrics"), "this_seed"),
        "Overview, table": by_key(overview_table(shown)["this seed"]),
        "report": report_metrics(shown, 3),
    }
    if is_timed(shown):
        readings["Dynamics"] = {key: shown.tile("dynamics", f"{short}, this seed")}
        readings["Cohorts"] = {"mae": shown.row("cohorts", "MAE, this seed")[0]}
    else:
        readings["Cohorts"] = {key: shown.row("cohorts", "accuracy, this seed")[0]}
    return readings


def numbers_of_parameters(shown: Surfaces) -> Readings:
    model: Any = shown.sample.study.model
    total, encoders = (
        sum(weight.numel() for weight in part.parameters()) for part in (model, model.encoders)
    )
    names = {"total": "parameters in total", "fusion": "parameters after the encoders"}
    words = shown.words("")
    return {
        LIBRARY: {"total": total, "fusion": total - encoders},
        "card": {key: shown.sample.study.card["parameters"][key] for key in names},
        "models": {key: shown.listed["parameters"][key] for key in names},
        "Overview": {
            key: search(rf"{name} \*\*([\d,]+)\*\*", words) for key, name in names.items()
        },
        "report": {
            "total": search(r"([\d,]+) in total", shown.report),
            "fusion": search(r"([\d,]+) after the encoders", shown.report),
        },
    }


def explained_output(shown: Surfaces) -> Readings:
    """The score of a regression, the log-odds of a class."""
    sample = shown.sample
    if sample.classes:
        label = f"og-odds of ‘{sample.classes[sample.output]}’"
        on_samples = rf"{label}\S*\s+\*\*(\S+) nats"
    else:
        label = "Score"
        on_samples = r"Predicted (\S+),"
    readings: Readings = {
        LIBRARY: {"": sample.score},
        "explain": {"": shown.record["prediction"]},
        "Overview": {"": shown.tile("", "Decision")},
        "Samples": {"": search(on_samples, shown.words("samples"))},
        "What if": {"": shown.tile("what_if", label)},
        "report": {"": search(r"Explained\|[^|]*: (\S+?)\|", shown.report)},
    }
    if is_timed(shown):
        readings["Dynamics"] = {"": shown.tile("dynamics", label)}
    return readings


def softmax_of_the_decided_class(shown: Surfaces) -> Readings:
    sample = shown.sample
    if not sample.classes:
        return {}
    predicted = int(np.argmax(sample.probabilities))
    name = sample.classes[predicted]
    return {
        LIBRARY: {"": float(sample.probabilities[predicted])},
        "Overview": {"": search(r"softmax ([\d.]+)", shown.words(""))},
        "Samples": {"": search(rf"‘{name}’: softmax ([\d.]+)", shown.words("samples"))},
        "Samples, tile": {"": search(r"Softmax\S*\s+\*\*([\d.]+)", shown.words("samples"))},
        "Samples, numbers": {"": shown.table("samples", "verdict")["probability"][predicted]},
        "What if": {"": shown.tile("what_if", f"Softmax of ‘{name}’")},
        "report": {"": search(rf"‘{name}’ \(softmax ([\d.]+)\)", shown.report)},
    }


def contributions(shown: Surfaces) -> Readings:
    """Of every term; the baseline is that of no modality."""
    readings: Readings = {
        LIBRARY: shown.sample.dividends,
        "explain": shown.record["dividends"],
        "notebook": by_term(shown.sample.show().numbers),
        "Overview": by_term(shown.table("", "waterfall")),
        "Samples": by_term(shown.table("samples", "waterfall")),
        "What if": by_term(shown.table("what_if", "what-if-as-it-is")),
        "report": report_terms(shown, 2),
    }
    if is_timed(shown):
        readings["Dynamics"] = by_term(shown.table("dynamics", "waterfall-now"))
    return readings


def outputs_with_some_modalities(shown: Surfaces) -> Readings:
    explanation = shown.sample.explanation
    values = explanation.values[0, :, shown.sample.output].tolist()
    return {
        LIBRARY: dict(zip(explanation.coalitions, values, strict=True)),
        "explain": shown.record["coalitions"],
        "report": report_terms(shown, 1),
    }


def shapley_values(shown: Surfaces) -> Readings:
    table = shown.table("samples", "shapley").set_index("modality")["shapley"]
    return {
        LIBRARY: shown.sample.shapley,
        "explain": shown.record["shapley"],
        "Samples": table.to_dict(),
        "report": report_shapley(shown, 1),
    }


def shapley_shares(shown: Surfaces) -> Readings:
    names = shown.sample.modalities
    table = shown.table("samples", "shapley").set_index("modality")["share"]
    title = search(r"(.*Shapley shares.*)", shown.words("samples"))
    return {
        LIBRARY: shown.sample.shares,
        "explain": shown.record["verdict"]["shares"],
        "Samples": {name: search(rf"{name} (\d+%)", title) for name in names},
        "Samples, numbers": table.to_dict(),
        "Cohorts": {name: shown.row("cohorts", f"Shapley share of {name}")[-1] for name in names},
        "report": report_shapley(shown, 2),
    }


def joint_share_of_the_sample(shown: Surfaces) -> Readings:
    added = r"joint share of the contributions .*?(?:to |\*\*)(\d+%)(?: \(|\*\* after)"
    readings: Readings = {
        LIBRARY: {"": shown.sample.verdict.joint_share},
        "explain": {"": shown.record["verdict"]["joint_share"]},
        "Overview": {"": search(added, shown.words(""))},
        "Cohorts": {"": shown.row("cohorts", "joint share")[-1]},
    }
    if is_timed(shown):
        title, at_end = r"joint share \d+% to (\d+%)\)", r"At t = 1.00: joint share (\d+%)"
        readings["Overview, title"] = {"": search(title, shown.words(""))}
        readings["Dynamics, title"] = {"": search(title, shown.words("dynamics"))}
        readings["Dynamics"] = {"": search(at_end, shown.words("dynamics"))}
    return readings


def mean_joint_share_of_the_test_samples(shown: Surfaces) -> Readings:
    study = shown.sample.study
    inside = np.isin(study.explained_rows, study.dataset.rows("test"))
    terms = {term: shown.split[dividend_column(term)].to_numpy() for term in study.terms}
    return {
        LIBRARY: {"": float(study.explained_verdicts().joint_share[inside].mean())},
        "explain --split": {"": float(joint_share(terms).mean())},
        "Cohorts": {"": shown.row("cohorts", "joint share")[0]},
    }


def entropies_at_the_end(shown: Surfaces) -> Readings:
    """Of the modalities at T; of a network, of its fused qubits."""
    sample = shown.sample
    frame = sample.study.frame().loc[sample.id]
    if not is_timed(shown):
        elements = list(sample.reading.elements)
        table = shown.table("samples", "fused-entropies")
        cells = shown.report.split("Entropy (nats)|")[1].split("|")
        width = len(sample.modalities) + 5
        return {
            LIBRARY: {name: frame[entropy_column(name)] for name in elements},
            "Samples": dict(zip(table["element"].astype(str), table["entropy"], strict=True)),
            "report": {name: cells[(i + 1) * width - 1] for i, name in enumerate(elements)},
        }
    return {
        LIBRARY: {name: frame[entropy_column(name)] for name in sample.modalities},
        "track": at_the_end(shown, shown.track, "entropy"),
        "Samples": at_the_end(shown, shown.table("samples", "entropies"), "entropy"),
        "Dynamics": at_the_end(shown, shown.table("dynamics", "decision-over-time"), "entropy"),
        "report": report_measures(shown, 1),
    }


def log_negativity_at_the_end(shown: Surfaces) -> Readings:
    """Of every modality with the rest, and under "mean" their mean."""
    if not is_timed(shown):
        return {}
    followed = shown.sample.track(negativity=True).measures.by_part("negativity")
    exact = {name: float(followed[name,][-1]) for name in shown.sample.modalities}
    title = r"log-negativity grows to (\S+) bits"
    table = shown.table("", "decision-over-time")
    return {
        LIBRARY: exact | {"mean": float(np.mean(list(exact.values())))},
        "track": at_the_end(shown, shown.track, "negativity"),
        "Overview": {"mean": search(title, shown.words(""))},
        "Overview, numbers": at_the_end(shown, table, "negativity"),
        "report": report_measures(shown, 2),
    }


def smallest_changes_that_flip(shown: Surfaces) -> Readings:
    """Of the state of each modality, in rad; under "smallest" that of all."""
    flips = what_would_flip(shown.sample.study, shown.sample.row)
    angles = {name: flip.state.distance for name, flip in flips.items() if flip.state.possible}
    table = shown.table("what_if", "flips").dropna(subset="distance_rad")
    return {
        LIBRARY: angles | {"smallest": min(angles.values())},
        "Overview": {"smallest": search(r"alone by ([\d.]+) rad", shown.words(""))},
        "What if, numbers": dict(zip(table["modality"], table["distance_rad"], strict=True)),
    }


QUANTITIES: tuple[Callable[[Surfaces], Readings], ...] = (
    number_of_test_samples,
    means_of_test_metrics_over_seeds,
    metrics_of_this_seed,
    numbers_of_parameters,
    explained_output,
    softmax_of_the_decided_class,
    contributions,
    outputs_with_some_modalities,
    shapley_values,
    shapley_shares,
    joint_share_of_the_sample,
    mean_joint_share_of_the_test_samples,
    entropies_at_the_end,
    log_negativity_at_the_end,
    smallest_changes_that_flip,
)


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.__name__)
def test_surfaces_print_one_number(
    quantity: Callable[[Surfaces], Readings], shown: Surfaces
) -> None:
    readings = quantity(shown)
    if not readings:
        pytest.skip("this system has no such quantity")
    exact = readings[LIBRARY]
    assert len(readings) >= 3
    for surface, reading in readings.items():
        assert reading, surface
        for part, one in reading.items():
            number, step = parse(one)
            assert number == pytest.approx(exact[part], abs=step), (surface, part)


@pytest.mark.parametrize("path", PATHS)
def test_pages_write_minus_signs_and_combinations_in_one_way(path: str, shown: Surfaces) -> None:
    app = shown.page(path).app
    labels = [f"{tile.label} {tile.value} {tile.delta}" for tile in app.metric]
    words = "\n".join([printed(app), *labels, *(button.label for button in app.button)])
    words = re.sub(r"\$\$.*?\$\$|`.*?`", "", words, flags=re.DOTALL).replace("\\", "")
    assert not re.findall(r"(?:^|[\s(\[=|,:])-\.?\d.{,20}", words)
    for one, other in itertools.permutations(shown.sample.modalities, 2):
        assert not re.findall(rf".{{,20}}\b{one}(?:\+|-| ?[–:] ?){other}\b", words)


def parse(number: Any) -> tuple[float, float]:
    """Returns a number, and how far it may be from the exact one: half of its last printed digit."""
    if not isinstance(number, str):
        return float(number), 1e-6
    words = number.replace("−", "-").replace(",", "")
    digits = words.removesuffix("%")
    scale = 1e-2 if digits != words else 1.0
    places = len(digits.partition(".")[2])
    return scale * float(digits), scale * 0.5001 * 10.0**-places


def search(pattern: str, words: str) -> str:
    """Returns what stands in the parentheses of a pattern, where words first match it."""
    match = re.search(pattern, words)
    assert match, pattern
    return match.group(1)


def is_timed(shown: Surfaces) -> bool:
    return shown.sample.model.part(Evolution) is not None


def first_metric(shown: Surfaces) -> tuple[str, str]:
    """Returns key and name of the metric that is shown where there is room for one."""
    measured = shown.sample.study.card["metrics"]["test"]
    key = metrics.headlines(measured)[0]
    return key, metrics.labels(measured)[key].short


def overview_table(shown: Surfaces) -> pd.DataFrame:
    """Returns the table of all test metrics, by name."""
    return shown.page("").app.dataframe[0].value.set_index("metric")


def by_metric(table: pd.DataFrame, column: str) -> dict[str, Any]:
    return by_key(table.set_index("metric")[column])


def by_key(column: pd.Series) -> dict[str, Any]:
    """Returns a column by the keys of the metrics whose names are its index."""
    return {
        key: column[label.short] for key, label in metrics.LABELS.items() if label.short in column
    }


def by_term(table: pd.DataFrame) -> dict[str, float]:
    names = ["" if term == "baseline" else str(term) for term in table["term"]]
    return dict(zip(names, table["dividend"].astype(float), strict=True))


def at_the_end(shown: Surfaces, table: pd.DataFrame, kind: str) -> dict[str, float]:
    """Returns the last row of a table over time, by modality."""
    return {
        name: float(table[column_name(kind, (name,))].iloc[-1]) for name in shown.sample.modalities
    }


def report_metrics(shown: Surfaces, column: int) -> dict[str, str]:
    """Returns a column of the report's table of test metrics, by key."""
    table = shown.report.partition("|This seed")[2]
    labels = metrics.labels(shown.sample.metrics)
    return {key: cell(table, label.short, column) for key, label in labels.items()}


def report_terms(shown: Surfaces, column: int) -> dict[str, str]:
    """Returns a column of the report's table of terms, by term."""
    table = shown.report.partition("Contribution Δ(S)")[2]
    names = {term: term.replace("+", " + ") for term in shown.sample.explanation.coalitions}
    names[""] = "nothing (baseline)"
    return {term: cell(table, name, column) for term, name in names.items()}


def report_shapley(shown: Surfaces, column: int) -> dict[str, str]:
    """Returns a column of the report's table of Shapley values, by modality."""
    table = shown.report.partition("|Shapley value|Share|")[2]
    return {name: cell(table, name, column) for name in shown.sample.modalities}


def report_measures(shown: Surfaces, column: int) -> dict[str, str]:
    """Returns a column of the report's table of states at T, by modality."""
    table = shown.report.partition("|Entropy (nats)|")[2]
    return {name: cell(table, name, column) for name in shown.sample.modalities}


def cell(table: str, row: str, column: int) -> str:
    """Returns a cell of a table of the report, by the name of its row and its place after it, from 1."""
    between = (column - 1) * r"\|[^|]*"
    return search(rf"\|{re.escape(row)}{between}\|([^|]*)", table)
